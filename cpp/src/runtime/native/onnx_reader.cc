#include "runtime/native/onnx_reader.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>
#include <utility>

#include "fastocr/errors.h"
#include "runtime/file_bytes.h"
#include "runtime/model_ports.h"
#include "runtime/protobuf.h"
#include "runtime/value_check.h"

namespace fastocr::native {
namespace {

static_assert(std::endian::native == std::endian::little, "ONNX tensors are little-endian");

using protobuf::Bytes;
using protobuf::Field;
using protobuf::FieldReader;
using protobuf::Wire;

[[noreturn]] void reject(const std::string& why) { throw Error(ErrorKind::kModelFormat, why); }

// Repeated numbers are packed into one field or come one by one.
void append_integers(const Field& field, std::vector<std::int64_t>& out) {
  if (field.wire != Wire::kBytes) {
    out.push_back(field.integer());
    return;
  }
  for (FieldReader reader(field.bytes); !reader.empty();) {
    out.push_back(static_cast<std::int64_t>(reader.varint()));
  }
}

void append_floats(const Field& field, BlockVector<float>& out) {
  if (field.wire != Wire::kBytes) {
    out.push_back(field.real());
    return;
  }
  for (FieldReader reader(field.bytes); !reader.empty();) out.push_back(reader.fixed<float>());
}

template <typename Stored, typename Values>
void read_raw(Bytes raw, Values& values) {
  if (raw.size() % sizeof(Stored) != 0) reject("a tensor of a broken size");
  values.resize(raw.size() / sizeof(Stored));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, raw.data() + i * sizeof(Stored), sizeof(Stored));
    values[i] = static_cast<typename Values::value_type>(stored);
  }
}

void check_size(const Constant& constant) {
  std::uint64_t count = 1;
  const std::uint64_t have = constant.is_float ? constant.floats.size() : constant.ints.size();
  for (const std::int64_t size : constant.shape) {
    if (size < 0 || (size > 0 && count > have / static_cast<std::uint64_t>(size))) {
      reject("a tensor whose values do not fill its shape");
    }
    count *= static_cast<std::uint64_t>(size);
  }
  if (count != have) reject("a tensor whose values do not fill its shape");
}

// A bound may be infinite, weights may not: products with them are no numbers, and layers that
// bound their input would hide that.
void check_numbers(const Constant& constant, const std::string& name) {
  const ValueRange numbers = constant.floats.size() == 1 ? kComparable : kNumbers;
  if (count_outside(constant.floats, numbers) == 0) return;
  reject("the tensor '" + name + "' holds values that are no numbers");
}

std::pair<std::string, Constant> read_tensor(Bytes bytes) {
  enum { kFloat = 1, kInt32 = 6, kInt64 = 7 };
  std::string name;
  Constant constant;
  std::int64_t type = 0;
  Bytes raw;
  bool external = false;
  Field field;
  for (FieldReader reader(bytes); reader.next(field);) {
    if (field.number == 1) append_integers(field, constant.shape);
    if (field.number == 2) type = field.integer();
    if (field.number == 4) append_floats(field, constant.floats);
    if (field.number == 5 || field.number == 7) append_integers(field, constant.ints);
    if (field.number == 8) name = field.text();
    if (field.number == 9) raw = field.bytes;
    if (field.number == 14) external = field.integer() == 1;
  }
  if (external) reject("weights in a separate file");
  if (type != kFloat && type != kInt32 && type != kInt64) {
    reject("tensors of data type " + std::to_string(type));
  }
  constant.is_float = type == kFloat;
  if (!raw.empty()) {
    if (type == kFloat) read_raw<float>(raw, constant.floats);
    if (type == kInt32) read_raw<std::int32_t>(raw, constant.ints);
    if (type == kInt64) read_raw<std::int64_t>(raw, constant.ints);
  }
  check_size(constant);
  check_numbers(constant, name);
  return {std::move(name), std::move(constant)};
}

std::pair<std::string, Attribute> read_attribute(Bytes bytes) {
  std::string name;
  Attribute attribute;
  Field field;
  for (FieldReader reader(bytes); reader.next(field);) {
    if (field.number == 1) name = field.text();
    if (field.number == 2) attribute.f = field.real();
    if (field.number == 3) attribute.i = field.integer();
    if (field.number == 4) attribute.s = field.text();
    if (field.number == 5) attribute.tensor = read_tensor(field.bytes).second;
    if (field.number == 8) append_integers(field, attribute.ints);
  }
  return {std::move(name), std::move(attribute)};
}

OnnxNode read_node(Bytes bytes) {
  OnnxNode node;
  Field field;
  for (FieldReader reader(bytes); reader.next(field);) {
    if (field.number == 1) node.inputs.push_back(field.text());
    if (field.number == 2) node.outputs.push_back(field.text());
    if (field.number == 4) node.type = field.text();
    if (field.number == 5) node.attributes.insert(read_attribute(field.bytes));
  }
  return node;
}

// The one field of this number in a message, empty when there is none.
Bytes inner(Bytes bytes, std::uint64_t number) {
  Field field;
  for (FieldReader reader(bytes); reader.next(field);) {
    if (field.number == number && field.wire == Wire::kBytes) return field.bytes;
  }
  return {};
}

// ValueInfoProto: name (1), type (2) > tensor_type (1) > shape (2) > dim (1)* > dim_value (1).
std::pair<std::string, std::vector<std::int64_t>> read_value_info(Bytes bytes) {
  Field field;
  std::string name;
  for (FieldReader reader(bytes); reader.next(field);) {
    if (field.number == 1) name = field.text();
  }
  std::vector<std::int64_t> shape;
  for (FieldReader reader(inner(inner(inner(bytes, 2), 1), 2)); reader.next(field);) {
    if (field.number != 1) continue;
    std::int64_t size = -1;
    Field part;
    for (FieldReader dimension(field.bytes); dimension.next(part);) {
      if (part.number == 1 && part.integer() > 0) size = part.integer();
    }
    shape.push_back(size);
  }
  return {std::move(name), std::move(shape)};
}

void read_graph(Bytes bytes, OnnxGraph& graph) {
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> inputs;
  std::vector<std::string> outputs;
  Field field;
  for (FieldReader reader(bytes); reader.next(field);) {
    if (field.number == 1) graph.nodes.push_back(read_node(field.bytes));
    if (field.number == 5) graph.constants.insert(read_tensor(field.bytes));
    if (field.number == 11) inputs.push_back(read_value_info(field.bytes));
    if (field.number == 12) outputs.push_back(read_value_info(field.bytes).first);
  }
  std::erase_if(inputs, [&](const auto& input) { return graph.constants.contains(input.first); });
  check_ports(inputs.size(), outputs.size());
  graph.input = inputs[0].first;
  graph.input_shape = inputs[0].second;
  graph.output = outputs[0];
}

void check_order(const OnnxGraph& graph) {
  std::set<std::string> known{graph.input, ""};
  for (const auto& [name, constant] : graph.constants) known.insert(name);
  for (const OnnxNode& node : graph.nodes) {
    for (const std::string& input : node.inputs) {
      if (!known.contains(input)) reject("a node uses '" + input + "' before it is made");
    }
    for (const std::string& output : node.outputs) {
      if (!output.empty() && !known.insert(output).second) reject("'" + output + "' is made twice");
    }
    if (node.outputs.empty() || node.outputs[0].empty()) {
      reject("a node of type '" + node.type + "' without an output");
    }
  }
  if (!known.contains(graph.output)) reject("nothing makes the output");
}

std::int64_t read_opset(Bytes bytes) {
  std::string domain;
  std::int64_t version = 0;
  Field field;
  for (FieldReader reader(bytes); reader.next(field);) {
    if (field.number == 1) domain = field.text();
    if (field.number == 2) version = field.integer();
  }
  return domain.empty() || domain == "ai.onnx" ? version : 0;
}

OnnxGraph read_model(Bytes bytes) {
  OnnxGraph graph;
  Bytes body;
  Field field;
  for (FieldReader reader(bytes); reader.next(field);) {
    if (field.number == 7) body = field.bytes;
    if (field.number == 8) graph.opset = std::max(graph.opset, read_opset(field.bytes));
  }
  if (body.empty()) reject("there is no graph in it");
  read_graph(body, graph);
  check_order(graph);
  return graph;
}

}  // namespace

std::int64_t OnnxNode::integer(const std::string& name, std::int64_t otherwise) const {
  const auto found = attributes.find(name);
  return found == attributes.end() ? otherwise : found->second.i;
}

float OnnxNode::real(const std::string& name, float otherwise) const {
  const auto found = attributes.find(name);
  return found == attributes.end() ? otherwise : found->second.f;
}

std::vector<std::int64_t> OnnxNode::integers(const std::string& name,
                                             std::vector<std::int64_t> otherwise) const {
  const auto found = attributes.find(name);
  return found == attributes.end() ? std::move(otherwise) : found->second.ints;
}

OnnxGraph read_onnx(const std::string& path) {
  try {
    const BlockVector<char> bytes = read_file(path);
    return read_model(bytes);
  } catch (const Error& error) {
    throw Error(ErrorKind::kModelFormat, path + ": not a readable ONNX model: " + error.what());
  }
}

}  // namespace fastocr::native
