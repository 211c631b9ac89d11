#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace fastocr {

// All functions here take any coordinates. Those far beyond any image may count as nearer ones,
// from 10^6 on. What comes of coordinates that are no numbers is said with each function.

struct PointF {
  float x = 0, y = 0;
};
struct PointI {
  int x = 0, y = 0;
  friend bool operator==(const PointI&, const PointI&) = default;
};

// Corners in the order top left, top right, bottom right, bottom left.
using Quad = std::array<PointF, 4>;
using QuadI = std::array<PointI, 4>;

// A rectangle of `width` x `height` pixels; `corners` in `Quad` order.
struct MinAreaRect {
  Quad corners;
  float width = 0;
  float height = 0;
};

// The rectangle of least area around a point set (Toussaint's rotating calipers over the convex
// hull). Corners agree with cv::minAreaRect + cv::boxPoints of OpenCV 4.10, ordered by
// `order_corners`. Points with coordinates that are infinite or no numbers are left out. No points
// give a zero rectangle at the origin.
MinAreaRect min_area_rect(std::span<const PointF> points);
MinAreaRect min_area_rect(std::span<const PointI> points);

// Orders four corners, which must be numbers: the two leftmost by x (stable) become top left and
// bottom left by y, the others top right and bottom right.
Quad order_corners(const Quad& corners);

// Borders of the connected components (and of their holes) of a binary image.
struct Contours {
  std::vector<PointI> points;  // all contours one after the other
  std::vector<std::size_t>
      offsets;  // contour k is points[offsets[k]] .. points[offsets[k + 1] - 1]

  std::size_t size() const { return offsets.empty() ? 0 : offsets.size() - 1; }
  std::span<const PointI> operator[](std::size_t k) const {
    return {points.data() + offsets[k], offsets[k + 1] - offsets[k]};
  }
};

// Border following after Suzuki and Abe (1985) on `mask` (height x width bytes, non-zero is set),
// with runs in one of the eight directions reduced to their ends. Equal, in points and order, to
// cv::findContours with RETR_LIST and CHAIN_APPROX_SIMPLE: the last component found comes first.
Contours find_contours(const std::uint8_t* mask, int width, int height);

// A borrowed probability map, tightly packed.
struct MapView {
  const float* data = nullptr;
  int width = 0;
  int height = 0;
};

// Mean of `map` over the pixels that cv::fillPoly sets for `quad`, whose corners are truncated to
// whole pixels relative to its clamped bounding box ("fast" score of DB, Liao et al. 2020). 0 for a
// quad that covers no pixel, or has a corner that is no number; no number where the map has none.
double box_score(const MapView& map, const Quad& quad);

// Grows a quad outwards by area * ratio / perimeter with round joins, as the Clipper library does
// with arc tolerance 0.25 on corners truncated to integers. Returns the vertices of the grown
// polygon; empty when the quad is degenerate, infinite or no quad of numbers, or the polygon
// vanishes.
std::vector<PointI> unclip_quad(const Quad& quad, double ratio);

// The same for any polygon, as the borders of all that is grown: more than one where parts of it
// meet or it crosses itself. Corners of whole pixels.
std::vector<std::vector<PointI>> unclip_polygon(std::span<const PointI> polygon, double ratio);

// Length of a closed polygon; each side is rounded to float, as in cv::arcLength.
double perimeter(std::span<const PointI> polygon);

// A closed contour with fewer corners, within `epsilon` of it (Ramer 1972, Douglas and Peucker
// 1973). Equal to cv::approxPolyDP. An `epsilon` that is no number leaves one corner.
std::vector<PointI> approximate_polygon(std::span<const PointI> contour, double epsilon);

// Mean of `map` over the pixels that cv::fillPoly sets for a polygon of pixels of the map.
double polygon_score(const MapView& map, std::span<const PointI> polygon);

// Reading order of boxes: by the y, then the x of their first corner; neighbours whose y differs by
// less than 10 pixels are then ordered by x. Returns indices into `boxes`.
std::vector<std::size_t> reading_order(std::span<const QuadI> boxes);

}  // namespace fastocr
