#include "rectification/sampling.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "fastocr/errors.h"
#include "kernels/kernels.h"
#include "rectification/evenly_spaced.h"

namespace fastocr {
namespace {

constexpr int kStripRows = 32;

// Calls body(row, member) for all rows, strip by strip.
template <typename Body>
void for_each_row(int rows, native::ThreadTeam& team, const Body& body) {
  team.run((rows + kStripRows - 1) / kStripRows, [&](int strip, int member) {
    const int end = std::min((strip + 1) * kStripRows, rows);
    for (int y = strip * kStripRows; y < end; ++y) body(y, member);
  });
}

// The pixels of a row, as they lie between the columns of a grid.
struct Columns {
  std::vector<int> begin;        // of each gap between two columns, the first pixel; then the end
  std::vector<float> fractions;  // of each pixel
};

Columns make_columns(int width, int points) {
  Columns columns;
  columns.fractions.reserve(width);
  for (int x = 0; x < width; ++x) {
    const Position position = position_between(x, width, points);
    while (static_cast<int>(columns.begin.size()) <= position.index) columns.begin.push_back(x);
    columns.fractions.push_back(position.fraction);
  }
  columns.begin.resize(std::max(points, 2), width);
  return columns;
}

// What one thread needs to work out the places of a row.
class RowPlaces {
 public:
  RowPlaces(const SamplingGrid& grid, const Columns& columns)
      : grid_(grid),
        columns_(columns),
        points_(std::max(grid.columns(), 2)),
        xs_(grid.page().width),
        ys_(grid.page().width) {}

  void move_to(int y) {
    const Position row = position_between(y, grid_.page().height, grid_.rows());
    fill(grid_.xs(row.index), grid_.xs(row.next), row.fraction, xs_);
    fill(grid_.ys(row.index), grid_.ys(row.next), row.fraction, ys_);
  }
  const float* xs() const { return xs_.data(); }
  const float* ys() const { return ys_.data(); }

 private:
  void fill(const float* top, const float* bottom, float fraction, std::vector<float>& out) {
    for (int k = 0; k < grid_.columns(); ++k) {
      points_[k] = top[k] + fraction * (bottom[k] - top[k]);
    }
    // A second point, if there is one only.
    std::fill(points_.begin() + grid_.columns(), points_.end(), points_[0]);
    kernels::active().interpolate_points(points_.data(), columns_.begin.data(),
                                         static_cast<int>(columns_.begin.size()) - 1,
                                         columns_.fractions.data(), out.data());
  }

  const SamplingGrid& grid_;
  const Columns& columns_;
  std::vector<float> points_, xs_, ys_;
};

kernels::SampledImage sampled(const ImageView& source) {
  return {source.data, source.width, source.height, source.stride};
}

// Pixels of a source that the pixels of a result lie on.
std::vector<float> places(int size, int source_size) {
  std::vector<float> result(size);
  for (int i = 0; i < size; ++i) {
    const Position position = position_between(i, size, source_size);
    result[i] = static_cast<float>(position.index) + position.fraction;
  }
  return result;
}

}  // namespace

void sample_page(const ImageView& source, const SamplingGrid& grid, native::ThreadTeam& team,
                 Image& result) {
  const auto& kernel = kernels::active();
  const Size size = grid.page();
  if (Size{source.width, source.height} != size) {
    throw Error(ErrorKind::kInvalidInput, "the sampling grid is for a page of another size");
  }
  const Columns columns = make_columns(size.width, grid.columns());
  std::vector<RowPlaces> scratch(team.size(), RowPlaces(grid, columns));
  result.resize(size.width, size.height);
  for_each_row(size.height, team, [&](int y, int member) {
    RowPlaces& row = scratch[member];
    row.move_to(y);
    kernel.sample_row(sampled(source), row.xs(), row.ys(), size.width, result.row(y));
  });
}

void sample_page(const ImageView& source, const SamplingGrid& grid, Image& result) {
  native::ThreadTeam one(1);
  sample_page(source, grid, one, result);
}

void resize_to_planes(const ImageView& source, const Size& size, native::ThreadTeam& team,
                      float* planes) {
  const auto& kernel = kernels::active();
  const std::vector<float> xs = places(size.width, source.width);
  const std::vector<float> ys = places(size.height, source.height);
  const std::size_t plane = static_cast<std::size_t>(size.width) * size.height;
  for_each_row(size.height, team, [&](int y, int) {
    float* first = planes + static_cast<std::size_t>(y) * size.width;
    float* const rows[kChannels] = {first, first + plane, first + 2 * plane};
    kernel.sample_planes_row(sampled(source), xs.data(), ys[y], size.width, rows);
  });
}

}  // namespace fastocr
