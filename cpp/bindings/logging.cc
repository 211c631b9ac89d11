#include "fastocr/logging.h"

#include <nanobind/stl/string.h>

#include <memory>
#include <string>

#include "bindings.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace fastocr::bindings {
namespace {

void set_callback(nb::object callback) {
  if (callback.is_none()) return set_log_callback({});
  // The last owner may be a thread of the core: the reference is dropped under the GIL.
  const std::shared_ptr<nb::object> shared(new nb::object(std::move(callback)), [](nb::object* o) {
    if (!nb::is_alive()) return;
    const nb::gil_scoped_acquire acquire;
    delete o;
  });
  set_log_callback([shared](LogLevel level, const std::string& message) {
    if (!nb::is_alive()) return;
    const nb::gil_scoped_acquire acquire;
    (*shared)(static_cast<int>(level), message);
  });
}

}  // namespace

void register_logging(nb::module_& m) {
  m.def("set_log_callback", &set_callback, "callback"_a.none(),
        "Sets the function called with (level, message) for each message of the core; the levels "
        "are those of `logging`. None drops the messages.");
}

}  // namespace fastocr::bindings
