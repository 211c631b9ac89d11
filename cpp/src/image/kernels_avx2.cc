#define FASTOCR_KERNEL_TABLE kAvx2Kernels
#include "image/kernels_impl.h"
