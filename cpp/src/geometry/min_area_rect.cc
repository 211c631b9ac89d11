#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "fastocr/geometry.h"
#include "geometry/reach.h"

namespace fastocr {
namespace {

// A point and its place in the input.
struct Indexed {
  PointF point;
  std::size_t index;
};

bool before(const Indexed& a, const Indexed& b) {
  return a.point.x < b.point.x || (a.point.x == b.point.x && a.point.y < b.point.y);
}

double cross(const PointF& o, const PointF& a, const PointF& b) {
  return (static_cast<double>(a.x) - o.x) * (static_cast<double>(b.y) - o.y) -
         (static_cast<double>(a.y) - o.y) * (static_cast<double>(b.x) - o.x);
}

std::vector<Indexed> sorted_distinct(std::span<const PointF> input) {
  std::vector<Indexed> points;
  points.reserve(input.size());
  for (const PointF& p : input) {
    if (!std::isfinite(p.x) || !std::isfinite(p.y)) continue;
    points.push_back({{within_reach(p.x), within_reach(p.y)}, points.size()});
  }
  std::stable_sort(points.begin(), points.end(), before);
  const auto same = [](const Indexed& a, const Indexed& b) {
    return !before(a, b) && !before(b, a);
  };
  points.erase(std::unique(points.begin(), points.end(), same), points.end());
  return points;
}

// Where the input runs around the hull, in either sense, the hull starts where the input does: the
// order decides between rectangles of equal area, and OpenCV's hull starts there.
void start_like_input(std::vector<Indexed>& hull) {
  const std::size_t n = hull.size();
  std::size_t ascents = 0, first = 0, last = 0;
  for (std::size_t i = 0; i < n; ++i) {
    ascents += hull[i].index < hull[(i + 1) % n].index;
    if (hull[i].index < hull[first].index) first = i;
    if (hull[i].index > hull[last].index) last = i;
  }
  if (ascents != n - 1 && ascents != 1) return;
  const std::size_t start = ascents == n - 1 ? first : last;
  std::rotate(hull.begin(), hull.begin() + static_cast<std::ptrdiff_t>(start), hull.end());
}

// Monotone chain (Andrew 1979); strictly convex, counter-clockwise in a frame with y upwards.
std::vector<PointF> convex_hull(std::span<const PointF> input) {
  const std::vector<Indexed> points = sorted_distinct(input);
  std::vector<Indexed> hull = points;
  if (points.size() > 2) {
    hull.resize(2 * points.size());
    std::size_t size = 0;
    const auto add = [&](const Indexed& p, std::size_t keep) {
      while (size >= keep + 2 && cross(hull[size - 2].point, hull[size - 1].point, p.point) <= 0) {
        --size;
      }
      hull[size++] = p;
    };
    for (const Indexed& p : points) add(p, 0);
    const std::size_t lower = size - 1;
    for (std::size_t i = points.size() - 1; i-- > 0;) add(points[i], lower);
    hull.resize(size - 1);
    if (hull.size() > 2) start_like_input(hull);
  }
  std::vector<PointF> result;
  result.reserve(hull.size());
  for (const Indexed& p : hull) result.push_back(p.point);
  return result;
}

// A rectangle by its centre and its two half-axes' lengths and direction, in the precision in which
// OpenCV hands it from cv::minAreaRect to cv::boxPoints: corners must agree to the last bits, since
// they are truncated to integers later on.
struct CenteredRect {
  PointF center;
  float width = 0, height = 0;
  float radians = 0;
};

Quad box_points(const CenteredRect& r) {
  constexpr double kPi = 3.1415926535897932384626433832795;
  const float degrees = static_cast<float>(r.radians * 180.0F / kPi);
  const double angle = degrees * kPi / 180.0;
  const float c = static_cast<float>(std::cos(angle)) * 0.5F;
  const float s = static_cast<float>(std::sin(angle)) * 0.5F;
  const PointF p{r.center.x - s * r.height - c * r.width, r.center.y + c * r.height - s * r.width};
  const PointF q{r.center.x + s * r.height - c * r.width, r.center.y - c * r.height - s * r.width};
  return {p, q, PointF{2 * r.center.x - p.x, 2 * r.center.y - p.y},
          PointF{2 * r.center.x - q.x, 2 * r.center.y - q.y}};
}

// Rotating calipers over a strictly convex polygon. One rectangle side lies on a polygon edge; the
// edges are visited in the order in which a frame turned by 0 to 90 degrees meets them, and of
// equal areas the last one wins. All in float, in the reference's order of operations: ties between
// mirrored edges are decided by rounding there.
class Calipers {
 public:
  explicit Calipers(const std::vector<PointF>& hull) : hull_(hull), edges_(hull.size()) {
    const std::size_t n = hull.size();
    for (std::size_t i = 0; i < n; ++i) {
      const PointF& a = hull[i];
      const PointF& b = hull[next(i)];
      const double dx = static_cast<double>(b.x - a.x), dy = static_cast<double>(b.y - a.y);
      const float inverse = static_cast<float>(1.0 / std::sqrt(dx * dx + dy * dy));
      edges_[i] = {b.x - a.x, b.y - a.y, inverse};
      if (a.y < hull[support_[0]].y) support_[0] = i;
      if (a.x > hull[support_[1]].x) support_[1] = i;
      if (a.y > hull[support_[2]].y) support_[2] = i;
      if (a.x < hull[support_[3]].x) support_[3] = i;
    }
  }

  CenteredRect smallest() {
    float least = std::numeric_limits<float>::max();
    CenteredRect best;
    for (std::size_t step = 0; step < hull_.size(); ++step) {
      turn_to_next_edge();
      const PointF across = difference(hull_[support_[1]], hull_[support_[3]]);
      const PointF along = difference(hull_[support_[2]], hull_[support_[0]]);
      const float width = across.x * axis_.x + across.y * axis_.y;
      const float height = -along.x * axis_.y + along.y * axis_.x;
      const float area = width * height;
      if (area > least) continue;
      least = area;
      best = rectangle(width, height);
    }
    return best;
  }

 private:
  struct Edge {
    float dx, dy, inverse_length;
  };

  std::size_t next(std::size_t i) const { return i + 1 == hull_.size() ? 0 : i + 1; }
  static PointF difference(const PointF& a, const PointF& b) { return {a.x - b.x, a.y - b.y}; }

  // The edge that leaves support point k, turned back by k quarter turns, so that the four edges
  // can be compared as angles to one and the same axis.
  PointF turned_edge(int k) const {
    const Edge& e = edges_[support_[k]];
    switch (k) {
      case 0:
        return {e.dx, e.dy};
      case 1:
        return {e.dy, -e.dx};
      case 2:
        return {-e.dx, -e.dy};
      default:
        return {-e.dy, e.dx};
    }
  }

  void turn_to_next_edge() {
    int nearest = 0;
    for (int k = 1; k < 4; ++k) {
      const PointF a = turned_edge(k), b = turned_edge(nearest);
      if (a.x * b.y - a.y * b.x > 0) nearest = k;
    }
    const float inverse = edges_[support_[nearest]].inverse_length;
    const PointF direction = turned_edge(nearest);
    axis_ = {direction.x * inverse, direction.y * inverse};
    support_[nearest] = next(support_[nearest]);
  }

  CenteredRect rectangle(float width, float height) const {
    const PointF& left = hull_[support_[3]];
    const PointF& bottom = hull_[support_[0]];
    const float a = axis_.x, b = axis_.y;
    const float c1 = a * left.x + left.y * b;
    const float c2 = -b * bottom.x + bottom.y * a;
    const float inverse = 1.0F / (a * a + b * b);
    const PointF corner{(c1 * a - c2 * b) * inverse, (a * c2 + b * c1) * inverse};
    const PointF side{a * width, b * width}, other{-b * height, a * height};
    CenteredRect r;
    r.center = {corner.x + (side.x + other.x) * 0.5F, corner.y + (side.y + other.y) * 0.5F};
    r.width = length(side);
    r.height = length(other);
    r.radians =
        static_cast<float>(std::atan2(static_cast<double>(side.y), static_cast<double>(side.x)));
    return r;
  }

  static float length(const PointF& v) {
    return static_cast<float>(
        std::sqrt(static_cast<double>(v.x) * v.x + static_cast<double>(v.y) * v.y));
  }

  const std::vector<PointF>& hull_;
  std::vector<Edge> edges_;
  std::size_t support_[4] = {0, 0, 0, 0};  // lowest y, highest x, highest y, lowest x
  PointF axis_{1, 0};
};

CenteredRect segment_rect(const PointF& a, const PointF& b) {
  const double dx = static_cast<double>(b.x) - a.x, dy = static_cast<double>(b.y) - a.y;
  CenteredRect r;
  r.center = {(a.x + b.x) * 0.5F, (a.y + b.y) * 0.5F};
  r.width = static_cast<float>(std::sqrt(dx * dx + dy * dy));
  r.radians = static_cast<float>(std::atan2(dy, dx));
  return r;
}

CenteredRect centered_rect(const std::vector<PointF>& hull) {
  if (hull.empty()) return {};
  if (hull.size() == 1) return {hull[0], 0, 0, 0};
  if (hull.size() == 2) return segment_rect(hull[1], hull[0]);
  return Calipers(hull).smallest();
}

}  // namespace

Quad order_corners(const Quad& corners) {
  Quad q = corners;
  std::stable_sort(q.begin(), q.end(), [](const PointF& a, const PointF& b) { return a.x < b.x; });
  const bool left_in_order = q[1].y > q[0].y, right_in_order = q[3].y > q[2].y;
  return {q[left_in_order ? 0 : 1], q[right_in_order ? 2 : 3], q[right_in_order ? 3 : 2],
          q[left_in_order ? 1 : 0]};
}

MinAreaRect min_area_rect(std::span<const PointF> points) {
  const CenteredRect r = centered_rect(convex_hull(points));
  return {order_corners(box_points(r)), r.width, r.height};
}

MinAreaRect min_area_rect(std::span<const PointI> points) {
  std::vector<PointF> floats(points.size());
  std::transform(points.begin(), points.end(), floats.begin(), [](const PointI& p) {
    return PointF{static_cast<float>(p.x), static_cast<float>(p.y)};
  });
  return min_area_rect(floats);
}

}  // namespace fastocr
