#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "fastocr/memory.h"

namespace fastocr::native {

// A constant of the network; either `floats` or `ints` holds the values.
struct Constant {
  std::vector<std::int64_t> shape;
  BlockVector<float> floats;
  std::vector<std::int64_t> ints;
  bool is_float = true;
};

struct Attribute {
  std::int64_t i = 0;
  float f = 0;
  std::string s;
  std::vector<std::int64_t> ints;
  Constant tensor;
};

struct OnnxNode {
  std::string type;
  std::vector<std::string> inputs, outputs;
  std::map<std::string, Attribute> attributes;

  std::int64_t integer(const std::string& name, std::int64_t otherwise) const;
  float real(const std::string& name, float otherwise) const;
  std::vector<std::int64_t> integers(const std::string& name,
                                     std::vector<std::int64_t> otherwise = {}) const;
};

struct OnnxGraph {
  std::int64_t opset = 0;
  std::vector<OnnxNode> nodes;  // every node after those it needs
  std::map<std::string, Constant> constants;
  std::string input, output;
  std::vector<std::int64_t> input_shape;  // -1: any size
};

// Reads an ONNX file, a ModelProto in protobuf's wire format, with its weights inside and one input
// and one output. Throws Error(kModelFormat), which names the file, for any other file; never reads
// beyond the file's end.
OnnxGraph read_onnx(const std::string& path);

}  // namespace fastocr::native
