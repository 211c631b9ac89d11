// Compiled once for each instruction set; FASTOCR_KERNEL_TABLE names the table that the including
// translation unit defines.

#include "kernels/classifier_kernels.h"
#include "kernels/kernels.h"
#include "kernels/pixel_kernels.h"

namespace fastocr::kernels {

extern const KernelTable FASTOCR_KERNEL_TABLE;
const KernelTable FASTOCR_KERNEL_TABLE = {
    .resize_row = resize_row,
    .blend_rows = blend_rows,
    .multiply_add_row = multiply_add_row,
    .divide_subtract_divide_row = divide_subtract_divide_row,
    .warp_positions = warp_positions,
    .warp_row = warp_row,
    .threshold = threshold,
    .sum = sum,
    .block_maxima = block_maxima,
    .quantized_block_maxima = kQuantizedBlockMaxima,
    .block_scores = block_scores,
    .exp_sum = exp_sum,
    .arg_max = arg_max,
};

}  // namespace fastocr::kernels
