#include <doctest/doctest.h>

#include <algorithm>

#include "fastocr/text_recognition.h"

namespace fastocr {
namespace {

LineCrop upright(int width, int height) {
  return LineCrop(QuadI{PointI{0, 0}, {width, 0}, {width, height}, {0, height}});
}

std::vector<LineCrop> crops(const std::vector<Size>& sizes) {
  std::vector<LineCrop> result;
  for (const Size& size : sizes) result.push_back(upright(size.width, size.height));
  return result;
}

LineLayout layout_alone(int width, int height) {
  return line_layouts(crops({{width, height}}), {}).lines.at(0);
}

TEST_CASE("no lines have no groups") {
  const LineLayouts layouts = line_layouts(std::vector<LineCrop>{}, {});
  CHECK(layouts.lines.empty());
  CHECK(layouts.groups.empty());
}

TEST_CASE("the width of a single line") {
  struct Case {
    int width, height, text_width, input_width;
  };
  const Case cases[] = {
      {48, 48, 48, 320},       // narrow: padded to the least width
      {100, 31, 155, 320},     // 154.8 pixels, rounded up inside of the padding
      {320, 48, 320, 320},     //
      {641, 96, 320, 320},     // 320.5 pixels, rounded down beyond it
      {400, 48, 400, 400},     //
      {201, 30, 321, 321},     // 321.6
      {3200, 48, 3200, 3200},  //
      {5000, 20, 3200, 3200},  // squeezed into the greatest width
      {1, 1, 48, 320},         //
  };
  for (const Case& c : cases) {
    CAPTURE(c.width);
    CAPTURE(c.height);
    const LineLayout layout = layout_alone(c.width, c.height);
    CHECK(layout.text_width == c.text_width);
    CHECK(layout.width == c.input_width);
  }
}

TEST_CASE("a line's part of the width") {
  const auto share = [](int width, int height) { return layout_alone(width, height).share; };
  CHECK(share(320, 48) == 1);
  CHECK(share(400, 48) == 1);
  CHECK(share(160, 48) == doctest::Approx(0.5));
  CHECK(share(48, 48) == doctest::Approx(0.15));
  CHECK(share(5000, 20) == 1);
  // Beyond the greatest width, lines are squeezed.
  const auto lines = line_layouts(crops({{1600, 48}, {9600, 48}, {5000, 48}}), {}).lines;
  CHECK(lines[0].share == doctest::Approx(0.5));
  CHECK(lines[1].share == 1);
  CHECK(lines[2].share == 1);
  RecognitionParams stretched;
  stretched.input_size = Size{320, 48};
  CHECK(line_layouts(crops({{48, 48}, {900, 48}}), stretched).lines[0].share == 1);
}

TEST_CASE("a model's own height and least width") {
  RecognitionParams params;
  params.image_size = {100, 32};
  const std::vector<LineCrop> lines{upright(48, 48), upright(155, 31), upright(5000, 20)};
  params.batch_size = 1;
  const auto layouts = line_layouts(lines, params).lines;
  CHECK(layouts[0].text_width == 32);
  CHECK(layouts[0].width == 100);
  CHECK(layouts[1].text_width == 160);
  CHECK(layouts[1].width == 160);
  CHECK(layouts[2].width == 3200);
}

TEST_CASE("a turned line counts with the size that it has upright") {
  const LineCrop tall = upright(40, 400);
  CHECK(tall.width() == 400);
  CHECK(tall.height() == 40);
  CHECK(tall.aspect_ratio() == 10.0);
  CHECK(line_layouts({tall}, {}).lines[0].width == 480);
}

TEST_CASE("lines of similar aspect ratio share the width of the widest") {
  // Aspect ratios 10, 2, 8, 20, 9; in ascending order the lines 1, 2, 4, 0, 3.
  const auto lines = crops({{400, 40}, {80, 40}, {320, 40}, {800, 40}, {360, 40}});
  const LineLayouts layouts = line_layouts(lines, {.batch_size = 2, .input_size = {}});
  CHECK(layouts.groups == std::vector<std::vector<std::size_t>>{{1, 2}, {4, 0}, {3}});
  const int widths[] = {480, 384, 384, 960, 480}, text_widths[] = {480, 96, 384, 960, 432};
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(layouts.lines[i].width == widths[i]);
    CHECK(layouts.lines[i].text_width == text_widths[i]);
  }
}

TEST_CASE("groups have the size of a batch") {
  std::vector<Size> sizes;
  for (int i = 0; i < 20; ++i) sizes.push_back({40 + 13 * (7 * i % 20), 30});
  for (const int batch_size : {-3, 0, 1, 6, 19, 20, 1000}) {
    CAPTURE(batch_size);
    const LineLayouts layouts =
        line_layouts(crops(sizes), {.batch_size = batch_size, .input_size = {}});
    const auto size = static_cast<std::size_t>(std::clamp(batch_size, 1, 20));
    CHECK(layouts.groups.size() == (20 + size - 1) / size);
    std::vector<std::size_t> lines;
    int before = 0;
    for (std::size_t g = 0; g < layouts.groups.size(); ++g) {
      const auto& group = layouts.groups[g];
      CHECK(group.size() == (g + 1 < layouts.groups.size() ? size : 20 - g * size));
      const int width = layouts.lines[group.front()].width;
      CHECK(width >= before);  // narrowest group first
      before = width;
      for (const std::size_t line : group) {
        CHECK(layouts.lines[line].width == width);
        CHECK(layouts.lines[line].text_width <= width);
        lines.push_back(line);
      }
    }
    std::sort(lines.begin(), lines.end());
    for (std::size_t i = 0; i < 20; ++i) CHECK(lines[i] == i);
  }
}

TEST_CASE("lines of equal aspect ratio keep their order") {
  const auto lines = crops({{60, 30}, {120, 60}, {40, 20}, {30, 30}});
  const LineLayouts layouts = line_layouts(lines, {.batch_size = 4, .input_size = {}});
  CHECK(layouts.groups == std::vector<std::vector<std::size_t>>{{3, 0, 1, 2}});
}

TEST_CASE("a fixed input size holds every line whole") {
  const auto lines = crops({{4000, 10}, {10, 10}, {100, 20}});
  const LineLayouts layouts = line_layouts(lines, {.batch_size = 2, .input_size = Size{200, 32}});
  for (const LineLayout& layout : layouts.lines) {
    CHECK(layout.width == 200);
    CHECK(layout.text_width == 200);
  }
  CHECK(layouts.groups == std::vector<std::vector<std::size_t>>{{1, 2}, {0}});
}

TEST_CASE("padding is left out as the network allows") {
  int shorter = 0;
  for (const int step : {1, 2, 3, 8, 16}) {
    for (const int margin : {0, 1, 7, 60, 200}) {
      for (int width = 1; width <= 700; width += 23) {
        for (int text = 1; text <= width; text += 17) {
          const ShortenedLayout s = shortened({text, width}, {step, margin});
          const int at = s.omitted.at, count = s.omitted.count;
          CAPTURE(step);
          CAPTURE(margin);
          CAPTURE(width);
          CAPTURE(text);
          REQUIRE(count >= 0);
          REQUIRE(s.width == width - count);
          REQUIRE(s.omitted.blank_from == text);
          REQUIRE(count % step == 0);
          if (count == 0) {
            // Else a column could go.
            REQUIRE(width < text + 2 * margin + 3 * step);
            continue;
          }
          ++shorter;
          REQUIRE(at % step == 0);
          REQUIRE(at >= text + margin);
          // What is right of the gap does not see the border from within the margin.
          REQUIRE(s.width - at > margin);
          REQUIRE(s.width - at <= margin + 2 * step);
          REQUIRE(at < text + margin + step);
        }
      }
    }
  }
  CHECK(shorter > 1000);
}

TEST_CASE("a network that needs all columns gets them") {
  for (const int step : {0, -1}) {
    const ShortenedLayout s = shortened({48, 3200}, {step, 5});
    CHECK(s.width == 3200);
    CHECK(s.omitted.count == 0);
  }
}

TEST_CASE("crops have at least one pixel") {
  for (const LineCrop& crop : {upright(0, 0), upright(1, 0), upright(0, 1)}) {
    CHECK(crop.width() == 1);
    CHECK(crop.height() == 1);
  }
}

}  // namespace
}  // namespace fastocr
