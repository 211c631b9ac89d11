#include "runtime/openvino/graph_rewrites.h"

#include <cmath>
#include <openvino/core/graph_util.hpp>
#include <openvino/op/ops.hpp>
#include <optional>
#include <string_view>
#include <vector>

namespace fastocr::openvino {
namespace {

std::optional<float> scalar_constant(const ov::Output<ov::Node>& value) {
  const auto constant = ov::as_type_ptr<ov::op::v0::Constant>(value.get_node_shared_ptr());
  if (!constant || ov::shape_size(constant->get_shape()) != 1) return std::nullopt;
  return constant->cast_vector<float>()[0];
}

// The multiplication of a node's result with the node's own input, if that is its only use.
std::shared_ptr<ov::Node> only_product_with_input(const std::shared_ptr<ov::Node>& node) {
  const auto uses = node->output(0).get_target_inputs();
  if (uses.size() != 1) return nullptr;
  const auto& use = *uses.begin();
  const auto multiply = ov::as_type_ptr<ov::op::v1::Multiply>(use.get_node()->shared_from_this());
  if (!multiply) return nullptr;
  return multiply->input_value(1 - use.get_index()) == node->input_value(0) ? multiply : nullptr;
}

void replace(const std::shared_ptr<ov::Node>& old_node, const std::shared_ptr<ov::Node>& new_node) {
  new_node->set_friendly_name(old_node->get_friendly_name());
  ov::replace_node(old_node, new_node);
}

bool rewrite(const std::shared_ptr<ov::Node>& node) {
  const auto slope = scalar_constant(node->input_value(1));
  const auto offset = scalar_constant(node->input_value(2));
  if (!slope || !offset) return false;
  const ov::Output<ov::Node> x = node->input_value(0);
  constexpr float kSlopeTolerance = 1e-4F;  // exporters write 1/6 with four to nine digits
  if (std::fabs(*slope - 1.0F / 6.0F) < kSlopeTolerance && *offset == 0.5F) {
    if (const auto product = only_product_with_input(node)) {
      replace(product, std::make_shared<ov::op::v4::HSwish>(x));
    } else {
      replace(node, std::make_shared<ov::op::v5::HSigmoid>(x));
    }
    return true;
  }
  const auto constant = [&](float value) {
    return ov::op::v0::Constant::create(x.get_element_type(), ov::Shape{}, {value});
  };
  const auto scaled = std::make_shared<ov::op::v1::Multiply>(x, constant(*slope));
  const auto shifted = std::make_shared<ov::op::v1::Add>(scaled, constant(*offset));
  replace(node, std::make_shared<ov::op::v0::Clamp>(shifted, 0.0, 1.0));
  return true;
}

std::shared_ptr<ov::op::v0::Constant> constant_input(const ov::Node& node, std::size_t index) {
  auto source = node.get_input_node_shared_ptr(index);
  if (ov::is_type<ov::op::v0::Convert>(source)) source = source->get_input_node_shared_ptr(0);
  return ov::as_type_ptr<ov::op::v0::Constant>(source);
}

// The softmax over the last axis that the network ends in.
std::shared_ptr<ov::Node> final_softmax(const ov::Model& model) {
  const auto node = model.get_results()[0]->get_input_node_shared_ptr(0);
  const auto rank = node->get_output_partial_shape(0).rank();
  if (rank.is_dynamic()) return nullptr;
  if (const auto v1 = ov::as_type_ptr<ov::op::v1::Softmax>(node)) {
    return static_cast<std::int64_t>(v1->get_axis()) == rank.get_length() - 1 ? node : nullptr;
  }
  if (const auto v8 = ov::as_type_ptr<ov::op::v8::Softmax>(node)) {
    return v8->get_axis() == -1 || v8->get_axis() == rank.get_length() - 1 ? node : nullptr;
  }
  return nullptr;
}

BlockVector<float> values_of(const ov::op::v0::Constant& constant) {
  const std::vector<float> values = constant.cast_vector<float>();
  return {values.begin(), values.end()};
}

BlockVector<float> row_major_weights(const ov::op::v0::Constant& constant, bool transposed) {
  if (!transposed) return values_of(constant);
  const std::vector<float> values = constant.cast_vector<float>();
  const std::size_t classes = constant.get_shape()[0], features = constant.get_shape()[1];
  BlockVector<float> result(values.size());
  for (std::size_t n = 0; n < classes; ++n) {
    for (std::size_t k = 0; k < features; ++k) result[k * classes + n] = values[n * features + k];
  }
  return result;
}

}  // namespace

void remove_identities(const std::shared_ptr<ov::Model>& model) {
  for (const auto& node : model->get_ordered_ops()) {
    if (std::string_view(node->get_type_info().name) == "Identity") {
      node->output(0).replace(node->input_value(0));
    }
  }
  model->validate_nodes_and_infer_types();
}

std::shared_ptr<const LinearClassifier> detach_classifier(const std::shared_ptr<ov::Model>& model) {
  const auto softmax = final_softmax(*model);
  if (!softmax) return nullptr;
  const auto add = ov::as_type_ptr<ov::op::v1::Add>(softmax->get_input_node_shared_ptr(0));
  if (!add) return nullptr;
  const std::size_t product_input = constant_input(*add, 0) ? 1 : 0;
  const auto bias = constant_input(*add, 1 - product_input);
  const auto product =
      ov::as_type_ptr<ov::op::v0::MatMul>(add->get_input_node_shared_ptr(product_input));
  if (!bias || !product || product->get_transpose_a()) return nullptr;
  const auto weights = constant_input(*product, 1);
  if (!weights || weights->get_shape().size() != 2) return nullptr;

  const ov::Shape& shape = weights->get_shape();
  const bool transposed = product->get_transpose_b();
  auto classifier = std::make_shared<LinearClassifier>();
  classifier->features = static_cast<int>(shape[transposed ? 1 : 0]);
  classifier->classes = static_cast<int>(shape[transposed ? 0 : 1]);
  if (ov::shape_size(bias->get_shape()) != static_cast<std::size_t>(classifier->classes)) {
    return nullptr;
  }
  classifier->weights = row_major_weights(*weights, transposed);
  classifier->bias = values_of(*bias);
  model->get_results()[0]->input(0).replace_source_output(product->input_value(0));
  model->validate_nodes_and_infer_types();
  return classifier;
}

int replace_hard_sigmoid(const std::shared_ptr<ov::Model>& model) {
  int replaced = 0;
  for (const auto& node : model->get_ordered_ops()) {
    if (ov::is_type<ov::op::v0::HardSigmoid>(node) && rewrite(node)) ++replaced;
  }
  if (replaced > 0) model->validate_nodes_and_infer_types();
  return replaced;
}

}  // namespace fastocr::openvino
