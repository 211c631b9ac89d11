#pragma once

#include "runtime/native/network.h"

namespace fastocr::native {

// Replaces what a network computes by sums that are equal but cheaper. Convolution is linear: over
// a sum or a concatenation it is the sum of convolutions of the parts. That of an enlarged image is
// taken before the enlargement, where most of its taps meet the same pixel; that of a pointwise
// convolution becomes one convolution with few channels (feature pyramids: Lin et al. 2017, Zhu et
// al. 2021).
void simplify(Network& network);

}  // namespace fastocr::native
