#include "runtime/paddle/predictors.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "fastocr/errors.h"

namespace fastocr::paddle_engine {
namespace {

namespace infer = paddle_infer;

template <typename Body>
auto guarded(const Body& body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::exception& error) {
    throw Error(ErrorKind::kInference, std::string("Paddle: ") + error.what());
  }
}

// OpenMP's threads wait for more work for 200 ms, unless told otherwise, on cores that the next
// stage could use. Between the layers of a network much less passes. The setting is that of a
// thread.
void sleep_soon_after_runs() {
  constexpr int kMilliseconds = 1;
  if (kmp_set_blocktime == nullptr) return;
  thread_local const bool set = (kmp_set_blocktime(kMilliseconds), true);
  static_cast<void>(set);
}

class PredictorRequest : public Request {
 public:
  explicit PredictorRequest(std::shared_ptr<infer::Predictor> predictor)
      : predictor_(std::move(predictor)),
        input_(predictor_->GetInputHandle(predictor_->GetInputNames().front())),
        output_(predictor_->GetOutputHandle(predictor_->GetOutputNames().front())) {}

  void run() override {
    sleep_soon_after_runs();
    const bool done = guarded([&] { return predictor_->Run(); });
    if (!done) throw Error(ErrorKind::kInference, "Paddle: the run failed");
  }

 protected:
  infer::Predictor& predictor() { return *predictor_; }
  infer::Tensor& input_tensor() { return *input_; }
  infer::Tensor& output_tensor() { return *output_; }

 private:
  std::shared_ptr<infer::Predictor> predictor_;
  infer::Handle<infer::Tensor> input_, output_;
};

// Input and output are the predictor's own.
class HostRequest final : public PredictorRequest {
 public:
  using PredictorRequest::PredictorRequest;

  float* input(const Shape& shape) override {
    return guarded([&] {
      // Tensors of one size that are made new in another leave gaps behind in memory: with the
      // older form of networks, some gigabytes.
      predictor().ClearIntermediateTensor();
      input_tensor().Reshape(std::vector<int>(shape.begin(), shape.end()));
      return input_tensor().mutable_data<float>(infer::PlaceType::kCpu);
    });
  }

  TensorView output() override {
    return guarded([&] {
      const std::vector<int> shape = output_tensor().shape();
      infer::PlaceType place = infer::PlaceType::kUnknown;
      int size = 0;
      const float* data = output_tensor().data<float>(&place, &size);
      return TensorView{data, Shape(shape.begin(), shape.end())};
    });
  }
};

// Input and output are copied to the device and from there.
class DeviceRequest final : public PredictorRequest {
 public:
  using PredictorRequest::PredictorRequest;

  float* input(const Shape& shape) override {
    shape_.assign(shape.begin(), shape.end());
    return room_for(input_values_, shape_);
  }

  void run() override {
    guarded([&] {
      input_tensor().Reshape(shape_);
      input_tensor().CopyFromCpu<float>(input_values_.data());
    });
    PredictorRequest::run();
  }

  TensorView output() override {
    return guarded([&] {
      const std::vector<int> shape = output_tensor().shape();
      float* values = room_for(output_values_, shape);
      output_tensor().CopyToCpu<float>(values);
      return TensorView{values, Shape(shape.begin(), shape.end())};
    });
  }

 private:
  // Grows the buffer where needed; it is kept from run to run.
  static float* room_for(std::vector<float>& buffer, const std::vector<int>& shape) {
    std::size_t count = 1;
    for (const int side : shape) count *= static_cast<std::size_t>(side);
    if (buffer.size() < count) buffer.resize(count);
    return buffer.data();
  }

  std::vector<int> shape_;
  std::vector<float> input_values_, output_values_;
};

}  // namespace

std::unique_ptr<Request> make_request(std::shared_ptr<infer::Predictor> predictor, Memory memory) {
  if (memory == Memory::kHost) return std::make_unique<HostRequest>(std::move(predictor));
  return std::make_unique<DeviceRequest>(std::move(predictor));
}

PredictorPool::PredictorPool(std::shared_ptr<infer::Predictor> first, WarmUp warm_up)
    : first_(std::move(first)), warm_up_(std::move(warm_up)) {}

PredictorPool::~PredictorPool() {
  for (infer::Predictor* clone : free_) infer::delete_clone(clone);
}

infer::Predictor* PredictorPool::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      infer::Predictor* clone = free_.back();
      free_.pop_back();
      return clone;
    }
  }
  static std::mutex warming;
  const std::lock_guard lock(warming);
  infer::Predictor* clone = first_->Clone(nullptr).release();
  const auto keep = [this](infer::Predictor* p) { give_back(p); };
  std::unique_ptr<infer::Predictor, decltype(keep)> kept(clone, keep);
  if (warm_up_) warm_up_(std::shared_ptr<infer::Predictor>(clone, [](infer::Predictor*) {}));
  return kept.release();
}

void PredictorPool::give_back(infer::Predictor* clone) {
  const std::lock_guard lock(mutex_);
  free_.push_back(clone);
}

}  // namespace fastocr::paddle_engine
