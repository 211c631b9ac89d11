#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "fastocr/engine.h"
#include "fastocr/image.h"

namespace fastocr::testing {

// A network that is a function of its input tensor.
class FakeModel final : public Model {
 public:
  struct Tensor {
    std::vector<float> values;
    Shape shape;
  };
  using Function = std::function<Tensor(const Tensor& input)>;

  FakeModel(Shape input, Shape output, Function function)
      : input_(std::move(input)), output_(std::move(output)), function_(std::move(function)) {}

  std::unique_ptr<Request> create_request() override {
    ++requests_;
    return std::make_unique<FakeRequest>(*this);
  }
  std::unique_ptr<Request> create_shared_request(int threads) override {
    if (!shares_) return nullptr;
    shared_threads_ = threads;
    return std::make_unique<FakeRequest>(*this, &shared_runs_);
  }
  Shape input_shape() const override { return input_; }
  Shape output_shape() const override { return output_; }
  OmissionRule omission_rule() const override { return omission_; }
  bool prefers_batches() const override { return batches_; }
  bool sampling_detached() const override { return sampling_detached_; }
  std::shared_ptr<Model> exact() const override { return exact_; }
  std::shared_ptr<const LinearClassifier> classifier() const override { return classifier_; }

  // What most models lack; before the first use.
  void set_omission_rule(const OmissionRule& rule) { omission_ = rule; }
  void set_shares(bool shares) { shares_ = shares; }
  void set_sampling_detached(bool detached) { sampling_detached_ = detached; }
  void set_batches(bool batches) { batches_ = batches; }
  void set_exact(std::shared_ptr<Model> exact) { exact_ = std::move(exact); }
  void set_classifier(LinearClassifier classifier) {
    classifier_ = std::make_shared<const LinearClassifier>(std::move(classifier));
  }
  // Of the last run of any request.
  OmittedColumns last_omitted() const {
    const std::lock_guard lock(mutex_);
    return last_omitted_;
  }

  // Of the last shared request, and the runs of all of them.
  int shared_threads() const { return shared_threads_; }
  int shared_runs() const { return shared_runs_; }

  int requests() const { return requests_; }
  int runs() const { return runs_; }
  // Whether one request was ever run by two threads at once.
  bool shared_a_request() const { return shared_; }

 private:
  class FakeRequest final : public Request {
   public:
    explicit FakeRequest(FakeModel& model, std::atomic<int>* own_runs = nullptr)
        : model_(model), own_runs_(own_runs) {}

    float* input(const Shape& shape) override {
      std::size_t count = 1;
      for (const auto size : shape) count *= static_cast<std::size_t>(size);
      // New memory each time, full of nonsense: the caller has to fill all of it.
      input_ = {std::vector<float>(count, std::nanf("")), shape};
      return input_.values.data();
    }
    void omit(const OmittedColumns& columns) override { omitted_ = columns; }
    void run() override {
      model_.note_omitted(std::exchange(omitted_, {}));
      if (++users_ != 1) model_.shared_ = true;
      ++model_.runs_;
      if (own_runs_ != nullptr) ++*own_runs_;
      try {
        output_ = model_.function_(input_);
      } catch (...) {
        --users_;
        throw;
      }
      --users_;
    }
    TensorView output() override { return {output_.values.data(), output_.shape}; }

   private:
    FakeModel& model_;
    std::atomic<int>* own_runs_;
    Tensor input_, output_;
    OmittedColumns omitted_;
    std::atomic<int> users_ = 0;
  };

  void note_omitted(const OmittedColumns& columns) {
    const std::lock_guard lock(mutex_);
    last_omitted_ = columns;
  }

  Shape input_, output_;
  Function function_;
  OmissionRule omission_;
  bool batches_ = false;
  bool sampling_detached_ = false;
  std::shared_ptr<Model> exact_;
  std::shared_ptr<const LinearClassifier> classifier_;
  mutable std::mutex mutex_;
  OmittedColumns last_omitted_;
  bool shares_ = false;
  int shared_threads_ = 0;
  std::atomic<int> requests_ = 0, runs_ = 0, shared_runs_ = 0;
  std::atomic<bool> shared_ = false;
};

inline bool all_finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

// Finds what is brighter than black in the blue channel.
inline FakeModel::Tensor bright_pixels(const FakeModel::Tensor& input) {
  FakeModel::Tensor map;
  map.shape = {1, 1, input.shape[2], input.shape[3]};
  const auto count = static_cast<std::size_t>(input.shape[2] * input.shape[3]);
  const Normalization& n = Normalization::detection();
  const float limit = 7 * n.a[0] + n.b[0];
  for (std::size_t i = 0; i < count; ++i) {
    map.values.push_back(input.values[i] > limit ? 0.9F : 0.05F);
  }
  return map;
}

inline std::shared_ptr<FakeModel> fake_detection(FakeModel::Function function = bright_pixels) {
  return std::make_shared<FakeModel>(Shape{-1, 3, -1, -1}, Shape{-1, 1, -1, -1},
                                     std::move(function));
}

// A channel of this value stands for character `level`. All values are brighter than the padding
// beside a line, which is middle gray.
inline constexpr int kLevelStep = 3;
inline std::uint8_t level_value(int level) {
  return static_cast<std::uint8_t>(130 + kLevelStep * level);
}

// Reads the greatest value of the blue and of the green channel as one character each.
class LevelReader {
 public:
  explicit LevelReader(int characters) : classes_(characters + 2) {}

  FakeModel::Tensor operator()(const FakeModel::Tensor& input) const {
    constexpr std::int64_t kSteps = 3;  // the two characters with a blank between them
    const auto line_size = static_cast<std::size_t>(kSteps) * static_cast<std::size_t>(classes_);
    FakeModel::Tensor result{std::vector<float>(input.shape[0] * line_size),
                             {input.shape[0], kSteps, classes_}};
    const auto plane = static_cast<std::ptrdiff_t>(input.shape[2] * input.shape[3]);
    for (std::int64_t line = 0; line < input.shape[0]; ++line) {
      read(input.values.data() + line * input.shape[1] * plane, plane,
           result.values.data() + line * line_size);
    }
    return result;
  }

 private:
  void read(const float* input, std::ptrdiff_t plane, float* result) const {
    for (std::ptrdiff_t channel = 0; channel < 2; ++channel) {
      const float* begin = input + channel * plane;
      const float greatest = *std::max_element(begin, begin + plane);
      const int value = static_cast<int>(std::lround((greatest * 0.5F + 0.5F) * 255));
      const int level = std::clamp((value - level_value(0)) / kLevelStep, 0, classes_ - 3);
      result[2 * channel * classes_ + level + 1] = 0.75F;
    }
    result[classes_] = 1;
  }

  int classes_;
};

inline std::shared_ptr<FakeModel> fake_recognition(int characters, FakeModel::Function function) {
  return std::make_shared<FakeModel>(Shape{-1, 3, 48, -1}, Shape{-1, -1, characters + 2},
                                     std::move(function));
}
inline std::shared_ptr<FakeModel> fake_recognition(int characters) {
  return fake_recognition(characters, LevelReader(characters));
}

}  // namespace fastocr::testing
