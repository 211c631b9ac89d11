#define FASTOCR_KERNEL_TABLE kPortableKernels
#define FASTOCR_NETWORK_KERNELS kPortableNetworkKernels
#include "kernels/kernel_table.h"
