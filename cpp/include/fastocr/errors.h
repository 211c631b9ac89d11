#pragma once

#include <stdexcept>
#include <string>

#include "fastocr/export.h"

namespace fastocr {

// What went wrong; the bindings map each kind to one class of `fastocr.errors`.
enum class ErrorKind {
  kInvalidOption,
  kUnsupportedOption,
  kInvalidInput,
  kModelNotFound,
  kModelFormat,
  kEngineUnavailable,
  kInference,
};

// The only exception type the core throws on purpose. The message names the offending option,
// input or file.
class FASTOCR_SHARED_TYPE Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
};

}  // namespace fastocr
