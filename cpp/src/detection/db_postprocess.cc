#include <algorithm>
#include <cmath>
#include <optional>

#include "fastocr/errors.h"
#include "fastocr/text_detection.h"
#include "kernels/kernels.h"

namespace fastocr {
namespace {

constexpr float kMinSide = 3;       // of a component, in pixels of the map
constexpr float kMinGrownSide = 5;  // of a grown box

float shorter_side(const MinAreaRect& rect) { return std::min(rect.width, rect.height); }

int map_coordinate(double value, double scale, int size) {
  const double mapped = std::nearbyint(value * scale);
  return static_cast<int>(std::clamp(mapped, 0.0, static_cast<double>(size)));
}

PointI map_point(double x, double y, const MapView& map, Size page) {
  return {map_coordinate(x, page.width / static_cast<double>(map.width), page.width),
          map_coordinate(y, page.height / static_cast<double>(map.height), page.height)};
}

std::optional<DetectedBox> box_from_contour(std::span<const PointI> contour, const MapView& map,
                                            Size page, const DetectionParams& params) {
  const MinAreaRect rect = min_area_rect(contour);
  if (shorter_side(rect) < kMinSide) return std::nullopt;
  const double score = box_score(map, rect.corners);
  if (!(score >= params.box_thresh)) return std::nullopt;
  const std::vector<PointI> grown = unclip_quad(rect.corners, params.unclip_ratio);
  if (grown.empty()) return std::nullopt;
  const MinAreaRect grown_rect = min_area_rect(grown);
  if (shorter_side(grown_rect) < kMinGrownSide) return std::nullopt;

  DetectedBox box;
  box.score = score;
  for (int i = 0; i < 4; ++i) {
    const PointF& corner = grown_rect.corners[i];
    box.corners[i] =
        map_point(static_cast<double>(corner.x), static_cast<double>(corner.y), map, page);
  }
  return box;
}

std::optional<DetectedPolygon> polygon_from_contour(std::span<const PointI> contour,
                                                    const MapView& map, Size page,
                                                    const DetectionParams& params) {
  constexpr double kTolerance = 0.002;  // of the contour's length
  const auto outline = approximate_polygon(contour, kTolerance * perimeter(contour));
  if (outline.size() < 4) return std::nullopt;
  const double score = polygon_score(map, outline);
  if (!(score >= params.box_thresh)) return std::nullopt;
  const auto grown = unclip_polygon(outline, params.unclip_ratio);
  if (grown.size() != 1) return std::nullopt;
  if (shorter_side(min_area_rect(grown[0])) < kMinGrownSide) return std::nullopt;
  DetectedPolygon polygon{{}, score};
  for (const PointI& p : grown[0]) polygon.points.push_back(map_point(p.x, p.y, map, page));
  return polygon;
}

// What `make` finds in each of the contours that are looked at.
template <typename Found, typename Make>
std::vector<Found> from_contours(const MapView& map, Size page, const DetectionParams& params,
                                 const Make& make) {
  if (page.width < 1 || page.height < 1) throw Error(ErrorKind::kInvalidInput, "an empty page");
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
  std::vector<Found> found;
  for (std::size_t k = 0; k < candidates; ++k) {
    if (auto one = make(contours[k])) found.push_back(*std::move(one));
  }
  return found;
}

}  // namespace

std::vector<DetectedBox> boxes_from_map(const MapView& map, Size page,
                                        const DetectionParams& params) {
  return from_contours<DetectedBox>(map, page, params, [&](std::span<const PointI> contour) {
    return box_from_contour(contour, map, page, params);
  });
}

std::vector<DetectedPolygon> polygons_from_map(const MapView& map, Size page,
                                               const DetectionParams& params) {
  return from_contours<DetectedPolygon>(map, page, params, [&](std::span<const PointI> contour) {
    return polygon_from_contour(contour, map, page, params);
  });
}

}  // namespace fastocr
