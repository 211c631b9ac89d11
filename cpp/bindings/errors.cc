#include "fastocr/errors.h"

#include <string_view>

#include "bindings.h"

namespace nb = nanobind;

namespace fastocr::bindings {
namespace {

// The one table between the core's errors and the classes of `fastocr.errors`.
const char* python_class(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidOption:
      return "InvalidOptionError";
    case ErrorKind::kUnsupportedOption:
      return "UnsupportedOptionError";
    case ErrorKind::kInvalidInput:
      return "InputError";
    case ErrorKind::kModelNotFound:
      return "ModelNotFoundError";
    case ErrorKind::kModelFormat:
      return "ModelFormatError";
    case ErrorKind::kEngineUnavailable:
      return "EngineUnavailableError";
    case ErrorKind::kInference:
      return "InferenceError";
  }
  return "FastOCRError";
}

void translate(const std::exception_ptr& pointer, void*) {
  try {
    std::rethrow_exception(pointer);
  } catch (const Error& error) {
    const nb::object type = nb::module_::import_("fastocr.errors").attr(python_class(error.kind()));
    // Names in a message come from files, in which they need not be UTF-8.
    const std::string_view text(error.what());
    const nb::object message = nb::steal(PyUnicode_DecodeUTF8(
        text.data(), static_cast<Py_ssize_t>(text.size()), "backslashreplace"));
    if (message.is_valid()) PyErr_SetObject(type.ptr(), message.ptr());
  }
}

}  // namespace

void register_errors() { nb::register_exception_translator(translate); }

}  // namespace fastocr::bindings
