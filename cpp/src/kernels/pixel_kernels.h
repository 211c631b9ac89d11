// Kernels over pixels and maps; see kernels.h for the rules and the meaning of each function.
// Included by kernel_table.h only.

#include <cstddef>
#include <cstdint>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace fastocr::kernels {
namespace {

using u8 = std::uint8_t;
using i16 = std::int16_t;
using i32 = std::int32_t;

constexpr int kBgr = 3;

// ---- bilinear resize ----------------------------------------------------------------------------

void resize_row(const u8* source, int source_width, const i32* index, const i16* weights, int safe,
                int width, i16* out) {
  int x = 0;
#if defined(__AVX2__)
  // One lane a pixel: bytes of two neighbours become pairs (b0 b1)(g0 g1)(r0 r1) of 16 bits.
  const __m256i pairs = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1));
  for (; x + 2 <= safe; x += 2) {
    const __m128i left =
        _mm_loadl_epi64(reinterpret_cast<const __m128i*>(source + kBgr * index[x]));
    const __m128i right =
        _mm_loadl_epi64(reinterpret_cast<const __m128i*>(source + kBgr * index[x + 1]));
    const __m256i pixels = _mm256_shuffle_epi8(_mm256_set_m128i(right, left), pairs);
    const __m256i weight =
        _mm256_set_m128i(_mm_set1_epi32(*reinterpret_cast<const i32*>(weights + 2 * x + 2)),
                         _mm_set1_epi32(*reinterpret_cast<const i32*>(weights + 2 * x)));
    const __m256i sums = _mm256_srai_epi32(_mm256_madd_epi16(pixels, weight), 4);
    const __m256i packed = _mm256_packs_epi32(sums, sums);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out + kBgr * x), _mm256_castsi256_si128(packed));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out + kBgr * x + kBgr),
                     _mm256_extracti128_si256(packed, 1));
  }
#else
  (void)safe;
#endif
  for (; x < width; ++x) {
    const int right = index[x] + 1 < source_width ? index[x] + 1 : source_width - 1;
    const u8* p = source + kBgr * index[x];
    const u8* q = source + kBgr * right;
    for (int c = 0; c < kBgr; ++c) {
      out[kBgr * x + c] =
          static_cast<i16>((p[c] * weights[2 * x] + q[c] * weights[2 * x + 1]) >> 4);
    }
  }
}

void blend_rows(const i16* top, const i16* bottom, int w0, int w1, int count, u8* out) {
  int i = 0;
#if defined(__AVX512BW__)
  const __m512i top_weight = _mm512_set1_epi16(static_cast<i16>(w0));
  const __m512i bottom_weight = _mm512_set1_epi16(static_cast<i16>(w1));
  const __m512i two = _mm512_set1_epi16(2);
  for (; i + 32 <= count; i += 32) {
    const __m512i a = _mm512_mulhi_epi16(_mm512_loadu_si512(top + i), top_weight);
    const __m512i b = _mm512_mulhi_epi16(_mm512_loadu_si512(bottom + i), bottom_weight);
    const __m512i sum = _mm512_srai_epi16(_mm512_add_epi16(_mm512_add_epi16(a, b), two), 2);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), _mm512_cvtusepi16_epi8(sum));
  }
#elif defined(__AVX2__)
  const __m256i top_weight = _mm256_set1_epi16(static_cast<i16>(w0));
  const __m256i bottom_weight = _mm256_set1_epi16(static_cast<i16>(w1));
  const __m256i two = _mm256_set1_epi16(2);
  for (; i + 16 <= count; i += 16) {
    const __m256i a = _mm256_mulhi_epi16(
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(top + i)), top_weight);
    const __m256i b = _mm256_mulhi_epi16(
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bottom + i)), bottom_weight);
    const __m256i sum = _mm256_srai_epi16(_mm256_add_epi16(_mm256_add_epi16(a, b), two), 2);
    const __m256i bytes = _mm256_permute4x64_epi64(_mm256_packus_epi16(sum, sum), 0x08);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), _mm256_castsi256_si128(bytes));
  }
#endif
  for (; i < count; ++i) {
    out[i] = static_cast<u8>((((top[i] * w0) >> 16) + ((bottom[i] * w1) >> 16) + 2) >> 2);
  }
}

// ---- normalisation ------------------------------------------------------------------------------

struct MultiplyAdd {
  const float* a;
  const float* b;
  float operator()(float x, int c) const { return x * a[c] + b[c]; }
#if defined(__AVX2__)
  __m256 operator()(__m256 x, int c) const {
    return _mm256_add_ps(_mm256_mul_ps(x, _mm256_set1_ps(a[c])), _mm256_set1_ps(b[c]));
  }
#endif
};

struct DivideSubtractDivide {
  const float* a;
  const float* b;
  const float* d;
  float operator()(float x, int c) const { return ((x / a[c]) - b[c]) / d[c]; }
#if defined(__AVX2__)
  __m256 operator()(__m256 x, int c) const {
    const __m256 shifted =
        _mm256_sub_ps(_mm256_div_ps(x, _mm256_set1_ps(a[c])), _mm256_set1_ps(b[c]));
    return _mm256_div_ps(shifted, _mm256_set1_ps(d[c]));
  }
#endif
};

#if defined(__AVX2__)
// Bytes c, c + 3, c + 6, ... of 48 bytes of BGR pixels: one channel of 16 pixels.
inline __m128i channel_of_16(const u8* p, const __m128i* masks) {
  const __m128i* blocks = reinterpret_cast<const __m128i*>(p);
  const __m128i first = _mm_shuffle_epi8(_mm_loadu_si128(blocks), masks[0]);
  const __m128i second = _mm_shuffle_epi8(_mm_loadu_si128(blocks + 1), masks[1]);
  const __m128i third = _mm_shuffle_epi8(_mm_loadu_si128(blocks + 2), masks[2]);
  return _mm_or_si128(_mm_or_si128(first, second), third);
}

inline void fill_channel_masks(__m128i masks[kBgr][kBgr]) {
  for (int c = 0; c < kBgr; ++c) {
    for (int block = 0; block < kBgr; ++block) {
      alignas(16) char bytes[16];
      for (int i = 0; i < 16; ++i) {
        const int offset = kBgr * i + c - 16 * block;
        bytes[i] = static_cast<char>(offset >= 0 && offset < 16 ? offset : -1);
      }
      masks[c][block] = _mm_load_si128(reinterpret_cast<const __m128i*>(bytes));
    }
  }
}
#endif

template <typename Operation>
inline void normalize_row(const u8* source, int width, const Operation& operation,
                          float* const* planes) {
  int x = 0;
#if defined(__AVX2__)
  __m128i masks[kBgr][kBgr];
  fill_channel_masks(masks);
  for (; x + 16 <= width; x += 16) {
    for (int c = 0; c < kBgr; ++c) {
      const __m128i bytes = channel_of_16(source + kBgr * x, masks[c]);
      const __m256 low = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
      const __m256 high = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8)));
      _mm256_storeu_ps(planes[c] + x, operation(low, c));
      _mm256_storeu_ps(planes[c] + x + 8, operation(high, c));
    }
  }
#endif
  for (; x < width; ++x) {
    for (int c = 0; c < kBgr; ++c) {
      planes[c][x] = operation(static_cast<float>(source[kBgr * x + c]), c);
    }
  }
}

void multiply_add_row(const u8* source, int width, const float* a, const float* b,
                      float* const* planes) {
  normalize_row(source, width, MultiplyAdd{a, b}, planes);
}

void divide_subtract_divide_row(const u8* source, int width, const float* a, const float* b,
                                const float* c, float* const* planes) {
  normalize_row(source, width, DivideSubtractDivide{a, b, c}, planes);
}

// ---- perspective warp ---------------------------------------------------------------------------

// Half-even rounding to an integer of any value below 2^51: the sum has no fractional bits left.
inline double round_half_even(double value) {
  constexpr double kMagic = 6755399441055744.0;  // 1.5 * 2^52
  return (value + kMagic) - kMagic;
}

inline i32 fixed_position(double value) {
  constexpr double kLimit = 1073741824.0;  // far outside of any image, and safe to add to
  // Comparisons that send what is no number to the lower limit.
  const double above = value > -kLimit ? value : -kLimit;
  const double bounded = above < kLimit ? above : kLimit;
  return static_cast<i32>(round_half_even(bounded));
}

void warp_positions(const double* m, int y, int width, i32* xs, i32* ys) {
  constexpr double kSteps = 32.0;
  const double x0 = m[1] * y + m[2], y0 = m[4] * y + m[5], w0 = m[7] * y + m[8];
  for (int x = 0; x < width; ++x) {
    const double w = m[6] * x + w0;
    const double scale = w != 0.0 ? kSteps / w : 0.0;
    xs[x] = fixed_position((m[0] * x + x0) * scale);
    ys[x] = fixed_position((m[3] * x + y0) * scale);
  }
}

inline int clamp_index(int value, int size) {
  return value < 0 ? 0 : (value >= size ? size - 1 : value);
}

inline u8 saturate(int value) {
  return static_cast<u8>(value < 0 ? 0 : (value > 255 ? 255 : value));
}

constexpr int kTaps = 4;
constexpr int kWeightBits = 15;

void warp_pixel(const u8* source, int source_width, int source_height, std::ptrdiff_t stride,
                int sx, int sy, const i16* weights, u8* out) {
  int sums[kBgr] = {};
  for (int j = 0; j < kTaps; ++j) {
    const u8* row = source + clamp_index(sy + j, source_height) * stride;
    for (int i = 0; i < kTaps; ++i) {
      const u8* pixel = row + kBgr * clamp_index(sx + i, source_width);
      for (int c = 0; c < kBgr; ++c) sums[c] += pixel[c] * weights[kTaps * j + i];
    }
  }
  for (int c = 0; c < kBgr; ++c) {
    out[c] = saturate((sums[c] + (1 << (kWeightBits - 1))) >> kWeightBits);
  }
}

#if defined(__AVX2__)
// The same for taps that lie inside of the source; writes four bytes.
inline i32 warp_inner_pixel(const u8* top_left, std::ptrdiff_t stride, const i16* weights) {
  const __m128i blue_green = _mm_setr_epi8(0, -1, 3, -1, 6, -1, 9, -1, 1, -1, 4, -1, 7, -1, 10, -1);
  const __m128i red = _mm_setr_epi8(2, -1, 5, -1, 8, -1, 11, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  __m128i blue_green_sum = _mm_setzero_si128(), red_sum = _mm_setzero_si128();
  for (int j = 0; j < kTaps; ++j) {
    const __m128i pixels = _mm_loadu_si128(reinterpret_cast<const __m128i*>(top_left + j * stride));
    const __m128i half = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(weights + kTaps * j));
    const __m128i weight = _mm_unpacklo_epi64(half, half);
    blue_green_sum =
        _mm_add_epi32(blue_green_sum, _mm_madd_epi16(_mm_shuffle_epi8(pixels, blue_green), weight));
    red_sum = _mm_add_epi32(red_sum, _mm_madd_epi16(_mm_shuffle_epi8(pixels, red), weight));
  }
  const __m128i rounding = _mm_set1_epi32(1 << (kWeightBits - 1));
  const __m128i sums = _mm_hadd_epi32(blue_green_sum, red_sum);
  const __m128i shifted = _mm_srai_epi32(_mm_add_epi32(sums, rounding), kWeightBits);
  const __m128i words = _mm_packs_epi32(shifted, shifted);
  return _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
}
#endif

void warp_row(const u8* source, int source_width, int source_height, std::ptrdiff_t stride,
              const i32* xs, const i32* ys, const i16* weights, int width, u8* out) {
  for (int x = 0; x < width; ++x) {
    const int sx = (xs[x] >> 5) - 1, sy = (ys[x] >> 5) - 1;
    const i16* w = weights + 16 * ((ys[x] & 31) * 32 + (xs[x] & 31));
    u8* pixel = out + kBgr * x;
#if defined(__AVX2__)
    // A tap row is loaded as 16 bytes, that is 5 1/3 pixels.
    if (sx >= 0 && sx + 6 <= source_width && sy >= 0 && sy + kTaps <= source_height) {
      const i32 bgr = warp_inner_pixel(source + sy * stride + kBgr * sx, stride, w);
      pixel[0] = static_cast<u8>(bgr);
      pixel[1] = static_cast<u8>(bgr >> 8);
      pixel[2] = static_cast<u8>(bgr >> 16);
      continue;
    }
#endif
    warp_pixel(source, source_width, source_height, stride, sx, sy, w, pixel);
  }
}

// ---- probability maps and class scores ----------------------------------------------------------

void threshold(const float* values, int count, float limit, u8* out) {
  for (int i = 0; i < count; ++i) out[i] = values[i] > limit ? 1 : 0;
}

double sum(const float* values, int count) {
  constexpr int kPartialSums = 8;
  double partial[kPartialSums] = {};
  int i = 0;
  for (; i + kPartialSums <= count; i += kPartialSums) {
    for (int k = 0; k < kPartialSums; ++k) partial[k] += static_cast<double>(values[i + k]);
  }
  double total = 0;
  for (; i < count; ++i) total += static_cast<double>(values[i]);
  for (const double value : partial) total += value;
  return total;
}

inline float largest(const float* values, int count) {
  int i = 0;
  float best = values[0];
#if defined(__AVX512F__)
  if (count >= 64) {
    __m512 m[4] = {_mm512_loadu_ps(values), _mm512_loadu_ps(values + 16),
                   _mm512_loadu_ps(values + 32), _mm512_loadu_ps(values + 48)};
    for (i = 64; i + 64 <= count; i += 64) {
      for (int k = 0; k < 4; ++k) m[k] = _mm512_max_ps(m[k], _mm512_loadu_ps(values + i + 16 * k));
    }
    best =
        _mm512_reduce_max_ps(_mm512_max_ps(_mm512_max_ps(m[0], m[1]), _mm512_max_ps(m[2], m[3])));
  }
#elif defined(__AVX2__)
  if (count >= 32) {
    __m256 m[4] = {_mm256_loadu_ps(values), _mm256_loadu_ps(values + 8),
                   _mm256_loadu_ps(values + 16), _mm256_loadu_ps(values + 24)};
    for (i = 32; i + 32 <= count; i += 32) {
      for (int k = 0; k < 4; ++k) m[k] = _mm256_max_ps(m[k], _mm256_loadu_ps(values + i + 8 * k));
    }
    alignas(32) float lanes[8];
    _mm256_store_ps(lanes, _mm256_max_ps(_mm256_max_ps(m[0], m[1]), _mm256_max_ps(m[2], m[3])));
    for (const float lane : lanes) best = lane > best ? lane : best;
  }
#endif
  for (; i < count; ++i) best = values[i] > best ? values[i] : best;
  return best;
}

int arg_max(const float* values, int count) {
  // The largest value of each block first: the exact place is then sought in one block only.
  constexpr int kBlock = 1024;
  int best_block = 0;
  float best = largest(values, count < kBlock ? count : kBlock);
  for (int begin = kBlock; begin < count; begin += kBlock) {
    const float value = largest(values + begin, count - begin < kBlock ? count - begin : kBlock);
    if (value > best) {
      best = value;
      best_block = begin;
    }
  }
  for (int i = best_block; i < count; ++i) {
    if (values[i] == best) return i;
  }
  return 0;
}

}  // namespace

}  // namespace fastocr::kernels
