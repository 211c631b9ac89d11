#include <algorithm>
#include <array>
#include <utility>

#include "fastocr/text_recognition.h"
#include "kernels/kernels.h"
#include "recognition/pairwise_sum.h"

namespace fastocr {
namespace {

constexpr int kBlank = 0;

// A class that comes second in a step.
struct Rival {
  int step;
  int label;
};

// What a step and the next one add to the text, after `previous`.
std::array<int, 2> added(int previous, int label, int next) {
  const int first = label != previous ? label : kBlank;
  const int second = next != label ? next : kBlank;
  return first == kBlank ? std::array{second, kBlank} : std::array{first, second};
}

// Whether the text changes when a rival takes its step.
bool changes_text(const std::vector<int>& path, const Rival& rival) {
  const auto label_at = [&](int step) {
    return step < 0 || step >= static_cast<int>(path.size()) ? kBlank : path[step];
  };
  const int previous = label_at(rival.step - 1), next = label_at(rival.step + 1);
  return added(previous, label_at(rival.step), next) != added(previous, rival.label, next);
}

class ProbabilityMatrix final : public StepScores {
 public:
  ProbabilityMatrix(const float* probabilities, int steps, int classes)
      : probabilities_(probabilities), steps_(steps), classes_(classes) {}

  int steps() const override { return steps_; }
  int best(int step) override { return kernels::active().arg_max(row(step), classes_); }
  std::vector<float> probabilities(const std::vector<int>& steps) override {
    std::vector<float> result;
    for (const int step : steps) result.push_back(row(step)[best(step)]);
    return result;
  }

 private:
  const float* row(int step) const {
    return probabilities_ + static_cast<std::size_t>(step) * classes_;
  }

  const float* probabilities_;
  int steps_, classes_;
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
  RecognizedText result;
  std::vector<int>& kept = result.columns;
  std::vector<Rival> rivals;
  std::vector<int> path;
  int previous = kBlank;
  for (int step = 0; step < scores.steps(); ++step) {
    const int best = scores.best(step);
    const int rival = scores.rival(step);
    if (rival >= 0) rivals.push_back({step, rival});
    path.push_back(best);
    if (best != kBlank && best != previous) {
      result.text += characters_[best - 1];
      kept.push_back(step);
      result.ends.push_back(static_cast<int>(result.text.size()));
    }
    previous = best;
  }
  if (!kept.empty()) {
    const std::vector<float> probabilities = scores.probabilities(kept);
    const float mean =
        pairwise_sum(probabilities.data(), kept.size()) / static_cast<float>(kept.size());
    result.score = static_cast<double>(mean);
  }
  result.certain = std::none_of(rivals.begin(), rivals.end(),
                                [&](const Rival& rival) { return changes_text(path, rival); });
  return result;
}

}  // namespace fastocr
