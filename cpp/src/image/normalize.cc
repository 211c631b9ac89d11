#include <algorithm>
#include <cstddef>

#include "fastocr/image.h"
#include "kernels/kernels.h"

namespace fastocr {

Normalization Normalization::from_statistics(const PixelStatistics& statistics) {
  const auto& [mean, std, scale] = statistics;
  Normalization n{Kind::kMultiplyAdd, {}, {}, {}};
  for (int c = 0; c < kChannels; ++c) {
    n.a[c] = static_cast<float>(scale / std[c]);
    n.b[c] = static_cast<float>(-mean[c] / std[c]);
  }
  return n;
}

const Normalization& Normalization::detection() {
  static const Normalization value = from_statistics({});
  return value;
}

const Normalization& Normalization::recognition() {
  static const Normalization value{Kind::kDivideSubtractDivide,
                                   {255.0F, 255.0F, 255.0F},
                                   {0.5F, 0.5F, 0.5F},
                                   {0.5F, 0.5F, 0.5F}};
  return value;
}

void normalize_to_planes(const ImageView& source, const Normalization& normalization,
                         int plane_width, float* planes) {
  const auto& kernel = kernels::active();
  const auto& [kind, a, b, c] = normalization;
  const std::size_t plane_size = static_cast<std::size_t>(plane_width) * source.height;
  for (int y = 0; y < source.height; ++y) {
    float* first = planes + static_cast<std::size_t>(y) * plane_width;
    float* const rows[kChannels] = {first, first + plane_size, first + 2 * plane_size};
    if (kind == Normalization::Kind::kMultiplyAdd) {
      kernel.multiply_add_row(source.row(y), source.width, a.data(), b.data(), rows);
    } else {
      kernel.divide_subtract_divide_row(source.row(y), source.width, a.data(), b.data(), c.data(),
                                        rows);
    }
    for (float* row : rows) std::fill(row + source.width, row + plane_width, 0.0F);
  }
}

}  // namespace fastocr
