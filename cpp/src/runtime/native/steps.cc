#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "fastocr/errors.h"
#include "runtime/native/pooling_steps.h"
#include "runtime/native/step.h"

namespace fastocr::native {
namespace {

using kernels::kChannelStep;
using kernels::NetworkKernels;

// Output pixels that one thread computes at a time: their rows stay in the second-level cache while
// all weights pass by.
constexpr int kTilePixels = 96;

// Rows of a dense product; as in kernels::DenseTask.
struct Rows {
  const float* data = nullptr;
  std::ptrdiff_t stride = 0;
  int count = 0;
  const std::ptrdiff_t* offsets = nullptr;
};

// Values with room up to a multiple of kChannelStep, zero there.
BlockVector<float> padded_values(const BlockVector<float>& values) {
  BlockVector<float> result(
      static_cast<std::size_t>(padded_channels(static_cast<int>(values.size()))));
  std::copy(values.begin(), values.end(), result.begin());
  return result;
}

// Calls body(first, count, member) for runs of at most kTilePixels of the output pixels that the
// run asks for. Pixels are numbered row by row over the whole image; a whole image is one long row.
template <typename Body>
void for_tiles(const Run& run, const ImageSize& out, const Body& body) {
  const bool whole = !run.columns;
  const int length = whole ? out.width * out.height : run.columns->count();
  const int tiles = (length + kTilePixels - 1) / kTilePixels;
  run.team->run(whole ? tiles : tiles * out.height, [&](int item, int member) {
    const int row = item / tiles, at = item % tiles * kTilePixels;
    const int first = whole ? at : row * out.width + run.columns->begin + at;
    body(first, std::min(kTilePixels, length - at), member);
  });
}

// Zeros where pixels have room beyond their channels.
void clear_padding(const Image& image, int first, int count) {
  for (int i = first; i < first + count; ++i) {
    float* pixel = image.at(i);
    std::fill(pixel + image.size.channels, pixel + image.stride, 0.0F);
  }
}

// ---- dense products -----------------------------------------------------------------------------

// A matrix [depth][outputs] packed for the kernels.
class DenseWeights {
 public:
  // The instruction set has kernels for `arithmetic`, and `depth` suits them.
  DenseWeights(const NetworkKernels& kernels, const BlockVector<float>& weights, int depth,
               int outputs, const BlockVector<float>& bias, Arithmetic arithmetic)
      : kernels_(kernels),
        depth_(depth),
        outputs_(padded_channels(outputs)),
        bias_(padded_values(bias)) {
    if (outputs == outputs_) {
      pack(weights, arithmetic);
    } else {
      pack(with_padded_outputs(weights, outputs), arithmetic);
    }
  }

  int depth() const { return depth_; }
  int outputs() const { return outputs_; }

  // Floats of scratch that `multiply` needs for `count` rows: of 16 bits at most, with a scale and
  // an offset each.
  std::size_t scratch(int count) const {
    if (floats_) return 0;
    return static_cast<std::size_t>(count) * (depth_ / 2 + 4) + 2 * kChannelStep;
  }

  // Rows in fixed point have no offsets.
  void multiply(const Rows& rows, float* scratch, float* out, std::ptrdiff_t out_stride,
                const Epilogue& epilogue) const {
    if (floats_) {
      kernels_.dense({rows.data, rows.stride, rows.offsets, rows.count, depth_, outputs_,
                      floats_->data(), bias_.data(), out, out_stride, epilogue});
      return;
    }
    float* scales = scratch;
    float* offsets = scales + padded_channels(rows.count);
    float* values = offsets + padded_channels(rows.count);
    if (bytes_) {
      auto* bytes = reinterpret_cast<std::uint8_t*>(values);
      kernels_.byte_rows(rows.data, rows.stride, rows.count, depth_, bytes, scales, offsets);
      kernels_.byte_dense({bytes, scales, offsets, rows.count, depth_, outputs_, bytes_->data(),
                           scales_.data(), sums_.data(), bias_.data(), out, out_stride, epilogue});
      return;
    }
    auto* words = reinterpret_cast<std::int16_t*>(values);
    kernels_.fix_rows(rows.data, rows.stride, rows.count, depth_, words, scales);
    kernels_.fixed_dense({words, scales, rows.count, depth_, outputs_, fixed_->data(),
                          scales_.data(), bias_.data(), out, out_stride, epilogue});
  }

 private:
  void pack(const BlockVector<float>& rows, Arithmetic arithmetic) {
    if (arithmetic == Arithmetic::kByte) {
      pack_bytes(rows);
    } else if (arithmetic == Arithmetic::kFixed) {
      pack_fixed(rows);
    } else {
      floats_.emplace(rows.size(), 0.0F);
      kernels_.pack_dense(rows.data(), depth_, outputs_, floats_->data());
    }
  }

  BlockVector<float> with_padded_outputs(const BlockVector<float>& weights, int outputs) const {
    BlockVector<float> rows(static_cast<std::size_t>(depth_) * outputs_);
    for (int k = 0; k < depth_; ++k) {
      std::copy_n(weights.begin() + static_cast<std::ptrdiff_t>(k) * outputs, outputs,
                  rows.begin() + static_cast<std::ptrdiff_t>(k) * outputs_);
    }
    return rows;
  }

  // For each output the smallest scale that lets its weights reach `largest`, and the norm of no
  // kFixedBlock of them pass `norm`.
  void set_scales(const BlockVector<float>& rows, double largest, double norm) {
    std::vector<double> highest(static_cast<std::size_t>(outputs_)), norms(highest.size());
    for (int begin = 0; begin < depth_; begin += kernels::kFixedBlock) {
      std::vector<double> squares(highest.size());
      for (int k = begin; k < std::min(depth_, begin + kernels::kFixedBlock); ++k) {
        for (int o = 0; o < outputs_; ++o) {
          const double w = rows[static_cast<std::size_t>(k) * outputs_ + o];
          squares[o] += w * w;
          highest[o] = std::max(highest[o], std::abs(w));
        }
      }
      for (int o = 0; o < outputs_; ++o) norms[o] = std::max(norms[o], std::sqrt(squares[o]));
    }
    scales_.resize(highest.size());
    for (int o = 0; o < outputs_; ++o) {
      scales_[o] = static_cast<float>(std::max(highest[o] / largest, norms[o] / norm));
    }
  }

  template <typename T>
  BlockVector<T> rounded(const BlockVector<float>& rows) const {
    BlockVector<T> values(rows.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const float scale = scales_[i % outputs_];
      values[i] = scale > 0 ? static_cast<T>(std::lround(rows[i] / scale)) : 0;
    }
    return values;
  }

  void pack_fixed(const BlockVector<float>& rows) {
    set_scales(rows, kernels::kLargestFixed, kernels::kFixedNorm);
    const auto words = rounded<std::int16_t>(rows);
    fixed_.emplace(words.size(), std::int16_t{0});
    kernels_.pack_fixed_dense(words.data(), depth_, outputs_, fixed_->data());
  }

  void pack_bytes(const BlockVector<float>& rows) {
    set_scales(rows, kernels::kLargestByte, std::numeric_limits<double>::infinity());
    const auto bytes = rounded<std::int8_t>(rows);
    sums_.resize(scales_.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      sums_[i % outputs_] += scales_[i % outputs_] * static_cast<float>(bytes[i]);
    }
    bytes_.emplace(bytes.size(), std::int8_t{0});
    kernels_.pack_byte_dense(bytes.data(), depth_, outputs_, bytes_->data());
  }

  const NetworkKernels& kernels_;
  int depth_, outputs_;
  BlockVector<float> bias_;
  // One of the three.
  std::optional<BlockVector<float>> floats_;
  std::optional<BlockVector<std::int16_t>> fixed_;
  std::optional<BlockVector<std::int8_t>> bytes_;
  BlockVector<float> scales_;
  BlockVector<float> sums_;  // of the weights of each output, for rows with an offset
};

// ---- depthwise convolution ----------------------------------------------------------------------

class DepthwiseWeights {
 public:
  DepthwiseWeights(const NetworkKernels& kernels, Convolution c)
      : kernels_(kernels), c_(std::move(c)), bias_(padded_values(c_.bias)) {
    const int channels = padded_channels(c_.out_channels);
    for (int y = 0; y < c_.kernel_height; ++y) {
      for (int block = 0; block < channels; block += kChannelStep) {
        for (int x = 0; x < c_.kernel_width; ++x) {
          const int tap = y * c_.kernel_width + x;
          for (int k = block; k < block + kChannelStep; ++k) {
            const bool real = k < c_.out_channels;
            weights_.push_back(real ? c_.weights[tap * c_.out_channels + k] : 0);
          }
        }
      }
    }
    c_.weights.clear();
  }

  // Output pixels first .. first + count - 1, in the order of reading.
  void compute(const Image& in, int out_width, int first, int count, float* out) const {
    kernels::DepthwiseTask task;
    task.image = in.pixels;
    task.height = in.size.height;
    task.width = in.size.width;
    task.first_column = in.first_column;
    task.pitch = in.pitch;
    task.channels = in.stride;
    task.kernel_height = c_.kernel_height;
    task.kernel_width = c_.kernel_width;
    task.stride_y = c_.stride_y;
    task.stride_x = c_.stride_x;
    task.pad_top = c_.pad_top;
    task.pad_left = c_.pad_left;
    task.weights = weights_.data();
    task.bias = bias_.data();
    task.epilogue = c_.epilogue;
    while (count > 0) {
      task.y = first / out_width;
      task.begin = first % out_width;
      task.end = std::min(out_width, task.begin + count);
      task.out = out;
      kernels_.depthwise(task);
      const int done = task.end - task.begin;
      first += done;
      count -= done;
      out += static_cast<std::ptrdiff_t>(done) * in.stride;
    }
  }

  ColumnWindow window() const { return window_of(c_); }

 private:
  const NetworkKernels& kernels_;
  Convolution c_;
  BlockVector<float> bias_, weights_;
};

class DepthwiseStep final : public Step {
 public:
  DepthwiseStep(const NetworkKernels& kernels, Convolution c, int from, int to)
      : Step({from}, to), weights_(kernels, std::move(c)) {}

  void run(const Run& run) const override {
    const Image &in = (*run.images)[inputs[0]], &out = (*run.images)[output];
    for_tiles(run, out.size, [&](int first, int count, int) {
      weights_.compute(in, out.size.width, first, count, out.at(first));
    });
  }

  std::optional<ColumnWindow> window() const override { return weights_.window(); }

 private:
  DepthwiseWeights weights_;
};

// ---- convolution --------------------------------------------------------------------------------

// Where the rows of a dense product come from.
class RowSource {
 public:
  virtual ~RowSource() = default;
  // Floats of scratch for `count` rows.
  virtual std::size_t scratch(const Run& run, int count) const = 0;
  // As Step::window.
  virtual std::optional<ColumnWindow> window() const { return {}; }
  // The rows of output pixels first .. first + count - 1, or of the first few of them.
  virtual Rows rows(const Run& run, const ImageSize& out, int first, int count,
                    float* scratch) const = 0;
};

class PixelRows final : public RowSource {
 public:
  explicit PixelRows(int input) : input_(input) {}
  std::optional<ColumnWindow> window() const override { return ColumnWindow{}; }
  std::size_t scratch(const Run&, int) const override { return 0; }
  Rows rows(const Run& run, const ImageSize&, int first, int count, float*) const override {
    const Image& in = (*run.images)[input_];
    return {in.at(first), in.stride, count};
  }

 private:
  int input_;
};

// Pixels that a depthwise convolution makes on the way.
class DepthwiseRows final : public RowSource {
 public:
  DepthwiseRows(const NetworkKernels& kernels, Convolution c, int input)
      : input_(input), weights_(kernels, std::move(c)) {}
  std::optional<ColumnWindow> window() const override { return weights_.window(); }
  std::size_t scratch(const Run& run, int count) const override {
    return static_cast<std::size_t>(count) * (*run.images)[input_].stride;
  }
  Rows rows(const Run& run, const ImageSize& out, int first, int count,
            float* scratch) const override {
    const Image& in = (*run.images)[input_];
    weights_.compute(in, out.width, first, count, scratch);
    return {scratch, in.stride, count};
  }

 private:
  int input_;
  DepthwiseWeights weights_;
};

// The windows of a convolution. Those that lie on the image are read in place, others are copied
// side by side ("im2col").
class WindowRows : public RowSource {
 public:
  WindowRows(const Convolution& c, int input)
      : input_(input),
        channels_(c.in_channels),
        height_(c.kernel_height),
        width_(c.kernel_width),
        columns_(window_of(c)),
        stride_y_(c.stride_y),
        pad_top_(c.pad_top) {}

  std::size_t scratch(const Run&, int count) const override {
    return std::max<std::size_t>(count, 2) * depth();  // windows or offsets
  }

  Rows rows(const Run& run, const ImageSize& out, int first, int count,
            float* scratch) const final {
    const ImageSize& in = (*run.images)[input_].size;
    const int y = first / out.width, x = first % out.width;
    const int in_row = std::min(count, out.width - x);
    const int top = y * stride_y_ - pad_top_, left = x * columns_.stride - columns_.pad;
    const bool rows_inside = top >= 0 && top + height_ <= in.height;
    const int room = in.width - width_ - left;
    if (rows_inside && left >= 0 && room >= 0 && reads_in_place()) {
      auto* offsets = reinterpret_cast<std::ptrdiff_t*>(scratch);
      Rows rows = in_place(run, top, left, offsets);
      rows.stride *= columns_.stride;
      rows.count = std::min(in_row, room / columns_.stride + 1);
      rows.offsets = offsets;
      return rows;
    }
    // The left border is narrow; a row above or below the image is all border.
    const int copied = rows_inside && left < 0 && reads_in_place() ? 1 : in_row;
    for (int i = 0; i < copied; ++i) {
      copy(run, top, left + i * columns_.stride,
           scratch + static_cast<std::ptrdiff_t>(i) * depth());
    }
    return {scratch, depth(), copied};
  }

 protected:
  int depth() const { return channels_ * height_ * width_; }

  virtual bool reads_in_place() const { return true; }
  // The window at (left, top), the distance to that one pixel further, and the offsets of its
  // values.
  virtual Rows in_place(const Run& run, int top, int left, std::ptrdiff_t* offsets) const = 0;
  // Zeros where the window lies beyond the image.
  virtual void copy(const Run& run, int top, int left, float* out) const = 0;

  const int input_, channels_, height_, width_;
  const ColumnWindow columns_;

 private:
  const int stride_y_, pad_top_;
};

// [y][x][channel]
class PixelWindowRows final : public WindowRows {
 public:
  PixelWindowRows(const Convolution& c, int input, Arithmetic arithmetic)
      : WindowRows(c, input), arithmetic_(arithmetic) {}

 private:
  // Rows in fixed point have no offsets.
  bool reads_in_place() const override { return arithmetic_ == Arithmetic::kFloat; }

  Rows in_place(const Run& run, int top, int left, std::ptrdiff_t* offsets) const override {
    const Image& in = (*run.images)[input_];
    for (int y = 0; y < height_; ++y) {
      for (int x = 0; x < width_; ++x) {
        std::iota(offsets, offsets + channels_, in.at(y, x) - in.at(0, 0));
        offsets += channels_;
      }
    }
    return {in.at(top, left), in.stride};
  }

  void copy(const Run& run, int top, int left, float* out) const override {
    const Image& in = (*run.images)[input_];
    for (int y = top; y < top + height_; ++y) {
      for (int x = left; x < left + width_; ++x) {
        const bool inside = y >= 0 && y < in.size.height && x >= 0 && x < in.size.width;
        out = inside ? std::copy_n(in.at(y, x), channels_, out) : std::fill_n(out, channels_, 0.0F);
      }
    }
  }

  const Arithmetic arithmetic_;
};

// Windows of the network's input, which comes as planes: [y][channel][x].
class PlaneWindowRows final : public WindowRows {
 public:
  explicit PlaneWindowRows(const Convolution& c) : WindowRows(c, 0) {}

  // From [y][x][channel] to the order of these rows.
  static BlockVector<float> reordered(const Convolution& c) {
    BlockVector<float> weights(c.weights.size());
    std::size_t to = 0;
    for (int y = 0; y < c.kernel_height; ++y) {
      for (int channel = 0; channel < c.in_channels; ++channel) {
        for (int x = 0; x < c.kernel_width; ++x, ++to) {
          const int from = (y * c.kernel_width + x) * c.in_channels + channel;
          std::copy_n(c.weights.begin() + static_cast<std::ptrdiff_t>(from) * c.out_channels,
                      c.out_channels,
                      weights.begin() + static_cast<std::ptrdiff_t>(to) * c.out_channels);
        }
      }
    }
    return weights;
  }

  std::optional<ColumnWindow> window() const override { return columns_; }

 private:
  static std::ptrdiff_t place(const ImageSize& in, int channel, int y, int x) {
    return (static_cast<std::ptrdiff_t>(channel) * in.height + y) * in.width + x;
  }

  Rows in_place(const Run& run, int top, int left, std::ptrdiff_t* offsets) const override {
    const ImageSize& in = (*run.images)[0].size;
    for (int y = 0; y < height_; ++y) {
      for (int c = 0; c < channels_; ++c) {
        std::iota(offsets, offsets + width_, place(in, c, y, 0));
        offsets += width_;
      }
    }
    return {run.input + place(in, 0, top, left), 1};
  }

  void copy(const Run& run, int top, int left, float* out) const override {
    const ImageSize& in = (*run.images)[0].size;
    for (int y = top; y < top + height_; ++y) {
      for (int c = 0; c < channels_; ++c) {
        for (int x = left; x < left + width_; ++x) {
          const bool inside = y >= 0 && y < in.height && x >= 0 && x < in.width;
          *out++ = inside ? run.input[place(in, c, y, x)] : 0;
        }
      }
    }
  }
};

class DenseStep final : public Step {
 public:
  DenseStep(std::unique_ptr<RowSource> source, DenseWeights weights, const Epilogue& epilogue,
            int from, int to)
      : Step({from}, to),
        source_(std::move(source)),
        weights_(std::move(weights)),
        epilogue_(epilogue) {}

  void run(const Run& run) const override {
    const Image& out = (*run.images)[output];
    const std::size_t source_floats = source_->scratch(run, kTilePixels);
    for_tiles(run, out.size, [&](int first, int count, int member) {
      Buffer& buffer = (*run.scratch)[member];
      buffer.reserve((source_floats + kChannelStep + weights_.scratch(count)) * sizeof(float));
      auto* scratch = buffer.as<float>();
      float* rest = scratch + padded_channels(static_cast<int>(source_floats));
      for (const int end = first + count; first < end;) {
        const Rows rows = source_->rows(run, out.size, first, end - first, scratch);
        weights_.multiply(rows, rest, out.at(first), out.stride, epilogue_);
        first += rows.count;
      }
    });
  }

  std::optional<ColumnWindow> window() const override { return source_->window(); }
  bool takes_columns() const override { return true; }

 private:
  std::unique_ptr<RowSource> source_;
  DenseWeights weights_;
  Epilogue epilogue_;
};

// All pixels that come of one input pixel are one row of a dense product.
class TransposedStep final : public Step {
 public:
  TransposedStep(const NetworkKernels& kernels, const TransposedConvolution& c,
                 Arithmetic arithmetic, int from, int to)
      : Step({from}, to),
        factor_(c.factor),
        channels_(c.out_channels),
        weights_(kernels, c.weights, c.in_channels, c.factor * c.factor * c.out_channels,
                 repeated(c.bias, c.factor * c.factor), arithmetic),
        epilogue_(c.epilogue) {}

  void run(const Run& run) const override {
    const Image &in = (*run.images)[inputs[0]], &out = (*run.images)[output];
    for_tiles(run, in.size, [&](int first, int count, int member) {
      const std::size_t floats = static_cast<std::size_t>(count) * weights_.outputs();
      Buffer& buffer = (*run.scratch)[member];
      buffer.reserve((floats + weights_.scratch(count)) * sizeof(float));
      auto* rows = buffer.as<float>();
      weights_.multiply({in.at(first), in.stride, count}, rows + floats, rows, weights_.outputs(),
                        epilogue_);
      for (int i = 0; i < count; ++i, rows += weights_.outputs()) {
        scatter(rows, (first + i) / in.size.width, (first + i) % in.size.width, out);
      }
    });
  }

 private:
  static BlockVector<float> repeated(const BlockVector<float>& bias, int times) {
    BlockVector<float> result;
    for (int i = 0; i < times; ++i) result.insert(result.end(), bias.begin(), bias.end());
    return result;
  }

  void scatter(const float* row, int y, int x, const Image& out) const {
    for (int dy = 0; dy < factor_; ++dy) {
      const std::ptrdiff_t pixel =
          static_cast<std::ptrdiff_t>(y * factor_ + dy) * out.size.width + x * factor_;
      float* to = out.pixels + pixel * out.stride;
      for (int dx = 0; dx < factor_; ++dx, to += out.stride, row += channels_) {
        std::copy_n(row, channels_, to);
        std::fill(to + channels_, to + out.stride, 0.0F);
      }
    }
  }

  int factor_, channels_;
  DenseWeights weights_;
  Epilogue epilogue_;
};

// What an output row (or column) at one place within an enlarged pixel sees of the pixels before
// the enlargement: the first one the pixel above and its own, the last one its own and the one
// below, those between only their own.
struct EnlargedTaps {
  int first, count;             // pixels relative to the own one
  int place, places;            // within the enlarged pixel
  std::array<int, 3> pixel_of;  // which of them each tap of the kernel meets
};

std::vector<EnlargedTaps> enlarged_taps(int factor) {
  std::vector<EnlargedTaps> taps{{-1, 2, 0, 1, {0, 1, 1}}};
  if (factor > 2) taps.push_back({0, 1, 1, factor - 2, {0, 0, 0}});
  taps.push_back({0, 2, factor - 1, 1, {0, 0, 1}});
  return taps;
}

// Nine (or four) small convolutions before the enlargement, each for some of the places.
class UpsampledStep final : public Step {
 public:
  UpsampledStep(const NetworkKernels& kernels, const UpsampledConvolution& c, std::vector<int> from,
                int to)
      : Step(std::move(from), to),
        kernels_(kernels),
        factor_(c.factor),
        channels_(c.convolution.in_channels),
        epilogue_(c.convolution.epilogue) {
    for (const EnlargedTaps& y : enlarged_taps(factor_)) {
      for (const EnlargedTaps& x : enlarged_taps(factor_)) {
        // The bias belongs to one of the terms of the sum: the first.
        parts_.push_back({y, x, weights(c.convolution, y, x)});
      }
    }
  }

  void run(const Run& run) const override {
    const Image &in = (*run.images)[inputs[0]], &out = (*run.images)[output];
    const Image& sum = (*run.images)[inputs[1]];
    for_tiles(run, in.size, [&](int first, int count, int member) {
      const std::size_t windows = static_cast<std::size_t>(kTilePixels) * 4 * channels_;
      Buffer& buffer = (*run.scratch)[member];
      buffer.reserve((windows + static_cast<std::size_t>(kTilePixels) * out.stride) *
                     sizeof(float));
      auto* rows = buffer.as<float>();
      float* products = rows + padded_channels(static_cast<int>(windows));
      for (const Part& part : parts_) {
        copy_windows(in, part, first, count, rows);
        part.weights.multiply({rows, part.weights.depth(), count}, nullptr, products, out.stride,
                              {});
        for (int i = 0; i < count; ++i) {
          add_to_places(part, (first + i) / in.size.width, (first + i) % in.size.width,
                        products + static_cast<std::ptrdiff_t>(i) * out.stride, sum, out);
        }
      }
    });
  }

 private:
  struct Part {
    EnlargedTaps y, x;
    DenseWeights weights;
  };

  DenseWeights weights(const Convolution& c, const EnlargedTaps& y, const EnlargedTaps& x) const {
    const std::size_t pixel = static_cast<std::size_t>(c.in_channels) * c.out_channels;
    BlockVector<float> sums(pixel * y.count * x.count);
    for (int ky = 0; ky < 3; ++ky) {
      for (int kx = 0; kx < 3; ++kx) {
        const float* from = c.weights.data() + pixel * (3 * ky + kx);
        float* to = sums.data() + pixel * (y.pixel_of[ky] * x.count + x.pixel_of[kx]);
        for (std::size_t i = 0; i < pixel; ++i) to[i] += from[i];
      }
    }
    return {kernels_,       sums,   c.in_channels * y.count * x.count,
            c.out_channels, c.bias, Arithmetic::kFloat};
  }

  void copy_windows(const Image& in, const Part& part, int first, int count, float* out) const {
    for (int i = 0; i < count; ++i) {
      const int top = (first + i) / in.size.width + part.y.first;
      const int left = (first + i) % in.size.width + part.x.first;
      for (int y = top; y < top + part.y.count; ++y) {
        for (int x = left; x < left + part.x.count; ++x, out += channels_) {
          if (y < 0 || y >= in.size.height || x < 0 || x >= in.size.width) {
            std::fill_n(out, channels_, 0.0F);
          } else {
            const std::ptrdiff_t pixel = static_cast<std::ptrdiff_t>(y) * in.size.width + x;
            std::copy_n(in.pixels + pixel * in.stride, channels_, out);
          }
        }
      }
    }
  }

  void add_to_places(const Part& part, int y, int x, const float* product, const Image& sum,
                     const Image& out) const {
    for (int dy = part.y.place; dy < part.y.place + part.y.places; ++dy) {
      const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(y * factor_ + dy) * out.size.width;
      for (int dx = part.x.place; dx < part.x.place + part.x.places; ++dx) {
        const std::ptrdiff_t at = (row + x * factor_ + dx) * out.stride;
        for (int c = 0; c < out.stride; ++c) out.pixels[at + c] = sum.pixels[at + c] + product[c];
        if (!is_identity(epilogue_)) {
          kernels_.activate(out.pixels + at, out.stride, epilogue_, out.pixels + at);
        }
      }
    }
  }

  const NetworkKernels& kernels_;
  int factor_, channels_;
  Epilogue epilogue_;
  std::vector<Part> parts_;
};

// The two convolutions become one when the factors are known.
class ScaledStep final : public Step {
 public:
  ScaledStep(const NetworkKernels& kernels, ScaledConvolution c, std::vector<int> from, int to)
      : Step(std::move(from), to),
        kernels_(kernels),
        c_(std::move(c)),
        outputs_(padded_channels(c_.outer.out_channels)),
        bias_(padded_values(c_.outer.bias)),
        rows_(composed_shape(), inputs[0], Arithmetic::kFloat) {}

  void run(const Run& run) const override {
    const Image& out = (*run.images)[output];
    const int depth = taps() * c_.inner.in_channels;
    const std::size_t size = static_cast<std::size_t>(depth) * outputs_;
    run.shared->reserve(2 * size * sizeof(float));
    auto* composed = run.shared->as<float>();
    compose((*run.images)[inputs[1]].pixels, composed);
    kernels_.pack_dense(composed, depth, outputs_, composed + size);
    for_tiles(run, out.size, [&](int first, int count, int member) {
      Buffer& buffer = (*run.scratch)[member];
      buffer.reserve(rows_.scratch(run, count) * sizeof(float));
      for (const int end = first + count; first < end;) {
        const Rows rows = rows_.rows(run, out.size, first, end - first, buffer.as<float>());
        kernels_.dense({rows.data, rows.stride, rows.offsets, rows.count, depth, outputs_,
                        composed + size, bias_.data(), out.at(first), out.stride,
                        c_.outer.epilogue});
        first += rows.count;
      }
    });
  }

 private:
  int taps() const { return c_.outer.kernel_height * c_.outer.kernel_width; }

  Convolution composed_shape() const {
    Convolution shape = c_.outer;
    shape.in_channels = c_.inner.in_channels;
    return shape;
  }

  // composed[tap][in][out] = sum over m of inner[in][m] * (factor[m] + bias) * outer[tap][m][out].
  void compose(const float* factors, float* composed) const {
    const int between = c_.inner.out_channels, outs = c_.outer.out_channels;
    std::fill_n(composed, static_cast<std::ptrdiff_t>(taps()) * c_.inner.in_channels * outputs_,
                0.0F);
    for (int t = 0; t < taps(); ++t) {
      for (int i = 0; i < c_.inner.in_channels; ++i, composed += outputs_) {
        for (int m = 0; m < between; ++m) {
          const float weight =
              c_.inner.weights[static_cast<std::size_t>(i) * between + m] * (factors[m] + c_.bias);
          const float* outer =
              c_.outer.weights.data() + (static_cast<std::ptrdiff_t>(t) * between + m) * outs;
          for (int o = 0; o < outs; ++o) composed[o] += weight * outer[o];
        }
      }
    }
  }

  const NetworkKernels& kernels_;
  ScaledConvolution c_;
  int outputs_;
  BlockVector<float> bias_;
  PixelWindowRows rows_;
};

// ---- the other layers ---------------------------------------------------------------------------

// What the omitted columns are in an image of another width.
OmittedColumns omitted_in(const Run& run, const Image& image) {
  if (image.column_step == 0 || run.omitted.count == 0) return {};
  const int at = std::min(run.omitted.at / image.column_step, image.size.width - 1);
  return {at, run.omitted.count / image.column_step};
}

class GlobalMeanStep final : public Step {
 public:
  GlobalMeanStep(const NetworkKernels& kernels, int from, int to)
      : Step({from}, to), kernels_(kernels) {}

  // Sums of rows in float, their total in double: the result does not depend on the threads.
  void run(const Run& run) const override {
    const Image &in = (*run.images)[inputs[0]], &out = (*run.images)[output];
    const OmittedColumns omitted = omitted_in(run, in);
    const auto copies = static_cast<float>(omitted.count);
    run.shared->reserve(static_cast<std::size_t>(in.size.height) * in.stride * sizeof(float));
    auto* sums = run.shared->as<float>();
    run.team->run(in.size.height, [&](int y, int) {
      float* row = sums + static_cast<std::ptrdiff_t>(y) * in.stride;
      const float* pixels = in.pixels + static_cast<std::ptrdiff_t>(y) * in.size.width * in.stride;
      std::fill(row, row + in.stride, 0.0F);
      kernels_.sum_pixels(pixels, in.size.width, in.stride, nullptr, row);
      if (omitted.count == 0) return;
      kernels_.sum_pixels(pixels + static_cast<std::ptrdiff_t>(omitted.at) * in.stride, 1,
                          in.stride, &copies, row);
    });
    const double count = static_cast<double>(in.size.width + omitted.count) * in.size.height;
    for (int c = 0; c < in.stride; ++c) {
      double total = 0;
      for (int y = 0; y < in.size.height; ++y) {
        total += sums[static_cast<std::ptrdiff_t>(y) * in.stride + c];
      }
      out.pixels[c] = static_cast<float>(total / count);
    }
  }

 private:
  const NetworkKernels& kernels_;
};

class ChannelScaleStep final : public Step {
 public:
  ChannelScaleStep(const NetworkKernels& kernels, float bias, std::vector<int> from, int to)
      : Step(std::move(from), to), kernels_(kernels), bias_(bias) {}

  void run(const Run& run) const override {
    const Image &in = (*run.images)[inputs[0]], &out = (*run.images)[output];
    const float* factors = (*run.images)[inputs[1]].pixels;
    for_tiles(run, in.size, [&](int first, int count, int) {
      kernels_.scale_channels(in.at(first), count, in.stride, factors, bias_, out.at(first));
    });
  }

  std::optional<ColumnWindow> window() const override { return ColumnWindow{}; }

 private:
  const NetworkKernels& kernels_;
  float bias_;
};

class SumStep final : public Step {
 public:
  SumStep(const NetworkKernels& kernels, std::vector<int> from, int to)
      : Step(std::move(from), to), kernels_(kernels) {}

  void run(const Run& run) const override {
    const Image &a = (*run.images)[inputs[0]], &b = (*run.images)[inputs[1]];
    const Image& out = (*run.images)[output];
    for_tiles(run, a.size, [&](int first, int count, int) {
      kernels_.add(a.at(first), b.at(first), static_cast<std::ptrdiff_t>(count) * a.stride,
                   out.at(first));
    });
  }

  bool takes_columns() const override { return true; }

 private:
  const NetworkKernels& kernels_;
};

class UpsampleStep final : public Step {
 public:
  UpsampleStep(int factor, int from, int to) : Step({from}, to), factor_(factor) {}

  void run(const Run& run) const override {
    const Image &in = (*run.images)[inputs[0]], &out = (*run.images)[output];
    run.team->run(out.size.height, [&](int y, int) {
      const float* from =
          in.pixels + static_cast<std::ptrdiff_t>(y / factor_) * in.size.width * in.stride;
      float* to = out.pixels + static_cast<std::ptrdiff_t>(y) * out.size.width * out.stride;
      for (int x = 0; x < in.size.width; ++x, from += in.stride) {
        for (int i = 0; i < factor_; ++i, to += out.stride) std::copy_n(from, in.stride, to);
      }
    });
  }

 private:
  int factor_;
};

class ConcatenationStep final : public Step {
 public:
  using Step::Step;

  void run(const Run& run) const override {
    const Image& out = (*run.images)[output];
    for_tiles(run, out.size, [&](int first, int count, int) {
      for (int i = first; i < first + count; ++i) {
        float* to = out.at(i);
        float* const end = to + out.stride;
        for (const int input : inputs) {
          const Image& in = (*run.images)[input];
          to = std::copy_n(in.at(i), in.size.channels, to);
        }
        std::fill(to, end, 0.0F);
      }
    });
  }

  bool takes_columns() const override { return true; }
};

class AveragePoolStep final : public Step {
 public:
  AveragePoolStep(const NetworkKernels& kernels, const AveragePool& pool, int from, int to)
      : Step({from}, to), kernels_(kernels), pool_(pool) {}

  void run(const Run& run) const override {
    const Image &in = (*run.images)[inputs[0]], &out = (*run.images)[output];
    const std::ptrdiff_t stride = static_cast<std::ptrdiff_t>(in.pitch) * in.stride;
    const ColumnRange columns = run.columns.value_or(ColumnRange{0, out.size.width});
    run.team->run(out.size.height, [&](int y, int) {
      kernels_.average_windows(in.at(y * pool_.height, columns.begin * pool_.width), stride,
                               in.stride, pool_.height, pool_.width, columns.count(),
                               out.at(y, columns.begin));
    });
  }

  std::optional<ColumnWindow> window() const override {
    return ColumnWindow{pool_.width, pool_.width, 0};
  }

 private:
  const NetworkKernels& kernels_;
  AveragePool pool_;
};

class LayerNormStep final : public Step {
 public:
  LayerNormStep(const NetworkKernels& kernels, LayerNorm norm, int from, int to)
      : Step({from}, to), kernels_(kernels), norm_(std::move(norm)) {}

  void run(const Run& run) const override {
    const Image &in = (*run.images)[inputs[0]], &out = (*run.images)[output];
    kernels_.normalize_rows(in.pixels, in.stride, in.count(), in.size.channels, norm_.epsilon,
                            norm_.gain.data(), norm_.bias.data(), out.pixels);
    clear_padding(out, 0, out.count());
  }

 private:
  const NetworkKernels& kernels_;
  LayerNorm norm_;
};

class AttentionStep final : public Step {
 public:
  AttentionStep(const NetworkKernels& kernels, const Attention& attention, int from, int to)
      : Step({from}, to), kernels_(kernels), attention_(attention) {}

  void run(const Run& run) const override {
    const Image &in = (*run.images)[inputs[0]], &out = (*run.images)[output];
    const std::ptrdiff_t floats = kernels::attention_scratch(in.size.width, attention_.head_size);
    const OmittedColumns omitted = omitted_in(run, in);
    run.shared->reserve((static_cast<std::size_t>(floats) + in.size.width) * sizeof(float));
    float* weights = run.shared->as<float>() + floats;
    std::fill_n(weights, in.size.width, 1.0F);
    weights[omitted.at] += static_cast<float>(omitted.count);
    std::fill_n(out.pixels, static_cast<std::ptrdiff_t>(out.count()) * out.stride, 0.0F);
    kernels_.attention({in.pixels, in.stride, in.size.width, attention_.heads, attention_.head_size,
                        attention_.scale, weights, out.pixels, out.stride,
                        run.shared->as<float>()});
  }

 private:
  const NetworkKernels& kernels_;
  Attention attention_;
};

class ElementWiseStep final : public Step {
 public:
  ElementWiseStep(const NetworkKernels& kernels, const Epilogue& epilogue, int from, int to)
      : Step({from}, to), kernels_(kernels), epilogue_(epilogue) {}

  void run(const Run& run) const override {
    const Image &in = (*run.images)[inputs[0]], &out = (*run.images)[output];
    for_tiles(run, in.size, [&](int first, int count, int) {
      kernels_.activate(in.at(first), static_cast<std::ptrdiff_t>(count) * in.stride, epilogue_,
                        out.at(first));
    });
  }

  std::optional<ColumnWindow> window() const override { return ColumnWindow{}; }

 private:
  const NetworkKernels& kernels_;
  Epilogue epilogue_;
};

class SoftmaxStep final : public Step {
 public:
  SoftmaxStep(const NetworkKernels& kernels, int from, int to)
      : Step({from}, to), kernels_(kernels) {}

  void run(const Run& run) const override {
    const Image &in = (*run.images)[inputs[0]], &out = (*run.images)[output];
    for_tiles(run, in.size, [&](int first, int count, int) {
      kernels_.softmax_rows(in.at(first), in.stride, count, in.size.channels, out.at(first),
                            out.stride);
      clear_padding(out, first, count);
    });
  }

 private:
  const NetworkKernels& kernels_;
};

// ---- from layers to steps -----------------------------------------------------------------------

class StepMaker {
 public:
  StepMaker(Network& network, Arithmetic arithmetic)
      : network_(network), arithmetic_(arithmetic), kernels_(kernels::active_network()) {
    for (const Layer& layer : network.layers) {
      for (const int input : layer.inputs) ++uses_[input];
    }
    ++uses_[network.output];
  }

  std::vector<std::unique_ptr<Step>> run() {
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
      Layer& layer = network_.layers[i];
      if (joins_next(layer)) {
        joined_[layer.output] = &layer;
        continue;
      }
      note_single_pixel(layer);
      check_input(layer);
      steps_.push_back(
          std::visit([&](auto& operation) { return make(operation, layer); }, layer.operation));
    }
    return std::move(steps_);
  }

 private:
  // A depthwise convolution whose pixels only one pointwise convolution reads.
  bool joins_next(const Layer& layer) const {
    const auto* c = std::get_if<Convolution>(&layer.operation);
    if (c == nullptr || !c->depthwise || layer.inputs[0] == 0 || uses_.at(layer.output) != 1) {
      return false;
    }
    for (const Layer& next : network_.layers) {
      if (next.inputs.size() != 1 || next.inputs[0] != layer.output) continue;
      const auto* dense = std::get_if<Convolution>(&next.operation);
      return dense != nullptr && dense->pointwise();
    }
    return false;
  }

  // What follows a mean over the whole image costs nothing: there precision is free.
  void note_single_pixel(const Layer& layer) {
    const bool mean = std::holds_alternative<GlobalMean>(layer.operation);
    const bool follows = layer.inputs.size() == 1 && single_pixel_.contains(layer.inputs[0]);
    if (mean || follows) single_pixel_.insert(layer.output);
  }

  // The input comes as planes, which only a dense convolution reads.
  static void check_input(const Layer& layer) {
    const bool reads = std::find(layer.inputs.begin(), layer.inputs.end(), 0) != layer.inputs.end();
    const auto* c = std::get_if<Convolution>(&layer.operation);
    if (reads && (c == nullptr || c->depthwise)) {
      throw Error(ErrorKind::kModelFormat,
                  "the native engine cannot run this network: it begins with another layer than a "
                  "convolution");
    }
  }

  using Made = std::unique_ptr<Step>;

  Made make(Convolution& c, const Layer& layer) {
    const int input = layer.inputs[0];
    if (c.depthwise) {
      return std::make_unique<DepthwiseStep>(kernels_, std::move(c), input, layer.output);
    }
    const int depth = c.in_channels * c.kernel_height * c.kernel_width;
    const bool exact = input == 0 || c.over_tokens || single_pixel_.contains(input);
    const Arithmetic arithmetic = exact ? Arithmetic::kFloat : arithmetic_of(depth);
    const auto weights = input == 0 ? PlaneWindowRows::reordered(c) : std::move(c.weights);
    DenseWeights dense(kernels_, weights, depth, c.out_channels, c.bias, arithmetic);
    const auto before = joined_.find(input);
    const int reads = before == joined_.end() ? input : before->second->inputs[0];
    return std::make_unique<DenseStep>(source(c, input, arithmetic), std::move(dense), c.epilogue,
                                       reads, layer.output);
  }

  std::unique_ptr<RowSource> source(const Convolution& c, int input, Arithmetic arithmetic) {
    if (input == 0) return std::make_unique<PlaneWindowRows>(c);
    const auto before = joined_.find(input);
    if (before != joined_.end()) {
      auto& depthwise = std::get<Convolution>(before->second->operation);
      return std::make_unique<DepthwiseRows>(kernels_, std::move(depthwise),
                                             before->second->inputs[0]);
    }
    if (c.pointwise()) return std::make_unique<PixelRows>(input);
    return std::make_unique<PixelWindowRows>(c, input, arithmetic);
  }

  Made make(TransposedConvolution& c, const Layer& layer) {
    return std::make_unique<TransposedStep>(kernels_, c, arithmetic_of(c.in_channels),
                                            layer.inputs[0], layer.output);
  }
  Made make(UpsampledConvolution& c, const Layer& layer) {
    return std::make_unique<UpsampledStep>(kernels_, c, layer.inputs, layer.output);
  }
  Made make(ScaledConvolution& c, const Layer& layer) {
    return std::make_unique<ScaledStep>(kernels_, c, layer.inputs, layer.output);
  }
  Made make(GlobalMean&, const Layer& layer) {
    return std::make_unique<GlobalMeanStep>(kernels_, layer.inputs[0], layer.output);
  }
  Made make(ChannelScale& s, const Layer& layer) {
    return std::make_unique<ChannelScaleStep>(kernels_, s.bias, layer.inputs, layer.output);
  }
  Made make(Sum&, const Layer& layer) {
    return std::make_unique<SumStep>(kernels_, layer.inputs, layer.output);
  }
  Made make(Upsample& u, const Layer& layer) {
    return std::make_unique<UpsampleStep>(u.factor, layer.inputs[0], layer.output);
  }
  Made make(Concatenation&, const Layer& layer) {
    return std::make_unique<ConcatenationStep>(layer.inputs, layer.output);
  }
  Made make(AveragePool& p, const Layer& layer) {
    return std::make_unique<AveragePoolStep>(kernels_, p, layer.inputs[0], layer.output);
  }
  Made make(MaxPool& p, const Layer& layer) {
    return make_max_pool(kernels_, p, layer.inputs[0], layer.output);
  }
  Made make(LayerNorm& n, const Layer& layer) {
    return std::make_unique<LayerNormStep>(kernels_, n, layer.inputs[0], layer.output);
  }
  Made make(Attention& a, const Layer& layer) {
    return std::make_unique<AttentionStep>(kernels_, a, layer.inputs[0], layer.output);
  }
  Made make(ElementWise& e, const Layer& layer) {
    return std::make_unique<ElementWiseStep>(kernels_, e.epilogue, layer.inputs[0], layer.output);
  }
  Made make(Softmax&, const Layer& layer) {
    return std::make_unique<SoftmaxStep>(kernels_, layer.inputs[0], layer.output);
  }

  // Of products with this depth, as far as the instruction set has them and they save more than
  // converting the rows costs.
  Arithmetic arithmetic_of(int depth) const {
    const bool bytes = arithmetic_ == Arithmetic::kByte && kernels_.byte_dense != nullptr;
    if (bytes && depth >= kLeastByteDepth && depth % kernels::kByteGroup == 0 &&
        depth <= kernels::kMostByteDepth) {
      return Arithmetic::kByte;
    }
    const bool fixed = arithmetic_ != Arithmetic::kFloat && kernels_.fixed_dense != nullptr;
    return fixed && depth >= kLeastFixedDepth && depth % 2 == 0 ? Arithmetic::kFixed
                                                                : Arithmetic::kFloat;
  }

  static constexpr int kLeastFixedDepth = 128;
  static constexpr int kLeastByteDepth = 64;

  Network& network_;
  Arithmetic arithmetic_;
  const NetworkKernels& kernels_;
  std::map<int, int> uses_;
  std::map<int, Layer*> joined_;  // by output: depthwise convolutions inside of the next step
  std::set<int> single_pixel_;
  std::vector<std::unique_ptr<Step>> steps_;
};

}  // namespace

std::vector<std::unique_ptr<Step>> make_steps(Network& network, Arithmetic arithmetic) {
  return StepMaker(network, arithmetic).run();
}

}  // namespace fastocr::native
