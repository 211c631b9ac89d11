#include "kernels/x86_cpu.h"

#include <cpuid.h>

#include <cstdint>

namespace fastocr::kernels {
namespace {

struct Registers {
  unsigned a = 0, b = 0, c = 0, d = 0;
};

// Zeros where the CPU does not know the leaf.
Registers cpuid(unsigned leaf) {
  Registers r;
  __get_cpuid_count(leaf, 0, &r.a, &r.b, &r.c, &r.d);
  return r;
}

bool has_all(std::uint64_t word, std::uint64_t bits) { return (word & bits) == bits; }

constexpr std::uint64_t bit(int position) { return std::uint64_t{1} << position; }

// Which registers the operating system keeps when it changes between threads.
std::uint64_t kept_state() {
  unsigned low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return std::uint64_t{high} << 32 | low;
}

bool is_family_17h(const Registers& maker, const Registers& version) {
  // The last four letters of AuthenticAMD; the family is the sum of two fields.
  return maker.c == 0x444d4163 && (version.a >> 8 & 0xf) == 0xf && (version.a >> 20 & 0xff) == 8;
}

X86Cpu detect() {
  constexpr std::uint64_t kFma = bit(12), kKeepsState = bit(27), kAvx = bit(28);
  constexpr std::uint64_t kAvx2 = bit(5);
  constexpr std::uint64_t kAvx512 = bit(16) | bit(17) | bit(30) | bit(31);  // F, DQ, BW, VL
  constexpr std::uint64_t kVnni = bit(11);
  constexpr std::uint64_t kAvxState = bit(1) | bit(2);
  constexpr std::uint64_t kAvx512State = kAvxState | bit(5) | bit(6) | bit(7);

  const Registers version = cpuid(1), more = cpuid(7);
  X86Cpu cpu;
  cpu.family_17h = is_family_17h(cpuid(0), version);
  if (!has_all(version.c, kKeepsState | kAvx | kFma)) return cpu;
  const std::uint64_t state = kept_state();
  cpu.avx2 = has_all(state, kAvxState) && has_all(more.b, kAvx2);
  cpu.avx512 = cpu.avx2 && has_all(state, kAvx512State) && has_all(more.b, kAvx512);
  cpu.avx512_vnni = cpu.avx512 && has_all(more.c, kVnni);
  return cpu;
}

}  // namespace

const X86Cpu& x86_cpu() {
  static const X86Cpu cpu = detect();
  return cpu;
}

}  // namespace fastocr::kernels
