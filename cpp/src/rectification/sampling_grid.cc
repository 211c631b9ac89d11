#include <algorithm>
#include <cmath>

#include "fastocr/errors.h"
#include "fastocr/rectification.h"
#include "rectification/evenly_spaced.h"

namespace fastocr {
namespace {

// From -1..1 to the pixel centres of an axis.
void to_pixels(const float* values, std::size_t count, int size, float* pixels) {
  const float half = static_cast<float>(size - 1) / 2;
  for (std::size_t i = 0; i < count; ++i) pixels[i] = (values[i] + 1) * half;
}

// What is no number becomes the lower bound.
float bounded(float value, float low, float high) {
  return value >= low ? std::min(value, high) : low;
}

// The coordinates of boxes have their origin half a pixel before the first pixel's centre.
constexpr float kCentre = 0.5F;

}  // namespace

SamplingGrid::SamplingGrid(const float* grid, int columns, int rows, Size page)
    : columns_(columns), rows_(rows), page_(page) {
  if (columns < 1 || rows < 1 || page.width < 1 || page.height < 1) {
    throw Error(ErrorKind::kInvalidInput, "an empty sampling grid or page");
  }
  const std::size_t count = row_offset(rows);
  points_.resize(2 * count);
  to_pixels(grid, count, page.width, points_.data());
  to_pixels(grid + count, count, page.height, points_.data() + count);
}

PointF SamplingGrid::to_source(const PointF& point) const {
  const float width = static_cast<float>(page_.width), height = static_cast<float>(page_.height);
  // The outermost cells go on to the border, half a pixel beyond the outermost points.
  const Position column =
      position_between(bounded(point.x, 0, width) - kCentre, page_.width, columns_);
  const Position row = position_between(bounded(point.y, 0, height) - kCentre, page_.height, rows_);
  const auto value = [&](const float* top, const float* bottom) {
    const float left =
        top[column.index] + row.fraction * (bottom[column.index] - top[column.index]);
    const float right = top[column.next] + row.fraction * (bottom[column.next] - top[column.next]);
    return left + column.fraction * (right - left) + kCentre;
  };
  return {bounded(value(xs(row.index), xs(row.next)), 0, width),
          bounded(value(ys(row.index), ys(row.next)), 0, height)};
}

PointF UnwarpedPage::to_original(const PointF& point) const {
  if (grid) return grid->to_source(point);
  throw Error(ErrorKind::kUnsupportedOption,
              "places in an unwarped page cannot be mapped back: this engine runs the unwarping "
              "network as a whole; use an inference.onnx with engine='openvino'");
}

}  // namespace fastocr
