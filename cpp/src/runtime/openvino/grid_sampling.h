#pragma once

#include <memory>
#include <openvino/core/model.hpp>

namespace fastocr::openvino {

// Of several outputs, leaves only the one with two channels, if there is just one such.
void keep_grid_output(const std::shared_ptr<ov::Model>& model);

// Cuts the bilinear sampling of its own input off the end of a network, so that its output becomes
// the grid, (N, 2, rows, columns). A resize of the grid to the size of the input goes too, and so
// does one of the input to a fixed size. False, with the network unchanged, when it ends in
// another way or the result would be of another size than the input.
bool detach_sampling(const std::shared_ptr<ov::Model>& model);

}  // namespace fastocr::openvino
