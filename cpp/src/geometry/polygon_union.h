#pragma once

#include <vector>

#include "fastocr/geometry.h"

namespace fastocr {

// The borders of all that a closed curve winds around a positive number of times (from x to y), as
// loops of whole pixels: outer ones, and those of holes. The curve may cross itself. Loops with an
// area of less than a pixel are left out.
std::vector<std::vector<PointI>> positive_regions(const std::vector<PointI>& curve);

}  // namespace fastocr
