#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fastocr/engine.h"
#include "fastocr/image.h"
#include "fastocr/text_detection.h"
#include "fastocr/text_recognition.h"

namespace fastocr {

// Text detection on its own. Thread-safe: calls are served one after the other by a thread of its
// own.
class DetectionModule {
 public:
  // Throws Error(kModelFormat) when the model's tensors are of another kind.
  explicit DetectionModule(const std::shared_ptr<Model>& model);
  ~DetectionModule();

  // Boxes in the order of contours. Throws Error(kInvalidInput) for an empty page,
  // Error(kInference) when the engine fails.
  std::vector<DetectedBox> run(const ImageView& page, const DetectionParams& params);
  // Outlines of texts that may be bent. Throws as `run`.
  std::vector<DetectedPolygon> run_polygons(const ImageView& page, const DetectionParams& params);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Text recognition on its own: images are upright lines. Thread-safe: the work is done by threads
// of its own.
class RecognitionModule {
 public:
  // `workers`: threads that read lines side by side, each with a request of its own. Throws
  // Error(kModelFormat) when the model is of another kind or does not fit the dictionary.
  RecognitionModule(std::shared_ptr<Model> model, std::vector<std::string> characters, int workers);
  ~RecognitionModule();

  // Throws Error(kInvalidInput) for an empty line, Error(kInference) when the engine fails.
  std::vector<RecognizedText> run(const std::vector<ImageView>& lines,
                                  const RecognitionParams& params);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fastocr
