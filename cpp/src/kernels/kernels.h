#pragma once

// The inner loops, compiled once for each instruction set (kernel_table.h) and chosen at run time.
// This header and those of the kernels include nothing that defines inline functions
// of its own: such a function could be emitted with AVX instructions and be picked by the linker
// for callers that run on a CPU without them.

#include <cstddef>
#include <cstdint>

namespace fastocr::kernels {

// A linear layer whose classes lie in blocks of kClassBlock, so that one block of weights stays in
// the first-level cache for all rows. Classes beyond the last have weights of 0 and a bias that
// never wins. All arrays are aligned to 64 bytes.
inline constexpr int kClassBlock = 64;
inline constexpr int kQuantizedGroup = 4;  // features that one 8-bit instruction takes at once

struct PackedClassifier {
  int features = 0;  // a multiple of kQuantizedGroup
  int blocks = 0;
  const float* weights = nullptr;  // [block][feature][class]
  const float* bias = nullptr;     // [block][class]
  // The weights as 8-bit integers: weight = quantized * scale[class].
  const std::int8_t* quantized = nullptr;      // [block][feature / 4][class][4]
  const float* scale = nullptr;                // [block][class]
  const std::int32_t* minus_offset = nullptr;  // [block][class]: -128 * sum of quantized
};

// A row of features as 8-bit integers: feature = (quantized - 128) * scale.
struct QuantizedRow {
  const std::uint8_t* values;
  float scale;
};

// A row of features, what is taken off its scores, and where their exponentials are summed up.
struct ExpSumRow {
  const float* values;
  float shift;
  float* total;
};

// An 8-bit BGR image, as ImageView.
struct SampledImage {
  const std::uint8_t* data;
  int width, height;
  std::ptrdiff_t stride;
};

struct NetworkKernels;  // network.h

struct KernelTable {
  // Horizontal bilinear step of one BGR row. Result pixel x mixes source pixels index[x] and
  // index[x] + 1 with weights[2x], weights[2x + 1] (11 fractional bits); `safe` leading pixels read
  // no byte beyond the row when 8 bytes are loaded. out holds (sum >> 4), 3 * width + 8 values.
  void (*resize_row)(const std::uint8_t* source, int source_width, const std::int32_t* index,
                     const std::int16_t* weights, int safe, int width, std::int16_t* out);
  // Vertical bilinear step: out = (((top * w0) >> 16) + ((bottom * w1) >> 16) + 2) >> 2.
  void (*blend_rows)(const std::int16_t* top, const std::int16_t* bottom, int w0, int w1, int count,
                     std::uint8_t* out);
  // One BGR row to three float rows: x * a[c] + b[c], each operation rounded.
  void (*multiply_add_row)(const std::uint8_t* source, int width, const float* a, const float* b,
                           float* const* planes);
  // One BGR row to three float rows: ((x / a[c]) - b[c]) / c[c], each operation rounded.
  void (*divide_subtract_divide_row)(const std::uint8_t* source, int width, const float* a,
                                     const float* b, const float* c, float* const* planes);
  // Source positions of one warped row in 1/32 pixel: matrix * (x, y, 1) for x in [0, width).
  void (*warp_positions)(const double* matrix, int y, int width, std::int32_t* xs,
                         std::int32_t* ys);
  // One warped row: 4x4 taps around each position with `weights` (1024 x 16, 15 fractional bits,
  // entry (ys % 32) * 32 + xs % 32); taps outside of the source repeat its border.
  void (*warp_row)(const std::uint8_t* source, int source_width, int source_height,
                   std::ptrdiff_t stride, const std::int32_t* xs, const std::int32_t* ys,
                   const std::int16_t* weights, int width, std::uint8_t* out);
  // Values between points: out[x] = points[k] + fractions[x] * (points[k + 1] - points[k]) for x
  // from begin[k] to begin[k + 1], for each k below `gaps`.
  void (*interpolate_points)(const float* points, const int* begin, int gaps,
                             const float* fractions, float* out);
  // A row of a source sampled at (xs, ys), bilinear, with what is outside of it black: pixels /
  // 255, times 255 and cut off. Places that are no numbers are outside.
  void (*sample_row)(const SampledImage& source, const float* xs, const float* ys, int width,
                     std::uint8_t* out);
  // The same at (xs, y), to three rows of floats: pixels / 255.
  void (*sample_planes_row)(const SampledImage& source, const float* xs, float y, int width,
                            float* const* planes);
  // out[i] = values[i] > threshold ? 1 : 0.
  void (*threshold)(const float* values, int count, float threshold, std::uint8_t* out);
  // Sum in double precision.
  double (*sum)(const float* values, int count);
  // The largest score (row * weights + bias) of each class block, for each of `count` rows of
  // `features` values: maxima[row * blocks + block].
  void (*block_maxima)(const PackedClassifier& classifier, const float* rows, int count,
                       float* maxima);
  // The same from 8-bit weights and rows, as an approximation; null where the CPU has no fast 8-bit
  // products.
  void (*quantized_block_maxima)(const PackedClassifier& classifier, const QuantizedRow* rows,
                                 int count, float* maxima);
  // The kClassBlock scores of one row in one block.
  void (*block_scores)(const PackedClassifier& classifier, const float* row, int block,
                       float* scores);
  // For each of `count` rows: adds the sum of exp(score - shift) over one block to its total. The
  // relative error is below 1e-6 where no score is above the shift.
  void (*add_exp_sums)(const PackedClassifier& classifier, int block, const ExpSumRow* rows,
                       int count);
  // Index of the first largest value (count >= 1); 0 when no value is a number.
  int (*arg_max)(const float* values, int count);
  const NetworkKernels* network;
};

extern const KernelTable kPortableKernels;
// Where the build has them (FASTOCR_X86_KERNELS).
extern const KernelTable kAvx2Kernels;
extern const KernelTable kAvx512Kernels;
extern const KernelTable kAvx512VnniKernels;

// The table for `active_isa()`.
const KernelTable& active();

}  // namespace fastocr::kernels
