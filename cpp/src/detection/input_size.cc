#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "fastocr/errors.h"
#include "fastocr/logging.h"
#include "fastocr/text_detection.h"

namespace fastocr {
namespace {

constexpr int kStep = 32;

double limit_scale(Size page, const DetectionParams& params) {
  const double limit = params.limit_side_len;
  const int shorter = std::min(page.width, page.height);
  const int longer = std::max(page.width, page.height);
  switch (params.limit_type) {
    case LimitType::kMin:
      return shorter < limit ? limit / shorter : 1.0;
    case LimitType::kMax:
      return longer > limit ? limit / longer : 1.0;
    default:
      return limit / longer;
  }
}

// Sides are computed in floating point: an extreme ratio may pass the range of int.
struct Sides {
  double width, height;
};

Sides scaled(Sides sides, double scale) {
  return {std::trunc(sides.width * scale), std::trunc(sides.height * scale)};
}

int to_step(double side) {
  constexpr double kMostSteps = std::numeric_limits<int>::max() / kStep;
  const double steps = std::clamp(std::nearbyint(side / kStep), 1.0, kMostSteps);
  return kStep * static_cast<int>(steps);
}

}  // namespace

Size detection_input_size(Size page, const DetectionParams& params) {
  if (page.width < 1 || page.height < 1) throw Error(ErrorKind::kInvalidInput, "an empty page");
  if (params.input_size) return *params.input_size;
  if (std::int64_t{page.width} + page.height < 2 * kStep) {
    page = {std::max(page.width, kStep), std::max(page.height, kStep)};
  }
  Sides sides = scaled({static_cast<double>(page.width), static_cast<double>(page.height)},
                       limit_scale(page, params));
  const double longer = std::max(sides.width, sides.height);
  if (longer > params.max_side_limit) {
    log(LogLevel::kWarning,
        "text detection: the side of " + std::to_string(static_cast<std::int64_t>(longer)) +
            " pixels is reduced to max_side_limit=" + std::to_string(params.max_side_limit));
    sides = scaled(sides, params.max_side_limit / longer);
  }
  return {to_step(sides.width), to_step(sides.height)};
}

}  // namespace fastocr
