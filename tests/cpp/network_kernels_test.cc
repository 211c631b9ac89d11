#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>
#include <vector>

#include "fastocr/cpu.h"
#include "kernels/network.h"
#include "testing.h"

namespace fastocr::kernels {
namespace {

using testing::random_int;
using testing::with_each_isa;

constexpr Activation kActivations[] = {
    Activation::kNone,    Activation::kRelu,  Activation::kHardSigmoid, Activation::kHardSwish,
    Activation::kSigmoid, Activation::kSwish, Activation::kGelu};

// What no kernel may touch; no result is so large.
constexpr float kUntouched = 1e20F;

// Memory that ends with its last value, so that AddressSanitizer sees every access beyond.
using Floats = std::vector<float>;

Floats random_floats(std::mt19937& random, std::size_t count, float scale = 1) {
  std::normal_distribution<float> normal;
  Floats values(count);
  for (float& value : values) value = scale * normal(random);
  return values;
}

// ---- the plain way ------------------------------------------------------------------------------

double plain_activation(double x, const Epilogue& e) {
  const double hard = std::clamp(x * e.slope + e.offset, 0.0, 1.0);
  const double sigmoid = 1 / (1 + std::exp(-x));
  switch (e.activation) {
    case Activation::kRelu:
      return std::max(x, 0.0);
    case Activation::kHardSigmoid:
      return hard;
    case Activation::kHardSwish:
      return x * hard;
    case Activation::kSigmoid:
      return sigmoid;
    case Activation::kSwish:
      return x * sigmoid;
    case Activation::kGelu:
      return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
    case Activation::kNone:
      break;
  }
  return x;
}

double plain_epilogue(double x, const Epilogue& e) {
  return plain_activation(x, e) * e.scale + e.shift;
}

// Activations change no more than 1.5 times as fast as their argument.
constexpr double kSteepest = 1.5;

bool close(double value, double wanted, double error) { return std::abs(value - wanted) <= error; }

Epilogue epilogue_with(Activation activation) { return {activation, 0.21F, 0.45F, -1.75F, 0.625F}; }

// ---- element by element -------------------------------------------------------------------------

TEST_CASE("activations") {
  Floats values;
  for (int i = -2000; i < 2000; ++i) values.push_back(static_cast<float>(i) * 0.01F);
  const float extremes[] = {0.0F,   -0.0F,   87.0F, -87.0F, 88.8F,  -88.8F,  1e4F,  -1e4F,
                            1e-30F, -1e-30F, 1e6F,  -1e6F,  103.0F, -103.0F, 1e-3F, -1e-3F};
  values.insert(values.end(), std::begin(extremes), std::end(extremes));
  for (const Activation activation : kActivations) {
    for (const Epilogue& e : {Epilogue{.activation = activation}, epilogue_with(activation)}) {
      CAPTURE(activation);
      with_each_isa([&] {
        Floats out(values.size(), kUntouched);
        active_network().activate(values.data(), static_cast<std::ptrdiff_t>(values.size()), e,
                                  out.data());
        int wrong = 0;
        for (std::size_t i = 0; i < values.size(); ++i) {
          const double wanted = plain_epilogue(values[i], e);
          wrong += !close(out[i], wanted, 2e-6 * (1 + std::abs(values[i])));
        }
        CHECK(wrong == 0);
      });
    }
  }
}

TEST_CASE("sums and products of channels") {
  std::mt19937 random(1);
  for (const int channels : {16, 32, 48, 112}) {
    for (const int count : {0, 1, 2, 7}) {
      const auto floats = static_cast<std::size_t>(channels * count);
      const Floats a = random_floats(random, floats), b = random_floats(random, floats);
      const Floats factors = random_floats(random, channels);
      with_each_isa([&] {
        Floats sum(floats), scaled(floats);
        active_network().add(a.data(), b.data(), channels * count, sum.data());
        active_network().scale_channels(a.data(), count, channels, factors.data(), 0.75F,
                                        scaled.data());
        for (std::size_t i = 0; i < floats; ++i) {
          CHECK(sum[i] == a[i] + b[i]);
          CHECK(scaled[i] == a[i] * (factors[i % channels] + 0.75F));
        }
      });
    }
  }
}

TEST_CASE("sums of pixels, with and without weights") {
  std::mt19937 random(2);
  for (const int channels : {16, 64, 80}) {
    for (const int count : {0, 1, 5, 33}) {
      const Floats pixels = random_floats(random, static_cast<std::size_t>(channels * count));
      const Floats weights = random_floats(random, count), before = random_floats(random, channels);
      with_each_isa([&] {
        Floats plain = before, weighted = before;
        active_network().sum_pixels(pixels.data(), count, channels, nullptr, plain.data());
        active_network().sum_pixels(pixels.data(), count, channels, weights.data(),
                                    weighted.data());
        for (int c = 0; c < channels; ++c) {
          double total = before[c], weighted_total = before[c];
          for (int i = 0; i < count; ++i) {
            total += pixels[i * channels + c];
            weighted_total += static_cast<double>(pixels[i * channels + c]) * weights[i];
          }
          CHECK(close(plain[c], total, 1e-5));
          CHECK(close(weighted[c], weighted_total, 1e-5));
        }
      });
    }
  }
}

TEST_CASE("means of windows") {
  std::mt19937 random(3);
  struct Case {
    int channels, height, width, count, left_over;
  };
  for (const Case& c : {Case{16, 1, 1, 1, 0},
                        {16, 2, 2, 3, 1},
                        {32, 3, 2, 5, 1},
                        {48, 1, 3, 4, 2},
                        {16, 2, 1, 0, 3}}) {
    const std::ptrdiff_t stride =
        static_cast<std::ptrdiff_t>(c.count * c.width + c.left_over) * c.channels;
    const Floats image = random_floats(random, static_cast<std::size_t>(stride * c.height));
    with_each_isa([&] {
      Floats out(static_cast<std::size_t>(c.count * c.channels), kUntouched);
      active_network().average_windows(image.data(), stride, c.channels, c.height, c.width, c.count,
                                       out.data());
      for (int i = 0; i < c.count * c.channels; ++i) {
        const int window = i / c.channels, channel = i % c.channels;
        double total = 0;
        for (int y = 0; y < c.height; ++y) {
          for (int x = 0; x < c.width; ++x) {
            total += image[y * stride + (window * c.width + x) * c.channels + channel];
          }
        }
        CHECK(close(out[i], total / (c.height * c.width), 1e-6));
      }
    });
  }
}

TEST_CASE("largest values of windows") {
  std::mt19937 random(3);
  struct Case {
    int channels, height, width, step, count;
  };
  for (const Case& c : {Case{16, 1, 1, 1, 1}, Case{16, 2, 2, 1, 3}, Case{32, 3, 2, 2, 5},
                        Case{48, 1, 3, 4, 4}, Case{16, 2, 1, 1, 0}}) {
    const int pixels = std::max(0, (c.count - 1) * c.step + c.width);
    const std::ptrdiff_t stride = static_cast<std::ptrdiff_t>(pixels) * c.channels;
    const Floats image = random_floats(random, static_cast<std::size_t>(stride * c.height));
    with_each_isa([&] {
      Floats out(static_cast<std::size_t>(c.count * c.channels), kUntouched);
      active_network().largest_in_windows(image.data(), stride, c.channels, c.height, c.width,
                                          c.step, c.count, out.data());
      for (int i = 0; i < c.count * c.channels; ++i) {
        float largest = -std::numeric_limits<float>::infinity();
        for (int k = 0; k < c.height * c.width; ++k) {
          const int x = i / c.channels * c.step + k % c.width;
          largest =
              std::max(largest, image[k / c.width * stride + x * c.channels + i % c.channels]);
        }
        CHECK(out[i] == largest);
      }
    });
  }
}

// ---- dense layers -------------------------------------------------------------------------------

struct DenseCase {
  int depth, outputs, count;
  Floats rows, weights, bias;
  std::ptrdiff_t row_stride, out_stride;

  DenseCase(std::mt19937& random, int depth_, int outputs_, int count_)
      : depth(depth_),
        outputs(outputs_),
        count(count_),
        row_stride(depth_ + random_int(random, 0, 20)),
        out_stride(outputs_ + random_int(random, 0, 20)) {
    rows = random_floats(random, static_cast<std::size_t>((count - 1) * row_stride + depth));
    weights = random_floats(random, static_cast<std::size_t>(depth * outputs));
    bias = random_floats(random, outputs);
  }

  double weight(int k, int o) const { return weights[k * outputs + o]; }
  double value(int row, int k) const { return rows[row * row_stride + k]; }
  Floats no_results() const {
    return Floats(static_cast<std::size_t>((count - 1) * out_stride + outputs), kUntouched);
  }
};

struct PlainSum {
  double total, magnitude;  // of the sum, and of its terms
};

PlainSum plain_dense(const DenseCase& c, int row, int output) {
  PlainSum sum{c.bias[output], std::abs(c.bias[output])};
  for (int k = 0; k < c.depth; ++k) {
    const double term = c.value(row, k) * c.weight(k, output);
    sum.total += term;
    sum.magnitude += std::abs(term);
  }
  return sum;
}

// Results that are further from the plain ones than `error(row, output)` before the epilogue, or
// lie where there should be none.
template <typename AllowedError>
int wrong_results(const DenseCase& c, const Epilogue& e, const Floats& out,
                  const AllowedError& error) {
  int wrong = 0;
  for (int row = 0; row < c.count; ++row) {
    for (int o = 0; o < c.out_stride && row * c.out_stride + o < std::ssize(out); ++o) {
      const float result = out[row * c.out_stride + o];
      if (o >= c.outputs) {
        wrong += result != kUntouched;
        continue;
      }
      const PlainSum sum = plain_dense(c, row, o);
      const double allowed = error(row, o) + 2e-6 * (1 + sum.magnitude);
      wrong += !close(result, plain_epilogue(sum.total, e),
                      allowed * kSteepest * std::abs(e.scale) + 1e-6);
    }
  }
  return wrong;
}

void check_dense(const DenseCase& c, const Epilogue& e) {
  const NetworkKernels& kernels = active_network();
  Floats packed(c.weights.size()), out = c.no_results();
  kernels.pack_dense(c.weights.data(), c.depth, c.outputs, packed.data());
  kernels::DenseTask task{
      c.rows.data(), c.row_stride,  nullptr,    c.count,      c.depth, c.outputs,
      packed.data(), c.bias.data(), out.data(), c.out_stride, e};
  kernels.dense(task);
  CHECK(wrong_results(c, e, out, [](int, int) { return 0.0; }) == 0);
  // The same values, each as far from the next one of its row as the rows were from each other.
  Floats turned(static_cast<std::size_t>(c.depth * c.count)), again = c.no_results();
  std::vector<std::ptrdiff_t> offsets;
  for (int k = 0; k < c.depth; ++k) {
    offsets.push_back(static_cast<std::ptrdiff_t>(k) * c.count);
    for (int row = 0; row < c.count; ++row) {
      turned[k * c.count + row] = c.rows[row * c.row_stride + k];
    }
  }
  task.rows = turned.data();
  task.row_stride = 1;
  task.offsets = offsets.data();
  task.out = again.data();
  kernels.dense(task);
  CHECK(again == out);
}

TEST_CASE("dense layers of every shape") {
  std::mt19937 random(4);
  for (int depth = 1; depth <= 70; ++depth) {
    const int outputs = 16 * (1 + depth % 7), count = 1 + depth % 20;
    CAPTURE(depth);
    const DenseCase c(random, depth, outputs, count);
    with_each_isa([&] { check_dense(c, epilogue_with(kActivations[depth % 7])); });
  }
  for (int outputs = 16; outputs <= 112; outputs += 16) {
    for (int count = 1; count <= 20; ++count) {
      CAPTURE(outputs);
      CAPTURE(count);
      const DenseCase c(random, random_int(random, 1, 9), outputs, count);
      with_each_isa([&] { check_dense(c, epilogue_with(kActivations[count % 7])); });
    }
  }
}

// ---- fixed point --------------------------------------------------------------------------------

struct FixedRows {
  std::vector<std::int16_t> values;
  Floats scales;
};

FixedRows fixed_rows(const float* rows, std::ptrdiff_t stride, int count, int depth) {
  FixedRows fixed{std::vector<std::int16_t>(static_cast<std::size_t>(count * depth)),
                  Floats(static_cast<std::size_t>(count))};
  active_network().fix_rows(rows, stride, count, depth, fixed.values.data(), fixed.scales.data());
  return fixed;
}

// Row after row the weights of an output: the same limits hold for them.
FixedRows fixed_weights(const DenseCase& c) {
  Floats turned(c.weights.size());
  for (int o = 0; o < c.outputs; ++o) {
    for (int k = 0; k < c.depth; ++k) turned[o * c.depth + k] = c.weights[k * c.outputs + o];
  }
  return fixed_rows(turned.data(), c.depth, c.outputs, c.depth);
}

std::vector<std::int16_t> packed_weights(const DenseCase& c, const FixedRows& weights) {
  std::vector<std::int16_t> plain(c.weights.size()), packed(c.weights.size());
  for (int k = 0; k < c.depth; ++k) {
    for (int o = 0; o < c.outputs; ++o) {
      plain[k * c.outputs + o] = weights.values[o * c.depth + k];
    }
  }
  active_network().pack_fixed_dense(plain.data(), c.depth, c.outputs, packed.data());
  return packed;
}

// Every sum of a block, in whole numbers that cannot overflow.
std::int64_t largest_block_sum(const DenseCase& c, const FixedRows& rows,
                               const FixedRows& weights) {
  std::int64_t largest = 0;
  for (int row = 0; row < c.count; ++row) {
    for (int o = 0; o < c.outputs; ++o) {
      std::int64_t sum = 0;
      for (int k = 0; k < c.depth; ++k) {
        if (k % kFixedBlock == 0) sum = 0;
        sum += std::int64_t{rows.values[row * c.depth + k]} * weights.values[o * c.depth + k];
        largest = std::max(largest, std::abs(sum));
      }
    }
  }
  return largest;
}

// What half a unit of each rounded value, and no other error, can do to a result.
double rounding_error(const DenseCase& c, const FixedRows& rows, const FixedRows& weights, int row,
                      int o) {
  double error = 0;
  const double row_half = 0.501 * rows.scales[row], weight_half = 0.501 * weights.scales[o];
  for (int k = 0; k < c.depth; ++k) {
    error += row_half * std::abs(c.weight(k, o)) + weight_half * std::abs(c.value(row, k)) +
             row_half * weight_half;
  }
  return error;
}

// Returns the largest sum in 32 bits; 0 where the instruction set has no such products.
std::int64_t check_fixed_dense(const DenseCase& c, const Epilogue& e) {
  const NetworkKernels& kernels = active_network();
  if (kernels.fixed_dense == nullptr) return 0;
  const FixedRows rows = fixed_rows(c.rows.data(), c.row_stride, c.count, c.depth);
  const FixedRows weights = fixed_weights(c);
  const auto packed = packed_weights(c, weights);
  Floats out = c.no_results();
  kernels.fixed_dense({rows.values.data(), rows.scales.data(), c.count, c.depth, c.outputs,
                       packed.data(), weights.scales.data(), c.bias.data(), out.data(),
                       c.out_stride, e});
  CHECK(wrong_results(c, e, out, [&](int row, int o) {
          return rounding_error(c, rows, weights, row, o);
        }) == 0);
  const std::int64_t largest = largest_block_sum(c, rows, weights);
  CHECK(largest <= std::numeric_limits<std::int32_t>::max());
  return largest;
}

TEST_CASE("fixed-point kernels come together") {
  with_each_isa([] {
    const NetworkKernels& kernels = active_network();
    CHECK((kernels.fixed_dense == nullptr) == (kernels.fix_rows == nullptr));
    CHECK((kernels.fixed_dense == nullptr) == (kernels.pack_fixed_dense == nullptr));
    CHECK((kernels.fixed_dense == nullptr) == (active_isa() == Isa::kPortable));
  });
}

TEST_CASE("fixed-point dense layers of every shape") {
  std::mt19937 random(5);
  for (int depth = 2; depth <= 70; depth += 2) {
    CAPTURE(depth);
    const DenseCase c(random, depth, 16 * (1 + depth / 2 % 7), 1 + depth % 20);
    with_each_isa([&] { check_fixed_dense(c, epilogue_with(kActivations[depth % 7])); });
  }
  for (const int depth : {126, 128, 130, 254, 256, 258, 400}) {
    for (const int count : {1, 7, 20}) {
      CAPTURE(depth);
      const DenseCase c(random, depth, 16 * random_int(random, 1, 7), count);
      with_each_isa([&] { check_fixed_dense(c, epilogue_with(kActivations[count % 7])); });
    }
  }
}

TEST_CASE("no 32-bit sum overflows, not even that of rows as long as the weights") {
  std::mt19937 random(6);
  for (const int depth : {2, 4, 16, 126, 128, 130, 256, 384}) {
    CAPTURE(depth);
    DenseCase c(random, depth, 48, 5);
    for (int row = 0; row < c.count; ++row) {
      for (int k = 0; k < depth; ++k) {
        // All equal, of both signs; a few large ones; the direction of the first row.
        const float equal = row % 2 == 0 ? 1.0F : -1.0F;
        c.rows[row * c.row_stride + k] = row < 2 ? equal : row == 2 && k > 1 ? 0 : c.rows[k];
      }
    }
    for (int k = 0; k < depth; ++k) {
      for (int o = 0; o < c.outputs; ++o) {
        const float row = c.rows[o % c.count * c.row_stride + k];
        c.weights[k * c.outputs + o] = o < 16 ? row : -row;
      }
    }
    with_each_isa([&] {
      const std::int64_t largest = check_fixed_dense(c, {});
      // Else the limits of fixed point could be wider.
      if (active_network().fixed_dense != nullptr) CHECK(largest > 2'100'000'000);
    });
  }
}

TEST_CASE("rows keep their precision whatever their size") {
  std::mt19937 random(7);
  for (const float size : {1e-15F, 1e-6F, 1.0F, 1e6F, 1e15F}) {
    CAPTURE(size);
    constexpr int kDepth = 270, kStride = 277, kCount = 3;
    const Floats rows = random_floats(random, (kCount - 1) * kStride + kDepth, size);
    with_each_isa([&] {
      if (active_network().fix_rows == nullptr) return;
      const FixedRows fixed = fixed_rows(rows.data(), kStride, kCount, kDepth);
      int wrong = 0;
      for (int i = 0; i < kCount * kDepth; ++i) {
        const double value = rows[i / kDepth * kStride + i % kDepth];
        const double scale = fixed.scales[i / kDepth];
        wrong += !close(fixed.values[i] * scale, value, 0.501 * scale);
      }
      CHECK(wrong == 0);
      for (const float scale : fixed.scales) CHECK(scale < 1e-3 * size);
    });
  }
}

TEST_CASE("rows of zeros give the bias, rows of no numbers give anything") {
  std::mt19937 random(8);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float nan = std::nanf("");
  with_each_isa([&] {
    if (active_network().fix_rows == nullptr) return;
    for (const int depth : {2, 14, 34, 130}) {
      DenseCase c(random, depth, 16, 3);
      std::fill(c.rows.begin(), c.rows.end(), 0.0F);
      check_fixed_dense(c, {});
      for (const float value : {kInfinity, -kInfinity, nan, 3e38F, 1e-45F, 1e-38F}) {
        Floats rows(static_cast<std::size_t>(depth));
        for (int k = 0; k < depth; ++k) {
          rows[k] = value;
          fixed_rows(rows.data(), depth, 1, depth);
        }
      }
    }
  });
}

// ---- bytes --------------------------------------------------------------------------------------

struct ByteRows {
  std::vector<std::uint8_t> values;
  Floats scales, offsets;
};

ByteRows byte_rows(const Floats& rows, std::ptrdiff_t stride, int count, int depth) {
  ByteRows bytes{std::vector<std::uint8_t>(static_cast<std::size_t>(count * depth)),
                 Floats(static_cast<std::size_t>(count)), Floats(static_cast<std::size_t>(count))};
  active_network().byte_rows(rows.data(), stride, count, depth, bytes.values.data(),
                             bytes.scales.data(), bytes.offsets.data());
  return bytes;
}

struct ByteWeights {
  std::vector<std::int8_t> packed;
  Floats scales, sums;
};

ByteWeights byte_weights(const DenseCase& c) {
  ByteWeights w;
  w.scales.assign(static_cast<std::size_t>(c.outputs), 0);
  w.sums = w.scales;
  std::vector<std::int8_t> plain(c.weights.size());
  for (int o = 0; o < c.outputs; ++o) {
    double largest = 0;
    for (int k = 0; k < c.depth; ++k) largest = std::max(largest, std::abs(c.weight(k, o)));
    w.scales[o] = static_cast<float>(largest / kLargestByte);
    for (int k = 0; k < c.depth; ++k) {
      const auto value = static_cast<std::int8_t>(std::lround(c.weight(k, o) / w.scales[o]));
      plain[k * c.outputs + o] = value;
      w.sums[o] += w.scales[o] * static_cast<float>(value);
    }
  }
  w.packed.resize(plain.size());
  active_network().pack_byte_dense(plain.data(), c.depth, c.outputs, w.packed.data());
  return w;
}

void check_byte_dense(const DenseCase& c, const Epilogue& e) {
  const NetworkKernels& kernels = active_network();
  if (kernels.byte_dense == nullptr) return;
  const ByteRows rows = byte_rows(c.rows, c.row_stride, c.count, c.depth);
  const ByteWeights weights = byte_weights(c);
  Floats out = c.no_results();
  kernels.byte_dense({rows.values.data(), rows.scales.data(), rows.offsets.data(), c.count, c.depth,
                      c.outputs, weights.packed.data(), weights.scales.data(), weights.sums.data(),
                      c.bias.data(), out.data(), c.out_stride, e});
  // What half a unit of each rounded value, and no other error, can do to a result.
  CHECK(wrong_results(c, e, out, [&](int row, int o) {
          const double row_half = 0.501 * rows.scales[row], weight_half = 0.501 * weights.scales[o];
          double error = 0;
          for (int k = 0; k < c.depth; ++k) {
            error += row_half * std::abs(c.weight(k, o)) +
                     weight_half * (std::abs(c.value(row, k)) + row_half);
          }
          return error;
        }) == 0);
}

TEST_CASE("byte kernels come together, where bytes are fast") {
  with_each_isa([] {
    const NetworkKernels& kernels = active_network();
    CHECK((kernels.byte_dense == nullptr) == (kernels.byte_rows == nullptr));
    CHECK((kernels.byte_dense == nullptr) == (kernels.pack_byte_dense == nullptr));
    CHECK((kernels.byte_dense == nullptr) == (active_isa() != Isa::kAvx512Vnni));
    CHECK(has_fast_int8() == (kernels.byte_dense != nullptr));
  });
}

TEST_CASE("byte dense layers of every shape") {
  std::mt19937 random(15);
  for (int depth = 4; depth <= 140; depth += 4) {
    CAPTURE(depth);
    const DenseCase c(random, depth, 16 * (1 + depth / 4 % 7), 1 + depth / 4 % 20);
    with_each_isa([&] { check_byte_dense(c, epilogue_with(kActivations[depth / 4 % 7])); });
  }
}

TEST_CASE("the longest rows of the largest bytes do not overflow") {
  std::mt19937 random(16);
  DenseCase c(random, kMostByteDepth, 16, 1);
  std::fill(c.rows.begin(), c.rows.end(), 1.0F);
  c.rows[0] = 0;
  for (int i = 0; i < std::ssize(c.weights); ++i) c.weights[i] = i % 2 == 0 ? 1.0F : -1.0F;
  with_each_isa([&] { check_byte_dense(c, {}); });
}

TEST_CASE("byte rows span their own range") {
  std::mt19937 random(17);
  for (const float size : {1e-15F, 1.0F, 1e15F}) {
    for (const float shift : {-3.0F, 0.0F, 7.0F}) {
      for (const int depth : {4, 16, 20, 76}) {
        Floats row = random_floats(random, depth, size);
        for (float& x : row) x += shift * size;
        with_each_isa([&] {
          if (active_network().byte_rows == nullptr) return;
          const ByteRows bytes = byte_rows(row, depth, 1, depth);
          int wrong = 0;
          for (int k = 0; k < depth; ++k) {
            const double value = static_cast<double>(bytes.values[k]) * bytes.scales[0];
            wrong += !close(value + bytes.offsets[0], row[k], 0.502 * bytes.scales[0]);
          }
          CHECK(wrong == 0);
          CHECK(*std::min_element(bytes.values.begin(), bytes.values.end()) == 0);
          CHECK(*std::max_element(bytes.values.begin(), bytes.values.end()) == 255);
        });
      }
    }
  }
}

TEST_CASE("byte rows of equal values are exact, rows of no numbers give anything") {
  std::mt19937 random(18);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  with_each_isa([&] {
    if (active_network().byte_rows == nullptr) return;
    for (const int depth : {4, 36}) {
      for (const float value : {0.0F, 2.5F, -1e-3F}) {
        DenseCase c(random, depth, 16, 3);
        std::fill(c.rows.begin(), c.rows.end(), value);
        check_byte_dense(c, {});
      }
      Floats row(static_cast<std::size_t>(depth));
      for (const float value : {kInfinity, -kInfinity, std::nanf(""), 3e38F, -3e38F, 1e-45F}) {
        row[depth / 2] = value;
        byte_rows(row, depth, 1, depth);
      }
    }
  });
}

// ---- depthwise convolution ----------------------------------------------------------------------

struct DepthwiseCase {
  DepthwiseTask task;
  int out_height, out_width;
  Floats image, weights, bias;
};

DepthwiseCase random_depthwise(std::mt19937& random, Size size, int kernel, int stride_y,
                               int stride_x) {
  DepthwiseCase c;
  DepthwiseTask& t = c.task;
  t.height = size.height;
  t.width = size.width;
  t.channels = 16 * random_int(random, 1, 3);
  t.kernel_height = kernel;
  t.kernel_width = kernel;
  t.stride_y = stride_y;
  t.stride_x = stride_x;
  t.pad_top = t.pad_left = kernel / 2;
  t.epilogue = epilogue_with(kActivations[random_int(random, 0, 6)]);
  c.out_height = (size.height + kernel / 2 * 2 - kernel) / stride_y + 1;
  c.out_width = (size.width + kernel / 2 * 2 - kernel) / stride_x + 1;
  c.image = random_floats(random, static_cast<std::size_t>(t.height * t.width * t.channels));
  c.weights = random_floats(random, static_cast<std::size_t>(kernel * kernel * t.channels));
  c.bias = random_floats(random, t.channels);
  t.image = c.image.data();
  t.pitch = t.width;
  t.weights = c.weights.data();
  t.bias = c.bias.data();
  return c;
}

double plain_depthwise(const DepthwiseTask& t, int y, int x, int channel) {
  double total = t.bias[channel];
  for (int ky = 0; ky < t.kernel_height; ++ky) {
    for (int kx = 0; kx < t.kernel_width; ++kx) {
      const int row = y * t.stride_y - t.pad_top + ky;
      const int column = x * t.stride_x - t.pad_left + kx;
      if (row < 0 || row >= t.height || column < 0 || column >= t.width) continue;
      total +=
          static_cast<double>(t.image[(row * t.width + column) * t.channels + channel]) *
          t.weights[(ky * t.channels + channel / kChannelStep * kChannelStep) * t.kernel_width +
                    kx * kChannelStep + channel % kChannelStep];
    }
  }
  return plain_epilogue(total, t.epilogue);
}

Floats depthwise_run(DepthwiseTask task, int y, int begin, int end) {
  Floats out(static_cast<std::size_t>((end - begin) * task.channels), kUntouched);
  task.y = y;
  task.begin = begin;
  task.end = end;
  task.out = out.data();
  active_network().depthwise(task);
  return out;
}

void check_depthwise(const DepthwiseCase& c) {
  const int channels = c.task.channels;
  for (int y = 0; y < c.out_height; ++y) {
    const Floats whole = depthwise_run(c.task, y, 0, c.out_width);
    int wrong = 0;
    for (int i = 0; i < c.out_width * channels; ++i) {
      const double wanted = plain_depthwise(c.task, y, i / channels, i % channels);
      wrong += !close(whole[i], wanted, 2e-5);
    }
    CHECK(wrong == 0);
    for (int split = 1; split < c.out_width; ++split) {
      Floats parts = depthwise_run(c.task, y, 0, split);
      const Floats rest = depthwise_run(c.task, y, split, c.out_width);
      parts.insert(parts.end(), rest.begin(), rest.end());
      CHECK(parts == whole);
    }
  }
}

TEST_CASE("depthwise convolutions, whole and in parts") {
  std::mt19937 random(9);
  for (const int kernel : {1, 3, 5, 7}) {
    for (const auto& [stride_y, stride_x] : {std::pair{1, 1}, {2, 2}, {2, 1}, {1, 2}}) {
      for (const Size size : {Size{1, 1}, Size{2, 3}, Size{4, 1}, Size{6, 2}, Size{13, 4},
                              Size{random_int(random, 14, 25), 5}}) {
        CAPTURE(kernel);
        CAPTURE(stride_x);
        CAPTURE(size.width);
        auto c = random_depthwise(random, size, kernel, stride_y, stride_x);
        with_each_isa([&] { check_depthwise(c); });
      }
    }
  }
}

// ---- rows of tokens -----------------------------------------------------------------------------

TEST_CASE("normalised rows") {
  std::mt19937 random(10);
  for (const int size : {1, 3, 15, 16, 17, 120}) {
    for (const int count : {1, 5}) {
      CAPTURE(size);
      const int stride = size + 7;
      const Floats rows = random_floats(random, (count - 1) * stride + size, 3);
      const Floats gain = random_floats(random, size), bias = random_floats(random, size);
      constexpr float kEpsilon = 1e-3F;
      with_each_isa([&] {
        Floats out(rows.size(), kUntouched);
        active_network().normalize_rows(rows.data(), stride, count, size, kEpsilon, gain.data(),
                                        bias.data(), out.data());
        for (int r = 0; r < count; ++r) {
          const float* row = rows.data() + r * stride;
          double mean = 0, variance = 0;
          for (int k = 0; k < size; ++k) mean += static_cast<double>(row[k]) / size;
          for (int k = 0; k < size; ++k) variance += (row[k] - mean) * (row[k] - mean) / size;
          for (int k = 0; k < size; ++k) {
            const double wanted =
                (row[k] - mean) / std::sqrt(variance + kEpsilon) * gain[k] + bias[k];
            CHECK(close(out[r * stride + k], wanted, 2e-5));
          }
          for (int k = size; k < stride && r + 1 < count; ++k) {
            CHECK(out[r * stride + k] == kUntouched);
          }
        }
      });
    }
  }
}

TEST_CASE("rows of probabilities") {
  std::mt19937 random(11);
  for (const int size : {1, 2, 15, 16, 17, 33, 97}) {
    for (const float spread : {0.1F, 3.0F, 60.0F}) {
      CAPTURE(size);
      constexpr int kCount = 3;
      const int stride = size + 3, out_stride = size + 5;
      const Floats rows = random_floats(random, (kCount - 1) * stride + size, spread);
      with_each_isa([&] {
        Floats out(static_cast<std::size_t>((kCount - 1) * out_stride + size), kUntouched);
        active_network().softmax_rows(rows.data(), stride, kCount, size, out.data(), out_stride);
        Floats in_place = rows;
        active_network().softmax_rows(in_place.data(), stride, kCount, size, in_place.data(),
                                      stride);
        for (int r = 0; r < kCount; ++r) {
          const float* row = rows.data() + r * stride;
          const double top = *std::max_element(row, row + size);
          double total = 0;
          for (int k = 0; k < size; ++k) total += std::exp(row[k] - top);
          for (int k = 0; k < size; ++k) {
            CHECK(close(out[r * out_stride + k], std::exp(row[k] - top) / total, 2e-6));
            CHECK(in_place[r * stride + k] == out[r * out_stride + k]);
          }
        }
      });
    }
  }
}

struct AttentionCase {
  int tokens, heads, head_size;
  int row_stride, out_stride;
  Floats rows;
  float scale = 0.35F;

  int width() const { return heads * head_size; }
  // Part 0 holds the queries, 1 the keys, 2 the values.
  double at(int token, int part, int head, int d) const {
    return rows[token * row_stride + part * width() + head * head_size + d];
  }
};

AttentionCase random_attention(std::mt19937& random, int tokens, int heads, int head_size) {
  AttentionCase c{tokens, heads, head_size, 3 * heads * head_size + 5, heads * head_size + 4, {}};
  c.rows = random_floats(random, (tokens - 1) * c.row_stride + 3 * c.width());
  return c;
}

Floats run_attention(const AttentionCase& c, const float* weights) {
  Floats out(static_cast<std::size_t>((c.tokens - 1) * c.out_stride + c.width()), kUntouched);
  Floats scratch(static_cast<std::size_t>(attention_scratch(c.tokens, c.head_size)), kUntouched);
  active_network().attention({c.rows.data(), c.row_stride, c.tokens, c.heads, c.head_size, c.scale,
                              weights, out.data(), c.out_stride, scratch.data()});
  return out;
}

std::vector<double> plain_attention(const AttentionCase& c, int token, int head,
                                    const Floats& weights) {
  std::vector<double> mean(static_cast<std::size_t>(c.head_size));
  double total = 0;
  for (int other = 0; other < c.tokens; ++other) {
    double score = 0;
    for (int d = 0; d < c.head_size; ++d)
      score += c.at(token, 0, head, d) * c.at(other, 1, head, d);
    const double share = std::exp(score * c.scale) * weights[other];
    for (int d = 0; d < c.head_size; ++d) mean[d] += share * c.at(other, 2, head, d);
    total += share;
  }
  for (double& value : mean) value /= total;
  return mean;
}

void check_attention(const AttentionCase& c, const Floats& out, const Floats& weights) {
  int wrong = 0;
  for (int token = 0; token < c.tokens; ++token) {
    for (int head = 0; head < c.heads; ++head) {
      const auto wanted = plain_attention(c, token, head, weights);
      for (int d = 0; d < c.head_size; ++d) {
        wrong += !close(out[token * c.out_stride + head * c.head_size + d], wanted[d], 1e-5);
      }
    }
    for (int i = c.width(); i < c.out_stride && token + 1 < c.tokens; ++i) {
      wrong += out[token * c.out_stride + i] != kUntouched;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("attention") {
  std::mt19937 random(12);
  for (const int tokens : {1, 2, 15, 16, 17, 41}) {
    for (const auto& [heads, head_size] : {std::pair{1, 1}, {2, 7}, {3, 16}, {8, 15}}) {
      CAPTURE(tokens);
      CAPTURE(head_size);
      const AttentionCase c = random_attention(random, tokens, heads, head_size);
      Floats weights(static_cast<std::size_t>(tokens));
      for (float& weight : weights) weight = static_cast<float>(random_int(random, 1, 9));
      with_each_isa([&] {
        check_attention(c, run_attention(c, nullptr), Floats(weights.size(), 1.0F));
        check_attention(c, run_attention(c, weights.data()), weights);
      });
    }
  }
}

TEST_CASE("a token that counts n times is like n tokens") {
  std::mt19937 random(13);
  constexpr int kTokens = 11, kTwin = 4, kCopies = 7;
  const AttentionCase once = random_attention(random, kTokens, 2, 9);
  AttentionCase often = random_attention(random, kTokens + kCopies - 1, 2, 9);
  for (int token = 0; token < often.tokens; ++token) {
    const int source = std::clamp(token - kCopies + 1, std::min(token, kTwin), kTokens - 1);
    std::copy_n(once.rows.begin() + source * once.row_stride, 3 * once.width(),
                often.rows.begin() + token * often.row_stride);
  }
  Floats weights(kTokens, 1.0F);
  weights[kTwin] = kCopies;
  with_each_isa([&] {
    const Floats a = run_attention(once, weights.data()), b = run_attention(often, nullptr);
    for (int token = 0; token < kTokens; ++token) {
      const int other = token <= kTwin ? token : token + kCopies - 1;
      for (int i = 0; i < once.width(); ++i) {
        CHECK(close(a[token * once.out_stride + i], b[other * often.out_stride + i], 1e-6));
      }
    }
  });
}

}  // namespace
}  // namespace fastocr::kernels
