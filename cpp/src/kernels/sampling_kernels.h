// Bilinear sampling of images at any places; see kernels.h for the rules and the meaning of each
// function. Included by kernel_table.h only. All instruction sets round alike.

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"
#include "kernels/vector.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace fastocr::kernels {
namespace {

using Pixel = float __attribute__((vector_size(16)));  // B, G, R and a value without meaning
using PixelInts = std::int32_t __attribute__((vector_size(16)));
using PixelBytes = std::uint8_t __attribute__((vector_size(4)));

void interpolate_points(const float* points, const int* begin, int gaps, const float* fractions,
                        float* out) {
  for (int k = 0; k < gaps; ++k) {
    const float from = points[k], difference = points[k + 1] - from;
    for (int x = begin[k]; x < begin[k + 1]; ++x) out[x] = from + fractions[x] * difference;
  }
}

// Some places, taken apart into pixels and fractions.
struct Places {
  alignas(64) std::int32_t columns[kLanes], rows[kLanes];
  alignas(64) float x_fractions[kLanes], y_fractions[kLanes];
};

// To pixels from -2 to one beyond the last, so that all that is outside stays outside.
inline void split(Floats place, int size, std::int32_t* indices, float* fractions) {
  const Floats bounded =
      smaller(larger(place, broadcast(-2.0F)), broadcast(static_cast<float>(size) + 1.0F));
  Ints index = __builtin_convertvector(bounded, Ints);
  index += __builtin_convertvector(index, Floats) > bounded;  // true is -1
  const Floats fraction = bounded - __builtin_convertvector(index, Floats);
  __builtin_memcpy(indices, &index, sizeof(index));
  __builtin_memcpy(fractions, &fraction, sizeof(fraction));
}

inline Pixel mixed(Pixel left, Pixel right, float x_fraction) {
  const Pixel fraction{x_fraction, x_fraction, x_fraction, x_fraction};
  return left + fraction * (right - left);
}

inline Pixel pixel_or_black(const SampledImage& source, int column, int row) {
  if (column < 0 || row < 0 || column >= source.width || row >= source.height) return Pixel{};
  const std::uint8_t* p =
      source.data + row * source.stride + 3 * static_cast<std::ptrdiff_t>(column);
  return Pixel{static_cast<float>(p[0]), static_cast<float>(p[1]), static_cast<float>(p[2]), 0.0F};
}

inline Pixel sample_anywhere(const SampledImage& source, int column, int row, float x_fraction,
                             float y_fraction) {
  const Pixel left = mixed(pixel_or_black(source, column, row),
                           pixel_or_black(source, column, row + 1), y_fraction);
  const Pixel right = mixed(pixel_or_black(source, column + 1, row),
                            pixel_or_black(source, column + 1, row + 1), y_fraction);
  return mixed(left, right, x_fraction);
}

#if defined(__AVX2__)
// Two pixels that lie side by side, from eight bytes.
inline __m256 two_pixels(const std::uint8_t* p) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
}

inline Pixel sample_inside(const std::uint8_t* top_left, std::ptrdiff_t stride, float x_fraction,
                           float y_fraction) {
  const __m256 top = two_pixels(top_left), bottom = two_pixels(top_left + stride);
  const __m256 both =
      _mm256_add_ps(top, _mm256_mul_ps(_mm256_set1_ps(y_fraction), _mm256_sub_ps(bottom, top)));
  const __m256 second = _mm256_permutevar8x32_ps(both, _mm256_setr_epi32(3, 4, 5, 6, 0, 0, 0, 0));
  return mixed((Pixel)_mm256_castps256_ps128(both), (Pixel)_mm256_castps256_ps128(second),
               x_fraction);
}
#endif

// Whether the pixels around a place can be read by eight bytes, which are two pixels and two
// thirds.
inline bool is_inside(const SampledImage& source, int column, int row) {
  return column >= 0 && column + 3 <= source.width && row >= 0 && row + 2 <= source.height;
}

inline Pixel sample(const SampledImage& source, const Places& places, int i) {
  const int column = places.columns[i], row = places.rows[i];
#if defined(__AVX2__)
  if (is_inside(source, column, row)) {
    return sample_inside(
        source.data + row * source.stride + 3 * static_cast<std::ptrdiff_t>(column), source.stride,
        places.x_fractions[i], places.y_fractions[i]);
  }
#endif
  return sample_anywhere(source, column, row, places.x_fractions[i], places.y_fractions[i]);
}

constexpr float kPixelScale = static_cast<float>(1.0 / 255.0);

// Of values from 0 to 255.
inline PixelBytes to_bytes(Pixel value) {
  const PixelInts ints = __builtin_convertvector(value, PixelInts);
#if defined(__AVX2__)
  const __m128i low_bytes =
      _mm_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  const std::int32_t packed = _mm_cvtsi128_si32(_mm_shuffle_epi8((__m128i)ints, low_bytes));
  PixelBytes bytes;
  __builtin_memcpy(&bytes, &packed, sizeof(bytes));
  return bytes;
#else
  return __builtin_convertvector(ints, PixelBytes);
#endif
}

// The last places of a row are fewer than a register holds.
inline Floats load_some(const float* values, int count) {
  if (count >= kLanes) return load(values);
  float lanes[kLanes] = {};
  for (int i = 0; i < count; ++i) lanes[i] = values[i];
  return load(lanes);
}

// Writes pixel i of a block, of which `rest` more follow in the row.
inline void put_pixel(const SampledImage& source, const Places& places, int i, int rest,
                      std::uint8_t* pixel) {
  const PixelBytes bytes = to_bytes(sample(source, places, i) * kPixelScale * 255.0F);
  // The fourth byte is overwritten by the next pixel; the last one has no room for it.
  __builtin_memcpy(pixel, &bytes, rest > 0 ? 4 : 3);
}

#if defined(__AVX512F__)
inline const std::uint8_t* top_left(const SampledImage& source, const Places& places, int i) {
  return source.data + places.rows[i] * source.stride +
         3 * static_cast<std::ptrdiff_t>(places.columns[i]);
}

inline __m512 two_pairs(const std::uint8_t* first, const std::uint8_t* second) {
  const __m128i bytes =
      _mm_unpacklo_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(first)),
                         _mm_loadl_epi64(reinterpret_cast<const __m128i*>(second)));
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes));
}

inline __m512 two_fractions(const float* fractions) {
  const __m512 first = _mm512_set1_ps(fractions[0]);
  return _mm512_mask_mov_ps(first, 0xFF00, _mm512_set1_ps(fractions[1]));
}

// Writes the pixels i and i + 1, both inside, and two bytes more.
inline void put_two_pixels(const SampledImage& source, const Places& places, int i,
                           std::uint8_t* pixels) {
  const std::uint8_t *first = top_left(source, places, i),
                     *second = top_left(source, places, i + 1);
  const __m512 top = two_pairs(first, second);
  const __m512 bottom = two_pairs(first + source.stride, second + source.stride);
  const __m512 left = _mm512_add_ps(
      top, _mm512_mul_ps(two_fractions(places.y_fractions + i), _mm512_sub_ps(bottom, top)));
  const __m512i next = _mm512_setr_epi32(3, 4, 5, 6, 0, 0, 0, 0, 11, 12, 13, 14, 0, 0, 0, 0);
  const __m512 right = _mm512_permutexvar_ps(next, left);
  const __m512 value = _mm512_add_ps(
      left, _mm512_mul_ps(two_fractions(places.x_fractions + i), _mm512_sub_ps(right, left)));
  const __m512 scaled =
      _mm512_mul_ps(_mm512_mul_ps(value, _mm512_set1_ps(kPixelScale)), _mm512_set1_ps(255.0F));
  const __m128i bytes = _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(scaled));
  const __m128i joined = _mm_setr_epi8(0, 1, 2, 8, 9, 10, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(pixels), _mm_shuffle_epi8(bytes, joined));
}
#endif

void sample_row(const SampledImage& source, const float* xs, const float* ys, int width,
                std::uint8_t* out) {
  Places places;
  for (int first = 0; first < width; first += kLanes) {
    const int count = width - first < kLanes ? width - first : kLanes;
    split(load_some(xs + first, count), source.width, places.columns, places.x_fractions);
    split(load_some(ys + first, count), source.height, places.rows, places.y_fractions);
    std::uint8_t* pixels = out + 3 * static_cast<std::ptrdiff_t>(first);
    int i = 0;
#if defined(__AVX512F__)
    for (; i + 2 < count; i += 2) {
      if (is_inside(source, places.columns[i], places.rows[i]) &&
          is_inside(source, places.columns[i + 1], places.rows[i + 1])) {
        put_two_pixels(source, places, i, pixels + 3 * i);
      } else {
        put_pixel(source, places, i, 2, pixels + 3 * i);
        put_pixel(source, places, i + 1, 1, pixels + 3 * i + 3);
      }
    }
#endif
    for (; i < count; ++i) {
      put_pixel(source, places, i, width - first - i - 1, pixels + 3 * i);
    }
  }
}

void sample_planes_row(const SampledImage& source, const float* xs, float y, int width,
                       float* const* planes) {
  Places places;
  split(broadcast(y), source.height, places.rows, places.y_fractions);
  for (int first = 0; first < width; first += kLanes) {
    const int count = width - first < kLanes ? width - first : kLanes;
    split(load_some(xs + first, count), source.width, places.columns, places.x_fractions);
    for (int i = 0; i < count; ++i) {
      const Pixel value = sample(source, places, i) * kPixelScale;
      for (int c = 0; c < 3; ++c) planes[c][first + i] = value[c];
    }
  }
}

}  // namespace
}  // namespace fastocr::kernels
