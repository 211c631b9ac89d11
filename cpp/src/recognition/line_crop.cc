#include <algorithm>
#include <cmath>
#include <cstring>

#include "fastocr/text_recognition.h"

namespace fastocr {
namespace {

constexpr double kTallRatio = 1.5;

float distance(const PointF& a, const PointF& b) {
  const float dx = a.x - b.x, dy = a.y - b.y;
  return std::sqrt(dx * dx + dy * dy);
}

int longer_side(float a, float b) { return std::max(static_cast<int>(std::max(a, b)), 1); }

}  // namespace

LineCrop::LineCrop(const QuadI& corners)
    : corners_(min_area_rect(std::span<const PointI>(corners)).corners),
      width_(longer_side(distance(corners_[0], corners_[1]), distance(corners_[3], corners_[2]))),
      height_(longer_side(distance(corners_[0], corners_[3]), distance(corners_[1], corners_[2]))),
      turned_(height_ / static_cast<double>(width_) >= kTallRatio) {}

bool LineCrop::is_slice_of(const ImageView& page) const {
  const PointF &a = corners_[0], &b = corners_[1], &c = corners_[2], &d = corners_[3];
  const bool aligned = a.y == b.y && c.y == d.y && a.x == d.x && b.x == c.x;
  const bool whole = a.x == std::floor(a.x) && a.y == std::floor(a.y);
  const auto w = static_cast<float>(width_), h = static_cast<float>(height_);
  return aligned && whole && b.x - a.x == w && d.y - a.y == h && a.x >= 0 && a.y >= 0 &&
         b.x <= static_cast<float>(page.width) && d.y <= static_cast<float>(page.height);
}

// The map of the unit square to a quad in closed form (Heckbert 1989), scaled to the crop's size.
Homography LineCrop::to_page() const {
  const auto [p, q, r, s] = corners_;
  const double dx1 = static_cast<double>(q.x) - r.x, dx2 = static_cast<double>(s.x) - r.x;
  const double dy1 = static_cast<double>(q.y) - r.y, dy2 = static_cast<double>(s.y) - r.y;
  const double sx = static_cast<double>(p.x) - q.x + r.x - s.x;
  const double sy = static_cast<double>(p.y) - q.y + r.y - s.y;
  const double determinant = dx1 * dy2 - dx2 * dy1;
  const double g = determinant != 0 ? (sx * dy2 - dx2 * sy) / determinant : 0;
  const double h = determinant != 0 ? (dx1 * sy - sx * dy1) / determinant : 0;
  const double w = width_, v = height_;
  return {(static_cast<double>(q.x) - p.x + g * q.x) / w,
          (static_cast<double>(s.x) - p.x + h * s.x) / v,
          p.x,
          (static_cast<double>(q.y) - p.y + g * q.y) / w,
          (static_cast<double>(s.y) - p.y + h * s.y) / v,
          p.y,
          g / w,
          h / v,
          1};
}

void LineCrop::cut(const ImageView& page, Image& scratch, Image& result) const {
  const int turns = (turned_ ? 1 : 0) + (upside_down_ ? 2 : 0);
  Image& straight = turns ? scratch : result;
  if (is_slice_of(page)) {
    straight.resize(width_, height_);
    const int x = static_cast<int>(corners_[0].x), y = static_cast<int>(corners_[0].y);
    for (int row = 0; row < height_; ++row) {
      std::memcpy(straight.row(row), page.row(y + row) + kChannels * x,
                  static_cast<std::size_t>(straight.stride()));
    }
  } else {
    warp_perspective(page, to_page(), width_, height_, straight);
  }
  if (turns) rotate_quarter_turns(scratch.view(), turns, result);
}

}  // namespace fastocr
