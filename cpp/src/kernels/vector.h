#pragma once

// One register of floats as a vector type of the compiler, and the arithmetic on it that the
// kernels share; see kernels.h for the rules. Included by the other kernel headers only.

#include <cstddef>
#include <cstdint>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace fastocr::kernels {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
using Floats = float __attribute__((vector_size(kLanes * sizeof(float))));
using Ints = std::int32_t __attribute__((vector_size(kLanes * sizeof(std::int32_t))));

inline Floats load(const float* p) {
  Floats v;
  __builtin_memcpy(&v, p, sizeof(v));
  return v;
}

inline void store(float* p, Floats v) { __builtin_memcpy(p, &v, sizeof(v)); }

// The sum `Floats{} + x` would do, but is a true addition, as zeros have signs: in the inner loop
// of a product, a tenth of the time.
inline Floats broadcast(float x) {
#if defined(__AVX512F__)
  return (Floats)_mm512_set1_ps(x);
#elif defined(__AVX2__)
  return (Floats)_mm256_set1_ps(x);
#else
  return Floats{x, x, x, x};
#endif
}

// The second one where either is not a number.
inline Floats larger(Floats a, Floats b) {
#if defined(__AVX512F__)
  return (Floats)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
  return (Floats)_mm256_max_ps((__m256)a, (__m256)b);
#else
  return a > b ? a : b;
#endif
}

inline Floats smaller(Floats a, Floats b) {
#if defined(__AVX512F__)
  return (Floats)_mm512_min_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
  return (Floats)_mm256_min_ps((__m256)a, (__m256)b);
#else
  return a < b ? a : b;
#endif
}

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
#if defined(__AVX512F__)
  return _mm512_reduce_max_ps((__m512)v);
#else
  float best = v[0];
  for (int i = 1; i < kLanes; ++i) best = v[i] > best ? v[i] : best;
  return best;
#endif
}

inline float sum_of_lanes(Floats v) {
#if defined(__AVX512F__)
  return _mm512_reduce_add_ps((__m512)v);
#else
  float total = 0;
  for (int i = 0; i < kLanes; ++i) total += v[i];
  return total;
#endif
}

#if defined(__AVX512VNNI__)
// sums += the products of four neighbouring bytes, for each 32-bit lane. As assembler, because
// GCC 12 copies the sums to and fro around its intrinsic, which then takes twice the time.
inline void add_byte_products(__m512i& sums, __m512i unsigned_bytes, __m512i signed_bytes) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(unsigned_bytes), "v"(signed_bytes));
}
#endif

// exp(x) for x <= 0 as 2^n * 2^f with |f| <= 1/2; 2^f by its Taylor polynomial. Zero below -87,
// where the result would leave the range of normal floats.
inline Floats exp_not_positive(Floats x) {
  constexpr float kLog2E = 1.44269504088896341F;
  constexpr float kMagic = 12582912.0F;  // 1.5 * 2^23: a sum with it has no fractional bits left
  const Floats lowest = broadcast(-87.0F);
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
  Floats p = broadcast(kTerms[0]);
  for (int i = 1; i < 7; ++i) p = multiply_add(p, f, broadcast(kTerms[i]));
  Ints bits, exponent;
  __builtin_memcpy(&exponent, &rounded, sizeof(exponent));
  __builtin_memcpy(&bits, &p, sizeof(bits));
  bits += exponent << 23;
  Floats result;
  __builtin_memcpy(&result, &bits, sizeof(result));
  return x < lowest ? Floats{} : result;
}

}  // namespace
}  // namespace fastocr::kernels
