#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <utility>

#include "fastocr/geometry.h"

namespace fastocr {

std::vector<std::size_t> reading_order(std::span<const QuadI> boxes) {
  constexpr int kSameLine = 10;  // pixels, whatever the size of the page
  std::vector<std::size_t> order(boxes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto corner = [&](std::size_t position) { return boxes[order[position]][0]; };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(boxes[a][0].y, boxes[a][0].x) < std::pair(boxes[b][0].y, boxes[b][0].x);
  });
  for (std::size_t i = 1; i < order.size(); ++i) {
    for (std::size_t j = i; j > 0; --j) {
      const PointI upper = corner(j - 1), lower = corner(j);
      if (std::abs(std::int64_t{lower.y} - upper.y) >= kSameLine || lower.x >= upper.x) break;
      std::swap(order[j - 1], order[j]);
    }
  }
  return order;
}

}  // namespace fastocr
