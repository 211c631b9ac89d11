#include <array>
#include <cmath>
#include <vector>

#include "fastocr/errors.h"
#include "fastocr/image.h"
#include "kernels/kernels.h"

namespace fastocr {
namespace {

constexpr int kSteps = 32;  // sub-pixel positions a side
constexpr int kTaps = 4;
constexpr int kWeightOne = 32768;

using TapWeights = std::array<std::int16_t, kTaps * kTaps>;

// Weights of the four taps at -1, 0, 1, 2 for a position in [0, 1) (Keys 1981, A = -0.75).
std::array<float, kTaps> cubic_weights(float x) {
  constexpr float kA = -0.75F;
  std::array<float, kTaps> w;
  w[0] = ((kA * (x + 1) - 5 * kA) * (x + 1) + 8 * kA) * (x + 1) - 4 * kA;
  w[1] = ((kA + 2) * x - (kA + 3)) * x * x + 1;
  w[2] = ((kA + 2) * (1 - x) - (kA + 3)) * (1 - x) * (1 - x) + 1;
  w[3] = 1.0F - w[0] - w[1] - w[2];
  return w;
}

// Rounding must not make flat areas brighter or darker: what is missing to (or beyond) one goes to
// the largest (smallest) of the four weights from tap (2, 2) on, where OpenCV corrects it.
void correct_sum(TapWeights& weights) {
  int sum = 0;
  for (const std::int16_t w : weights) sum += w;
  const int error = sum - kWeightOne;
  if (error == 0) return;
  int smallest = 2 * kTaps + 2, largest = smallest;
  for (const int i : {2 * kTaps + 2, 2 * kTaps + 3, 3 * kTaps + 2, 3 * kTaps + 3}) {
    if (weights[i] < weights[smallest]) {
      smallest = i;
    } else if (weights[i] > weights[largest]) {
      largest = i;
    }
  }
  const int corrected = error < 0 ? largest : smallest;
  weights[corrected] = static_cast<std::int16_t>(weights[corrected] - error);
}

TapWeights tap_weights(int x_step, int y_step) {
  const auto wx = cubic_weights(static_cast<float>(x_step) / kSteps);
  const auto wy = cubic_weights(static_cast<float>(y_step) / kSteps);
  TapWeights weights;
  for (int j = 0; j < kTaps; ++j) {
    for (int i = 0; i < kTaps; ++i) {
      const float value = std::nearbyint(wy[j] * wx[i] * kWeightOne);
      weights[kTaps * j + i] = static_cast<std::int16_t>(std::fmin(value, 32767.0F));
    }
  }
  correct_sum(weights);
  return weights;
}

const std::int16_t* weight_table() {
  static const std::vector<TapWeights> table = [] {
    std::vector<TapWeights> t(static_cast<std::size_t>(kSteps) * kSteps);
    for (int y = 0; y < kSteps; ++y) {
      for (int x = 0; x < kSteps; ++x) t[kSteps * y + x] = tap_weights(x, y);
    }
    return t;
  }();
  return table.front().data();
}

}  // namespace

void warp_perspective(const ImageView& source, const Homography& result_to_source, int width,
                      int height, Image& result) {
  if (source.empty()) throw Error(ErrorKind::kInvalidInput, "warp of an empty image");
  const auto& kernel = kernels::active();
  const std::int16_t* weights = weight_table();
  result.resize(width, height);
  std::vector<std::int32_t> positions(2 * static_cast<std::size_t>(width));
  std::int32_t* xs = positions.data();
  std::int32_t* ys = xs + width;
  for (int y = 0; y < height; ++y) {
    kernel.warp_positions(result_to_source.data(), y, width, xs, ys);
    kernel.warp_row(source.data, source.width, source.height, source.stride, xs, ys, weights, width,
                    result.row(y));
  }
}

}  // namespace fastocr
