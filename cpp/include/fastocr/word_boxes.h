#pragma once

#include <string>
#include <vector>

#include "fastocr/geometry.h"
#include "fastocr/text_recognition.h"

namespace fastocr {

enum class WordKind {
  kHan,    // U+4E00 to U+9FFF: each character is a word
  kLatin,  // ASCII letters and digits, with hyphens and decimal points inside
  kOther   // everything else, spaces included
};

// A run of characters of one kind; a dictionary entry of several code points counts as one.
struct WordGroup {
  WordKind kind = WordKind::kOther;
  std::vector<std::string> characters;
  std::vector<int> columns;  // the step of each character
};

// All characters of the text in order.
std::vector<WordGroup> word_groups(const RecognizedText& text);

// Words of a line in the order of the text, and where each lies.
struct Words {
  std::vector<std::string> texts;
  std::vector<QuadI> regions;
};

// Places the words of a line along its box: from left to right, or downwards in a box more than 1.5
// times as high as wide. The sides are those of the box's top left corner, of the x of its top
// right and the y of its bottom right one. `upside_down`: the text runs the other way.
// Regions of vertical lines start with top left and bottom left, others with top left and top
// right. Throws Error(kInvalidInput) for a text in no columns.
Words word_boxes(const QuadI& line, const RecognizedText& text, bool upside_down);

}  // namespace fastocr
