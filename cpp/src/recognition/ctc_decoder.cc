#include <utility>

#include "fastocr/text_recognition.h"
#include "image/kernels.h"

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

}  // namespace

CtcDecoder::CtcDecoder(std::vector<std::string> characters) : characters_(std::move(characters)) {
  characters_.emplace_back(" ");
}

RecognizedText CtcDecoder::decode(const float* probabilities, int steps) const {
  constexpr int kBlank = 0;
  const auto& kernel = kernels::active();
  const int classes = static_cast<int>(class_count());
  RecognizedText result;
  std::vector<float> kept;
  int previous = kBlank;
  for (int t = 0; t < steps; ++t) {
    const float* step = probabilities + static_cast<std::size_t>(t) * classes;
    const int best = kernel.arg_max(step, classes);
    if (best != kBlank && best != previous) {
      result.text += characters_[best - 1];
      kept.push_back(step[best]);
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
