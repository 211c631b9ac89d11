#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "fastocr/geometry.h"
#include "geometry/reach.h"

namespace fastocr {
namespace {

std::int64_t squared_distance(const PointI& a, const PointI& b) {
  const std::int64_t dx = a.x - b.x, dy = a.y - b.y;
  return dx * dx + dy * dy;
}

// A part of a closed contour: the points from `begin` to `end`, by their indices, around its end.
struct Part {
  std::size_t begin, end;
};

// Ramer, Douglas and Peucker's simplification of a closed contour, as OpenCV does it.
class Simplification {
 public:
  Simplification(std::span<const PointI> points, double epsilon)
      : points_(points), squared_epsilon_(epsilon * epsilon) {}

  std::vector<PointI> run() {
    split_whole();
    while (!parts_.empty()) {
      const Part part = parts_.back();
      parts_.pop_back();
      split(part);
    }
    drop_flat_corners();
    return std::move(kept_);
  }

 private:
  std::size_t next(std::size_t i) const { return i + 1 < points_.size() ? i + 1 : 0; }

  // Begins with two points that are far from each other.
  void split_whole() {
    constexpr int kRounds = 3;
    std::size_t start = 0, farthest = 0;
    std::int64_t most = 0;
    for (int round = 0; round < kRounds; ++round) {
      start = farthest;
      most = 0;
      std::size_t at = start;
      for (std::size_t step = 1; step < points_.size(); ++step) {
        at = next(at);
        const std::int64_t distance = squared_distance(points_[at], points_[start]);
        if (distance > most) {
          most = distance;
          farthest = at;
        }
      }
    }
    if (!(static_cast<double>(most) > squared_epsilon_)) {
      kept_.push_back(points_[start]);
      return;
    }
    parts_.push_back({farthest, start});
    parts_.push_back({start, farthest});
  }

  void split(const Part& part) {
    const PointI &a = points_[part.begin], &b = points_[part.end];
    const std::int64_t dx = b.x - a.x, dy = b.y - a.y;
    std::int64_t most = 0;
    std::size_t farthest = part.begin;
    for (std::size_t at = next(part.begin); at != part.end; at = next(at)) {
      const PointI& p = points_[at];
      const std::int64_t distance = std::abs((p.y - a.y) * dx - (p.x - a.x) * dy);
      if (distance > most) {
        most = distance;
        farthest = at;
      }
    }
    const double height = static_cast<double>(most);
    // The negation also ends it for tolerances that are no number.
    if (!(height * height > squared_epsilon_ * static_cast<double>(dx * dx + dy * dy))) {
      kept_.push_back(a);
      return;
    }
    parts_.push_back({farthest, part.end});
    parts_.push_back({part.begin, farthest});
  }

  // A corner goes if it is close to the line between its neighbours and turns less than a quarter.
  void drop_flat_corners() {
    const std::size_t count = kept_.size();
    if (count < 3) return;
    // In place, as in OpenCV: at the end, what is read has been written before.
    std::size_t left = count, read = count - 1, write = 0;
    const auto take = [&] {
      const PointI point = kept_[read];
      read = read + 1 < count ? read + 1 : 0;
      return point;
    };
    const auto put = [&](const PointI& point) {
      kept_[write] = point;
      write = write + 1 < count ? write + 1 : 0;
    };
    PointI start = take(), middle = take();
    for (std::size_t i = 0; i < count && left > 2; ++i) {
      const PointI end = take();
      if (is_flat(start, middle, end)) {
        --left;
        put(start = end);
        middle = take();
        ++i;
      } else {
        put(start = middle);
        middle = end;
      }
    }
    kept_.resize(left);
  }

  bool is_flat(const PointI& start, const PointI& middle, const PointI& end) const {
    const std::int64_t dx = end.x - start.x, dy = end.y - start.y;
    const std::int64_t mx = middle.x - start.x, my = middle.y - start.y;
    const auto height = static_cast<double>(mx * dy - my * dx);
    const bool ahead = mx * (end.x - middle.x) + my * (end.y - middle.y) >= 0;
    return dx != 0 && dy != 0 && ahead &&
           height * height <= 0.5 * squared_epsilon_ * static_cast<double>(dx * dx + dy * dy);
  }

  std::span<const PointI> points_;
  double squared_epsilon_;
  std::vector<Part> parts_;
  std::vector<PointI> kept_;
};

}  // namespace

double perimeter(std::span<const PointI> polygon) {
  double total = 0;
  for (std::size_t i = 0; i < polygon.size(); ++i) {
    const PointI p = within_reach(polygon[i]), q = within_reach(polygon[(i + 1) % polygon.size()]);
    const auto dx = static_cast<float>(q.x - p.x), dy = static_cast<float>(q.y - p.y);
    total += static_cast<double>(std::sqrt(dx * dx + dy * dy));
  }
  return total;
}

std::vector<PointI> approximate_polygon(std::span<const PointI> contour, double epsilon) {
  const std::vector<PointI> points = within_reach(contour);
  if (points.size() < 2) return points;
  return Simplification(points, epsilon).run();
}

}  // namespace fastocr
