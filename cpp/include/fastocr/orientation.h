#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "fastocr/engine.h"
#include "fastocr/image.h"

namespace fastocr {

// How an image becomes the input of a classifier, which sees the channels in RGB order.
struct ClassifierParams {
  Size size;  // of the network's input
  // The image is scaled until its shorter side has this length, and `size` is cut out of its
  // middle; without it, the whole image is brought to `size`.
  std::optional<int> resize_short;
  PixelStatistics statistics;  // in RGB order
  int classes = 0;             // how many the network must have; 0: any number
};

// Scores of an image's classes, by a network that maps (1, 3, H, W) to one score for each class.
// What a less precise network leaves in doubt is left to the exact one (Model::exact), so that the
// best class is that of float. Has requests and buffers of its own: one object for each thread.
class ClassifierRunner {
 public:
  // Throws Error(kInvalidOption) when a size is not positive or the shorter side less than the part
  // that is cut out, Error(kModelFormat) when the model's tensors do not fit.
  ClassifierRunner(std::shared_ptr<Model> model, const ClassifierParams& params);

  // The network's scores. Throws Error(kInference) when the engine fails.
  std::vector<float> run(const ImageView& image);
  // What the last call spent in the networks.
  double network_milliseconds() const { return network_milliseconds_; }

 private:
  std::vector<float> scores_of(Request& request);
  std::vector<float> all_values(const TensorView& output) const;

  std::shared_ptr<Model> model_;
  ClassifierParams params_;
  Normalization normalization_;
  std::unique_ptr<Request> request_;
  std::unique_ptr<Request> exact_request_;  // null where the model is exact
  Image scaled_;
  double network_milliseconds_ = 0;
};

// The class with the highest score; of equal ones the last, as in the reference.
std::size_t best_class(const std::vector<float>& scores);

// Says which of some classes an image belongs to, by a network that maps (1, 3, H, W) to one score
// for each class. Thread-safe: calls are served one after the other by a thread of its own, so that
// memory does not grow with the number of callers.
class ImageClassifier {
 public:
  // Throws as ClassifierRunner.
  ImageClassifier(const std::shared_ptr<Model>& model, const ClassifierParams& params);
  ~ImageClassifier();

  // The network's scores. Throws Error(kInvalidInput) for an empty image, Error(kInference) when
  // the engine fails.
  std::vector<float> run(const ImageView& image);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fastocr
