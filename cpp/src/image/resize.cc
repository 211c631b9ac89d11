#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "fastocr/errors.h"
#include "fastocr/image.h"
#include "kernels/kernels.h"

namespace fastocr {
namespace {

constexpr int kWeightOne = 2048;  // 11 fractional bits, as OpenCV

// Where each result coordinate lies between two source coordinates, and how they mix.
struct Axis {
  std::vector<std::int32_t> index;
  std::vector<std::int16_t> weights;  // two a coordinate
};

std::int16_t fixed_weight(float weight) {
  return static_cast<std::int16_t>(std::nearbyint(weight * kWeightOne));
}

// `count` coordinates of a result of `size`, from `first` on. `clamp_weights`: beyond the border
// OpenCV repeats the border pixel horizontally, while vertically it keeps the weights and repeats
// the row; the result of the sum is not the same to the last bit.
Axis make_axis(int source_size, std::int64_t size, std::int64_t first, int count,
               bool clamp_weights) {
  const double scale = 1.0 / (static_cast<double>(size) / source_size);
  Axis axis;
  axis.index.resize(count);
  axis.weights.resize(2 * static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    const float position = static_cast<float>((static_cast<double>(first + i) + 0.5) * scale - 0.5);
    int index = static_cast<int>(std::floor(position));
    float fraction = position - static_cast<float>(index);
    if (clamp_weights && (index < 0 || index >= source_size - 1)) {
      index = index < 0 ? 0 : source_size - 1;
      fraction = 0;
    }
    axis.index[i] = index;
    axis.weights[2 * i] = fixed_weight(1.0F - fraction);
    axis.weights[2 * i + 1] = fixed_weight(fraction);
  }
  return axis;
}

void copy_rows(const ImageView& source, Image& result) {
  for (int y = 0; y < source.height; ++y) {
    std::memcpy(result.row(y), source.row(y), static_cast<std::size_t>(result.stride()));
  }
}

void interpolate(const ImageView& source, const LargeSize& whole, const LargePoint& corner,
                 Image& result) {
  const auto& kernel = kernels::active();
  const int width = result.width();
  const Axis columns = make_axis(source.width, whole.width, corner.x, width, true);
  const Axis rows = make_axis(source.height, whole.height, corner.y, result.height(), false);
  // Eight bytes are read from the left pixel on, which is two pixels and two thirds.
  const auto safe_end = std::upper_bound(columns.index.begin(), columns.index.end(),
                                         static_cast<std::int32_t>(source.width - 3));
  const int safe = static_cast<int>(safe_end - columns.index.begin());

  const std::size_t row_size = static_cast<std::size_t>(kChannels) * width + 8;
  std::vector<std::int16_t> buffer(2 * row_size);
  std::int16_t* top = buffer.data();
  std::int16_t* bottom = buffer.data() + row_size;
  int top_row = -1, bottom_row = -1;
  const auto load = [&](int y, std::int16_t* out) {
    kernel.resize_row(source.row(y), source.width, columns.index.data(), columns.weights.data(),
                      safe, width, out);
  };
  for (int y = 0; y < result.height(); ++y) {
    const int first = std::clamp(rows.index[y], 0, source.height - 1);
    const int second = std::clamp(rows.index[y] + 1, 0, source.height - 1);
    if (first == bottom_row) {
      std::swap(top, bottom);
      std::swap(top_row, bottom_row);
    }
    if (first != top_row) load(top_row = first, top);
    if (second != bottom_row) load(bottom_row = second, bottom);
    kernel.blend_rows(top, bottom, rows.weights[2 * y], rows.weights[2 * y + 1], kChannels * width,
                      result.row(y));
  }
}

}  // namespace

void resize_bilinear(const ImageView& source, int width, int height, Image& result) {
  resize_bilinear_part(source, {width, height}, {0, 0}, {width, height}, result);
}

void resize_bilinear_part(const ImageView& source, const LargeSize& whole, const LargePoint& corner,
                          const Size& part, Image& result) {
  if (source.empty() || part.width <= 0 || part.height <= 0) {
    throw Error(ErrorKind::kInvalidInput, "resize of or to an empty image");
  }
  result.resize(part.width, part.height);
  if (Size{source.width, source.height} == part && whole.width == part.width &&
      whole.height == part.height) {
    return copy_rows(source, result);
  }
  interpolate(source, whole, corner, result);
}

}  // namespace fastocr
