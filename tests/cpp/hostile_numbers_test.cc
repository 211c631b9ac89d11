// What comes of values that no honest image or network has: NaN, infinities, boxes without area or
// off the page, coordinates beyond 16 bits. The sanitizers watch the arithmetic meanwhile.

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "fake_models.h"
#include "fastocr/errors.h"
#include "fastocr/geometry.h"
#include "fastocr/image.h"
#include "fastocr/orientation.h"
#include "fastocr/rectification.h"
#include "fastocr/text_detection.h"
#include "fastocr/text_recognition.h"
#include "fastocr/word_boxes.h"
#include "testing.h"

namespace fastocr {
namespace {

using testing::fake_detection;
using testing::fake_recognition;
using testing::FakeModel;
using testing::TestPage;
using testing::thrown_kind;
using testing::with_each_isa;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int kLowest = std::numeric_limits<int>::min(), kHighest = std::numeric_limits<int>::max();

template <typename Point, typename Corners, typename Number>
Corners upright(Number x0, Number y0, Number x1, Number y1) {
  return {Point{x0, y0}, Point{x1, y0}, Point{x1, y1}, Point{x0, y1}};
}
Quad quad(float x0, float y0, float x1, float y1) { return upright<PointF, Quad>(x0, y0, x1, y1); }
QuadI box(int x0, int y0, int x1, int y1) { return upright<PointI, QuadI>(x0, y0, x1, y1); }

bool all_finite(const Quad& corners) {
  return std::all_of(corners.begin(), corners.end(),
                     [](const PointF& p) { return std::isfinite(p.x) && std::isfinite(p.y); });
}

// ---- probability maps ---------------------------------------------------------------------------

// 60 x 30 values: 0.9 in the rectangle from (10, 10) to (50, 20), 0.1 around it.
struct BarMap {
  static constexpr int kWidth = 60, kHeight = 30;
  std::vector<float> values = std::vector<float>(std::size_t{kWidth} * kHeight, 0.1F);

  BarMap() { fill(10, 10, 50, 20, 0.9F); }
  void fill(int x0, int y0, int x1, int y1, float value) {
    for (int y = y0; y < y1; ++y) {
      for (int x = x0; x < x1; ++x) values[static_cast<std::size_t>(y) * kWidth + x] = value;
    }
  }
  MapView view() const { return {values.data(), kWidth, kHeight}; }
  std::vector<DetectedBox> boxes(Size page = {kWidth, kHeight}) const {
    return boxes_from_map(view(), page, {});
  }
  std::vector<DetectedPolygon> polygons() const {
    return polygons_from_map(view(), {kWidth, kHeight}, {});
  }
};

TEST_CASE("values of a probability map that are no probabilities") {
  struct Row {
    const char* name;
    float inside, around;
    std::size_t boxes;
  };
  const std::array rows{
      Row{"usual", 0.9F, 0.1F, 1},
      Row{"NaN around a text is no text", 0.9F, kNan, 1},
      Row{"a text of NaN is none", kNan, 0.1F, 0},
      Row{"a map of NaN holds no text", kNan, kNan, 0},
      Row{"minus infinity around a text", 0.9F, -kInfinity, 1},
      Row{"an infinite text is one", kInfinity, 0.1F, 1},
      Row{"an infinite page is one text", kInfinity, kInfinity, 1},
      Row{"minus infinity everywhere", -kInfinity, -kInfinity, 0},
      Row{"more than 1", 40.0F, 0.1F, 1},
      Row{"less than 0", 0.9F, -40.0F, 1},
      Row{"the largest floats", std::numeric_limits<float>::max(), 0.1F, 1},
      Row{"the smallest floats", std::numeric_limits<float>::denorm_min(), 0.0F, 0},
      Row{"negative zero", -0.0F, -0.0F, 0},
  };
  with_each_isa([&] {
    for (const Row& row : rows) {
      CAPTURE(row.name);
      BarMap map;
      std::fill(map.values.begin(), map.values.end(), row.around);
      map.fill(10, 10, 50, 20, row.inside);
      CHECK(map.boxes().size() == row.boxes);
      CHECK(map.polygons().size() == row.boxes);
    }
  });
}

TEST_CASE("a text with one value that is no number in it is none, others are found") {
  BarMap map;
  map.fill(10, 10, 28, 20, 0.9F);
  map.fill(28, 10, 32, 20, 0.1F);  // two texts
  REQUIRE(map.boxes().size() == 2);
  map.fill(40, 15, 41, 16, kNan);
  const auto boxes = map.boxes();
  REQUIRE(boxes.size() == 1);
  CHECK(boxes[0].corners[1].x < 35);
  CHECK(map.polygons().size() == 1);
}

TEST_CASE("maps and pages of extreme sizes") {
  const BarMap map;
  CHECK(thrown_kind([&] { map.boxes({0, 30}); }) == ErrorKind::kInvalidInput);
  CHECK(thrown_kind([&] { map.boxes({60, -1}); }) == ErrorKind::kInvalidInput);
  CHECK(boxes_from_map({}, {10, 10}, {}).empty());
  CHECK(boxes_from_map({map.values.data(), 60, 0}, {10, 10}, {}).empty());
  for (const int width : {32767, 32768, 100000, kHighest}) {
    CAPTURE(width);
    const auto boxes = map.boxes({width, 30});
    REQUIRE(boxes.size() == 1);
    // The text grew by some pixels of the map to each side.
    CHECK(boxes[0].corners[0].x > width / 60 * 2);
    CHECK(boxes[0].corners[0].x < width / 60 * 10);
    CHECK(boxes[0].corners[2].x > width / 60 * 50);
    CHECK(boxes[0].corners[2].x <= width);
  }
}

TEST_CASE("the network's input size stays in the range of int") {
  DetectionParams params;
  CHECK(thrown_kind([&] { detection_input_size({0, 9}, params); }) == ErrorKind::kInvalidInput);
  CHECK(thrown_kind([&] { detection_input_size({9, -9}, params); }) == ErrorKind::kInvalidInput);
  params.input_size = Size{64, 64};
  CHECK(thrown_kind([&] { detection_input_size({0, 9}, params); }) == ErrorKind::kInvalidInput);
  params.input_size.reset();
  CHECK(detection_input_size({kHighest, kHighest}, params) == Size{960, 960});
  CHECK(detection_input_size({kHighest, 1}, params) == Size{960, 32});
  params.limit_type = LimitType::kResizeLong;
  params.limit_side_len = params.max_side_limit = kHighest;
  CHECK(detection_input_size({1, 1}, params) == Size{kHighest / 32 * 32, kHighest / 32 * 32});
}

// ---- geometry -----------------------------------------------------------------------------------

TEST_CASE("rectangles around points that are no numbers or far away") {
  const std::vector<PointF> square{{2, 3}, {12, 3}, {12, 9}, {2, 9}};
  for (const PointF& odd : {PointF{kNan, 5}, PointF{5, kNan}, PointF{kNan, kNan},
                            PointF{kInfinity, 5}, PointF{5, -kInfinity}}) {
    std::vector<PointF> points = square;
    points.insert(points.begin() + 2, odd);
    const MinAreaRect rect = min_area_rect(points);  // as if it were not there
    CHECK(std::max(rect.width, rect.height) == doctest::Approx(10));
    CHECK(std::min(rect.width, rect.height) == doctest::Approx(6));
    CHECK(min_area_rect(std::span(&odd, 1)).width == 0);
    CHECK(all_finite(min_area_rect(std::span(&odd, 1)).corners));
  }
  const std::vector<PointF> far{{-3e38F, -3e38F}, {3e38F, -3e38F}, {3e38F, 3e38F}, {-3e38F, 3e38F}};
  const MinAreaRect rect = min_area_rect(far);
  CHECK(rect.width == doctest::Approx(2e8));
  CHECK(all_finite(rect.corners));
  const QuadI widest = box(kLowest, kLowest, kHighest, kHighest);
  CHECK(min_area_rect(std::span<const PointI>(widest)).width == doctest::Approx(2e8));
}

TEST_CASE("scores of quads with corners that are no numbers") {
  const BarMap map;
  CHECK(box_score(map.view(), quad(10, 10, 49, 19)) == doctest::Approx(0.9));
  for (int corner = 0; corner < 4; ++corner) {
    Quad broken = quad(10, 10, 49, 19);
    broken[corner].x = kNan;
    CHECK(box_score(map.view(), broken) == 0);
    broken = quad(10, 10, 49, 19);
    broken[corner].y = kNan;
    CHECK(box_score(map.view(), broken) == 0);
  }
  CHECK(box_score(map.view(), quad(-kInfinity, -kInfinity, kInfinity, kInfinity)) ==
        doctest::Approx((400 * 0.9 + 1400 * 0.1) / 1800));
}

TEST_CASE("scores of polygons without area or off the map") {
  const BarMap map;
  const auto score = [&](const std::vector<PointI>& polygon) {
    return polygon_score(map.view(), polygon);
  };
  CHECK(score({}) == 0);
  CHECK(score({{20, 15}}) == doctest::Approx(0.9));
  CHECK(score({{20, 15}, {20, 15}, {20, 15}}) == doctest::Approx(0.9));
  CHECK(score({{12, 15}, {40, 15}}) == doctest::Approx(0.9));
  CHECK(score({{-9, -9}, {-5, -9}, {-5, -5}, {-9, -5}}) == 0);
  CHECK(score({{900, 15}, {990, 15}, {990, 19}}) == 0);
  const double all = (400 * 0.9 + 1400 * 0.1) / 1800;
  for (const int far : {32767, 32768, 100000, kHighest}) {
    CAPTURE(far);
    CHECK(score({{-far, -far}, {far, -far}, {far, far}, {-far, far}}) == doctest::Approx(all));
  }
  CHECK(
      score({{kLowest, kLowest}, {kHighest, kLowest}, {kHighest, kHighest}, {kLowest, kHighest}}) ==
      doctest::Approx(all));
}

TEST_CASE("quads with corners that are no numbers do not grow") {
  for (const float odd : {kNan, kInfinity, -kInfinity}) {
    for (int corner = 0; corner < 4; ++corner) {
      Quad broken = quad(3, 3, 90, 30);
      broken[corner].x = odd;
      CHECK(unclip_quad(broken, 2).empty());
      broken = quad(3, 3, 90, 30);
      broken[corner].y = odd;
      CHECK(unclip_quad(broken, 2).empty());
    }
  }
  CHECK(unclip_quad(quad(-3e38F, -3e38F, 3e38F, 3e38F), 2).empty());
  CHECK(unclip_quad(quad(3, 3, 90, 30), std::numeric_limits<double>::infinity()).empty());
  CHECK_FALSE(unclip_quad(quad(3, 3, 90, 30), std::numeric_limits<double>::min()).size() > 400);
}

TEST_CASE("polygons at the ends of the range of int") {
  const QuadI widest = box(kLowest, kLowest, kHighest, kHighest);
  CHECK(perimeter(widest) == doctest::Approx(8e8));
  CHECK(approximate_polygon(widest, 10).size() == 4);
  // It would have to grow by more than any image is wide.
  CHECK(unclip_polygon(widest, 2).empty());
  CHECK(unclip_polygon(box(kHighest - 9, kHighest - 9, kHighest, kHighest), 2).empty());
  const std::vector<PointI> far{{100000, 8}, {140000, 8}, {140000, 40}, {100000, 40}};
  const auto grown = unclip_polygon(far, 2);
  REQUIRE(grown.size() == 1);
  const MinAreaRect rect = min_area_rect(std::span<const PointI>(grown[0]));
  CHECK(std::max(rect.width, rect.height) > 40000);
}

TEST_CASE("tolerances that are no numbers end the simplification") {
  const std::vector<PointI> star{{0, 0}, {40, 5}, {80, 0}, {75, 40}, {80, 80}, {0, 80}, {5, 40}};
  for (const double epsilon :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), 1e300}) {
    CHECK(approximate_polygon(star, epsilon).size() == 1);
  }
  CHECK(approximate_polygon(star, 0).size() == star.size());
  CHECK(approximate_polygon(star, -2).size() <= star.size());
  const std::vector<PointI> one_place(5, PointI{7, 7});
  CHECK(approximate_polygon(one_place, 0).size() == 1);
}

TEST_CASE("reading order at the ends of the range of int") {
  const std::vector<QuadI> boxes{box(0, kHighest, 5, kHighest), box(0, kLowest, 5, 0),
                                 box(-5, kLowest + 9, 5, 0)};
  CHECK(reading_order(boxes) == std::vector<std::size_t>{2, 1, 0});
}

// ---- crops --------------------------------------------------------------------------------------

Image crop(const TestPage& page, const QuadI& corners) {
  Image scratch, result;
  LineCrop(corners).cut(page.view(), scratch, result);
  return result;
}

TEST_CASE("crops of boxes without area, off the page, and beyond 16 bits") {
  struct Row {
    const char* name;
    QuadI corners;
    Size size;
    std::uint8_t gray;  // of its first pixel
  };
  TestPage page(40000, 8);
  page.fill(0, 0, 40000, 8, {10, 10, 10});
  page.fill(39990, 0, 10, 8, {200, 200, 200});
  const std::array rows{
      Row{"a point", box(5, 5, 5, 5), {1, 1}, 10},
      Row{"no height", box(5, 4, 25, 4), {20, 1}, 10},
      Row{"no width, which is tall", box(5, 2, 5, 7), {5, 1}, 10},
      Row{"left of the page", box(-60, 1, -20, 7), {40, 6}, 10},
      Row{"right of the page", box(40010, 1, 40050, 7), {40, 6}, 200},
      Row{"above the page", box(100, -30, 140, -20), {40, 10}, 10},
      Row{"below the page", box(39995, 50, 40035, 60), {40, 10}, 200},
      Row{"all of a page beyond int16", box(0, 0, 40000, 8), {40000, 8}, 10},
      Row{"at 32767", box(32767, 0, 32800, 8), {33, 8}, 10},
      Row{"at 32768", box(32768, 0, 32800, 8), {32, 8}, 10},
      Row{"the end of the page", box(39992, 0, 40000, 8), {8, 8}, 200},
      Row{"far away", box(kHighest - 40, kHighest - 9, kHighest, kHighest), {1, 1}, 200},
      Row{"far away on the other side",
          box(kLowest, kLowest, kLowest + 40, kLowest + 9),
          {1, 1},
          10},
  };
  with_each_isa([&] {
    for (const Row& row : rows) {
      CAPTURE(row.name);
      const Image image = crop(page, row.corners);
      CHECK(Size{image.width(), image.height()} == row.size);
      CHECK(int{image.view().row(0)[0]} == int{row.gray});
    }
  });
}

TEST_CASE("matrices of no numbers repeat the first pixel") {
  TestPage page(9, 7);
  page.fill(0, 0, 9, 7, {90, 90, 90});
  page.fill(0, 0, 2, 2, {30, 30, 30});
  with_each_isa([&] {
    for (const double odd :
         {std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()}) {
      Homography matrix;
      matrix.fill(odd);
      Image result;
      warp_perspective(page.view(), matrix, 37, 3, result);
      const auto pixels = testing::bytes(result);
      CHECK(std::all_of(pixels.begin(), pixels.end(), [](int value) { return value == 30; }));
    }
  });
}

// ---- words --------------------------------------------------------------------------------------

TEST_CASE("words in lines without columns, and of any size") {
  RecognizedText text{"ab", 1, {0, 3}, {1, 2}, 8, true};
  CHECK(word_boxes(box(0, 0, 80, 20), text, false).texts == std::vector<std::string>{"ab"});
  for (const double columns : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
    text.column_count = columns;
    CHECK(thrown_kind([&] { word_boxes(box(0, 0, 80, 20), text, false); }) ==
          ErrorKind::kInvalidInput);
  }
  for (const double columns : {1e-300, 1e300, std::numeric_limits<double>::infinity()}) {
    text.column_count = columns;
    for (const bool upside_down : {false, true}) {
      const Words words = word_boxes(box(kLowest, 0, kHighest, 20), text, upside_down);
      CHECK(words.regions.size() == 1);
    }
  }
}

// ---- networks that give no usable numbers -------------------------------------------------------

std::optional<ErrorKind> detection_error(float value) {
  TextDetector detector(fake_detection([&](const FakeModel::Tensor& input) {
    FakeModel::Tensor map = testing::bright_pixels(input);
    map.values[map.values.size() / 2] = value;
    return map;
  }));
  return thrown_kind([&] { detector.detect(TestPage(64, 64).view(), {}); });
}

TEST_CASE("a detection network that gives no probabilities is named") {
  CHECK_FALSE(detection_error(0).has_value());
  CHECK_FALSE(detection_error(1).has_value());
  CHECK_FALSE(detection_error(1.001F).has_value());  // rounding
  for (const float value : {kNan, kInfinity, -kInfinity, 1.5F, -0.5F, 3e38F}) {
    CAPTURE(value);
    CHECK(detection_error(value) == ErrorKind::kInference);
  }
}

TEST_CASE("maps of a size that does not fit the input") {
  const auto kind = [](const Shape& shape) {
    TextDetector detector(fake_detection([&](const FakeModel::Tensor&) {
      const auto count = static_cast<std::size_t>(shape[1] * shape[2] * shape[3]);
      return FakeModel::Tensor{std::vector<float>(count), shape};
    }));
    DetectionParams params;
    params.input_size = Size{128, 64};
    return thrown_kind([&] { detector.detect(TestPage(128, 64).view(), params); });
  };
  CHECK_FALSE(kind({1, 1, 64, 128}).has_value());
  CHECK_FALSE(kind({1, 1, 16, 32}).has_value());  // a network that does not enlarge its map
  for (const Shape& shape : {Shape{1, 1, 128, 64}, Shape{1, 1, 64, 64}, Shape{1, 1, 63, 127},
                             Shape{1, 1, 128, 256}, Shape{1, 2, 64, 128}, Shape{1, 1, 0, 128}}) {
    CHECK(kind(shape) == ErrorKind::kModelFormat);
  }
}

TEST_CASE("a recognition network that gives no numbers is named") {
  const auto kind = [](float value) {
    const auto model = fake_recognition(4, [&](const FakeModel::Tensor& input) {
      FakeModel::Tensor output = testing::LevelReader(4)(input);
      output.values.back() = value;
      return output;
    });
    TextRecognizer recognizer(std::make_shared<const RecognitionModel>(
        model, std::vector<std::string>{"a", "b", "c", "d"}));
    return thrown_kind(
        [&] { recognizer.recognize(TestPage(320, 48).view(), LineLayout{320, 320, 1}, {}); });
  };
  CHECK_FALSE(kind(0).has_value());
  for (const float value : {kNan, kInfinity, -kInfinity}) {
    CHECK(kind(value) == ErrorKind::kInference);
  }
}

TEST_CASE("features and weights of a classifier that are no numbers") {
  LinearClassifier classifier{2, 3, BlockVector<float>(6, 0.5F), BlockVector<float>(3, 0.0F)};
  const auto kind = [&](const LinearClassifier& weights, float feature) {
    const auto model = std::make_shared<FakeModel>(
        Shape{-1, 3, 48, -1}, Shape{-1, -1, 2},
        [&](const FakeModel::Tensor&) { return FakeModel::Tensor{{0.5F, feature}, {1, 1, 2}}; });
    model->set_classifier(weights);
    return thrown_kind([&] {
      TextRecognizer recognizer(
          std::make_shared<const RecognitionModel>(model, std::vector<std::string>{"a"}));
      recognizer.recognize(TestPage(320, 48).view(), LineLayout{320, 320, 1}, {});
    });
  };
  CHECK_FALSE(kind(classifier, 0.5F).has_value());
  with_each_isa([&] {
    for (const float odd : {kNan, kInfinity, -kInfinity, 1e30F}) {
      CHECK(kind(classifier, odd) == ErrorKind::kInference);
      LinearClassifier broken = classifier;
      broken.weights[3] = odd;
      CHECK(kind(broken, 0.5F) == ErrorKind::kModelFormat);
      broken = classifier;
      broken.bias[1] = odd;
      CHECK(kind(broken, 0.5F) == ErrorKind::kModelFormat);
    }
  });
}

TEST_CASE("a classification network that gives no numbers is named") {
  const auto kind = [](float value) {
    const auto model = std::make_shared<FakeModel>(
        Shape{-1, 3, 8, 8}, Shape{-1, 2},
        [&](const FakeModel::Tensor&) { return FakeModel::Tensor{{0.5F, value}, {1, 2}}; });
    ClassifierParams params;
    params.size = {8, 8};
    params.resize_short.reset();
    ClassifierRunner runner(model, params);
    return thrown_kind([&] { runner.run(TestPage(20, 20).view()); });
  };
  CHECK_FALSE(kind(0.1F).has_value());
  for (const float value : {kNan, kInfinity, -kInfinity}) {
    CHECK(kind(value) == ErrorKind::kInference);
  }
}

TEST_CASE("an unwarping network that gives no numbers is named") {
  const auto kind = [](bool grid, float value) {
    const auto model = std::make_shared<FakeModel>(
        Shape{-1, 3, -1, -1}, grid ? Shape{-1, 2, 3, 3} : Shape{-1, 3, -1, -1},
        [&](const FakeModel::Tensor& input) {
          FakeModel::Tensor output{{}, grid ? Shape{1, 2, 3, 3} : input.shape};
          output.values.resize(grid ? 18 : input.values.size(), 0.5F);
          output.values[7] = value;
          return output;
        });
    DocumentUnwarper unwarper(model, 1);
    return thrown_kind([&] { unwarper.run(TestPage(20, 20).view()); });
  };
  for (const bool grid : {true, false}) {
    CHECK_FALSE(kind(grid, 0.5F).has_value());
    for (const float value : {kNan, kInfinity, -kInfinity}) {
      CHECK(kind(grid, value) == ErrorKind::kInference);
    }
  }
}

}  // namespace
}  // namespace fastocr
