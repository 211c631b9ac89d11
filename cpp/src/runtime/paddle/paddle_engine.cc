#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <mutex>
#include <utility>

#include "fastocr/engine.h"
#include "fastocr/errors.h"
#include "paddle_inference.h"
#include "runtime/model_ports.h"
#include "runtime/paddle/configuration.h"
#include "runtime/paddle/predictors.h"
#include "runtime/paddle/settings.h"

namespace fastocr::paddle_engine {
namespace {

namespace fs = std::filesystem;
namespace infer = paddle_infer;
using Config = paddle::AnalysisConfig;

// Sides of a probe where the network leaves them open.
constexpr int kProbeSide = 64;

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

Shape first_shape(const std::map<std::string, std::vector<std::int64_t>>& shapes) {
  return shapes.empty() ? Shape{} : shapes.begin()->second;
}

void run_once(Request& request, const Shape& shape, float value) {
  std::size_t count = 1;
  for (const auto side : shape) count *= static_cast<std::size_t>(side);
  std::fill_n(request.input(shape), count, value);
  request.run();
}

class PaddleModel final : public Model {
 public:
  PaddleModel(std::shared_ptr<infer::Predictor> predictor, const ModelOptions& options)
      : memory_(options.device.kind == "cpu" ? Memory::kHost : Memory::kDevice),
        path_(options.path),
        input_shape_(first_shape(predictor->GetInputTensorShape())),
        output_shape_(first_shape(predictor->GetOutputTensorShape())),
        probe_shape_(memory_ == Memory::kHost || options.shape_ranges.empty()
                         ? closed(input_shape_)
                         : options.shape_ranges.front().usual),
        pool_(std::make_shared<PredictorPool>(std::move(predictor), warm_up())) {}

  std::unique_ptr<Request> create_request() override {
    try {
      std::shared_ptr<infer::Predictor> clone(
          pool_->take(), [pool = pool_](infer::Predictor* p) { pool->give_back(p); });
      return make_request(std::move(clone), memory_);
    } catch (const std::exception& error) {
      throw Error(ErrorKind::kInference, "Paddle: " + path_ + ": " + error.what());
    }
  }
  Shape input_shape() const override { return input_shape_; }
  Shape output_shape() const override { return output_shape_; }
  std::string path() const override { return path_; }
  // A run costs much beside the arithmetic on GPUs; on CPUs it makes little difference.
  bool prefers_batches() const override { return true; }

  // Runs the network once: some failures show at the first run only.
  void probe() {
    const auto request = create_request();
    if (memory_ == Memory::kHost) run_once(*request, probe_shape_, 0.0F);
  }

 private:
  // The first run on a GPU takes long: kernels are chosen, and TensorRT's engines built. All at the
  // same time would ask for the memory of all.
  PredictorPool::WarmUp warm_up() const {
    if (memory_ == Memory::kHost) return {};
    return [shape = probe_shape_](std::shared_ptr<infer::Predictor> predictor) {
      run_once(*make_request(std::move(predictor), Memory::kDevice), shape, 0.0F);
    };
  }

  static Shape closed(Shape shape) {
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] < 1) shape[i] = i == 0 ? 1 : kProbeSide;
    }
    return shape;
  }

  Memory memory_;
  std::string path_;
  Shape input_shape_, output_shape_, probe_shape_;
  std::shared_ptr<PredictorPool> pool_;
};

// Has the library find NVIDIA's own, where they are packages beside its own package. It does so by
// itself only when Python imports it.
void find_nvidia_packages() {
  Dl_info library{};
  if (dladdr(reinterpret_cast<const void*>(&infer::CreatePredictor), &library) == 0) return;
  // .../paddle/base/libpaddle.so
  const fs::path packages = fs::path(library.dli_fname).parent_path().parent_path().parent_path();
  const fs::path nvidia = packages / "nvidia";
  std::error_code error;
  if (!fs::is_directory(nvidia, error)) return;
  paddle::flags::SetFlagValue("nvidia_package_dir", nvidia.string());
  constexpr std::array<std::pair<const char*, const char*>, 7> kFolders{
      {{"cublas_dir", "cublas"},
       {"cudnn_dir", "cudnn"},
       {"curand_dir", "curand"},
       {"cusolver_dir", "cusolver"},
       {"cusparse_dir", "cusparse"},
       {"nccl_dir", "nccl"},
       {"cupti_dir", "cuda_cupti"}}};
  for (const auto& [flag, folder] : kFolders) {
    paddle::flags::SetFlagValue(flag, (nvidia / folder / "lib").string());
  }
}

class PaddleEngine final : public Engine {
 public:
  explicit PaddleEngine(const EngineHost& host) : host_(host) {
    if (paddle::pybind::IsCompiledWithCUDA()) find_nvidia_packages();
  }

 protected:
  std::unique_ptr<Model> load_network(const ModelOptions& given) override {
    ModelOptions options = given;
    Settings settings = settings_of(options.properties);
    if (options.detach_sampling && options.device.kind == "cpu")
      leave_out_one_dnn(options, settings);
    const ModelFiles files = files_of(options.path);
    check_settings(settings, options, files);
    if (options.device.kind == "cpu") return load_on_cpu(files, options, settings);
    return load_on_gpu(files, options, settings);
  }

  std::string device_problem(const Device& device) const override {
    if (device.kind == "cpu") return "";
    if (device.kind != "gpu") return "the Paddle engine runs on CPUs and NVIDIA's GPUs";
    if (paddle::pybind::IsCompiledWithCUDA()) return "";
    return "the installed paddlepaddle is built for CPUs only; install paddlepaddle-gpu of the "
           "same "
           "version in its place, or pass device='cpu'";
  }

 private:
  // Networks that sample their input resize it with the corners kept, which oneDNN does not:
  // results would be wrong. PaddleOCR runs them without too.
  void leave_out_one_dnn(ModelOptions& options, Settings& settings) {
    settings.enable_mkldnn = false;
    if (options.precision != "bf16") return;
    options.precision = "fp32";
    host_.log(LogLevel::kWarning, options.path +
                                      ": runs in fp32 and not in bf16, which Paddle has "
                                      "with oneDNN only, where this network goes wrong");
  }

  std::unique_ptr<Model> load_on_cpu(const ModelFiles& files, const ModelOptions& options,
                                     Settings settings) {
    auto model = make_model(files, options, settings);
    if (!settings.one_dnn() || !files.new_representation) return model;
    try {
      model->probe();
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
      settings.enable_mkldnn = false;
      return make_model(files, options, settings);
    }
    return model;
  }

  std::unique_ptr<Model> load_on_gpu(const ModelFiles& files, const ModelOptions& options,
                                     const Settings& settings) {
    try {
      if (settings.use_tensorrt) prepare_tensorrt(files, options, settings);
      auto model = make_model(files, options, settings);
      model->probe();
      return model;
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kInference) throw failure(options, error.what());
      throw;
    }
  }

  static Error failure(const ModelOptions& options, const std::string& why) {
    if (options.device.kind == "cpu" || !blames_device(why)) {
      return {ErrorKind::kModelFormat, "Paddle cannot read " + options.path + ": " + why};
    }
    return {ErrorKind::kUnsupportedOption,
            "device '" + options.device.name() + "' cannot be used for " + options.path +
                ": see that `nvidia-smi` lists it and that the libraries paddlepaddle-gpu asks for "
                "are installed (TensorRT too, with use_tensorrt=True), or pass device='cpu'. "
                "Paddle says: " +
                first_line(why)};
  }

  // Whether a failure tells of the GPU or its libraries and not of the network.
  static bool blames_device(const std::string& message) {
    constexpr std::array<const char*, 7> kWords{"GPU",      "CUDA",    "cuda",           "cudnn",
                                                "TensorRT", "dynload", "dynamic library"};
    return std::any_of(kWords.begin(), kWords.end(),
                       [&](const char* word) { return message.find(word) != std::string::npos; });
  }

  static void prepare_tensorrt(const ModelFiles& files, const ModelOptions& options,
                               const Settings& settings) {
    if (infer::GetTrtCompileVersion() == std::tuple{0, 0, 0}) {
      throw Error(ErrorKind::kUnsupportedOption,
                  "use_tensorrt=True cannot be used: the installed paddlepaddle-gpu is built "
                  "without TensorRT; leave it out");
    }
    const fs::path file = shape_range_file(settings);
    std::error_code error;
    if (fs::is_regular_file(file, error)) return;
    fs::create_directories(settings.trt_cache_dir, error);
    if (error) {
      throw Error(ErrorKind::kInvalidOption, "trt_cache_dir " + settings.trt_cache_dir +
                                                 " cannot be made: " + error.message());
    }
    collect_shape_ranges(files, options, file);
  }

  // TensorRT needs to know which sizes every tensor of the network can have: the network is run at
  // the ends of the range and in the middle (twice, as in the reference, which takes the most
  // frequent one for the usual), and Paddle writes down what it sees.
  static void collect_shape_ranges(const ModelFiles& files, const ModelOptions& options,
                                   const fs::path& file) {
    const ShapeRange& range = options.shape_ranges.front();
    // Under another name until it is whole, since other processes may look for it.
    const fs::path partial = file.string() + ".part" + std::to_string(::getpid());
    std::error_code error;
    const std::unique_ptr<const fs::path, decltype([](const fs::path* path) {
                            std::error_code ignored;
                            fs::remove(*path, ignored);
                          })>
        remains(&partial);
    guarded(options, [&] {
      Config config;
      configure_collection(config, files, options.device, partial.string());
      const auto predictor = infer::CreatePredictor(config);
      const auto names = predictor->GetInputNames();
      check_ports(names.size(), predictor->GetOutputNames().size(), options.path + ": ");
      if (names.front() != range.input) {
        throw Error(ErrorKind::kModelFormat, options.path + ": the input is '" + names.front() +
                                                 "', but inference.yml has the shapes of '" +
                                                 range.input + "'");
      }
      const auto request = make_request(predictor, Memory::kDevice);
      for (const Shape* shape : {&range.least, &range.usual, &range.usual, &range.most}) {
        run_once(*request, *shape, 1.0F);
      }
      return 0;
    });
    fs::rename(partial, file, error);
    if (error) {
      throw Error(ErrorKind::kUnsupportedOption,
                  "use_tensorrt=True: Paddle wrote no " + partial.string());
    }
  }

  std::unique_ptr<PaddleModel> make_model(const ModelFiles& files, const ModelOptions& options,
                                          const Settings& settings) {
    // Paddle keeps settings of its own in global variables while it reads a network.
    const std::lock_guard lock(mutex_);
    return guarded(options, [&] {
      Config config;
      configure(config, files, options, settings);
      host_.log(LogLevel::kDebug, options.path + ": Paddle is set to " + described(config));
      auto predictor = infer::CreatePredictor(config);
      if (predictor == nullptr) {
        throw Error(ErrorKind::kModelFormat, "Paddle cannot read " + options.path);
      }
      check_ports(predictor->GetInputNames().size(), predictor->GetOutputNames().size(),
                  options.path + ": ");
      return std::make_unique<PaddleModel>(std::move(predictor), options);
    });
  }

  template <typename Body>
  static auto guarded(const ModelOptions& options, const Body& body) -> decltype(body()) {
    try {
      return body();
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      throw failure(options, error.what());
    }
  }

  EngineHost host_;
  std::mutex mutex_;
};

}  // namespace
}  // namespace fastocr::paddle_engine

extern "C" FASTOCR_EXPORT fastocr::Engine* fastocr_create_engine(const fastocr::EngineHost& host) {
  return new fastocr::paddle_engine::PaddleEngine(host);
}
