#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <utility>
#include <vector>

#include "fastocr/geometry.h"
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
// each row all pixels from the first to the second crossing of an edge. For a convex quad both
// together are one span a row.
class FilledQuad {
 public:
  FilledQuad(const QuadI& corners, int width, int height)
      : width_(width), height_(height), outline_(height), crossings_(height) {
    for (int i = 0; i < 4; ++i) add_edge(corners[i], corners[(i + 1) % 4]);
  }

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
      outline_[p.y].add(p.x);
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
      crossings_[y].add(static_cast<int>(x >> 16));
    }
  }

  static constexpr std::int64_t kOne = 65536;

  int width_, height_;
  std::vector<Span> outline_, crossings_;
};

int bounded(float value, int size) {
  // The comparison comes first: a huge float must not be cast.
  return static_cast<int>(std::clamp(value, 0.0F, static_cast<float>(size - 1)));
}

}  // namespace

double box_score(const MapView& map, const Quad& quad) {
  if (map.width <= 0 || map.height <= 0) return 0;
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
  const FilledQuad filled(corners, width, height);
  const auto& kernel = kernels::active();
  double total = 0;
  std::int64_t count = 0;
  for (int y = 0; y < height; ++y) {
    const Span span = filled[y];
    if (span.empty()) continue;
    const float* row = map.data + static_cast<std::ptrdiff_t>(y0 + y) * map.width + x0;
    total += kernel.sum(row + span.first, span.last - span.first + 1);
    count += span.last - span.first + 1;
  }
  return count > 0 ? total / static_cast<double>(count) : 0;
}

}  // namespace fastocr
