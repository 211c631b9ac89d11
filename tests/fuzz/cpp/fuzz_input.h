#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "fastocr/cpu.h"
#include "fastocr/errors.h"
#include "fastocr/geometry.h"

namespace fastocr::fuzz {

// What coordinates may be at most: far beyond any page.
inline constexpr int kMostCoordinate = 1 << 28;

// Values made of the bytes that a fuzzer tries; zeros when there are no more.
class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}

  bool empty() const { return left_ == 0; }

  template <typename T>
  T raw() {
    T value{};
    const std::size_t taken = std::min(left_, sizeof(T));
    std::memcpy(&value, data_, taken);
    data_ += taken;
    left_ -= taken;
    return value;
  }

  std::uint8_t byte() { return raw<std::uint8_t>(); }
  bool flag() { return byte() % 2 != 0; }
  // From `low` to `high`.
  int integer(int low, int high) {
    const auto count = static_cast<std::uint64_t>(std::int64_t{high} - low + 1);
    return static_cast<int>(low + static_cast<std::int64_t>(raw<std::uint32_t>() % count));
  }
  // Mostly in a range that means something, now and then any float there is, also no number.
  float number(float low, float high) {
    const std::uint8_t kind = byte();
    if (kind >= 240) return std::bit_cast<float>(raw<std::uint32_t>());
    return low + (high - low) * static_cast<float>(raw<std::uint16_t>()) / 65535.0F;
  }
  // Mostly small, now and then as far away as coordinates may be.
  int coordinate(int extent) {
    return byte() >= 248 ? integer(-kMostCoordinate, kMostCoordinate)
                         : integer(-extent / 4, extent);
  }
  std::vector<float> numbers(std::size_t count, float low, float high) {
    std::vector<float> values(count);
    for (float& value : values) value = number(low, high);
    return values;
  }
  std::vector<std::uint8_t> bytes(std::size_t count) {
    std::vector<std::uint8_t> values(count);
    for (auto& value : values) value = byte();
    return values;
  }
  std::string text(std::size_t most) {
    const auto values = bytes(static_cast<std::size_t>(integer(0, static_cast<int>(most))));
    return {values.begin(), values.end()};
  }
  Quad quad(float extent) {
    Quad corners;
    for (PointF& corner : corners)
      corner = {number(-extent / 4, extent), number(-extent / 4, extent)};
    return corners;
  }
  QuadI whole_quad(int extent) {
    QuadI corners;
    for (PointI& corner : corners) corner = {coordinate(extent), coordinate(extent)};
    return corners;
  }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
};

// Calls the one of several functions that the input chooses.
template <std::size_t count>
void call_one(FuzzInput input, void (*const (&functions)[count])(FuzzInput&)) {
  functions[input.byte() % count](input);
}

// A promise of the code under test; fuzzers report the abort.
inline void require(bool condition) {
  if (!condition) std::abort();
}

// Errors of the core are answers; anything else that is thrown is a finding.
template <typename Function>
bool accepted(const Function& function) {
  try {
    function();
  } catch (const Error&) {
    return false;
  }
  return true;
}

// The same with portable kernels and with the best ones of this CPU: results have to be equal.
template <typename Function>
void require_same_with_each_isa(const Function& function) {
  const std::string best = isa_name(available_isas().back());
  set_isa("portable");
  const auto expected = function();
  set_isa(best);
  require(function() == expected);
}

}  // namespace fastocr::fuzz
