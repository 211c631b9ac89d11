#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <utility>
#include <vector>

#include "fastocr/geometry.h"
#include "geometry/reach.h"
#include "kernels/kernels.h"

namespace fastocr {
namespace {

// A pixel range of one row, empty at first.
struct Span {
  int first = std::numeric_limits<int>::max();
  int last = std::numeric_limits<int>::min();

  void add(int x) {
    first = std::min(first, x);
    last = std::max(last, x);
  }
  bool empty() const { return last < first; }
};

// The part of a segment inside of width x height pixels, with the rounding of cv::clipLine: an end
// that lies outside moves to the border along the segment and is truncated to a pixel. Returns
// whether any part is inside; both ends may move even when none is.
bool clip_segment(int width, int height, PointI& a, PointI& b) {
  enum { kLeft = 1, kRight = 2, kAbove = 4, kBelow = 8 };
  const auto side_code = [&](const PointI& p) {
    return (p.x < 0 ? kLeft : 0) | (p.x >= width ? kRight : 0);
  };
  const auto code = [&](const PointI& p) {
    return side_code(p) | (p.y < 0 ? kAbove : 0) | (p.y >= height ? kBelow : 0);
  };
  const auto moved = [](int distance, int numerator, int denominator) {
    return static_cast<int>(static_cast<double>(distance) * numerator / denominator);
  };
  int code_a = code(a), code_b = code(b);
  const auto crosses = [&] { return (code_a & code_b) == 0 && (code_a | code_b) != 0; };
  const auto to_row = [&](PointI& p, int& p_code) {
    if ((p_code & (kAbove | kBelow)) == 0) return;
    const int y = p_code < kBelow ? 0 : height - 1;
    p.x += moved(y - p.y, b.x - a.x, b.y - a.y);
    p.y = y;
    p_code = side_code(p);
  };
  const auto to_column = [&](PointI& p, int& p_code) {
    if (p_code == 0) return;
    const int x = p_code == kLeft ? 0 : width - 1;
    p.y += moved(x - p.x, b.y - a.y, b.x - a.x);
    p.x = x;
    p_code = 0;
  };
  if (crosses()) {
    to_row(a, code_a);
    to_row(b, code_b);
    if (crosses()) {
      to_column(a, code_a);
      to_column(b, code_b);
    }
  }
  return (code_a | code_b) == 0;
}

// The pixels that cv::fillPoly sets, row by row: the outline drawn as 8-connected lines, and in
// each row all pixels from each odd crossing of an edge to the next one. `Rows` keeps both; it has
// add_outline(y, x) and add_crossing(y, x).
template <typename Rows>
class Filling {
 public:
  Filling(std::span<const PointI> corners, int width, int height, Rows& rows)
      : width_(width), height_(height), rows_(rows) {
    for (std::size_t i = 0; i < corners.size(); ++i) {
      add_edge(corners[i], corners[(i + 1) % corners.size()]);
    }
  }

 private:
  bool inside(const PointI& p) const {
    return p.x >= 0 && p.x < width_ && p.y >= 0 && p.y < height_;
  }

  void add_edge(const PointI& a, const PointI& b) {
    PointI clipped_a = a, clipped_b = b;
    if (clip_segment(width_, height_, clipped_a, clipped_b)) add_line(clipped_a, clipped_b);
    // Crossings are rounded to the nearest pixel, but those of an edge that leaves the image are
    // rounded down and follow its clipped line, as OpenCV has it since 4.5.
    if (inside(a) && inside(b)) {
      add_crossings(a, b, a, b, kOne / 2);
    } else if (clipped_a.y != clipped_b.y) {
      add_crossings(a, b, clipped_a, clipped_b, 0);
    } else {
      add_crossings(a, b, a, b, 0);
    }
  }

  // Bresenham's line with OpenCV's rounding, drawn from left to right.
  void add_line(PointI a, PointI b) {
    if (b.x < a.x) std::swap(a, b);
    const int dx = b.x - a.x, dy = std::abs(b.y - a.y), down = b.y < a.y ? -1 : 1;
    const bool steep = dy > dx;
    const int major = steep ? dy : dx, minor = steep ? dx : dy;
    int error = major - 2 * minor;
    PointI p = a;
    for (int i = 0; i <= major; ++i) {
      rows_.add_outline(p.y, p.x);
      const bool diagonal = error < 0;
      error += diagonal ? 2 * (major - minor) : -2 * minor;
      if (steep || diagonal) p.y += down;
      if (!steep || diagonal) p.x += 1;
    }
  }

  // Where the line through p and q, in 1/65536 pixel and with its slope truncated to that grid,
  // crosses the rows from a to b.
  void add_crossings(const PointI& a, const PointI& b, const PointI& p, const PointI& q,
                     std::int64_t rounding) {
    if (a.y == b.y) return;
    const std::int64_t slope = (q.x - p.x) * kOne / (q.y - p.y);
    const PointI& anchor = a.y < b.y ? p : q;
    const int begin = std::max(std::min(a.y, b.y), 0);
    const int end = std::min(std::max(a.y, b.y), height_);
    for (int y = begin; y < end; ++y) {
      const std::int64_t x = anchor.x * kOne + rounding + (y - anchor.y) * slope;
      rows_.add_crossing(y, static_cast<int>(x >> 16));
    }
  }

  static constexpr std::int64_t kOne = 65536;

  int width_, height_;
  Rows& rows_;
};

// For a convex quad, outline and crossings together are one span a row.
class ConvexRows {
 public:
  ConvexRows(int width, int height) : width_(width), outline_(height), crossings_(height) {}

  void add_outline(int y, int x) { outline_[y].add(x); }
  void add_crossing(int y, int x) { crossings_[y].add(x); }

  Span operator[](int y) const {
    Span span = outline_[y];
    const Span& inner = crossings_[y];
    if (!inner.empty() && inner.last >= 0 && inner.first < width_) {
      span.add(std::max(inner.first, 0));
      span.add(std::min(inner.last, width_ - 1));
    }
    return span;
  }

 private:
  int width_;
  std::vector<Span> outline_, crossings_;
};

// For any polygon: a mask.
class MaskRows {
 public:
  MaskRows(int width, int height)
      : width_(width), mask_(static_cast<std::size_t>(width) * height), crossings_(height) {}

  void add_outline(int y, int x) { row(y)[x] = 1; }
  void add_crossing(int y, int x) { crossings_[y].push_back(x); }

  // The mask of a row, width bytes.
  const std::uint8_t* fill(int y) {
    std::vector<int>& crossings = crossings_[y];
    std::sort(crossings.begin(), crossings.end());
    for (std::size_t i = 0; i + 1 < crossings.size(); i += 2) {
      const int first = std::max(crossings[i], 0), last = std::min(crossings[i + 1], width_ - 1);
      if (first <= last) std::fill(row(y) + first, row(y) + last + 1, std::uint8_t{1});
    }
    return row(y);
  }

 private:
  std::uint8_t* row(int y) { return mask_.data() + static_cast<std::size_t>(y) * width_; }

  int width_;
  std::vector<std::uint8_t> mask_;
  std::vector<std::vector<int>> crossings_;
};

int bounded(float value, int size) {
  // The comparison comes first: a huge float must not be cast.
  return static_cast<int>(std::clamp(value, 0.0F, static_cast<float>(size - 1)));
}

bool all_numbers(const Quad& quad) {
  return std::none_of(quad.begin(), quad.end(),
                      [](const PointF& p) { return std::isnan(p.x) || std::isnan(p.y); });
}

}  // namespace

double box_score(const MapView& map, const Quad& quad) {
  if (map.width <= 0 || map.height <= 0 || !all_numbers(quad)) return 0;
  const auto [left, right] = std::minmax({quad[0].x, quad[1].x, quad[2].x, quad[3].x});
  const auto [top, bottom] = std::minmax({quad[0].y, quad[1].y, quad[2].y, quad[3].y});
  const int x0 = bounded(std::floor(left), map.width), x1 = bounded(std::ceil(right), map.width);
  const int y0 = bounded(std::floor(top), map.height), y1 = bounded(std::ceil(bottom), map.height);

  QuadI corners;
  for (int i = 0; i < 4; ++i) {
    constexpr float kFar = 1e6F;
    corners[i] = {static_cast<int>(std::clamp(quad[i].x - static_cast<float>(x0), -kFar, kFar)),
                  static_cast<int>(std::clamp(quad[i].y - static_cast<float>(y0), -kFar, kFar))};
  }
  const int width = x1 - x0 + 1, height = y1 - y0 + 1;
  ConvexRows rows(width, height);
  const Filling filling(std::span<const PointI>(corners), width, height, rows);
  const auto& kernel = kernels::active();
  double total = 0;
  std::int64_t count = 0;
  for (int y = 0; y < height; ++y) {
    const Span span = rows[y];
    if (span.empty()) continue;
    const float* row = map.data + static_cast<std::ptrdiff_t>(y0 + y) * map.width + x0;
    total += kernel.sum(row + span.first, span.last - span.first + 1);
    count += span.last - span.first + 1;
  }
  return count > 0 ? total / static_cast<double>(count) : 0;
}

double polygon_score(const MapView& map, std::span<const PointI> polygon) {
  if (map.width <= 0 || map.height <= 0 || polygon.empty()) return 0;
  const auto by_x = [](const PointI& p, const PointI& q) { return p.x < q.x; };
  const auto by_y = [](const PointI& p, const PointI& q) { return p.y < q.y; };
  const auto [left, right] = std::minmax_element(polygon.begin(), polygon.end(), by_x);
  const auto [top, bottom] = std::minmax_element(polygon.begin(), polygon.end(), by_y);
  const int x0 = std::clamp(left->x, 0, map.width - 1), x1 = std::clamp(right->x, 0, map.width - 1);
  const int y0 = std::clamp(top->y, 0, map.height - 1);
  const int y1 = std::clamp(bottom->y, 0, map.height - 1);
  std::vector<PointI> corners;
  for (const PointI& p : polygon) {
    corners.push_back({within_reach(p.x) - x0, within_reach(p.y) - y0});
  }
  const int width = x1 - x0 + 1, height = y1 - y0 + 1;
  MaskRows rows(width, height);
  const Filling filling(std::span<const PointI>(corners), width, height, rows);
  double total = 0;
  std::int64_t count = 0;
  for (int y = 0; y < height; ++y) {
    const std::uint8_t* mask = rows.fill(y);
    const float* row = map.data + static_cast<std::ptrdiff_t>(y0 + y) * map.width + x0;
    for (int x = 0; x < width; ++x) {
      if (!mask[x]) continue;
      total += static_cast<double>(row[x]);
      ++count;
    }
  }
  return count > 0 ? total / static_cast<double>(count) : 0;
}

}  // namespace fastocr
