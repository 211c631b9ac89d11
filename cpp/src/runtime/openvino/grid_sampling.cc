#include "runtime/openvino/grid_sampling.h"

#include <algorithm>
#include <openvino/core/graph_util.hpp>
#include <openvino/op/ops.hpp>
#include <vector>

namespace fastocr::openvino {
namespace {

using Interpolate = ov::op::util::InterpolateBase;
using GridSample = ov::op::v9::GridSample;

bool has_two_channels(const ov::Output<ov::Node>& value) {
  const auto& shape = value.get_partial_shape();
  return shape.rank().is_static() && shape.size() == 4 && shape[1].is_static() &&
         shape[1].get_length() == 2;
}

// The sampling that the network ends in, if it is of the network's input and of the kind that
// leaves black what lies outside.
std::shared_ptr<GridSample> final_sampling(const ov::Model& model) {
  const auto sampling =
      ov::as_type_ptr<GridSample>(model.get_results()[0]->get_input_node_shared_ptr(0));
  if (!sampling || sampling->get_input_node_shared_ptr(0) != model.get_parameters()[0])
    return nullptr;
  const auto& attributes = sampling->get_attributes();
  const bool known = attributes.align_corners &&
                     attributes.mode == GridSample::InterpolationMode::BILINEAR &&
                     attributes.padding_mode == GridSample::PaddingMode::ZEROS;
  return known ? sampling : nullptr;
}

// Whether the output has the size of the input, whichever that is.
bool keeps_size(const std::shared_ptr<ov::Model>& model) {
  const ov::PartialShape odd{1, 3, 331, 97};
  try {
    const auto trial = model->clone();
    trial->reshape(odd);
    return trial->output().get_partial_shape() == odd;
  } catch (const ov::Exception&) {
    return false;
  }
}

// The grid with its two channels first, as networks compute it.
ov::Output<ov::Node> channels_first(const GridSample& sampling) {
  if (const auto transpose =
          ov::as_type_ptr<ov::op::v1::Transpose>(sampling.get_input_node_shared_ptr(1))) {
    const auto order =
        ov::as_type_ptr<ov::op::v0::Constant>(transpose->get_input_node_shared_ptr(1));
    if (order && order->cast_vector<int>() == std::vector<int>{0, 2, 3, 1}) {
      return transpose->input_value(0);
    }
  }
  const auto order = ov::op::v0::Constant::create(ov::element::i64, {4}, {0, 3, 1, 2});
  return std::make_shared<ov::op::v1::Transpose>(sampling.input_value(1), order);
}

// A plain bilinear resize of rows and columns that leaves the corner pixels where they are.
bool is_plain_resize(const Interpolate& node) {
  const auto& attributes = node.get_attrs();
  const auto is_zero = [](std::size_t pad) { return pad == 0; };
  const bool linear = attributes.mode == Interpolate::InterpolateMode::LINEAR ||
                      attributes.mode == Interpolate::InterpolateMode::LINEAR_ONNX;
  const auto &from = node.get_input_partial_shape(0), &to = node.get_output_partial_shape(0);
  return linear && !attributes.antialias &&
         attributes.coordinate_transformation_mode ==
             Interpolate::CoordinateTransformMode::ALIGN_CORNERS &&
         std::all_of(attributes.pads_begin.begin(), attributes.pads_begin.end(), is_zero) &&
         std::all_of(attributes.pads_end.begin(), attributes.pads_end.end(), is_zero) &&
         from.rank().is_static() && from.size() == 4 && to.size() == 4 &&
         from[0].compatible(to[0]) && from[1].compatible(to[1]);
}

// The grid before it is resized to the size of the page, if it is.
ov::Output<ov::Node> before_resize(const ov::Output<ov::Node>& grid) {
  const auto resize = std::dynamic_pointer_cast<Interpolate>(grid.get_node_shared_ptr());
  return resize && is_plain_resize(*resize) && has_two_channels(resize->input_value(0))
             ? resize->input_value(0)
             : grid;
}

bool is_used(const ov::Model& model, const std::shared_ptr<ov::Node>& source) {
  for (const auto& node : model.get_ordered_ops()) {
    for (std::size_t i = 0; i < node->get_input_size(); ++i) {
      if (node->get_input_node_shared_ptr(i) == source) return true;
    }
  }
  return false;
}

std::shared_ptr<Interpolate> resize_to_fixed_size(const ov::Model& model,
                                                  const std::shared_ptr<ov::Node>& input) {
  for (const auto& node : model.get_ordered_ops()) {
    const auto resize = std::dynamic_pointer_cast<Interpolate>(node);
    if (!resize || resize->get_input_node_shared_ptr(0) != input || !is_plain_resize(*resize))
      continue;
    const auto& size = resize->get_output_partial_shape(0);
    if (size[2].is_static() && size[3].is_static()) return resize;
  }
  return nullptr;
}

// Where all that the network does with its input is to bring it to a fixed size first, it gets an
// input of that size.
void detach_input_resize(const std::shared_ptr<ov::Model>& model) {
  const auto input = model->get_parameters()[0];
  const auto resize = resize_to_fixed_size(*model, input);
  if (!resize) return;
  const auto& size = resize->get_output_partial_shape(0);
  const auto resized = std::make_shared<ov::op::v0::Parameter>(
      input->get_element_type(), ov::PartialShape{1, 3, size[2], size[3]});
  resized->set_friendly_name(input->get_friendly_name());
  resize->output(0).replace(resized->output(0));
  model->add_parameters({resized});
  if (is_used(*model, input)) {
    resized->output(0).replace(resize->output(0));
    model->remove_parameter(resized);
  } else {
    model->remove_parameter(input);
  }
}

}  // namespace

void keep_grid_output(const std::shared_ptr<ov::Model>& model) {
  const ov::ResultVector results = model->get_results();
  const auto is_grid = [](const auto& result) { return has_two_channels(result->output(0)); };
  if (results.size() < 2 || std::count_if(results.begin(), results.end(), is_grid) != 1) return;
  for (const auto& result : results) {
    if (!is_grid(result)) model->remove_result(result);
  }
}

bool detach_sampling(const std::shared_ptr<ov::Model>& model) {
  if (!final_sampling(*model) || !keeps_size(model)) return false;
  const auto grid = before_resize(channels_first(*final_sampling(*model)));
  model->get_results()[0]->input(0).replace_source_output(grid);
  detach_input_resize(model);
  model->validate_nodes_and_infer_types();
  return true;
}

}  // namespace fastocr::openvino
