#pragma once

// The part of Paddle Inference's C++ interface that fastocr calls, declared anew: the wheels of
// paddlepaddle bring the library (base/libpaddle.so) but no headers. Only exported functions are
// declared, by the names that the Itanium ABI gives them; a declaration is a promise about them,
// and the rules that keep each of them true stand beside it. They hold for the versions listed for
// the engine in engine_registry.cc, which are checked before the library is loaded.
//
// What is common to all: both sides use libstdc++ with its C++11 strings, so that std::string,
// std::vector, std::map, std::shared_ptr and exceptions may cross the border.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <unordered_set>
#include <vector>

// Of the OpenMP library that the package brings (libiomp5.so): how long the threads of the calling
// one stay awake after parallel work, in milliseconds. Null with another OpenMP.
extern "C" void kmp_set_blocktime(int milliseconds) __attribute__((weak));

namespace paddle {

// Rule: the object is opaque. Its own constructor and destructor, both exported, work on storage
// that is larger than the object (3.3.1: 1632 bytes are touched). Never copied: the size of a copy
// would matter.
class AnalysisConfig {
 public:
  // Rule: the numbers are part of the ABI.
  enum class Precision { kFloat32 = 0, kHalf = 2 };

  AnalysisConfig();
  ~AnalysisConfig();
  AnalysisConfig(const AnalysisConfig&) = delete;
  AnalysisConfig& operator=(const AnalysisConfig&) = delete;

  void SetModel(const std::string& program_file, const std::string& parameter_file);
  void DisableGpu();
  void DisableGlogInfo();
  void EnableMemoryOptim(bool on);
  void SetCpuMathLibraryNumThreads(int threads);
  void SetOptimizationLevel(int level);

  void EnableONEDNN();
  void DisableONEDNN();
  void SetOnednnCacheCapacity(int capacity);
  void EnableOnednnBfloat16();

  // For networks in the form of Paddle's intermediate representation (inference.json).
  void EnableNewIR(bool on);
  void EnableNewExecutor(bool on);

  // A library that is built for CPUs prints an error and keeps the CPU: see IsCompiledWithCUDA.
  void EnableUseGpu(std::uint64_t memory_pool_mb, int device_id, Precision precision);
  void Exp_DisableMixedPrecisionOps(const std::unordered_set<std::string>& operations);

  // TensorRT; throws in a library that is built without it: see GetTrtCompileVersion.
  void EnableTensorRtEngine(std::int64_t workspace_bytes, int max_batch_size, int min_subgraph_size,
                            Precision precision, bool use_static, bool use_calib_mode,
                            bool use_cuda_graph);
  void SetOptimCacheDir(const std::string& folder);
  // Writes the shapes of all tensors in all runs to the file when the predictor is destroyed...
  void CollectShapeRangeInfo(const std::string& file);
  // ...and reads them from there.
  void EnableTunedTensorRtDynamicShape(const std::string& file, bool allow_build_at_runtime);
  void DeletePass(const std::string& pass);

  // What the object holds, after a call of the above.
  bool use_gpu() const;
  int gpu_device_id() const;
  int memory_pool_init_size_mb() const;
  bool onednn_enabled() const;
  int cpu_math_library_num_threads() const;
  bool new_ir_enabled() const;
  bool tensorrt_engine_enabled() const;
  Precision tensorrt_precision_mode() const;
  bool tuned_tensorrt_dynamic_shape() const;
  // A table of most settings. Throws where TensorRT is on and its library is missing.
  std::string Summary();

 private:
  alignas(64) unsigned char storage_[16384];
};

namespace pybind {

// Whether the library is built for NVIDIA's GPUs.
bool IsCompiledWithCUDA();

}  // namespace pybind

namespace flags {

// Sets one of the library's global settings, by its name without "FLAGS_"; false for an unknown
// one. Lives in libcommon.so, which libpaddle.so brings along.
bool SetFlagValue(const std::string& name, const std::string& value);

}  // namespace flags
}  // namespace paddle

namespace paddle_infer {

// Of the TensorRT that the library is built with; zeros without one.
std::tuple<int, int, int> GetTrtCompileVersion();

// Rule: the numbers are part of the ABI.
enum class PlaceType { kUnknown = -1, kCpu = 0 };

// Rule: made and used through pointers only, never constructed or destroyed here. A handle is
// fetched once for each predictor and kept; the few bytes of it are left behind with its predictor.
class Tensor {
 public:
  Tensor() = delete;
  ~Tensor() = delete;

  void Reshape(const std::vector<int>& shape);
  // Room for the shape set before; valid until the next Reshape.
  template <typename T>
  T* mutable_data(PlaceType place);
  template <typename T>
  T* data(PlaceType* place, int* size) const;
  std::vector<int> shape() const;
  // All values of the shape set before, from and to the device of the predictor.
  template <typename T>
  void CopyFromCpu(const T* values);
  template <typename T>
  void CopyToCpu(T* values) const;
};

// Exported for float, so that nothing is instantiated here.
extern template float* Tensor::mutable_data<float>(PlaceType place);
extern template float* Tensor::data<float>(PlaceType* place, int* size) const;
extern template void Tensor::CopyFromCpu<float>(const float* values);
extern template void Tensor::CopyToCpu<float>(float* values) const;

// Rule: std::unique_ptr with an empty deleter has the layout and the calling convention of the
// one that the library returns, and return types are not part of a member function's name.
struct NoDelete {
  template <typename T>
  void operator()(T*) const noexcept {}
};
template <typename T>
using Handle = std::unique_ptr<T, NoDelete>;

// Rule: as for Tensor. One of CreatePredictor is destroyed by the shared pointer, whose deleter is
// the library's; a clone by `delete_clone`.
class Predictor {
 public:
  Predictor() = delete;
  ~Predictor() = delete;

  std::vector<std::string> GetInputNames();
  std::vector<std::string> GetOutputNames();
  std::map<std::string, std::vector<std::int64_t>> GetInputTensorShape();
  std::map<std::string, std::vector<std::int64_t>> GetOutputTensorShape();
  Handle<Tensor> GetInputHandle(const std::string& name);
  Handle<Tensor> GetOutputHandle(const std::string& name);
  bool Run();
  // Frees what the last run computed, the output too.
  void ClearIntermediateTensor();
  // Shares the weights. `stream` is a CUDA stream, null on a CPU.
  Handle<Predictor> Clone(void* stream);
};

std::shared_ptr<Predictor> CreatePredictor(const paddle::AnalysisConfig& config);

namespace abi {

// std::vector<std::unique_ptr<Predictor>>::~vector(), which the library exports.
extern "C" void destroy_predictors(void* vector) noexcept __asm__(
    "_ZNSt6vectorISt10unique_ptrIN12paddle_infer9PredictorESt14default_deleteIS2_EESaIS5_EED1Ev");

}  // namespace abi

// Destroys a clone by the library's own code. Rule: a vector of libstdc++ is three pointers, and
// frees its memory by operator delete.
inline void delete_clone(Predictor* clone) {
  struct {
    void **begin, **end, **capacity;
  } vector{};
  vector.begin = static_cast<void**>(::operator new(sizeof(void*)));
  *vector.begin = clone;
  vector.end = vector.capacity = vector.begin + 1;
  abi::destroy_predictors(&vector);
}

}  // namespace paddle_infer
