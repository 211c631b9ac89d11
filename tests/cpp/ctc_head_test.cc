#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "fastocr/text_recognition.h"
#include "testing.h"

namespace fastocr {
namespace {

using testing::with_each_isa;

LinearClassifier random_classifier(std::mt19937& random, int features, int classes) {
  std::normal_distribution<float> normal;
  LinearClassifier classifier{features, classes, {}, {}};
  for (int i = 0; i < features * classes; ++i) classifier.weights.push_back(normal(random));
  for (int i = 0; i < classes; ++i) classifier.bias.push_back(3 * normal(random));
  return classifier;
}

// Scores in double precision, the plain way.
std::vector<double> plain_scores(const LinearClassifier& c, const float* row) {
  std::vector<double> scores(c.bias.begin(), c.bias.end());
  for (int k = 0; k < c.features; ++k) {
    for (int n = 0; n < c.classes; ++n) {
      scores[n] += static_cast<double>(row[k]) * c.weights[k * c.classes + n];
    }
  }
  return scores;
}

double plain_probability(const std::vector<double>& scores) {
  const double top = *std::max_element(scores.begin(), scores.end());
  double total = 0;
  for (const double score : scores) total += std::exp(score - top);
  return 1 / total;
}

void check_against_plain(const LinearClassifier& classifier, const std::vector<float>& rows) {
  const int steps = static_cast<int>(rows.size()) / classifier.features;
  CtcHead::Scores scores(std::make_shared<const CtcHead>(classifier));
  scores.set(rows.data(), steps);
  REQUIRE(scores.steps() == steps);
  std::vector<int> some;
  std::vector<double> wanted;
  for (int step = 0; step < steps; ++step) {
    const auto plain = plain_scores(classifier, rows.data() + step * classifier.features);
    const auto top = std::max_element(plain.begin(), plain.end());
    const int best = scores.best(step);
    // Two classes may be closer than float sums tell apart.
    CHECK(plain[best] >= *top - 1e-4);
    if (step % 5 == 3) continue;
    some.push_back(step);
    wanted.push_back(plain_probability(plain));
  }
  const std::vector<float> probabilities = scores.probabilities(some);
  REQUIRE(probabilities.size() == wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    CHECK(probabilities[i] == doctest::Approx(wanted[i]).epsilon(1e-4));
  }
}

TEST_CASE("the best class and its probability are those of the whole softmax") {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  for (const int features : {1, 3, 8, 120}) {
    for (const int classes : {2, 63, 64, 65, 1000}) {
      const auto classifier = random_classifier(random, features, classes);
      for (const int steps : {1, 5, 6, 7, 40}) {
        // From nearly equal scores, where screening rules out little, to clear winners.
        const float scale = std::pow(10.0F, static_cast<float>(steps % 4) - 2.0F);
        std::vector<float> rows(static_cast<std::size_t>(features * steps));
        for (float& value : rows) value = scale * normal(random);
        with_each_isa([&] { check_against_plain(classifier, rows); });
      }
    }
  }
}

TEST_CASE("of equal classes the first is best, also across blocks") {
  LinearClassifier classifier{4, 200, BlockVector<float>(800, 0.25F), BlockVector<float>(200)};
  const std::vector<float> row{1, -2, 3, 4};
  with_each_isa([&] {
    CtcHead::Scores scores(std::make_shared<const CtcHead>(classifier));
    scores.set(row.data(), 1);
    CHECK(scores.best(0) == 0);
    CHECK(scores.probabilities({0})[0] == doctest::Approx(1.0 / 200));
  });
}

TEST_CASE("features of zero leave the bias to decide") {
  std::mt19937 random(8);
  const auto classifier = random_classifier(random, 12, 300);
  with_each_isa([&] { check_against_plain(classifier, std::vector<float>(36, 0.0F)); });
}

// Checks best classes and rivals against plain scores, but where these are closer to each other, or
// to the margin, than float sums tell apart. Returns how many steps have a rival.
int check_rivals(const LinearClassifier& classifier, const std::vector<float>& rows, float margin) {
  constexpr double kTooClose = 1e-4;
  const int steps = static_cast<int>(rows.size()) / classifier.features;
  CtcHead::Scores scores(std::make_shared<const CtcHead>(classifier));
  scores.set(rows.data(), steps, margin);
  int rivals = 0;
  for (int step = 0; step < steps; ++step) {
    const int best = scores.best(step), rival = scores.rival(step);
    rivals += rival >= 0;
    auto plain = plain_scores(classifier, rows.data() + step * classifier.features);
    const auto probability = plain_probability(plain);
    const auto take_top = [&] {
      const auto top = std::max_element(plain.begin(), plain.end());
      const std::pair result{static_cast<int>(top - plain.begin()), *top};
      *top = -1e30;
      return result;
    };
    const auto [first, first_score] = take_top();
    const auto [second, second_score] = take_top();
    const auto [third, third_score] = take_top();
    const double gap = first_score - second_score;
    if (gap < kTooClose) continue;
    CHECK(best == first);
    CHECK(scores.probabilities({step})[0] == doctest::Approx(probability).epsilon(1e-4));
    if (std::abs(gap - margin) < kTooClose || second_score - third_score < kTooClose) continue;
    CHECK(rival == (gap < margin ? second : -1));
  }
  return rivals;
}

TEST_CASE("a rival is the second best class within the margin") {
  std::mt19937 random(10);
  std::normal_distribution<float> normal;
  int rivals = 0;
  for (const int features : {1, 8, 61}) {
    for (const int classes : {2, 64, 65, 700}) {
      const auto classifier = random_classifier(random, features, classes);
      std::vector<float> rows(static_cast<std::size_t>(features * 25));
      for (float& value : rows) value = normal(random);
      for (const float margin : {0.0F, 0.015F, 0.5F, 5.0F, 1000.0F}) {
        with_each_isa([&] {
          const int found = check_rivals(classifier, rows, margin);
          if (margin == 0) CHECK(found == 0);
          if (margin == 1000) CHECK(found == 25);
          rivals += found;
        });
      }
    }
  }
  CHECK(rivals > 500);
}

TEST_CASE("a class of the same score is a rival for any margin but none") {
  for (const int twin : {1, 63, 64, 130}) {  // in the same block and in others
    CAPTURE(twin);
    LinearClassifier classifier{4, 200, BlockVector<float>(800), BlockVector<float>(200, -3.0F)};
    classifier.bias[0] = classifier.bias[twin] = 1;
    const std::vector<float> row{1, 2, 3, 4};
    with_each_isa([&] {
      CtcHead::Scores scores(std::make_shared<const CtcHead>(classifier));
      scores.set(row.data(), 1, 0.01F);
      CHECK(scores.best(0) == 0);
      CHECK(scores.rival(0) == twin);
      scores.set(row.data(), 1);
      CHECK(scores.best(0) == 0);
      CHECK(scores.rival(0) == -1);
    });
  }
}

TEST_CASE("values too small to be told apart in 8 bits") {
  constexpr float kSmallest = std::numeric_limits<float>::denorm_min();
  LinearClassifier classifier{4, 3, BlockVector<float>(12, 0.0F), BlockVector<float>{1, 3, 2}};
  classifier.weights[1] = kSmallest;
  classifier.weights[2] = -3 * kSmallest;
  with_each_isa(
      [&] { check_against_plain(classifier, {0, kSmallest, -kSmallest, 0, 5, 0, 0, 2}); });
}

TEST_CASE("features that are no numbers still give a class that there is") {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::mt19937 random(12);
  for (const int features : {4, 120}) {
    const auto classifier = random_classifier(random, features, 70);
    with_each_isa([&] {
      CtcHead::Scores scores(std::make_shared<const CtcHead>(classifier));
      for (const float odd : {kNan, -kNan, kInfinity, -kInfinity}) {
        std::vector<float> row(static_cast<std::size_t>(features), 0.5F);
        row[1] = odd;
        scores.set(row.data(), 1, 0.5F);
        const int best = scores.best(0);
        CHECK(best >= 0);
        CHECK(best < classifier.classes);
        CHECK(scores.probabilities({0}).size() == 1);
      }
    });
  }
}

TEST_CASE("a head of one class has no rivals") {
  std::mt19937 random(11);
  const auto classifier = random_classifier(random, 4, 1);
  const std::vector<float> row{1, 2, 3, 4};
  with_each_isa([&] {
    CtcHead::Scores scores(std::make_shared<const CtcHead>(classifier));
    scores.set(row.data(), 1, 1000);
    CHECK(scores.best(0) == 0);
    CHECK(scores.rival(0) == -1);
  });
}

TEST_CASE("no steps give an empty text") {
  std::mt19937 random(9);
  const CtcDecoder decoder({"a"});
  CtcHead::Scores scores(std::make_shared<const CtcHead>(random_classifier(random, 4, 3)));
  scores.set(nullptr, 0);
  CHECK(decoder.decode(scores).text.empty());
}

}  // namespace
}  // namespace fastocr
