#pragma once

#include <string>

namespace fastocr {

// Throws Error(kModelFormat), which names the file, where a node of an ONNX network lacks an input
// that it needs, since OpenVINO (2026.4) reads beyond its list of them, or makes a value that
// another one makes, of which it takes one. Other damage OpenVINO finds on its own.
void check_onnx_nodes(const std::string& path);

}  // namespace fastocr
