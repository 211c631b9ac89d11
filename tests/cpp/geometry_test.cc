#include "fastocr/geometry.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "fastocr/text_detection.h"
#include "testing.h"

namespace fastocr {
namespace {

using testing::random_int;
using testing::with_each_isa;

Quad upright(float x0, float y0, float x1, float y1) {
  return {PointF{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}};
}

std::vector<PointI> contour(const Contours& contours, std::size_t k) {
  const auto points = contours[k];
  return {points.begin(), points.end()};
}

// ---- contours -----------------------------------------------------------------------------------

TEST_CASE("masks without pixels have no contours") {
  for (const Size size : {Size{0, 0}, Size{0, 5}, Size{5, 0}}) {
    CHECK(find_contours(nullptr, size.width, size.height).size() == 0);
  }
  CHECK(Contours{}.size() == 0);
  const std::vector<std::uint8_t> unset(12);
  CHECK(find_contours(unset.data(), 4, 3).size() == 0);
}

TEST_CASE("masks of one row or column") {
  const std::vector<std::uint8_t> mask{1, 1, 1, 0, 1, 0, 1, 1};
  const Contours row = find_contours(mask.data(), 8, 1);
  REQUIRE(row.size() == 3);
  CHECK(contour(row, 0) == std::vector<PointI>{{6, 0}, {7, 0}});
  CHECK(contour(row, 1) == std::vector<PointI>{{4, 0}});
  CHECK(contour(row, 2) == std::vector<PointI>{{0, 0}, {2, 0}});

  const Contours column = find_contours(mask.data(), 1, 8);
  REQUIRE(column.size() == 3);
  CHECK(contour(column, 0) == std::vector<PointI>{{0, 6}, {0, 7}});
  CHECK(contour(column, 1) == std::vector<PointI>{{0, 4}});
  CHECK(contour(column, 2) == std::vector<PointI>{{0, 0}, {0, 2}});

  const std::uint8_t pixel = 255;
  CHECK(contour(find_contours(&pixel, 1, 1), 0) == std::vector<PointI>{{0, 0}});
}

TEST_CASE("holes are contours") {
  const std::vector<std::uint8_t> ring{1, 1, 1,  //
                                       1, 0, 1,  //
                                       1, 1, 1};
  const Contours contours = find_contours(ring.data(), 3, 3);
  REQUIRE(contours.size() == 2);
  CHECK(contours[0].size() == 4);  // the hole, found last
  CHECK(contour(contours, 1) == std::vector<PointI>{{0, 0}, {0, 2}, {2, 2}, {2, 0}});
}

TEST_CASE("contours of random masks lie on their pixels") {
  std::mt19937 random(6);
  for (int round = 0; round < 300; ++round) {
    const int width = random_int(random, 1, 40), height = random_int(random, 1, 12);
    std::vector<std::uint8_t> mask(static_cast<std::size_t>(width) * height);
    const int share = random_int(random, 1, 9);
    for (auto& value : mask) value = random_int(random, 0, 9) < share ? 255 : 0;
    const Contours contours = find_contours(mask.data(), width, height);
    bool on_pixels = true;
    for (const PointI& p : contours.points) {
      on_pixels &= p.x >= 0 && p.x < width && p.y >= 0 && p.y < height &&
                   mask[static_cast<std::size_t>(p.y) * width + p.x] != 0;
    }
    CHECK(on_pixels);
    CHECK(contours.offsets.front() == 0);
    CHECK(contours.offsets.back() == contours.points.size());
  }
}

// ---- least rectangles ---------------------------------------------------------------------------

TEST_CASE("least rectangles of few points") {
  const MinAreaRect none = min_area_rect(std::span<const PointI>());
  CHECK(none.width == 0);
  CHECK(none.corners[0].x == 0);

  const std::vector<PointI> one{{5, -7}, {5, -7}};
  const MinAreaRect point = min_area_rect(one);
  for (const PointF& corner : point.corners) CHECK((corner.x == 5 && corner.y == -7));
  CHECK(std::max(point.width, point.height) == 0);

  const std::vector<PointI> two{{0, 0}, {3, 4}, {0, 0}};
  const MinAreaRect segment = min_area_rect(two);
  CHECK(std::max(segment.width, segment.height) == doctest::Approx(5));
  CHECK(std::min(segment.width, segment.height) == 0);
}

TEST_CASE("points on one line make a rectangle without area") {
  std::vector<PointI> points;
  for (int i = 0; i < 20; ++i) points.push_back({3 * (7 * i % 20), 5 * (7 * i % 20)});
  const MinAreaRect rect = min_area_rect(points);
  CHECK(std::min(rect.width, rect.height) == 0);
}

TEST_CASE("corners are ordered from the top left") {
  const Quad ordered = upright(1, 2, 9, 6);
  Quad corners = ordered;
  std::array<int, 4> turn{0, 1, 2, 3};
  do {
    for (int i = 0; i < 4; ++i) corners[i] = ordered[turn[i]];
    const Quad result = order_corners(corners);
    for (int i = 0; i < 4; ++i) {
      CHECK((result[i].x == ordered[i].x && result[i].y == ordered[i].y));
    }
  } while (std::next_permutation(turn.begin(), turn.end()));
}

// ---- scores -------------------------------------------------------------------------------------

TEST_CASE("scores of quads far away") {
  std::vector<float> values(40 * 30, 0.25F);
  values[0] = 1;  // top left
  const MapView map{values.data(), 40, 30};
  with_each_isa([&] {
    for (const float far : {1e3F, 1e9F, 1e30F, std::numeric_limits<float>::infinity()}) {
      CAPTURE(far);
      CHECK(box_score(map, upright(-far, -far, far, far)) ==
            doctest::Approx(0.25 + 0.75 / (40 * 30)));
      CHECK(box_score(map, upright(10, 10, far, far)) == 0.25);
      // Its window is one pixel of the border, which it does not reach.
      CHECK(box_score(map, upright(far, far, far, far)) == 0);
      CHECK(box_score(map, upright(-far, 3, -far / 2, 9)) == 0);
    }
  });
}

TEST_CASE("scores of degenerate quads and maps") {
  const float value = 0.5F;
  CHECK(box_score({&value, 1, 1}, upright(0, 0, 0, 0)) == 0.5);
  CHECK(box_score({&value, 1, 1}, upright(-3, -3, 3, 3)) == 0.5);
  CHECK(box_score({}, upright(0, 0, 5, 5)) == 0);
  CHECK(box_score({&value, 1, 0}, upright(0, 0, 5, 5)) == 0);

  std::vector<float> ramp(20);
  std::iota(ramp.begin(), ramp.end(), 0.F);
  const MapView map{ramp.data(), 20, 1};
  CHECK(box_score(map, upright(4, 0, 4, 0)) == 4);
  CHECK(box_score(map, upright(4, 0, 8, 0)) == 6);
}

// The sanitizers watch the arithmetic and the reads; the mean of equal values is known.
TEST_CASE("scores of random quads") {
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    const int width = random_int(random, 1, 40), height = random_int(random, 1, 40);
    const std::vector<float> values(static_cast<std::size_t>(width) * height, 0.5F);
    const int reach = round % 3 == 0 ? 2'000'000 : (round % 3 == 1 ? 60 : 600);
    Quad quad;
    for (PointF& p : quad) {
      p = {static_cast<float>(random_int(random, -reach, reach)) / 4,
           static_cast<float>(random_int(random, -reach, reach)) / 4};
    }
    const double score = box_score({values.data(), width, height}, quad);
    CHECK((score == 0 || score == 0.5));
  }
}

// ---- growing ------------------------------------------------------------------------------------

TEST_CASE("degenerate quads do not grow") {
  CHECK(unclip_quad(Quad{}, 2).empty());
  CHECK(unclip_quad(upright(3, 3, 9, 3), 2).empty());
  CHECK(unclip_quad(upright(3.1F, 3.1F, 3.9F, 3.9F), 2).empty());  // one point after truncation
  CHECK(unclip_quad(upright(3, 3, 9, 9), 0).empty());
  CHECK(unclip_quad(upright(3, 3, 9, 9), -1).empty());
  CHECK(unclip_quad(upright(3, 3, 9, 9), std::numeric_limits<double>::quiet_NaN()).empty());
}

TEST_CASE("growing by a known distance") {
  // Area 800, perimeter 120: the edges move by 800 * 1.5 / 120 = 10.
  for (const bool clockwise : {true, false}) {
    Quad quad = upright(20, 20, 60, 40);
    if (!clockwise) std::reverse(quad.begin(), quad.end());
    const std::vector<PointI> grown = unclip_quad(quad, 1.5);
    const auto [left, right] = std::minmax_element(
        grown.begin(), grown.end(), [](const PointI& a, const PointI& b) { return a.x < b.x; });
    const auto [top, bottom] = std::minmax_element(
        grown.begin(), grown.end(), [](const PointI& a, const PointI& b) { return a.y < b.y; });
    CHECK(left->x == 10);
    CHECK(right->x == 70);
    CHECK(top->y == 10);
    CHECK(bottom->y == 50);
  }
}

// ---- reading order and boxes --------------------------------------------------------------------

TEST_CASE("reading order of no boxes") { CHECK(reading_order({}).empty()); }

TEST_CASE("boxes of random maps lie on the page") {
  std::mt19937 random(8);
  DetectionParams params;
  params.box_thresh = 0;
  std::size_t boxes = 0;
  for (int round = 0; round < 150; ++round) {
    const int width = random_int(random, 1, 60), height = random_int(random, 1, 60);
    std::vector<float> values(static_cast<std::size_t>(width) * height);
    for (auto& value : values) value = static_cast<float>(random_int(random, 0, 9)) / 10;
    const Size page{random_int(random, 1, 200), random_int(random, 1, 200)};
    bool on_page = true;
    for (const DetectedBox& box : boxes_from_map({values.data(), width, height}, page, params)) {
      for (const PointI& p : box.corners) {
        on_page &= p.x >= 0 && p.x <= page.width && p.y >= 0 && p.y <= page.height;
      }
      ++boxes;
    }
    CHECK(on_page);
  }
  CHECK(boxes > 100);
}

TEST_CASE("a ratio that grows a quad beyond any image gives no polygon") {
  const Quad quad{PointF{10, 10}, PointF{110, 10}, PointF{110, 40}, PointF{10, 40}};
  CHECK(unclip_quad(quad, 1e12).empty());
  CHECK(unclip_quad(quad, 1e300).empty());
}

TEST_CASE("grown polygons: one border for simple ones, none for degenerate ones") {
  const std::vector<PointI> bracket{{0, 0}, {60, 0}, {60, 15}, {15, 15}, {15, 60}, {0, 60}};
  const auto grown = unclip_polygon(bracket, 0.5);
  REQUIRE(grown.size() == 1);
  for (const PointI& p : grown[0]) {
    CHECK(p.x >= -8);
    CHECK(p.x <= 68);
  }
  CHECK(unclip_polygon(std::vector<PointI>{}, 1.5).empty());
  CHECK(unclip_polygon(std::vector<PointI>{{1, 1}, {1, 1}, {1, 1}}, 1.5).empty());
  CHECK(unclip_polygon(std::vector<PointI>{{0, 0}, {9, 9}, {4, 4}}, 1.5).empty());
}

TEST_CASE("polygons that cross themselves: borders stay within reach, nothing is read outside") {
  std::mt19937 random(5);
  std::uniform_int_distribution<int> place(0, 50), corners(1, 30);
  const std::vector<float> values(50 * 40, 0.5F);
  for (int round = 0; round < 300; ++round) {
    std::vector<PointI> polygon(static_cast<std::size_t>(corners(random)));
    for (PointI& p : polygon) p = {place(random) - 5, place(random) - 5};
    for (const auto& loop : unclip_polygon(polygon, 1.5)) {
      CHECK(loop.size() >= 3);
      for (const PointI& p : loop) CHECK(std::abs(p.x) < 200);
    }
    const auto simple = approximate_polygon(polygon, 3.0);
    CHECK(simple.size() <= polygon.size());
    CHECK(!simple.empty());
    const double score = polygon_score({values.data(), 50, 40}, polygon);
    CHECK(score >= 0);
    CHECK(score <= 0.5);
  }
}

}  // namespace
}  // namespace fastocr
