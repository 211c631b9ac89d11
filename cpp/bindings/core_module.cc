#include <nanobind/stl/string.h>

#include "bindings.h"
#include "fastocr/build_info.h"

#ifndef _WIN32
#include <pthread.h>
#endif

NB_MODULE(_core, m) {
  m.doc() = "The compiled core of fastocr. Private: use the functions and classes of `fastocr`.";
  // In a forked child, what had threads is left as it is, and the networks it holds with it.
#ifndef _WIN32
  pthread_atfork(nullptr, nullptr, [] { nanobind::set_leak_warnings(false); });
#endif
  const fastocr::BuildInfo& build = fastocr::build_info();
  m.attr("VERSION") = build.version;
  m.attr("COMMIT") = build.commit;
  m.attr("COMPILER") = build.compiler;
  m.attr("BUILD_TYPE") = build.build_type;
  m.attr("TARGET") = build.target;
  fastocr::bindings::register_errors();
  fastocr::bindings::register_logging(m);
  fastocr::bindings::register_cpu(m);
  fastocr::bindings::register_image(m);
  fastocr::bindings::register_geometry(m);
  fastocr::bindings::register_engine(m);
  fastocr::bindings::register_document(m);
  fastocr::bindings::register_pipeline(m);
  fastocr::bindings::register_modules(m);
}
