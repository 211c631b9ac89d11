#include "fastocr/image.h"

#include <nanobind/stl/string.h>

#include <string>

#include "bindings.h"
#include "convert.h"
#include "fastocr/errors.h"
#include "fastocr/text_recognition.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace fastocr::bindings {
namespace {

Array<std::uint8_t> resize(const ImageArray& image, int width, int height) {
  Image result;
  {
    const nb::gil_scoped_release release;
    resize_bilinear(to_view(image), width, height, result);
  }
  return to_array(result);
}

const Normalization& normalization(const std::string& kind) {
  if (kind == "detection") return Normalization::detection();
  if (kind == "recognition") return Normalization::recognition();
  throw Error(ErrorKind::kInvalidOption,
              "kind is '" + kind + "': use 'detection' or 'recognition'");
}

Array<float> normalize(const ImageArray& image, const std::string& kind) {
  const ImageView view = to_view(image);
  const auto width = static_cast<std::size_t>(view.width);
  const auto height = static_cast<std::size_t>(view.height);
  std::vector<float> planes(kChannels * width * height);
  {
    const nb::gil_scoped_release release;
    normalize_to_planes(view, normalization(kind), view.width, planes.data());
  }
  return to_array(std::move(planes), {kChannels, height, width});
}

using HomographyArray = nb::ndarray<const double, nb::shape<3, 3>, nb::device::cpu, nb::c_contig>;

Array<std::uint8_t> warp(const ImageArray& image, const HomographyArray& matrix, int width,
                         int height) {
  Homography result_to_source;
  for (std::size_t i = 0; i < 9; ++i) result_to_source[i] = matrix(i / 3, i % 3);
  Image result;
  {
    const nb::gil_scoped_release release;
    warp_perspective(to_view(image), result_to_source, width, height, result);
  }
  return to_array(result);
}

Array<std::uint8_t> rotate(const ImageArray& image, int turns) {
  Image result;
  {
    const nb::gil_scoped_release release;
    rotate_quarter_turns(to_view(image), turns, result);
  }
  return to_array(result);
}

Array<std::uint8_t> crop(const ImageArray& image, const IntQuadArray& quad) {
  Image scratch, result;
  {
    const nb::gil_scoped_release release;
    LineCrop(to_quad(quad)).cut(to_view(image), scratch, result);
  }
  return to_array(result);
}

}  // namespace

void register_image(nb::module_& m) {
  m.def("resize_bilinear", &resize, "image"_a.noconvert(), "width"_a, "height"_a,
        "Bilinear resize of a (H, W, 3) uint8 image, equal to cv2.resize with INTER_LINEAR.\n\n"
        "Raises InputError for an empty image or size.");
  m.def("normalize", &normalize, "image"_a.noconvert(), "kind"_a,
        "A (H, W, 3) uint8 BGR image as (3, H, W) float32 network input; kind is 'detection' "
        "(ImageNet statistics) or 'recognition' (values in [-1, 1]).");
  m.def("warp_perspective", &warp, "image"_a.noconvert(), "matrix"_a, "width"_a, "height"_a,
        "Bicubic warp with replicated border; `matrix` (3, 3) float64 maps result pixels to pixels "
        "of the (H, W, 3) uint8 image.");
  m.def("rotate_quarter_turns", &rotate, "image"_a.noconvert(), "turns"_a,
        "The image turned counter-clockwise by quarter turns.");
  m.def("crop_quad", &crop, "image"_a.noconvert(), "quad"_a,
        "The upright image of a text line: the rectangle around `quad` ((4, 2) int32), turned by "
        "90 degrees counter-clockwise when it is at least 1.5 times as tall as wide.");
}

}  // namespace fastocr::bindings
