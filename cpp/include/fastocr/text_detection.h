#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "fastocr/engine.h"
#include "fastocr/geometry.h"
#include "fastocr/image.h"

namespace fastocr {

enum class LimitType {
  kMin,        // enlarge so that the shorter side is at least the limit
  kMax,        // shrink so that the longer side is at most the limit
  kResizeLong  // scale so that the longer side is the limit
};

struct DetectionParams {
  int limit_side_len = 960;
  LimitType limit_type = LimitType::kMax;
  int max_side_limit = 4000;
  float thresh = 0.3F;
  double box_thresh = 0.6;
  double unclip_ratio = 2.0;
  int max_candidates = 1000;
  std::optional<Size> input_size;  // a fixed network input size instead of the limits
  Normalization normalization = Normalization::detection();
};

// A text line: corners in pixels of the page, its mean probability.
struct DetectedBox {
  QuadI corners;
  double score = 0;
};

// The network input size for a page: sides scaled by the limit, then made multiples of 32 (half to
// even), at least 32. Pages with width + height < 64 count as padded to at least 32 x 32. Throws
// Error(kInvalidInput) for an empty page.
Size detection_input_size(Size page, const DetectionParams& params);

// DB post-processing (Liao et al. 2020) of one probability map: boxes in contour order. A value
// that is no number is no text, and neither is a box with one in it; infinite ones compare as they
// do. Throws Error(kInvalidInput) for an empty page.
std::vector<DetectedBox> boxes_from_map(const MapView& map, Size page,
                                        const DetectionParams& params);

// The outline of a text, in pixels of the page, and its mean probability.
struct DetectedPolygon {
  std::vector<PointI> points;
  double score = 0;
};

// DB post-processing for texts that are bent: outlines of any number of corners in contour order.
std::vector<DetectedPolygon> polygons_from_map(const MapView& map, Size page,
                                               const DetectionParams& params);

// Finds the lines of text of a page with a DB network that maps (1, 3, H, W) to (1, 1, H, W).
class TextDetector {
 public:
  // Throws Error(kModelFormat) when the model's tensors are of another kind.
  explicit TextDetector(std::shared_ptr<Model> model);
  ~TextDetector();

  // Boxes in reading order. One call at a time.
  std::vector<DetectedBox> detect(const ImageView& page, const DetectionParams& params);
  // The same in the order of contours. One call at a time.
  std::vector<DetectedBox> find(const ImageView& page, const DetectionParams& params);
  // The outlines of texts that may be bent, in the order of contours. One call at a time.
  std::vector<DetectedPolygon> find_polygons(const ImageView& page, const DetectionParams& params);
  // What the last call spent in the network.
  double network_milliseconds() const { return network_milliseconds_; }

 private:
  TensorView run_network();
  MapView probability_map(const ImageView& page, const DetectionParams& params);

  std::shared_ptr<Model> model_;
  std::unique_ptr<Request> request_;
  Image padded_;
  Image resized_;
  double network_milliseconds_ = 0;
};

}  // namespace fastocr
