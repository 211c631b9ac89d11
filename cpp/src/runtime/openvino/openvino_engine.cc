#include <algorithm>
#include <openvino/op/constant.hpp>
#include <openvino/openvino.hpp>
#include <utility>

#include "fastocr/engine.h"
#include "fastocr/errors.h"
#include "runtime/model_ports.h"
#include "runtime/openvino/graph_rewrites.h"
#include "runtime/openvino/grid_sampling.h"
#include "runtime/openvino/onnx_check.h"
#include "runtime/value_check.h"

namespace fastocr::openvino {
namespace {

constexpr const char* kDevice = "CPU";

// Compiled kernels that a dynamic model keeps for shapes it has met, counted in layers (a network
// has about a hundred). The plugin's own limit of 5000 lets memory grow by gigabytes when every
// line of text has another width.
constexpr const char* kKernelCacheProperty = "CPU_RUNTIME_CACHE_CAPACITY";
constexpr const char* kKernelCacheLayers = "3000";

Shape to_shape(const ov::PartialShape& partial) {
  if (partial.rank().is_dynamic()) return {};
  Shape shape;
  for (const auto& size : partial) {
    shape.push_back(size.is_static() ? size.get_length() : -1);
  }
  return shape;
}

ov::element::Type element_type(ov::Core& core, const std::string& precision) {
  static const std::map<std::string, std::pair<ov::element::Type, std::string>> kTypes{
      {"fp32", {ov::element::f32, "FP32"}},
      {"bf16", {ov::element::bf16, "BF16"}},
      {"fp16", {ov::element::f16, "FP16"}},
  };
  const auto found = kTypes.find(precision);
  if (found == kTypes.end()) {
    throw Error(ErrorKind::kInvalidOption,
                "precision '" + precision + "' is not one of fp32, bf16, fp16");
  }
  const auto capabilities = core.get_property(kDevice, ov::device::capabilities);
  const auto& [type, capability] = found->second;
  if (std::find(capabilities.begin(), capabilities.end(), capability) == capabilities.end()) {
    throw Error(ErrorKind::kUnsupportedOption, "precision '" + precision +
                                                   "' is not supported by OpenVINO on this CPU; "
                                                   "use precision='fp32'");
  }
  return type;
}

// Bounds may be infinite, weights may not: layers that bound their input would hide what comes of
// it.
void check_weights(const ov::Model& model, const std::string& path) {
  for (const auto& node : model.get_ordered_ops()) {
    const auto constant = std::dynamic_pointer_cast<ov::op::v0::Constant>(node);
    if (!constant || constant->get_element_type() != ov::element::f32) continue;
    const std::size_t count = ov::shape_size(constant->get_shape());
    const ValueRange numbers = count == 1 ? kComparable : kNumbers;
    if (count_outside({constant->get_data_ptr<float>(), count}, numbers) == 0) continue;
    throw Error(ErrorKind::kModelFormat, path + ": the tensor '" + constant->get_friendly_name() +
                                             "' holds values that are no numbers");
  }
}

class OpenVinoRequest final : public Request {
 public:
  explicit OpenVinoRequest(ov::InferRequest request) : request_(std::move(request)) {}

  float* input(const Shape& shape) override {
    ov::Tensor tensor = request_.get_input_tensor();
    const ov::Shape wanted(shape.begin(), shape.end());
    try {
      if (tensor.get_shape() != wanted) tensor.set_shape(wanted);
    } catch (const std::exception& error) {
      throw Error(ErrorKind::kInference, std::string("OpenVINO: input shape: ") + error.what());
    }
    return tensor.data<float>();
  }

  void run() override {
    try {
      request_.infer();
    } catch (const std::exception& error) {
      throw Error(ErrorKind::kInference, std::string("OpenVINO: ") + error.what());
    }
  }

  TensorView output() override {
    const ov::Tensor tensor = request_.get_output_tensor();
    const ov::Shape& shape = tensor.get_shape();
    return {tensor.data<const float>(), Shape(shape.begin(), shape.end())};
  }

 private:
  ov::InferRequest request_;
};

class OpenVinoModel final : public Model {
 public:
  OpenVinoModel(ov::CompiledModel model, std::string path,
                std::shared_ptr<const LinearClassifier> classifier, bool sampling_detached)
      : model_(std::move(model)),
        path_(std::move(path)),
        classifier_(std::move(classifier)),
        sampling_detached_(sampling_detached) {}

  std::unique_ptr<Request> create_request() override {
    return std::make_unique<OpenVinoRequest>(model_.create_infer_request());
  }
  Shape input_shape() const override { return to_shape(model_.input().get_partial_shape()); }
  Shape output_shape() const override { return to_shape(model_.output().get_partial_shape()); }
  std::string path() const override { return path_; }
  std::shared_ptr<const LinearClassifier> classifier() const override { return classifier_; }
  bool sampling_detached() const override { return sampling_detached_; }

 private:
  ov::CompiledModel model_;
  std::string path_;
  std::shared_ptr<const LinearClassifier> classifier_;
  bool sampling_detached_;
};

// Some files keep their tensors in 16 bits; requests deal in float.
std::shared_ptr<ov::Model> with_float_ports(std::shared_ptr<ov::Model> model) {
  if (model->input().get_element_type() == ov::element::f32 &&
      model->output().get_element_type() == ov::element::f32) {
    return model;
  }
  ov::preprocess::PrePostProcessor ports(model);
  ports.input().tensor().set_element_type(ov::element::f32);
  ports.output().tensor().set_element_type(ov::element::f32);
  return ports.build();
}

class OpenVinoEngine final : public Engine {
 public:
  explicit OpenVinoEngine(const EngineHost& host) : host_(host) {}

  std::unique_ptr<Model> load_network(const ModelOptions& options) override {
    const auto model = read(options);
    remove_identities(model);
    const int replaced = replace_hard_sigmoid(model);
    host_.log(LogLevel::kDebug, "OpenVINO: " + options.path + ": " + std::to_string(replaced) +
                                    " HardSigmoid nodes replaced");
    auto classifier = options.detach_classifier ? detach_classifier(model) : nullptr;
    const bool detached = options.detach_sampling && detach_sampling(model);
    return std::make_unique<OpenVinoModel>(compile(with_float_ports(model), options), options.path,
                                           std::move(classifier), detached);
  }

 private:
  std::shared_ptr<ov::Model> read(const ModelOptions& options) {
    const std::string& path = options.path;
    std::shared_ptr<ov::Model> model;
    if (path.ends_with(".onnx")) check_onnx_nodes(path);
    try {
      model = core_.read_model(path);
    } catch (const std::exception& error) {
      throw Error(ErrorKind::kModelFormat, "OpenVINO cannot read " + path + ": " + error.what());
    }
    check_weights(*model, path);
    if (options.detach_sampling) keep_grid_output(model);
    check_ports(model->inputs().size(), model->outputs().size(), path + ": ");
    return model;
  }

  ov::CompiledModel compile(const std::shared_ptr<ov::Model>& model, const ModelOptions& options) {
    ov::AnyMap config{
        ov::hint::inference_precision(element_type(core_, options.precision)),
        ov::inference_num_threads(options.threads),
        ov::num_streams(options.streams),
        // The process is not alone on its CPUs: pinned threads of several models would meet on the
        // same cores while others idle.
        ov::hint::enable_cpu_pinning(false),
        {kKernelCacheProperty, kKernelCacheLayers},
    };
    for (const auto& [name, value] : options.properties) config[name] = value;
    try {
      return core_.compile_model(model, kDevice, config);
    } catch (const std::exception& error) {
      const auto kind =
          options.properties.empty() ? ErrorKind::kModelFormat : ErrorKind::kInvalidOption;
      throw Error(kind, "OpenVINO cannot compile " + options.path +
                            (options.properties.empty() ? ": " : " with this engine_config: ") +
                            error.what());
    }
  }

  EngineHost host_;
  ov::Core core_;
};

}  // namespace
}  // namespace fastocr::openvino

extern "C" FASTOCR_EXPORT fastocr::Engine* fastocr_create_engine(const fastocr::EngineHost& host) {
  try {
    return new fastocr::openvino::OpenVinoEngine(host);
  } catch (const std::exception& error) {
    throw fastocr::Error(fastocr::ErrorKind::kEngineUnavailable,
                         std::string("OpenVINO cannot start: ") + error.what());
  }
}
