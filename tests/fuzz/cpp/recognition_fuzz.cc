// Lines: any corners, any scores, any dictionary.
#include <cmath>
#include <memory>

#include "fastocr/text_recognition.h"
#include "fastocr/word_boxes.h"
#include "fuzz_input.h"

namespace fastocr::fuzz {
namespace {

std::vector<std::string> dictionary(FuzzInput& input) {
  std::vector<std::string> characters(static_cast<std::size_t>(input.integer(0, 12)));
  for (std::string& character : characters) character = input.text(6);
  return characters;
}

void require_sound(const RecognizedText& text, int steps) {
  require(text.columns.size() == text.ends.size());
  require(text.ends.empty() ? text.text.empty()
                            : text.ends.back() == static_cast<int>(text.text.size()));
  for (std::size_t i = 0; i < text.columns.size(); ++i) {
    require(text.columns[i] >= 0 && text.columns[i] < steps);
    require(i == 0 || (text.columns[i] > text.columns[i - 1] && text.ends[i] >= text.ends[i - 1]));
  }
}

void decode(FuzzInput& input) {
  const CtcDecoder decoder(dictionary(input));
  const int steps = input.integer(0, 20);
  const auto values = input.numbers(static_cast<std::size_t>(steps * decoder.class_count()), 0, 1);
  RecognizedText text = decoder.decode(values.data(), steps);
  require_sound(text, steps);
  text.column_count = std::max(steps, 1) * (input.integer(1, 100) / 100.0);
  const Words words = word_boxes(input.whole_quad(500), text, input.flag());
  require(words.texts.size() == words.regions.size());
}

void head(FuzzInput& input) {
  const CtcDecoder decoder(dictionary(input));
  LinearClassifier classifier{
      input.integer(1, 20), static_cast<int>(decoder.class_count()), {}, {}};
  // Recognition refuses weights that are no numbers before.
  classifier.weights.resize(static_cast<std::size_t>(classifier.features * classifier.classes));
  for (float& weight : classifier.weights) weight = static_cast<float>(input.integer(-99, 99)) / 50;
  classifier.bias.resize(static_cast<std::size_t>(classifier.classes));
  for (float& bias : classifier.bias) bias = static_cast<float>(input.integer(-99, 99)) / 50;
  const int steps = input.integer(0, 12);
  const auto features = input.numbers(static_cast<std::size_t>(steps * classifier.features), -9, 9);
  const float margin = input.number(0, 1);
  accepted([&] {
    CtcHead::Scores scores(std::make_shared<const CtcHead>(classifier));
    scores.set(features.data(), steps, margin);
    for (int step = 0; step < steps; ++step) {
      require(scores.best(step) >= 0 && scores.best(step) < classifier.classes);
    }
    require_sound(decoder.decode(scores), steps);
  });
}

void layout(FuzzInput& input) {
  std::vector<double> ratios(static_cast<std::size_t>(input.integer(0, 20)));
  for (double& ratio : ratios) {
    ratio = static_cast<double>(input.integer(1, 9000)) / input.integer(1, 9000);
  }
  RecognitionParams params;
  params.batch_size = input.integer(1, 9);
  if (input.flag()) params.input_size = Size{input.integer(1, 4000), input.integer(1, 100)};
  const LineLayouts layouts = line_layouts(ratios, params);
  require(layouts.lines.size() == ratios.size());
  std::size_t grouped = 0;
  for (const auto& group : layouts.groups) grouped += group.size();
  require(grouped == ratios.size());
  for (const LineLayout& line : layouts.lines) {
    require(line.text_width >= 1 && line.text_width <= line.width);
    OmissionRule rule{input.integer(0, 16), input.integer(0, 64), input.integer(1, 4)};
    rule.step = rule.step / rule.stride * rule.stride;
    const ShortenedLayout shorter = shortened(line, rule);
    require(shorter.width >= 1 && shorter.width + shorter.omitted.count == line.width);
  }
}

void crop(FuzzInput& input) {
  const int width = input.integer(1, 60), height = input.integer(1, 60);
  const auto pixels = input.bytes(16);
  std::vector<std::uint8_t> page(static_cast<std::size_t>(width) * height * kChannels);
  for (std::size_t i = 0; i < page.size(); ++i) page[i] = pixels[i % pixels.size()];
  // What detection gives: corners on the page.
  QuadI corners;
  for (PointI& corner : corners) corner = {input.integer(0, width), input.integer(0, height)};
  LineCrop line(corners);
  line.set_upside_down(input.flag());
  require(line.width() >= 1 && line.height() >= 1);
  Image scratch, result;
  line.cut({page.data(), width, height, std::ptrdiff_t{width} * kChannels}, scratch, result);
  require(result.width() == line.width() && result.height() == line.height());
}

}  // namespace
}  // namespace fastocr::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fastocr::fuzz;
  call_one(FuzzInput(data, size), {decode, head, layout, crop});
  return 0;
}
