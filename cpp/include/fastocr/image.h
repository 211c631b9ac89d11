#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fastocr/memory.h"

namespace fastocr {

inline constexpr int kChannels = 3;  // every colour image in the core is interleaved 8-bit BGR

struct Size {
  int width = 0;
  int height = 0;
  friend bool operator==(const Size&, const Size&) = default;
};

// A borrowed 8-bit BGR image: `height` rows of `width` x 3 bytes, `stride` bytes apart. The stride
// may be negative (flipped views).
struct ImageView {
  const std::uint8_t* data = nullptr;
  int width = 0;
  int height = 0;
  std::ptrdiff_t stride = 0;

  const std::uint8_t* row(int y) const { return data + y * stride; }
  bool empty() const { return width <= 0 || height <= 0; }
};

// An owned, tightly packed 8-bit BGR image. `resize` keeps the memory it has, so that one object
// can be used for many images without allocation.
class Image {
 public:
  Image() = default;
  Image(int width, int height) { resize(width, height); }

  void resize(int width, int height);
  int width() const { return width_; }
  int height() const { return height_; }
  std::ptrdiff_t stride() const { return static_cast<std::ptrdiff_t>(width_) * kChannels; }
  std::uint8_t* row(int y) { return pixels_.data() + y * stride(); }
  ImageView view() const { return {pixels_.data(), width_, height_, stride()}; }

 private:
  BlockVector<std::uint8_t> pixels_;
  int width_ = 0;
  int height_ = 0;
};

// Bilinear resize to `width` x `height`, equal bit for bit to OpenCV's cv::resize with INTER_LINEAR
// on 8-bit images. Throws Error(kInvalidInput) for an empty source or size.
void resize_bilinear(const ImageView& source, int width, int height, Image& result);

// A size or a place that need not fit into memory.
struct LargeSize {
  std::int64_t width = 0, height = 0;
};
struct LargePoint {
  std::int64_t x = 0, y = 0;
};

// The part of a resized image whose top left pixel is `corner` and whose size is `part`; the rest
// of the image of size `whole` is not computed. The part must lie in the image. Throws
// Error(kInvalidInput) for an empty source or part.
void resize_bilinear_part(const ImageView& source, const LargeSize& whole, const LargePoint& corner,
                          const Size& part, Image& result);

// Of the pixels that a network was trained with: ImageNet's in BGR index order over x / 255, unless
// a model says otherwise.
struct PixelStatistics {
  std::array<double, kChannels> mean{0.485, 0.456, 0.406}, std{0.229, 0.224, 0.225};
  double scale = 1.0 / 255.0;
};

// How pixel values become network input; each step is rounded to float on its own, as the reference
// does it.
struct Normalization {
  enum class Kind {
    kMultiplyAdd,          // x * a + b
    kDivideSubtractDivide  // ((x / a) - b) / c
  };
  Kind kind;
  std::array<float, kChannels> a, b, c;

  // (x * scale - mean) / std, by the factors that the reference computes in double.
  static Normalization from_statistics(const PixelStatistics& statistics);
  // The default statistics (text detection).
  static const Normalization& detection();
  // ((x / 255) - 0.5) / 0.5 (text recognition): values in [-1, 1].
  static const Normalization& recognition();
};

// Writes `source` as three float planes (B, G, R) of `plane_width` columns and source.height rows
// into `planes`, plane after plane; columns beyond source.width are set to zero.
void normalize_to_planes(const ImageView& source, const Normalization& normalization,
                         int plane_width, float* planes);

// Exact quarter turns counter-clockwise; `turns` is taken modulo 4.
void rotate_quarter_turns(const ImageView& source, int turns, Image& result);

// Row-major 3x3 matrix that maps result pixels to source pixels in homogeneous coordinates.
using Homography = std::array<double, 9>;

// Perspective warp with bicubic interpolation (A = -0.75) and replicated border to a result of
// `width` x `height`. Source positions are rounded to 1/32 pixel and weights to 1/32768, like
// OpenCV's warpPerspective with INTER_CUBIC and BORDER_REPLICATE. A position that is no number is
// the first pixel. Throws Error(kInvalidInput) for an empty source.
void warp_perspective(const ImageView& source, const Homography& result_to_source, int width,
                      int height, Image& result);

}  // namespace fastocr
