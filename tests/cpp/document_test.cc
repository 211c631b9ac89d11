#include "fastocr/document.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "fake_models.h"
#include "testing.h"

namespace fastocr {
namespace {

using testing::FakeModel;
using testing::TestPage;
using testing::thrown_kind;

std::shared_ptr<ImageClassifier> classifier_with(std::vector<float> scores) {
  const auto model = std::make_shared<FakeModel>(
      Shape{-1, 3, 8, 8}, Shape{-1, -1}, [scores](const FakeModel::Tensor&) {
        return FakeModel::Tensor{scores, {1, static_cast<std::int64_t>(scores.size())}};
      });
  return std::make_shared<ImageClassifier>(model, ClassifierParams{{8, 8}, 8, {}});
}

// Takes the page from the left half of the one before.
std::shared_ptr<DocumentUnwarper> left_half() {
  const auto model = std::make_shared<FakeModel>(
      Shape{-1, 3, 8, 8}, Shape{-1, 2, -1, -1}, [](const FakeModel::Tensor&) {
        return FakeModel::Tensor{{-1, 0, -1, 0, -1, -1, 1, 1}, {1, 2, 2, 2}};
      });
  return std::make_shared<DocumentUnwarper>(model);
}

std::shared_ptr<DocumentUnwarper> without_grid() {
  const auto model =
      std::make_shared<FakeModel>(Shape{-1, 3, -1, -1}, Shape{-1, 3, -1, -1},
                                  [](const FakeModel::Tensor& input) { return input; });
  return std::make_shared<DocumentUnwarper>(model);
}

const std::vector<int> kAngles{0, 90, 180, 270};

std::vector<float> scores_for(int winner) {
  std::vector<float> scores(4, 0.1F);
  scores[winner] = 0.7F;
  return scores;
}

TEST_CASE("pages are turned counter-clockwise by the angle of their class") {
  std::mt19937 random(61);
  const TestPage page = TestPage::noise(random, 50, 40);
  for (int winner = 0; winner < 4; ++winner) {
    const DocumentPreprocessor preprocessor(classifier_with(scores_for(winner)), kAngles, nullptr);
    const DocumentPage result = preprocessor.run(page.view(), true, false);
    CHECK(result.angle == 90 * winner);
    CHECK_FALSE(result.unwarped.has_value());
    REQUIRE(result.rotated.has_value() == (winner > 0));
    if (winner == 0) continue;
    Image expected;
    rotate_quarter_turns(page.view(), winner, expected);
    CHECK(testing::bytes(*result.rotated) == testing::bytes(expected));
  }
}

TEST_CASE("the angles have the order of the classes, and of equal scores the last wins") {
  const TestPage page(9, 9);
  const DocumentPreprocessor preprocessor(classifier_with({0.2F, 0.4F, 0.4F}), {270, 180, 90},
                                          nullptr);
  CHECK(preprocessor.run(page.view(), true, false).angle == 90);
}

// Each pixel of the result, as a box of its own, covers the pixel of the input that it came from.
TEST_CASE("boxes in a turned page go back to where they were") {
  std::mt19937 random(62);
  const TestPage page = TestPage::noise(random, 37, 21);
  for (int winner = 0; winner < 4; ++winner) {
    const DocumentPreprocessor preprocessor(classifier_with(scores_for(winner)), kAngles, nullptr);
    const DocumentPage result = preprocessor.run(page.view(), true, false);
    const ImageView turned = result.rotated ? result.rotated->view() : page.view();
    for (int y = 0; y < turned.height; ++y) {
      for (int x = 0; x < turned.width; ++x) {
        const PointF a = result.to_original({static_cast<float>(x), static_cast<float>(y)});
        const PointF b = result.to_original({static_cast<float>(x + 1), static_cast<float>(y + 1)});
        const auto left = static_cast<int>(std::min(a.x, b.x));
        const auto top = static_cast<int>(std::min(a.y, b.y));
        REQUIRE(std::abs(a.x - b.x) == 1);
        REQUIRE(std::abs(a.y - b.y) == 1);
        REQUIRE(turned.row(y)[kChannels * x] == page.view().row(top)[kChannels * left]);
      }
    }
  }
}

TEST_CASE("turned, then unwarped, and back") {
  std::mt19937 random(63);
  const TestPage page = TestPage::noise(random, 61, 41);
  const DocumentPreprocessor preprocessor(classifier_with(scores_for(1)), kAngles, left_half());
  DocumentPage result = preprocessor.run(page.view(), true, true);
  REQUIRE(result.rotated);
  REQUIRE(result.unwarped);
  // 41 wide and 61 high; a pixel at column 2k is the one at column k before.
  const ImageView turned = result.rotated->view(), flat = result.unwarped->image.view();
  REQUIRE((flat.width == 41 && flat.height == 61));
  for (int y = 0; y < 61; ++y) {
    for (int x = 0; x < 41; x += 2) {
      REQUIRE(std::abs(flat.row(y)[kChannels * x] - turned.row(y)[kChannels * (x / 2)]) <= 1);
    }
  }
  // Its centre (12.5, 30.5) is that of pixel (6, 30) before, which is pixel (30, 6) of the input.
  const PointF place = result.to_original({12.5F, 30.5F});
  CHECK(place.x == doctest::Approx(61 - 30.5));
  CHECK(place.y == doctest::Approx(6.5));
}

TEST_CASE("steps that are off leave the page as it is") {
  const TestPage page(30, 20);
  const DocumentPreprocessor preprocessor(classifier_with(scores_for(2)), kAngles, left_half());
  const DocumentPage result = preprocessor.run(page.view(), false, false);
  CHECK(result.angle == -1);
  CHECK_FALSE(result.rotated.has_value());
  CHECK_FALSE(result.unwarped.has_value());
  const PointF place = result.to_original({3, 4});
  CHECK((place.x == 3 && place.y == 4));
}

TEST_CASE("places beyond the page are moved to its border") {
  const TestPage page(30, 20);
  const float nan = std::nanf("");
  for (int winner = 0; winner < 4; ++winner) {
    const DocumentPreprocessor preprocessor(classifier_with(scores_for(winner)), kAngles, nullptr);
    const DocumentPage result = preprocessor.run(page.view(), true, false);
    for (const PointF point : {PointF{-1, 1e9F}, PointF{1e30F, -3}, PointF{nan, nan}}) {
      const PointF place = result.to_original(point);
      CHECK((place.x >= 0 && place.x <= 30 && place.y >= 0 && place.y <= 20));
    }
  }
}

TEST_CASE("what cannot be done is said") {
  const TestPage page(30, 20);
  const DocumentPreprocessor none(nullptr, {}, nullptr);
  CHECK(thrown_kind([&] { none.run(page.view(), true, false); }) == ErrorKind::kInvalidOption);
  CHECK(thrown_kind([&] { none.run(page.view(), false, true); }) == ErrorKind::kInvalidOption);
  CHECK(thrown_kind([&] { none.run({}, false, false); }) == ErrorKind::kInvalidInput);
  CHECK(none.run(page.view(), false, false).angle == -1);
  CHECK(thrown_kind([] { DocumentPreprocessor(nullptr, {0, 45}, nullptr); }) ==
        ErrorKind::kInvalidOption);
  CHECK(thrown_kind([] { DocumentPreprocessor(nullptr, {360}, nullptr); }) ==
        ErrorKind::kInvalidOption);
  CHECK(thrown_kind([] { DocumentPreprocessor(nullptr, {-90}, nullptr); }) ==
        ErrorKind::kInvalidOption);
  const DocumentPreprocessor other(classifier_with({0.5F, 0.5F}), kAngles, nullptr);
  CHECK(thrown_kind([&] { other.run(page.view(), true, false); }) == ErrorKind::kModelFormat);
  const DocumentPreprocessor whole(nullptr, {}, without_grid());
  const DocumentPage flat = whole.run(page.view(), false, true);
  CHECK(thrown_kind([&] { flat.to_original({1, 1}); }) == ErrorKind::kUnsupportedOption);
}

}  // namespace
}  // namespace fastocr
