#include "fastocr/geometry.h"

#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <tuple>

#include "bindings.h"
#include "convert.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace fastocr::bindings {
namespace {

std::vector<Array<std::int32_t>> contours(const MaskArray& mask) {
  Contours found;
  {
    const nb::gil_scoped_release release;
    found = find_contours(mask.data(), to_side(mask.shape(1)), to_side(mask.shape(0)));
  }
  std::vector<Array<std::int32_t>> arrays;
  arrays.reserve(found.size());
  for (std::size_t k = 0; k < found.size(); ++k) arrays.push_back(to_array(found[k]));
  return arrays;
}

std::tuple<Array<float>, float, float> rect(const PointArray& points) {
  MinAreaRect result;
  {
    const nb::gil_scoped_release release;
    result = min_area_rect(to_points(points));
  }
  return {bindings::to_array(result.corners), result.width, result.height};
}

double score(const MapArray& map, const QuadArray& quad) {
  const nb::gil_scoped_release release;
  return box_score(to_view(map), to_quad(quad));
}

Array<std::int32_t> unclip(const QuadArray& quad, double ratio) {
  return to_array(unclip_quad(to_quad(quad), ratio));
}

using IntPointArray =
    nb::ndarray<const std::int32_t, nb::shape<-1, 2>, nb::device::cpu, nb::c_contig>;

std::span<const PointI> to_points(const IntPointArray& points) {
  static_assert(sizeof(PointI) == 2 * sizeof(std::int32_t));
  return {reinterpret_cast<const PointI*>(points.data()), points.shape(0)};
}

std::vector<Array<std::int32_t>> unclip_any(const IntPointArray& polygon, double ratio) {
  std::vector<Array<std::int32_t>> arrays;
  for (const auto& loop : unclip_polygon(to_points(polygon), ratio)) {
    arrays.push_back(to_array(std::span<const PointI>(loop)));
  }
  return arrays;
}

Array<std::int32_t> approximate(const IntPointArray& contour, double epsilon) {
  return to_array(std::span<const PointI>(approximate_polygon(to_points(contour), epsilon)));
}

double score_any(const MapArray& map, const IntPointArray& polygon) {
  return polygon_score(to_view(map), to_points(polygon));
}

using BoxesArray =
    nb::ndarray<const std::int32_t, nb::shape<-1, 4, 2>, nb::device::cpu, nb::c_contig>;

std::vector<std::size_t> order(const BoxesArray& boxes) {
  static_assert(sizeof(QuadI) == 8 * sizeof(std::int32_t));
  const nb::gil_scoped_release release;
  return reading_order({reinterpret_cast<const QuadI*>(boxes.data()), boxes.shape(0)});
}

}  // namespace

void register_geometry(nb::module_& m) {
  m.def("find_contours", &contours, "mask"_a,
        "Borders of a (H, W) uint8 mask as (n, 2) int32 arrays, equal to cv2.findContours with "
        "RETR_LIST and CHAIN_APPROX_SIMPLE.");
  m.def("min_area_rect", &rect, "points"_a,
        "Corners (4, 2) float32 (top left, top right, bottom right, bottom left), width and height "
        "of the rectangle of least area around (n, 2) float32 points.");
  m.def("box_score", &score, "map"_a, "quad"_a,
        "Mean of a (H, W) float32 map over a filled (4, 2) float32 quad.");
  m.def("unclip_quad", &unclip, "quad"_a, "ratio"_a,
        "The (4, 2) float32 quad grown outwards by area * ratio / perimeter with round joins, as "
        "(n, 2) int32 vertices; none when it is degenerate.");
  m.def("unclip_polygon", &unclip_any, "polygon"_a, "ratio"_a,
        "The borders of a (n, 2) int32 polygon grown outwards by area * ratio / perimeter with "
        "round joins, as (m, 2) int32 loops.");
  m.def("approximate_polygon", &approximate, "contour"_a, "epsilon"_a,
        "A (n, 2) int32 closed contour with fewer corners, equal to cv2.approxPolyDP.");
  m.def("polygon_score", &score_any, "map"_a, "polygon"_a,
        "Mean of a (H, W) float32 map over a filled (n, 2) int32 polygon.");
  m.def("reading_order", &order, "boxes"_a, "Indices of (n, 4, 2) int32 boxes in reading order.");
}

}  // namespace fastocr::bindings
