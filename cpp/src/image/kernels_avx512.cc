#define FASTOCR_KERNEL_TABLE kAvx512Kernels
#include "image/kernels_impl.h"
