#include "fastocr/orientation.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <thread>
#include <vector>

#include "fake_models.h"
#include "testing.h"

namespace fastocr {
namespace {

using testing::FakeModel;
using testing::random_int;
using testing::TestPage;
using testing::thrown_kind;

constexpr float kScores[] = {0.1F, 0.2F, 0.7F};

FakeModel::Tensor three_scores(const FakeModel::Tensor&) {
  return {{std::begin(kScores), std::end(kScores)}, {1, 3}};
}

std::shared_ptr<FakeModel> fake_classifier(FakeModel::Function function = three_scores,
                                           Shape input = {-1, 3, -1, -1}) {
  return std::make_shared<FakeModel>(std::move(input), Shape{-1, -1}, std::move(function));
}

// What the network is given for an image.
FakeModel::Tensor input_for(const ImageView& image, const ClassifierParams& params) {
  FakeModel::Tensor seen;
  ImageClassifier classifier(fake_classifier([&](const FakeModel::Tensor& input) {
                               seen = input;
                               return three_scores(input);
                             }),
                             params);
  classifier.run(image);
  return seen;
}

// The middle of the whole scaled image, channel by channel.
std::vector<float> expected_input(const ImageView& image, const ClassifierParams& params) {
  Image scaled;
  int left = 0, top = 0;
  if (params.resize_short) {
    const double scale =
        *params.resize_short / static_cast<double>(std::min(image.width, image.height));
    resize_bilinear(image, static_cast<int>(std::nearbyint(image.width * scale)),
                    static_cast<int>(std::nearbyint(image.height * scale)), scaled);
    left = (scaled.width() - params.size.width) / 2;
    top = (scaled.height() - params.size.height) / 2;
  } else {
    resize_bilinear(image, params.size.width, params.size.height, scaled);
  }
  std::vector<float> values;
  for (std::size_t rgb = 0; rgb < kChannels; ++rgb) {
    const auto& [mean, std, scale] = params.statistics;
    const float a = static_cast<float>(scale / std[rgb]);
    const float b = static_cast<float>(-mean[rgb] / std[rgb]);
    for (int y = 0; y < params.size.height; ++y) {
      for (int x = 0; x < params.size.width; ++x) {
        const float pixel = scaled.row(top + y)[kChannels * (left + x) + 2 - rgb];
        const float product = pixel * a;
        values.push_back(product + b);
      }
    }
  }
  return values;
}

TEST_CASE("the network sees the middle of the scaled image, in RGB order") {
  std::mt19937 random(31);
  const PixelStatistics unequal{{0.1, 0.2, 0.3}, {0.5, 0.25, 2.0}, 1.0 / 200};
  const ClassifierParams cases[] = {{{24, 16}, 30, {}},
                                    {{16, 24}, 24, unequal},
                                    {{20, 10}, std::nullopt, {}},
                                    {{7, 31}, std::nullopt, unequal}};
  for (const ClassifierParams& params : cases) {
    for (const Size size : {Size{40, 60}, Size{60, 40}, Size{30, 30}, Size{20, 10}, Size{3, 90},
                            Size{1, 1}, Size{257, 31}}) {
      const TestPage page = TestPage::noise(random, size.width, size.height);
      testing::with_each_isa([&] {
        const auto input = input_for(page.view(), params);
        CHECK(input.shape == Shape{1, 3, params.size.height, params.size.width});
        CHECK(input.values == expected_input(page.view(), params));
      });
      CHECK(input_for(page.flipped_view(), params).values ==
            expected_input(page.flipped().view(), params));
    }
  }
}

// Scaled as a whole, this image would have more rows than an int can count.
TEST_CASE("a very long image") {
  const TestPage page(1, 9'000'000);
  const auto input = input_for(page.view(), {{224, 224}, 256, {}});
  CHECK(testing::all_finite(input.values));
}

TEST_CASE("scores are the network's own") {
  const TestPage page(9, 9);
  for (const Shape& shape : {Shape{1, 3}, Shape{1, 3, 1, 1}, Shape{1, 1, 3}}) {
    ImageClassifier classifier(fake_classifier([&](const FakeModel::Tensor& input) {
                                 auto output = three_scores(input);
                                 output.shape = shape;
                                 return output;
                               }),
                               {{8, 8}, std::nullopt, {}});
    const auto scores = classifier.run(page.view());
    CHECK(scores == std::vector<float>(std::begin(kScores), std::end(kScores)));
  }
}

TEST_CASE("params that fit nothing are refused") {
  const auto kind = [](const ClassifierParams& params, const Shape& input = {-1, 3, -1, -1}) {
    return thrown_kind([&] { ImageClassifier(fake_classifier(three_scores, input), params); });
  };
  CHECK_FALSE(kind({{224, 224}, 224, {}}).has_value());
  CHECK(kind({{224, 224}, 223, {}}) == ErrorKind::kInvalidOption);
  CHECK(kind({{0, 10}, std::nullopt, {}}) == ErrorKind::kInvalidOption);
  CHECK(kind({{10, -1}, std::nullopt, {}}) == ErrorKind::kInvalidOption);
  CHECK_FALSE(kind({{160, 80}, std::nullopt, {}}, {1, 3, 80, 160}).has_value());
  CHECK(kind({{160, 80}, std::nullopt, {}}, {1, 3, 160, 80}) == ErrorKind::kModelFormat);
  CHECK(kind({{160, 80}, std::nullopt, {}}, {-1, 1, -1, -1}) == ErrorKind::kModelFormat);
  CHECK(kind({{160, 80}, std::nullopt, {}}, {-1, 3}) == ErrorKind::kModelFormat);
}

TEST_CASE("a network that gives no scores, an empty image, an engine that fails") {
  const TestPage page(9, 9);
  const ClassifierParams params{{8, 8}, std::nullopt, {}};
  for (const Shape& shape : {Shape{}, Shape{3, 1}, Shape{1, 0}}) {
    ImageClassifier classifier(fake_classifier([&](const FakeModel::Tensor&) {
                                 return FakeModel::Tensor{{0.1F, 0.2F, 0.3F}, shape};
                               }),
                               params);
    CHECK(thrown_kind([&] { classifier.run(page.view()); }) == ErrorKind::kModelFormat);
  }
  bool fail = true;
  ImageClassifier classifier(fake_classifier([&](const FakeModel::Tensor& input) {
                               if (fail) throw Error(ErrorKind::kInference, "broken");
                               return three_scores(input);
                             }),
                             params);
  CHECK(thrown_kind([&] { classifier.run({}); }) == ErrorKind::kInvalidInput);
  CHECK(thrown_kind([&] { classifier.run(page.view()); }) == ErrorKind::kInference);
  fail = false;
  CHECK(classifier.run(page.view()).size() == 3);
}

TEST_CASE("the exact network decides what a less precise one leaves in doubt") {
  const TestPage page(9, 9);
  const ClassifierParams params{{8, 8}, std::nullopt, {}};
  const auto scores_model = [](const std::vector<float>& scores) {
    return fake_classifier([=](const FakeModel::Tensor& input) {
      CHECK(testing::all_finite(input.values));
      return FakeModel::Tensor{scores, {1, std::ssize(scores)}};
    });
  };
  struct Case {
    std::vector<float> scores;
    bool in_doubt;
  };
  for (const auto& [scores, in_doubt] :
       {Case{{0.6F, 0.4F}, false}, Case{{0.4F, 0.6F}, false}, Case{{0.51F, 0.49F}, true},
        Case{{0.49F, 0.51F}, true}, Case{{0.5F, 0.5F}, true}, Case{{0.3F, 0.1F, 0.295F}, true},
        Case{{0.3F, 0.1F, 0.28F}, false}, Case{{1}, false}, Case{{-2, -3}, true},
        Case{{std::nanf(""), 0.9F}, true}, Case{{0.9F, std::nanf("")}, true}}) {
    const auto rough = scores_model(scores), exact = scores_model({0.2F, 0.8F});
    rough->set_exact(exact);
    ImageClassifier classifier(rough, params);
    const std::vector<float> found = classifier.run(page.view());
    CHECK(rough->runs() == 1);
    CHECK(exact->runs() == (in_doubt ? 1 : 0));
    CHECK(found == (in_doubt ? std::vector<float>{0.2F, 0.8F} : scores));
    // Without an exact network there is nothing else to ask.
    const auto alone = scores_model(scores);
    const auto error = thrown_kind([&] { ImageClassifier(alone, params).run(page.view()); });
    CHECK(error.has_value() == !testing::all_finite(scores));
    CHECK(alone->runs() == 1);
  }
}

TEST_CASE("callers on many threads share one request") {
  const auto model = fake_classifier([](const FakeModel::Tensor& input) {
    return FakeModel::Tensor{{input.values.front()}, {1, 1}};
  });
  const PixelStatistics plain{{0, 0, 0}, {1, 1, 1}, 1};
  ImageClassifier classifier(model, {{4, 4}, std::nullopt, plain});
  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&, caller] {
      TestPage page(6, 6);
      const auto red = static_cast<std::uint8_t>(40 * caller);
      page.fill(0, 0, 6, 6, {1, 2, red});
      for (int i = 0; i < 50; ++i) {
        if (classifier.run(page.view()) != std::vector<float>{static_cast<float>(red)}) ++wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
  CHECK(model->requests() == 1);
  CHECK_FALSE(model->shared_a_request());
}

}  // namespace
}  // namespace fastocr
