#pragma once

#include <cstddef>
#include <string>

#include "fastocr/errors.h"

namespace fastocr {

// What all engines ask of a network. Throws Error(kModelFormat), its message after `prefix`.
inline void check_ports(std::size_t inputs, std::size_t outputs, const std::string& prefix = "") {
  if (inputs == 1 && outputs == 1) return;
  throw Error(ErrorKind::kModelFormat,
              prefix + "a network with one input and one output is expected, this one has " +
                  std::to_string(inputs) + " and " + std::to_string(outputs));
}

}  // namespace fastocr
