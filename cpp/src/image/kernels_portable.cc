#define FASTOCR_KERNEL_TABLE kPortableKernels
#include "image/kernels_impl.h"
