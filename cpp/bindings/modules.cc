#include "fastocr/modules.h"

#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <utility>

#include "bindings.h"
#include "convert.h"
#include "fastocr/pipeline.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace fastocr::bindings {
namespace {

struct Detection {
  std::vector<DetectedBox> boxes;
  Size page;
};

Detection detect(DetectionModule& module, const ImageArray& image, const PageParams& params) {
  const nb::gil_scoped_release release;
  const ImageView view = to_view(image);
  return {module.run(view, params.detection), {view.width, view.height}};
}

std::vector<double> scores(const Detection& detection) {
  std::vector<double> result;
  for (const DetectedBox& box : detection.boxes) result.push_back(box.score);
  return result;
}

std::vector<RecognizedText> recognize(RecognitionModule& module,
                                      const std::vector<ImageArray>& images,
                                      const PageParams& params) {
  std::vector<ImageView> lines;
  for (const ImageArray& image : images) lines.push_back(to_view(image));
  const nb::gil_scoped_release release;
  return module.run(lines, params.recognition);
}

}  // namespace

void register_modules(nb::module_& m) {
  nb::class_<Detection>(m, "DetectionResult", "The lines of one page in the order of contours.")
      .def_prop_ro(
          "polys", [](const Detection& d) { return to_quads(d.boxes, nullptr, d.page); },
          nb::rv_policy::move,
          "Corners, (n, 4, 2) int16 (int32 for a page with a side beyond 32767 pixels).")
      .def_prop_ro("scores", &scores, "Mean probability of each.");
  nb::class_<DetectionModule>(m, "TextDetector", "Finds lines, safe to call from any thread.")
      .def(nb::init<std::shared_ptr<Model>>(), "model"_a,
           "Raises ModelFormatError for another kind of model.")
      .def("run", &detect, "image"_a.noconvert(), "params"_a,
           "Finds the lines of one (H, W, 3) uint8 BGR page.\n\nRaises InputError or "
           "InferenceError.");
  nb::class_<RecognizedText>(m, "RecognizedLine", "What a line says.")
      .def_ro("text", &RecognizedText::text)
      .def_ro("score", &RecognizedText::score, "Mean probability of the characters.");
  nb::class_<RecognitionModule>(m, "TextRecognizer", "Reads lines, safe to call from any thread.")
      .def(nb::init<std::shared_ptr<Model>, std::vector<std::string>, int>(), "model"_a,
           "characters"_a, "workers"_a,
           "Raises ModelFormatError when the model is of another kind or does not fit the "
           "characters.")
      .def("run", &recognize, "images"_a, "params"_a,
           "Reads (H, W, 3) uint8 BGR images of upright lines. Lines that follow each other and "
           "are of one batch share the width of the widest.\n\nRaises InputError or "
           "InferenceError.");
}

}  // namespace fastocr::bindings
