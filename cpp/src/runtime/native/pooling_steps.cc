#include "runtime/native/pooling_steps.h"

#include <algorithm>

namespace fastocr::native {
namespace {

// The part of the `length` pixels from `begin` on that lies on an image of `size` pixels.
ColumnRange on_image(int begin, int length, int size) {
  return {std::max(begin, 0), std::min(begin + length, size)};
}

class MaxPoolStep final : public Step {
 public:
  MaxPoolStep(const kernels::NetworkKernels& kernels, const MaxPool& pool, int from, int to)
      : Step({from}, to), kernels_(kernels), pool_(pool) {}

  void run(const Run& run) const override {
    const Image& out = (*run.images)[output];
    const ColumnRange columns = run.columns.value_or(ColumnRange{0, out.size.width});
    run.team->run(out.size.height, [&](int y, int) { pool_row(run, y, columns); });
  }

  std::optional<ColumnWindow> window() const override { return window_of(pool_); }

 private:
  // Windows between the left and the right border all at once, the others one by one.
  void pool_row(const Run& run, int y, const ColumnRange& columns) const {
    const int width = (*run.images)[inputs[0]].size.width;
    const int left = (pool_.pad_left + pool_.stride_x - 1) / pool_.stride_x;
    const int room = width + pool_.pad_left - pool_.kernel_width;
    const int right = room < 0 ? 0 : room / pool_.stride_x + 1;
    const int begin = std::clamp(left, columns.begin, columns.end);
    const int end = std::clamp(right, begin, columns.end);
    for (int x = columns.begin; x < begin; ++x) pool_windows(run, y, x, 1);
    if (begin < end) pool_windows(run, y, begin, end - begin);
    for (int x = end; x < columns.end; ++x) pool_windows(run, y, x, 1);
  }

  // `count` windows from x on, of the same part of the image but for their place.
  void pool_windows(const Run& run, int y, int x, int count) const {
    const Image &in = (*run.images)[inputs[0]], &out = (*run.images)[output];
    const ColumnRange rows =
        on_image(y * pool_.stride_y - pool_.pad_top, pool_.kernel_height, in.size.height);
    const ColumnRange columns =
        on_image(x * pool_.stride_x - pool_.pad_left, pool_.kernel_width, in.size.width);
    kernels_.largest_in_windows(in.at(rows.begin, columns.begin),
                                static_cast<std::ptrdiff_t>(in.pitch) * in.stride, in.stride,
                                rows.count(), columns.count(), pool_.stride_x, count, out.at(y, x));
  }

  const kernels::NetworkKernels& kernels_;
  MaxPool pool_;
};

}  // namespace

std::unique_ptr<Step> make_max_pool(const kernels::NetworkKernels& kernels, const MaxPool& pool,
                                    int from, int to) {
  return std::make_unique<MaxPoolStep>(kernels, pool, from, to);
}

}  // namespace fastocr::native
