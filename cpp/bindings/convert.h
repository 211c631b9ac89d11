#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "fastocr/geometry.h"
#include "fastocr/image.h"
#include "fastocr/text_detection.h"

namespace fastocr::bindings {

namespace nb = nanobind;

// Arguments: any strides are taken; what a function needs is checked when it is converted.
using ImageArray = nb::ndarray<const std::uint8_t, nb::shape<-1, -1, kChannels>, nb::device::cpu>;
using MapArray = nb::ndarray<const float, nb::shape<-1, -1>, nb::device::cpu, nb::c_contig>;
using MaskArray = nb::ndarray<const std::uint8_t, nb::shape<-1, -1>, nb::device::cpu, nb::c_contig>;
using PointArray = nb::ndarray<const float, nb::shape<-1, 2>, nb::device::cpu, nb::c_contig>;
using QuadArray = nb::ndarray<const float, nb::shape<4, 2>, nb::device::cpu, nb::c_contig>;
using IntQuadArray =
    nb::ndarray<const std::int32_t, nb::shape<4, 2>, nb::device::cpu, nb::c_contig>;

// Throws Error(kInvalidInput) for a side that the core cannot count.
int to_side(std::size_t length);

// Throws Error(kInvalidInput) unless the pixels of a row lie side by side.
ImageView to_view(const ImageArray& image);
MapView to_view(const MapArray& map);
Quad to_quad(const QuadArray& quad);
QuadI to_quad(const IntQuadArray& quad);
std::span<const PointF> to_points(const PointArray& points);

template <typename T>
using Array = nb::ndarray<nb::numpy, T>;

// Hands `values` over to a new array without a copy.
template <typename T>
Array<T> to_array(std::vector<T> values, std::initializer_list<std::size_t> shape) {
  auto* owner = new std::vector<T>(std::move(values));
  nb::capsule capsule(owner, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  return Array<T>(owner->data(), shape, capsule);
}

Array<std::uint8_t> to_array(const Image& image);
Array<float> to_array(const Quad& quad);
// (n, 2)
Array<std::int32_t> to_array(std::span<const PointI> points);

// (n, 4, 2) corners of boxes.
using Quads = std::variant<Array<std::int16_t>, Array<std::int32_t>>;

// All boxes, or the selected ones: int16 like the reference, int32 on pages beyond its range.
Quads to_quads(const std::vector<DetectedBox>& boxes, const std::vector<std::size_t>* selected,
               const Size& page);

}  // namespace fastocr::bindings
