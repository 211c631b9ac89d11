#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "fastocr/engine.h"
#include "fastocr/memory.h"
#include "kernels/network.h"

namespace fastocr::native {

using kernels::Activation;
using kernels::Epilogue;

// A network as a list of layers over images: what is left of an ONNX graph when shape arithmetic,
// constants and everything that joins its neighbour are gone.

inline bool is_identity(const Epilogue& e) {
  return e.activation == Activation::kNone && e.scale == 1 && e.shift == 0;
}

// Channels with the room that the kernels need.
constexpr int padded_channels(int channels) {
  constexpr int kStep = kernels::kChannelStep;
  return (channels + kStep - 1) / kStep * kStep;
}

struct ImageSize {
  int channels = 0, height = 0, width = 0;
  bool operator==(const ImageSize&) const = default;
};

// Windows that move over an image and its padding, which is always less than a window.
struct SlidingWindow {
  int kernel_height = 1, kernel_width = 1;
  int stride_y = 1, stride_x = 1;
  int pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
};

// Also matrix products: a row of tokens is an image of height 1.
struct Convolution : SlidingWindow {
  int in_channels = 0, out_channels = 0;
  bool depthwise = false;
  bool over_tokens = false;    // a matrix product of the original network
  BlockVector<float> weights;  // [y][x][in][out]; depthwise: [y][x][channel]
  BlockVector<float> bias;     // [out]
  Epilogue epilogue;

  // There is no padding then, as it is less than the window.
  bool pointwise() const {
    return !depthwise && kernel_height == 1 && kernel_width == 1 && stride_y == 1 && stride_x == 1;
  }
};

// Every pixel becomes `factor` x `factor` pixels that do not overlap.
struct TransposedConvolution {
  int in_channels = 0, out_channels = 0;
  int factor = 2;
  BlockVector<float> weights;  // [in][y][x][out]
  BlockVector<float> bias;     // [out]
  Epilogue epilogue;
};

// A convolution of the first input enlarged by nearest neighbour, plus the second input. The
// convolution is 3x3 and keeps the size.
struct UpsampledConvolution {
  Convolution convolution;
  int factor = 1;
};

// outer((inner x) * (factors + bias)): a pointwise convolution, the factors of the second input for
// its channels, and another convolution.
struct ScaledConvolution {
  Convolution inner, outer;
  float bias = 0;
};

struct GlobalMean {};
// Every channel of the first input times (second input + bias), which is one pixel.
struct ChannelScale {
  float bias = 0;
};
struct Sum {};
// Nearest neighbour, by a whole factor.
struct Upsample {
  int factor = 1;
};
struct Concatenation {};
// Windows that touch but do not overlap; what is left at the right and the bottom is dropped.
struct AveragePool {
  int height = 1, width = 1;
};
// The largest values of windows, without what lies beyond the image.
struct MaxPool : SlidingWindow {};
struct LayerNorm {
  float epsilon = 0;
  BlockVector<float> gain, bias;
};
// The input holds queries, keys and values side by side.
struct Attention {
  int heads = 1, head_size = 1;
  float scale = 1;
};
struct ElementWise {
  Epilogue epilogue;
};
struct Softmax {};

using Operation =
    std::variant<Convolution, TransposedConvolution, UpsampledConvolution, ScaledConvolution,
                 GlobalMean, ChannelScale, Sum, Upsample, Concatenation, AveragePool, MaxPool,
                 LayerNorm, Attention, ElementWise, Softmax>;

struct Layer {
  Operation operation;
  std::vector<int> inputs;  // numbers of values
  int output = 0;
};

// What the output is called in ONNX.
enum class OutputForm {
  kImage,   // (1, channels, H, W)
  kTokens,  // (1, width, channels): of a row of pixels
  kScores,  // (1, channels): of a pixel
};

struct Network {
  int values = 0;  // how many there are; value 0 is the input
  std::vector<Layer> layers;
  int output = 0;
  OutputForm output_form = OutputForm::kImage;
  std::vector<std::int64_t> input_shape;  // (1, channels, H, W); -1: any size
  OmissionRule omission;
  std::shared_ptr<const LinearClassifier> classifier;  // what was left out at the end
};

// Size of a layer's output. Throws Error(kInference) when its inputs do not fit each other.
ImageSize output_size(const Layer& layer, const std::vector<ImageSize>& inputs);

// Follows from how far the layers see to either side.
OmissionRule omission_rule(const Network& network);

struct ColumnRange {
  int begin = 0, end = 0;

  int count() const { return end - begin; }
};

// For each value the columns that are all alike when those of the input are alike from `blank` on;
// an empty range where none need be.
std::vector<ColumnRange> equal_columns(const Network& network, const std::vector<ImageSize>& sizes,
                                       int blank);

// How the columns of a value lie on the input: `step` input columns lie between two of them (0: it
// has none left), and each depends on `reach` input columns to either side.
struct Columns {
  int step = 1;
  int reach = 0;
};

// Of every value; nothing when a layer enlarges images.
std::optional<std::vector<Columns>> columns_of(const Network& network);

}  // namespace fastocr::native
