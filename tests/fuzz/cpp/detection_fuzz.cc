// From any probability map, for pages of any size, to boxes and outlines on the page.
#include <cmath>

#include "fastocr/text_detection.h"
#include "fuzz_input.h"

namespace fastocr::fuzz {
namespace {

constexpr int kMostPixels = 64;  // of a side of the map

DetectionParams parameters(FuzzInput& input) {
  DetectionParams params;
  params.limit_side_len = input.integer(1, 5000);
  params.limit_type = static_cast<LimitType>(input.integer(0, 2));
  params.max_side_limit = input.integer(1, 5000);
  params.thresh = input.number(0, 1);
  params.box_thresh = input.number(0, 1);
  params.unclip_ratio = input.number(0, 5);
  params.max_candidates = input.integer(0, 100);
  return params;
}

void require_on_page(const PointI& point, const Size& page) {
  require(point.x >= 0 && point.y >= 0 && point.x <= page.width && point.y <= page.height);
}

}  // namespace
}  // namespace fastocr::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fastocr;
  using namespace fastocr::fuzz;
  FuzzInput input(data, size);
  const DetectionParams params = parameters(input);
  const Size page{input.integer(1, 100000), input.integer(1, 100000)};
  const Size network = detection_input_size(page, params);
  require(network.width >= 32 && network.height >= 32);
  require(network.width % 32 == 0 && network.height % 32 == 0);

  const int width = input.integer(1, kMostPixels), height = input.integer(1, kMostPixels);
  // Rectangles of one probability each on a background, as networks make them, and single values.
  std::vector<float> values(static_cast<std::size_t>(width) * height, input.number(0, 0.3F));
  for (int count = input.integer(0, 12); count > 0; --count) {
    const int left = input.integer(0, width - 1), top = input.integer(0, height - 1);
    const int right = input.integer(left, width - 1), bottom = input.integer(top, height - 1);
    const float value = input.number(0, 1);
    for (int y = top; y <= bottom; ++y) {
      for (int x = left; x <= right; ++x) values[static_cast<std::size_t>(y) * width + x] = value;
    }
  }
  const MapView map{values.data(), width, height};
  for (const DetectedBox& box : boxes_from_map(map, page, params)) {
    require(std::isfinite(box.score));
    for (const PointI& corner : box.corners) require_on_page(corner, page);
  }
  for (const DetectedPolygon& outline : polygons_from_map(map, page, params)) {
    require(std::isfinite(outline.score));
    for (const PointI& corner : outline.points) require_on_page(corner, page);
  }
  return 0;
}
