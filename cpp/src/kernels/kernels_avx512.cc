#define FASTOCR_KERNEL_TABLE kAvx512Kernels
#define FASTOCR_NETWORK_KERNELS kAvx512NetworkKernels
#include "kernels/kernel_table.h"
