#pragma once

#include <memory>

#include "fastocr/engine.h"

namespace fastocr::native {

// The core's own engine for CPUs: runs ONNX networks made of the layers in network.h. It needs no
// package and compiles nothing at run time, so that inputs of any size cost the same from the first
// one on.
std::unique_ptr<Engine> make_engine();

}  // namespace fastocr::native
