#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "fastocr/memory.h"
#include "fastocr/text_recognition.h"
#include "kernels/kernels.h"
#include "recognition/class_projection.h"

namespace fastocr {
namespace {

using kernels::kClassBlock;
using kernels::kQuantizedGroup;

constexpr float kNeverWins = -1e30F;
// Blocks of classes this far below the best one are left out of the sum that makes a score. The
// scores of 937 lines of real images rise by 7e-5 on average for it, and by 8e-4 at most.
constexpr float kNegligible = 12.0F;
// Room for the rounding of float sums, which no bound below counts.
constexpr float kRounding = 1e-3F;
// The part of a projection's bound that counts where a rare miss would do no harm: the rests have
// at least 32 dimensions, and chance turns two of them to this only once in a hundred.
constexpr float kLikelyRest = 0.4F;

std::size_t rounded_up(int value, int step) {
  return static_cast<std::size_t>((value + step - 1) / step * step);
}

// How many units a value is, as 8 bits hold them. The order of comparisons matters: what is no
// number, as a quotient of values too small to have a unit, becomes the least.
float rounded_to_8_bits(float value, float unit) {
  return std::min(std::max(-127.0F, std::nearbyint(value / unit)), 127.0F);
}

}  // namespace

struct CtcHead::Impl {
  explicit Impl(const LinearClassifier& source)
      : features(source.features),
        classes(source.classes),
        padded_features(rounded_up(source.features, kQuantizedGroup)),
        padded_classes(rounded_up(source.classes, kClassBlock)),
        kernel(kernels::active()),
        weights(padded_features * padded_classes, 0.0F),
        bias(padded_classes, kNeverWins),
        quantized(padded_features * padded_classes, 0),
        scale(padded_classes, 0.0F),
        minus_offset(padded_classes, 0) {
    for (int n = 0; n < classes; ++n) add_class(source, n);
    packed = {static_cast<int>(padded_features),
              static_cast<int>(padded_classes / kClassBlock),
              weights.data(),
              bias.data(),
              quantized.data(),
              scale.data(),
              minus_offset.data()};
    if (kernel.quantized_block_maxima == nullptr && ClassProjection::suits(source)) {
      projection.emplace(source, bias.data(), packed.blocks);
    }
  }

  void add_class(const LinearClassifier& source, int n) {
    const auto weight = [&](int k) {
      return source.weights[static_cast<std::size_t>(k) * source.classes + n];
    };
    const std::size_t block = static_cast<std::size_t>(n) / kClassBlock;
    const std::size_t column = static_cast<std::size_t>(n) % kClassBlock;
    float largest = 0;
    for (int k = 0; k < features; ++k) largest = std::max(largest, std::fabs(weight(k)));
    scale[n] = largest / 127.0F;
    bias[n] = source.bias[n];
    double norm = 0, error = 0;
    std::int32_t sum = 0;
    for (int k = 0; k < features; ++k) {
      const float w = weight(k);
      const auto q = static_cast<std::int8_t>(largest > 0 ? rounded_to_8_bits(w, scale[n]) : 0.0F);
      const std::size_t row = block * padded_features + static_cast<std::size_t>(k);
      weights[row * kClassBlock + column] = w;
      const std::size_t group = row / kQuantizedGroup, place = row % kQuantizedGroup;
      quantized[(group * kClassBlock + column) * kQuantizedGroup + place] = q;
      sum += q;
      const double difference = static_cast<double>(w) - static_cast<double>(q) * scale[n];
      norm += static_cast<double>(w) * w;
      error += difference * difference;
    }
    minus_offset[n] = -128 * sum;
    largest_norm = std::max(largest_norm, std::sqrt(norm));
    largest_error = std::max(largest_error, std::sqrt(error));
  }

  int features, classes;
  std::size_t padded_features, padded_classes;
  const kernels::KernelTable& kernel;
  BlockVector<float> weights, bias;
  BlockVector<std::int8_t> quantized;
  BlockVector<float> scale;
  BlockVector<std::int32_t> minus_offset;
  double largest_norm = 0;   // of a class's weights
  double largest_error = 0;  // of their 8-bit form
  kernels::PackedClassifier packed;
  std::optional<ClassProjection> projection;  // where the CPU has no fast 8-bit products
};

CtcHead::CtcHead(const LinearClassifier& classifier)
    : impl_(std::make_unique<const Impl>(classifier)) {}
CtcHead::~CtcHead() = default;

int CtcHead::features() const { return impl_->features; }
int CtcHead::classes() const { return impl_->classes; }

struct CtcHead::Scores::State {
  std::shared_ptr<const CtcHead> head;
  int steps = 0;
  std::vector<float> rows;              // steps x padded features
  std::vector<float> maxima;            // steps x blocks, approximate
  std::vector<float> bounds;            // how far from the truth, a step
  std::vector<std::uint8_t> quantized;  // steps x padded features
  std::vector<kernels::QuantizedRow> quantized_rows;
  std::vector<float> projected;    // steps x directions
  std::vector<float> best_scores;  // a step
  float block[kClassBlock];
  float margin = 0;
  float best_score = 0;
  int best = 0;
  float second_score = 0;
  int second = -1;

  const Impl& impl() const { return *head->impl_; }
  const float* row(int step) const {
    return rows.data() + static_cast<std::size_t>(step) * impl().padded_features;
  }
  const float* step_maxima(int step) const {
    return maxima.data() + static_cast<std::size_t>(step) * impl().packed.blocks;
  }

  void copy_rows(const float* features) {
    const std::size_t width = impl().padded_features;
    rows.assign(width * static_cast<std::size_t>(steps), 0.0F);
    for (int step = 0; step < steps; ++step) {
      std::copy_n(features + static_cast<std::size_t>(step) * impl().features, impl().features,
                  rows.begin() + static_cast<std::ptrdiff_t>(width) * step);
    }
  }

  // The error of a product of approximations is at most |x - x'| |w| + |x'| |w - w'|
  // (Cauchy-Schwarz), with the largest class norms.
  void quantize(int step) {
    const std::size_t width = impl().padded_features;
    const float* x = row(step);
    std::uint8_t* q = quantized.data() + static_cast<std::size_t>(step) * width;
    float largest = 0;
    for (std::size_t k = 0; k < width; ++k) largest = std::max(largest, std::fabs(x[k]));
    const float unit = largest > 0 ? largest / 127.0F : 1.0F;
    double error = 0, norm = 0;
    for (std::size_t k = 0; k < width; ++k) {
      const float rounded = rounded_to_8_bits(x[k], unit);
      q[k] = static_cast<std::uint8_t>(static_cast<int>(rounded) + 128);
      const double approximation = static_cast<double>(rounded) * unit;
      error += (x[k] - approximation) * (x[k] - approximation);
      norm += approximation * approximation;
    }
    bounds[step] = static_cast<float>(std::sqrt(error) * impl().largest_norm +
                                      std::sqrt(norm) * impl().largest_error);
    quantized_rows[step] = {q, unit};
  }

  void screen() {
    const auto& packed = impl().packed;
    maxima.resize(static_cast<std::size_t>(steps) * packed.blocks);
    bounds.assign(static_cast<std::size_t>(steps), 0.0F);
    if (impl().kernel.quantized_block_maxima != nullptr) return screen_quantized();
    if (impl().projection) return screen_projected(*impl().projection);
    impl().kernel.block_maxima(packed, rows.data(), steps, maxima.data());
  }

  void screen_quantized() {
    quantized.resize(rows.size());
    quantized_rows.resize(static_cast<std::size_t>(steps));
    for (int step = 0; step < steps; ++step) quantize(step);
    impl().kernel.quantized_block_maxima(impl().packed, quantized_rows.data(), steps,
                                         maxima.data());
  }

  void screen_projected(const ClassProjection& projection) {
    projected.resize(static_cast<std::size_t>(steps) * ClassProjection::kDirections);
    for (int step = 0; step < steps; ++step) {
      bounds[step] =
          projection.project(row(step), projected.data() + static_cast<std::ptrdiff_t>(step) *
                                                               ClassProjection::kDirections);
    }
    impl().kernel.block_maxima(projection.packed(), projected.data(), steps, maxima.data());
  }

  // How far the maximum of a block may be from the truth.
  float bound(int step, int b) const {
    return impl().projection ? bounds[step] * impl().projection->block_rests()[b] : bounds[step];
  }

  // How far it is but for rare exceptions.
  float likely_bound(int step, int b) const {
    return impl().projection ? kLikelyRest * bound(step, b) : bounds[step];
  }

  // Takes one class of a block for the best or the second best; of equal ones the first is best.
  void rank(int b, int i) {
    const int number = b * kClassBlock + i;
    if (block[i] > best_score || (block[i] == best_score && number < best)) {
      second_score = std::exchange(best_score, block[i]);
      second = std::exchange(best, number);
    } else if (block[i] > second_score) {
      second_score = block[i];
      second = number;
    }
  }

  void rank_block(int step, int b) {
    impl().kernel.block_scores(impl().packed, row(step), b, block);
    const int i = impl().kernel.arg_max(block, kClassBlock);
    rank(b, i);
    if (margin == 0) return;
    block[i] = kNeverWins;
    rank(b, impl().kernel.arg_max(block, kClassBlock));
  }
};

CtcHead::Scores::Scores(std::shared_ptr<const CtcHead> head) : state_(std::make_unique<State>()) {
  state_->head = std::move(head);
}
CtcHead::Scores::~Scores() = default;

void CtcHead::Scores::set(const float* features, int steps, float margin) {
  state_->steps = steps;
  state_->margin = margin;
  state_->best_scores.resize(static_cast<std::size_t>(steps));
  state_->copy_rows(features);
  state_->screen();
}

int CtcHead::Scores::steps() const { return state_->steps; }

int CtcHead::Scores::best(int step) {
  State& s = *state_;
  const int blocks = s.impl().packed.blocks;
  const float* maxima = s.step_maxima(step);
  s.best = 0;
  s.second = -1;
  s.best_score = s.second_score = kNeverWins;
  // The most promising block first: what it really holds rules out most others.
  const auto top = static_cast<int>(std::max_element(maxima, maxima + blocks) - maxima);
  s.rank_block(step, top);
  for (int b = 0; b < blocks; ++b) {
    const float least = s.best_score - s.margin - kRounding;
    if (b != top && maxima[b] + s.bound(step, b) >= least) s.rank_block(step, b);
  }
  s.best_scores[step] = s.best_score;
  return s.best;
}

int CtcHead::Scores::rival(int) {
  const State& s = *state_;
  return s.second_score > s.best_score - s.margin ? s.second : -1;
}

// Block by block, so that the weights of a block are read once for all steps.
std::vector<float> CtcHead::Scores::probabilities(const std::vector<int>& steps) {
  const State& s = *state_;
  std::vector<float> totals(steps.size());
  std::vector<kernels::ExpSumRow> rows;
  for (int b = 0; b < s.impl().packed.blocks; ++b) {
    rows.clear();
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const int step = steps[i];
      const float best = s.best_scores[step];
      if (s.step_maxima(step)[b] + s.likely_bound(step, b) >= best - kNegligible) {
        rows.push_back({s.row(step), best, &totals[i]});
      }
    }
    s.impl().kernel.add_exp_sums(s.impl().packed, b, rows.data(), static_cast<int>(rows.size()));
  }
  for (float& total : totals) total = 1.0F / total;
  return totals;
}

}  // namespace fastocr
