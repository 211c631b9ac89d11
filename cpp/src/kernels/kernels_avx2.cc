#define FASTOCR_KERNEL_TABLE kAvx2Kernels
#include "kernels/kernel_table.h"
