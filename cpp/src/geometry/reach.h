#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "fastocr/geometry.h"

namespace fastocr {

// How far from the origin coordinates count, which is beyond any image: squares of differences of
// these fit into 64 bits, and what is grown around them into 32.
inline constexpr int kReach = 100'000'000;

inline int within_reach(int value) { return std::clamp(value, -kReach, kReach); }

// Not for what is no number.
inline float within_reach(float value) {
  constexpr auto kFar = static_cast<float>(kReach);
  return std::clamp(value, -kFar, kFar);
}

inline PointI within_reach(const PointI& p) { return {within_reach(p.x), within_reach(p.y)}; }

inline std::vector<PointI> within_reach(std::span<const PointI> points) {
  std::vector<PointI> result;
  result.reserve(points.size());
  for (const PointI& p : points) result.push_back(within_reach(p));
  return result;
}

}  // namespace fastocr
