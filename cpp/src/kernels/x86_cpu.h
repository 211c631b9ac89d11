#pragma once

namespace fastocr::kernels {

// What this x86 CPU has, and the operating system keeps for each thread. The compiler's own
// functions for it would need a library that is not there with every compiler.
struct X86Cpu {
  bool avx2 = false;    // with FMA
  bool avx512 = false;  // F, BW, VL and DQ
  bool avx512_vnni = false;
  bool family_17h = false;  // AMD's Zen, Zen+ and Zen 2
};

const X86Cpu& x86_cpu();

}  // namespace fastocr::kernels
