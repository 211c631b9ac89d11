#define FASTOCR_KERNEL_TABLE kAvx2Kernels
#define FASTOCR_NETWORK_KERNELS kAvx2NetworkKernels
#include "kernels/kernel_table.h"
