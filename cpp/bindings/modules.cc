#include "fastocr/modules.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <tuple>
#include <utility>
#include <variant>

#include "bindings.h"
#include "convert.h"
#include "fastocr/errors.h"
#include "fastocr/pipeline.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace fastocr::bindings {
namespace {

struct Detection {
  std::vector<DetectedBox> boxes;  // or
  std::optional<std::vector<DetectedPolygon>> polygons;
  Size page;
};

Detection detect(DetectionModule& module, const ImageArray& image, const PageParams& params,
                 const std::string& box_type) {
  const nb::gil_scoped_release release;
  const ImageView view = to_view(image);
  Detection result{{}, std::nullopt, {view.width, view.height}};
  if (box_type == "quad") {
    result.boxes = module.run(view, params.detection);
  } else if (box_type == "poly") {
    result.polygons = module.run_polygons(view, params.detection);
  } else {
    throw Error(ErrorKind::kInvalidOption, "box_type is '" + box_type + "': use 'quad' or 'poly'");
  }
  return result;
}

std::variant<Quads, std::vector<Array<std::int32_t>>> polys(const Detection& detection) {
  if (!detection.polygons) return to_quads(detection.boxes, nullptr, detection.page);
  std::vector<Array<std::int32_t>> arrays;
  for (const DetectedPolygon& polygon : *detection.polygons) {
    arrays.push_back(to_array(std::span<const PointI>(polygon.points)));
  }
  return arrays;
}

template <typename Found>
std::vector<double> scores_of(const std::vector<Found>& all) {
  std::vector<double> scores;
  for (const Found& one : all) scores.push_back(one.score);
  return scores;
}

std::vector<double> scores(const Detection& detection) {
  return detection.polygons ? scores_of(*detection.polygons) : scores_of(detection.boxes);
}

// N, characters of words, the column of each of N, kinds of the words.
using WordInfo = std::tuple<double, std::vector<std::vector<std::string>>,
                            std::vector<std::vector<int>>, std::vector<std::string>>;

struct Line {
  RecognizedText read;
  bool with_words;
};

const char* name(WordKind kind) {
  switch (kind) {
    case WordKind::kHan:
      return "cn";
    case WordKind::kLatin:
      return "en&num";
    default:
      return "symbol";
  }
}

std::optional<WordInfo> word_info(const Line& line) {
  if (!line.with_words) return std::nullopt;
  WordInfo info;
  auto& [count, words, columns, kinds] = info;
  count = line.read.column_count;
  for (WordGroup& group : word_groups(line.read)) {
    words.push_back(std::move(group.characters));
    columns.push_back(std::move(group.columns));
    kinds.emplace_back(name(group.kind));
  }
  return info;
}

std::vector<Line> recognize(RecognitionModule& module, const std::vector<ImageArray>& images,
                            const PageParams& params) {
  std::vector<ImageView> lines;
  for (const ImageArray& image : images) lines.push_back(to_view(image));
  const nb::gil_scoped_release release;
  std::vector<Line> result;
  for (RecognizedText& read : module.run(lines, params.recognition)) {
    result.push_back({std::move(read), params.return_word_box});
  }
  return result;
}

}  // namespace

void register_modules(nb::module_& m) {
  nb::class_<Detection>(m, "DetectionResult", "The lines of one page in the order of contours.")
      .def_prop_ro("polys", &polys, nb::rv_policy::move,
                   "Corners, (n, 4, 2) int16 (int32 for a page with a side beyond 32767 pixels); "
                   "of the type \"poly\" a list of (m, 2) int32.")
      .def_prop_ro("scores", &scores, "Mean probability of each.");
  nb::class_<DetectionModule>(m, "TextDetector", "Finds lines, safe to call from any thread.")
      .def(nb::init<std::shared_ptr<Model>>(), "model"_a,
           "Raises ModelFormatError for another kind of model.")
      .def("run", &detect, "image"_a.noconvert(), "params"_a, "box_type"_a = "quad",
           "Finds the lines of one (H, W, 3) uint8 BGR page: as rectangles, or as outlines "
           "(\"poly\").\n\nRaises InputError or InferenceError.");
  nb::class_<Line>(m, "RecognizedLine", "What a line says.")
      .def_prop_ro("text", [](const Line& line) { return line.read.text; })
      .def_prop_ro(
          "score", [](const Line& line) { return line.read.score; },
          "Mean probability of the characters.")
      .def_prop_ro(
          "word_info", &word_info,
          "If `return_word_box` was set: into how many columns the image was divided, the "
          "characters of each word, the column of each character, and the kind of each word: cn, "
          "en&num or symbol.");
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
