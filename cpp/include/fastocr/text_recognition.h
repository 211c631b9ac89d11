#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "fastocr/engine.h"
#include "fastocr/geometry.h"
#include "fastocr/image.h"

namespace fastocr {

struct RecognizedText {
  std::string text;  // UTF-8
  double score = 0;  // mean probability of the characters; 0 for an empty text
  // Of each entry of the dictionary that the text consists of: the step that it was read from, and
  // where it ends in `text`, in bytes.
  std::vector<int> columns, ends;
  // How many steps the line's image takes, without the padding beside it.
  double column_count = 0;
  // Whether the text stays the same if any one step takes the class that comes second there within
  // the margin of the scores.
  bool certain = true;
};

// The class scores of one line, step by step.
class StepScores {
 public:
  virtual ~StepScores() = default;
  virtual int steps() const = 0;
  // The first most probable class of a step.
  virtual int best(int step) = 0;
  // The probabilities of the best classes of some steps, those that make up the text; asked after
  // `best` of these steps.
  virtual std::vector<float> probabilities(const std::vector<int>& steps) = 0;
  // The second most probable class of the step, asked after `best`, if it comes close; else -1.
  virtual int rival(int) { return -1; }
};

// Greedy decoding of connectionist temporal classification (Graves et al. 2006): class 0 is blank,
// class k is characters[k - 1], the last class is the space, which is added here.
class CtcDecoder {
 public:
  explicit CtcDecoder(std::vector<std::string> characters);

  // Blank, the characters, and the space.
  std::int64_t class_count() const { return static_cast<std::int64_t>(characters_.size()) + 1; }

  RecognizedText decode(StepScores& scores) const;
  // `probabilities`: steps x class_count() values.
  RecognizedText decode(const float* probabilities, int steps) const;

 private:
  std::vector<std::string> characters_;
};

// The linear classifier at the end of a recognition network, prepared for decoding: most
// probabilities are never needed. The best class of each step is exact: an approximation with a
// proven error bound, in 8 bits where the CPU has products of these, else of fewer features, rules
// out most classes, and the rest are computed in float.
class CtcHead {
 public:
  explicit CtcHead(const LinearClassifier& classifier);
  ~CtcHead();
  CtcHead(const CtcHead&) = delete;
  CtcHead& operator=(const CtcHead&) = delete;

  int features() const;
  int classes() const;

  // Working memory for one line at a time; one for each thread.
  class Scores;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

class CtcHead::Scores final : public StepScores {
 public:
  explicit Scores(std::shared_ptr<const CtcHead> head);
  ~Scores() override;

  // `features`: steps x features() values, which must outlive the decoding. A class is a rival of
  // the best one when its score, before softmax, is less than `margin` lower.
  void set(const float* features, int steps, float margin = 0);

  int steps() const override;
  int best(int step) override;
  std::vector<float> probabilities(const std::vector<int>& steps) override;
  int rival(int step) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Where a line lies on the page and how its upright image is cut out.
class LineCrop {
 public:
  // The rectangle around `corners`; lines at least 1.5 times as tall as wide are turned by 90
  // degrees counter-clockwise. Sides are at least one pixel.
  explicit LineCrop(const QuadI& corners);

  // Size of the upright image.
  int width() const { return turned_ ? height_ : width_; }
  int height() const { return turned_ ? width_ : height_; }
  double aspect_ratio() const { return width() / static_cast<double>(height()); }

  // Whether the line is upside down: `cut` turns it by another 180 degrees then.
  void set_upside_down(bool upside_down) { upside_down_ = upside_down; }

  // `scratch` holds the image before it is turned.
  void cut(const ImageView& page, Image& scratch, Image& result) const;

 private:
  bool is_slice_of(const ImageView& page) const;
  Homography to_page() const;

  Quad corners_;
  int width_, height_;
  bool turned_;
  bool upside_down_ = false;
};

// How lines become network input.
struct RecognitionParams {
  // Lines of similar aspect ratio that share one input width, as in the reference, where they form
  // a batch. The padding changes what the network sees, so this changes results.
  int batch_size = 6;
  // A fixed network input size to which every line is stretched.
  std::optional<Size> input_size;
  // Otherwise: the height of the network's input, and its least width.
  Size image_size{320, 48};
};

// The network input of a line: text in the left `text_width` columns of `width`.
struct LineLayout {
  int text_width = 0;
  int width = 0;
  // The line's part of the width, by its aspect ratio and the widest one, without rounding.
  double share = 1;
};

// A line's input without most of its padding.
struct ShortenedLayout {
  int width = 0;
  OmittedColumns omitted;
};

// Leaves out as much padding as the rule allows.
ShortenedLayout shortened(const LineLayout& layout, const OmissionRule& rule);

struct LineLayouts {
  std::vector<LineLayout> lines;                 // in the order of the crops
  std::vector<std::vector<std::size_t>> groups;  // lines that share a width, narrowest group first
};

// Layouts of lines of these aspect ratios (width by height). The lines are sorted by aspect ratio
// and taken in groups of batch_size; a group's width is that of its widest line, at least 320 and
// at most 3200.
LineLayouts line_layouts(const std::vector<double>& aspect_ratios, const RecognitionParams& params);
LineLayouts line_layouts(const std::vector<LineCrop>& crops, const RecognitionParams& params);

// What recognizers on all threads share: the network, its dictionary, and its classifier when the
// engine could leave it out of the network.
struct RecognitionModel {
  // Throws Error(kModelFormat) when the model is not a recognition model for this dictionary.
  RecognitionModel(std::shared_ptr<Model> model, std::vector<std::string> characters);

  std::shared_ptr<Model> model;
  // Decides on lines that are too close for `model`; null: `model` decides them all.
  std::shared_ptr<Model> exact;
  CtcDecoder decoder;
  std::shared_ptr<const CtcHead> head;  // null: the network gives probabilities
};

// Reads lines with a CTC network that maps (N, 3, H, W) to (N, T, classes), or to the features of
// its classifier. The buffers are the recognizer's own: one object for each thread.
class TextRecognizer {
 public:
  explicit TextRecognizer(std::shared_ptr<const RecognitionModel> model);
  ~TextRecognizer();
  // One that shares the network's work on a line out to `threads` threads; null where the engine
  // cannot.
  static std::unique_ptr<TextRecognizer> make_shared_out(
      const std::shared_ptr<const RecognitionModel>& model, int threads);

  bool prefers_batches() const;

  RecognizedText recognize(const ImageView& page, const LineCrop& crop, const LineLayout& layout,
                           const RecognitionParams& params);
  // Reads some `lines` of the page, which have one width, and sets their texts. Several lines go
  // through the network together; they must not, if the model has an exact() or leaves out columns.
  void recognize(const ImageView& page, const std::vector<LineCrop>& crops,
                 const std::vector<LineLayout>& layouts, std::span<const std::size_t> lines,
                 const RecognitionParams& params, std::vector<RecognizedText>& texts);
  // Reads an upright image of a line.
  RecognizedText recognize(const ImageView& line, const LineLayout& layout,
                           const RecognitionParams& params);
  // What the last call spent in the network and its classifier, on all of its threads together.
  double network_milliseconds() const { return network_milliseconds_ * threads_; }

 private:
  TextRecognizer(std::shared_ptr<const RecognitionModel> model, std::unique_ptr<Request> request,
                 std::unique_ptr<Request> exact_request, int threads);

  void cut(const ImageView& page, const LineCrop& crop, int text_width, int height);
  RecognizedText read_resized(int height, const LineLayout& layout);
  RecognizedText run(Request& request, int height, const LineLayout& layout, float margin);
  void check_output(const TensorView& output, std::size_t lines) const;
  RecognizedText decode(const float* data, int steps, float margin);
  void place_in_full_width(const OmittedColumns& omitted, int steps, double share,
                           RecognizedText& text) const;

  std::shared_ptr<const RecognitionModel> model_;
  std::unique_ptr<Request> request_;
  std::unique_ptr<Request> exact_request_;  // null without an exact model
  std::unique_ptr<CtcHead::Scores> scores_;
  Image scratch_, line_, resized_;
  int threads_;
  double network_milliseconds_ = 0;
};

}  // namespace fastocr
