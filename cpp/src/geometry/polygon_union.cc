#include "geometry/polygon_union.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <numeric>
#include <optional>
#include <utility>

namespace fastocr {
namespace {

// Places on a grid so fine that moving crossings onto it does not make new ones.
constexpr double kGrid = 1024;

struct Node {
  std::int64_t x, y;
  auto operator<=>(const Node&) const = default;
};

struct Place {
  double x, y;
};

Place place(const Node& node) {
  return {static_cast<double>(node.x) / kGrid, static_cast<double>(node.y) / kGrid};
}

Node node(double x, double y) { return {std::llround(x * kGrid), std::llround(y * kGrid)}; }

struct Segment {
  PointI a, b;
};

std::vector<Segment> segments_of(const std::vector<PointI>& curve) {
  std::vector<Segment> segments;
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const Segment segment{curve[i], curve[(i + 1) % curve.size()]};
    if (!(segment.a == segment.b)) segments.push_back(segment);
  }
  return segments;
}

double cross(const PointI& o, const PointI& p, const PointI& q) {
  return (static_cast<double>(p.x) - o.x) * (static_cast<double>(q.y) - o.y) -
         (static_cast<double>(p.y) - o.y) * (static_cast<double>(q.x) - o.x);
}

// How far along `s` a point on its line lies: 0 at its begin, 1 at its end.
double along(const Segment& s, double x, double y) {
  const double dx = static_cast<double>(s.b.x) - s.a.x, dy = static_cast<double>(s.b.y) - s.a.y;
  return ((x - s.a.x) * dx + (y - s.a.y) * dy) / (dx * dx + dy * dy);
}

using Cuts = std::vector<std::pair<double, Node>>;

bool boxes_meet(const Segment& s, const Segment& t) {
  const auto meet = [](int a, int b, int c, int d) {
    return std::max(std::min(a, b), std::min(c, d)) <= std::min(std::max(a, b), std::max(c, d));
  };
  return meet(s.a.x, s.b.x, t.a.x, t.b.x) && meet(s.a.y, s.b.y, t.a.y, t.b.y);
}

// Notes where two segments cross or touch, on both.
void cut(const Segment& s, const Segment& t, Cuts& s_cuts, Cuts& t_cuts) {
  if (!boxes_meet(s, t)) return;
  const auto note = [&](double x, double y) {
    const double s_at = along(s, x, y), t_at = along(t, x, y);
    if (s_at > 0 && s_at < 1) s_cuts.emplace_back(s_at, node(x, y));
    if (t_at > 0 && t_at < 1) t_cuts.emplace_back(t_at, node(x, y));
  };
  const double c = cross(s.a, s.b, t.a), d = cross(s.a, s.b, t.b);
  if (c == 0 && d == 0) {
    for (const PointI& p : {s.a, s.b, t.a, t.b}) note(p.x, p.y);
    return;
  }
  const double e = cross(t.a, t.b, s.a), f = cross(t.a, t.b, s.b);
  if ((c > 0 && d > 0) || (c < 0 && d < 0) || (e > 0 && f > 0) || (e < 0 && f < 0)) return;
  const double at = c / (c - d);
  note(t.a.x + at * (static_cast<double>(t.b.x) - t.a.x),
       t.a.y + at * (static_cast<double>(t.b.y) - t.a.y));
}

// A piece of the curve between two nodes, and how many times it is passed forwards more than
// backwards.
using Pieces = std::map<std::pair<Node, Node>, int>;

void add_piece(Pieces& pieces, const Node& from, const Node& to) {
  if (from == to) return;
  const bool forwards = from < to;
  pieces[forwards ? std::pair(from, to) : std::pair(to, from)] += forwards ? 1 : -1;
}

int left_of(const Segment& s) { return std::min(s.a.x, s.b.x); }
int right_of(const Segment& s) { return std::max(s.a.x, s.b.x); }

// Where each segment is cut by others. A round corner of a large polygon has thousands of them, so
// only those are compared that share columns.
std::vector<Cuts> all_cuts(const std::vector<Segment>& segments) {
  std::vector<std::size_t> from_left(segments.size());
  std::iota(from_left.begin(), from_left.end(), std::size_t{0});
  std::sort(from_left.begin(), from_left.end(), [&](std::size_t i, std::size_t k) {
    return left_of(segments[i]) < left_of(segments[k]);
  });
  std::vector<Cuts> cuts(segments.size());
  for (auto first = from_left.begin(); first != from_left.end(); ++first) {
    const int right = right_of(segments[*first]);
    for (auto other = first + 1; other != from_left.end(); ++other) {
      if (left_of(segments[*other]) > right) break;
      // In the order of the curve, as a crossing is rounded by the second one.
      const auto [i, k] = std::minmax(*first, *other);
      cut(segments[i], segments[k], cuts[i], cuts[k]);
    }
  }
  return cuts;
}

Pieces cut_to_pieces(const std::vector<Segment>& segments) {
  std::vector<Cuts> cuts = all_cuts(segments);
  Pieces pieces;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    std::sort(cuts[i].begin(), cuts[i].end());
    Node from = node(segments[i].a.x, segments[i].a.y);
    for (const auto& [at, to] : cuts[i]) {
      add_piece(pieces, from, to);
      from = to;
    }
    add_piece(pieces, from, node(segments[i].b.x, segments[i].b.y));
  }
  return pieces;
}

// Counts how many times pieces wind around places. Pieces are looked up by rows, of which there are
// as many as pieces.
class Windings {
 public:
  explicit Windings(const Pieces& pieces) : rows_(pieces.size()) {
    double bottom = 0;
    for (const auto& [ends, passes] : pieces) {
      const double low = place(ends.first).y, high = place(ends.second).y;
      top_ = passes_.empty() ? std::min(low, high) : std::min({top_, low, high});
      bottom = passes_.empty() ? std::max(low, high) : std::max({bottom, low, high});
      passes_.push_back({place(ends.first), place(ends.second), passes});
    }
    row_height_ = std::max((bottom - top_) / static_cast<double>(rows_.size()), 1 / kGrid);
    for (std::size_t i = 0; i < passes_.size(); ++i) {
      const auto [low, high] = std::minmax(passes_[i].a.y, passes_[i].b.y);
      for (std::size_t row = row_at(low); row <= row_at(high); ++row) rows_[row].push_back(i);
    }
  }

  // Counted along the ray to the right.
  int around(const Place& p) const {
    int result = 0;
    for (const std::size_t i : rows_[row_at(p.y)]) {
      const auto& [a, b, passes] = passes_[i];
      if ((a.y <= p.y) == (b.y <= p.y)) continue;
      const double x = a.x + (p.y - a.y) / (b.y - a.y) * (b.x - a.x);
      if (x > p.x) result += b.y > a.y ? passes : -passes;
    }
    return result;
  }

 private:
  struct Pass {
    Place a, b;
    int count;
  };

  std::size_t row_at(double y) const {
    const double row = std::max((y - top_) / row_height_, 0.0);
    return std::min(static_cast<std::size_t>(row), rows_.size() - 1);
  }

  double top_ = 0, row_height_ = 1;
  std::vector<Pass> passes_;
  std::vector<std::vector<std::size_t>> rows_;
};

using Edges = std::multimap<Node, Node>;

// The pieces between what is wound around and what is not, the former on the side to which a
// quarter turn from x to y leads.
Edges borders(const Pieces& pieces) {
  constexpr double kBeside = 1e-6;
  Edges edges;
  if (pieces.empty()) return edges;
  const Windings windings(pieces);
  for (const auto& [ends, passes] : pieces) {
    if (passes == 0) continue;
    const Place a = place(ends.first), b = place(ends.second);
    const double dx = b.x - a.x, dy = b.y - a.y, length = std::hypot(dx, dy);
    const Place beside{(a.x + b.x) / 2 - dy / length * kBeside,
                       (a.y + b.y) / 2 + dx / length * kBeside};
    const int inner = windings.around(beside), outer = inner - passes;
    if (inner > 0 && outer <= 0) edges.emplace(ends.first, ends.second);
    if (inner <= 0 && outer > 0) edges.emplace(ends.second, ends.first);
  }
  return edges;
}

double turn(const Node& from, const Node& at, const Node& to) {
  const double ax = static_cast<double>(at.x - from.x), ay = static_cast<double>(at.y - from.y);
  const double bx = static_cast<double>(to.x - at.x), by = static_cast<double>(to.y - at.y);
  return std::atan2(ax * by - ay * bx, ax * bx + ay * by);
}

// Takes the edge that turns most towards the inner side, so that loops which touch stay apart.
std::optional<Node> take_next(Edges& edges, const Node& from, const Node& at) {
  auto [begin, end] = edges.equal_range(at);
  if (begin == end) return std::nullopt;
  const auto best = std::max_element(begin, end, [&](const auto& p, const auto& q) {
    return turn(from, at, p.second) < turn(from, at, q.second);
  });
  const Node next = best->second;
  edges.erase(best);
  return next;
}

// One loop, taken out of the edges; nothing if it does not close.
std::optional<std::vector<Node>> take_loop(Edges& edges) {
  const auto [start, second] = *edges.begin();
  edges.erase(edges.begin());
  std::vector<Node> loop{start};
  Node from = start, at = second;
  while (at != start) {
    loop.push_back(at);
    const auto next = take_next(edges, from, at);
    if (!next) return std::nullopt;
    from = at;
    at = *next;
  }
  return loop;
}

std::vector<PointI> rounded(const std::vector<Node>& loop) {
  std::vector<PointI> points;
  for (const Node& n : loop) {
    const Place p = place(n);
    const PointI point{static_cast<int>(std::lround(p.x)), static_cast<int>(std::lround(p.y))};
    if (points.empty() || !(points.back() == point)) points.push_back(point);
  }
  while (points.size() > 1 && points.front() == points.back()) points.pop_back();
  return points;
}

double area(const std::vector<PointI>& points) {
  double twice = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    twice += cross({0, 0}, points[i], points[(i + 1) % points.size()]);
  }
  return std::fabs(twice) / 2;
}

}  // namespace

std::vector<std::vector<PointI>> positive_regions(const std::vector<PointI>& curve) {
  Edges edges = borders(cut_to_pieces(segments_of(curve)));
  std::vector<std::vector<PointI>> loops;
  while (!edges.empty()) {
    const auto loop = take_loop(edges);
    if (!loop) continue;
    std::vector<PointI> points = rounded(*loop);
    // Slivers between crossings that are closer than a pixel.
    if (area(points) >= 1) loops.push_back(std::move(points));
  }
  return loops;
}

}  // namespace fastocr
