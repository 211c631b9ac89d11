#pragma once

#include <cstddef>

namespace fastocr {

// The order of additions of numpy's sums, which the reference's means come from: blocks of up to
// 128 values in eight interleaved partial sums, larger ranges halved.
template <typename T>
T pairwise_sum(const T* values, std::size_t count) {
  if (count < 8) {
    T total = 0;
    for (std::size_t i = 0; i < count; ++i) total += values[i];
    return total;
  }
  if (count > 128) {
    const std::size_t half = count / 2 - (count / 2) % 8;
    return pairwise_sum(values, half) + pairwise_sum(values + half, count - half);
  }
  T lanes[8];
  for (int k = 0; k < 8; ++k) lanes[k] = values[k];
  std::size_t i = 8;
  for (; i + 8 <= count; i += 8) {
    for (int k = 0; k < 8; ++k) lanes[k] += values[i + k];
  }
  T total = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
            ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
  for (; i < count; ++i) total += values[i];
  return total;
}

}  // namespace fastocr
