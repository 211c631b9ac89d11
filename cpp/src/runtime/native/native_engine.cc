#include "runtime/native/native_engine.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

#include "fastocr/errors.h"
#include "runtime/native/executor.h"
#include "runtime/native/lowering.h"
#include "runtime/native/rewrites.h"

namespace fastocr::native {
namespace {

class NativeRequest final : public Request {
 public:
  NativeRequest(std::shared_ptr<const Program> program, int threads)
      : program_(program), executor_(std::move(program), threads) {}

  float* input(const Shape& shape) override {
    const auto& expected = program_->network().input_shape;
    const bool fits = shape.size() == 4 && shape[0] == 1 &&
                      std::equal(shape.begin() + 1, shape.end(), expected.begin() + 1,
                                 [](std::int64_t got, std::int64_t wanted) {
                                   return got > 0 &&
                                          got <= std::numeric_limits<std::int32_t>::max() &&
                                          (wanted < 0 || got == wanted);
                                 });
    if (!fits) throw Error(ErrorKind::kInference, "the network takes an input of another shape");
    return executor_.input(static_cast<int>(shape[2]), static_cast<int>(shape[3]));
  }
  void omit(const OmittedColumns& columns) override { executor_.omit(columns); }
  void run() override { executor_.run(); }
  TensorView output() override { return executor_.output(); }

 private:
  std::shared_ptr<const Program> program_;
  Executor executor_;
};

class NativeModel final : public Model {
 public:
  NativeModel(std::shared_ptr<const Program> program, std::string path, int threads,
              std::shared_ptr<Model> exact = nullptr)
      : program_(std::move(program)),
        path_(std::move(path)),
        threads_(threads),
        exact_(std::move(exact)) {}

  std::unique_ptr<Request> create_request() override {
    return std::make_unique<NativeRequest>(program_, threads_);
  }
  std::unique_ptr<Request> create_shared_request(int threads) override {
    return std::make_unique<NativeRequest>(program_, threads);
  }
  Shape input_shape() const override { return program_->network().input_shape; }
  Shape output_shape() const override {
    switch (program_->network().output_form) {
      case OutputForm::kScores:
        return {1, -1};
      case OutputForm::kTokens:
        return {1, -1, -1};
      case OutputForm::kImage:
        break;
    }
    return {1, -1, -1, -1};
  }
  OmissionRule omission_rule() const override { return program_->network().omission; }
  std::string path() const override { return path_; }
  std::shared_ptr<Model> exact() const override { return exact_; }
  std::shared_ptr<const LinearClassifier> classifier() const override {
    return program_->network().classifier;
  }

 private:
  std::shared_ptr<const Program> program_;
  std::string path_;
  int threads_;
  std::shared_ptr<Model> exact_;
};

Arithmetic arithmetic(const std::string& precision) {
  if (precision == "fp32") return Arithmetic::kFloat;
  if (precision == "int8") return Arithmetic::kByte;
  if (precision == "int16") {
    return kernels::active_network().fixed_dense ? Arithmetic::kFixed : Arithmetic::kFloat;
  }
  throw Error(ErrorKind::kUnsupportedOption, "precision '" + precision +
                                                 "' is not supported by the native engine: use "
                                                 "'fp32', 'int16' or 'int8', or engine='openvino'");
}

class NativeEngine final : public Engine {
 public:
  std::unique_ptr<Model> load_network(const ModelOptions& options) override {
    if (!options.properties.empty()) {
      throw Error(ErrorKind::kInvalidOption, "engine_config: the native engine has no setting '" +
                                                 options.properties.begin()->first + "'");
    }
    const Arithmetic products = arithmetic(options.precision);
    OnnxGraph graph = read_onnx(options.path);
    try {
      Network network = lower(std::move(graph), options.detach_classifier);
      simplify(network);
      std::shared_ptr<Model> exact;
      if (products == Arithmetic::kFixed) {
        exact = make_model(network, Arithmetic::kFloat, options, nullptr);
      }
      return make_model(std::move(network), products, options, std::move(exact));
    } catch (const Error& error) {
      throw Error(ErrorKind::kModelFormat, options.path + ": " + error.what());
    } catch (const std::out_of_range&) {
      throw Error(ErrorKind::kModelFormat, options.path + ": a node lacks an input");
    }
  }

 private:
  static std::unique_ptr<Model> make_model(Network network, Arithmetic products,
                                           const ModelOptions& options,
                                           std::shared_ptr<Model> exact) {
    return std::make_unique<NativeModel>(
        std::make_shared<const Program>(std::move(network), products), options.path,
        std::max(1, options.threads / options.streams), std::move(exact));
  }
};

}  // namespace

std::unique_ptr<Engine> make_engine() { return std::make_unique<NativeEngine>(); }

}  // namespace fastocr::native
