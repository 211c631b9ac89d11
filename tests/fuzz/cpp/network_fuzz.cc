// Readable model files with any layers, attributes and weights in them.
#include "onnx_network.h"
#include "run_network.h"

namespace fastocr::fuzz {
namespace {

using testing::Attributes;
using testing::OnnxFile;

constexpr const char* kTypes[] = {"Add",
                                  "AveragePool",
                                  "BatchNormalization",
                                  "Cast",
                                  "Concat",
                                  "Conv",
                                  "ConvTranspose",
                                  "Div",
                                  "Gelu",
                                  "GlobalAveragePool",
                                  "HardSigmoid",
                                  "HardSwish",
                                  "LayerNormalization",
                                  "MatMul",
                                  "MaxPool",
                                  "Mul",
                                  "ReduceMean",
                                  "Relu",
                                  "Reshape",
                                  "Resize",
                                  "Shape",
                                  "Sigmoid",
                                  "Slice",
                                  "Softmax",
                                  "Squeeze",
                                  "Transpose",
                                  "Unsqueeze",
                                  "Pow",
                                  "Sqrt",
                                  "Sub",
                                  "Identity",
                                  "Clip"};

Shape small_numbers(FuzzInput& input, int most, int low, int high) {
  Shape values(static_cast<std::size_t>(input.integer(0, most)));
  for (std::int64_t& value : values) {
    value = input.byte() < 250 ? input.integer(low, high) : input.raw<std::int64_t>();
  }
  return values;
}

Attributes attributes(FuzzInput& input) {
  Attributes result;
  for (int count = input.integer(0, 4); count > 0; --count) {
    switch (input.integer(0, 11)) {
      case 0:
        result.emplace_back("kernel_shape", small_numbers(input, 3, 0, 4));
        break;
      case 1:
        result.emplace_back("strides", small_numbers(input, 3, 0, 3));
        break;
      case 2:
        result.emplace_back("pads", small_numbers(input, 5, -1, 3));
        break;
      case 3:
        result.emplace_back("axes", small_numbers(input, 4, -4, 4));
        break;
      case 4:
        result.emplace_back("axis", std::int64_t{input.integer(-4, 4)});
        break;
      case 5:
        result.emplace_back("group", std::int64_t{input.integer(-1, 8)});
        break;
      case 6:
        result.emplace_back("perm", small_numbers(input, 4, 0, 4));
        break;
      case 7:
        result.emplace_back("keepdims", std::int64_t{input.integer(0, 1)});
        break;
      case 8:
        result.emplace_back("ceil_mode", std::int64_t{input.integer(0, 1)});
        break;
      case 9:
        result.emplace_back("alpha", input.number(-2, 2));
        break;
      case 10:
        result.emplace_back("dilations", small_numbers(input, 3, 0, 3));
        break;
      default:
        result.emplace_back("auto_pad", std::string(input.flag() ? "SAME_UPPER" : "SAME_LOWER"));
        break;
    }
  }
  return result;
}

std::string constant(OnnxFile& file, FuzzInput& input) {
  if (input.flag()) return file.integers(small_numbers(input, 5, -2, 9));
  Shape shape(static_cast<std::size_t>(input.integer(0, 4)));
  std::size_t count = 1;
  for (std::int64_t& size : shape) {
    size = input.integer(1, 6);
    count *= static_cast<std::size_t>(size);
  }
  const auto values = input.numbers(std::min<std::size_t>(count, 8), -2, 2);
  std::vector<float> all(count);
  for (std::size_t i = 0; i < count; ++i) all[i] = values[i % values.size()];
  return file.constant(shape, all);
}

std::string network(FuzzInput& input) {
  Shape shape(static_cast<std::size_t>(input.integer(2, 4)), -1);
  for (std::int64_t& size : shape) size = input.integer(0, 12) == 0 ? -1 : input.integer(1, 12);
  if (shape.size() == 4 && input.flag()) shape = {-1, input.integer(1, 4), -1, -1};
  OnnxFile file(shape, input.integer(7, 18));
  std::vector<std::string> values{"x"};
  for (int count = input.integer(1, 12); count > 0; --count) {
    std::vector<std::string> inputs;
    // Mostly what was computed last, so that networks become deep.
    inputs.push_back(input.byte() < 200 ? values.back() : values[input.byte() % values.size()]);
    for (int more = input.integer(0, 3); more > 0; --more) {
      inputs.push_back(input.flag() ? constant(file, input) : values[input.byte() % values.size()]);
    }
    values.push_back(
        file.node(kTypes[input.byte() % std::size(kTypes)], inputs, attributes(input)));
  }
  return file.bytes(values.back());
}

}  // namespace
}  // namespace fastocr::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fastocr;
  using namespace fastocr::fuzz;
  FuzzInput input(data, size);
  const testing::TemporaryFile file(network(input));
  load_and_run(file.path(), input);
  return 0;
}
