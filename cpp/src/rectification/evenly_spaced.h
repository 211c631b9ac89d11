#pragma once

#include <algorithm>

namespace fastocr {

// Where a pixel lies between two of the points that are spread evenly over an axis.
struct Position {
  int index;
  int next;  // the same as `index` where there is one point only
  float fraction;
};

// `pixel` is one of `size`, or between or beyond them; the first of `points` points lies on the
// first pixel, the last on the last.
inline Position position_between(double pixel, int size, int points) {
  if (size == 1 || points == 1) return {0, 0, 0.0F};
  const double place = pixel * (points - 1) / (size - 1);
  const int index = std::clamp(static_cast<int>(place), 0, points - 2);
  return {index, index + 1, static_cast<float>(place - index)};
}

}  // namespace fastocr
