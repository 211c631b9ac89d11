#include "fastocr/rectification.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <thread>
#include <vector>

#include "fake_models.h"
#include "rectification/sampling.h"
#include "testing.h"

namespace fastocr {
namespace {

using testing::FakeModel;
using testing::random_int;
using testing::TestPage;
using testing::thrown_kind;
using testing::with_each_isa;

// ---- plain references, in double precision ------------------------------------------------------

// Where pixel i of `size` lies among `points` that are spread over the same length.
double spread(int i, int size, int points) {
  return size == 1 ? 0.0 : static_cast<double>(i) * (points - 1) / (size - 1);
}

double between(const float* values, int columns, int rows, double x, double y) {
  const int left = std::min(static_cast<int>(x), std::max(columns - 2, 0));
  const int top = std::min(static_cast<int>(y), std::max(rows - 2, 0));
  const auto at = [&](int column, int row) {
    return static_cast<double>(
        values[std::min(row, rows - 1) * columns + std::min(column, columns - 1)]);
  };
  const double fx = x - left, fy = y - top;
  return (1 - fy) * ((1 - fx) * at(left, top) + fx * at(left + 1, top)) +
         fy * ((1 - fx) * at(left, top + 1) + fx * at(left + 1, top + 1));
}

double pixel_or_black(const ImageView& source, int x, int y, int channel) {
  const bool outside = x < 0 || y < 0 || x >= source.width || y >= source.height;
  return outside ? 0.0 : source.row(y)[kChannels * x + channel];
}

double sampled(const ImageView& source, double x, double y, int channel) {
  const double left = std::floor(x), top = std::floor(y);
  const double fx = x - left, fy = y - top;
  const int column = static_cast<int>(left), row = static_cast<int>(top);
  return (1 - fy) * ((1 - fx) * pixel_or_black(source, column, row, channel) +
                     fx * pixel_or_black(source, column + 1, row, channel)) +
         fy * ((1 - fx) * pixel_or_black(source, column, row + 1, channel) +
               fx * pixel_or_black(source, column + 1, row + 1, channel));
}

// Smooth, and beyond the page at its borders.
std::vector<float> random_grid(std::mt19937& random, int columns, int rows) {
  std::vector<float> grid;
  const double bend = random_int(random, -30, 30) / 100.0;
  const double reach = random_int(random, 70, 120) / 100.0;
  for (int axis = 0; axis < 2; ++axis) {
    for (int row = 0; row < rows; ++row) {
      for (int column = 0; column < columns; ++column) {
        const double x = columns == 1 ? 0 : 2.0 * column / (columns - 1) - 1;
        const double y = rows == 1 ? 0 : 2.0 * row / (rows - 1) - 1;
        grid.push_back(static_cast<float>(
            reach * (axis == 0 ? x + bend * std::sin(3 * y) : y + bend * std::cos(2 * x))));
      }
    }
  }
  return grid;
}

// Values are cut off, so one that is almost the next integer may become either.
bool is_cut_off(std::uint8_t value, double exact) {
  constexpr double kTolerance = 0.02;  // of gray levels, for rounding in float
  return value >= std::floor(exact - kTolerance) && value <= std::floor(exact + kTolerance);
}

bool is_sampled(const ImageView& source, const std::vector<float>& grid, int columns, int rows,
                const Image& result) {
  const ImageView view = result.view();
  const std::size_t plane = static_cast<std::size_t>(columns) * rows;
  for (int y = 0; y < view.height; ++y) {
    for (int x = 0; x < view.width; ++x) {
      const double u = spread(x, view.width, columns), v = spread(y, view.height, rows);
      const double gx = between(grid.data(), columns, rows, u, v);
      const double gy = between(grid.data() + plane, columns, rows, u, v);
      for (int c = 0; c < kChannels; ++c) {
        const double exact = sampled(source, (gx + 1) / 2 * (source.width - 1),
                                     (gy + 1) / 2 * (source.height - 1), c);
        if (!is_cut_off(view.row(y)[kChannels * x + c], exact)) return false;
      }
    }
  }
  return true;
}

std::vector<float> identity_grid(int columns, int rows) {
  std::vector<float> grid;
  const auto across = [](int i, int count) {
    return static_cast<float>(2.0 * i / (count - 1) - 1);
  };
  for (int axis = 0; axis < 2; ++axis) {
    for (int row = 0; row < rows; ++row) {
      for (int column = 0; column < columns; ++column) {
        grid.push_back(axis == 0 ? across(column, columns) : across(row, rows));
      }
    }
  }
  return grid;
}

// ---- sampling -----------------------------------------------------------------------------------

TEST_CASE("pages sampled at the places of a grid") {
  std::mt19937 random(41);
  native::ThreadTeam team(1);
  for (int round = 0; round < 40; ++round) {
    const TestPage page =
        TestPage::noise(random, random_int(random, 1, 90), random_int(random, 1, 70));
    const ImageView view = page.view();
    // Sometimes with a point for each pixel, or for more than there are.
    const int columns = round % 5 == 0 ? view.width : random_int(random, 1, 12);
    const int rows = round % 5 == 0 ? view.height : random_int(random, 1, 12);
    const auto grid = random_grid(random, columns, rows);
    const SamplingGrid sampling(grid.data(), columns, rows, {view.width, view.height});
    std::vector<std::uint8_t> first;
    with_each_isa([&] {
      Image result;
      sample_page(view, sampling, team, result);
      CHECK(is_sampled(view, grid, columns, rows, result));
      if (first.empty()) first = testing::bytes(result);
      CHECK(testing::bytes(result) == first);
    });
    Image flipped;
    sample_page(page.flipped_view(), sampling, team, flipped);
    CHECK(is_sampled(page.flipped().view(), grid, columns, rows, flipped));
  }
}

TEST_CASE("a grid for a page of another size") {
  const auto grid = identity_grid(3, 3);
  Image result;
  CHECK(thrown_kind([&] {
          sample_page(TestPage(5, 4).view(), SamplingGrid(grid.data(), 3, 3, {4, 5}), result);
        }) == ErrorKind::kInvalidInput);
}

TEST_CASE("threads give the result of one") {
  std::mt19937 random(42);
  const TestPage page = TestPage::noise(random, 150, 333);
  const auto grid = random_grid(random, 7, 9);
  const SamplingGrid sampling(grid.data(), 7, 9, {150, 333});
  Image one, many;
  native::ThreadTeam team(3);
  sample_page(page.view(), sampling, one);
  sample_page(page.view(), sampling, team, many);
  CHECK(testing::bytes(one) == testing::bytes(many));
}

TEST_CASE("what is outside of the page, or no number, is black") {
  TestPage page(20, 10);
  page.fill(0, 0, 20, 10, {255, 255, 255});
  native::ThreadTeam team(1);
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float x : {-1.3F, 1.3F, 1e9F, -1e9F, 3e38F, -3e38F, kNaN, kInfinity, -kInfinity}) {
    for (const bool across : {true, false}) {
      const std::vector<float> grid{across ? x : 0.0F, across ? 0.0F : x};
      const SamplingGrid sampling(grid.data(), 1, 1, {20, 10});
      with_each_isa([&] {
        Image result;
        sample_page(page.view(), sampling, team, result);
        CHECK(testing::bytes(result) == std::vector<std::uint8_t>(20 * 10 * kChannels));
      });
      const PointF place = sampling.to_source({3, 4});
      CHECK((place.x >= 0 && place.x <= 20 && place.y >= 0 && place.y <= 10));
    }
  }
}

TEST_CASE("a page without curves stays, but for what cutting off costs") {
  std::mt19937 random(43);
  const TestPage page = TestPage::noise(random, 45, 31);
  const auto grid = identity_grid(45, 31);
  native::ThreadTeam team(1);
  Image result;
  sample_page(page.view(), SamplingGrid(grid.data(), 45, 31, {45, 31}), team, result);
  for (int y = 0; y < 31; ++y) {
    for (int i = 0; i < 45 * kChannels; ++i) {
      CHECK(std::abs(result.row(y)[i] - page.view().row(y)[i]) <= 1);
    }
  }
}

TEST_CASE("network input: the page resized with its corners kept") {
  std::mt19937 random(44);
  native::ThreadTeam team(2);
  for (int round = 0; round < 20; ++round) {
    const TestPage page =
        TestPage::noise(random, random_int(random, 1, 80), random_int(random, 1, 80));
    const ImageView view = page.view();
    const Size size{random_int(random, 1, 50), random_int(random, 1, 50)};
    const std::size_t plane = static_cast<std::size_t>(size.width) * size.height;
    with_each_isa([&] {
      std::vector<float> planes(kChannels * plane, std::nanf(""));
      resize_to_planes(view, size, team, planes.data());
      double worst = 0;
      for (int c = 0; c < kChannels; ++c) {
        for (int y = 0; y < size.height; ++y) {
          for (int x = 0; x < size.width; ++x) {
            const double exact = sampled(view, spread(x, size.width, view.width),
                                         spread(y, size.height, view.height), c) /
                                 255;
            const float value = planes[c * plane + y * size.width + x];
            worst = std::max(worst, std::isnan(value) ? 1.0 : std::abs(value - exact));
          }
        }
      }
      CHECK(worst < 1e-5);
    });
  }
}

// ---- places -------------------------------------------------------------------------------------

TEST_CASE("places in the result are places in the source") {
  std::mt19937 random(45);
  constexpr int kColumns = 6, kRows = 8;
  const Size page{200, 300};
  for (int round = 0; round < 20; ++round) {
    const auto grid = random_grid(random, kColumns, kRows);
    const SamplingGrid sampling(grid.data(), kColumns, kRows, page);
    for (int i = 0; i < 50; ++i) {
      const int x = random_int(random, 0, page.width - 1),
                y = random_int(random, 0, page.height - 1);
      const double u = spread(x, page.width, kColumns), v = spread(y, page.height, kRows);
      const double gx = between(grid.data(), kColumns, kRows, u, v);
      const double gy = between(grid.data() + kColumns * kRows, kColumns, kRows, u, v);
      const auto expected = [](double g, int size) {
        return std::clamp((g + 1) / 2 * (size - 1) + 0.5, 0.0, static_cast<double>(size));
      };
      const PointF place =
          sampling.to_source({static_cast<float>(x) + 0.5F, static_cast<float>(y) + 0.5F});
      CHECK(place.x == doctest::Approx(expected(gx, page.width)).epsilon(1e-4));
      CHECK(place.y == doctest::Approx(expected(gy, page.height)).epsilon(1e-4));
    }
  }
}

TEST_CASE("places of a page without curves stay, up to its borders") {
  const auto grid = identity_grid(5, 4);
  const SamplingGrid sampling(grid.data(), 5, 4, {40, 70});
  for (const PointF point : {PointF{0, 0}, PointF{40, 70}, PointF{0, 70}, PointF{13.25F, 50.5F}}) {
    CHECK(sampling.to_source(point).x == doctest::Approx(point.x));
    CHECK(sampling.to_source(point).y == doctest::Approx(point.y));
  }
  const float nan = std::nanf("");
  for (const PointF point : {PointF{-5, 900}, PointF{1e30F, -1e30F}, PointF{nan, nan}}) {
    const PointF place = sampling.to_source(point);
    CHECK((place.x >= 0 && place.x <= 40 && place.y >= 0 && place.y <= 70));
  }
}

TEST_CASE("a grid or a page without a size") {
  const std::vector<float> grid(8);
  const auto kind = [&](int columns, int rows, Size page) {
    return thrown_kind([&] { SamplingGrid(grid.data(), columns, rows, page); });
  };
  CHECK(kind(0, 2, {3, 3}) == ErrorKind::kInvalidInput);
  CHECK(kind(2, 0, {3, 3}) == ErrorKind::kInvalidInput);
  CHECK(kind(2, 2, {0, 3}) == ErrorKind::kInvalidInput);
  CHECK(kind(2, 2, {3, 0}) == ErrorKind::kInvalidInput);
}

// ---- the unwarper -------------------------------------------------------------------------------

// Turns a page by half a turn, by its grid.
FakeModel::Tensor half_turn_grid(const FakeModel::Tensor&) {
  return {{1, -1, 1, -1, 1, 1, -1, -1}, {1, 2, 2, 2}};
}

std::shared_ptr<FakeModel> grid_network(Shape input = {-1, 3, 20, 10},
                                        FakeModel::Function function = half_turn_grid) {
  return std::make_shared<FakeModel>(std::move(input), Shape{-1, 2, -1, -1}, std::move(function));
}

FakeModel::Tensor same(const FakeModel::Tensor& input) { return input; }

std::shared_ptr<FakeModel> page_network(FakeModel::Function function = same,
                                        Shape output = {-1, 3, -1, -1}) {
  return std::make_shared<FakeModel>(Shape{-1, 3, -1, -1}, std::move(output), std::move(function));
}

bool differ_by_one_at_most(const ImageView& a, const ImageView& b) {
  if (a.width != b.width || a.height != b.height) return false;
  for (int y = 0; y < a.height; ++y) {
    for (int i = 0; i < kChannels * a.width; ++i) {
      if (std::abs(a.row(y)[i] - b.row(y)[i]) > 1) return false;
    }
  }
  return true;
}

TEST_CASE("a network that gives a grid") {
  std::mt19937 random(46);
  const TestPage page = TestPage::noise(random, 50, 30);
  FakeModel::Tensor seen;
  DocumentUnwarper unwarper(grid_network({-1, 3, 20, 10}, [&](const FakeModel::Tensor& input) {
    seen = input;
    return half_turn_grid(input);
  }));
  CHECK(unwarper.maps_coordinates());
  UnwarpedPage result = unwarper.run(page.view());
  CHECK(seen.shape == Shape{1, 3, 20, 10});
  CHECK(testing::all_finite(seen.values));
  Image turned;
  rotate_quarter_turns(page.view(), 2, turned);
  CHECK(differ_by_one_at_most(result.image.view(), turned.view()));
  const PointF place = result.to_original({10, 25});
  CHECK(place.x == doctest::Approx(40));
  CHECK(place.y == doctest::Approx(5));
}

TEST_CASE("the input of grid networks without a fixed size") {
  Shape seen;
  const auto model = grid_network({1, 3, -1, -1}, [&](const FakeModel::Tensor& input) {
    seen = input.shape;
    return half_turn_grid(input);
  });
  DocumentUnwarper(model).run(TestPage(30, 40).view());
  CHECK(seen == Shape{1, 3, 712, 488});
  model->set_sampling_detached(true);
  DocumentUnwarper(model).run(TestPage(30, 40).view());
  CHECK(seen == Shape{1, 3, 40, 30});
}

TEST_CASE("a network that gives the flat page") {
  std::mt19937 random(47);
  const TestPage page = TestPage::noise(random, 17, 9);
  FakeModel::Tensor seen;
  DocumentUnwarper unwarper(page_network([&](const FakeModel::Tensor& input) {
    seen = input;
    return input;
  }));
  CHECK_FALSE(unwarper.maps_coordinates());
  UnwarpedPage result = unwarper.run(page.view());
  CHECK(seen.shape == Shape{1, 3, 9, 17});
  CHECK(seen.values[0] == page.view().data[0] * static_cast<float>(1 / 255.0));
  CHECK(differ_by_one_at_most(result.image.view(), page.view()));
  CHECK(thrown_kind([&] { result.to_original({1, 1}); }) == ErrorKind::kUnsupportedOption);
}

TEST_CASE("values of a flat page are cut off, and those beyond its range bounded") {
  DocumentUnwarper unwarper(page_network([](const FakeModel::Tensor&) {
    return FakeModel::Tensor{{0.999F, -0.5F, 1.5F, -1e30F, 1e30F, 0.4999F}, {1, 3, 1, 2}};
  }));
  const UnwarpedPage result = unwarper.run(TestPage(2, 1).view());
  CHECK(testing::bytes(result.image) == std::vector<std::uint8_t>{254, 255, 255, 0, 0, 127});
}

TEST_CASE("models that unwarp nothing are refused") {
  const auto kind = [](const Shape& input, const Shape& output) {
    return thrown_kind([&] { DocumentUnwarper(std::make_shared<FakeModel>(input, output, same)); });
  };
  CHECK_FALSE(kind({-1, 3, -1, -1}, {-1, 3, -1, -1}).has_value());
  CHECK_FALSE(kind({-1, 3, -1, -1}, {}).has_value());
  CHECK_FALSE(kind({-1, 3, 712, 488}, {-1, 2, 45, 31}).has_value());
  CHECK(kind({1, 3, 712, 488}, {1, 3, 712, 488}) == ErrorKind::kModelFormat);
  CHECK(kind({-1, 3, -1, -1}, {-1, 1, -1, -1}) == ErrorKind::kModelFormat);
  CHECK(kind({-1, 1, -1, -1}, {-1, 2, -1, -1}) == ErrorKind::kModelFormat);
  CHECK(kind({-1, 3, -1, -1}, {-1, 4}) == ErrorKind::kModelFormat);
  CHECK(kind({-1, 3}, {-1, 3, -1, -1}) == ErrorKind::kModelFormat);
  CHECK(thrown_kind([] { DocumentUnwarper(grid_network(), 0); }) == ErrorKind::kInvalidOption);
}

TEST_CASE("networks that give something else") {
  const TestPage page(6, 4);
  for (const Shape& shape : {Shape{1, 3, 2, 2}, Shape{2, 2, 1, 2}, Shape{1, 2, 0, 2}, Shape{8}}) {
    DocumentUnwarper unwarper(grid_network({1, 3, 8, 8}, [&](const FakeModel::Tensor&) {
      return FakeModel::Tensor{std::vector<float>(12), shape};
    }));
    CHECK(thrown_kind([&] { unwarper.run(page.view()); }) == ErrorKind::kModelFormat);
  }
  for (const Shape& shape : {Shape{1, 3, 6, 4}, Shape{1, 1, 4, 6}, Shape{72}}) {
    DocumentUnwarper unwarper(page_network([&](const FakeModel::Tensor&) {
      return FakeModel::Tensor{std::vector<float>(72), shape};
    }));
    CHECK(thrown_kind([&] { unwarper.run(page.view()); }) == ErrorKind::kModelFormat);
    CHECK(thrown_kind([&] { unwarper.run({}); }) == ErrorKind::kInvalidInput);
  }
}

TEST_CASE("callers of an unwarper on many threads") {
  std::mt19937 random(48);
  const auto model = grid_network();
  DocumentUnwarper unwarper(model, 2);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    const TestPage page = TestPage::noise(random, 30 + caller, 40 + caller);
    callers.emplace_back([&, page] {
      const auto first = testing::bytes(unwarper.run(page.view()).image);
      for (int i = 0; i < 20; ++i) {
        if (testing::bytes(unwarper.run(page.view()).image) != first) ++wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
  CHECK(model->requests() == 1);
  CHECK_FALSE(model->shared_a_request());
}

}  // namespace
}  // namespace fastocr
