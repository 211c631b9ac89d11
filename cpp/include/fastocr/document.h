#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "fastocr/geometry.h"
#include "fastocr/image.h"
#include "fastocr/orientation.h"
#include "fastocr/rectification.h"

namespace fastocr {

// A page made ready for detection.
struct DocumentPage {
  Size input;
  int angle = -1;                // by which it was turned counter-clockwise; -1: not looked at
  std::optional<Image> rotated;  // none where it was upright
  std::optional<UnwarpedPage> unwarped;  // none where it was not unwarped

  // The place in the input of a place in the last image, both in the coordinates of boxes: a pixel
  // (x, y) reaches from there to (x + 1, y + 1). The result lies in the input. Throws
  // Error(kUnsupportedOption) when the page was unwarped by an engine that does not tell how.
  PointF to_original(PointF point) const;
};

// Turns pages upright and flattens them. Thread-safe.
class DocumentPreprocessor {
 public:
  // `angles` are the meanings of the classes in degrees: 0, 90, 180 or 270, by which an image of
  // the class has to be turned counter-clockwise. Either step may be missing. Throws
  // Error(kInvalidOption) for another angle.
  DocumentPreprocessor(std::shared_ptr<ImageClassifier> orientation, std::vector<int> angles,
                       std::shared_ptr<DocumentUnwarper> unwarping);

  // Throws Error(kInvalidOption) for a step that is missing, Error(kInvalidInput) for an empty
  // page, Error(kModelFormat) when the classifier has other classes, Error(kInference) when an
  // engine fails.
  DocumentPage run(const ImageView& page, bool classify, bool unwarp) const;

 private:
  int angle_of(const ImageView& page) const;

  std::shared_ptr<ImageClassifier> orientation_;
  std::vector<int> angles_;
  std::shared_ptr<DocumentUnwarper> unwarping_;
};

}  // namespace fastocr
