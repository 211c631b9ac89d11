#include "fastocr/image.h"

#include "fastocr/errors.h"

namespace fastocr {

void Image::resize(int width, int height) {
  if (width < 0 || height < 0) throw Error(ErrorKind::kInvalidInput, "negative image size");
  width_ = width;
  height_ = height;
  pixels_.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * kChannels);
}

void rotate_quarter_turns(const ImageView& source, int turns, Image& result) {
  const int w = source.width, h = source.height;
  turns &= 3;
  const bool swaps = turns % 2 != 0;
  result.resize(swaps ? h : w, swaps ? w : h);
  for (int y = 0; y < result.height(); ++y) {
    std::uint8_t* out = result.row(y);
    for (int x = 0; x < result.width(); ++x, out += kChannels) {
      int sx = x, sy = y;
      if (turns == 1) sx = w - 1 - y, sy = x;
      if (turns == 2) sx = w - 1 - x, sy = h - 1 - y;
      if (turns == 3) sx = y, sy = h - 1 - x;
      const std::uint8_t* in = source.row(sy) + kChannels * sx;
      for (int c = 0; c < kChannels; ++c) out[c] = in[c];
    }
  }
}

}  // namespace fastocr
