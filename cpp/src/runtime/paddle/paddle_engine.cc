#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fastocr/engine.h"
#include "fastocr/errors.h"
#include "paddle_inference.h"
#include "runtime/model_ports.h"
#include "runtime/protobuf.h"

namespace fastocr::paddle_engine {
namespace {

namespace infer = paddle_infer;
using Config = paddle::AnalysisConfig;

// The settings of this engine, by the names of PaddleOCR's parameters.
constexpr const char* kEnableOneDnn = "enable_mkldnn";
constexpr const char* kCacheCapacity = "mkldnn_cache_capacity";
constexpr int kDefaultCacheCapacity = 10;
// All passes over the graph, as the reference asks for.
constexpr int kOptimizationLevel = 3;

// Sides of a probe where the network leaves them open.
constexpr int kProbeSide = 64;

struct Settings {
  bool one_dnn = true;
  int cache_capacity = kDefaultCacheCapacity;
};

bool truth(const std::string& name, const std::string& value) {
  if (value == "YES") return true;
  if (value == "NO") return false;
  throw Error(ErrorKind::kInvalidOption,
              "engine_config: " + name + "=" + value + " is not allowed: a bool is expected");
}

int whole_number(const std::string& name, const std::string& value) {
  const bool digits =
      !value.empty() && value.size() < 10 &&
      std::all_of(value.begin(), value.end(), [](unsigned char c) { return c >= '0' && c <= '9'; });
  if (digits) return std::stoi(value);
  throw Error(ErrorKind::kInvalidOption, "engine_config: " + name + "=" + value +
                                             " is not allowed: a whole number is expected");
}

Settings settings_of(const ModelOptions& options) {
  Settings settings;
  for (const auto& [name, value] : options.properties) {
    if (name == kEnableOneDnn) {
      settings.one_dnn = truth(name, value);
    } else if (name == kCacheCapacity) {
      settings.cache_capacity = whole_number(name, value);
    } else {
      throw Error(ErrorKind::kInvalidOption, "engine_config: the Paddle engine has no setting '" +
                                                 name + "'; it has " + kEnableOneDnn + " and " +
                                                 kCacheCapacity);
    }
  }
  return settings;
}

// Whether the bytes are a message that begins with a block, as every program does, and holds
// nothing but messages. Paddle takes a file of anything else for a program without blocks, and
// crashes.
bool is_program(const std::string& bytes) {
  constexpr std::uint64_t kBlockField = 1;
  std::optional<std::uint64_t> first;
  try {
    protobuf::Field field;
    for (protobuf::FieldReader reader(bytes); reader.next(field);) {
      if (field.wire != protobuf::Wire::kBytes) return false;
      if (!first) first = field.number;
    }
  } catch (const Error&) {
    return false;
  }
  return first == kBlockField;
}

void check_program(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!is_program(bytes)) {
    throw Error(ErrorKind::kModelFormat, "Paddle cannot read " + path + ": it holds no program");
  }
}

// "inference.json" or "inference.pdmodel", and "inference.pdiparams" beside it.
struct ModelFiles {
  std::string program, parameters;
  bool new_representation = false;
};

ModelFiles files_of(const std::string& path) {
  const std::filesystem::path program(path);
  const bool json = program.extension() == ".json";
  if (!json && program.extension() != ".pdmodel") {
    throw Error(ErrorKind::kModelFormat,
                path + ": the Paddle engine reads inference.json and inference.pdmodel");
  }
  std::filesystem::path parameters = program;
  parameters.replace_extension(".pdiparams");
  for (const auto& file : {program, parameters}) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error)) {
      throw Error(ErrorKind::kModelFormat, file.string() + " does not exist");
    }
  }
  if (!json) check_program(path);
  return {path, parameters.string(), json};
}

// Predictors that share the weights of a first one. They are used again and destroyed only together
// with it: in oneDNN the end of one spoils the weights for those that are made later.
class PredictorPool {
 public:
  explicit PredictorPool(std::shared_ptr<infer::Predictor> first) : first_(std::move(first)) {}
  PredictorPool(const PredictorPool&) = delete;
  PredictorPool& operator=(const PredictorPool&) = delete;
  ~PredictorPool() {
    for (infer::Predictor* clone : free_) infer::delete_clone(clone);
  }

  infer::Predictor& first() { return *first_; }

  infer::Predictor* take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return first_->Clone(nullptr).release();
    infer::Predictor* clone = free_.back();
    free_.pop_back();
    return clone;
  }
  void give_back(infer::Predictor* clone) {
    const std::lock_guard lock(mutex_);
    free_.push_back(clone);
  }

 private:
  std::shared_ptr<infer::Predictor> first_;
  std::mutex mutex_;
  std::vector<infer::Predictor*> free_;
};

void check_precision(const std::string& precision, const Settings& settings,
                     const ModelFiles& files) {
  if (precision == "fp32") return;
  const auto reject = [](const std::string& why) {
    throw Error(ErrorKind::kUnsupportedOption, why);
  };
  if (precision != "bf16") {
    reject("precision '" + precision +
           "' is not supported by the Paddle engine on CPUs: use 'fp32' or 'bf16'");
  }
  if (!settings.one_dnn) {
    reject("precision 'bf16' needs oneDNN: leave out enable_mkldnn=False or use 'fp32'");
  }
  if (!files.new_representation) {
    reject("precision 'bf16' needs the network as inference.json, which is not there beside " +
           files.program + ": use 'fp32'");
  }
}

class PaddleRequest final : public Request {
 public:
  explicit PaddleRequest(std::shared_ptr<infer::Predictor> predictor)
      : predictor_(std::move(predictor)),
        input_(predictor_->GetInputHandle(predictor_->GetInputNames().front())),
        output_(predictor_->GetOutputHandle(predictor_->GetOutputNames().front())) {}

  float* input(const Shape& shape) override {
    return guarded([&] {
      input_->Reshape(std::vector<int>(shape.begin(), shape.end()));
      return input_->mutable_data<float>(infer::PlaceType::kCpu);
    });
  }

  void run() override {
    const bool done = guarded([&] { return predictor_->Run(); });
    if (!done) throw Error(ErrorKind::kInference, "Paddle: the run failed");
  }

  TensorView output() override {
    return guarded([&] {
      const std::vector<int> shape = output_->shape();
      infer::PlaceType place = infer::PlaceType::kUnknown;
      int size = 0;
      const float* data = output_->data<float>(&place, &size);
      return TensorView{data, Shape(shape.begin(), shape.end())};
    });
  }

 private:
  template <typename Body>
  static auto guarded(const Body& body) -> decltype(body()) {
    try {
      return body();
    } catch (const std::exception& error) {
      throw Error(ErrorKind::kInference, std::string("Paddle: ") + error.what());
    }
  }

  std::shared_ptr<infer::Predictor> predictor_;
  infer::Handle<infer::Tensor> input_, output_;
};

Shape first_shape(const std::map<std::string, std::vector<std::int64_t>>& shapes) {
  return shapes.empty() ? Shape{} : shapes.begin()->second;
}

class PaddleModel final : public Model {
 public:
  PaddleModel(std::shared_ptr<infer::Predictor> predictor, std::string path)
      : pool_(std::make_shared<PredictorPool>(std::move(predictor))),
        path_(std::move(path)),
        input_shape_(first_shape(pool_->first().GetInputTensorShape())),
        output_shape_(first_shape(pool_->first().GetOutputTensorShape())) {}

  std::unique_ptr<Request> create_request() override {
    try {
      std::shared_ptr<infer::Predictor> clone(
          pool_->take(), [pool = pool_](infer::Predictor* p) { pool->give_back(p); });
      return std::make_unique<PaddleRequest>(std::move(clone));
    } catch (const std::exception& error) {
      throw Error(ErrorKind::kInference, "Paddle: " + path_ + ": " + error.what());
    }
  }
  Shape input_shape() const override { return input_shape_; }
  Shape output_shape() const override { return output_shape_; }
  std::string path() const override { return path_; }

 private:
  std::shared_ptr<PredictorPool> pool_;
  std::string path_;
  Shape input_shape_, output_shape_;
};

class PaddleEngine final : public Engine {
 public:
  explicit PaddleEngine(const EngineHost& host) : host_(host) {}

  std::unique_ptr<Model> load(const ModelOptions& options) override {
    Settings settings = settings_of(options);
    const ModelFiles files = files_of(options.path);
    check_precision(options.precision, settings, files);
    auto model = make_model(files, options, settings);
    if (!settings.one_dnn || !files.new_representation) return model;
    try {
      probe(*model);
    } catch (const Error& error) {
      if (options.precision != "fp32") {
        throw Error(ErrorKind::kUnsupportedOption,
                    "precision '" + options.precision +
                        "': this version of paddlepaddle cannot run " + options.path +
                        " in it: use 'fp32' or paddlepaddle 3.2.2. Paddle says: " +
                        first_line(error.what()));
      }
      host_.log(LogLevel::kWarning,
                options.path +
                    ": this version of paddlepaddle cannot run the network with oneDNN, so it runs "
                    "without, which is slower; paddlepaddle 3.2.2 can, or an inference.pdmodel in "
                    "the same directory. Paddle says: " +
                    first_line(error.what()));
      settings.one_dnn = false;
      return make_model(files, options, settings);
    }
    return model;
  }

 private:
  std::unique_ptr<PaddleModel> make_model(const ModelFiles& files, const ModelOptions& options,
                                          const Settings& settings) {
    // Paddle keeps settings of its own in global variables while it reads a network.
    const std::lock_guard lock(mutex_);
    try {
      Config config;
      configure(config, files, options, settings);
      auto predictor = infer::CreatePredictor(config);
      if (predictor == nullptr) {
        throw Error(ErrorKind::kModelFormat, "Paddle cannot read " + options.path);
      }
      check_ports(predictor->GetInputNames().size(), predictor->GetOutputNames().size(),
                  options.path + ": ");
      return std::make_unique<PaddleModel>(std::move(predictor), options.path);
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      throw Error(ErrorKind::kModelFormat,
                  "Paddle cannot read " + options.path + ": " + error.what());
    }
  }

  static void configure(Config& config, const ModelFiles& files, const ModelOptions& options,
                        const Settings& settings) {
    config.SetModel(files.program, files.parameters);
    config.DisableGlogInfo();
    config.DisableGpu();
    config.SetCpuMathLibraryNumThreads(std::max(1, options.threads / options.streams));
    if (settings.one_dnn) {
      config.EnableONEDNN();
      config.SetOnednnCacheCapacity(settings.cache_capacity);
      if (options.precision == "bf16") config.EnableOnednnBfloat16();
    } else {
      config.DisableONEDNN();
    }
    if (files.new_representation) {
      config.EnableNewIR(true);
      config.EnableNewExecutor(true);
    }
    config.SetOptimizationLevel(kOptimizationLevel);
    config.EnableMemoryOptim(true);
  }

  // Runs the network once: some versions fail at the first run only.
  static void probe(Model& model) {
    Shape shape = model.input_shape();
    std::size_t count = 1;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] < 1) shape[i] = i == 0 ? 1 : kProbeSide;
      count *= static_cast<std::size_t>(shape[i]);
    }
    const auto request = model.create_request();
    std::fill_n(request->input(shape), count, 0.0F);
    request->run();
  }

  static std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

  EngineHost host_;
  std::mutex mutex_;
};

}  // namespace
}  // namespace fastocr::paddle_engine

extern "C" __attribute__((visibility("default"))) fastocr::Engine* fastocr_create_engine(
    const fastocr::EngineHost& host) {
  return new fastocr::paddle_engine::PaddleEngine(host);
}
