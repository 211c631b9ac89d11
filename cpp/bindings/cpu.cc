#include "fastocr/cpu.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace fastocr::bindings {

void register_cpu(nb::module_& m) {
  m.def(
      "active_isa", [] { return std::string(isa_name(active_isa())); },
      "The instruction set of the kernels: portable, avx2, avx512 or avx512vnni. The strongest "
      "that this CPU has, unless the environment variable FASTOCR_FORCE_ISA or `set_isa` chose "
      "another.");
  m.def("set_isa", &set_isa, "name"_a,
        "Forces an instruction set for the whole process.\n\nRaises InvalidOptionError for an "
        "unknown name, UnsupportedOptionError for one that this CPU lacks.");
  m.def(
      "available_isas",
      [] {
        std::vector<std::string> names;
        for (const Isa isa : available_isas()) names.emplace_back(isa_name(isa));
        return names;
      },
      "The instruction sets that this build and CPU can run, weakest first.");
  m.def("prefers_int16", &prefers_int16,
        "Whether products of 16-bit integers take less time than those of floats with the "
        "instruction set in use.");
  m.def("has_fast_int8", &has_fast_int8,
        "Whether the instruction set in use has products of 8-bit integers in twice the number.");
}

}  // namespace fastocr::bindings
