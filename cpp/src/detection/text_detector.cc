#include <cstring>

#include "fastocr/errors.h"
#include "fastocr/text_detection.h"
#include "runtime/stopwatch.h"
#include "runtime/value_check.h"

namespace fastocr {
namespace {

constexpr int kMinSide = 32;
// Room for rounding, nothing else: networks without a last sigmoid give values far outside.
constexpr ValueRange kProbabilities{-0.01F, 1.01F};

void check_tensors(const Model& model) {
  const Shape input = model.input_shape(), output = model.output_shape();
  const auto fits = [](std::int64_t size, std::int64_t wanted) {
    return size == wanted || size == -1;
  };
  const bool input_fits = input.size() == 4 && fits(input[1], kChannels);
  const bool output_fits = output.empty() || (output.size() == 4 && fits(output[1], 1));
  if (!input_fits || !output_fits) {
    throw Error(ErrorKind::kModelFormat,
                model.path() +
                    ": not a text detection model: it does not map (1, 3, H, W) to (1, 1, H, W)");
  }
}

// Whether a map of this size shows an input of that size, each value a square of pixels.
bool shows(std::int64_t map_width, std::int64_t map_height, const Size& input) {
  return map_width > 0 && map_height > 0 && input.width % map_width == 0 &&
         input.height % map_height == 0 && input.width / map_width == input.height / map_height;
}

std::string to_text(const Shape& shape) {
  std::string text;
  for (const std::int64_t side : shape) text += (text.empty() ? "" : ", ") + std::to_string(side);
  return "(" + text + ")";
}

void check_map(const Model& model, const Shape& shape, const Size& input) {
  if (shape.size() == 4 && shape[0] == 1 && shape[1] == 1 && shows(shape[3], shape[2], input)) {
    return;
  }
  throw Error(ErrorKind::kModelFormat, model.path() + ": the text detection model gave " +
                                           to_text(shape) + " for " +
                                           to_text({1, kChannels, input.height, input.width}) +
                                           ", which is no probability map");
}

// Tiny pages lie in the top left corner of a black canvas.
ImageView padded(const ImageView& page, Image& canvas) {
  const int width = std::max(page.width, kMinSide), height = std::max(page.height, kMinSide);
  canvas.resize(width, height);
  for (int y = 0; y < height; ++y) {
    std::memset(canvas.row(y), 0, static_cast<std::size_t>(canvas.stride()));
    if (y < page.height) {
      std::memcpy(canvas.row(y), page.row(y), static_cast<std::size_t>(page.width) * kChannels);
    }
  }
  return canvas.view();
}

}  // namespace

TextDetector::TextDetector(std::shared_ptr<Model> model) : model_(std::move(model)) {
  check_tensors(*model_);
  request_ = model_->create_request();
}

TextDetector::~TextDetector() = default;

MapView TextDetector::probability_map(const ImageView& page, const DetectionParams& params) {
  const Size size = detection_input_size({page.width, page.height}, params);
  ImageView source = page.width + page.height < 2 * kMinSide ? padded(page, padded_) : page;
  if (Size{source.width, source.height} != size) {
    resize_bilinear(source, size.width, size.height, resized_);
    source = resized_.view();
  }
  float* input = request_->input({1, kChannels, size.height, size.width});
  normalize_to_planes(source, params.normalization, size.width, input);
  const TensorView output = run_network();
  check_map(*model_, output.shape, size);
  check_output_values(*model_, output, kProbabilities);
  return {output.data, static_cast<int>(output.shape[3]), static_cast<int>(output.shape[2])};
}

TensorView TextDetector::run_network() {
  network_milliseconds_ = 0;
  const Stopwatch watch(network_milliseconds_);
  request_->run();
  return request_->output();
}

std::vector<DetectedBox> TextDetector::find(const ImageView& page, const DetectionParams& params) {
  return boxes_from_map(probability_map(page, params), {page.width, page.height}, params);
}

std::vector<DetectedPolygon> TextDetector::find_polygons(const ImageView& page,
                                                         const DetectionParams& params) {
  return polygons_from_map(probability_map(page, params), {page.width, page.height}, params);
}

std::vector<DetectedBox> TextDetector::detect(const ImageView& page,
                                              const DetectionParams& params) {
  const auto boxes = find(page, params);
  std::vector<QuadI> corners;
  corners.reserve(boxes.size());
  for (const DetectedBox& box : boxes) corners.push_back(box.corners);
  std::vector<DetectedBox> ordered;
  ordered.reserve(boxes.size());
  for (const std::size_t i : reading_order(corners)) ordered.push_back(boxes[i]);
  return ordered;
}

}  // namespace fastocr
