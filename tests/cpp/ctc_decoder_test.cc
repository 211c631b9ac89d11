#include <doctest/doctest.h>

#include <limits>
#include <string>
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
