#include "fastocr/word_boxes.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "testing.h"

namespace fastocr {
namespace {

using testing::random_int;

// A text whose characters, entries of a dictionary, were read from these of `count` columns.
RecognizedText text_of(const std::vector<std::string>& characters, std::vector<int> columns,
                       double count) {
  RecognizedText text;
  for (const std::string& character : characters) {
    text.text += character;
    text.ends.push_back(static_cast<int>(text.text.size()));
  }
  text.columns = std::move(columns);
  text.column_count = count;
  return text;
}

// One character a column.
RecognizedText text_of(const std::vector<std::string>& characters) {
  std::vector<int> columns;
  for (std::size_t i = 0; i < characters.size(); ++i) columns.push_back(static_cast<int>(i));
  return text_of(characters, columns, static_cast<double>(characters.size()));
}

QuadI box(int left, int top, int right, int bottom) {
  return {{{left, top}, {right, top}, {right, bottom}, {left, bottom}}};
}

using Groups = std::vector<std::pair<WordKind, std::string>>;

Groups groups_of(const std::vector<std::string>& characters) {
  Groups groups;
  for (const WordGroup& group : word_groups(text_of(characters))) {
    auto& [kind, joined] = groups.emplace_back(group.kind, "");
    for (const std::string& character : group.characters) joined += character;
    CHECK(group.columns.size() == group.characters.size());
  }
  return groups;
}

constexpr WordKind kHan = WordKind::kHan, kLatin = WordKind::kLatin, kOther = WordKind::kOther;

TEST_CASE("characters of one kind form a group") {
  CHECK(groups_of({}).empty());
  CHECK(groups_of({"a", "Z", "0", " ", "b"}) ==
        Groups{{kLatin, "aZ0"}, {kOther, " "}, {kLatin, "b"}});
  CHECK(groups_of({"中", "国", "x"}) == Groups{{kHan, "中国"}, {kLatin, "x"}});
  CHECK(groups_of({"é", "ж"}) == Groups{{kOther, "éж"}});
}

TEST_CASE("the borders of the ideographs") {
  CHECK(groups_of({"\u4DFF"}) == Groups{{kOther, "\u4DFF"}});
  CHECK(groups_of({"\u4E00"}) == Groups{{kHan, "\u4E00"}});
  CHECK(groups_of({"\u9FFF"}) == Groups{{kHan, "\u9FFF"}});
  CHECK(groups_of({"\uA000"}) == Groups{{kOther, "\uA000"}});
  CHECK(groups_of({"\U00020000"}) == Groups{{kOther, "\U00020000"}});
}

TEST_CASE("hyphens and decimal points go on with a word") {
  CHECK(groups_of({"V", "-", "1"}) == Groups{{kLatin, "V-1"}});
  CHECK(groups_of({"-", "1"}) == Groups{{kOther, "-"}, {kLatin, "1"}});
  CHECK(groups_of({"a", "-", "-"}) == Groups{{kLatin, "a--"}});
  CHECK(groups_of({"3", ".", "1"}) == Groups{{kLatin, "3.1"}});
  CHECK(groups_of({"3", ".", "x"}) == Groups{{kLatin, "3"}, {kOther, "."}, {kLatin, "x"}});
  CHECK(groups_of({"3", "."}) == Groups{{kLatin, "3"}, {kOther, "."}});
  CHECK(groups_of({".", "1"}) == Groups{{kOther, "."}, {kLatin, "1"}});
  CHECK(groups_of({"中", ".", "1"}) == Groups{{kHan, "中"}, {kOther, "."}, {kLatin, "1"}});
}

TEST_CASE("an entry of several code points takes one column") {
  const RecognizedText text = text_of({"a", "e\u0301", "(株)", "中", "b"}, {0, 2, 4, 6, 8}, 10);
  const Words words = word_boxes(box(0, 0, 100, 20), text, false);
  CHECK(words.texts == std::vector<std::string>{"ae\u0301", "(株)", "中", "b"});
  CHECK(words.regions[1] == box(40, 0, 50, 20));
  CHECK(words.regions[3] == box(80, 0, 90, 20));
}

TEST_CASE("words along a horizontal line") {
  const RecognizedText text = text_of({"a", "b", " ", "c"}, {1, 3, 5, 7}, 10);
  const Words words = word_boxes(box(100, 40, 200, 60), text, false);
  CHECK(words.texts == std::vector<std::string>{"ab", " ", "c"});
  CHECK(words.regions[0] == box(110, 40, 140, 60));
  CHECK(words.regions[1] == box(150, 40, 160, 60));
  CHECK(words.regions[2] == box(170, 40, 180, 60));
}

TEST_CASE("words along a vertical line") {
  const RecognizedText text = text_of({"a", " ", "b"}, {0, 4, 8}, 10);
  const Words words = word_boxes(box(10, 100, 30, 200), text, false);
  CHECK(words.texts == std::vector<std::string>{"a", " ", "b"});
  CHECK(words.regions[0] == QuadI{{{10, 100}, {10, 110}, {30, 110}, {30, 100}}});
  CHECK(words.regions[2] == QuadI{{{10, 180}, {10, 190}, {30, 190}, {30, 180}}});
}

TEST_CASE("a line 1.5 times as high as wide is not vertical yet") {
  const RecognizedText text = text_of({"a", "b"});
  CHECK(word_boxes(box(0, 0, 20, 30), text, false).regions[0] == box(0, 0, 20, 30));
  CHECK(word_boxes(box(0, 0, 20, 31), text, false).regions[0][1] == PointI{0, 31});
}

TEST_CASE("ideographs are words of their own") {
  // Three in a row, 21 columns of 10 pixels: a mean distance of 210 / 2 pixels.
  const RecognizedText row = text_of({"中", "国", "人"}, {0, 10, 20}, 30);
  const Words words = word_boxes(box(50, 0, 350, 40), row, false);
  CHECK(words.texts == std::vector<std::string>{"中", "国", "人"});
  CHECK(words.regions[0] == box(50, 0, 107, 40));  // 5 +- 52.5, cut off at the start
  CHECK(words.regions[1] == box(102, 0, 207, 40));
  CHECK(words.regions[2] == box(202, 0, 307, 40));
  // Without two in a row: an equal part of the line.
  const RecognizedText single = text_of({"中", "a"}, {1, 7}, 10);
  CHECK(word_boxes(box(0, 0, 100, 40), single, false).regions[0] == box(0, 0, 40, 40));
}

TEST_CASE("a line upside down has its words mirrored") {
  const RecognizedText text = text_of({"a", "b", " ", "c"}, {1, 3, 5, 7}, 10);
  const Words words = word_boxes(box(100, 40, 200, 60), text, true);
  CHECK(words.texts == std::vector<std::string>{"ab", " ", "c"});
  CHECK(words.regions[0] == box(160, 40, 190, 60));
  CHECK(words.regions[2] == box(120, 40, 130, 60));
  const Words down = word_boxes(box(10, 100, 30, 200), text, true);
  CHECK(down.regions[0] == QuadI{{{10, 160}, {10, 190}, {30, 190}, {30, 160}}});
}

TEST_CASE("boxes without an extent") {
  const RecognizedText text = text_of({"a", " ", "中"});
  for (const QuadI& line : {box(5, 5, 5, 5), box(5, 5, 5, 50), box(5, 5, 50, 5)}) {
    CHECK(word_boxes(line, text, false).regions.size() == 3);
  }
  for (const QuadI& region : word_boxes(box(5, 5, 5, 5), text, true).regions) {
    CHECK(region == box(5, 5, 5, 5));
  }
}

TEST_CASE("no text has no words") { CHECK(word_boxes(box(0, 0, 9, 9), {}, true).texts.empty()); }

TEST_CASE("the words of random lines make up the text") {
  const std::vector<std::string> alphabet{"a",  "7",  "-", ".",   " ",
                                          "中", "国", "é", "1/2", "\u3000"};
  std::mt19937 random(7);
  for (int run = 0; run < 500; ++run) {
    std::vector<std::string> characters;
    std::vector<int> columns;
    int column = 0;
    for (int i = random_int(random, 0, 12); i > 0; --i) {
      characters.push_back(alphabet[random_int(random, 0, 9)]);
      columns.push_back(column += random_int(random, 1, 4));
    }
    const RecognizedText text = text_of(characters, columns, random_int(random, 1, 60));
    QuadI line;
    for (PointI& p : line) p = {random_int(random, -9, 400), random_int(random, -9, 400)};
    const Words words = word_boxes(line, text, run % 2 == 0);
    REQUIRE(words.regions.size() == words.texts.size());
    std::string joined;
    for (const std::string& word : words.texts) joined += word;
    CHECK(joined == text.text);
  }
}

}  // namespace
}  // namespace fastocr
