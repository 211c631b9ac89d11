#pragma once

#include <memory>

#include "runtime/native/step.h"

namespace fastocr::native {

std::unique_ptr<Step> make_max_pool(const kernels::NetworkKernels& kernels, const MaxPool& pool,
                                    int from, int to);

}  // namespace fastocr::native
