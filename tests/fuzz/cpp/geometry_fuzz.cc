// Shapes: any mask, any polygon, any corners, also such that are no numbers.
#include <cmath>
#include <numeric>

#include "fastocr/geometry.h"
#include "fuzz_input.h"

namespace fastocr::fuzz {
namespace {

constexpr int kMostPixels = 40;  // of a side
constexpr int kExtent = 200;

bool lies_in(const PointI& point, int width, int height) {
  return point.x >= 0 && point.y >= 0 && point.x < width && point.y < height;
}

std::vector<PointI> polygon(FuzzInput& input, int most) {
  std::vector<PointI> points(static_cast<std::size_t>(input.integer(0, most)));
  for (PointI& point : points) point = {input.coordinate(kExtent), input.coordinate(kExtent)};
  return points;
}

struct Map {
  std::vector<float> values;
  MapView view;

  explicit Map(FuzzInput& input) {
    view.width = input.integer(1, kMostPixels);
    view.height = input.integer(1, kMostPixels);
    const auto pattern = input.numbers(static_cast<std::size_t>(input.integer(1, 16)), 0, 1);
    values.resize(static_cast<std::size_t>(view.width) * view.height);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = pattern[i % pattern.size()];
    view.data = values.data();
  }
};

void contours(FuzzInput& input) {
  const int width = input.integer(0, kMostPixels), height = input.integer(0, kMostPixels);
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(width) * height);
  std::uint8_t bits = 0;
  for (std::size_t i = 0; i < mask.size(); ++i, bits = static_cast<std::uint8_t>(bits >> 1)) {
    if (i % 8 == 0) bits = input.byte();
    mask[i] = bits & 1;
  }
  const Contours found = find_contours(mask.data(), width, height);
  for (std::size_t k = 0; k < found.size(); ++k) {
    require(!found[k].empty());
    for (const PointI& point : found[k]) {
      require(lies_in(point, width, height));
      require(mask[static_cast<std::size_t>(point.y) * width + point.x] != 0);
    }
    const MinAreaRect rect = min_area_rect(found[k]);
    require(std::isfinite(rect.width) && std::isfinite(rect.height));
    require(approximate_polygon(found[k], input.number(0, 4)).size() <= found[k].size());
  }
}

void rectangles(FuzzInput& input) {
  std::vector<PointF> points(static_cast<std::size_t>(input.integer(0, 24)));
  for (PointF& point : points) point = {input.number(-99, 99), input.number(-99, 99)};
  static_cast<void>(min_area_rect(points));
  const auto whole = polygon(input, 24);
  static_cast<void>(min_area_rect(whole));
  static_cast<void>(order_corners(input.quad(kExtent)));
}

void scores(FuzzInput& input) {
  const Map map(input);
  static_cast<void>(box_score(map.view, input.quad(1.5F * kMostPixels)));
  std::vector<PointI> points(static_cast<std::size_t>(input.integer(0, 12)));
  for (PointI& point : points) {
    point = {input.integer(0, map.view.width - 1), input.integer(0, map.view.height - 1)};
  }
  static_cast<void>(polygon_score(map.view, points));
}

void growing(FuzzInput& input) {
  const double ratio = input.number(-1, 4);
  static_cast<void>(unclip_quad(input.quad(kExtent), ratio));
  const auto points = polygon(input, 14);
  for (const auto& grown : unclip_polygon(points, ratio)) require(grown.size() >= 3);
  require(!(perimeter(points) < 0));
}

void approximation(FuzzInput& input) {
  const auto points = polygon(input, 40);
  const auto fewer = approximate_polygon(points, input.number(-1, 50));
  require(fewer.size() <= points.size());
}

void order(FuzzInput& input) {
  std::vector<QuadI> boxes(static_cast<std::size_t>(input.integer(0, 30)));
  for (QuadI& box : boxes) box = input.whole_quad(kExtent);
  auto indices = reading_order(boxes);
  std::sort(indices.begin(), indices.end());
  std::vector<std::size_t> all(boxes.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  require(indices == all);
}

}  // namespace
}  // namespace fastocr::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fastocr::fuzz;
  call_one(FuzzInput(data, size), {contours, rectangles, scores, growing, approximation, order});
  return 0;
}
