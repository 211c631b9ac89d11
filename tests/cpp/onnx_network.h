#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "fastocr/engine.h"

namespace fastocr::testing {

// ---- protobuf -----------------------------------------------------------------------------------

inline std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
inline std::string number_field(int number, std::int64_t value) {
  return varint(static_cast<std::uint64_t>(number) << 3) +
         varint(static_cast<std::uint64_t>(value));
}
inline std::string bytes_field(int number, const std::string& bytes) {
  return varint(static_cast<std::uint64_t>(number) << 3 | 2) + varint(bytes.size()) + bytes;
}
inline std::string float_field(int number, float value) {
  std::string bytes(sizeof(value), '\0');
  std::memcpy(bytes.data(), &value, sizeof(value));
  return varint(static_cast<std::uint64_t>(number) << 3 | 5) + bytes;
}

template <typename T>
std::string raw_bytes(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

// A file that goes with the object. Its name is none that every code page has.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& bytes) : path_(new_path()) {
    std::ofstream(path_, std::ios::binary) << bytes;
    const std::u8string text = path_.u8string();
    text_.assign(text.begin(), text.end());
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::string& path() const { return text_; }

 private:
  static std::filesystem::path new_path() {
    static const unsigned run = std::random_device{}();
    static std::atomic<int> count = 0;
    const std::string numbers = std::to_string(run) + "_" + std::to_string(++count);
    return std::filesystem::temp_directory_path() /
           (u8"fastocr_測試_" + std::u8string(numbers.begin(), numbers.end()) + u8".onnx");
  }

  std::filesystem::path path_;
  std::string text_;
};

// ---- ONNX ---------------------------------------------------------------------------------------

using AttributeValue = std::variant<std::int64_t, float, std::string, Shape>;
using Attributes = std::vector<std::pair<std::string, AttributeValue>>;

// An ONNX file, part by part.
class OnnxFile {
 public:
  explicit OnnxFile(const Shape& input, std::int64_t opset = 13) : opset_(opset) {
    std::string shape;
    for (const std::int64_t size : input) {
      shape += bytes_field(1, size < 0 ? bytes_field(2, "any") : number_field(1, size));
    }
    const std::string tensor = number_field(1, kFloat) + bytes_field(2, shape);
    graph_ += bytes_field(11, bytes_field(1, "x") + bytes_field(2, bytes_field(1, tensor)));
  }

  // These return the name of what they add.
  std::string constant(const Shape& shape, const std::vector<float>& values) {
    return add_tensor(shape, kFloat, raw_bytes(values));
  }
  std::string integers(const Shape& values) {
    return add_tensor({std::ssize(values)}, kInt64, raw_bytes(values));
  }
  std::string node(const std::string& type, const std::vector<std::string>& inputs,
                   const Attributes& attributes = {}) {
    const std::string name = new_name();
    std::string bytes;
    for (const std::string& input : inputs) bytes += bytes_field(1, input);
    bytes += bytes_field(2, name) + bytes_field(4, type);
    for (const auto& [key, value] : attributes) bytes += bytes_field(5, attribute(key, value));
    graph_ += bytes_field(1, bytes);
    return name;
  }

  std::string bytes(const std::string& output) const {
    const std::string graph = graph_ + bytes_field(12, bytes_field(1, output));
    const std::string opset = bytes_field(1, "") + number_field(2, opset_);
    return number_field(1, 8) + bytes_field(8, opset) + bytes_field(7, graph);
  }

 private:
  enum { kFloat = 1, kInt64 = 7 };

  std::string new_name() { return "v" + std::to_string(++names_); }

  std::string add_tensor(const Shape& shape, int type, const std::string& raw) {
    const std::string name = new_name();
    std::string bytes;
    for (const std::int64_t size : shape) bytes += number_field(1, size);
    graph_ +=
        bytes_field(5, bytes + number_field(2, type) + bytes_field(8, name) + bytes_field(9, raw));
    return name;
  }

  static std::string attribute(const std::string& name, const AttributeValue& value) {
    std::string bytes = bytes_field(1, name);
    if (const auto* i = std::get_if<std::int64_t>(&value)) bytes += number_field(3, *i);
    if (const auto* f = std::get_if<float>(&value)) bytes += float_field(2, *f);
    if (const auto* s = std::get_if<std::string>(&value)) bytes += bytes_field(4, *s);
    if (const auto* ints = std::get_if<Shape>(&value)) {
      for (const std::int64_t i : *ints) bytes += number_field(8, i);
    }
    return bytes;
  }

  std::string graph_;
  std::int64_t opset_;
  int names_ = 0;
};

// ---- networks and what they compute, the plain way ----------------------------------------------

// Planes of numbers; a row of tokens has height 1.
struct Planes {
  int channels = 0, height = 0, width = 0;
  std::vector<double> values;

  Planes(int c, int h, int w)
      : channels(c), height(h), width(w), values(static_cast<std::size_t>(c) * h * w) {}
  double& at(int c, int y, int x) { return values[index(c, y, x)]; }
  double at(int c, int y, int x) const { return values[index(c, y, x)]; }

 private:
  std::size_t index(int c, int y, int x) const {
    return (static_cast<std::size_t>(c) * height + y) * width + x;
  }
};

// A value of a network: its name in the file, and how it follows from the input.
struct NetworkValue {
  std::string name;
  int channels;
  std::function<Planes(const Planes& input)> compute;
};

struct Window {
  int height, width;
  int stride_y = 1, stride_x = 1;
  int pad_y = 0, pad_x = 0;        // above and to the left
  int more_y = 0, more_x = 0;      // so much more below and to the right
  const char* auto_pad = nullptr;  // what the file says in place of these numbers
};

inline Attributes window_attributes(const Window& w) {
  Attributes attributes{{"kernel_shape", Shape{w.height, w.width}},
                        {"strides", Shape{w.stride_y, w.stride_x}}};
  if (w.auto_pad != nullptr) {
    attributes.emplace_back("auto_pad", w.auto_pad);
  } else {
    attributes.emplace_back("pads",
                            Shape{w.pad_y, w.pad_x, w.pad_y + w.more_y, w.pad_x + w.more_x});
  }
  return attributes;
}

// Planes with as many pixels as there are windows.
inline Planes planes_of_windows(const Planes& image, const Window& w, int channels) {
  return {channels, (image.height + 2 * w.pad_y + w.more_y - w.height) / w.stride_y + 1,
          (image.width + 2 * w.pad_x + w.more_x - w.width) / w.stride_x + 1};
}

// Writes a network with random weights, and computes it in double precision.
class NetworkWriter {
 public:
  explicit NetworkWriter(const Shape& input, unsigned seed = 1)
      : file_(input), channels_(static_cast<int>(input[1])), random_(seed) {}

  NetworkValue input() const {
    return {"x", channels_, [](const Planes& x) { return x; }};
  }

  NetworkValue conv(const NetworkValue& x, int out, const Window& w, bool with_bias = true) {
    const auto weights = random_values(out * x.channels * w.height * w.width,
                                       1 / std::sqrt(static_cast<float>(x.channels * w.height)));
    return convolution(x, out, w, weights, false, with_bias ? 0.3F : 0.0F);
  }
  // The bias as a constant of one axis, which another node gives the shape of a pixel.
  NetworkValue conv_and_bias(const NetworkValue& x, int out, const Window& w) {
    const NetworkValue product = conv(x, out, w, false);
    const auto bias = random_values(out, 0.3F);
    const std::string pixel =
        file_.node("Reshape", {file_.constant({out}, bias), file_.integers({1, -1, 1, 1})});
    return {file_.node("Add", {product.name, pixel}), out, [=](const Planes& input) {
              Planes values = product.compute(input);
              for (std::size_t i = 0; i < values.values.size(); ++i) {
                values.values[i] += bias[i / (values.values.size() / bias.size())];
              }
              return values;
            }};
  }
  NetworkValue depthwise(const NetworkValue& x, const Window& w) {
    const auto weights = random_values(x.channels * w.height * w.width, 0.4F);
    return convolution(x, x.channels, w, weights, true, 0.3F);
  }
  // Windows of factor x factor pixels that touch.
  NetworkValue transposed(const NetworkValue& x, int out, int factor);
  NetworkValue batch_norm(const NetworkValue& x);
  // Product of tokens (1, width, channels) or scores (1, channels) and a matrix, plus a bias.
  NetworkValue dense(const NetworkValue& x, int out);

  // One number after the other.
  NetworkValue each(const NetworkValue& x, const std::string& type, const Attributes& attributes,
                    const std::function<double(double)>& function) {
    return {file_.node(type, {x.name}, attributes), x.channels, [x, function](const Planes& in) {
              Planes values = x.compute(in);
              for (double& v : values.values) v = function(v);
              return values;
            }};
  }
  NetworkValue relu(const NetworkValue& x) {
    return each(x, "Relu", {}, [](double v) { return std::max(v, 0.0); });
  }
  NetworkValue sigmoid(const NetworkValue& x) {
    return each(x, "Sigmoid", {}, [](double v) { return 1 / (1 + std::exp(-v)); });
  }
  NetworkValue hard_swish(const NetworkValue& x) {
    return each(x, "HardSwish", {}, [](double v) { return v * std::clamp(v / 6 + 0.5, 0.0, 1.0); });
  }
  NetworkValue hard_sigmoid(const NetworkValue& x, float alpha = 1.0F / 6) {
    return each(x, "HardSigmoid", {{"alpha", alpha}, {"beta", 0.5F}},
                [alpha](double v) { return std::clamp(alpha * v + 0.5, 0.0, 1.0); });
  }
  // As Paddle writes it: x * (erf(x / sqrt(2)) + 1) * 0.5, with a division or a product.
  NetworkValue gelu(const NetworkValue& x, bool divides = true);
  // The operation with a constant, one number for all.
  NetworkValue with_number(const NetworkValue& x, const std::string& type, float number) {
    const std::string constant = file_.constant({1}, {number});
    return {file_.node(type, {x.name, constant}), x.channels, [=](const Planes& in) {
              Planes values = x.compute(in);
              for (double& v : values.values) {
                v = type == "Mul" ? v * number : type == "Div" ? v / number : v + number;
              }
              return values;
            }};
  }

  // Of two images, or of an image and one pixel.
  NetworkValue multiply(const NetworkValue& a, const NetworkValue& b) {
    return two(a, b, "Mul", [](double x, double y) { return x * y; });
  }
  NetworkValue add(const NetworkValue& a, const NetworkValue& b) {
    return two(a, b, "Add", [](double x, double y) { return x + y; });
  }
  NetworkValue concat(const NetworkValue& a, const NetworkValue& b);
  NetworkValue global_mean(const NetworkValue& x);
  // The same as a mean over axes, which an input names or an attribute.
  NetworkValue mean_of_pixels(const NetworkValue& x, bool axes_as_input);
  NetworkValue max_pool(const NetworkValue& x, const Window& w);
  NetworkValue average_pool(const NetworkValue& x, int height, int width);
  NetworkValue upsample(const NetworkValue& x, int factor);

  // From (1, channels, 1, width) to (1, width, channels): names, not numbers, change.
  NetworkValue tokens(const NetworkValue& x) {
    const std::string axes = file_.integers({2});
    const std::string flat = file_.node("Squeeze", {x.name, axes});
    return {file_.node("Transpose", {flat}, {{"perm", Shape{0, 2, 1}}}), x.channels, x.compute};
  }
  // From (1, channels, 1, 1) to (1, channels), as Paddle writes it: the first size is looked up.
  NetworkValue flat(const NetworkValue& x) {
    const std::string zero = file_.integers({0}), one = file_.integers({1});
    const std::string sizes = file_.node("Shape", {x.name});
    const std::string first = file_.node("Slice", {sizes, zero, one, zero});
    const std::string shape =
        file_.node("Concat", {first, file_.integers({-1})}, {{"axis", std::int64_t{0}}});
    return {file_.node("Reshape", {x.name, shape}), x.channels, x.compute};
  }
  NetworkValue layer_norm(const NetworkValue& x, bool axes_as_input = false);
  // Of queries, keys and values that the 3 * heads * size channels hold. The queries get a factor
  // and a term of this size, which is to be zero.
  NetworkValue attention(const NetworkValue& x, int heads, int size, float scale, float term = 0);
  // Of the channels, which are the last of the axes.
  NetworkValue softmax(const NetworkValue& x, std::int64_t axis = 2);

  OnnxFile& file() { return file_; }
  std::string bytes(const NetworkValue& output) const { return file_.bytes(output.name); }

  std::vector<float> random_values(int count, float scale, float mean = 0) {
    std::normal_distribution<float> normal(mean, scale);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) value = normal(random_);
    return values;
  }

 private:
  NetworkValue convolution(const NetworkValue& x, int out, const Window& w,
                           const std::vector<float>& weights, bool depthwise, float bias_scale);

  template <typename Function>
  NetworkValue two(const NetworkValue& a, const NetworkValue& b, const std::string& type,
                   const Function& function) {
    return {file_.node(type, {a.name, b.name}), a.channels, [=](const Planes& in) {
              Planes result = a.compute(in);
              const Planes other = b.compute(in);
              const bool pixel = other.height * other.width == 1;
              for (int c = 0; c < result.channels; ++c) {
                for (int i = 0; i < result.height * result.width; ++i) {
                  const int y = i / result.width, column = i % result.width;
                  double& v = result.at(c, y, column);
                  v = function(v, pixel ? other.at(c, 0, 0) : other.at(c, y, column));
                }
              }
              return result;
            }};
  }

  // The mean over these axes.
  std::string mean_node(const std::string& x, const Shape& axes, bool as_input) {
    if (as_input) return file_.node("ReduceMean", {x, file_.integers(axes)});
    return file_.node("ReduceMean", {x}, {{"axes", axes}});
  }

  OnnxFile file_;
  int channels_;
  std::mt19937 random_;
};

inline NetworkValue NetworkWriter::gelu(const NetworkValue& x, bool divides) {
  const float root = std::sqrt(2.0F);
  const std::string divisor = file_.constant({}, {divides ? root : 1 / root});
  const std::string scaled = file_.node(divides ? "Div" : "Mul", {x.name, divisor});
  const std::string error = file_.node("Erf", {scaled});
  const std::string shifted = file_.node("Add", {error, file_.constant({}, {1})});
  const std::string twice = file_.node("Mul", {x.name, shifted});
  return {file_.node("Mul", {twice, file_.constant({}, {0.5F})}), x.channels,
          [x](const Planes& in) {
            Planes values = x.compute(in);
            for (double& v : values.values) v *= 0.5 * std::erfc(-v / std::sqrt(2.0));
            return values;
          }};
}

inline NetworkValue NetworkWriter::convolution(const NetworkValue& x, int out, const Window& w,
                                               const std::vector<float>& weights, bool depthwise,
                                               float bias_scale) {
  const auto bias = random_values(out, bias_scale);
  const int in = depthwise ? 1 : x.channels;
  const std::string tensor = file_.constant({out, in, w.height, w.width}, weights);
  const std::string terms = file_.constant({out}, bias);
  Attributes attributes = window_attributes(w);
  attributes.emplace_back("group", std::int64_t{depthwise ? out : 1});
  const std::string name = file_.node("Conv", {x.name, tensor, terms}, attributes);
  return {name, out, [=](const Planes& input) {
            const Planes image = x.compute(input);
            Planes result = planes_of_windows(image, w, out);
            for (int o = 0; o < out; ++o) {
              for (int p = 0; p < result.height * result.width; ++p) {
                const int top = p / result.width * w.stride_y - w.pad_y;
                const int left = p % result.width * w.stride_x - w.pad_x;
                double total = bias[o];
                for (int k = 0; k < in * w.height * w.width; ++k) {
                  const int channel = depthwise ? o : k / (w.height * w.width);
                  const int row = top + k / w.width % w.height, column = left + k % w.width;
                  if (row < 0 || row >= image.height || column < 0 || column >= image.width)
                    continue;
                  total +=
                      image.at(channel, row, column) * weights[o * in * w.height * w.width + k];
                }
                result.at(o, p / result.width, p % result.width) = total;
              }
            }
            return result;
          }};
}

inline NetworkValue NetworkWriter::transposed(const NetworkValue& x, int out, int factor) {
  const auto weights = random_values(x.channels * out * factor * factor, 0.3F);
  const auto bias = random_values(out, 0.3F);
  const std::string tensor = file_.constant({x.channels, out, factor, factor}, weights);
  const std::string terms = file_.constant({out}, bias);
  const std::string name =
      file_.node("ConvTranspose", {x.name, tensor, terms}, {{"strides", Shape{factor, factor}}});
  return {name, out, [=](const Planes& input) {
            const Planes image = x.compute(input);
            Planes result(out, image.height * factor, image.width * factor);
            for (int o = 0; o < out; ++o) {
              for (int y = 0; y < result.height; ++y) {
                for (int column = 0; column < result.width; ++column) {
                  double total = bias[o];
                  for (int c = 0; c < image.channels; ++c) {
                    const int tap = y % factor * factor + column % factor;
                    total += image.at(c, y / factor, column / factor) *
                             weights[(c * out + o) * factor * factor + tap];
                  }
                  result.at(o, y, column) = total;
                }
              }
            }
            return result;
          }};
}

inline NetworkValue NetworkWriter::batch_norm(const NetworkValue& x) {
  const auto gain = random_values(x.channels, 0.2F, 1), bias = random_values(x.channels, 0.2F),
             mean = random_values(x.channels, 0.2F);
  auto variance = random_values(x.channels, 0.5F);
  for (float& v : variance) v = v * v + 0.1F;
  std::vector<std::string> inputs{x.name};
  for (const auto* values : {&gain, &bias, &mean, &std::as_const(variance)}) {
    inputs.push_back(file_.constant({x.channels}, *values));
  }
  constexpr float kEpsilon = 1e-3F;
  return {file_.node("BatchNormalization", inputs, {{"epsilon", kEpsilon}}), x.channels,
          [=](const Planes& input) {
            Planes values = x.compute(input);
            const int pixels = values.height * values.width;
            for (std::size_t i = 0; i < values.values.size(); ++i) {
              const std::size_t c = i / pixels;
              double& v = values.values[i];
              v = (v - mean[c]) / std::sqrt(variance[c] + kEpsilon) * gain[c] + bias[c];
            }
            return values;
          }};
}

inline NetworkValue NetworkWriter::dense(const NetworkValue& x, int out) {
  const auto weights =
      random_values(x.channels * out, 1 / std::sqrt(static_cast<float>(x.channels)));
  const auto bias = random_values(out, 0.3F);
  const std::string matrix = file_.constant({x.channels, out}, weights);
  const std::string terms = file_.constant({out}, bias);
  const std::string product = file_.node("MatMul", {x.name, matrix});
  return {file_.node("Add", {product, terms}), out, [=](const Planes& input) {
            const Planes tokens = x.compute(input);
            Planes result(out, 1, tokens.width);
            for (int o = 0; o < out; ++o) {
              for (int t = 0; t < tokens.width; ++t) {
                double& total = result.at(o, 0, t) = bias[o];
                for (int c = 0; c < tokens.channels; ++c) {
                  total += tokens.at(c, 0, t) * weights[c * out + o];
                }
              }
            }
            return result;
          }};
}

inline NetworkValue NetworkWriter::concat(const NetworkValue& a, const NetworkValue& b) {
  return {file_.node("Concat", {a.name, b.name}, {{"axis", std::int64_t{1}}}),
          a.channels + b.channels, [=](const Planes& input) {
            const Planes first = a.compute(input), second = b.compute(input);
            Planes result(first.channels + second.channels, first.height, first.width);
            std::copy(first.values.begin(), first.values.end(), result.values.begin());
            std::copy(second.values.begin(), second.values.end(),
                      result.values.begin() + std::ssize(first.values));
            return result;
          }};
}

inline NetworkValue NetworkWriter::global_mean(const NetworkValue& x) {
  return {file_.node("GlobalAveragePool", {x.name}), x.channels, [x](const Planes& input) {
            const Planes image = x.compute(input);
            Planes result(image.channels, 1, 1);
            const int pixels = image.height * image.width;
            for (std::size_t i = 0; i < image.values.size(); ++i) {
              result.values[i / pixels] += image.values[i] / pixels;
            }
            return result;
          }};
}

inline NetworkValue NetworkWriter::mean_of_pixels(const NetworkValue& x, bool axes_as_input) {
  return {mean_node(x.name, {-1, 2}, axes_as_input), x.channels, global_mean(x).compute};
}

inline NetworkValue NetworkWriter::max_pool(const NetworkValue& x, const Window& w) {
  return {file_.node("MaxPool", {x.name}, window_attributes(w)), x.channels,
          [=](const Planes& input) {
            const Planes image = x.compute(input);
            Planes result = planes_of_windows(image, w, x.channels);
            for (std::size_t i = 0; i < result.values.size(); ++i) {
              const int p = static_cast<int>(i) % (result.height * result.width);
              const int channel = static_cast<int>(i) / (result.height * result.width);
              const int top = p / result.width * w.stride_y - w.pad_y;
              const int left = p % result.width * w.stride_x - w.pad_x;
              double& largest = result.values[i] = -std::numeric_limits<double>::infinity();
              for (int y = std::max(top, 0); y < std::min(top + w.height, image.height); ++y) {
                for (int k = std::max(left, 0); k < std::min(left + w.width, image.width); ++k) {
                  largest = std::max(largest, image.at(channel, y, k));
                }
              }
            }
            return result;
          }};
}

inline NetworkValue NetworkWriter::average_pool(const NetworkValue& x, int height, int width) {
  const Shape window{height, width};
  return {file_.node("AveragePool", {x.name}, {{"kernel_shape", window}, {"strides", window}}),
          x.channels, [=](const Planes& input) {
            const Planes image = x.compute(input);
            Planes result(image.channels, image.height / height, image.width / width);
            for (int c = 0; c < result.channels; ++c) {
              for (int y = 0; y < result.height * height; ++y) {
                for (int column = 0; column < result.width * width; ++column) {
                  result.at(c, y / height, column / width) +=
                      image.at(c, y, column) / (height * width);
                }
              }
            }
            return result;
          }};
}

inline NetworkValue NetworkWriter::upsample(const NetworkValue& x, int factor) {
  const auto f = static_cast<float>(factor);
  const std::string scales = file_.constant({4}, {1, 1, f, f});
  const Attributes attributes{{"mode", "nearest"},
                              {"nearest_mode", "floor"},
                              {"coordinate_transformation_mode", "asymmetric"}};
  return {file_.node("Resize", {x.name, "", scales}, attributes), x.channels,
          [=](const Planes& input) {
            const Planes image = x.compute(input);
            Planes result(image.channels, image.height * factor, image.width * factor);
            for (int c = 0; c < result.channels; ++c) {
              for (int y = 0; y < result.height; ++y) {
                for (int column = 0; column < result.width; ++column) {
                  result.at(c, y, column) = image.at(c, y / factor, column / factor);
                }
              }
            }
            return result;
          }};
}

inline NetworkValue NetworkWriter::layer_norm(const NetworkValue& x, bool axes_as_input) {
  constexpr float kEpsilon = 1e-4F;
  const auto gain = random_values(x.channels, 0.3F, 1), bias = random_values(x.channels, 0.3F);
  const std::string mean = mean_node(x.name, {-1}, axes_as_input);
  const std::string centered = file_.node("Sub", {x.name, mean});
  const std::string square = file_.node("Pow", {centered, file_.constant({}, {2})});
  const std::string variance = mean_node(square, {-1}, axes_as_input);
  const std::string shifted = file_.node("Add", {variance, file_.constant({}, {kEpsilon})});
  const std::string root = file_.node("Sqrt", {shifted});
  const std::string quotient = file_.node("Div", {centered, root});
  const std::string scaled = file_.node("Mul", {quotient, file_.constant({x.channels}, gain)});
  return {file_.node("Add", {scaled, file_.constant({x.channels}, bias)}), x.channels,
          [=](const Planes& input) {
            Planes tokens = x.compute(input);
            const int channels = tokens.channels;
            for (int t = 0; t < tokens.width; ++t) {
              double sum = 0, squares = 0;
              for (int c = 0; c < channels; ++c) sum += tokens.at(c, 0, t) / channels;
              for (int c = 0; c < channels; ++c) {
                squares += (tokens.at(c, 0, t) - sum) * (tokens.at(c, 0, t) - sum) / channels;
              }
              for (int c = 0; c < channels; ++c) {
                double& v = tokens.at(c, 0, t);
                v = (v - sum) / std::sqrt(squares + kEpsilon) * gain[c] + bias[c];
              }
            }
            return tokens;
          }};
}

// As Paddle writes it: (1, tokens, 3, heads, size) > (3, 1, heads, tokens, size).
inline NetworkValue NetworkWriter::attention(const NetworkValue& x, int heads, int size,
                                             float scale, float term) {
  const std::string parts =
      file_.node("Reshape", {x.name, file_.integers({0, -1, 3, heads, size})});
  const std::string turned = file_.node("Transpose", {parts}, {{"perm", Shape{2, 0, 3, 1, 4}}});
  std::string part[3];
  for (int i = 0; i < 3; ++i) {
    const std::string axis = file_.integers({0});
    const std::string slice = file_.node(
        "Slice", {turned, file_.integers({i}), file_.integers({i + 1}), file_.integers({0})});
    part[i] = file_.node("Squeeze", {slice, axis});
  }
  const std::string scaled = file_.node("Mul", {part[0], file_.constant({1}, {scale})});
  const std::string queries = file_.node("Add", {scaled, file_.constant({}, {term})});
  const std::string keys = file_.node("Transpose", {part[1]}, {{"perm", Shape{0, 1, 3, 2}}});
  const std::string scores = file_.node("MatMul", {queries, keys});
  const std::string shares = file_.node("Softmax", {scores}, {{"axis", std::int64_t{-1}}});
  const std::string mixed = file_.node("MatMul", {shares, part[2]});
  const std::string back = file_.node("Transpose", {mixed}, {{"perm", Shape{0, 2, 1, 3}}});
  const std::string flat =
      file_.node("Reshape", {back, file_.integers({0, -1, std::int64_t{heads} * size})});
  return {flat, heads * size, [=](const Planes& input) {
            const Planes in = x.compute(input);
            Planes result(heads * size, 1, in.width);
            for (int q = 0; q < in.width * heads; ++q) {
              const int head = q % heads * size, token = q / heads;
              double total = 0;
              for (int other = 0; other < in.width; ++other) {
                double score = 0;
                for (int d = head; d < head + size; ++d) {
                  score += in.at(d, 0, token) * in.at(heads * size + d, 0, other);
                }
                const double share = std::exp(score * scale);
                total += share;
                for (int d = head; d < head + size; ++d) {
                  result.at(d, 0, token) += share * in.at(2 * heads * size + d, 0, other);
                }
              }
              for (int d = head; d < head + size; ++d) result.at(d, 0, token) /= total;
            }
            return result;
          }};
}

inline NetworkValue NetworkWriter::softmax(const NetworkValue& x, std::int64_t axis) {
  return {file_.node("Softmax", {x.name}, {{"axis", axis}}), x.channels, [x](const Planes& input) {
            Planes tokens = x.compute(input);
            for (int t = 0; t < tokens.width; ++t) {
              double total = 0;
              for (int c = 0; c < tokens.channels; ++c) total += std::exp(tokens.at(c, 0, t));
              for (int c = 0; c < tokens.channels; ++c) {
                tokens.at(c, 0, t) = std::exp(tokens.at(c, 0, t)) / total;
              }
            }
            return tokens;
          }};
}

}  // namespace fastocr::testing
