#include <doctest/doctest.h>

#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "fastocr/text_recognition.h"
#include "testing.h"

namespace fastocr {
namespace {

using testing::with_each_isa;

// Probabilities that are `value` for one class of each step and zero for the others.
std::vector<float> certain(const std::vector<int>& classes, std::int64_t count, float value) {
  std::vector<float> result(classes.size() * static_cast<std::size_t>(count));
  for (std::size_t t = 0; t < classes.size(); ++t) {
    result[t * static_cast<std::size_t>(count) + static_cast<std::size_t>(classes[t])] = value;
  }
  return result;
}

RecognizedText decode(const CtcDecoder& decoder, const std::vector<int>& classes,
                      float value = 0.5F) {
  return decoder.decode(certain(classes, decoder.class_count(), value).data(),
                        static_cast<int>(classes.size()));
}

TEST_CASE("classes are blank, the characters and the space") {
  CHECK(CtcDecoder({}).class_count() == 2);
  CHECK(CtcDecoder({"a", "b"}).class_count() == 4);
}

TEST_CASE("blanks and repetitions are dropped") {
  const CtcDecoder decoder({"a", "b", "界", "1/2"});
  with_each_isa([&] {
    CHECK(decode(decoder, {1, 1, 0, 1, 2, 0, 0, 3}).text == "aab界");
    CHECK(decode(decoder, {5, 4, 5}).text == " 1/2 ");
    CHECK(decode(decoder, {1, 2, 1, 2}).text == "abab");
  });
}

TEST_CASE("no text has score zero") {
  const CtcDecoder decoder({"a"});
  for (const std::vector<int>& classes : {std::vector<int>{}, {0}, {0, 0, 0}}) {
    const RecognizedText result = decode(decoder, classes);
    CHECK(result.text.empty());
    CHECK(result.score == 0);
  }
  CHECK(decoder.decode(nullptr, 0).text.empty());
}

TEST_CASE("the score is the mean of the kept steps") {
  const CtcDecoder decoder({"a", "b"});
  //                           blank  a      b      space
  const std::vector<float> p{0.F,  1.F,  0.F,   0.F,   // a, kept
                             0.F,  0.5F, 0.F,   0.F,   // a again
                             0.9F, 0.F,  0.F,   0.F,   // blank
                             0.F,  0.F,  0.25F, 0.F};  // b, kept
  const RecognizedText result = decoder.decode(p.data(), 4);
  CHECK(result.text == "ab");
  CHECK(result.score == 0.625);
}

// Best classes and their rivals, step by step.
class GivenScores final : public StepScores {
 public:
  GivenScores(std::vector<int> best, std::vector<int> rivals)
      : best_(std::move(best)), rivals_(std::move(rivals)) {}

  int steps() const override { return static_cast<int>(best_.size()); }
  int best(int step) override { return best_[step]; }
  std::vector<float> probabilities(const std::vector<int>& steps) override {
    return std::vector<float>(steps.size(), 0.5F);
  }
  int rival(int step) override { return rivals_[step]; }

 private:
  std::vector<int> best_, rivals_;
};

RecognizedText decode_given(const CtcDecoder& decoder, const std::vector<int>& best,
                            const std::vector<int>& rivals) {
  GivenScores scores(best, rivals);
  return decoder.decode(scores);
}

// Whether some rival in its step makes another text.
bool some_rival_matters(const CtcDecoder& decoder, const std::vector<int>& best,
                        const std::vector<int>& rivals) {
  const std::vector<int> none(best.size(), -1);
  const std::string text = decode_given(decoder, best, none).text;
  for (std::size_t step = 0; step < best.size(); ++step) {
    if (rivals[step] < 0) continue;
    std::vector<int> other = best;
    other[step] = rivals[step];
    if (decode_given(decoder, other, none).text != text) return true;
  }
  return false;
}

TEST_CASE("a text is certain unless a rival would change it") {
  const CtcDecoder decoder({"a", "b"});
  struct Case {
    std::vector<int> best, rivals;
    bool certain;
  };
  const Case cases[] = {
      {{}, {}, true},
      {{0, 1, 0}, {-1, -1, -1}, true},
      {{0, 1, 0}, {-1, 2, -1}, false},        // another character
      {{0, 1, 0}, {-1, 0, -1}, false},        // none
      {{0, 1, 0}, {1, -1, -1}, true},         // begins a step earlier
      {{0, 1, 0}, {-1, -1, 1}, true},         // ends a step later
      {{0, 1, 0}, {2, -1, -1}, false},        // one more
      {{1, 1, 1}, {-1, 0, -1}, false},        // two of them
      {{1, 0, 1}, {-1, 1, -1}, false},        // both become one
      {{1, 1, 2}, {-1, 2, -1}, true},         // the second one begins earlier
      {{1, 0, 2}, {-1, 2, -1}, true},         //
      {{1, 2}, {2, -1}, false},               //
      {{1, 0, 2, 2}, {0, -1, -1, -1}, false}  // the first step
  };
  for (const Case& c : cases) {
    CHECK(decode_given(decoder, c.best, c.rivals).certain == c.certain);
    CHECK(some_rival_matters(decoder, c.best, c.rivals) == !c.certain);
  }
}

TEST_CASE("any text is certain unless a rival would change it") {
  const CtcDecoder decoder({"a", "b"});
  std::mt19937 random(1);
  int certain = 0;
  constexpr int kRounds = 5000;
  for (int round = 0; round < kRounds; ++round) {
    const int steps = testing::random_int(random, 0, 7);
    std::vector<int> best, rivals;
    for (int step = 0; step < steps; ++step) {
      best.push_back(testing::random_int(random, 0, 3));
      const int rival = testing::random_int(random, -4, 3);
      rivals.push_back(rival == best.back() || rival < 0 ? -1 : rival);
    }
    const RecognizedText result = decode_given(decoder, best, rivals);
    CHECK(result.certain == !some_rival_matters(decoder, best, rivals));
    certain += result.certain;
  }
  CHECK(certain > kRounds / 10);
  CHECK(certain < kRounds * 9 / 10);
}

TEST_CASE("probabilities alone have no rivals") {
  const CtcDecoder decoder({"a", "b"});
  CHECK(decode(decoder, {1, 0, 2}, 1e-6F).certain);
}

TEST_CASE("decoding reads no probability beyond the last") {
  with_each_isa([] {
    for (int characters = 0; characters < 140; ++characters) {
      const CtcDecoder decoder(std::vector<std::string>(static_cast<std::size_t>(characters), "x"));
      const int space = characters + 1;
      CHECK(decode(decoder, {space, 0, space}).text == "  ");
    }
  });
}

TEST_CASE("values that are no numbers end in some text") {
  const CtcDecoder decoder({"a", "b"});
  with_each_isa([&] {
    const std::vector<float> p(40, std::numeric_limits<float>::quiet_NaN());
    CHECK(decoder.decode(p.data(), 10).text.empty());
  });
}

}  // namespace
}  // namespace fastocr
