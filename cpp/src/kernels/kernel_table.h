// Compiled once for each instruction set; FASTOCR_KERNEL_TABLE names the table that the including
// translation unit defines.

#include "kernels/classifier_kernels.h"
#include "kernels/kernels.h"
#include "kernels/network.h"
#include "kernels/network_kernels.h"
#include "kernels/pixel_kernels.h"
#include "kernels/sampling_kernels.h"

namespace fastocr::kernels {

namespace {

constexpr NetworkKernels kNetworkKernels = {
    .pack_dense = pack_dense,
    .dense = dense,
    .pack_fixed_dense = kPackFixedDense,
    .fix_rows = kFixRows,
    .fixed_dense = kFixedDense,
    .pack_byte_dense = kPackByteDense,
    .byte_rows = kByteRows,
    .byte_dense = kByteDense,
    .depthwise = depthwise,
    .activate = activate,
    .add = add,
    .scale_channels = scale_channels,
    .sum_pixels = sum_pixels,
    .average_windows = average_windows,
    .largest_in_windows = largest_in_windows,
    .normalize_rows = normalize_rows,
    .attention = attention,
    .softmax_rows = softmax_rows,
};

}  // namespace

extern const KernelTable FASTOCR_KERNEL_TABLE;
const KernelTable FASTOCR_KERNEL_TABLE = {
    .resize_row = resize_row,
    .blend_rows = blend_rows,
    .multiply_add_row = multiply_add_row,
    .divide_subtract_divide_row = divide_subtract_divide_row,
    .warp_positions = warp_positions,
    .warp_row = warp_row,
    .interpolate_points = interpolate_points,
    .sample_row = sample_row,
    .sample_planes_row = sample_planes_row,
    .threshold = threshold,
    .sum = sum,
    .block_maxima = block_maxima,
    .quantized_block_maxima = kQuantizedBlockMaxima,
    .block_scores = block_scores,
    .add_exp_sums = add_exp_sums,
    .arg_max = arg_max,
    .network = &kNetworkKernels,
};

}  // namespace fastocr::kernels
