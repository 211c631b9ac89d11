#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fastocr/engine.h"
#include "fastocr/orientation.h"
#include "fastocr/text_detection.h"
#include "fastocr/text_recognition.h"
#include "fastocr/word_boxes.h"

namespace fastocr {

// Milliseconds that a page spent in each stage, waiting for busy workers included, and in the
// networks of the stages. Those of recognition run side by side: the times of all threads are added
// up. The classifier at the end counts as part of the network.
struct StageTimes {
  double detection = 0;
  double recognition = 0;
  double detection_network = 0;
  double recognition_network = 0;
  double line_orientation_network = 0;  // a part of the time of recognition, too
};

struct PageParams {
  DetectionParams detection;
  RecognitionParams recognition;
  bool use_textline_orientation = false;
  double score_thresh = 0;  // lines recognised with a lower score are not kept
  bool return_word_box = false;
};

struct PageResult {
  std::vector<DetectedBox> boxes;     // all lines found, in reading order
  std::vector<RecognizedText> texts;  // what each of them says
  std::vector<int> line_angles;       // 1: it was upside down, 0: it was not, -1: not looked at
  std::vector<std::size_t> kept;      // indices of the lines that pass the score threshold
  std::vector<Words> words;           // of each kept line, if they are wanted
  StageTimes times;
};

// Tells whether a line is upside down: the second of two classes.
struct LineOrientation {
  std::shared_ptr<Model> model;
  ClassifierParams params;
};

// Detection and recognition of whole pages. One object serves any number of threads at once and
// gives each the result that it would give a single one; the work is done by the pipeline's own
// threads, so that memory does not grow with the number of callers.
class Pipeline {
 public:
  // `workers`: threads that recognise lines side by side, each with a request of its own.
  // Throws Error(kModelFormat) when a model is of another kind or does not fit the dictionary.
  Pipeline(std::shared_ptr<Model> detection, std::shared_ptr<Model> recognition,
           std::vector<std::string> characters, int workers,
           const std::optional<LineOrientation>& line_orientation = std::nullopt);
  ~Pipeline();

  // Throws Error(kInvalidInput) for an empty page, Error(kInvalidOption) when lines are to be
  // turned and there is no model for it, Error(kInference) when an engine fails.
  PageResult run(const ImageView& page, const PageParams& params);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fastocr
