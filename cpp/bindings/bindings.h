#pragma once

#include <nanobind/nanobind.h>

namespace fastocr::bindings {

// One function a concept; each fills the module with its part.
void register_cpu(nanobind::module_& m);
void register_document(nanobind::module_& m);
void register_engine(nanobind::module_& m);
void register_errors();
void register_geometry(nanobind::module_& m);
void register_image(nanobind::module_& m);
void register_logging(nanobind::module_& m);
void register_modules(nanobind::module_& m);
void register_pipeline(nanobind::module_& m);

}  // namespace fastocr::bindings
