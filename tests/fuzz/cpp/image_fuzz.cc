// Pixel work: sizes, strides and places of all kinds, on images whose memory ends with them.
#include <bit>

#include "fastocr/image.h"
#include "fastocr/rectification.h"
#include "fuzz_input.h"

namespace fastocr::fuzz {
namespace {

constexpr int kMostPixels = 48;  // of a side

struct Page {
  std::vector<std::uint8_t> pixels;
  int width, height;
  bool flipped;

  explicit Page(FuzzInput& input)
      : width(input.integer(0, kMostPixels)),
        height(input.integer(0, kMostPixels)),
        flipped(input.flag()) {
    // A few bytes repeated: contents hardly matter, and inputs stay small.
    const auto pattern = input.bytes(static_cast<std::size_t>(input.integer(1, 12)));
    pixels.resize(static_cast<std::size_t>(width) * height * kChannels);
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = pattern[i % pattern.size()];
  }

  ImageView view() const {
    const std::ptrdiff_t stride = std::ptrdiff_t{width} * kChannels;
    if (!flipped || height == 0) return {pixels.data(), width, height, stride};
    return {pixels.data() + (height - 1) * stride, width, height, -stride};
  }
};

std::vector<std::uint8_t> contents(const Image& image) {
  const ImageView view = image.view();
  return {view.data, view.data + view.stride * view.height};
}

void resize(FuzzInput& input) {
  const Page page(input);
  const int width = input.integer(-1, 2 * kMostPixels), height = input.integer(-1, 2 * kMostPixels);
  require_same_with_each_isa([&] {
    Image result;
    accepted([&] { resize_bilinear(page.view(), width, height, result); });
    return contents(result);
  });
}

void resize_part(FuzzInput& input) {
  const Page page(input);
  const LargeSize whole{input.integer(1, 1 << 30), input.integer(1, 1 << 30)};
  const Size part{input.integer(-1, kMostPixels), input.integer(-1, kMostPixels)};
  // The part must lie in the image.
  if (part.width > whole.width || part.height > whole.height) return;
  const LargePoint corner{input.raw<std::uint32_t>() % (whole.width - part.width + 1),
                          input.raw<std::uint32_t>() % (whole.height - part.height + 1)};
  require_same_with_each_isa([&] {
    Image result;
    accepted([&] { resize_bilinear_part(page.view(), whole, corner, part, result); });
    return contents(result);
  });
}

void normalize(FuzzInput& input) {
  const Page page(input);
  PixelStatistics statistics;
  for (double& mean : statistics.mean) mean = input.number(-2, 2);
  for (double& deviation : statistics.std) deviation = input.number(-2, 2);
  const Normalization choices[] = {Normalization::detection(), Normalization::recognition(),
                                   Normalization::from_statistics(statistics)};
  const Normalization& chosen = choices[input.integer(0, 2)];
  const int plane_width = page.width + input.integer(0, 40);
  require_same_with_each_isa([&] {
    std::vector<float> planes(static_cast<std::size_t>(plane_width) * page.height * kChannels,
                              7.0F);
    normalize_to_planes(page.view(), chosen, plane_width, planes.data());
    std::vector<std::uint32_t> bits;  // as NaN differs from itself
    for (const float value : planes) {
      bits.push_back(value != value ? 0x7fc00000U : std::bit_cast<std::uint32_t>(value));
    }
    return bits;
  });
}

void rotate(FuzzInput& input) {
  const Page page(input);
  const int turns = input.raw<int>();
  Image turned, back;
  rotate_quarter_turns(page.view(), turns, turned);
  const bool sideways = turns % 2 != 0;
  require(turned.width() == (sideways ? page.height : page.width));
  rotate_quarter_turns(turned.view(), 4 - turns % 4, back);
  if (!page.view().empty() && !page.flipped) require(contents(back) == page.pixels);
}

void warp(FuzzInput& input) {
  const Page page(input);
  Homography matrix;
  for (double& value : matrix) value = input.number(-3, 3);
  if (input.flag()) {
    matrix = {1, 0, input.number(-99, 99), 0, 1, input.number(-99, 99), 0, 0, 1};
  }
  const int width = input.integer(0, kMostPixels), height = input.integer(0, kMostPixels);
  require_same_with_each_isa([&] {
    Image result;
    accepted([&] { warp_perspective(page.view(), matrix, width, height, result); });
    return contents(result);
  });
}

void sample(FuzzInput& input) {
  const Page page(input);
  const int columns = input.integer(0, 6), rows = input.integer(0, 6);
  const auto values = input.numbers(static_cast<std::size_t>(2 * columns * rows), -1.5F, 1.5F);
  const Size size{page.width, page.height};
  accepted([&] {
    const SamplingGrid grid(values.data(), columns, rows, size);
    require_same_with_each_isa([&] {
      Image result;
      sample_page(page.view(), grid, result);
      return contents(result);
    });
    const PointF place = grid.to_source({input.number(-99, 99), input.number(-99, 99)});
    require(place.x >= 0 && place.x <= static_cast<float>(page.width));
    require(place.y >= 0 && place.y <= static_cast<float>(page.height));
  });
}

}  // namespace
}  // namespace fastocr::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fastocr::fuzz;
  call_one(FuzzInput(data, size), {resize, resize_part, normalize, rotate, warp, sample});
  return 0;
}
