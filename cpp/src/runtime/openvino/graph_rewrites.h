#pragma once

#include <memory>
#include <openvino/core/model.hpp>

namespace fastocr::openvino {

// Replaces HardSigmoid, which OpenVINO's CPU plugin runs in a slow reference kernel, by operations
// with fast kernels: x * HardSigmoid(x) becomes HSwish, slope 1/6 with offset 1/2 becomes HSigmoid,
// any other clamp(slope * x + offset, 0, 1). Returns how many were replaced.
int replace_hard_sigmoid(const std::shared_ptr<ov::Model>& model);

}  // namespace fastocr::openvino
