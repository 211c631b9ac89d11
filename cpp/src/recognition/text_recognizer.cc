#include <string>
#include <utility>

#include "fastocr/errors.h"
#include "fastocr/text_recognition.h"
#include "runtime/stopwatch.h"
#include "runtime/value_check.h"

namespace fastocr {
namespace {

// How close a second class may come, in the scores before softmax, before a less precise network is
// not trusted with the choice: twice what 937 lines of real images needed.
constexpr float kDecisionMargin = 0.01F;

void check_tensors(const Model& model) {
  const Shape input = model.input_shape(), output = model.output_shape();
  if (input.size() != 4 || (input[1] != kChannels && input[1] != -1) ||
      (!output.empty() && output.size() != 3)) {
    throw Error(
        ErrorKind::kModelFormat,
        model.path() +
            ": not a text recognition model: it does not map (1, 3, H, W) to (1, T, classes)");
  }
}

void check_classes(const std::string& path, std::int64_t classes, const CtcDecoder& decoder) {
  if (classes == decoder.class_count()) return;
  throw Error(ErrorKind::kModelFormat,
              path + ": the text recognition model has " + std::to_string(classes) +
                  " classes, its dictionary makes " + std::to_string(decoder.class_count()) +
                  " with blank and space");
}

void check_weights(const std::string& path, const LinearClassifier& classifier) {
  const std::int64_t wrong = count_outside(classifier.weights, kUsableNumbers) +
                             count_outside(classifier.bias, kUsableNumbers);
  if (wrong == 0) return;
  throw Error(ErrorKind::kModelFormat, path + ": " + std::to_string(wrong) +
                                           " weights of the text recognition model's last layer "
                                           "are no usable numbers; the file is damaged");
}

}  // namespace

RecognitionModel::RecognitionModel(std::shared_ptr<Model> network,
                                   std::vector<std::string> characters)
    : model(std::move(network)), decoder(std::move(characters)) {
  check_tensors(*model);
  if (const auto classifier = model->classifier()) {
    check_classes(model->path(), classifier->classes, decoder);
    check_weights(model->path(), *classifier);
    head = std::make_shared<const CtcHead>(*classifier);
    exact = model->exact();
    return;
  }
  // Only a classifier of our own tells how close a decision was.
  if (model->exact()) model = model->exact();
  const Shape output = model->output_shape();
  if (!output.empty() && output[2] != -1) check_classes(model->path(), output[2], decoder);
}

TextRecognizer::TextRecognizer(std::shared_ptr<const RecognitionModel> model)
    : TextRecognizer(model, model->model->create_request(),
                     model->exact ? model->exact->create_request() : nullptr, 1) {}

TextRecognizer::TextRecognizer(std::shared_ptr<const RecognitionModel> model,
                               std::unique_ptr<Request> request,
                               std::unique_ptr<Request> exact_request, int threads)
    : model_(std::move(model)),
      request_(std::move(request)),
      exact_request_(std::move(exact_request)),
      scores_(model_->head ? std::make_unique<CtcHead::Scores>(model_->head) : nullptr),
      threads_(threads) {}

TextRecognizer::~TextRecognizer() = default;

std::unique_ptr<TextRecognizer> TextRecognizer::make_shared_out(
    const std::shared_ptr<const RecognitionModel>& model, int threads) {
  auto request = model->model->create_shared_request(threads);
  auto exact = model->exact ? model->exact->create_shared_request(threads) : nullptr;
  if (!request || (model->exact && !exact)) return nullptr;
  return std::unique_ptr<TextRecognizer>(
      new TextRecognizer(model, std::move(request), std::move(exact), threads));
}

bool TextRecognizer::prefers_batches() const { return model_->model->prefers_batches(); }

RecognizedText TextRecognizer::recognize(const ImageView& page, const LineCrop& crop,
                                         const LineLayout& layout,
                                         const RecognitionParams& params) {
  const int height = params.input_size.value_or(params.image_size).height;
  cut(page, crop, layout.text_width, height);
  return read_resized(height, layout);
}

RecognizedText TextRecognizer::recognize(const ImageView& line, const LineLayout& layout,
                                         const RecognitionParams& params) {
  const int height = params.input_size.value_or(params.image_size).height;
  resize_bilinear(line, layout.text_width, height, resized_);
  return read_resized(height, layout);
}

// Reads the line in resized_, in float again if it is left in doubt.
RecognizedText TextRecognizer::read_resized(int height, const LineLayout& layout) {
  network_milliseconds_ = 0;
  RecognizedText text = run(*request_, height, layout, exact_request_ ? kDecisionMargin : 0);
  return text.certain ? text : run(*exact_request_, height, layout, 0);
}

void TextRecognizer::recognize(const ImageView& page, const std::vector<LineCrop>& crops,
                               const std::vector<LineLayout>& layouts,
                               std::span<const std::size_t> lines, const RecognitionParams& params,
                               std::vector<RecognizedText>& texts) {
  if (lines.size() == 1) {
    const std::size_t line = lines.front();
    texts[line] = recognize(page, crops[line], layouts[line], params);
    return;
  }
  const int height = params.input_size.value_or(params.image_size).height;
  const int width = layouts[lines.front()].width;
  const auto count = static_cast<std::int64_t>(lines.size());
  float* input = request_->input({count, kChannels, height, width});
  for (const std::size_t line : lines) {
    cut(page, crops[line], layouts[line].text_width, height);
    normalize_to_planes(resized_.view(), Normalization::recognition(), width, input);
    input += static_cast<std::ptrdiff_t>(kChannels) * height * width;
  }
  network_milliseconds_ = 0;
  const Stopwatch watch(network_milliseconds_);
  request_->run();
  const TensorView output = request_->output();
  check_output(output, lines.size());
  const int steps = static_cast<int>(output.shape[1]);
  const float* data = output.data;
  for (const std::size_t line : lines) {
    texts[line] = decode(data, steps, 0);
    place_in_full_width({}, steps, layouts[line].share, texts[line]);
    data += output.shape[1] * output.shape[2];
  }
}

// Puts the line into resized_.
void TextRecognizer::cut(const ImageView& page, const LineCrop& crop, int text_width, int height) {
  crop.cut(page, scratch_, line_);
  resize_bilinear(line_.view(), text_width, height, resized_);
}

RecognizedText TextRecognizer::run(Request& request, int height, const LineLayout& layout,
                                   float margin) {
  const ShortenedLayout canvas = shortened(layout, model_->model->omission_rule());
  float* input = request.input({1, kChannels, height, canvas.width});
  normalize_to_planes(resized_.view(), Normalization::recognition(), canvas.width, input);
  request.omit(canvas.omitted);
  const Stopwatch watch(network_milliseconds_);
  request.run();
  const TensorView output = request.output();
  check_output(output, 1);
  const int steps = static_cast<int>(output.shape[1]);
  RecognizedText text = decode(output.data, steps, margin);
  place_in_full_width(canvas.omitted, steps, layout.share, text);
  return text;
}

// Numbers the columns of `text` as if none had been left out.
void TextRecognizer::place_in_full_width(const OmittedColumns& omitted, int steps, double share,
                                         RecognizedText& text) const {
  const int stride = model_->model->omission_rule().stride;
  const int first_moved = omitted.at / stride, moved = omitted.count / stride;
  for (int& column : text.columns) {
    if (column >= first_moved) column += moved;
  }
  text.column_count = (steps + moved) * share;
}

void TextRecognizer::check_output(const TensorView& output, std::size_t lines) const {
  if (output.shape.size() != 3 || output.shape[0] != static_cast<std::int64_t>(lines)) {
    throw Error(ErrorKind::kModelFormat, model_->model->path() +
                                             ": the text recognition model gave no (" +
                                             std::to_string(lines) + ", T, classes)");
  }
  if (!scores_) {
    check_classes(model_->model->path(), output.shape[2], model_->decoder);
  } else if (output.shape[2] != model_->head->features()) {
    throw Error(ErrorKind::kModelFormat,
                model_->model->path() + ": the text recognition model and its classifier differ");
  }
  check_output_values(*model_->model, output, kUsableNumbers);
}

RecognizedText TextRecognizer::decode(const float* data, int steps, float margin) {
  if (!scores_) return model_->decoder.decode(data, steps);
  scores_->set(data, steps, margin);
  return model_->decoder.decode(*scores_);
}

}  // namespace fastocr
