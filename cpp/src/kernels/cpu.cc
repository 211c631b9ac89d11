#include "fastocr/cpu.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "fastocr/errors.h"
#include "kernels/kernels.h"
#include "kernels/network.h"
#ifdef FASTOCR_X86_KERNELS
#include "kernels/x86_cpu.h"
#endif

namespace fastocr {
namespace {

constexpr const char* kForceVariable = "FASTOCR_FORCE_ISA";
#ifdef FASTOCR_X86_KERNELS
constexpr const char* kUnavailable = "is not available on this CPU";
#else
constexpr const char* kUnavailable = "is not part of this build, which has the portable one only";
#endif

// `source` says where the name comes from, for the messages.
Isa parse_isa(const std::string& name, const std::string& source) {
  for (const Isa isa : {Isa::kPortable, Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Vnni}) {
    if (name == isa_name(isa)) return isa;
  }
  throw Error(ErrorKind::kInvalidOption, source + "unknown instruction set '" + name +
                                             "': use portable, avx2, avx512 or avx512vnni");
}

Isa require_available(const std::string& name, const std::string& source = "") {
  const Isa isa = parse_isa(name, source);
  const auto available = available_isas();
  if (std::find(available.begin(), available.end(), isa) == available.end()) {
    throw Error(ErrorKind::kUnsupportedOption,
                source + "instruction set '" + name + "' " + kUnavailable);
  }
  return isa;
}

Isa initial_isa() {
  const char* forced = std::getenv(kForceVariable);
  if (forced == nullptr || *forced == '\0') return available_isas().back();
  return require_available(forced, std::string("environment variable ") + kForceVariable + ": ");
}

std::atomic<Isa>& current_isa() {
  static std::atomic<Isa> isa{initial_isa()};
  return isa;
}

}  // namespace

Isa active_isa() { return current_isa().load(std::memory_order_relaxed); }

void set_isa(const std::string& name) {
  current_isa().store(require_available(name), std::memory_order_relaxed);
}

std::vector<Isa> available_isas() {
  std::vector<Isa> isas{Isa::kPortable};
#ifdef FASTOCR_X86_KERNELS
  const kernels::X86Cpu& cpu = kernels::x86_cpu();
  if (cpu.avx2) isas.push_back(Isa::kAvx2);
  if (cpu.avx512) isas.push_back(Isa::kAvx512);
  if (cpu.avx512_vnni) isas.push_back(Isa::kAvx512Vnni);
#endif
  return isas;
}

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kAvx512Vnni:
      return "avx512vnni";
    default:
      return "portable";
  }
}

bool prefers_int16() {
#ifdef FASTOCR_X86_KERNELS
  const Isa isa = active_isa();
  return isa > Isa::kAvx2 || (isa == Isa::kAvx2 && !kernels::x86_cpu().family_17h);
#else
  return false;
#endif
}

bool has_fast_int8() { return kernels::active_network().byte_dense != nullptr; }

namespace kernels {

const KernelTable& active() {
#ifdef FASTOCR_X86_KERNELS
  switch (active_isa()) {
    case Isa::kAvx512Vnni:
      return kAvx512VnniKernels;
    case Isa::kAvx512:
      return kAvx512Kernels;
    case Isa::kAvx2:
      return kAvx2Kernels;
    default:
      break;
  }
#endif
  return kPortableKernels;
}

const NetworkKernels& active_network() { return *active().network; }

std::ptrdiff_t attention_scratch(int tokens, int head_size) {
  const auto padded = [](std::ptrdiff_t n) {
    return (n + kChannelStep - 1) / kChannelStep * kChannelStep;
  };
  return head_size * padded(tokens) + tokens * padded(head_size) + padded(tokens);
}

}  // namespace kernels
}  // namespace fastocr
