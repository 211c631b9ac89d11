#define FASTOCR_KERNEL_TABLE kAvx512Kernels
#include "kernels/kernel_table.h"
