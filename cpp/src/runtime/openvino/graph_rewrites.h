#pragma once

#include <memory>
#include <openvino/core/model.hpp>

#include "fastocr/engine.h"

namespace fastocr::openvino {

// Takes out the no-ops that exporters leave in: they hide patterns, and sizes that are known.
void remove_identities(const std::shared_ptr<ov::Model>& model);

// Replaces HardSigmoid, which OpenVINO's CPU plugin runs in a slow reference kernel, by operations
// with fast kernels: x * HardSigmoid(x) becomes HSwish, slope 1/6 with offset 1/2 becomes HSigmoid,
// any other clamp(slope * x + offset, 0, 1). Returns how many were replaced.
int replace_hard_sigmoid(const std::shared_ptr<ov::Model>& model);

// Cuts a product with a constant matrix, a bias and a softmax over the last axis off the end of the
// network, so that its output becomes the features they are computed from. Null, with the network
// unchanged, when it ends in another way.
std::shared_ptr<const LinearClassifier> detach_classifier(const std::shared_ptr<ov::Model>& model);

}  // namespace fastocr::openvino
