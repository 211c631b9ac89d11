#include "runtime/paddle/configuration.h"

#include <algorithm>

#include "fastocr/errors.h"

namespace fastocr::paddle_engine {
namespace {

using Config = paddle::AnalysisConfig;

// All passes over the graph, as the reference asks for.
constexpr int kOptimizationLevel = 3;

// The reference's values.
constexpr int kMemoryPoolMegabytes = 100;
constexpr std::int64_t kTensorRtWorkspaceBytes = std::int64_t{1} << 30;
constexpr int kTensorRtMaxBatchSize = 32;

void configure_cpu(Config& config, const ModelOptions& options, const Settings& settings) {
  config.DisableGpu();
  config.SetCpuMathLibraryNumThreads(std::max(1, options.threads / options.streams));
  if (!settings.one_dnn()) {
    config.DisableONEDNN();
    return;
  }
  config.EnableONEDNN();
  config.SetOnednnCacheCapacity(settings.cache_capacity());
  if (options.precision == "bf16") config.EnableOnednnBfloat16();
}

void use_gpu(Config& config, const Device& device, Config::Precision precision) {
  config.DisableONEDNN();
  config.EnableUseGpu(kMemoryPoolMegabytes, device.id, precision);
  if (config.use_gpu() && config.gpu_device_id() == device.id) return;
  throw Error(ErrorKind::kUnsupportedOption,
              "device '" + device.name() + "' cannot be used: Paddle does not take it");
}

void configure_gpu(Config& config, const ModelOptions& options, const Settings& settings) {
  const auto precision =
      options.precision == "fp16" ? Config::Precision::kHalf : Config::Precision::kFloat32;
  // Feeding and fetching stay in float.
  config.Exp_DisableMixedPrecisionOps({"feed", "fetch"});
  use_gpu(config, options.device, settings.use_tensorrt ? Config::Precision::kFloat32 : precision);
  if (!settings.use_tensorrt) return;
  config.SetOptimCacheDir(settings.trt_cache_dir);
  config.EnableTensorRtEngine(kTensorRtWorkspaceBytes, kTensorRtMaxBatchSize,
                              settings.min_subgraph_size, precision, true, false, false);
  config.EnableTunedTensorRtDynamicShape(shape_range_file(settings), true);
}

}  // namespace

void configure(Config& config, const ModelFiles& files, const ModelOptions& options,
               const Settings& settings) {
  config.SetModel(files.program, files.parameters);
  config.DisableGlogInfo();
  if (options.device.kind == "cpu") {
    configure_cpu(config, options, settings);
  } else {
    configure_gpu(config, options, settings);
  }
  if (files.new_representation) {
    config.EnableNewIR(true);
    config.EnableNewExecutor(true);
  }
  config.SetOptimizationLevel(kOptimizationLevel);
  config.EnableMemoryOptim(true);
}

void configure_collection(Config& config, const ModelFiles& files, const Device& device,
                          const std::string& file) {
  config.SetModel(files.program, files.parameters);
  config.DisableGlogInfo();
  use_gpu(config, device, Config::Precision::kFloat32);
  config.CollectShapeRangeInfo(file);
  // As in the reference: this pass hides tensors whose shapes TensorRT needs.
  config.DeletePass("matmul_add_act_fuse_pass");
}

std::string shape_range_file(const Settings& settings) {
  return settings.trt_cache_dir + "/shape_range_info.pbtxt";
}

std::string described(Config& config) {
  std::string text;
  const auto add = [&](const std::string& name, auto value) {
    text += (text.empty() ? "" : ", ") + name + "=" + std::to_string(static_cast<int>(value));
  };
  add("use_gpu", config.use_gpu());
  add("gpu_device_id", config.gpu_device_id());
  add("memory_pool_init_size_mb", config.memory_pool_init_size_mb());
  add("tensorrt_engine_enabled", config.tensorrt_engine_enabled());
  add("tensorrt_precision_mode", config.tensorrt_precision_mode());
  add("tuned_tensorrt_dynamic_shape", config.tuned_tensorrt_dynamic_shape());
  add("onednn_enabled", config.onednn_enabled());
  add("cpu_math_library_num_threads", config.cpu_math_library_num_threads());
  add("new_ir_enabled", config.new_ir_enabled());
  if (config.tensorrt_engine_enabled()) return text;
  return text + "\n" + config.Summary();  // asks TensorRT's own library for its version
}

}  // namespace fastocr::paddle_engine
