#include "runtime/openvino/graph_rewrites.h"

#include <cmath>
#include <openvino/core/graph_util.hpp>
#include <openvino/op/ops.hpp>
#include <optional>

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
  const auto multiply =
      ov::as_type_ptr<ov::op::v1::Multiply>(use.get_node()->shared_from_this());
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

}  // namespace

int replace_hard_sigmoid(const std::shared_ptr<ov::Model>& model) {
  int replaced = 0;
  for (const auto& node : model->get_ordered_ops()) {
    if (ov::is_type<ov::op::v0::HardSigmoid>(node) && rewrite(node)) ++replaced;
  }
  if (replaced > 0) model->validate_nodes_and_infer_types();
  return replaced;
}

}  // namespace fastocr::openvino
