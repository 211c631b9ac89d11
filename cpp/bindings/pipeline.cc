#include "fastocr/pipeline.h"

#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <variant>

#include "bindings.h"
#include "convert.h"
#include "fastocr/errors.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace fastocr::bindings {
namespace {

using OptionalSize = std::optional<std::pair<int, int>>;

std::optional<Size> to_size(const OptionalSize& size) {
  return size ? std::optional<Size>({size->first, size->second}) : std::nullopt;
}

using ChannelValues = std::array<double, kChannels>;

LimitType limit_type(const std::string& name) {
  if (name == "min") return LimitType::kMin;
  if (name == "max") return LimitType::kMax;
  if (name == "resize_long") return LimitType::kResizeLong;
  throw Error(ErrorKind::kInvalidOption,
              "limit_type is '" + name + "': use 'min', 'max' or 'resize_long'");
}

void init_page_params(PageParams* params, int limit_side_len, const std::string& limit,
                      int max_side_limit, float thresh, double box_thresh, double unclip_ratio,
                      int max_candidates, const OptionalSize& det_input_size, int batch_size,
                      const OptionalSize& rec_input_size, double score_thresh,
                      const ChannelValues& mean, const ChannelValues& std, double scale,
                      const std::pair<int, int>& rec_image_size, bool use_textline_orientation,
                      bool return_word_box) {
  const DetectionParams detection{limit_side_len,
                                  limit_type(limit),
                                  max_side_limit,
                                  thresh,
                                  box_thresh,
                                  unclip_ratio,
                                  max_candidates,
                                  to_size(det_input_size),
                                  Normalization::from_statistics({mean, std, scale})};
  const RecognitionParams recognition{
      batch_size, to_size(rec_input_size), {rec_image_size.first, rec_image_size.second}};
  new (params)
      PageParams{detection, recognition, use_textline_orientation, score_thresh, return_word_box};
}

void init_pipeline(Pipeline* pipeline, const std::shared_ptr<Model>& detection,
                   const std::shared_ptr<Model>& recognition,
                   const std::vector<std::string>& characters, int workers,
                   const std::shared_ptr<Model>& textline_orientation,
                   const std::optional<ClassifierParams>& textline_params) {
  std::optional<LineOrientation> orientation;
  if (textline_orientation && textline_params) {
    orientation = LineOrientation{textline_orientation, *textline_params};
  }
  new (pipeline) Pipeline(detection, recognition, characters, workers, orientation);
}

using WordBounds = std::variant<Array<std::int64_t>, Array<double>>;

std::vector<std::int32_t> coordinates(const std::vector<QuadI>& quads) {
  std::vector<std::int32_t> values;
  values.reserve(8 * quads.size());
  for (const QuadI& quad : quads) {
    for (const PointI& p : quad) values.insert(values.end(), {p.x, p.y});
  }
  return values;
}

// A page's result, and the page's size, which decides on the type of its coordinates.
struct Page {
  PageResult result;
  Size size;

  Quads quads(const std::vector<std::size_t>* selected) const {
    return to_quads(result.boxes, selected, size);
  }
};

Page run(Pipeline& pipeline, const ImageArray& image, const PageParams& params) {
  const nb::gil_scoped_release release;
  const ImageView view = to_view(image);
  return {pipeline.run(view, params), {view.width, view.height}};
}

std::vector<double> box_scores(const Page& page) {
  std::vector<double> scores;
  for (const DetectedBox& box : page.result.boxes) scores.push_back(box.score);
  return scores;
}

std::vector<std::string> texts(const Page& page) {
  std::vector<std::string> result;
  for (const std::size_t i : page.result.kept) result.push_back(page.result.texts[i].text);
  return result;
}

std::vector<double> text_scores(const Page& page) {
  std::vector<double> result;
  for (const std::size_t i : page.result.kept) result.push_back(page.result.texts[i].score);
  return result;
}

std::vector<std::vector<std::string>> words(const Page& page) {
  std::vector<std::vector<std::string>> result;
  for (const Words& line : page.result.words) result.push_back(line.texts);
  return result;
}

std::vector<Array<std::int32_t>> word_regions(const Page& page) {
  std::vector<Array<std::int32_t>> result;
  for (const Words& line : page.result.words) {
    result.push_back(to_array(coordinates(line.regions), {line.regions.size(), 4, 2}));
  }
  return result;
}

// Bounds (k, 4) of the words of each line. For no words it is a float (0,) array, the reference's
// form, for which callers may test.
std::vector<WordBounds> word_bounds(const Page& page) {
  std::vector<WordBounds> result;
  for (const Words& line : page.result.words) {
    std::vector<std::int64_t> values;
    for (const auto& [a, b, c, d] : line.regions) {
      const auto [left, right] = std::minmax({a.x, b.x, c.x, d.x});
      const auto [top, bottom] = std::minmax({a.y, b.y, c.y, d.y});
      values.insert(values.end(), {left, top, right, bottom});
    }
    if (values.empty()) {
      result.emplace_back(to_array(std::vector<double>{}, {0}));
    } else {
      result.emplace_back(to_array(std::move(values), {line.regions.size(), 4}));
    }
  }
  return result;
}

Array<std::int32_t> contour_boxes(const MapArray& map, int width, int height,
                                  const PageParams& params) {
  std::vector<DetectedBox> boxes;
  {
    const nb::gil_scoped_release release;
    boxes = boxes_from_map(to_view(map), {width, height}, params.detection);
  }
  std::vector<QuadI> quads;
  for (const DetectedBox& box : boxes) quads.push_back(box.corners);
  return to_array(coordinates(quads), {boxes.size(), 4, 2});
}

std::pair<std::string, double> decode(const MapArray& probabilities,
                                      const std::vector<std::string>& characters) {
  const CtcDecoder decoder(characters);
  if (static_cast<std::int64_t>(probabilities.shape(1)) != decoder.class_count()) {
    throw Error(ErrorKind::kInvalidInput, "the classes must be blank, the characters and a space");
  }
  const nb::gil_scoped_release release;
  const RecognizedText result =
      decoder.decode(probabilities.data(), to_side(probabilities.shape(0)));
  return {result.text, result.score};
}

std::pair<std::vector<std::string>, Array<std::int32_t>> place_words(
    const IntQuadArray& line, const std::vector<std::string>& characters,
    const std::vector<int>& columns, double column_count, bool upside_down) {
  if (columns.size() != characters.size()) {
    throw Error(ErrorKind::kInvalidInput, "there must be one column for each character");
  }
  RecognizedText text;
  for (const std::string& character : characters) {
    text.text += character;
    text.ends.push_back(static_cast<int>(text.text.size()));
  }
  text.columns = columns;
  text.column_count = column_count;
  Words words = word_boxes(to_quad(line), text, upside_down);
  const std::size_t count = words.regions.size();
  return {std::move(words.texts), to_array(coordinates(words.regions), {count, 4, 2})};
}

}  // namespace

void register_pipeline(nb::module_& m) {
  nb::class_<PageParams>(m, "PageParams", "How to process one page; see `fastocr.PaddleOCR`.")
      .def("__init__", &init_page_params, nb::kw_only(), "limit_side_len"_a = 960,
           "limit_type"_a = "max", "max_side_limit"_a = 4000, "thresh"_a = 0.3F,
           "box_thresh"_a = 0.6, "unclip_ratio"_a = 2.0, "max_candidates"_a = 1000,
           "det_input_size"_a.none() = nb::none(), "batch_size"_a = 6,
           "rec_input_size"_a.none() = nb::none(), "score_thresh"_a = 0.0,
           "mean"_a = PixelStatistics{}.mean, "std"_a = PixelStatistics{}.std,
           "scale"_a = PixelStatistics{}.scale, "rec_image_size"_a = std::pair(320, 48),
           "use_textline_orientation"_a = false, "return_word_box"_a = false,
           "Sizes are (width, height) in pixels.");
  nb::class_<Page>(m, "PageResult", "The lines of one page in reading order.")
      .def_prop_ro(
          "dt_polys", [](const Page& p) { return p.quads(nullptr); }, nb::rv_policy::move,
          "Corners of all lines found, (n, 4, 2) int16 (int32 for a page with a side "
          "beyond 32767 pixels).")
      .def_prop_ro("dt_scores", &box_scores, "Detection score of each of them.")
      .def_prop_ro(
          "rec_polys", [](const Page& p) { return p.quads(&p.result.kept); }, nb::rv_policy::move,
          "Corners of the lines that pass the score threshold, (m, 4, 2).")
      .def_prop_ro("rec_texts", &texts, "What they say.")
      .def_prop_ro("rec_scores", &text_scores, "Mean probability of their characters.")
      .def_prop_ro(
          "textline_angles", [](const Page& p) { return p.result.line_angles; },
          "Of each line found: 1 if it was upside down, 0 if not, -1 if that was not looked at.")
      .def_prop_ro("text_word", &words,
                   "The words of each kept line in the order of its text; empty when they are not "
                   "wanted.")
      .def_prop_ro("text_word_region", &word_regions, nb::rv_policy::move,
                   "Where the words of each kept line lie, (k, 4, 2) int32.")
      .def_prop_ro("text_word_boxes", &word_bounds, nb::rv_policy::move,
                   "Their bounds (k, 4) int64: x_min, y_min, x_max, y_max; a float (0,) array for "
                   "no words.")
      .def_prop_ro("detection_ms", [](const Page& p) { return p.result.times.detection; })
      .def_prop_ro("recognition_ms", [](const Page& p) { return p.result.times.recognition; })
      .def_prop_ro("detection_network_ms",
                   [](const Page& p) { return p.result.times.detection_network; })
      .def_prop_ro(
          "recognition_network_ms",
          [](const Page& p) { return p.result.times.recognition_network; },
          "Of all lines together, which run side by side.")
      .def_prop_ro(
          "line_orientation_network_ms",
          [](const Page& p) { return p.result.times.line_orientation_network; },
          "As above; it is a part of the time of recognition.");
  nb::class_<Pipeline>(m, "Pipeline", "Detection and recognition, safe to call from any thread.")
      .def("__init__", &init_pipeline, "detection"_a, "recognition"_a, "characters"_a, "workers"_a,
           "textline_orientation"_a.none() = nb::none(), "textline_params"_a.none() = nb::none(),
           "Raises ModelFormatError when a model is of another kind or does not fit the "
           "characters.")
      .def("run", &run, "image"_a.noconvert(), "params"_a,
           "Reads one (H, W, 3) uint8 BGR page.\n\nRaises InputError or InferenceError.");
  m.def("boxes_from_map", &contour_boxes, "map"_a, "width"_a, "height"_a, "params"_a,
        "Boxes (n, 4, 2) int32 of a (H, W) float32 probability map, on a page of width x height, "
        "in contour order.");
  m.def("ctc_decode", &decode, "probabilities"_a, "characters"_a,
        "Text and score of (T, len(characters) + 2) float32 probabilities: blank, the characters, "
        "the space.\n\nRaises InputError when the number of classes differs.");
  m.def("word_boxes", &place_words, "line"_a, "characters"_a, "columns"_a, "column_count"_a,
        "upside_down"_a = false,
        "Words of a line in the order of its text, and where they lie, (k, 4, 2) int32. `line`: "
        "corners (4, 2) int32; `columns`: of each character, among `column_count` along the line."
        "\n\nRaises InputError when the numbers of characters and columns differ.");
  m.def(
      "detection_input_size",
      [](int width, int height, const PageParams& params) {
        const Size size = detection_input_size({width, height}, params.detection);
        return std::pair(size.width, size.height);
      },
      "width"_a, "height"_a, "params"_a, "Network input size (width, height) for a page.");
}

}  // namespace fastocr::bindings
