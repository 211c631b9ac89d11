// Whole pages with networks that give anything: any values in tensors of any shape.
#include <cmath>

#include "fake_models.h"
#include "fastocr/pipeline.h"
#include "fuzz_input.h"

namespace fastocr::fuzz {
namespace {

using testing::FakeModel;

constexpr int kMostPixels = 96;  // of a side of the page
constexpr int kCharacters = 6;
constexpr std::size_t kMostValues = 1 << 16;

// What a network gives, decided beforehand, as its threads must not share an input.
class Output {
 public:
  // `honest`: the shape that the pipeline expects for this input, else one of its own.
  Output(FuzzInput& input, bool detection)
      : detection_(detection),
        fails_(input.byte() == 0),
        honest_(input.byte() < 230),
        steps_(input.integer(0, 30)),
        pattern_(input.numbers(static_cast<std::size_t>(input.integer(1, 24)), 0, 1)) {
    shape_.resize(static_cast<std::size_t>(input.integer(0, 5)));
    for (std::int64_t& size : shape_) size = input.integer(0, 12);
  }

  FakeModel::Tensor operator()(const FakeModel::Tensor& input) const {
    if (fails_) throw Error(ErrorKind::kInference, "it fails");
    FakeModel::Tensor result;
    result.shape = honest_ ? honest_shape(input.shape) : shape_;
    std::size_t count = 1;
    for (const std::int64_t size : result.shape) count *= static_cast<std::size_t>(size);
    if (count > kMostValues) throw Error(ErrorKind::kInference, "too large");
    result.values.resize(count);
    // Detection: blocks of 8 x 8 pixels, so that there is something to find.
    const auto width = static_cast<std::size_t>(input.shape.back());
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t block = detection_ ? i / width / 8 * 5 + i % width / 8 : i;
      result.values[i] = pattern_[block % pattern_.size()];
    }
    return result;
  }

 private:
  Shape honest_shape(const Shape& input) const {
    if (detection_) return {input[0], 1, input[2], input[3]};
    return {input[0], steps_, kCharacters + 2};
  }

  bool detection_, fails_, honest_;
  int steps_;
  std::vector<float> pattern_;
  Shape shape_;
};

std::optional<LineOrientation> line_orientation(FuzzInput& input) {
  if (!input.flag()) return std::nullopt;
  const auto scores = input.numbers(static_cast<std::size_t>(input.integer(0, 3)), 0, 1);
  const auto model = std::make_shared<FakeModel>(
      Shape{-1, 3, 20, 40}, Shape{-1, 2}, [scores](const FakeModel::Tensor&) {
        return FakeModel::Tensor{scores, {1, static_cast<std::int64_t>(scores.size())}};
      });
  return LineOrientation{model, {{40, 20}, std::nullopt, {}}};
}

void check(const PageResult& result, const PageParams& params) {
  require(result.texts.size() == result.boxes.size());
  require(result.line_angles.size() == result.boxes.size());
  for (const std::size_t line : result.kept) {
    require(line < result.boxes.size());
    require(result.texts[line].score >= params.score_thresh);
  }
  if (params.return_word_box) require(result.words.size() == result.kept.size());
}

}  // namespace
}  // namespace fastocr::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fastocr;
  using namespace fastocr::fuzz;
  FuzzInput input(data, size);
  const int width = input.integer(0, kMostPixels), height = input.integer(0, kMostPixels);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(width) * height * kChannels,
                                   input.byte());
  PageParams params;
  params.detection.limit_side_len = input.integer(32, 128);
  params.detection.max_side_limit = 160;
  params.detection.thresh = input.number(0, 1);
  params.detection.box_thresh = input.number(0, 1);
  params.recognition.batch_size = input.integer(1, 8);
  params.score_thresh = input.number(0, 1);
  params.return_word_box = input.flag();
  const auto detection = testing::fake_detection(Output(input, true));
  const auto recognition = testing::fake_recognition(kCharacters, Output(input, false));
  recognition->set_batches(input.flag());
  const auto orientation = line_orientation(input);
  params.use_textline_orientation = orientation.has_value();
  const int workers = input.integer(1, 3);
  accepted([&] {
    Pipeline pipeline(detection, recognition, {"a", "b", "c", "字", "", "fi"}, workers,
                      orientation);
    const ImageView page{pixels.data(), width, height, std::ptrdiff_t{width} * kChannels};
    check(pipeline.run(page, params), params);
    check(pipeline.run(page, params), params);
  });
  return 0;
}
