#include <algorithm>
#include <string>
#include <utility>

#include "fastocr/document.h"
#include "fastocr/errors.h"

namespace fastocr {
namespace {

constexpr int kQuarter = 90, kTurn = 360;

// Takes back counter-clockwise quarter turns, to an image of size `input`.
PointF turned_back(const PointF& point, int turns, const Size& input) {
  const float width = static_cast<float>(input.width), height = static_cast<float>(input.height);
  switch (turns) {
    case 1:
      return {width - point.y, point.x};
    case 2:
      return {width - point.x, height - point.y};
    case 3:
      return {point.y, height - point.x};
    default:
      return point;
  }
}

}  // namespace

PointF DocumentPage::to_original(PointF point) const {
  if (unwarped) point = unwarped->to_original(point);
  point = turned_back(point, std::max(angle, 0) / kQuarter, input);
  const auto bounded = [](float value, int most) {
    return value >= 0 ? std::min(value, static_cast<float>(most)) : 0.0F;
  };
  return {bounded(point.x, input.width), bounded(point.y, input.height)};
}

DocumentPreprocessor::DocumentPreprocessor(std::shared_ptr<ImageClassifier> orientation,
                                           std::vector<int> angles,
                                           std::shared_ptr<DocumentUnwarper> unwarping)
    : orientation_(std::move(orientation)),
      angles_(std::move(angles)),
      unwarping_(std::move(unwarping)) {
  for (const int angle : angles_) {
    if (angle >= 0 && angle < kTurn && angle % kQuarter == 0) continue;
    throw Error(ErrorKind::kInvalidOption,
                "an angle is " + std::to_string(angle) + ": use 0, 90, 180 or 270");
  }
}

int DocumentPreprocessor::angle_of(const ImageView& page) const {
  const std::vector<float> scores = orientation_->run(page);
  if (scores.size() != angles_.size()) {
    throw Error(ErrorKind::kModelFormat, "the orientation model has " +
                                             std::to_string(scores.size()) + " classes, but " +
                                             std::to_string(angles_.size()) + " angles are known");
  }
  return angles_[best_class(scores)];
}

DocumentPage DocumentPreprocessor::run(const ImageView& page, bool classify, bool unwarp) const {
  if (page.empty()) throw Error(ErrorKind::kInvalidInput, "an empty page");
  if (classify && !orientation_) {
    throw Error(ErrorKind::kInvalidOption, "there is no orientation model to classify pages with");
  }
  if (unwarp && !unwarping_) {
    throw Error(ErrorKind::kInvalidOption, "there is no unwarping model to unwarp pages with");
  }
  DocumentPage result;
  result.input = {page.width, page.height};
  if (classify) result.angle = angle_of(page);
  if (result.angle > 0) {
    rotate_quarter_turns(page, result.angle / kQuarter, result.rotated.emplace());
  }
  if (unwarp) result.unwarped = unwarping_->run(result.rotated ? result.rotated->view() : page);
  return result;
}

}  // namespace fastocr
