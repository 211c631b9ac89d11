#include "runtime/native/lowering.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "fastocr/errors.h"

namespace fastocr::native {
namespace {

using Ints = std::vector<std::int64_t>;

// Sizes that stand for "any" while shapes are worked out: multiples of every network's step, and no
// number of channels.
constexpr std::int64_t kSampleHeight = 64;
constexpr std::int64_t kSampleWidth = 448;
// The longest side of an image or a window.
constexpr std::int64_t kMostPixels = 1 << 20;

[[noreturn]] void reject(const std::string& why) {
  throw Error(ErrorKind::kModelFormat, "the native engine cannot run this network: " + why);
}

void require(bool condition, const OnnxNode& node, const char* what) {
  if (!condition) reject(node.type + " " + node.outputs.at(0) + ": " + what);
}

std::int64_t product(const Ints& sizes) {
  std::int64_t total = 1;
  for (const std::int64_t size : sizes) {
    if (__builtin_mul_overflow(total, size, &total)) reject("a shape of too many elements");
  }
  return total;
}

bool all_between(const Ints& values, std::int64_t low, std::int64_t high) {
  return std::all_of(values.begin(), values.end(),
                     [&](std::int64_t value) { return value >= low && value <= high; });
}

Ints without_ones(Ints sizes) {
  std::erase(sizes, 1);
  return sizes;
}

// An image as ONNX sees it: its axes in ONNX order, by letter (N, C, H, W); an axis of size 1 may
// have any letter.
struct Value {
  int number = 0;
  Ints shape;
  std::string axes;

  std::int64_t size(char axis) const {
    for (std::size_t i = 0; i < axes.size(); ++i) {
      if (axes[i] == axis && shape[i] != 1) return shape[i];
    }
    return 1;
  }
  bool is(const std::string& layout) const {
    if (axes.size() != layout.size()) return false;
    for (std::size_t i = 0; i < axes.size(); ++i) {
      if (shape[i] != 1 && axes[i] != layout[i]) return false;
    }
    return true;
  }
  bool ends_in_channels() const {
    return !axes.empty() && (shape.back() == 1 || axes.back() == 'C');
  }
};

class Lowering {
 public:
  Lowering(OnnxGraph graph, bool detach_classifier)
      : graph_(std::move(graph)), detach_(detach_classifier) {
    drop_names();
    for (const OnnxNode& node : graph_.nodes) {
      for (const std::string& input : node.inputs) consumers_[input].push_back(&node);
    }
  }

  Network run() {
    add_input();
    if (detach_) detach_classifier();
    for (const OnnxNode& node : graph_.nodes) {
      if (!done_.contains(&node)) lower(node);
    }
    finish();
    return std::move(network_);
  }

 private:
  using Handler = void (Lowering::*)(const OnnxNode&);

  // An activation whose product with its input may follow; some are known in such products only.
  struct Gate {
    std::string input;
    std::optional<Epilogue> alone;
    Epilogue product;
  };

  // ---- the graph --------------------------------------------------------------------------------

  // Values that only have another name, and constants that come as nodes.
  void drop_names() {
    std::map<std::string, std::string> renamed;
    std::vector<OnnxNode> kept;
    for (OnnxNode& node : graph_.nodes) {
      for (std::string& input : node.inputs) {
        const auto found = renamed.find(input);
        if (found != renamed.end()) input = found->second;
      }
      if (node.type == "Identity" || node.type == "Dropout") {
        renamed[node.outputs.at(0)] = node.inputs.at(0);
      } else if (node.type == "Constant" && node.attributes.contains("value")) {
        graph_.constants[node.outputs.at(0)] = node.attributes.at("value").tensor;
      } else {
        kept.push_back(std::move(node));
      }
    }
    graph_.nodes = std::move(kept);
    const auto found = renamed.find(graph_.output);
    if (found != renamed.end()) graph_.output = found->second;
  }

  std::size_t uses(const std::string& name) const {
    const auto found = consumers_.find(name);
    return (found == consumers_.end() ? 0 : found->second.size()) + (name == graph_.output ? 1 : 0);
  }

  // The node that alone uses `name`, if it is of this type.
  const OnnxNode* follower(const std::string& name, const std::string& type) const {
    const auto found = consumers_.find(name);
    if (found == consumers_.end() || uses(name) != 1) return nullptr;
    return found->second[0]->type == type ? found->second[0] : nullptr;
  }

  const Constant* constant(const std::string& name) const {
    const auto found = graph_.constants.find(name);
    return found == graph_.constants.end() ? nullptr : &found->second;
  }

  const Constant& float_constant(const OnnxNode& node, std::size_t input) const {
    require(input < node.inputs.size(), node, "an input is missing");
    const Constant* found = constant(node.inputs[input]);
    require(found != nullptr && found->is_float, node, "an input is not a constant");
    return *found;
  }

  const Value& image(const OnnxNode& node, std::size_t input = 0) {
    require(input < node.inputs.size(), node, "an input is missing");
    const std::string& name = node.inputs[input];
    materialize(name);
    const auto found = images_.find(name);
    require(found != images_.end(), node, "an input is of an unknown kind");
    return found->second;
  }

  // Whole numbers known by now: constants and shape arithmetic.
  std::optional<Ints> integers(const std::string& name) const {
    const auto found = integers_.find(name);
    if (found != integers_.end()) return found->second;
    const Constant* c = constant(name);
    if (c == nullptr || c->is_float) return std::nullopt;
    return c->ints;
  }

  Ints required_integers(const OnnxNode& node, std::size_t input) const {
    require(input < node.inputs.size(), node, "an input is missing");
    auto values = integers(node.inputs[input]);
    require(values.has_value(), node, "a shape is not known");
    return *values;
  }

  // ---- layers -----------------------------------------------------------------------------------

  int emit(Operation operation, std::vector<int> inputs) {
    const int output = network_.values++;
    producers_[output] = network_.layers.size();
    network_.layers.push_back({std::move(operation), std::move(inputs), output});
    return output;
  }

  void define(const OnnxNode& node, int number, Ints shape, std::string axes) {
    images_[node.outputs.at(0)] = {number, std::move(shape), std::move(axes)};
  }

  // The layer that makes a value; null for the input.
  Layer* producer(const Value& value) {
    const auto found = producers_.find(value.number);
    return found == producers_.end() ? nullptr : &network_.layers[found->second];
  }

  Epilogue* epilogue_of(const Value& value) {
    Layer* layer = producer(value);
    if (layer == nullptr) return nullptr;
    if (auto* c = std::get_if<Convolution>(&layer->operation)) return &c->epilogue;
    if (auto* c = std::get_if<TransposedConvolution>(&layer->operation)) return &c->epilogue;
    if (auto* e = std::get_if<ElementWise>(&layer->operation)) return &e->epilogue;
    return nullptr;
  }

  // Makes a linear layer without activation compute factors * x + terms instead of x; each is one
  // number or one a channel.
  bool join_affine(const Value& value, const BlockVector<float>& factors,
                   const BlockVector<float>& terms) {
    const auto at = [](const BlockVector<float>& v, std::size_t i) {
      return v.size() == 1 ? v[0] : v[i % v.size()];
    };
    const auto join = [&](auto& c) {
      if (!is_identity(c.epilogue)) return false;
      for (std::size_t i = 0; i < c.weights.size(); ++i) c.weights[i] *= at(factors, i);
      for (std::size_t i = 0; i < c.bias.size(); ++i) {
        c.bias[i] = c.bias[i] * at(factors, i) + at(terms, i);
      }
      return true;
    };
    Layer* layer = producer(value);
    if (layer == nullptr) return false;
    if (auto* c = std::get_if<Convolution>(&layer->operation)) return join(*c);
    if (auto* c = std::get_if<TransposedConvolution>(&layer->operation)) return join(*c);
    return false;
  }

  // factors * x + terms, in the layer that makes x if nothing else uses it.
  void affine(const OnnxNode& node, std::size_t input, const BlockVector<float>& factors,
              const BlockVector<float>& terms) {
    const Value value = images_.at(node.inputs[input]);
    const bool alone = uses(node.inputs[input]) == 1;
    const bool scalar = factors.size() == 1 && terms.size() == 1;
    Epilogue* e = epilogue_of(value);
    if (alone && join_affine(value, factors, terms)) {
      images_[node.outputs.at(0)] = value;
    } else if (alone && e != nullptr && scalar) {
      e->scale *= factors[0];
      e->shift = e->shift * factors[0] + terms[0];
      images_[node.outputs.at(0)] = value;
    } else {
      require(scalar, node, "constants a channel that follow no convolution");
      Epilogue own;
      own.scale = factors[0];
      own.shift = terms[0];
      define(node, emit(ElementWise{own}, {value.number}), value.shape, value.axes);
    }
  }

  // A constant as one number, or one for each channel of the image.
  BlockVector<float> by_channel(const OnnxNode& node, const Constant& c, const Value& value) {
    if (c.floats.size() == 1) return c.floats;
    require(c.shape.size() <= value.shape.size(), node, "a constant with more axes than the image");
    const std::size_t skipped = value.shape.size() - c.shape.size();
    for (std::size_t i = 0; i < c.shape.size(); ++i) {
      const bool channels =
          value.axes[skipped + i] == 'C' && value.shape[skipped + i] == c.shape[i];
      require(c.shape[i] == 1 || channels, node, "a constant that is not one number a channel");
    }
    return c.floats;
  }

  // ---- activations ------------------------------------------------------------------------------

  // Applies an activation to a value, in the layer that makes it if nothing else uses it.
  void activate(const OnnxNode& node, const std::string& input, const Epilogue& activation,
                std::size_t expected_uses) {
    const Value value = images_.at(input);
    Epilogue* before = epilogue_of(value);
    if (before != nullptr && is_identity(*before) && uses(input) == expected_uses) {
      *before = activation;
      images_[node.outputs.at(0)] = value;
      return;
    }
    define(node, emit(ElementWise{activation}, {value.number}), value.shape, value.axes);
  }

  // Makes a gate a value of its own.
  void materialize(const std::string& name) {
    const auto found = gates_.find(name);
    if (found == gates_.end() || images_.contains(name) || !found->second.alone) return;
    OnnxNode node;
    node.outputs = {name};
    activate(node, found->second.input, *found->second.alone, 1);
  }

  void add_gate(const OnnxNode& node, const Epilogue& alone, Activation product) {
    image(node);
    Gate gate{node.inputs[0], alone, alone};
    gate.product.activation = product;
    gates_[node.outputs.at(0)] = gate;
  }

  void hard_sigmoid(const OnnxNode& node) {
    Epilogue e;
    e.activation = Activation::kHardSigmoid;
    e.slope = node.real("alpha", 0.2F);
    e.offset = node.real("beta", 0.5F);
    add_gate(node, e, Activation::kHardSwish);
  }

  void sigmoid(const OnnxNode& node) {
    Epilogue e;
    e.activation = Activation::kSigmoid;
    add_gate(node, e, Activation::kSwish);
  }

  void hard_swish(const OnnxNode& node) {
    image(node);
    Epilogue e;
    e.activation = Activation::kHardSwish;
    activate(node, node.inputs[0], e, 1);
  }

  void relu(const OnnxNode& node) {
    image(node);
    Epilogue e;
    e.activation = Activation::kRelu;
    activate(node, node.inputs[0], e, 1);
  }

  void gelu(const OnnxNode& node) {
    image(node);
    const std::string approximate = text(node, "approximate");
    require(approximate.empty() || approximate == "none", node, "an approximation");
    Epilogue e;
    e.activation = Activation::kGelu;
    activate(node, node.inputs[0], e, 1);
  }

  // erf(x / sqrt(2)) + 1, twice the normal distribution function; `node` is the division of input
  // `x`. Its product with x follows, which is twice GELU.
  bool normal_gate(const OnnxNode& node, std::size_t x, double divisor) {
    const OnnxNode* error = follower(node.outputs.at(0), "Erf");
    const OnnxNode* sum = error == nullptr ? nullptr : follower(error->outputs.at(0), "Add");
    if (sum == nullptr || std::abs(divisor - std::sqrt(2.0)) > 1e-6) return false;
    const auto one = constant_operand(*sum);
    if (!one || one->first->floats != BlockVector<float>{1.0F}) return false;
    done_.insert({error, sum});
    Gate gate{node.inputs[x], std::nullopt, {}};
    gate.product.activation = Activation::kGelu;
    gate.product.scale = 2;
    gates_[sum->outputs.at(0)] = gate;
    return true;
  }

  // x * gate(x).
  bool gated_product(const OnnxNode& node) {
    for (int i : {0, 1}) {
      const std::string &gate = node.inputs[i], &other = node.inputs[1 - i];
      const auto found = gates_.find(gate);
      if (found == gates_.end() || found->second.input != other || uses(gate) != 1) continue;
      activate(node, other, found->second.product, 2);
      return true;
    }
    return false;
  }

  // ---- arithmetic -------------------------------------------------------------------------------

  // Whichever input is a float constant, and the other one.
  std::optional<std::pair<const Constant*, std::size_t>> constant_operand(const OnnxNode& node) {
    require(node.inputs.size() == 2, node, "two inputs are expected");
    for (std::size_t i : {0, 1}) {
      const Constant* c = constant(node.inputs[i]);
      if (c != nullptr && c->is_float) return std::pair{c, 1 - i};
    }
    return std::nullopt;
  }

  void divide(const OnnxNode& node) {
    const BlockVector<float> divisors = by_channel(node, float_constant(node, 1), image(node));
    if (divisors.size() == 1 && normal_gate(node, 0, divisors[0])) return;
    BlockVector<float> factors;
    for (const float divisor : divisors) factors.push_back(1 / divisor);
    require(std::all_of(factors.begin(), factors.end(), [](float f) { return std::isfinite(f); }),
            node, "a division by zero");
    affine(node, 0, factors, {0.0F});
  }

  void multiply(const OnnxNode& node) {
    const auto operand = constant_operand(node);
    if (operand) {
      const auto& [factors, other] = *operand;
      image(node, other);
      const BlockVector<float>& f = factors->floats;
      if (f.size() == 1 && f[0] != 0 && normal_gate(node, other, 1.0 / f[0])) return;
      return affine(node, other, by_channel(node, *factors, image(node, other)), {0.0F});
    }
    if (gated_product(node)) return;
    Value a = image(node, 0), b = image(node, 1);
    if (a.size('H') == 1 && a.size('W') == 1) std::swap(a, b);
    require(b.size('H') == 1 && b.size('W') == 1 && a.axes == b.axes && a.size('C') == b.size('C'),
            node, "a product of two images");
    define(node, emit(ChannelScale{}, {a.number, b.number}), a.shape, a.axes);
  }

  void add(const OnnxNode& node) {
    const auto operand = constant_operand(node);
    if (operand) return add_constant(node, *operand->first, operand->second);
    const Value a = image(node, 0), b = image(node, 1);
    require(a.shape == b.shape && a.is(b.axes), node, "a sum of images of different sizes");
    if (!add_scaled(node, a, b) && !add_scaled(node, b, a)) {
      define(node, emit(Sum{}, {a.number, b.number}), a.shape, a.axes);
    }
  }

  // x + x * factors is a scale by factors + 1.
  bool add_scaled(const OnnxNode& node, const Value& x, const Value& scaled) {
    Layer* layer = producer(scaled);
    if (layer == nullptr || layer->inputs[0] != x.number) return false;
    auto* scale = std::get_if<ChannelScale>(&layer->operation);
    const bool alone = uses(node.inputs[0]) == 1 || uses(node.inputs[1]) == 1;
    if (scale == nullptr || !alone || images_.at(single_use(node)).number != scaled.number) {
      return false;
    }
    scale->bias += 1;
    images_[node.outputs.at(0)] = scaled;
    return true;
  }

  const std::string& single_use(const OnnxNode& node) const {
    return uses(node.inputs[0]) == 1 ? node.inputs[0] : node.inputs[1];
  }

  void add_constant(const OnnxNode& node, const Constant& c, std::size_t other) {
    const Value value = image(node, other);
    const auto terms = by_channel(node, c, value);
    if (std::any_of(terms.begin(), terms.end(), [](float t) { return t != 0; })) {
      affine(node, other, {1.0F}, terms);
    } else if (uses(node.inputs[other]) == 1) {
      images_[node.outputs.at(0)] = value;
    } else {
      define_view(node, value, value.shape, value.axes);
    }
  }

  // ---- convolutions -----------------------------------------------------------------------------

  static std::string text(const OnnxNode& node, const std::string& name) {
    const auto found = node.attributes.find(name);
    return found == node.attributes.end() ? std::string() : found->second.s;
  }

  // Top, left, bottom, right.
  static Ints pads_of(const OnnxNode& node, const Ints& kernel, const Ints& strides) {
    const std::string automatic = text(node, "auto_pad");
    if (automatic.empty() || automatic == "NOTSET") return node.integers("pads", {0, 0, 0, 0});
    require(!node.attributes.contains("pads"), node, "both automatic padding and pads");
    if (automatic == "VALID") return {0, 0, 0, 0};
    const bool upper = automatic == "SAME_UPPER";
    require(upper || automatic == "SAME_LOWER", node, "an unknown kind of automatic padding");
    // Otherwise they depend on the size of the image.
    require(without_ones(strides).empty(), node, "automatic padding with strides");
    const std::int64_t y = kernel[0] - 1, x = kernel[1] - 1;
    const Ints less{y / 2, x / 2}, more{y - y / 2, x - x / 2};
    return upper ? Ints{less[0], less[1], more[0], more[1]}
                 : Ints{more[0], more[1], less[0], less[1]};
  }

  // Windows of height x width pixels.
  static SlidingWindow sliding_window(const OnnxNode& node, const Ints& kernel) {
    require(kernel.size() == 2 && all_between(kernel, 1, kMostPixels), node,
            "a window of an impossible size");
    require(without_ones(node.integers("dilations")).empty(), node, "dilation");
    const auto strides = node.integers("strides", {1, 1});
    require(strides.size() == 2 && all_between(strides, 1, kMostPixels), node,
            "strides out of range");
    const auto pads = pads_of(node, kernel, strides);
    require(pads.size() == 4 && all_between(pads, 0, kMostPixels), node, "pads out of range");
    const auto size = [](std::int64_t value) { return static_cast<int>(value); };
    const SlidingWindow w{size(kernel[0]), size(kernel[1]), size(strides[0]), size(strides[1]),
                          size(pads[0]),   size(pads[1]),   size(pads[2]),    size(pads[3])};
    require(w.pad_top < w.kernel_height && w.pad_bottom < w.kernel_height &&
                w.pad_left < w.kernel_width && w.pad_right < w.kernel_width,
            node, "padding beyond the window");
    return w;
  }

  void convolution(const OnnxNode& node) {
    const Value value = image(node);
    const Constant& weights = float_constant(node, 1);
    require(value.is("NCHW") && weights.shape.size() == 4, node, "only images are supported");
    require(product(weights.shape) > 0, node, "empty weights");
    Convolution c;
    static_cast<SlidingWindow&>(c) = sliding_window(node, {weights.shape[2], weights.shape[3]});
    const auto group = node.integer("group", 1);
    c.in_channels = static_cast<int>(value.shape[1]);
    c.out_channels = static_cast<int>(weights.shape[0]);
    c.depthwise = group != 1;
    require(c.depthwise ? group == c.in_channels && group == c.out_channels && weights.shape[1] == 1
                        : weights.shape[1] == c.in_channels,
            node, "groups of channels");
    // ONNX has [out][in][y][x].
    const std::int64_t taps = weights.shape[2] * weights.shape[3], in = weights.shape[1];
    c.weights.resize(weights.floats.size());
    for (std::int64_t o = 0; o < c.out_channels; ++o) {
      for (std::int64_t i = 0; i < in; ++i) {
        for (std::int64_t t = 0; t < taps; ++t) {
          c.weights[(t * in + i) * c.out_channels + o] = weights.floats[(o * in + i) * taps + t];
        }
      }
    }
    c.bias = bias(node, 2, c.out_channels);
    const ImageSize size = output_size({c, {}, 0}, {image_size(value)});
    const int number = emit(std::move(c), {value.number});
    define(node, number, {1, size.channels, size.height, size.width}, "NCHW");
  }

  BlockVector<float> bias(const OnnxNode& node, std::size_t input, int channels) {
    if (node.inputs.size() <= input || node.inputs[input].empty()) {
      return BlockVector<float>(static_cast<std::size_t>(channels), 0.0F);
    }
    const Constant& c = float_constant(node, input);
    require(static_cast<int>(c.floats.size()) == channels, node, "a bias of another size");
    return c.floats;
  }

  static ImageSize image_size(const Value& value) {
    return {static_cast<int>(value.size('C')), static_cast<int>(value.size('H')),
            static_cast<int>(value.size('W'))};
  }

  void transposed_convolution(const OnnxNode& node) {
    const Value value = image(node);
    const Constant& weights = float_constant(node, 1);
    const auto strides = node.integers("strides", {1, 1});
    const auto zeros = [](const Ints& v) {
      return std::all_of(v.begin(), v.end(), [](std::int64_t i) { return i == 0; });
    };
    require(value.is("NCHW") && weights.shape.size() == 4 && node.integer("group", 1) == 1 &&
                without_ones(node.integers("dilations")).empty() && zeros(node.integers("pads")) &&
                zeros(node.integers("output_padding")) && strides.size() == 2 &&
                strides[0] == strides[1] && weights.shape[2] == strides[0] &&
                weights.shape[3] == strides[0] && weights.shape[0] == value.shape[1],
            node, "only windows that touch are supported");
    require(product(weights.shape) > 0, node, "empty weights");
    TransposedConvolution c;
    c.in_channels = static_cast<int>(weights.shape[0]);
    c.out_channels = static_cast<int>(weights.shape[1]);
    c.factor = static_cast<int>(strides[0]);
    const std::int64_t taps = strides[0] * strides[0];
    c.weights.resize(weights.floats.size());
    for (std::int64_t i = 0; i < c.in_channels; ++i) {
      for (std::int64_t o = 0; o < c.out_channels; ++o) {
        for (std::int64_t t = 0; t < taps; ++t) {
          c.weights[(i * taps + t) * c.out_channels + o] =
              weights.floats[(i * c.out_channels + o) * taps + t];
        }
      }
    }
    c.bias = bias(node, 2, c.out_channels);
    const ImageSize size = output_size({c, {}, 0}, {image_size(value)});
    const int number = emit(std::move(c), {value.number});
    define(node, number, {1, size.channels, size.height, size.width}, "NCHW");
  }

  void batch_normalization(const OnnxNode& node) {
    const Value value = image(node);
    BlockVector<float> factors, terms;
    const Constant &gain = float_constant(node, 1), &bias = float_constant(node, 2),
                   &mean = float_constant(node, 3), &variance = float_constant(node, 4);
    const auto channels = static_cast<std::size_t>(value.size('C'));
    require(gain.floats.size() == channels && bias.floats.size() == channels &&
                mean.floats.size() == channels && variance.floats.size() == channels,
            node, "statistics of another size");
    const double epsilon = node.real("epsilon", 1e-5F);
    for (std::size_t i = 0; i < channels; ++i) {
      const double factor = gain.floats[i] / std::sqrt(variance.floats[i] + epsilon);
      factors.push_back(static_cast<float>(factor));
      terms.push_back(static_cast<float>(bias.floats[i] - factor * mean.floats[i]));
    }
    require(uses(node.inputs[0]) == 1 && join_affine(value, factors, terms), node,
            "it follows no convolution");
    images_[node.outputs.at(0)] = value;
  }

  void matrix_product(const OnnxNode& node) {
    const Value value = image(node);
    const Constant& weights = float_constant(node, 1);
    require(value.ends_in_channels() && weights.shape.size() == 2 &&
                weights.shape[0] == value.shape.back() && product(weights.shape) > 0,
            node, "not a product of channels and a matrix");
    Convolution c;
    c.over_tokens = true;
    c.in_channels = static_cast<int>(weights.shape[0]);
    c.out_channels = static_cast<int>(weights.shape[1]);
    c.weights = weights.floats;
    c.bias.assign(static_cast<std::size_t>(c.out_channels), 0.0F);
    Ints shape = value.shape;
    shape.back() = c.out_channels;
    std::string axes = value.axes;
    axes.back() = 'C';
    define(node, emit(std::move(c), {value.number}), shape, axes);
  }

  // ---- sizes ------------------------------------------------------------------------------------

  void global_mean(const OnnxNode& node) {
    const Value value = image(node);
    require(value.is("NCHW"), node, "only images are supported");
    define(node, emit(GlobalMean{}, {value.number}), {1, value.shape[1], 1, 1}, "NCHW");
  }

  void average_pool(const OnnxNode& node) {
    const Value value = image(node);
    const auto kernel = node.integers("kernel_shape"), strides = node.integers("strides");
    const auto pads = node.integers("pads");
    require(value.is("NCHW") && kernel.size() == 2 && kernel == strides &&
                all_between(kernel, 1, kMostPixels) && node.integer("ceil_mode", 0) == 0 &&
                std::all_of(pads.begin(), pads.end(), [](auto p) { return p == 0; }),
            node, "only windows that touch are supported");
    const AveragePool pool{static_cast<int>(kernel[0]), static_cast<int>(kernel[1])};
    const ImageSize size = output_size({pool, {}, 0}, {image_size(value)});
    define(node, emit(pool, {value.number}), {1, size.channels, size.height, size.width}, "NCHW");
  }

  void max_pool(const OnnxNode& node) {
    const Value value = image(node);
    require(value.is("NCHW") && node.outputs.size() == 1 && node.integer("ceil_mode", 0) == 0, node,
            "only the largest values of whole windows are supported");
    const MaxPool pool{sliding_window(node, node.integers("kernel_shape"))};
    const ImageSize size = output_size({pool, {}, 0}, {image_size(value)});
    define(node, emit(pool, {value.number}), {1, size.channels, size.height, size.width}, "NCHW");
  }

  void resize(const OnnxNode& node) {
    const Value value = image(node);
    const Constant& scales = float_constant(node, 2);
    const BlockVector<float>& f = scales.floats;
    // Each of these takes, for all pixels that come of one, just that one.
    const std::string coordinates = text(node, "coordinate_transformation_mode");
    const std::string nearest = text(node, "nearest_mode");
    const bool repeats =
        (coordinates == "asymmetric" && nearest == "floor") ||
        (coordinates == "half_pixel" && (nearest.empty() || nearest.starts_with("round_prefer")));
    require(value.is("NCHW") && text(node, "mode") == "nearest" && repeats && f.size() == 4 &&
                f[0] == 1 && f[1] == 1 && f[2] == f[3] && f[2] >= 1 && f[2] == std::floor(f[2]) &&
                f[2] <= 64,
            node, "only enlargement by a whole factor, nearest neighbour, is supported");
    if (f[2] == 1) return define_view(node, value, value.shape, value.axes);
    const Upsample upsample{static_cast<int>(f[2])};
    const ImageSize size = output_size({upsample, {}, 0}, {image_size(value)});
    define(node, emit(upsample, {value.number}), {1, size.channels, size.height, size.width},
           "NCHW");
  }

  void concatenate(const OnnxNode& node) {
    if (concatenate_integers(node)) return;
    std::vector<int> numbers;
    std::vector<ImageSize> sizes;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const Value& value = image(node, i);
      require(value.is("NCHW") && node.integer("axis", 0) == 1, node,
              "only channels can be joined");
      numbers.push_back(value.number);
      sizes.push_back(image_size(value));
    }
    const ImageSize size = output_size({Concatenation{}, {}, 0}, sizes);
    define(node, emit(Concatenation{}, numbers), {1, size.channels, size.height, size.width},
           "NCHW");
  }

  void softmax(const OnnxNode& node) {
    const Value value = image(node);
    const auto axis = node.integer("axis", graph_.opset < 13 ? 1 : -1);
    const auto rank = static_cast<std::int64_t>(value.shape.size());
    require((axis == rank - 1 || axis == -1) && value.ends_in_channels(), node,
            "only probabilities of channels are supported");
    define(node, emit(Softmax{}, {value.number}), value.shape, value.axes);
  }

  // ---- shapes: nothing moves in memory ----------------------------------------------------------

  // Another name for a value. Nothing joins the layer that makes it any more: the old name may
  // still be in use.
  void define_view(const OnnxNode& node, const Value& value, Ints shape, std::string axes) {
    producers_.erase(value.number);
    define(node, value.number, std::move(shape), std::move(axes));
  }

  void define_reshaped(const OnnxNode& node, const Value& value, const Ints& shape) {
    require(without_ones(shape) == without_ones(value.shape), node, "it reorders pixels");
    std::string letters;
    for (std::size_t i = 0; i < value.shape.size(); ++i) {
      if (value.shape[i] != 1) letters += value.axes[i];
    }
    std::string axes;
    std::size_t next = 0;
    for (const std::int64_t size : shape) axes += size == 1 ? 'N' : letters[next++];
    define_view(node, value, shape, axes);
  }

  void reshape(const OnnxNode& node) {
    if (const auto numbers = integers(node.inputs.at(0))) {
      integers_[node.outputs.at(0)] = *numbers;
      return;
    }
    if (const Constant* c = constant(node.inputs[0])) {
      Constant reshaped = *c;
      reshaped.shape = new_shape(node, c->shape);
      graph_.constants[node.outputs.at(0)] = std::move(reshaped);
      return;
    }
    const Value value = image(node);
    const Ints shape = new_shape(node, value.shape);
    if (shape.size() == 5) return attention(node, value, shape);
    define_reshaped(node, value, shape);
  }

  // What a Reshape makes of these sizes: 0 keeps the size at its place, -1 is what is left.
  Ints new_shape(const OnnxNode& node, const Ints& sizes) const {
    Ints shape = required_integers(node, 1);
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] == 0) {
        require(i < sizes.size(), node, "a broken shape");
        shape[i] = sizes[i];
      }
    }
    for (std::int64_t& size : shape) {
      Ints known = shape;
      std::erase(known, -1);
      if (size == -1) size = product(sizes) / std::max<std::int64_t>(product(known), 1);
    }
    require(all_between(shape, 0, kMostPixels * kMostPixels) && product(shape) == product(sizes),
            node, "a broken shape");
    return shape;
  }

  // Axes of Squeeze, Unsqueeze and means: an attribute, in later opsets an input.
  Ints axes_of(const OnnxNode& node, std::size_t rank) const {
    Ints axes = node.inputs.size() > 1 ? required_integers(node, 1) : node.integers("axes");
    for (std::int64_t& axis : axes) {
      if (axis < 0) axis += static_cast<std::int64_t>(rank);
      require(axis >= 0 && axis < static_cast<std::int64_t>(rank), node, "an axis out of range");
    }
    return axes;
  }

  void squeeze(const OnnxNode& node) {
    if (const auto numbers = integers(node.inputs.at(0))) {
      integers_[node.outputs.at(0)] = *numbers;
      return;
    }
    const Value value = image(node);
    const Ints axes = axes_of(node, value.shape.size());
    Ints shape;
    for (std::size_t i = 0; i < value.shape.size(); ++i) {
      const bool dropped =
          std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(i)) != axes.end();
      require(!dropped || value.shape[i] == 1, node, "an axis of more than one element");
      if (!dropped) shape.push_back(value.shape[i]);
    }
    define_reshaped(node, value, shape);
  }

  void unsqueeze(const OnnxNode& node) {
    if (const auto numbers = integers(node.inputs.at(0))) {
      integers_[node.outputs.at(0)] = *numbers;
      return;
    }
    const Value value = image(node);
    const std::size_t added =
        node.inputs.size() > 1 ? required_integers(node, 1).size() : node.integers("axes").size();
    Ints axes = axes_of(node, value.shape.size() + added);
    std::sort(axes.begin(), axes.end());
    Ints shape = value.shape;
    require(std::adjacent_find(axes.begin(), axes.end()) == axes.end(), node, "an axis twice");
    for (const std::int64_t axis : axes) shape.insert(shape.begin() + axis, 1);
    define_reshaped(node, value, shape);
  }

  void transpose(const OnnxNode& node) {
    const Value value = image(node);
    const auto order = node.integers("perm");
    require(order.size() == value.shape.size() &&
                std::set<std::int64_t>(order.begin(), order.end()).size() == order.size(),
            node, "a broken order");
    Ints shape;
    std::string axes;
    for (const std::int64_t i : order) {
      require(i >= 0 && i < static_cast<std::int64_t>(order.size()), node, "a broken order");
      shape.push_back(value.shape[i]);
      axes += value.axes[i];
    }
    define_view(node, value, shape, axes);
  }

  void shape(const OnnxNode& node) { integers_[node.outputs.at(0)] = image(node).shape; }

  bool concatenate_integers(const OnnxNode& node) {
    Ints joined;
    for (const std::string& input : node.inputs) {
      const auto part = integers(input);
      if (!part) return false;
      joined.insert(joined.end(), part->begin(), part->end());
    }
    integers_[node.outputs.at(0)] = joined;
    return true;
  }

  void slice(const OnnxNode& node) {
    const Ints values = required_integers(node, 0);
    const Ints starts = required_integers(node, 1), ends = required_integers(node, 2);
    require(starts.size() == 1 && ends.size() == 1, node, "only lists of sizes can be cut");
    require(node.inputs.size() < 5 || required_integers(node, 4) == Ints{1}, node, "steps");
    const auto count = static_cast<std::int64_t>(values.size());
    const auto clamp = [&](std::int64_t i) {
      return std::clamp<std::int64_t>(i < 0 ? i + count : i, 0, count);
    };
    Ints part;
    for (std::int64_t i = clamp(starts[0]); i < clamp(ends[0]); ++i) part.push_back(values[i]);
    integers_[node.outputs.at(0)] = part;
  }

  void cast(const OnnxNode& node) { integers_[node.outputs.at(0)] = required_integers(node, 0); }

  // ---- recognised groups of nodes ---------------------------------------------------------------

  const OnnxNode& expect(const OnnxNode& node, const std::string& type) {
    const OnnxNode* next = follower(node.outputs.at(0), type);
    require(next != nullptr, node, ("it is not followed by one " + type).c_str());
    done_.insert(next);
    return *next;
  }

  // Of all pixels, or of all channels as the first part of a layer normalisation.
  void mean(const OnnxNode& node) {
    const Value value = image(node);
    require(node.integer("keepdims", 1) == 1, node, "axes that the mean drops");
    Ints axes = axes_of(node, value.shape.size());
    std::sort(axes.begin(), axes.end());
    if (value.is("NCHW") && axes == Ints{2, 3}) return global_mean(node);
    require(
        axes == Ints{static_cast<std::int64_t>(value.shape.size()) - 1} && value.ends_in_channels(),
        node, "only the mean of all pixels or of all channels is supported");
    layer_norm(node, value, axes);
  }

  // (x - mean) / sqrt(mean of squares + epsilon) * gain + bias.
  void layer_norm(const OnnxNode& mean, const Value& value, const Ints& axes) {
    const OnnxNode& centered = expect(mean, "Sub");
    require(centered.inputs.at(0) == mean.inputs[0] && uses(centered.outputs.at(0)) == 2, mean,
            "not a layer normalisation");
    const OnnxNode* square = nullptr;
    const OnnxNode* quotient = nullptr;
    for (const OnnxNode* node : consumers_.at(centered.outputs[0])) {
      if (node->type == "Pow") square = node;
      if (node->type == "Div") quotient = node;
    }
    require(square != nullptr && quotient != nullptr, mean, "not a layer normalisation");
    const Constant& power = float_constant(*square, 1);
    const OnnxNode& variance = expect(*square, "ReduceMean");
    const OnnxNode& shifted = expect(variance, "Add");
    const OnnxNode& root = expect(shifted, "Sqrt");
    require(&expect(root, "Div") == quotient && power.floats == BlockVector<float>{2.0F} &&
                variance.integer("keepdims", 1) == 1 &&
                axes_of(variance, value.shape.size()) == axes &&
                quotient->inputs.at(0) == centered.outputs[0],
            mean, "not a layer normalisation");
    const auto operand = constant_operand(shifted);
    require(operand && operand->first->floats.size() == 1, mean, "not a layer normalisation");
    const OnnxNode& scaled = expect(*quotient, "Mul");
    const OnnxNode& result = expect(scaled, "Add");
    done_.insert({square, quotient});
    normalize(result, value, operand->first->floats[0], constant_operand(scaled),
              constant_operand(result));
  }

  using Operand = std::optional<std::pair<const Constant*, std::size_t>>;

  void normalize(const OnnxNode& node, const Value& value, float epsilon, const Operand& gain,
                 const Operand& bias) {
    const auto channels = static_cast<std::size_t>(value.shape.back());
    require(gain && bias && gain->first->floats.size() == channels &&
                bias->first->floats.size() == channels,
            node, "not a layer normalisation");
    const LayerNorm norm{epsilon, gain->first->floats, bias->first->floats};
    define(node, emit(norm, {value.number}), value.shape, value.axes);
  }

  void layer_normalization(const OnnxNode& node) {
    const Value value = image(node);
    const auto axis = node.integer("axis", -1);
    const auto last = static_cast<std::int64_t>(value.shape.size()) - 1;
    require((axis == -1 || axis == last) && value.ends_in_channels(), node,
            "only all channels are supported");
    normalize(node, value, node.real("epsilon", 1e-5F), std::pair{&float_constant(node, 1), 0UL},
              std::pair{&float_constant(node, 2), 0UL});
  }

  // Steps over nodes of one image that change nothing but constant factors and names, with sums of
  // which one term is zero; multiplies the factors up.
  std::string skip_factors(std::string name, float& factor) {
    for (;;) {
      const auto found = consumers_.find(name);
      if (found == consumers_.end()) return name;
      const OnnxNode* step = nullptr;
      for (const OnnxNode* node : found->second) {
        if (node->type == "Mul" || node->type == "Add" || node->type == "Reshape") step = node;
        if (node->type == "Shape") skip_shape(*node);
      }
      if (step == nullptr) return name;
      if (step->type != "Reshape") {
        const auto operand = constant_operand(*step);
        require(operand && operand->first->floats.size() == 1, *step, "not an attention");
        const float number = operand->first->floats[0];
        require(step->type == "Mul" || number == 0, *step, "not an attention");
        if (step->type == "Mul") factor *= number;
      } else {
        // To the shape of the same value.
        require(own_shapes_.contains(step->inputs.at(1)), *step, "not an attention");
      }
      done_.insert(step);
      name = step->outputs.at(0);
    }
  }

  void skip_shape(const OnnxNode& node) {
    own_shapes_.insert(node.outputs.at(0));
    done_.insert(&node);
  }

  // (1, tokens, 3 * heads * size) > queries, keys and values (1, heads, tokens, size) >
  // softmax(queries * keys^T * scale) * values > (1, tokens, heads * size).
  void attention(const OnnxNode& node, const Value& value, const Ints& shape) {
    require(value.ends_in_channels() && value.size('H') == 1 && shape[0] == 1 &&
                shape[1] == value.size('W') && shape[2] == 3 &&
                shape[2] * shape[3] * shape[4] == value.shape.back(),
            node, "not an attention");
    const OnnxNode& turned = expect(node, "Transpose");
    require(turned.integers("perm") == Ints{2, 0, 3, 1, 4}, node, "not an attention");
    std::string parts[3];
    const auto found = consumers_.find(turned.outputs.at(0));
    require(found != consumers_.end() && found->second.size() == 3, node, "not an attention");
    for (const OnnxNode* slice : found->second) {
      require(slice->type == "Slice" && slice->inputs.size() > 3 &&
                  required_integers(*slice, 3) == Ints{0},
              node, "not an attention");
      const Ints start = required_integers(*slice, 1), end = required_integers(*slice, 2);
      require(start.size() == 1 && end.size() == 1 && start[0] >= 0 && start[0] < 3 &&
                  end[0] == start[0] + 1,
              node, "not an attention");
      done_.insert(slice);
      parts[start[0]] = expect(*slice, "Squeeze").outputs.at(0);
    }
    Attention a{static_cast<int>(shape[3]), static_cast<int>(shape[4]), 1.0F};
    const std::string queries = skip_factors(parts[0], a.scale);
    const OnnxNode* keys = follower(parts[1], "Transpose");
    require(keys != nullptr && keys->integers("perm") == Ints{0, 1, 3, 2}, node,
            "not an attention");
    done_.insert(keys);
    const OnnxNode& scores = expect(*keys, "MatMul");
    require(scores.inputs.at(0) == queries, node, "not an attention");
    const std::string scaled = skip_factors(scores.outputs.at(0), a.scale);
    const OnnxNode* probabilities = follower(scaled, "Softmax");
    require(probabilities != nullptr, node, "not an attention");
    done_.insert(probabilities);
    const auto axis = probabilities->integer("axis", graph_.opset < 13 ? 1 : -1);
    const OnnxNode& mixed = expect(*probabilities, "MatMul");
    require((axis == 3 || axis == -1) && mixed.inputs.at(0) == probabilities->outputs[0] &&
                mixed.inputs.at(1) == parts[2],
            node, "not an attention");
    const OnnxNode& back = expect(mixed, "Transpose");
    const OnnxNode& flat = expect(back, "Reshape");
    require(back.integers("perm") == Ints{0, 2, 1, 3}, node, "not an attention");
    Ints flat_shape = value.shape;
    flat_shape.back() /= 3;
    define(flat, emit(a, {value.number}), flat_shape, value.axes);
  }

  // softmax(x * weights + bias) at the very end.
  void detach_classifier() {
    const auto maker = [&](const std::string& name, const char* type) -> const OnnxNode* {
      for (const OnnxNode& node : graph_.nodes) {
        if (node.outputs.at(0) == name) return node.type == type ? &node : nullptr;
      }
      return nullptr;
    };
    const OnnxNode* probabilities = maker(graph_.output, "Softmax");
    const OnnxNode* sum = probabilities ? maker(probabilities->inputs.at(0), "Add") : nullptr;
    if (sum == nullptr) return;
    const auto bias = constant_operand(*sum);
    const OnnxNode* product = bias ? maker(sum->inputs[bias->second], "MatMul") : nullptr;
    const Constant* weights = product ? constant(product->inputs.at(1)) : nullptr;
    if (weights == nullptr || !weights->is_float || weights->shape.size() != 2 ||
        static_cast<std::int64_t>(bias->first->floats.size()) != weights->shape[1]) {
      return;
    }
    auto classifier = std::make_shared<LinearClassifier>();
    classifier->features = static_cast<int>(weights->shape[0]);
    classifier->classes = static_cast<int>(weights->shape[1]);
    classifier->weights = weights->floats;
    classifier->bias = bias->first->floats;
    network_.classifier = std::move(classifier);
    done_.insert({probabilities, sum, product});
    graph_.output = product->inputs.at(0);
  }

  // ---- the whole --------------------------------------------------------------------------------

  void add_input() {
    Ints shape = graph_.input_shape;
    if (shape.size() != 4) reject("its input is not an image");
    network_.input_shape = {1, shape[1], shape[2], shape[3]};
    shape[0] = 1;
    if (shape[1] < 1 || shape[1] > kernels::kChannelStep || shape[2] > kMostPixels ||
        shape[3] > kMostPixels) {
      reject("its input is not an image");
    }
    if (shape[2] < 1) shape[2] = kSampleHeight;
    if (shape[3] < 1) shape[3] = kSampleWidth;
    network_.values = 1;
    images_[graph_.input] = {0, shape, "NCHW"};
  }

  void lower(const OnnxNode& node) {
    static const std::map<std::string, Handler> kHandlers{
        {"Add", &Lowering::add},
        {"AveragePool", &Lowering::average_pool},
        {"BatchNormalization", &Lowering::batch_normalization},
        {"Cast", &Lowering::cast},
        {"Concat", &Lowering::concatenate},
        {"Conv", &Lowering::convolution},
        {"ConvTranspose", &Lowering::transposed_convolution},
        {"Div", &Lowering::divide},
        {"Gelu", &Lowering::gelu},
        {"GlobalAveragePool", &Lowering::global_mean},
        {"HardSigmoid", &Lowering::hard_sigmoid},
        {"HardSwish", &Lowering::hard_swish},
        {"LayerNormalization", &Lowering::layer_normalization},
        {"MatMul", &Lowering::matrix_product},
        {"MaxPool", &Lowering::max_pool},
        {"Mul", &Lowering::multiply},
        {"ReduceMean", &Lowering::mean},
        {"Relu", &Lowering::relu},
        {"Reshape", &Lowering::reshape},
        {"Resize", &Lowering::resize},
        {"Shape", &Lowering::shape},
        {"Sigmoid", &Lowering::sigmoid},
        {"Slice", &Lowering::slice},
        {"Softmax", &Lowering::softmax},
        {"Squeeze", &Lowering::squeeze},
        {"Transpose", &Lowering::transpose},
        {"Unsqueeze", &Lowering::unsqueeze},
    };
    const auto found = kHandlers.find(node.type);
    if (found == kHandlers.end() || node.outputs.empty()) {
      reject("it has a node of type " + node.type);
    }
    (this->*found->second)(node);
  }

  void finish() {
    materialize(graph_.output);
    const auto found = images_.find(graph_.output);
    if (found == images_.end()) reject("its output is not an image");
    const Value& value = found->second;
    network_.output = value.number;
    if (value.number == 0) reject("it computes nothing");
    if (value.is("NC")) {
      network_.output_form = OutputForm::kScores;
    } else if (value.is("NWC")) {
      network_.output_form = OutputForm::kTokens;
    } else if (!value.is("NCHW")) {
      reject("its output is neither an image nor a row of tokens nor one of scores");
    }
    network_.omission = omission_rule(network_);
  }

  OnnxGraph graph_;
  bool detach_;
  Network network_;
  std::map<std::string, std::vector<const OnnxNode*>> consumers_;
  std::map<std::string, Value> images_;
  std::map<std::string, Ints> integers_;
  std::map<std::string, Gate> gates_;
  std::map<int, std::size_t> producers_;  // value > layer
  std::set<std::string> own_shapes_;      // shapes inside of a recognised group
  std::set<const OnnxNode*> done_;        // nodes that a recognised group contains
};

}  // namespace

Network lower(OnnxGraph graph, bool detach_classifier) {
  return Lowering(std::move(graph), detach_classifier).run();
}

}  // namespace fastocr::native
