#include <utility>

#include "fastocr/text_recognition.h"
#include "kernels/kernels.h"

namespace fastocr {
namespace {

// The order of additions of numpy's float32 sum, which the reference's scores come from: blocks of
// up to 128 values in eight interleaved partial sums, larger ranges halved.
float pairwise_sum(const float* values, std::size_t count) {
  if (count < 8) {
    float total = 0;
    for (std::size_t i = 0; i < count; ++i) total += values[i];
    return total;
  }
  if (count > 128) {
    const std::size_t half = count / 2 - (count / 2) % 8;
    return pairwise_sum(values, half) + pairwise_sum(values + half, count - half);
  }
  float lanes[8];
  for (int k = 0; k < 8; ++k) lanes[k] = values[k];
  std::size_t i = 8;
  for (; i + 8 <= count; i += 8) {
    for (int k = 0; k < 8; ++k) lanes[k] += values[i + k];
  }
  float total = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
                ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
  for (; i < count; ++i) total += values[i];
  return total;
}

class ProbabilityMatrix final : public StepScores {
 public:
  ProbabilityMatrix(const float* probabilities, int steps, int classes)
      : probabilities_(probabilities), steps_(steps), classes_(classes) {}

  int steps() const override { return steps_; }
  int best(int step) override {
    row_ = probabilities_ + static_cast<std::size_t>(step) * classes_;
    return best_ = kernels::active().arg_max(row_, classes_);
  }
  float probability(int) override { return row_[best_]; }

 private:
  const float* probabilities_;
  int steps_, classes_;
  const float* row_ = nullptr;
  int best_ = 0;
};

}  // namespace

CtcDecoder::CtcDecoder(std::vector<std::string> characters) : characters_(std::move(characters)) {
  characters_.emplace_back(" ");
}

RecognizedText CtcDecoder::decode(const float* probabilities, int steps) const {
  ProbabilityMatrix scores(probabilities, steps, static_cast<int>(class_count()));
  return decode(scores);
}

RecognizedText CtcDecoder::decode(StepScores& scores) const {
  constexpr int kBlank = 0;
  RecognizedText result;
  std::vector<float> kept;
  int previous = kBlank;
  for (int step = 0; step < scores.steps(); ++step) {
    const int best = scores.best(step);
    if (best != kBlank && best != previous) {
      result.text += characters_[best - 1];
      kept.push_back(scores.probability(step));
    }
    previous = best;
  }
  if (!kept.empty()) {
    const float mean = pairwise_sum(kept.data(), kept.size()) / static_cast<float>(kept.size());
    result.score = static_cast<double>(mean);
  }
  return result;
}

}  // namespace fastocr
