#pragma once

#include "runtime/native/network.h"
#include "runtime/native/onnx_reader.h"

namespace fastocr::native {

// Turns an ONNX graph into layers. Batch normalisation, constant factors and terms, and activations
// join the convolution before them; layer normalisation and attention are recognised by their
// parts; shape arithmetic is done here. `detach_classifier`: as in ModelOptions.
// Throws Error(kModelFormat) for a graph with a node or a combination of nodes that the layers
// cannot express; it names the node.
Network lower(OnnxGraph graph, bool detach_classifier);

}  // namespace fastocr::native
