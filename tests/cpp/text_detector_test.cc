#include <doctest/doctest.h>

#include <vector>

#include "fake_models.h"
#include "fastocr/text_detection.h"
#include "testing.h"

namespace fastocr {
namespace {

using testing::bright_pixels;
using testing::fake_detection;
using testing::FakeModel;
using testing::TestPage;
using testing::thrown_kind;

// Remembers the last input of the network.
struct Recorder {
  FakeModel::Tensor input;

  FakeModel::Function function() {
    return [this](const FakeModel::Tensor& tensor) {
      input = tensor;
      return bright_pixels(tensor);
    };
  }
};

TEST_CASE("boxes come in reading order and in pixels of the page") {
  TestPage page(640, 320);
  page.fill(300, 40, 100, 20, {200, 200, 200});
  page.fill(40, 44, 100, 20, {200, 200, 200});
  page.fill(40, 200, 100, 20, {200, 200, 200});
  TextDetector detector(fake_detection());
  DetectionParams params;
  params.limit_side_len = 640;
  const auto boxes = detector.detect(page.view(), params);
  REQUIRE(boxes.size() == 3);
  CHECK(boxes[0].corners[0].x < 40);
  CHECK(boxes[1].corners[0].x > 200);
  CHECK(boxes[2].corners[0].y > 150);
  for (const DetectedBox& box : boxes) CHECK(box.score == doctest::Approx(0.9));

  params.limit_side_len = 320;  // half the size: the same places, a little less exact
  const auto coarse = detector.detect(page.view(), params);
  REQUIRE(coarse.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t corner = 0; corner < 4; ++corner) {
      CHECK(std::abs(coarse[i].corners[corner].x - boxes[i].corners[corner].x) <= 6);
      CHECK(std::abs(coarse[i].corners[corner].y - boxes[i].corners[corner].y) <= 6);
    }
  }
}

TEST_CASE("the network sees the whole page") {
  std::mt19937 random(9);
  Recorder recorder;
  TextDetector detector(fake_detection(recorder.function()));
  for (const Size size : {Size{64, 32}, Size{100, 77}, Size{1000, 40}, Size{31, 40}}) {
    const TestPage page = TestPage::noise(random, size.width, size.height);
    const DetectionParams params;
    detector.detect(page.view(), params);
    const Size wanted = detection_input_size(size, params);
    CHECK(recorder.input.shape == Shape{1, 3, wanted.height, wanted.width});
    CHECK(testing::all_finite(recorder.input.values));
  }
}

TEST_CASE("tiny pages lie in the top left corner of a black one") {
  Recorder recorder;
  TextDetector detector(fake_detection(recorder.function()));
  for (int round = 0; round < 2; ++round) {
    TestPage large(33, 30);  // not enough by one pixel; fills the canvas for the next page
    large.fill(0, 0, 33, 30, {255, 255, 255});
    detector.detect(large.view(), {});
    CHECK(recorder.input.shape == Shape{1, 3, 32, 32});

    TestPage page(5, 3);
    page.fill(0, 0, 5, 3, {255, 255, 255});
    detector.detect(page.view(), {});
    REQUIRE(recorder.input.shape == Shape{1, 3, 32, 32});
    const Normalization& n = Normalization::detection();
    bool as_wanted = true;
    for (std::size_t y = 0; y < 32; ++y) {
      for (std::size_t x = 0; x < 32; ++x) {
        const float wanted = x < 5 && y < 3 ? 255 * n.a[0] + n.b[0] : n.b[0];
        as_wanted &= recorder.input.values[32 * y + x] == wanted;
      }
    }
    CHECK(as_wanted);
  }
}

TEST_CASE("a fixed input size") {
  Recorder recorder;
  TextDetector detector(fake_detection(recorder.function()));
  DetectionParams params;
  params.input_size = Size{96, 64};
  for (const Size size : {Size{500, 20}, Size{3, 3}, Size{96, 64}}) {
    detector.detect(TestPage(size.width, size.height).view(), params);
    CHECK(recorder.input.shape == Shape{1, 3, 64, 96});
  }
}

TEST_CASE("pages upside down through their stride") {
  std::mt19937 random(10);
  Recorder one, other;
  TextDetector detector(fake_detection(one.function()));
  TextDetector second(fake_detection(other.function()));
  for (const Size size : {Size{20, 9}, Size{64, 64}, Size{90, 50}}) {
    const TestPage page = TestPage::noise(random, size.width, size.height);
    detector.detect(page.flipped_view(), {});
    second.detect(page.flipped().view(), {});
    CHECK(one.input.values == other.input.values);
  }
}

TEST_CASE("models of another kind are refused") {
  const auto kind = [](const Shape& input, const Shape& output) {
    return thrown_kind(
        [&] { TextDetector(std::make_shared<FakeModel>(input, output, bright_pixels)); });
  };
  CHECK_FALSE(kind({-1, 3, -1, -1}, {-1, 1, -1, -1}).has_value());
  CHECK_FALSE(kind({1, 3, 640, 640}, {1, 1, 640, 640}).has_value());
  CHECK_FALSE(kind({-1, -1, -1, -1}, {}).has_value());
  CHECK(kind({-1, 1, -1, -1}, {-1, 1, -1, -1}) == ErrorKind::kModelFormat);
  CHECK(kind({-1, 3}, {-1, 1, -1, -1}) == ErrorKind::kModelFormat);
  CHECK(kind({-1, 3, -1, -1}, {-1, -1, 100}) == ErrorKind::kModelFormat);
  CHECK(kind({-1, 3, -1, -1}, {-1, 4, -1, -1}) == ErrorKind::kModelFormat);
}

TEST_CASE("a network that gives no map") {
  for (const Shape& shape : {Shape{1, 4}, Shape{2, 1, 1, 2}, Shape{1, 0, 2, 2}}) {
    TextDetector detector(fake_detection(
        [&](const FakeModel::Tensor&) { return FakeModel::Tensor{std::vector<float>(4), shape}; }));
    CHECK(thrown_kind([&] { detector.detect(TestPage(64, 64).view(), {}); }) ==
          ErrorKind::kModelFormat);
  }
}

}  // namespace
}  // namespace fastocr
