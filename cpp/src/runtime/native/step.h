#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/aligned_memory.h"
#include "runtime/native/network.h"
#include "runtime/native/thread_team.h"

namespace fastocr::native {

// Column j of a step's output is made of the columns j * stride - pad to j * stride - pad + kernel
// - 1 of its input.
struct ColumnWindow {
  int kernel = 1, stride = 1, pad = 0;
};

inline ColumnWindow window_of(const SlidingWindow& w) {
  return {w.kernel_width, w.stride_x, w.pad_left};
}

// An image between two layers: pixels side by side, each with room for `stride` channels. Only some
// of its columns may be in memory.
struct Image {
  float* pixels = nullptr;  // (first_column, 0)
  ImageSize size;
  int stride = 0;
  int column_step = 0;  // as Columns::step
  int first_column = 0;
  int pitch = 0;  // pixels between two rows in memory

  int count() const { return size.height * size.width; }
  float* at(int y, int x) const {
    return pixels + (static_cast<std::ptrdiff_t>(y) * pitch + x - first_column) * stride;
  }
  // Pixels numbered row by row.
  float* at(int number) const { return at(number / size.width, number % size.width); }
};

// What a step works with: the images of one run, the threads, and memory for each of them.
struct Run {
  std::vector<Image>* images = nullptr;
  const float* input = nullptr;  // image 0, as planes
  OmittedColumns omitted;
  ThreadTeam* team = nullptr;
  std::vector<Buffer>* scratch = nullptr;  // one a thread
  Buffer* shared = nullptr;
  std::optional<ColumnRange> columns;  // of the output; only for steps that take some
};

// One layer ready to run: weights in the order the kernels read them in.
class Step {
 public:
  Step(std::vector<int> from, int to) : inputs(std::move(from)), output(to) {}
  virtual ~Step() = default;
  virtual void run(const Run& run) const = 0;
  // Which columns of its first input a column of the output is made of; nothing if it is made of
  // all, or of several images.
  virtual std::optional<ColumnWindow> window() const { return {}; }
  // Whether it obeys Run::columns, as all steps with a window do.
  virtual bool takes_columns() const { return window().has_value(); }

  const std::vector<int> inputs;
  const int output;
};

// The products of convolutions: in float, or of 16-bit or 8-bit numbers with exact sums.
enum class Arithmetic { kFloat, kFixed, kByte };

// The layers ready to run; takes the weights out of the network.
std::vector<std::unique_ptr<Step>> make_steps(Network& network, Arithmetic arithmetic);

}  // namespace fastocr::native
