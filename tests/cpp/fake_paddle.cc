// A libpaddle.so that is built for GPUs, by its own account: it has the functions that fastocr
// calls and two networks, writes down every call in the file that FAKE_PADDLE_LOG names, and fails
// where the real one does. So all that fastocr does before the driver is reached can be seen
// without one.
//
// FAKE_PADDLE_CUDA=0: built for CPUs. FAKE_PADDLE_GPUS: how many there are (1). FAKE_PADDLE_TRT=0:
// built without TensorRT. FAKE_PADDLE_NO_TRT_LIBRARY=1: TensorRT itself is not installed.

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <sstream>
#include <stdexcept>

#include "paddle_inference.h"

namespace {

int setting(const char* name, int otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::atoi(value);
}

template <typename... Values>
void note(const Values&... values) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  const char* path = std::getenv("FAKE_PADDLE_LOG");
  if (path == nullptr) return;
  std::ostringstream line;
  ((line << values << ' '), ...);
  std::string text = line.str();
  text.back() = '\n';
  std::ofstream(path, std::ios::app) << text;
}

struct State {
  std::string program, parameters, shape_file;
  bool gpu = false, one_dnn = true, new_ir = false, collects = false, tensorrt = false,
       tuned = false;
  int device = 0, pool = 0, threads = 1;
  paddle::AnalysisConfig::Precision tensorrt_precision =
      paddle::AnalysisConfig::Precision::kFloat32;
};

struct FakeTensor {
  std::vector<int> shape;
  std::vector<float> values;
  bool on_gpu = false;
};

std::size_t count(const std::vector<int>& shape) {
  std::size_t product = 1;
  for (const int side : shape) product *= static_cast<std::size_t>(side);
  return product;
}

// What is below zero is text.
void detect(const FakeTensor& input, FakeTensor& output) {
  const auto area = static_cast<std::size_t>(input.shape[2]) * input.shape[3];
  output.shape = {input.shape[0], 1, input.shape[2], input.shape[3]};
  output.values.assign(count(output.shape), 0);
  for (std::size_t i = 0; i < area; ++i) output.values[i] = input.values[i] < 0 ? 1.0F : 0.0F;
}

// Every eighth column of each line: class 1 for black and grey, blank for white; of four classes.
void recognize(const FakeTensor& input, FakeTensor& output) {
  const int lines = input.shape[0], width = input.shape[3], steps = width / 8;
  output.shape = {lines, steps, 4};
  output.values.assign(count(output.shape), 0);
  const auto line_size = count(input.shape) / static_cast<std::size_t>(lines);
  for (int i = 0; i < lines * steps; ++i) {
    const float middle = input.values[i / steps * line_size + static_cast<std::size_t>(24) * width +
                                      8 * (i % steps) + 4];
    output.values[static_cast<std::size_t>(4) * i + (middle < 0.5F ? 1 : 0)] = 0.9F;
  }
}

struct FakePredictor {
  State state;
  FakeTensor input, output;
  bool clone = false, ran = false;

  bool reads() const { return state.program.find("recognition") != std::string::npos; }
};

// Runs for the first time, which on a GPU must not happen twice at once.
std::atomic<int> first_runs = 0;

void run(FakePredictor& predictor) {
  if (!predictor.ran) {
    if (++first_runs > 1) note("overlap");
    usleep(2000);
    --first_runs;
  }
  predictor.ran = true;
  std::ostringstream shape;
  for (const int side : predictor.input.shape) shape << side << 'x';
  note(predictor.clone ? "run" : "run_first", shape.str());
  if (predictor.reads()) {
    recognize(predictor.input, predictor.output);
  } else {
    detect(predictor.input, predictor.output);
  }
}

State& of(unsigned char* storage) { return *reinterpret_cast<State*>(storage); }
const State& of(const unsigned char* storage) { return *reinterpret_cast<const State*>(storage); }
FakeTensor& of(const paddle_infer::Tensor* tensor) {
  return *const_cast<FakeTensor*>(reinterpret_cast<const FakeTensor*>(tensor));
}
FakePredictor& of(paddle_infer::Predictor* predictor) {
  return *reinterpret_cast<FakePredictor*>(predictor);
}

void expect_host(const FakeTensor& tensor) {
  if (tensor.on_gpu) throw std::runtime_error("the tensor is on the GPU");
}

}  // namespace

namespace paddle {

AnalysisConfig::AnalysisConfig() { new (storage_) State(); }
AnalysisConfig::~AnalysisConfig() { of(storage_).~State(); }

void AnalysisConfig::SetModel(const std::string& program, const std::string& parameters) {
  of(storage_).program = program;
  of(storage_).parameters = parameters;
}
void AnalysisConfig::DisableGpu() { of(storage_).gpu = false; }
void AnalysisConfig::DisableGlogInfo() {}
void AnalysisConfig::EnableMemoryOptim(bool on) { note("EnableMemoryOptim", on); }
void AnalysisConfig::SetCpuMathLibraryNumThreads(int threads) { of(storage_).threads = threads; }
void AnalysisConfig::SetOptimizationLevel(int level) { note("SetOptimizationLevel", level); }
void AnalysisConfig::EnableONEDNN() { of(storage_).one_dnn = true; }
void AnalysisConfig::DisableONEDNN() { of(storage_).one_dnn = false; }
void AnalysisConfig::SetOnednnCacheCapacity(int capacity) {
  note("SetOnednnCacheCapacity", capacity);
}
void AnalysisConfig::EnableOnednnBfloat16() {}
void AnalysisConfig::EnableNewIR(bool on) { of(storage_).new_ir = on; }
void AnalysisConfig::EnableNewExecutor(bool on) { note("EnableNewExecutor", on); }

void AnalysisConfig::EnableUseGpu(std::uint64_t pool, int device, Precision precision) {
  note("EnableUseGpu", pool, device, static_cast<int>(precision));
  of(storage_).gpu = true;
  of(storage_).device = device;
  of(storage_).pool = static_cast<int>(pool);
}
void AnalysisConfig::Exp_DisableMixedPrecisionOps(const std::unordered_set<std::string>& names) {
  note("Exp_DisableMixedPrecisionOps", names.size(), names.contains("feed"),
       names.contains("fetch"));
}
void AnalysisConfig::EnableTensorRtEngine(std::int64_t workspace, int batch, int subgraph,
                                          Precision precision, bool use_static, bool calibrate,
                                          bool graph) {
  note("EnableTensorRtEngine", workspace, batch, subgraph, static_cast<int>(precision), use_static,
       calibrate, graph);
  of(storage_).tensorrt = true;
  of(storage_).tensorrt_precision = precision;
}
void AnalysisConfig::SetOptimCacheDir(const std::string& folder) {
  note("SetOptimCacheDir", folder);
}
void AnalysisConfig::CollectShapeRangeInfo(const std::string& file) {
  of(storage_).collects = true;
  of(storage_).shape_file = file;
}
void AnalysisConfig::EnableTunedTensorRtDynamicShape(const std::string& file, bool build) {
  note("EnableTunedTensorRtDynamicShape", file, build);
  of(storage_).tuned = true;
  of(storage_).shape_file = file;
}
void AnalysisConfig::DeletePass(const std::string& pass) { note("DeletePass", pass); }

bool AnalysisConfig::use_gpu() const { return of(storage_).gpu; }
int AnalysisConfig::gpu_device_id() const { return of(storage_).device; }
int AnalysisConfig::memory_pool_init_size_mb() const { return of(storage_).pool; }
bool AnalysisConfig::onednn_enabled() const { return of(storage_).one_dnn; }
int AnalysisConfig::cpu_math_library_num_threads() const { return of(storage_).threads; }
bool AnalysisConfig::new_ir_enabled() const { return of(storage_).new_ir; }
bool AnalysisConfig::tensorrt_engine_enabled() const { return of(storage_).tensorrt; }
AnalysisConfig::Precision AnalysisConfig::tensorrt_precision_mode() const {
  return of(storage_).tensorrt_precision;
}
bool AnalysisConfig::tuned_tensorrt_dynamic_shape() const { return of(storage_).tuned; }
std::string AnalysisConfig::Summary() { return "summary"; }

namespace pybind {
bool IsCompiledWithCUDA() { return setting("FAKE_PADDLE_CUDA", 1) != 0; }
}  // namespace pybind

namespace flags {
bool SetFlagValue(const std::string& name, const std::string& value) {
  note("SetFlagValue", name, value);
  return true;
}
}  // namespace flags

}  // namespace paddle

namespace paddle_infer {

std::tuple<int, int, int> GetTrtCompileVersion() {
  const int major = setting("FAKE_PADDLE_TRT", 8);
  return {major, major == 0 ? 0 : 6, major == 0 ? 0 : 1};
}

void Tensor::Reshape(const std::vector<int>& shape) { of(this).shape = shape; }
std::vector<int> Tensor::shape() const { return of(this).shape; }

template <typename T>
T* Tensor::mutable_data(PlaceType) {
  expect_host(of(this));
  of(this).values.resize(count(of(this).shape));
  return of(this).values.data();
}
template <typename T>
T* Tensor::data(PlaceType* place, int* size) const {
  expect_host(of(this));
  *place = PlaceType::kCpu;
  *size = static_cast<int>(of(this).values.size());
  return of(this).values.data();
}
template <typename T>
void Tensor::CopyFromCpu(const T* values) {
  of(this).values.assign(values, values + count(of(this).shape));
}
template <typename T>
void Tensor::CopyToCpu(T* values) const {
  std::copy(of(this).values.begin(), of(this).values.end(), values);
}

template float* Tensor::mutable_data<float>(PlaceType);
template float* Tensor::data<float>(PlaceType*, int*) const;
template void Tensor::CopyFromCpu<float>(const float*);
template void Tensor::CopyToCpu<float>(float*) const;

std::vector<std::string> Predictor::GetInputNames() { return {"x"}; }
std::vector<std::string> Predictor::GetOutputNames() { return {"y"}; }
std::map<std::string, std::vector<std::int64_t>> Predictor::GetInputTensorShape() {
  return {{"x", {-1, 3, of(this).reads() ? 48 : -1, -1}}};
}
std::map<std::string, std::vector<std::int64_t>> Predictor::GetOutputTensorShape() {
  if (of(this).reads()) return {{"y", {-1, -1, 4}}};
  return {{"y", {-1, 1, -1, -1}}};
}
Handle<Tensor> Predictor::GetInputHandle(const std::string&) {
  return Handle<Tensor>(reinterpret_cast<Tensor*>(&of(this).input));
}
Handle<Tensor> Predictor::GetOutputHandle(const std::string&) {
  return Handle<Tensor>(reinterpret_cast<Tensor*>(&of(this).output));
}
bool Predictor::Run() {
  run(of(this));
  return true;
}
void Predictor::ClearIntermediateTensor() { of(this).output = {}; }
Handle<Predictor> Predictor::Clone(void*) {
  auto* clone = new FakePredictor(of(this));
  clone->clone = true;
  clone->ran = false;
  return Handle<Predictor>(reinterpret_cast<Predictor*>(clone));
}

std::shared_ptr<Predictor> CreatePredictor(const paddle::AnalysisConfig& config) {
  // The configuration's only content is its state.
  const auto& state = of(reinterpret_cast<const unsigned char*>(&config));
  const int gpus = setting("FAKE_PADDLE_GPUS", 1);
  if (state.gpu && state.device >= gpus) {
    throw std::runtime_error(
        "(InvalidArgument) Device id must be less than GPU count, but received id is: " +
        std::to_string(state.device) + ". GPU count is: " + std::to_string(gpus) +
        ".\n  [Hint: more lines]");
  }
  if (state.tensorrt && setting("FAKE_PADDLE_NO_TRT_LIBRARY", 0) != 0) {
    throw std::runtime_error(
        "(NotFound) TensorRT is needed, but TensorRT dynamic library is not found.\n  more lines");
  }
  note("CreatePredictor", state.gpu ? "gpu" : "cpu", state.device, state.new_ir, state.one_dnn);
  auto* made = new FakePredictor();
  made->state = state;
  made->input.on_gpu = made->output.on_gpu = state.gpu;
  return {reinterpret_cast<Predictor*>(made), [](Predictor* predictor) {
            const State& its = of(predictor).state;
            if (its.collects) std::ofstream(its.shape_file) << "shapes\n";
            note("destroy");
            delete &of(predictor);
          }};
}

namespace abi {
void destroy_predictors(void* vector) noexcept {
  struct Pointers {
    void **begin, **end, **capacity;
  };
  const auto& pointers = *static_cast<Pointers*>(vector);
  for (void** clone = pointers.begin; clone != pointers.end; ++clone) {
    note("destroy_clone");
    delete static_cast<FakePredictor*>(*clone);
  }
  ::operator delete(pointers.begin);
}
}  // namespace abi

}  // namespace paddle_infer
