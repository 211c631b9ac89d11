#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "fake_models.h"
#include "fastocr/text_recognition.h"
#include "testing.h"

namespace fastocr {
namespace {

using testing::FakeModel;
using testing::TestPage;
using testing::thrown_kind;

const std::vector<std::string> kCharacters{"a", "b"};

// Four features, which are the scores of blank, "a", "b" and the space.
LinearClassifier scores_as_features() {
  LinearClassifier classifier{4, 4, BlockVector<float>(16), BlockVector<float>(4)};
  for (std::size_t i = 0; i < 4; ++i) classifier.weights[i * 4 + i] = 1;
  return classifier;
}

// A network that finds these scores in every line.
std::shared_ptr<FakeModel> model_of(const std::vector<float>& scores) {
  auto model = std::make_shared<FakeModel>(
      Shape{-1, 3, 48, -1}, Shape{1, -1, -1}, [scores](const FakeModel::Tensor& input) {
        CHECK(testing::all_finite(input.values));
        return FakeModel::Tensor{scores, {1, static_cast<std::int64_t>(scores.size()) / 4, 4}};
      });
  model->set_classifier(scores_as_features());
  return model;
}

RecognizedText read(const std::shared_ptr<Model>& model, int width = 100) {
  const TestPage page(width, 48);
  TextRecognizer recognizer(std::make_shared<const RecognitionModel>(model, kCharacters));
  const LineCrop crop(QuadI{PointI{0, 0}, {width, 0}, {width, 48}, {0, 48}});
  return recognizer.recognize(page.view(), crop, line_layouts({crop}, {}).lines.at(0), {});
}

// Blank, then a step with these scores of "a" and "b".
std::vector<float> choice(float a, float b) { return {9, 0, 0, 0, 0, a, b, 0}; }

TEST_CASE("the time in the network is that of all threads together") {
  const auto network = std::make_shared<FakeModel>(
      Shape{-1, 3, 48, -1}, Shape{1, -1, -1}, [](const FakeModel::Tensor&) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        return FakeModel::Tensor{choice(5, 1), {1, 2, 4}};
      });
  network->set_classifier(scores_as_features());
  const auto model = std::make_shared<const RecognitionModel>(network, kCharacters);
  CHECK(TextRecognizer::make_shared_out(model, 50) == nullptr);
  network->set_shares(true);
  const auto shared = TextRecognizer::make_shared_out(model, 50);
  REQUIRE(shared != nullptr);
  CHECK(network->shared_threads() == 50);
  const TestPage page(100, 48);
  const LineCrop crop(QuadI{PointI{0, 0}, {100, 0}, {100, 48}, {0, 48}});
  const LineLayout layout = line_layouts({crop}, {}).lines.at(0);
  // Twice: a call's time is its own.
  for (int i = 0; i < 2; ++i) {
    CHECK(shared->recognize(page.view(), crop, layout, {}).text == "a");
    CHECK(shared->network_milliseconds() >= 50 * 2);
  }
  TextRecognizer alone(model);
  CHECK(alone.network_milliseconds() == 0);
  alone.recognize(page.view(), crop, layout, {});
  CHECK(alone.network_milliseconds() >= 2);
}

TEST_CASE("a line that is close is decided by the exact network") {
  const auto rough = model_of(choice(5, 5.001F)), exact = model_of(choice(5.001F, 5));
  rough->set_exact(exact);
  CHECK(read(rough).text == "a");
  CHECK(rough->runs() == 1);
  CHECK(exact->runs() == 1);
}

TEST_CASE("a line that is not close is not read again") {
  const auto rough = model_of(choice(5, 5.5F)), exact = model_of(choice(9, 0));
  rough->set_exact(exact);
  CHECK(read(rough).text == "b");
  CHECK(rough->runs() == 1);
  CHECK(exact->runs() == 0);
}

TEST_CASE("a close choice that leaves the text the same is not read again") {
  // "a", then a step that is "a" or blank.
  const auto rough = model_of({0, 5, 0, 0, 5, 5.001F, 0, 0}), exact = model_of(choice(0, 9));
  rough->set_exact(exact);
  CHECK(read(rough).text == "a");
  CHECK(exact->runs() == 0);
}

TEST_CASE("the exact network has the last word, close or not") {
  const auto rough = model_of(choice(5, 5.001F)), exact = model_of(choice(5.0001F, 5));
  exact->set_exact(model_of(choice(0, 9)));
  rough->set_exact(exact);
  CHECK(read(rough).text == "a");
}

TEST_CASE("a network without an exact one decides alone") {
  const auto model = model_of(choice(5, 5.0001F));
  CHECK(read(model).text == "b");
  CHECK(read(model).certain);
  CHECK(model->runs() == 2);
}

TEST_CASE("both networks get the same shortened line") {
  const auto rough = model_of(choice(5, 5.001F)), exact = model_of(choice(5.001F, 5));
  rough->set_exact(exact);
  read(rough, 60);
  CHECK(rough->last_omitted().count == 0);
  rough->set_omission_rule({8, 16});
  CHECK(read(rough, 60).text == "a");
  // 60 columns of text in 320, with 16 of padding on both sides of the gap.
  const ShortenedLayout wanted = shortened({60, 320}, {8, 16});
  for (const auto& model : {rough, exact}) {
    CHECK(model->last_omitted().at == wanted.omitted.at);
    CHECK(model->last_omitted().count == wanted.omitted.count);
    CHECK(model->last_omitted().blank_from == 60);
    CHECK(wanted.omitted.count > 150);
  }
}

TEST_CASE("columns count as if none had been left out") {
  // "a" and "b" at the second and the last of 12 steps, each of 8 columns.
  std::vector<float> scores;
  for (int step = 0; step < 12; ++step) {
    const std::vector<float> one = step == 1    ? std::vector<float>{0, 9, 0, 0}
                                   : step == 11 ? std::vector<float>{0, 0, 9, 0}
                                                : std::vector<float>{9, 0, 0, 0};
    scores.insert(scores.end(), one.begin(), one.end());
  }
  const auto model = model_of(scores);
  const RecognizedText whole = read(model, 60);
  CHECK(whole.text == "ab");
  CHECK(whole.ends == std::vector<int>{1, 2});
  CHECK(whole.columns == std::vector<int>{1, 11});
  CHECK(whole.column_count == doctest::Approx(12 * 60 / 320.0));
  model->set_omission_rule({8, 16, 8});
  const int omitted = shortened({60, 320}, {8, 16, 8}).omitted.count / 8;
  CHECK(omitted > 20);
  const RecognizedText shorter = read(model, 60);
  CHECK(shorter.columns == std::vector<int>{1, 11 + omitted});
  CHECK(shorter.column_count == doctest::Approx((12 + omitted) * 60 / 320.0));
  // The exact network's columns count likewise.
  const auto rough = model_of(choice(5, 5.001F));
  rough->set_exact(model);
  rough->set_omission_rule({8, 16, 8});
  CHECK(read(rough, 60).columns == shorter.columns);
}

TEST_CASE("a classifier of other classes or features") {
  const auto model = model_of(choice(1, 2));
  CHECK(thrown_kind([&] { RecognitionModel(model, {"a", "b", "c"}); }) == ErrorKind::kModelFormat);
  LinearClassifier wide = scores_as_features();
  wide.features = 2;
  wide.weights.resize(8);
  model->set_classifier(wide);
  CHECK(thrown_kind([&] { read(model); }) == ErrorKind::kModelFormat);
}

}  // namespace
}  // namespace fastocr
