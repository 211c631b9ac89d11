#pragma once

// The inner loops of neural networks, compiled once for each instruction set like those of
// kernels.h, whose rules hold here too. Images are stored pixel by pixel (NHWC): each pixel has its
// channels side by side, with room for a multiple of kChannelStep, so that every load is a whole
// vector. What lies beyond the last channel is finite and never reaches a result.

#include <cstddef>
#include <cstdint>

namespace fastocr::kernels {

inline constexpr int kChannelStep = 16;

// x is what a layer computed: relu max(x, 0); hard sigmoid clamp(slope * x + offset, 0, 1); hard
// swish x times that; swish x * sigmoid(x); gelu x * Phi(x).
enum class Activation { kNone, kRelu, kHardSigmoid, kHardSwish, kSigmoid, kSwish, kGelu };

// What follows a linear layer: activation(x) * scale + shift.
struct Epilogue {
  Activation activation = Activation::kNone;
  float slope = 1.0F / 6.0F;
  float offset = 0.5F;
  float scale = 1;
  float shift = 0;
};

// Rows of `depth` values times a matrix: out = epilogue(row * weights + bias).
struct DenseTask {
  const float* rows = nullptr;
  std::ptrdiff_t row_stride = 0;
  // Where the values of a row lie, [depth]: windows of an image need no copy. Null: side by side.
  const std::ptrdiff_t* offsets = nullptr;
  int count = 0;  // rows
  int depth = 0;
  int outputs = 0;                 // a multiple of kChannelStep
  const float* weights = nullptr;  // packed by pack_dense
  const float* bias = nullptr;     // [outputs]
  float* out = nullptr;
  std::ptrdiff_t out_stride = 0;
  Epilogue epilogue;
};

// The same with rows and weights in 16-bit fixed point, exact sums in 32 bits and their total in
// float: row = values * row_scales[r], weight = packed * weight_scales[output].
struct FixedDenseTask {
  const std::int16_t* rows = nullptr;  // [count][depth]
  const float* row_scales = nullptr;   // [count]
  int count = 0;
  int depth = 0;  // even
  int outputs = 0;
  const std::int16_t* weights = nullptr;  // packed by pack_fixed_dense
  const float* weight_scales = nullptr;   // [outputs]
  const float* bias = nullptr;
  float* out = nullptr;
  std::ptrdiff_t out_stride = 0;
  Epilogue epilogue;
};

// Values of the depth whose products are summed in 32 bits before they join the float total. Rows
// and weights are scaled such that over each block the Euclidean norm of either is at most
// kFixedNorm; by Cauchy and Schwarz no sum can then overflow: kFixedNorm is less than the root of
// 2^31 by more than what rounding may add.
inline constexpr int kFixedBlock = 128;
inline constexpr float kFixedNorm = 46300;
inline constexpr float kLargestFixed = 32767;

// The same with rows and weights in 8 bits and exact sums in 32: row = values * row_scales[r] +
// row_offsets[r], weight = packed * weight_scales[output].
struct ByteDenseTask {
  const std::uint8_t* rows = nullptr;  // [count][depth]
  const float* row_scales = nullptr;   // [count]
  const float* row_offsets = nullptr;  // [count]
  int count = 0;
  int depth = 0;  // a multiple of kByteGroup, at most kMostByteDepth
  int outputs = 0;
  const std::int8_t* weights = nullptr;  // packed by pack_byte_dense
  const float* weight_scales = nullptr;  // [outputs]
  const float* weight_sums = nullptr;    // [outputs]: of the weights of each output
  const float* bias = nullptr;
  float* out = nullptr;
  std::ptrdiff_t out_stride = 0;
  Epilogue epilogue;
};

inline constexpr int kByteGroup = 4;
inline constexpr float kLargestByte = 127;  // of weights
// 255 * 127 * this is less than 2^31: no sum overflows.
inline constexpr int kMostByteDepth = 1 << 16;

// One run of output pixels of a convolution that keeps channels apart. Of the height x width pixels
// of its input, only some columns need to be in memory: those that the run reads.
struct DepthwiseTask {
  const float* image = nullptr;  // pixel (first_column, 0)
  int height = 0, width = 0;
  int first_column = 0;
  int pitch = 0;     // pixels between two rows in memory
  int channels = 0;  // a multiple of kChannelStep, and the distance of two pixels
  int kernel_height = 0, kernel_width = 0;
  int stride_y = 1, stride_x = 1;
  int pad_top = 0, pad_left = 0;  // zeros around the image
  // [kernel_height][channels / kChannelStep][kernel_width][kChannelStep]
  const float* weights = nullptr;
  const float* bias = nullptr;    // [channels]
  int y = 0, begin = 0, end = 0;  // output pixels (begin..end-1, y)
  float* out = nullptr;           // pixel `begin`
  Epilogue epilogue;
};

// Multi-head attention over `tokens` rows of queries, keys and values, heads * head_size of each.
struct AttentionTask {
  const float* rows = nullptr;
  std::ptrdiff_t row_stride = 0;
  int tokens = 0;
  int heads = 0;
  int head_size = 0;
  float scale = 1;                 // of the products of queries and keys
  const float* weights = nullptr;  // [tokens]: how often each token counts; null: once
  float* out = nullptr;
  std::ptrdiff_t out_stride = 0;
  float* scratch = nullptr;  // attention_scratch(tokens, head_size) floats
};

struct NetworkKernels {
  // `weights` is depth x outputs, row-major; `packed` has as many values.
  void (*pack_dense)(const float* weights, int depth, int outputs, float* packed);
  void (*dense)(const DenseTask& task);

  // Null where the instruction set has no products of 16-bit values.
  void (*pack_fixed_dense)(const std::int16_t* weights, int depth, int outputs,
                           std::int16_t* packed);
  // values = round(row / row_scales[row]), with the smallest scale that the limits above allow. A
  // row is `row_stride` floats after the other, `depth` is even.
  void (*fix_rows)(const float* rows, std::ptrdiff_t row_stride, int count, int depth,
                   std::int16_t* values, float* row_scales);
  void (*fixed_dense)(const FixedDenseTask& task);

  // Null where the instruction set has no fast products of 8-bit values.
  void (*pack_byte_dense)(const std::int8_t* weights, int depth, int outputs, std::int8_t* packed);
  // values = round((row - row_offsets[row]) / row_scales[row]): from the least value of a row, 0,
  // to its largest, 255.
  void (*byte_rows)(const float* rows, std::ptrdiff_t row_stride, int count, int depth,
                    std::uint8_t* values, float* row_scales, float* row_offsets);
  void (*byte_dense)(const ByteDenseTask& task);

  void (*depthwise)(const DepthwiseTask& task);
  void (*activate)(const float* values, std::ptrdiff_t count, const Epilogue& epilogue, float* out);
  void (*add)(const float* a, const float* b, std::ptrdiff_t count, float* out);
  // out = pixel * (factors + bias), channel by channel.
  void (*scale_channels)(const float* pixels, int count, int channels, const float* factors,
                         float bias, float* out);
  // sums[c] += pixel[c] over `count` pixels, each times its weight (null: one).
  void (*sum_pixels)(const float* pixels, int count, int channels, const float* weights,
                     float* sums);
  // Mean over windows of height x width pixels of an image row of windows; `stride` floats lie
  // between two image rows.
  void (*average_windows)(const float* image, std::ptrdiff_t stride, int channels, int height,
                          int width, int count, float* out);
  // The largest values of windows of height x width pixels of an image, `step` pixels after each
  // other; `stride` as above.
  void (*largest_in_windows)(const float* image, std::ptrdiff_t stride, int channels, int height,
                             int width, int step, int count, float* out);
  // Rows of `size` values to mean 0 and variance 1, times gain, plus bias (Ba et al. 2016).
  void (*normalize_rows)(const float* rows, std::ptrdiff_t row_stride, int count, int size,
                         float epsilon, const float* gain, const float* bias, float* out);
  void (*attention)(const AttentionTask& task);
  // Rows of `size` values to probabilities.
  void (*softmax_rows)(const float* rows, std::ptrdiff_t row_stride, int count, int size,
                       float* out, std::ptrdiff_t out_stride);
};

std::ptrdiff_t attention_scratch(int tokens, int head_size);

// The table for `active_isa()`.
const NetworkKernels& active_network();

}  // namespace fastocr::kernels
