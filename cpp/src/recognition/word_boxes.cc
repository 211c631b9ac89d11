#include "fastocr/word_boxes.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

#include "fastocr/errors.h"
#include "geometry/reach.h"
#include "recognition/pairwise_sum.h"

namespace fastocr {
namespace {

constexpr double kVerticalRatio = 1.5;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Whether the UTF-8 text begins with one of U+4E00 to U+9FFF.
bool is_han(std::string_view character) {
  return character.size() >= 3 && character >= "\xE4\xB8\x80" && character < "\xEA\x80\x80";
}

bool has_digit(std::string_view character) {
  return std::any_of(character.begin(), character.end(), is_digit);
}

WordKind kind_alone(std::string_view character) {
  if (is_han(character)) return WordKind::kHan;
  const bool latin = std::any_of(character.begin(), character.end(),
                                 [](char c) { return is_digit(c) || is_letter(c); });
  return latin ? WordKind::kLatin : WordKind::kOther;
}

std::vector<std::string_view> characters_of(const RecognizedText& text) {
  std::vector<std::string_view> characters;
  characters.reserve(text.ends.size());
  std::size_t begin = 0;
  for (const int end : text.ends) {
    const auto stop = static_cast<std::size_t>(end);
    characters.push_back(std::string_view(text.text).substr(begin, stop - begin));
    begin = stop;
  }
  return characters;
}

WordKind kind_in_text(const std::vector<std::string_view>& characters, std::size_t i,
                      std::optional<WordKind> previous) {
  const std::string_view character = characters[i];
  const bool number_goes_on =
      character == "." && i + 1 < characters.size() && has_digit(characters[i + 1]);
  const bool inside_latin = previous == WordKind::kLatin && (character == "-" || number_goes_on);
  return inside_latin ? WordKind::kLatin : kind_alone(character);
}

// A range of pixels along a line, from its start.
struct Range {
  int begin, end;
};

// The direction of the text in a line's box.
class LineAxis {
 public:
  LineAxis(const QuadI& line, bool upside_down)
      : left_(within_reach(line[0].x)),
        right_(within_reach(line[1].x)),
        top_(within_reach(line[0].y)),
        bottom_(within_reach(line[2].y)),
        vertical_(is_vertical(line)),
        upside_down_(upside_down) {}

  int length() const { return vertical_ ? bottom_ - top_ : right_ - left_; }

  QuadI region(Range range) const {
    if (upside_down_) range = {length() - range.end, length() - range.begin};
    if (vertical_) {
      const int a = top_ + range.begin, b = top_ + range.end;
      return {{{left_, a}, {left_, b}, {right_, b}, {right_, a}}};
    }
    const int a = left_ + range.begin, b = left_ + range.end;
    return {{{a, top_}, {b, top_}, {b, bottom_}, {a, bottom_}}};
  }

 private:
  // A box without a width is vertical, one without any extent is not.
  static bool is_vertical(const QuadI& line) {
    const auto [left, right] = std::minmax({line[0].x, line[1].x, line[2].x, line[3].x});
    const auto [top, bottom] = std::minmax({line[0].y, line[1].y, line[2].y, line[3].y});
    return static_cast<double>(bottom) - top > kVerticalRatio * (static_cast<double>(right) - left);
  }

  int left_, right_, top_, bottom_;
  bool vertical_, upside_down_;
};

// The extent of a character of the script whose characters are as wide as high: the mean distance
// of those that follow each other, else an equal part of the line.
double han_extent(const std::vector<WordGroup>& groups, double cell, int length,
                  std::size_t characters) {
  std::vector<double> extents;
  for (const WordGroup& group : groups) {
    if (group.kind != WordKind::kHan || group.columns.size() < 2) continue;
    const double run =
        (static_cast<double>(group.columns.back()) - group.columns.front() + 1) * cell;
    extents.push_back(run / static_cast<double>(group.columns.size() - 1));
  }
  if (extents.empty()) return static_cast<double>(length) / static_cast<double>(characters);
  return pairwise_sum(extents.data(), extents.size()) / static_cast<double>(extents.size());
}

// Of a place along the line, wherever it is; what is no number is before all of it.
int whole(double place) {
  return static_cast<int>(place >= -kReach ? std::min<double>(place, kReach) : -kReach);
}

std::string joined(const std::vector<std::string>& characters) {
  std::string result;
  for (const std::string& character : characters) result += character;
  return result;
}

}  // namespace

std::vector<WordGroup> word_groups(const RecognizedText& text) {
  const std::vector<std::string_view> characters = characters_of(text);
  std::vector<WordGroup> groups;
  std::optional<WordKind> previous;
  for (std::size_t i = 0; i < characters.size(); ++i) {
    const WordKind kind = kind_in_text(characters, i, previous);
    if (kind != previous) groups.push_back({kind, {}, {}});
    groups.back().characters.emplace_back(characters[i]);
    groups.back().columns.push_back(text.columns[i]);
    previous = kind;
  }
  return groups;
}

Words word_boxes(const QuadI& line, const RecognizedText& text, bool upside_down) {
  Words words;
  if (text.columns.empty()) return words;
  if (!(text.column_count > 0)) {
    throw Error(ErrorKind::kInvalidInput, "column_count is " + std::to_string(text.column_count) +
                                              ": a line with a text has more than 0 columns");
  }
  const std::vector<WordGroup> groups = word_groups(text);
  const LineAxis axis(line, upside_down);
  const double cell = axis.length() / text.column_count;
  const double extent = han_extent(groups, cell, axis.length(), text.columns.size());
  const auto add = [&](std::string word, const Range& range) {
    words.texts.push_back(std::move(word));
    words.regions.push_back(axis.region(range));
  };
  for (const WordGroup& group : groups) {
    if (group.kind != WordKind::kHan) {
      add(joined(group.characters),
          {whole(group.columns.front() * cell), whole((group.columns.back() + 1.0) * cell)});
      continue;
    }
    for (std::size_t i = 0; i < group.columns.size(); ++i) {
      const double centre = (group.columns[i] + 0.5) * cell;
      add(group.characters[i], {std::max(whole(centre - extent / 2), 0),
                                std::min(whole(centre + extent / 2), axis.length())});
    }
  }
  return words;
}

}  // namespace fastocr
