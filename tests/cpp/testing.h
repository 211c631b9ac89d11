#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "fastocr/cpu.h"
#include "fastocr/errors.h"
#include "fastocr/image.h"

namespace fastocr::testing {

// The kind of the Error that `function` throws; nothing when it throws none.
template <typename Function>
std::optional<ErrorKind> thrown_kind(const Function& function) {
  try {
    function();
  } catch (const Error& error) {
    return error.kind();
  }
  return std::nullopt;
}

// Calls `function` with each instruction set of this CPU in use, and restores the one before.
template <typename Function>
void with_each_isa(const Function& function) {
  const Isa before = active_isa();
  for (const Isa isa : available_isas()) {
    set_isa(isa_name(isa));
    function();
  }
  set_isa(isa_name(before));
}

inline int random_int(std::mt19937& random, int low, int high) {
  return std::uniform_int_distribution<int>(low, high)(random);
}

// A page whose memory ends with its last pixel, so that AddressSanitizer sees every read beyond.
class TestPage {
 public:
  TestPage(int width, int height)
      : width_(width),
        height_(height),
        pixels_(static_cast<std::size_t>(width) * height * kChannels) {}

  static TestPage noise(std::mt19937& random, int width, int height) {
    TestPage page(width, height);
    for (auto& value : page.pixels_) value = static_cast<std::uint8_t>(random_int(random, 0, 255));
    return page;
  }

  void fill(int x, int y, int width, int height, std::array<std::uint8_t, kChannels> color) {
    for (int row = y; row < y + height; ++row) {
      for (int column = x; column < x + width; ++column) {
        for (int c = 0; c < kChannels; ++c) pixels_[offset(column, row) + c] = color[c];
      }
    }
  }

  ImageView view() const { return {pixels_.data(), width_, height_, stride()}; }

  // The page upside down, as a view with a negative stride.
  ImageView flipped_view() const {
    return {pixels_.data() + (height_ - 1) * stride(), width_, height_, -stride()};
  }

  // The page upside down, in memory of its own.
  TestPage flipped() const {
    TestPage result(width_, height_);
    for (int y = 0; y < height_; ++y) {
      const std::uint8_t* row = view().row(height_ - 1 - y);
      std::copy(row, row + stride(), result.pixels_.begin() + y * stride());
    }
    return result;
  }

 private:
  std::ptrdiff_t stride() const { return static_cast<std::ptrdiff_t>(width_) * kChannels; }
  std::size_t offset(int x, int y) const {
    return static_cast<std::size_t>(y * stride() + x * kChannels);
  }

  int width_, height_;
  std::vector<std::uint8_t> pixels_;
};

inline std::vector<std::uint8_t> bytes(const Image& image) {
  const ImageView view = image.view();
  return {view.data, view.data + view.stride * view.height};
}

}  // namespace fastocr::testing
