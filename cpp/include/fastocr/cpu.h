#pragma once

#include <string>
#include <vector>

namespace fastocr {

// Instruction sets for which the kernels are compiled, weakest first. AVX2 comes with FMA, AVX-512
// with F, BW, VL and DQ; the last has 8-bit dot products (VNNI) as well.
enum class Isa { kPortable, kAvx2, kAvx512, kAvx512Vnni };

// The instruction set in use: the strongest one that this CPU has, unless the environment variable
// FASTOCR_FORCE_ISA (portable, avx2, avx512 or avx512vnni; read once, at first use) or `set_isa`
// chose another. Throws Error(kInvalidOption) for an unknown name in FASTOCR_FORCE_ISA,
// Error(kUnsupportedOption) for one that this CPU or this build lacks.
Isa active_isa();

// Forces an instruction set for the whole process, for tests and measurements.
// Throws Error(kInvalidOption) for an unknown name, Error(kUnsupportedOption) for one that this CPU
// or this build lacks.
void set_isa(const std::string& name);

// All instruction sets this build and CPU can run, weakest first.
std::vector<Isa> available_isas();

const char* isa_name(Isa isa);

// Whether products of 16-bit integers take less time than those of floats with the instruction set
// in use. AMD's first CPUs with AVX2 (family 17h: Zen, Zen+ and Zen 2) have one unit for the former
// and two for the latter.
bool prefers_int16();

// Whether the instruction set in use has products of 8-bit integers in twice the number.
bool has_fast_int8();

}  // namespace fastocr
