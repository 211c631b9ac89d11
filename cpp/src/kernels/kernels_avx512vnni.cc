#define FASTOCR_KERNEL_TABLE kAvx512VnniKernels
#include "kernels/kernel_table.h"
