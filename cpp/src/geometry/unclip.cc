#include <algorithm>
#include <cmath>

#include "fastocr/geometry.h"
#include "geometry/polygon_union.h"
#include "geometry/reach.h"

namespace fastocr {
namespace {

struct Vector {
  double x, y;
};

double polygon_area(const Quad& quad) {
  double twice = 0;
  for (int i = 0; i < 4; ++i) {
    const PointF &p = quad[(i + 3) % 4], &q = quad[i];
    twice += static_cast<double>(p.x) * q.y - static_cast<double>(p.y) * q.x;
  }
  return std::fabs(twice * 0.5);
}

double polygon_perimeter(const Quad& quad) {
  double total = 0;
  for (int i = 0; i < 4; ++i) {
    const float dx = quad[(i + 1) % 4].x - quad[i].x, dy = quad[(i + 1) % 4].y - quad[i].y;
    total += static_cast<double>(std::sqrt(dx * dx + dy * dy));
  }
  return total;
}

std::vector<PointI> truncated(const Quad& quad) {
  std::vector<PointI> points;
  for (const PointF& p : quad) {
    points.push_back({static_cast<int>(within_reach(p.x)), static_cast<int>(within_reach(p.y))});
  }
  return points;
}

std::int64_t twice_signed_area(std::span<const PointI> points) {
  std::int64_t twice = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const PointI &p = points[i], &q = points[(i + 1) % points.size()];
    twice += static_cast<std::int64_t>(p.x) * q.y - static_cast<std::int64_t>(p.y) * q.x;
  }
  return twice;
}

// Without consecutive duplicates, and turned so that growing moves edges outwards.
std::vector<PointI> oriented(std::span<const PointI> corners) {
  std::vector<PointI> points;
  for (const PointI& point : corners) {
    if (points.empty() || !(points.back() == point)) points.push_back(point);
  }
  while (points.size() > 1 && points.front() == points.back()) points.pop_back();
  if (twice_signed_area(points) < 0) std::reverse(points.begin(), points.end());
  return points;
}

int round_half_away(double value) {
  return static_cast<int>(value < 0 ? value - 0.5 : value + 0.5);
}

// Polygon offsetting with round joins after the Clipper library (A. Johnson, version 6): an arc is
// a chain of chords that stay within a quarter of a unit of the circle.
class RoundOffset {
 public:
  explicit RoundOffset(double delta) : delta_(delta) {
    constexpr double kPi = 3.141592653589793238;
    constexpr double kArcTolerance = 0.25;
    const double deviation = std::min(kArcTolerance, delta * kArcTolerance);
    const double steps = std::min(kPi / std::acos(1 - deviation / delta), delta * kPi);
    sine_ = std::sin(2 * kPi / steps);
    cosine_ = std::cos(2 * kPi / steps);
    steps_per_radian_ = steps / (2 * kPi);
  }

  std::vector<PointI> grow(const std::vector<PointI>& polygon) {
    const std::size_t n = polygon.size();
    std::vector<Vector> normals(n);
    for (std::size_t i = 0; i < n; ++i) normals[i] = normal(polygon[i], polygon[(i + 1) % n]);
    for (std::size_t i = 0; i < n; ++i) join(polygon[i], normals[(i + n - 1) % n], normals[i]);
    return std::move(result_);
  }

 private:
  static Vector normal(const PointI& a, const PointI& b) {
    const double dx = b.x - a.x, dy = b.y - a.y;
    const double inverse = 1.0 / std::sqrt(dx * dx + dy * dy);
    return {dy * inverse, -dx * inverse};
  }

  void add(const PointI& corner, const Vector& direction) {
    result_.push_back({round_half_away(corner.x + direction.x * delta_),
                       round_half_away(corner.y + direction.y * delta_)});
  }

  void join(const PointI& corner, const Vector& before, const Vector& after) {
    const double cosine = before.x * after.x + before.y * after.y;
    double sine = before.x * after.y - after.x * before.y;
    if (std::fabs(sine * delta_) < 1.0 && cosine > 0) return add(corner, before);
    sine = std::clamp(sine, -1.0, 1.0);
    if (sine < 0) {  // a reflex corner: the sides' own offsets, which cross, and the corner itself
      add(corner, before);
      result_.push_back(corner);
      return add(corner, after);
    }
    arc(corner, before, after, std::atan2(sine, cosine));
  }

  void arc(const PointI& corner, Vector direction, const Vector& after, double angle) {
    const int steps = std::max(round_half_away(steps_per_radian_ * std::fabs(angle)), 1);
    for (int i = 0; i < steps; ++i) {
      add(corner, direction);
      direction = {direction.x * cosine_ - sine_ * direction.y,
                   direction.x * sine_ + direction.y * cosine_};
    }
    add(corner, after);
  }

  double delta_, sine_, cosine_, steps_per_radian_;
  std::vector<PointI> result_;
};

// The curve around a polygon at the distance that the ratio stands for; empty when there is none.
std::vector<PointI> grown(std::span<const PointI> corners, double area, double length,
                          double ratio) {
  if (!(length > 0)) return {};
  const double delta = area * ratio / length;
  const std::vector<PointI> polygon = oriented(corners);
  // Beyond any image, and where coordinates would leave the range of int.
  constexpr double kLargestDelta = 1e7;
  if (polygon.size() < 3 || !(delta > 0) || delta > kLargestDelta) return {};
  return RoundOffset(delta).grow(polygon);
}

}  // namespace

std::vector<PointI> unclip_quad(const Quad& quad, double ratio) {
  const double area = polygon_area(quad);
  // Neither does it grow with corners that are no numbers.
  if (!std::isfinite(area)) return {};
  return grown(truncated(quad), area, polygon_perimeter(quad), ratio);
}

std::vector<std::vector<PointI>> unclip_polygon(std::span<const PointI> corners, double ratio) {
  const std::vector<PointI> polygon = within_reach(corners);
  const double area = std::fabs(static_cast<double>(twice_signed_area(polygon))) / 2;
  return positive_regions(grown(polygon, area, perimeter(polygon), ratio));
}

}  // namespace fastocr
