#pragma once

// All but the last function is in the header, so that an engine library that links nothing of the
// core can use it too.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

#include "fastocr/engine.h"

namespace fastocr {

// What values have to lie between, ends included. No range holds what is no number.
struct ValueRange {
  float low, high;
};

// Sums of products of so many numbers of this size as networks have are still finite.
inline constexpr ValueRange kUsableNumbers{-1e15F, 1e15F};

inline constexpr ValueRange kNumbers{std::numeric_limits<float>::lowest(),
                                     std::numeric_limits<float>::max()};

inline constexpr ValueRange kComparable{-std::numeric_limits<float>::infinity(),
                                        std::numeric_limits<float>::infinity()};

inline std::int64_t count_outside(std::span<const float> values, const ValueRange& range) {
  constexpr std::size_t kBlock = 4096;
  const auto [low, high] = range;
  std::int64_t total = 0;
  for (std::size_t begin = 0; begin < values.size(); begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, values.size());
    // No branches and a narrow sum, so that the compiler can work on many values at once.
    int inside = 0;
    for (std::size_t i = begin; i < end; ++i) {
      inside += static_cast<int>(values[i] >= low) & static_cast<int>(values[i] <= high);
    }
    total += static_cast<std::int64_t>(end - begin) - inside;
  }
  return total;
}

// Throws Error(kInference), which names the model's file, if a value of its output lies outside.
void check_output_values(const Model& model, const TensorView& output, const ValueRange& range);

}  // namespace fastocr
