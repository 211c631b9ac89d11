#include <algorithm>
#include <cmath>
#include <optional>

#include "fastocr/text_detection.h"
#include "kernels/kernels.h"

namespace fastocr {
namespace {

constexpr float kMinSide = 3;       // of a component, in pixels of the map
constexpr float kMinGrownSide = 5;  // of a grown box

float shorter_side(const MinAreaRect& rect) { return std::min(rect.width, rect.height); }

int map_coordinate(float value, double scale, int size) {
  const double mapped = std::nearbyint(static_cast<double>(value) * scale);
  return static_cast<int>(std::clamp(mapped, 0.0, static_cast<double>(size)));
}

std::optional<DetectedBox> box_from_contour(std::span<const PointI> contour, const MapView& map,
                                            Size page, const DetectionParams& params) {
  const MinAreaRect rect = min_area_rect(contour);
  if (shorter_side(rect) < kMinSide) return std::nullopt;
  const double score = box_score(map, rect.corners);
  if (score < params.box_thresh) return std::nullopt;
  const std::vector<PointI> grown = unclip_quad(rect.corners, params.unclip_ratio);
  if (grown.empty()) return std::nullopt;
  const MinAreaRect grown_rect = min_area_rect(grown);
  if (shorter_side(grown_rect) < kMinGrownSide) return std::nullopt;

  const double scale_x = page.width / static_cast<double>(map.width);
  const double scale_y = page.height / static_cast<double>(map.height);
  DetectedBox box;
  box.score = score;
  for (int i = 0; i < 4; ++i) {
    const PointF& corner = grown_rect.corners[i];
    box.corners[i] = {map_coordinate(corner.x, scale_x, page.width),
                      map_coordinate(corner.y, scale_y, page.height)};
  }
  return box;
}

}  // namespace

std::vector<DetectedBox> boxes_from_map(const MapView& map, Size page,
                                        const DetectionParams& params) {
  const std::size_t pixels = static_cast<std::size_t>(map.width) * map.height;
  std::vector<std::uint8_t> mask(pixels);
  const auto& kernel = kernels::active();
  for (int y = 0; y < map.height; ++y) {
    const std::size_t row = static_cast<std::size_t>(y) * map.width;
    kernel.threshold(map.data + row, map.width, params.thresh, mask.data() + row);
  }
  const Contours contours = find_contours(mask.data(), map.width, map.height);
  const std::size_t candidates =
      std::min(contours.size(), static_cast<std::size_t>(std::max(params.max_candidates, 0)));
  std::vector<DetectedBox> boxes;
  for (std::size_t k = 0; k < candidates; ++k) {
    if (const auto box = box_from_contour(contours[k], map, page, params)) boxes.push_back(*box);
  }
  return boxes;
}

}  // namespace fastocr
