#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "fastocr/errors.h"
#include "fastocr/orientation.h"
#include "runtime/solo_thread.h"
#include "runtime/stopwatch.h"
#include "runtime/value_check.h"

namespace fastocr {
namespace {

// How close a second class may come, as the part of the best score that it lacks, before a less
// precise network is not trusted with the choice: twelve times what 16-bit products moved the
// scores of 3722 lines of real images.
constexpr float kDecisionMargin = 0.05F;

std::string to_text(const Size& size) {
  return std::to_string(size.width) + " x " + std::to_string(size.height);
}

void check_params(const ClassifierParams& params) {
  const auto& [size, resize_short, statistics, classes] = params;
  if (size.width < 1 || size.height < 1) {
    throw Error(ErrorKind::kInvalidOption,
                "size is " + to_text(size) + ": sides of at least 1 are needed");
  }
  if (resize_short && *resize_short < std::max(size.width, size.height)) {
    throw Error(ErrorKind::kInvalidOption, "resize_short is " + std::to_string(*resize_short) +
                                               ": it must be at least the longer side of size, " +
                                               to_text(size));
  }
  if (classes < 0) {
    throw Error(ErrorKind::kInvalidOption, "classes is " + std::to_string(classes));
  }
}

void check_classes(const Model& model, std::int64_t found, int wanted) {
  if (wanted == 0 || found == wanted) return;
  throw Error(ErrorKind::kModelFormat, model.path() + ": the classification model has " +
                                           std::to_string(found) + " classes, its configuration " +
                                           std::to_string(wanted) + " labels");
}

void check_tensors(const Model& model, const ClassifierParams& params) {
  const Size& size = params.size;
  const Shape input = model.input_shape(), output = model.output_shape();
  if (output.size() == 2 && output[1] != -1) check_classes(model, output[1], params.classes);
  const auto fits = [](std::int64_t side, std::int64_t wanted) {
    return side == wanted || side == -1;
  };
  if (input.size() == 4 && fits(input[1], kChannels) && fits(input[2], size.height) &&
      fits(input[3], size.width)) {
    return;
  }
  throw Error(ErrorKind::kModelFormat,
              model.path() + ": not an image classifier that takes (1, 3, " +
                  std::to_string(size.height) + ", " + std::to_string(size.width) + ")");
}

// The statistics in the channel order of images.
PixelStatistics in_bgr_order(PixelStatistics statistics) {
  std::reverse(statistics.mean.begin(), statistics.mean.end());
  std::reverse(statistics.std.begin(), statistics.std.end());
  return statistics;
}

// The image at its scaled size, of which only the middle is ever computed.
void scaled_middle(const ImageView& image, const ClassifierParams& params, Image& result) {
  const Size& size = params.size;
  if (!params.resize_short) return resize_bilinear(image, size.width, size.height, result);
  const double scale =
      static_cast<double>(*params.resize_short) / std::min(image.width, image.height);
  const auto scaled = [scale](int side) {
    return static_cast<std::int64_t>(std::nearbyint(side * scale));
  };
  const std::int64_t width = scaled(image.width), height = scaled(image.height);
  resize_bilinear_part(image, {width, height},
                       {(width - size.width) / 2, (height - size.height) / 2}, size, result);
}

// Whether more than one class may be the best; also if scores are negative or no numbers.
bool is_in_doubt(const std::vector<float>& scores) {
  const float least = scores[best_class(scores)] * (1 - kDecisionMargin);
  return std::count_if(scores.begin(), scores.end(), [&](float s) { return !(s < least); }) != 1;
}

}  // namespace

ClassifierRunner::ClassifierRunner(std::shared_ptr<Model> model, const ClassifierParams& params)
    : model_(std::move(model)),
      params_(params),
      normalization_(Normalization::from_statistics(in_bgr_order(params.statistics))) {
  check_params(params);
  check_tensors(*model_, params);
  request_ = model_->create_request();
  if (const auto exact = model_->exact()) exact_request_ = exact->create_request();
}

std::vector<float> ClassifierRunner::run(const ImageView& image) {
  scaled_middle(image, params_, scaled_);
  network_milliseconds_ = 0;
  std::vector<float> scores = scores_of(*request_);
  if (exact_request_ && is_in_doubt(scores)) scores = scores_of(*exact_request_);
  check_output_values(*model_, {scores.data(), {static_cast<std::int64_t>(scores.size())}},
                      kUsableNumbers);
  return scores;
}

// Of the image in scaled_.
std::vector<float> ClassifierRunner::scores_of(Request& request) {
  const auto& [width, height] = params_.size;
  float* input = request.input({1, kChannels, height, width});
  normalize_to_planes(scaled_.view(), normalization_, width, input);
  // The planes lie in the order B, G, R.
  const std::ptrdiff_t plane = static_cast<std::ptrdiff_t>(width) * height;
  std::swap_ranges(input, input + plane, input + 2 * plane);
  const Stopwatch watch(network_milliseconds_);
  request.run();
  return all_values(request.output());
}

std::vector<float> ClassifierRunner::all_values(const TensorView& output) const {
  std::int64_t count = 1;
  for (const std::int64_t side : output.shape) count *= side;
  if (output.shape.empty() || output.shape[0] != 1 || count < 1) {
    throw Error(ErrorKind::kModelFormat, model_->path() + ": it gave no scores for one image");
  }
  check_classes(*model_, count, params_.classes);
  return {output.data, output.data + count};
}

std::size_t best_class(const std::vector<float>& scores) {
  const auto best = std::max_element(scores.rbegin(), scores.rend());
  return static_cast<std::size_t>(scores.rend() - best - 1);
}

class ImageClassifier::Impl {
 public:
  // The caller keeps the model: its last owner may need what the caller holds, such as Python's
  // lock, and so must not be the thread.
  Impl(const std::shared_ptr<Model>& model, const ClassifierParams& params) {
    thread_.run([&] { runner_.emplace(model, params); });
  }

  bool made_by_this_process() const { return process_.is_here(); }

  std::vector<float> run(const ImageView& image) {
    std::vector<float> scores;
    thread_.run([&] { scores = runner_->run(image); });
    return scores;
  }

 private:
  const ProcessMark process_;
  std::optional<ClassifierRunner> runner_;
  SoloThread thread_;  // last, so that it ends before what it uses
};

ImageClassifier::ImageClassifier(const std::shared_ptr<Model>& model,
                                 const ClassifierParams& params)
    : impl_(std::make_unique<Impl>(model, params)) {}

ImageClassifier::~ImageClassifier() {
  if (!impl_->made_by_this_process()) static_cast<void>(impl_.release());
}

std::vector<float> ImageClassifier::run(const ImageView& image) {
  if (image.empty()) throw Error(ErrorKind::kInvalidInput, "an empty image cannot be classified");
  return impl_->run(image);
}

}  // namespace fastocr
