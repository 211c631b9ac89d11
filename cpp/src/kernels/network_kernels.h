// Kernels of neural networks; see network.h for the meaning of each function. Included by
// kernel_table.h only.

#include "kernels/network.h"
#include "kernels/vector.h"

namespace fastocr::kernels {
namespace {

static_assert(kChannelStep % kLanes == 0);

// Rows and vectors of outputs in one tile: with the operands they just fit into the registers.
#if defined(__AVX512F__)
constexpr int kDenseRows = 8;
constexpr int kDepthwisePixels = 8;
#else
constexpr int kDenseRows = 4;
constexpr int kDepthwisePixels = 4;
#endif
constexpr int kDenseColumns = 3;
// Output pixels whose input, five rows of one vector each, is to stay in the first-level cache.
constexpr int kDepthwiseRun = 48;

// ---- activations --------------------------------------------------------------------------------

inline Floats sigmoid(Floats x) {
  const Floats e = exp_not_positive(x < 0 ? x : -x);
  const Floats numerator = x < 0 ? e : broadcast(1.0F);
  return numerator / (e + 1.0F);
}

// The normal distribution function by the error function's rational approximation of Abramowitz and
// Stegun 7.1.26, whose error is below 1.5e-7.
inline Floats normal_cdf(Floats x) {
  constexpr float kTerms[] = {1.061405429F, -1.453152027F, 1.421413741F, -0.284496736F,
                              0.254829592F};
  const Floats z = (x < 0 ? -x : x) * 0.70710678118654752F;
  const Floats t = 1.0F / multiply_add(broadcast(0.3275911F), z, broadcast(1.0F));
  Floats p = broadcast(kTerms[0]);
  for (int i = 1; i < 5; ++i) p = multiply_add(p, t, broadcast(kTerms[i]));
  const Floats tail = 0.5F * p * t * exp_not_positive(-z * z);
  return x < 0 ? tail : 1.0F - tail;
}

inline Floats hard_sigmoid(Floats x, const Epilogue& e) {
  const Floats y = multiply_add(x, broadcast(e.slope), broadcast(e.offset));
  return smaller(larger(y, Floats{}), broadcast(1.0F));
}

template <Activation Kind>
inline Floats activated(Floats x, const Epilogue& e) {
  if constexpr (Kind == Activation::kRelu) return larger(x, Floats{});
  if constexpr (Kind == Activation::kHardSigmoid) return hard_sigmoid(x, e);
  if constexpr (Kind == Activation::kHardSwish) return x * hard_sigmoid(x, e);
  if constexpr (Kind == Activation::kSigmoid) return sigmoid(x);
  if constexpr (Kind == Activation::kSwish) return x * sigmoid(x);
  if constexpr (Kind == Activation::kGelu) return x * normal_cdf(x);
  return x;
}

// Finishes Count vectors in place. One choice for all of them, and all in registers.
template <Activation Kind, int Count>
inline void finish_as(Floats (&values)[Count], const Epilogue& e) {
  const Floats scale = broadcast(e.scale), shift = broadcast(e.shift);
#pragma GCC unroll 24
  for (int i = 0; i < Count; ++i) {
    values[i] = multiply_add(activated<Kind>(values[i], e), scale, shift);
  }
}

template <int Count>
inline void finish(Floats (&values)[Count], const Epilogue& e) {
  switch (e.activation) {
    case Activation::kNone:
      return finish_as<Activation::kNone>(values, e);
    case Activation::kRelu:
      return finish_as<Activation::kRelu>(values, e);
    case Activation::kHardSigmoid:
      return finish_as<Activation::kHardSigmoid>(values, e);
    case Activation::kHardSwish:
      return finish_as<Activation::kHardSwish>(values, e);
    case Activation::kSigmoid:
      return finish_as<Activation::kSigmoid>(values, e);
    case Activation::kSwish:
      return finish_as<Activation::kSwish>(values, e);
    case Activation::kGelu:
      return finish_as<Activation::kGelu>(values, e);
  }
}

void activate(const float* values, std::ptrdiff_t count, const Epilogue& epilogue, float* out) {
  for (std::ptrdiff_t i = 0; i < count; i += kLanes) {
    Floats x[1] = {load(values + i)};
    finish(x, epilogue);
    store(out + i, x[0]);
  }
}

// ---- dense layers -------------------------------------------------------------------------------

// The vectors of outputs are dealt out evenly to panels of at most kDenseColumns.
inline int panel_count(int outputs) {
  return (outputs / kLanes + kDenseColumns - 1) / kDenseColumns;
}

inline int panel_columns(int outputs, int panel) {
  const int vectors = outputs / kLanes, panels = panel_count(outputs);
  return vectors / panels + (panel < vectors % panels ? 1 : 0);
}

// Both packings put `Group` successive values of the depth next to each other.
template <int Group, typename T>
inline void pack(const T* weights, int depth, int outputs, T* packed) {
  int first = 0;
  for (int panel = 0; panel < panel_count(outputs); ++panel) {
    const int width = panel_columns(outputs, panel) * kLanes;
    for (int k = 0; k < depth; k += Group) {
      for (int j = 0; j < width; ++j) {
        for (int g = 0; g < Group; ++g) {
          *packed++ = weights[static_cast<std::ptrdiff_t>(k + g) * outputs + first + j];
        }
      }
    }
    first += width;
  }
}

void pack_dense(const float* weights, int depth, int outputs, float* packed) {
  pack<1>(weights, depth, outputs, packed);
}

template <int Rows, int Columns, bool Scattered>
inline void dense_tile(const DenseTask& task, int row, const float* weights, int first) {
  const float* rows = task.rows + row * task.row_stride;
  Floats sums[Rows][Columns];
  for (int j = 0; j < Columns; ++j) {
    const Floats bias = load(task.bias + first + j * kLanes);
    for (int r = 0; r < Rows; ++r) sums[r][j] = bias;
  }
  for (int k = 0; k < task.depth; ++k, weights += Columns * kLanes) {
    Floats w[Columns];
    for (int j = 0; j < Columns; ++j) w[j] = load(weights + j * kLanes);
    const std::ptrdiff_t at = Scattered ? task.offsets[k] : k;
    for (int r = 0; r < Rows; ++r) {
      const Floats x = broadcast(rows[r * task.row_stride + at]);
      for (int j = 0; j < Columns; ++j) sums[r][j] = multiply_add(w[j], x, sums[r][j]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) {
    finish(sums[r], task.epilogue);
    float* out = task.out + (row + r) * task.out_stride + first;
    for (int j = 0; j < Columns; ++j) store(out + j * kLanes, sums[r][j]);
  }
}

// Calls Tile<Rows, Columns> for all rows of a panel, the last ones in smaller tiles.
template <template <int, int> class Tile, int Columns, typename Task, typename Weight>
inline void panel_tiles(const Task& task, const Weight* weights, int first) {
  int row = 0;
  for (; row + kDenseRows <= task.count; row += kDenseRows) {
    Tile<kDenseRows, Columns>::run(task, row, weights, first);
  }
  if constexpr (kDenseRows > 4) {
    if (row + 4 <= task.count) {
      Tile<4, Columns>::run(task, row, weights, first);
      row += 4;
    }
  }
  switch (task.count - row) {
    case 3:
      return Tile<3, Columns>::run(task, row, weights, first);
    case 2:
      return Tile<2, Columns>::run(task, row, weights, first);
    case 1:
      return Tile<1, Columns>::run(task, row, weights, first);
    default:
      return;
  }
}

template <template <int, int> class Tile, typename Task>
inline void dense_panels(const Task& task) {
  auto weights = task.weights;
  int first = 0;
  for (int panel = 0; panel < panel_count(task.outputs); ++panel) {
    const int columns = panel_columns(task.outputs, panel);
    if (columns == 3) {
      panel_tiles<Tile, 3>(task, weights, first);
    } else if (columns == 2) {
      panel_tiles<Tile, 2>(task, weights, first);
    } else {
      panel_tiles<Tile, 1>(task, weights, first);
    }
    first += columns * kLanes;
    weights += static_cast<std::ptrdiff_t>(columns) * kLanes * task.depth;
  }
}

template <int Rows, int Columns>
struct DenseTile {
  static void run(const DenseTask& task, int row, const float* weights, int first) {
    dense_tile<Rows, Columns, false>(task, row, weights, first);
  }
};

template <int Rows, int Columns>
struct ScatteredTile {
  static void run(const DenseTask& task, int row, const float* weights, int first) {
    dense_tile<Rows, Columns, true>(task, row, weights, first);
  }
};

void dense(const DenseTask& task) {
  if (task.offsets != nullptr) {
    dense_panels<ScatteredTile>(task);
  } else {
    dense_panels<DenseTile>(task);
  }
}

#if defined(__AVX2__)

#if defined(__AVX512BW__)
using Words = __m512i;
inline Words zero_words() { return _mm512_setzero_si512(); }
inline Words load_words(const std::int16_t* p) { return _mm512_loadu_si512(p); }
inline Words broadcast_pair(const std::int16_t* p) {
  std::int32_t pair;
  __builtin_memcpy(&pair, p, sizeof(pair));
  return _mm512_set1_epi32(pair);
}
inline Floats to_floats(Words sums) { return (Floats)_mm512_cvtepi32_ps(sums); }
#else
using Words = __m256i;
inline Words zero_words() { return _mm256_setzero_si256(); }
inline Words load_words(const std::int16_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
inline Words broadcast_pair(const std::int16_t* p) {
  std::int32_t pair;
  __builtin_memcpy(&pair, p, sizeof(pair));
  return _mm256_set1_epi32(pair);
}
inline Floats to_floats(Words sums) { return (Floats)_mm256_cvtepi32_ps(sums); }
#endif

// sums += a[2i] * b[2i] + a[2i + 1] * b[2i + 1] for each 32-bit lane i.
inline void add_pair_products(Words& sums, Words a, Words b) {
#if defined(__AVX512VNNI__)
  // As assembler for the reason given at add_byte_products.
  __asm__("vpdpwssd %2, %1, %0" : "+v"(sums) : "v"(a), "v"(b));
#elif defined(__AVX512BW__)
  sums = _mm512_add_epi32(sums, _mm512_madd_epi16(a, b));
#else
  sums = _mm256_add_epi32(sums, _mm256_madd_epi16(a, b));
#endif
}

void pack_fixed_dense(const std::int16_t* weights, int depth, int outputs, std::int16_t* packed) {
  pack<2>(weights, depth, outputs, packed);
}

template <int Rows, int Columns>
inline void fixed_dense_tile(const FixedDenseTask& task, int row, const std::int16_t* weights,
                             int first) {
  const std::int16_t* rows = task.rows + static_cast<std::ptrdiff_t>(row) * task.depth;
  float totals[Rows][Columns * kLanes];
  int begin = 0;
  do {
    const int end = begin + kFixedBlock < task.depth ? begin + kFixedBlock : task.depth;
    Words sums[Rows][Columns];
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 3
      for (int j = 0; j < Columns; ++j) sums[r][j] = zero_words();
    }
    for (int k = begin; k < end; k += 2, weights += 2 * Columns * kLanes) {
      Words w[Columns];
#pragma GCC unroll 3
      for (int j = 0; j < Columns; ++j) w[j] = load_words(weights + j * 2 * kLanes);
#pragma GCC unroll 8
      for (int r = 0; r < Rows; ++r) {
        const Words x = broadcast_pair(rows + static_cast<std::ptrdiff_t>(r) * task.depth + k);
#pragma GCC unroll 3
        for (int j = 0; j < Columns; ++j) add_pair_products(sums[r][j], w[j], x);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 3
      for (int j = 0; j < Columns; ++j) {
        float* total = totals[r] + j * kLanes;
        Floats sum = to_floats(sums[r][j]);
        if (begin > 0) sum += load(total);
        store(total, sum);
      }
    }
    begin += kFixedBlock;
  } while (begin < task.depth);
  Floats weight_scales[Columns], biases[Columns];
  for (int j = 0; j < Columns; ++j) {
    weight_scales[j] = load(task.weight_scales + first + j * kLanes);
    biases[j] = load(task.bias + first + j * kLanes);
  }
  for (int r = 0; r < Rows; ++r) {
    Floats x[Columns];
    for (int j = 0; j < Columns; ++j) {
      x[j] = multiply_add(load(totals[r] + j * kLanes), weight_scales[j] * task.row_scales[row + r],
                          biases[j]);
    }
    finish(x, task.epilogue);
    float* out = task.out + (row + r) * task.out_stride + first;
    for (int j = 0; j < Columns; ++j) store(out + j * kLanes, x[j]);
  }
}

template <int Rows, int Columns>
struct FixedDenseTile {
  static void run(const FixedDenseTask& task, int row, const std::int16_t* weights, int first) {
    fixed_dense_tile<Rows, Columns>(task, row, weights, first);
  }
};

void fixed_dense(const FixedDenseTask& task) { dense_panels<FixedDenseTile>(task); }

inline float magnitude(float x) { return x < 0 ? -x : x; }

inline std::int16_t rounded_word(float x) {
  return static_cast<std::int16_t>(_mm_cvtss_si32(_mm_set_ss(x)));
}

inline void store_rounded(std::int16_t* out, Floats x) {
#if defined(__AVX512BW__)
  const __m256i words = _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32((__m512)x));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), words);
#else
  const __m256i ints = _mm256_cvtps_epi32((__m256)x);
  const __m128i words =
      _mm_packs_epi32(_mm256_castsi256_si128(ints), _mm256_extracti128_si256(ints, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), words);
#endif
}

// The largest magnitude of a row and the largest sum of squares over its blocks.
struct RowRange {
  float largest = 0;
  float squares = 0;
};

inline RowRange row_range(const float* row, int depth) {
  RowRange range;
  Floats best{};
  for (int begin = 0; begin < depth; begin += kFixedBlock) {
    const int end = begin + kFixedBlock < depth ? begin + kFixedBlock : depth;
    Floats total{};
    int k = begin;
    for (; k + kLanes <= end; k += kLanes) {
      const Floats x = load(row + k);
      best = larger(best, x < 0 ? -x : x);
      total = multiply_add(x, x, total);
    }
    float squares = sum_of_lanes(total);
    for (; k < end; ++k) {
      const float x = magnitude(row[k]);
      range.largest = range.largest < x ? x : range.largest;
      squares += x * x;
    }
    range.squares = range.squares < squares ? squares : range.squares;
  }
  const float largest = largest_lane(best);
  range.largest = range.largest < largest ? largest : range.largest;
  return range;
}

void fix_rows(const float* rows, std::ptrdiff_t row_stride, int count, int depth,
              std::int16_t* values, float* row_scales) {
  const int whole = depth - depth % kLanes;
  for (int r = 0; r < count; ++r, rows += row_stride, values += depth) {
    const RowRange range = row_range(rows, depth);
    const float by_value = range.largest / kLargestFixed;
    const float by_norm = __builtin_sqrtf(range.squares) / kFixedNorm;
    const float scale = by_value < by_norm ? by_norm : by_value;
    row_scales[r] = scale;
    const float factor = scale > 0 ? 1.0F / scale : 0;
    for (int k = 0; k < whole; k += kLanes) store_rounded(values + k, load(rows + k) * factor);
    for (int k = whole; k < depth; ++k) values[k] = rounded_word(rows[k] * factor);
  }
}

constexpr auto kPackFixedDense = pack_fixed_dense;
constexpr auto kFixRows = fix_rows;
constexpr auto kFixedDense = fixed_dense;

#else

constexpr decltype(NetworkKernels::pack_fixed_dense) kPackFixedDense = nullptr;
constexpr decltype(NetworkKernels::fix_rows) kFixRows = nullptr;
constexpr decltype(NetworkKernels::fixed_dense) kFixedDense = nullptr;

#endif

#if defined(__AVX512VNNI__)

void pack_byte_dense(const std::int8_t* weights, int depth, int outputs, std::int8_t* packed) {
  pack<kByteGroup>(weights, depth, outputs, packed);
}

template <int Rows, int Columns>
inline void byte_dense_tile(const ByteDenseTask& task, int row, const std::int8_t* weights,
                            int first) {
  const std::uint8_t* rows = task.rows + static_cast<std::ptrdiff_t>(row) * task.depth;
  Words sums[Rows][Columns];
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 3
    for (int j = 0; j < Columns; ++j) sums[r][j] = zero_words();
  }
  for (int k = 0; k < task.depth; k += kByteGroup, weights += kByteGroup * Columns * kLanes) {
    Words w[Columns];
#pragma GCC unroll 3
    for (int j = 0; j < Columns; ++j) {
      w[j] = _mm512_loadu_si512(weights + j * kByteGroup * kLanes);
    }
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
      std::int32_t group;
      __builtin_memcpy(&group, rows + static_cast<std::ptrdiff_t>(r) * task.depth + k,
                       sizeof(group));
      const Words x = _mm512_set1_epi32(group);
#pragma GCC unroll 3
      for (int j = 0; j < Columns; ++j) add_byte_products(sums[r][j], x, w[j]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) {
    const Floats scale = broadcast(task.row_scales[row + r]);
    const Floats offset = broadcast(task.row_offsets[row + r]);
    Floats x[Columns];
#pragma GCC unroll 3
    for (int j = 0; j < Columns; ++j) {
      const int at = first + j * kLanes;
      const Floats base = multiply_add(offset, load(task.weight_sums + at), load(task.bias + at));
      x[j] = multiply_add(to_floats(sums[r][j]), scale * load(task.weight_scales + at), base);
    }
    finish(x, task.epilogue);
    float* out = task.out + (row + r) * task.out_stride + first;
#pragma GCC unroll 3
    for (int j = 0; j < Columns; ++j) store(out + j * kLanes, x[j]);
  }
}

template <int Rows, int Columns>
struct ByteDenseTile {
  static void run(const ByteDenseTask& task, int row, const std::int8_t* weights, int first) {
    byte_dense_tile<Rows, Columns>(task, row, weights, first);
  }
};

void byte_dense(const ByteDenseTask& task) { dense_panels<ByteDenseTile>(task); }

void byte_rows(const float* rows, std::ptrdiff_t row_stride, int count, int depth,
               std::uint8_t* values, float* row_scales, float* row_offsets) {
  for (int r = 0; r < count; ++r, rows += row_stride, values += depth) {
    const auto lanes_from = [&](int k) {
      return static_cast<__mmask16>(depth - k >= kLanes ? 0xFFFF : (1 << (depth - k)) - 1);
    };
    // Lanes beyond the end repeat the first value.
    const __m512 start = _mm512_set1_ps(rows[0]);
    __m512 least = start, largest = start;
    for (int k = 0; k < depth; k += kLanes) {
      const __m512 x = _mm512_mask_loadu_ps(start, lanes_from(k), rows + k);
      least = _mm512_min_ps(least, x);
      largest = _mm512_max_ps(largest, x);
    }
    const float offset = _mm512_reduce_min_ps(least);
    const float scale = (_mm512_reduce_max_ps(largest) - offset) / 255.0F;
    row_offsets[r] = offset;
    row_scales[r] = scale;
    const __m512 factor = _mm512_set1_ps(scale > 0 ? 1.0F / scale : 0);
    for (int k = 0; k < depth; k += kLanes) {
      const __m512 x = _mm512_mask_loadu_ps(start, lanes_from(k), rows + k);
      const __m512i steps =
          _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_sub_ps(x, _mm512_set1_ps(offset)), factor));
      const __m512i positive = _mm512_max_epi32(steps, _mm512_setzero_si512());
      _mm512_mask_cvtusepi32_storeu_epi8(values + k, lanes_from(k), positive);
    }
  }
}

constexpr auto kPackByteDense = pack_byte_dense;
constexpr auto kByteRows = byte_rows;
constexpr auto kByteDense = byte_dense;

#else

constexpr decltype(NetworkKernels::pack_byte_dense) kPackByteDense = nullptr;
constexpr decltype(NetworkKernels::byte_rows) kByteRows = nullptr;
constexpr decltype(NetworkKernels::byte_dense) kByteDense = nullptr;

#endif

// ---- depthwise convolution ----------------------------------------------------------------------

inline std::ptrdiff_t pixel_at(const DepthwiseTask& t, int row, int column) {
  return static_cast<std::ptrdiff_t>(row) * t.pitch + column - t.first_column;
}

// The weights of one row of the kernel for the vector of channels that begins at `c`.
inline const float* depthwise_weights(const DepthwiseTask& t, int row, int c) {
  const int block = c / kChannelStep * kChannelStep;
  return t.weights + static_cast<std::ptrdiff_t>(t.kernel_width) * (row * t.channels + block) +
         c % kChannelStep;
}

// A run of output pixels which the left and right border do not reach, for one vector of channels.
struct DepthwiseRun {
  const float* image;       // what the upper left tap of the first pixel meets
  std::ptrdiff_t channels;  // floats from one pixel to the next
  std::ptrdiff_t pitch;     // and from one row to the next
  int rows;                 // of the kernel, that lie on the image
  const float* weights;
  Floats bias;
  float* out;
};

template <Activation Kind, int Width, int Stride, int Pixels>
inline __attribute__((always_inline)) void depthwise_block(const DepthwiseRun& run, int x,
                                                           const Epilogue& epilogue) {
  const float* row = run.image + x * Stride * run.channels;
  const float* weights = run.weights;
  Floats sums[Pixels];
#pragma GCC unroll 8
  for (int i = 0; i < Pixels; ++i) sums[i] = run.bias;
  for (int ky = 0; ky < run.rows; ++ky, row += run.pitch, weights += Width * run.channels) {
    Floats w[Width];
#pragma GCC unroll 7
    for (int kx = 0; kx < Width; ++kx) w[kx] = load(weights + kx * kChannelStep);
    constexpr int kSpan = (Pixels - 1) * Stride + Width;
#pragma GCC unroll 24
    for (int s = 0; s < kSpan; ++s) {
      const Floats pixel = load(row + s * run.channels);
#pragma GCC unroll 8
      for (int i = 0; i < Pixels; ++i) {
        const int kx = s - i * Stride;
        if (kx >= 0 && kx < Width) sums[i] = multiply_add(pixel, w[kx], sums[i]);
      }
    }
  }
  finish_as<Kind>(sums, epilogue);
#pragma GCC unroll 8
  for (int i = 0; i < Pixels; ++i) store(run.out + (x + i) * run.channels, sums[i]);
}

template <Activation Kind, int Width, int Stride>
inline void depthwise_run(const DepthwiseRun& run, int count, const Epilogue& epilogue) {
  int x = 0;
  for (; x + kDepthwisePixels <= count; x += kDepthwisePixels) {
    depthwise_block<Kind, Width, Stride, kDepthwisePixels>(run, x, epilogue);
  }
  for (; x + 2 <= count; x += 2) depthwise_block<Kind, Width, Stride, 2>(run, x, epilogue);
  if (x < count) depthwise_block<Kind, Width, Stride, 1>(run, x, epilogue);
}

// One pixel with a kernel of any width, anywhere.
inline void depthwise_pixel(const DepthwiseTask& t, int c, int x, int top, int bottom) {
  Floats sum[1] = {load(t.bias + c)};
  for (int ky = top; ky < bottom; ++ky) {
    const int row = t.y * t.stride_y - t.pad_top + ky;
    for (int kx = 0; kx < t.kernel_width; ++kx) {
      const int column = x * t.stride_x - t.pad_left + kx;
      if (column < 0 || column >= t.width) continue;
      sum[0] = multiply_add(load(t.image + pixel_at(t, row, column) * t.channels + c),
                            load(depthwise_weights(t, ky, c) + kx * kChannelStep), sum[0]);
    }
  }
  finish(sum, t.epilogue);
  store(t.out + static_cast<std::ptrdiff_t>(x - t.begin) * t.channels + c, sum[0]);
}

// Pixels begin .. end - 1, which the border does not reach. Some pixels at a time, vector by vector
// of channels: what they read of one stays in the first-level cache, and its weights too.
template <Activation Kind, int Width, int Stride>
inline void depthwise_inner(const DepthwiseTask& t, int begin, int end, int top, int bottom,
                            const Epilogue& epilogue) {
  const std::ptrdiff_t channels = t.channels;
  const int y = t.y * t.stride_y - t.pad_top + top;
  for (int x = begin; x < end; x += kDepthwiseRun) {
    const int count = x + kDepthwiseRun < end ? kDepthwiseRun : end - x;
    const float* image = t.image + pixel_at(t, y, x * Stride - t.pad_left) * channels;
    for (int c = 0; c < t.channels; c += kLanes) {
      depthwise_run<Kind, Width, Stride>(
          {image + c, channels, t.pitch * channels, bottom - top, depthwise_weights(t, top, c),
           load(t.bias + c), t.out + (x - t.begin) * channels + c},
          count, epilogue);
    }
  }
}

// The activations that follow such convolutions in the networks at hand are part of the kernel.
template <int Width, int Stride>
void depthwise_inner(const DepthwiseTask& t, int begin, int end, int top, int bottom) {
  const Epilogue& e = t.epilogue;
  switch (e.activation) {
    case Activation::kNone:
      return depthwise_inner<Activation::kNone, Width, Stride>(t, begin, end, top, bottom, e);
    case Activation::kRelu:
      return depthwise_inner<Activation::kRelu, Width, Stride>(t, begin, end, top, bottom, e);
    case Activation::kHardSwish:
      return depthwise_inner<Activation::kHardSwish, Width, Stride>(t, begin, end, top, bottom, e);
    default:
      if (begin >= end) return;
      depthwise_inner<Activation::kNone, Width, Stride>(t, begin, end, top, bottom, {});
      float* out = t.out + static_cast<std::ptrdiff_t>(begin - t.begin) * t.channels;
      activate(out, static_cast<std::ptrdiff_t>(end - begin) * t.channels, e, out);
  }
}

inline void depthwise_border(const DepthwiseTask& t, int begin, int end, int top, int bottom) {
  for (int x = begin; x < end; ++x) {
    for (int c = 0; c < t.channels; c += kLanes) depthwise_pixel(t, c, x, top, bottom);
  }
}

void depthwise(const DepthwiseTask& t) {
  const int first_row = t.y * t.stride_y - t.pad_top;
  const int top = first_row < 0 ? -first_row : 0;
  const int rows_left = t.height - first_row;
  const int bottom = rows_left < t.kernel_height ? rows_left : t.kernel_height;
  // Output pixels whose kernel lies between the left and the right border.
  const int left = (t.pad_left + t.stride_x - 1) / t.stride_x;
  const int span = t.width + t.pad_left - t.kernel_width;
  const int right = span < 0 ? 0 : span / t.stride_x + 1;
  const int inner_end = right < t.end ? right : t.end;
  const int first = left < t.begin ? t.begin : left < t.end ? left : t.end;
  depthwise_border(t, t.begin, first, top, bottom);
  int x = first < inner_end ? inner_end : first;
  if (t.kernel_width == 3 && t.stride_x == 1) {
    depthwise_inner<3, 1>(t, first, inner_end, top, bottom);
  } else if (t.kernel_width == 3 && t.stride_x == 2) {
    depthwise_inner<3, 2>(t, first, inner_end, top, bottom);
  } else if (t.kernel_width == 5 && t.stride_x == 1) {
    depthwise_inner<5, 1>(t, first, inner_end, top, bottom);
  } else if (t.kernel_width == 5 && t.stride_x == 2) {
    depthwise_inner<5, 2>(t, first, inner_end, top, bottom);
  } else if (t.kernel_width == 7 && t.stride_x == 1) {
    depthwise_inner<7, 1>(t, first, inner_end, top, bottom);
  } else {
    x = first;
  }
  depthwise_border(t, x, t.end, top, bottom);
}

// ---- element by element -------------------------------------------------------------------------

void add(const float* a, const float* b, std::ptrdiff_t count, float* out) {
  for (std::ptrdiff_t i = 0; i < count; i += kLanes) store(out + i, load(a + i) + load(b + i));
}

void scale_channels(const float* pixels, int count, int channels, const float* factors, float bias,
                    float* out) {
  for (int i = 0; i < count; ++i, pixels += channels, out += channels) {
    for (int c = 0; c < channels; c += kLanes) {
      store(out + c, load(pixels + c) * (load(factors + c) + bias));
    }
  }
}

void sum_pixels(const float* pixels, int count, int channels, const float* weights, float* sums) {
  for (int c = 0; c < channels; c += kLanes) {
    Floats total = load(sums + c);
    for (int i = 0; i < count; ++i) {
      const Floats pixel = load(pixels + static_cast<std::ptrdiff_t>(i) * channels + c);
      total += weights != nullptr ? pixel * weights[i] : pixel;
    }
    store(sums + c, total);
  }
}

void average_windows(const float* image, std::ptrdiff_t stride, int channels, int height, int width,
                     int count, float* out) {
  const float share = 1.0F / static_cast<float>(height * width);
  for (int i = 0; i < count; ++i, image += width * channels, out += channels) {
    for (int c = 0; c < channels; c += kLanes) {
      Floats sum{};
      for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) sum += load(image + y * stride + x * channels + c);
      }
      store(out + c, sum * share);
    }
  }
}

void largest_in_windows(const float* image, std::ptrdiff_t stride, int channels, int height,
                        int width, int step, int count, float* out) {
  for (int i = 0; i < count; ++i, image += step * channels, out += channels) {
    for (int c = 0; c < channels; c += kLanes) {
      Floats best = load(image + c);
      for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
          best = larger(best, load(image + y * stride + x * channels + c));
        }
      }
      store(out + c, best);
    }
  }
}

// ---- rows of tokens -----------------------------------------------------------------------------

void normalize_rows(const float* rows, std::ptrdiff_t row_stride, int count, int size,
                    float epsilon, const float* gain, const float* bias, float* out) {
  const int whole = size - size % kLanes;
  const float share = 1.0F / static_cast<float>(size);
  for (int r = 0; r < count; ++r, rows += row_stride, out += row_stride) {
    Floats total{};
    for (int k = 0; k < whole; k += kLanes) total += load(rows + k);
    float mean = sum_of_lanes(total);
    for (int k = whole; k < size; ++k) mean += rows[k];
    mean *= share;
    Floats squares{};
    for (int k = 0; k < whole; k += kLanes) {
      const Floats d = load(rows + k) - mean;
      squares += d * d;
    }
    float variance = sum_of_lanes(squares);
    for (int k = whole; k < size; ++k) variance += (rows[k] - mean) * (rows[k] - mean);
    const float factor = 1.0F / __builtin_sqrtf(variance * share + epsilon);
    for (int k = 0; k < whole; k += kLanes) {
      store(out + k, (load(rows + k) - mean) * factor * load(gain + k) + load(bias + k));
    }
    for (int k = whole; k < size; ++k) out[k] = (rows[k] - mean) * factor * gain[k] + bias[k];
  }
}

// Values to exp(value - largest); returns their sum, each times its weight.
inline float exponentials(float* values, int count, const float* weights) {
  float largest = values[0];
  for (int i = 1; i < count; ++i) largest = largest < values[i] ? values[i] : largest;
  int i = 0;
  Floats total{};
  for (; i + kLanes <= count; i += kLanes) {
    Floats e = exp_not_positive(load(values + i) - largest);
    if (weights != nullptr) e *= load(weights + i);
    store(values + i, e);
    total += e;
  }
  float sum = sum_of_lanes(total);
  for (; i < count; ++i) {
    float e = exp_not_positive(broadcast(values[i] - largest))[0];
    if (weights != nullptr) e *= weights[i];
    values[i] = e;
    sum += e;
  }
  return sum;
}

constexpr int padded(int count, int step) { return (count + step - 1) / step * step; }

// The scratch holds the keys of one head as head_size rows, its values with whole vectors for each
// token, and one row of scores.
void attention(const AttentionTask& t) {
  const int width = t.heads * t.head_size;
  const int tokens = padded(t.tokens, kChannelStep), size = padded(t.head_size, kChannelStep);
  float* const keys = t.scratch;
  float* const values = keys + static_cast<std::ptrdiff_t>(t.head_size) * tokens;
  float* const scores = values + static_cast<std::ptrdiff_t>(t.tokens) * size;
  for (int head = 0; head < t.heads; ++head) {
    for (int i = 0; i < tokens; ++i) {
      const float* row = t.rows + i * t.row_stride + head * t.head_size;
      for (int d = 0; d < t.head_size; ++d) {
        keys[static_cast<std::ptrdiff_t>(d) * tokens + i] = i < t.tokens ? row[width + d] : 0;
      }
      for (int d = 0; d < size && i < t.tokens; ++d) {
        values[static_cast<std::ptrdiff_t>(i) * size + d] =
            d < t.head_size ? row[2 * width + d] : 0;
      }
    }
    for (int q = 0; q < t.tokens; ++q) {
      const float* query = t.rows + q * t.row_stride + head * t.head_size;
      for (int i = 0; i < tokens; i += kLanes) {
        Floats sum{};
        for (int d = 0; d < t.head_size; ++d) {
          sum = multiply_add(load(keys + static_cast<std::ptrdiff_t>(d) * tokens + i),
                             broadcast(query[d] * t.scale), sum);
        }
        store(scores + i, sum);
      }
      const float share = 1.0F / exponentials(scores, t.tokens, t.weights);
      float* out = t.out + q * t.out_stride + head * t.head_size;
      for (int d = 0; d < size; d += kLanes) {
        Floats even{}, odd{};
        int i = 0;
        for (; i + 2 <= t.tokens; i += 2) {
          const float* value = values + static_cast<std::ptrdiff_t>(i) * size + d;
          even = multiply_add(load(value), broadcast(scores[i]), even);
          odd = multiply_add(load(value + size), broadcast(scores[i + 1]), odd);
        }
        if (i < t.tokens) {
          const float* value = values + static_cast<std::ptrdiff_t>(i) * size + d;
          even = multiply_add(load(value), broadcast(scores[i]), even);
        }
        const Floats mean = (even + odd) * share;
        for (int k = 0; k < kLanes && d + k < t.head_size; ++k) out[d + k] = mean[k];
      }
    }
  }
}

void softmax_rows(const float* rows, std::ptrdiff_t row_stride, int count, int size, float* out,
                  std::ptrdiff_t out_stride) {
  for (int r = 0; r < count; ++r, rows += row_stride, out += out_stride) {
    if (out != rows) __builtin_memmove(out, rows, static_cast<std::size_t>(size) * sizeof(float));
    const float share = 1.0F / exponentials(out, size, nullptr);
    for (int k = 0; k < size; ++k) out[k] *= share;
  }
}

}  // namespace
}  // namespace fastocr::kernels
