#include "fastocr/cpu.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "testing.h"

namespace fastocr {
namespace {

using testing::thrown_kind;

// Whether the build has them is known; what the CPU has, the compiler's own library says.
std::vector<Isa> expected_isas() {
  std::vector<Isa> isas{Isa::kPortable};
#if defined(__x86_64__) && defined(__linux__)
  const bool avx2 = FASTOCR_SIMD && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512dq");
  if (avx2) isas.push_back(Isa::kAvx2);
  if (avx512) isas.push_back(Isa::kAvx512);
  if (avx512 && __builtin_cpu_supports("avx512vnni")) isas.push_back(Isa::kAvx512Vnni);
#endif
  return isas;
}

TEST_CASE("the CPU's instruction sets are found") {
#if !defined(__x86_64__) || defined(__linux__)
  CHECK(available_isas() == expected_isas());
#endif
  CHECK(available_isas().front() == Isa::kPortable);
}

#if defined(__x86_64__) && defined(__linux__)
TEST_CASE("16-bit products are left to CPUs that have enough units for them") {
  testing::with_each_isa([] {
    const bool wide = active_isa() > Isa::kAvx2;
    const bool avx2 = active_isa() == Isa::kAvx2;
    CHECK(prefers_int16() == (wide || (avx2 && !__builtin_cpu_is("amdfam17h"))));
  });
}
#endif

TEST_CASE("an instruction set that is not there is refused, and changes nothing") {
  const Isa before = active_isa();
  CHECK(thrown_kind([] { set_isa("sse9"); }) == ErrorKind::kInvalidOption);
  const std::vector<Isa> available = available_isas();
  for (const Isa isa : {Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Vnni}) {
    if (std::find(available.begin(), available.end(), isa) != available.end()) continue;
    CHECK(thrown_kind([isa] { set_isa(isa_name(isa)); }) == ErrorKind::kUnsupportedOption);
  }
  CHECK(active_isa() == before);
}

}  // namespace
}  // namespace fastocr
