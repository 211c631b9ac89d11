#include "runtime/openvino/onnx_check.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "fastocr/errors.h"
#include "runtime/file_bytes.h"
#include "runtime/protobuf.h"

namespace fastocr {
namespace {

using protobuf::Bytes;
using protobuf::Field;
using protobuf::FieldReader;

// Graphs in graphs, such as the branches of If; no network for this library has any.
constexpr int kMostLevels = 16;

[[noreturn]] void reject(const std::string& why) { throw Error(ErrorKind::kModelFormat, why); }

std::size_t needed_inputs(const std::string& type) {
  static const std::set<std::string> none{"Constant", "Optional", "RandomNormal", "RandomUniform",
                                          "SequenceEmpty"};
  static const std::set<std::string> two{"Conv", "ConvTranspose"};
  return none.contains(type) ? 0 : two.contains(type) ? 2 : 1;
}

using Names = std::set<std::string>;

void check_graph(Bytes graph, int level);

// AttributeProto: g (6), graphs (11).
void check_attribute(Bytes attribute, int level) {
  Field field;
  for (FieldReader reader(attribute); reader.next(field);) {
    if (field.number == 6 || field.number == 11) check_graph(field.bytes, level + 1);
  }
}

// NodeProto: input (1), output (2), op_type (4), attribute (5). In Pad the second input was an
// attribute once.
void check_node(Bytes node, int level, Names& made) {
  std::vector<std::string> inputs;
  std::string type;
  bool has_pads = false;
  Field field;
  for (FieldReader reader(node); reader.next(field);) {
    if (field.number == 1) inputs.push_back(field.text());
    if (field.number == 2 && !field.bytes.empty() && !made.insert(field.text()).second) {
      reject("a value is made twice: " + field.text());
    }
    if (field.number == 4) type = field.text();
    if (field.number == 5) {
      check_attribute(field.bytes, level);
      has_pads = true;
    }
  }
  const std::size_t needed = type == "Pad" && !has_pads ? 2 : needed_inputs(type);
  const bool there =
      inputs.size() >= needed &&
      std::none_of(inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(needed),
                   [](const std::string& name) { return name.empty(); });
  if (!there) reject("a node of type '" + type + "' lacks an input");
}

// GraphProto: node (1).
void check_graph(Bytes graph, int level) {
  if (level > kMostLevels) reject("graphs in graphs beyond all measure");
  Names made;
  Field field;
  for (FieldReader reader(graph); reader.next(field);) {
    if (field.number == 1) check_node(field.bytes, level, made);
  }
}

}  // namespace

// ModelProto: graph (7).
void check_onnx_nodes(const std::string& path) {
  try {
    const BlockVector<char> bytes = read_file(path);
    Field field;
    for (FieldReader reader(bytes); reader.next(field);) {
      if (field.number == 7) check_graph(field.bytes, 0);
    }
  } catch (const Error& error) {
    throw Error(ErrorKind::kModelFormat, path + ": not a readable ONNX model: " + error.what());
  }
}

}  // namespace fastocr
