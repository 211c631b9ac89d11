#include "convert.h"

#include <algorithm>
#include <limits>
#include <string>

#include "fastocr/errors.h"

namespace fastocr::bindings {
namespace {

template <typename T>
Array<T> quads(const std::vector<DetectedBox>& boxes, const std::vector<std::size_t>* selected) {
  const std::size_t count = selected ? selected->size() : boxes.size();
  std::vector<T> values;
  values.reserve(8 * count);
  for (std::size_t i = 0; i < count; ++i) {
    for (const PointI& p : boxes[selected ? (*selected)[i] : i].corners) {
      values.insert(values.end(), {static_cast<T>(p.x), static_cast<T>(p.y)});
    }
  }
  return to_array(std::move(values), {count, 4, 2});
}

}  // namespace

int to_side(std::size_t length) {
  if (length <= static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return static_cast<int>(length);
  }
  throw Error(ErrorKind::kInvalidInput, "a side of the array is " + std::to_string(length) +
                                            ": at most 2147483647 is possible");
}

ImageView to_view(const ImageArray& image) {
  const bool packed = image.stride(2) == 1 && (image.stride(1) == kChannels || image.shape(1) <= 1);
  if (!packed && image.size() > 0) {
    throw Error(ErrorKind::kInvalidInput,
                "the pixels of an image row must lie side by side; use numpy.ascontiguousarray");
  }
  return {image.data(), to_side(image.shape(1)), to_side(image.shape(0)),
          static_cast<std::ptrdiff_t>(image.stride(0))};
}

MapView to_view(const MapArray& map) {
  return {map.data(), to_side(map.shape(1)), to_side(map.shape(0))};
}

Quad to_quad(const QuadArray& quad) {
  Quad result;
  for (std::size_t i = 0; i < 4; ++i) result[i] = {quad(i, 0), quad(i, 1)};
  return result;
}

QuadI to_quad(const IntQuadArray& quad) {
  QuadI result;
  for (std::size_t i = 0; i < 4; ++i) result[i] = {quad(i, 0), quad(i, 1)};
  return result;
}

std::span<const PointF> to_points(const PointArray& points) {
  static_assert(sizeof(PointF) == 2 * sizeof(float));
  return {reinterpret_cast<const PointF*>(points.data()), points.shape(0)};
}

Array<std::uint8_t> to_array(const Image& image) {
  const ImageView view = image.view();
  const std::size_t size = static_cast<std::size_t>(view.stride) * view.height;
  return to_array(std::vector<std::uint8_t>(view.data, view.data + size),
                  {static_cast<std::size_t>(view.height), static_cast<std::size_t>(view.width),
                   std::size_t{kChannels}});
}

Quads to_quads(const std::vector<DetectedBox>& boxes, const std::vector<std::size_t>* selected,
               const Size& page) {
  constexpr int kNarrow = std::numeric_limits<std::int16_t>::max();
  if (std::max(page.width, page.height) > kNarrow) return quads<std::int32_t>(boxes, selected);
  return quads<std::int16_t>(boxes, selected);
}

Array<float> to_array(const Quad& quad) {
  std::vector<float> values;
  for (const PointF& p : quad) values.insert(values.end(), {p.x, p.y});
  return to_array(std::move(values), {4, 2});
}

Array<std::int32_t> to_array(std::span<const PointI> points) {
  std::vector<std::int32_t> values;
  values.reserve(2 * points.size());
  for (const PointI& p : points) values.insert(values.end(), {p.x, p.y});
  return to_array(std::move(values), {points.size(), 2});
}

}  // namespace fastocr::bindings
