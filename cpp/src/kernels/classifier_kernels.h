// Kernels of the linear classifier; see kernels.h for the rules and the meaning of each function.
// Included by kernel_table.h only.

#include "kernels/kernels.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace fastocr::kernels {
namespace {

// One register of floats, as a vector type of the compiler.
#if defined(__AVX512F__)
constexpr int kLanes = 16, kColumns = 4;
#elif defined(__AVX2__)
constexpr int kLanes = 8, kColumns = 2;
#else
constexpr int kLanes = 4, kColumns = 2;
#endif
using Floats = float __attribute__((vector_size(kLanes * sizeof(float))));
using Ints = std::int32_t __attribute__((vector_size(kLanes * sizeof(std::int32_t))));

// Rows and registers of classes in one tile: with the operands they just fit into the registers.
constexpr int kRows = 6;
constexpr int kTileClasses = kLanes * kColumns;

inline Floats load(const float* p) {
  Floats v;
  __builtin_memcpy(&v, p, sizeof(v));
  return v;
}

inline void store(float* p, Floats v) { __builtin_memcpy(p, &v, sizeof(v)); }

inline Floats larger(Floats a, Floats b) { return a > b ? a : b; }

inline Floats multiply_add(Floats a, Floats b, Floats c) {
#if defined(__AVX512F__)
  return (Floats)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
  return (Floats)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
  return a * b + c;
#endif
}

inline float largest_lane(Floats v) {
  float best = v[0];
  for (int i = 1; i < kLanes; ++i) best = v[i] > best ? v[i] : best;
  return best;
}

// Scores of `Rows` rows for kTileClasses classes from `first` on in a block.
template <int Rows>
inline void tile_scores(const PackedClassifier& c, int block, int first, const float* const* rows,
                        Floats (&scores)[Rows][kColumns]) {
  const float* bias = c.bias + block * kClassBlock + first;
  const float* weights =
      c.weights + static_cast<std::ptrdiff_t>(block) * c.features * kClassBlock + first;
  for (int r = 0; r < Rows; ++r) {
    for (int j = 0; j < kColumns; ++j) scores[r][j] = load(bias + j * kLanes);
  }
  for (int k = 0; k < c.features; ++k, weights += kClassBlock) {
    Floats w[kColumns];
    for (int j = 0; j < kColumns; ++j) w[j] = load(weights + j * kLanes);
    for (int r = 0; r < Rows; ++r) {
      const Floats x = Floats{} + rows[r][k];
      for (int j = 0; j < kColumns; ++j) scores[r][j] = multiply_add(w[j], x, scores[r][j]);
    }
  }
}

void block_maxima(const PackedClassifier& c, const float* rows, int count, float* maxima) {
  for (int block = 0; block < c.blocks; ++block) {
    for (int first_row = 0; first_row < count; first_row += kRows) {
      const float* tile[kRows];  // the last tile repeats the last row
      for (int r = 0; r < kRows; ++r) {
        const int row = first_row + r < count ? first_row + r : count - 1;
        tile[r] = rows + static_cast<std::ptrdiff_t>(row) * c.features;
      }
      Floats best[kRows];
      for (int first = 0; first < kClassBlock; first += kTileClasses) {
        Floats scores[kRows][kColumns];
        tile_scores<kRows>(c, block, first, tile, scores);
        for (int r = 0; r < kRows; ++r) {
          Floats m = scores[r][0];
          for (int j = 1; j < kColumns; ++j) m = larger(m, scores[r][j]);
          best[r] = first == 0 ? m : larger(best[r], m);
        }
      }
      for (int r = 0; r < kRows && first_row + r < count; ++r) {
        maxima[static_cast<std::ptrdiff_t>(first_row + r) * c.blocks + block] =
            largest_lane(best[r]);
      }
    }
  }
}

void block_scores(const PackedClassifier& c, const float* row, int block, float* out) {
  for (int first = 0; first < kClassBlock; first += kTileClasses) {
    Floats scores[1][kColumns];
    tile_scores<1>(c, block, first, &row, scores);
    for (int j = 0; j < kColumns; ++j) store(out + first + j * kLanes, scores[0][j]);
  }
}

// exp(x) for x <= 0 as 2^n * 2^f with |f| <= 1/2; 2^f by its Taylor polynomial. Zero below -87,
// where the result would leave the range of normal floats.
inline Floats exp_not_positive(Floats x) {
  constexpr float kLog2E = 1.44269504088896341F;
  constexpr float kMagic = 12582912.0F;  // 1.5 * 2^23: a sum with it has no fractional bits left
  const Floats lowest = Floats{} - 87.0F;
  const Floats t = larger(x, lowest) * kLog2E;
  const Floats rounded = t + kMagic;
  const Floats f = t - (rounded - kMagic);
  constexpr float kTerms[] = {1.5403530393381609e-4F,
                              1.3333558146428443e-3F,
                              9.6181291076284772e-3F,
                              5.5504108664821580e-2F,
                              2.4022650695910071e-1F,
                              6.9314718055994531e-1F,
                              1.0F};
  Floats p = Floats{} + kTerms[0];
  for (int i = 1; i < 7; ++i) p = multiply_add(p, f, Floats{} + kTerms[i]);
  Ints bits, exponent;
  __builtin_memcpy(&exponent, &rounded, sizeof(exponent));
  __builtin_memcpy(&bits, &p, sizeof(bits));
  bits += exponent << 23;
  Floats result;
  __builtin_memcpy(&result, &bits, sizeof(result));
  return x < lowest ? Floats{} : result;
}

float exp_sum(const float* values, int count, float shift) {
  Floats total{};
  int i = 0;
  for (; i + kLanes <= count; i += kLanes) total += exp_not_positive(load(values + i) - shift);
  float sum_of_lanes = 0;
  for (int lane = 0; lane < kLanes; ++lane) sum_of_lanes += total[lane];
  for (; i < count; ++i) sum_of_lanes += exp_not_positive(Floats{} + (values[i] - shift))[0];
  return sum_of_lanes;
}

#if defined(__AVX512VNNI__)

void quantized_block_maxima(const PackedClassifier& c, const QuantizedRow* rows, int count,
                            float* maxima) {
  constexpr int kWords = kClassBlock / 16;
  const int groups = c.features / kQuantizedGroup;
  for (int block = 0; block < c.blocks; ++block) {
    const std::int8_t* const weights =
        c.quantized + static_cast<std::ptrdiff_t>(block) * c.features * kClassBlock;
    for (int first_row = 0; first_row < count; first_row += kRows) {
      const std::uint8_t* tile[kRows];
      for (int r = 0; r < kRows; ++r) {
        tile[r] = rows[first_row + r < count ? first_row + r : count - 1].values;
      }
      __m512i sums[kRows][kWords];
      for (int j = 0; j < kWords; ++j) {
        const __m512i offset = _mm512_load_si512(c.minus_offset + block * kClassBlock + 16 * j);
        for (int r = 0; r < kRows; ++r) sums[r][j] = offset;
      }
      for (int g = 0; g < groups; ++g) {
        const std::int8_t* group = weights + static_cast<std::ptrdiff_t>(g) * 4 * kClassBlock;
        __m512i w[kWords];
        for (int j = 0; j < kWords; ++j) w[j] = _mm512_load_si512(group + 64 * j);
        for (int r = 0; r < kRows; ++r) {
          std::int32_t four;
          __builtin_memcpy(&four, tile[r] + kQuantizedGroup * g, sizeof(four));
          const __m512i x = _mm512_set1_epi32(four);
          for (int j = 0; j < kWords; ++j) sums[r][j] = _mm512_dpbusd_epi32(sums[r][j], x, w[j]);
        }
      }
      for (int r = 0; r < kRows && first_row + r < count; ++r) {
        const Floats row_scale = Floats{} + rows[first_row + r].scale;
        Floats best{};
        for (int j = 0; j < kWords; ++j) {
          const std::ptrdiff_t at = block * kClassBlock + 16 * j;
          const Floats score = multiply_add((Floats)_mm512_cvtepi32_ps(sums[r][j]),
                                            row_scale * load(c.scale + at), load(c.bias + at));
          best = j == 0 ? score : larger(best, score);
        }
        maxima[static_cast<std::ptrdiff_t>(first_row + r) * c.blocks + block] =
            _mm512_reduce_max_ps((__m512)best);
      }
    }
  }
}
constexpr auto kQuantizedBlockMaxima = quantized_block_maxima;

#else

constexpr decltype(KernelTable::quantized_block_maxima) kQuantizedBlockMaxima = nullptr;

#endif

}  // namespace
}  // namespace fastocr::kernels
