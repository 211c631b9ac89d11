#define FASTOCR_KERNEL_TABLE kAvx512VnniKernels
#define FASTOCR_NETWORK_KERNELS kAvx512VnniNetworkKernels
#include "kernels/kernel_table.h"
