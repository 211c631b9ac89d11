#include <string>
#include <utility>

#include "fastocr/errors.h"
#include "fastocr/text_recognition.h"

namespace fastocr {
namespace {

constexpr int kDefaultHeight = 48;

}  // namespace

void check_recognition_model(const Model& model, const CtcDecoder& decoder) {
  const Shape input = model.input_shape(), output = model.output_shape();
  if (input.size() != 4 || (input[1] != kChannels && input[1] != -1) ||
      (!output.empty() && output.size() != 3)) {
    throw Error(ErrorKind::kModelFormat,
                "not a text recognition model: it does not map (1, 3, H, W) to (1, T, classes)");
  }
  if (!output.empty() && output[2] != -1 && output[2] != decoder.class_count()) {
    throw Error(ErrorKind::kModelFormat,
                "the text recognition model has " + std::to_string(output[2]) +
                    " classes, its dictionary makes " + std::to_string(decoder.class_count()) +
                    " with blank and space");
  }
}

TextRecognizer::TextRecognizer(Model& model, std::shared_ptr<const CtcDecoder> decoder)
    : decoder_(std::move(decoder)), request_(model.create_request()) {}

TextRecognizer::~TextRecognizer() = default;

RecognizedText TextRecognizer::recognize(const ImageView& page, const LineCrop& crop,
                                         const LineLayout& layout,
                                         const RecognitionParams& params) {
  const int height = params.input_size ? params.input_size->height : kDefaultHeight;
  crop.cut(page, scratch_, line_);
  resize_bilinear(line_.view(), layout.text_width, height, resized_);
  float* input = request_->input({1, kChannels, height, layout.width});
  normalize_to_planes(resized_.view(), Normalization::recognition(), layout.width, input);
  request_->run();
  const TensorView output = request_->output();
  if (output.shape.size() != 3 || output.shape[2] != decoder_->class_count()) {
    throw Error(ErrorKind::kModelFormat, "the text recognition model and its dictionary differ in "
                                         "the number of classes");
  }
  return decoder_->decode(output.data, static_cast<int>(output.shape[1]));
}

}  // namespace fastocr
