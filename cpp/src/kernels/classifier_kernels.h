// Kernels of the linear classifier; see kernels.h for the rules and the meaning of each function.
// Included by kernel_table.h only.

#include "kernels/kernels.h"
#include "kernels/vector.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace fastocr::kernels {
namespace {

#if defined(__AVX512F__)
constexpr int kColumns = 4;
#else
constexpr int kColumns = 2;
#endif

// Rows and registers of classes in one tile: with the operands they just fit into the registers.
constexpr int kRows = 6;
constexpr int kTileClasses = kLanes * kColumns;

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
      const Floats x = broadcast(rows[r][k]);
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

template <int Rows>
inline void add_tile_exp_sums(const PackedClassifier& c, int block, const ExpSumRow* rows) {
  const float* tile[Rows];
  for (int r = 0; r < Rows; ++r) tile[r] = rows[r].values;
  Floats sums[Rows] = {};
  for (int first = 0; first < kClassBlock; first += kTileClasses) {
    Floats scores[Rows][kColumns];
    tile_scores<Rows>(c, block, first, tile, scores);
    for (int r = 0; r < Rows; ++r) {
      for (int j = 0; j < kColumns; ++j) sums[r] += exp_not_positive(scores[r][j] - rows[r].shift);
    }
  }
  for (int r = 0; r < Rows; ++r) *rows[r].total += sum_of_lanes(sums[r]);
}

void add_exp_sums(const PackedClassifier& c, int block, const ExpSumRow* rows, int count) {
  int row = 0;
  for (; row + kRows <= count; row += kRows) add_tile_exp_sums<kRows>(c, block, rows + row);
  for (; row + 2 <= count; row += 2) add_tile_exp_sums<2>(c, block, rows + row);
  if (row < count) add_tile_exp_sums<1>(c, block, rows + row);
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
#pragma GCC unroll 4
      for (int j = 0; j < kWords; ++j) {
        const __m512i offset = _mm512_load_si512(c.minus_offset + block * kClassBlock + 16 * j);
#pragma GCC unroll 6
        for (int r = 0; r < kRows; ++r) sums[r][j] = offset;
      }
      for (int g = 0; g < groups; ++g) {
        const std::int8_t* group = weights + static_cast<std::ptrdiff_t>(g) * 4 * kClassBlock;
        __m512i w[kWords];
#pragma GCC unroll 4
        for (int j = 0; j < kWords; ++j) w[j] = _mm512_load_si512(group + 64 * j);
#pragma GCC unroll 6
        for (int r = 0; r < kRows; ++r) {
          std::int32_t four;
          __builtin_memcpy(&four, tile[r] + kQuantizedGroup * g, sizeof(four));
          const __m512i x = _mm512_set1_epi32(four);
#pragma GCC unroll 4
          for (int j = 0; j < kWords; ++j) add_byte_products(sums[r][j], x, w[j]);
        }
      }
      // Unrolled, like the loops above, so that no sum needs an address: they stay in registers.
#pragma GCC unroll 6
      for (int r = 0; r < kRows; ++r) {
        if (first_row + r >= count) break;
        const Floats row_scale = broadcast(rows[first_row + r].scale);
        Floats best{};
#pragma GCC unroll 4
        for (int j = 0; j < kWords; ++j) {
          const std::ptrdiff_t at = block * kClassBlock + 16 * j;
          const Floats score = multiply_add((Floats)_mm512_cvtepi32_ps(sums[r][j]),
                                            row_scale * load(c.scale + at), load(c.bias + at));
          best = j == 0 ? score : larger(best, score);
        }
        maxima[static_cast<std::ptrdiff_t>(first_row + r) * c.blocks + block] = largest_lane(best);
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
