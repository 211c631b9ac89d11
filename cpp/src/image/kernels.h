#pragma once

// The inner loops over pixels, compiled once for each instruction set from kernels_impl.h and
// chosen at run time. This header and kernels_impl.h include nothing that defines inline functions
// of its own: such a function could be emitted with AVX instructions and be picked by the linker
// for callers that run on a CPU without them.

#include <cstddef>
#include <cstdint>

namespace fastocr::kernels {

struct KernelTable {
  // Horizontal bilinear step of one BGR row. Result pixel x mixes source pixels index[x] and
  // index[x] + 1 with weights[2x], weights[2x + 1] (11 fractional bits); `safe` leading pixels read
  // no byte beyond the row when 8 bytes are loaded. out holds (sum >> 4), 3 * width + 8 values.
  void (*resize_row)(const std::uint8_t* source, int source_width, const std::int32_t* index,
                     const std::int16_t* weights, int safe, int width, std::int16_t* out);
  // Vertical bilinear step: out = (((top * w0) >> 16) + ((bottom * w1) >> 16) + 2) >> 2.
  void (*blend_rows)(const std::int16_t* top, const std::int16_t* bottom, int w0, int w1, int count,
                     std::uint8_t* out);
  // Mean of 2x2 blocks of BGR pixels, rounded up at half; `width` result pixels.
  void (*halve_rows)(const std::uint8_t* top, const std::uint8_t* bottom, int width,
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
  // out[i] = values[i] > threshold ? 1 : 0.
  void (*threshold)(const float* values, int count, float threshold, std::uint8_t* out);
  // Sum in double precision.
  double (*sum)(const float* values, int count);
  // Index of the first largest value (count >= 1); 0 when no value is a number.
  int (*arg_max)(const float* values, int count);
};

extern const KernelTable kPortableKernels;
#ifdef FASTOCR_X86
extern const KernelTable kAvx2Kernels;
extern const KernelTable kAvx512Kernels;
#endif

// The table for `active_isa()`.
const KernelTable& active();

}  // namespace fastocr::kernels
