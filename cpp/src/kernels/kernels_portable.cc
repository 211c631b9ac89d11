#define FASTOCR_KERNEL_TABLE kPortableKernels
#include "kernels/kernel_table.h"
