#include "fastocr/image.h"

#include <algorithm>

#include "fastocr/errors.h"

namespace fastocr {

void Image::resize(int width, int height) {
  if (width < 0 || height < 0) throw Error(ErrorKind::kInvalidInput, "negative image size");
  width_ = width;
  height_ = height;
  pixels_.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * kChannels);
}

namespace {

// Where the pixels of a turned image lie in its source: that of (x, y) at first + x * right + y *
// down.
struct Walk {
  const std::uint8_t* first;
  std::ptrdiff_t right, down;
};

Walk walk_of(const ImageView& source, int turns) {
  const std::uint8_t *top = source.row(0), *bottom = source.row(source.height - 1);
  const std::ptrdiff_t end = kChannels * static_cast<std::ptrdiff_t>(source.width - 1);
  switch (turns) {
    case 1:
      return {top + end, source.stride, -kChannels};
    case 2:
      return {bottom + end, -kChannels, -source.stride};
    case 3:
      return {bottom, -source.stride, kChannels};
    default:
      return {top, kChannels, source.stride};
  }
}

// Tile by tile, since a column of a page does not fit into the first-level cache.
constexpr int kTile = 32;

void copy_tile(const Walk& walk, int left, int top, Image& result) {
  const int right = std::min(left + kTile, result.width());
  const int bottom = std::min(top + kTile, result.height());
  for (int y = top; y < bottom; ++y) {
    std::uint8_t* out = result.row(y) + kChannels * static_cast<std::ptrdiff_t>(left);
    const std::uint8_t* in = walk.first + y * walk.down + left * walk.right;
    for (int x = left; x < right; ++x, in += walk.right, out += kChannels) {
      for (int c = 0; c < kChannels; ++c) out[c] = in[c];
    }
  }
}

}  // namespace

void rotate_quarter_turns(const ImageView& source, int turns, Image& result) {
  turns &= 3;
  const bool swaps = turns % 2 != 0;
  result.resize(swaps ? source.height : source.width, swaps ? source.width : source.height);
  if (source.empty()) return;
  const Walk walk = walk_of(source, turns);
  for (int y = 0; y < result.height(); y += kTile) {
    for (int x = 0; x < result.width(); x += kTile) copy_tile(walk, x, y, result);
  }
}

}  // namespace fastocr
