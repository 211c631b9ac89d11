#pragma once

// The part of Paddle Inference's C++ interface that fastocr calls, declared anew: the wheels of
// paddlepaddle bring the library (base/libpaddle.so) but no headers. Only exported functions are
// declared, by the names that the Itanium ABI gives them; a declaration is a promise about them,
// and the rules that keep each of them true stand beside it. They hold for the versions listed in
// `kSupportedVersions`, which are checked before the library is loaded.
//
// What is common to all: both sides use libstdc++ with its C++11 strings, so that std::string,
// std::vector, std::map, std::shared_ptr and exceptions may cross the border.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace paddle {

// Rule: the object is opaque. Its own constructor and destructor, both exported, work on storage
// that is larger than the object (3.3.1: 1632 bytes are touched). Never copied: the size of a copy
// would matter.
class AnalysisConfig {
 public:
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

 private:
  alignas(64) unsigned char storage_[16384];
};

}  // namespace paddle

namespace paddle_infer {

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
};

// Exported for float, so that nothing is instantiated here.
extern template float* Tensor::mutable_data<float>(PlaceType place);
extern template float* Tensor::data<float>(PlaceType* place, int* size) const;

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
