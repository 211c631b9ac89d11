#include "fastocr/image.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

#include "fastocr/text_recognition.h"
#include "testing.h"

namespace fastocr {
namespace {

using testing::bytes;
using testing::random_int;
using testing::TestPage;
using testing::thrown_kind;
using testing::with_each_isa;

std::vector<float> normalized(const ImageView& view, int plane_width) {
  std::vector<float> planes(static_cast<std::size_t>(kChannels) * plane_width * view.height, -7.F);
  normalize_to_planes(view, Normalization::detection(), plane_width, planes.data());
  return planes;
}

TEST_CASE("views with a negative stride are upside down") {
  std::mt19937 random(3);
  const TestPage page = TestPage::noise(random, 37, 23);
  const TestPage flipped = page.flipped();
  const ImageView view = page.flipped_view(), wanted = flipped.view();
  with_each_isa([&] {
    Image a, b;
    for (const Size size : {Size{37, 23}, Size{50, 31}, Size{9, 60}}) {
      resize_bilinear(view, size.width, size.height, a);
      resize_bilinear(wanted, size.width, size.height, b);
      CHECK(bytes(a) == bytes(b));
    }
    for (int turns = 0; turns < 4; ++turns) {
      rotate_quarter_turns(view, turns, a);
      rotate_quarter_turns(wanted, turns, b);
      CHECK(bytes(a) == bytes(b));
    }
    const Homography turn{0.9, 0.2, -3.5, -0.2, 0.9, 6.25, 0.0004, 0.0001, 1};
    warp_perspective(view, turn, 41, 30, a);
    warp_perspective(wanted, turn, 41, 30, b);
    CHECK(bytes(a) == bytes(b));
    CHECK(normalized(view, 40) == normalized(wanted, 40));

    Image scratch;
    for (const QuadI& corners : {QuadI{PointI{3, 4}, {30, 4}, {30, 15}, {3, 15}},
                                 QuadI{PointI{5, 1}, {12, 3}, {8, 22}, {1, 20}}}) {
      const LineCrop crop(corners);
      crop.cut(view, scratch, a);
      crop.cut(wanted, scratch, b);
      CHECK(bytes(a) == bytes(b));
    }
  });
}

TEST_CASE("planes are filled up with zeros") {
  std::mt19937 random(4);
  const TestPage page = TestPage::noise(random, 35, 2);
  with_each_isa([&] {
    const auto narrow = normalized(page.view(), 35), wide = normalized(page.view(), 51);
    for (std::size_t row = 0; row < 6; ++row) {
      const float* begin = wide.data() + 51 * row;
      CHECK(std::equal(begin, begin + 35, narrow.data() + 35 * row));
      CHECK(std::all_of(begin + 35, begin + 51, [](float value) { return value == 0; }));
    }
  });
}

TEST_CASE("an image keeps its memory") {
  Image image(40, 30);
  const std::uint8_t* memory = image.view().data;
  image.resize(7, 5);
  CHECK(image.view().data == memory);
  CHECK(image.stride() == 21);
  image.resize(30, 40);
  CHECK(image.view().data == memory);
  CHECK(thrown_kind([&] { image.resize(-1, 3); }) == ErrorKind::kInvalidInput);
}

TEST_CASE("empty sources and sizes are refused") {
  const TestPage page(4, 3);
  Image result;
  for (const Size size : {Size{0, 3}, Size{3, 0}, Size{-1, 3}}) {
    CHECK(thrown_kind([&] { resize_bilinear(page.view(), size.width, size.height, result); }) ==
          ErrorKind::kInvalidInput);
  }
  CHECK(thrown_kind([&] { resize_bilinear({}, 3, 3, result); }) == ErrorKind::kInvalidInput);
  CHECK(ImageView{}.empty());
  CHECK_FALSE(page.view().empty());
}

TEST_CASE("single pixels are spread") {
  TestPage page(1, 1);
  page.fill(0, 0, 1, 1, {10, 20, 30});
  with_each_isa([&] {
    Image result;
    resize_bilinear(page.view(), 5, 4, result);
    warp_perspective(page.view(), {3, 1, -50, 0, 2, 1, 0, 0, 1}, 5, 4, result);
    for (int y = 0; y < 4; ++y) {
      for (int x = 0; x < 5; ++x) {
        const std::uint8_t* pixel = result.row(y) + kChannels * x;
        CHECK((pixel[0] == 10 && pixel[1] == 20 && pixel[2] == 30));
      }
    }
  });
}

// Nothing to compare here: the sanitizers look at the reads, on pages without spare memory.
TEST_CASE("kernels stay within pages of any size") {
  with_each_isa([] {
    std::mt19937 random(5);
    Image result, scratch;
    for (int round = 0; round < 300; ++round) {
      const TestPage page =
          TestPage::noise(random, random_int(random, 1, 45), random_int(random, 1, 12));
      const ImageView view = round % 2 == 0 ? page.view() : page.flipped_view();
      resize_bilinear(view, random_int(random, 1, 70), random_int(random, 1, 20), result);
      resize_bilinear(view, std::max(view.width / 2, 1), std::max(view.height / 2, 1), result);
      normalized(view, view.width + random_int(random, 0, 20));
      const Homography matrix{random_int(random, -200, 200) / 100.0,
                              random_int(random, -200, 200) / 100.0,
                              random_int(random, -500, 500) / 10.0,
                              random_int(random, -200, 200) / 100.0,
                              random_int(random, -200, 200) / 100.0,
                              random_int(random, -500, 500) / 10.0,
                              random_int(random, -20, 20) / 1000.0,
                              random_int(random, -20, 20) / 1000.0,
                              1};
      warp_perspective(view, matrix, random_int(random, 1, 30), random_int(random, 1, 9), result);
      QuadI corners;
      for (PointI& corner : corners) {
        corner = {random_int(random, -3, view.width + 3), random_int(random, -3, view.height + 3)};
      }
      const LineCrop crop(corners);
      crop.cut(view, scratch, result);
      CHECK(result.width() == crop.width());
      CHECK(result.height() == crop.height());
    }
  });
}

TEST_CASE("positions beyond every number range repeat the border") {
  TestPage page(6, 4);
  page.fill(0, 0, 6, 4, {1, 2, 3});
  with_each_isa([&] {
    Image result;
    for (const double huge : {1e6, 1e12, 1e300, -1e300}) {
      warp_perspective(page.view(), {huge, -huge, huge, huge, huge, -huge, 1, -1, 0}, 7, 5, result);
      for (int y = 0; y < 5; ++y) CHECK(std::memcmp(result.row(y), "\1\2\3", 3) == 0);
    }
  });
}

TEST_CASE("quarter turns are taken modulo four") {
  std::mt19937 random(21);
  const TestPage page = TestPage::noise(random, 2, 5);
  Image once, again;
  rotate_quarter_turns(page.view(), 1, once);
  for (const int turns : {5, -3}) {
    rotate_quarter_turns(page.view(), turns, again);
    REQUIRE(again.width() == once.width());
    CHECK(std::equal(once.row(0), once.row(0) + 30, again.row(0)));
  }
}

TEST_CASE("pages larger than a tile are turned pixel by pixel") {
  std::mt19937 random(22);
  for (const Size size : {Size{70, 33}, Size{32, 64}, Size{1, 65}, Size{90, 1}}) {
    const TestPage page = TestPage::noise(random, size.width, size.height);
    const int w = size.width, h = size.height;
    Image turned;
    for (int turns = 0; turns < 4; ++turns) {
      rotate_quarter_turns(page.view(), turns, turned);
      REQUIRE(turned.width() == (turns % 2 == 0 ? w : h));
      bool equal = true;
      for (int y = 0; y < h; ++y) {
        for (int x = 0; x < w; ++x) {
          // Where the pixel goes.
          const int column[] = {x, y, w - 1 - x, h - 1 - y}, row[] = {y, w - 1 - x, h - 1 - y, x};
          equal &= std::memcmp(page.view().row(y) + kChannels * x,
                               turned.row(row[turns]) + kChannels * column[turns], kChannels) == 0;
        }
      }
      CHECK(equal);
    }
  }
}

TEST_CASE("a part of a resized image") {
  std::mt19937 random(23);
  Image whole, part;
  for (int round = 0; round < 50; ++round) {
    const TestPage page =
        TestPage::noise(random, random_int(random, 1, 60), random_int(random, 1, 60));
    const int width = random_int(random, 1, 90), height = random_int(random, 1, 90);
    const int x = random_int(random, 0, width - 1), y = random_int(random, 0, height - 1);
    const Size size{random_int(random, 1, width - x), random_int(random, 1, height - y)};
    resize_bilinear(page.view(), width, height, whole);
    with_each_isa([&] {
      resize_bilinear_part(page.view(), {width, height}, {x, y}, size, part);
      REQUIRE(part.width() == size.width);
      REQUIRE(part.height() == size.height);
      for (int row = 0; row < size.height; ++row) {
        CHECK(std::memcmp(part.row(row), whole.row(y + row) + kChannels * x,
                          static_cast<std::size_t>(part.stride())) == 0);
      }
    });
  }
  CHECK(testing::thrown_kind([&] {
          resize_bilinear_part(TestPage(3, 3).view(), {5, 5}, {1, 1}, {0, 2}, part);
        }) == ErrorKind::kInvalidInput);
}

TEST_CASE("an empty image cannot be warped") {
  Image result;
  const Homography identity{1, 0, 0, 0, 1, 0, 0, 0, 1};
  CHECK(testing::thrown_kind([&] { warp_perspective({}, identity, 2, 2, result); }) ==
        ErrorKind::kInvalidInput);
}

}  // namespace
}  // namespace fastocr
