#include "runtime/native/rewrites.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace fastocr::native {
namespace {

// A 3x3 convolution that keeps the size.
bool is_smoothing(const Convolution& c) {
  return !c.depthwise && c.kernel_height == 3 && c.kernel_width == 3 && c.stride_y == 1 &&
         c.stride_x == 1 && c.pad_top == 1 && c.pad_left == 1 && c.pad_bottom == 1 &&
         c.pad_right == 1;
}

// The same convolution of some of the input channels; without bias and epilogue.
Convolution of_channels(const Convolution& c, int first, int count) {
  Convolution part = c;
  part.in_channels = count;
  part.bias.assign(c.bias.size(), 0.0F);
  part.epilogue = {};
  part.weights.clear();
  for (int tap = 0; tap < c.kernel_height * c.kernel_width; ++tap) {
    const auto from = c.weights.begin() +
                      (static_cast<std::ptrdiff_t>(tap) * c.in_channels + first) * c.out_channels;
    part.weights.insert(part.weights.end(), from,
                        from + static_cast<std::ptrdiff_t>(count) * c.out_channels);
  }
  return part;
}

class Simplifier {
 public:
  explicit Simplifier(Network& network) : network_(network) { index(); }

  void run() {
    std::vector<Layer> layers = std::move(network_.layers);
    old_ = &layers;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (!split(layers[i])) network_.layers.push_back(layers[i]);
    }
    drop_unused();
  }

 private:
  void index() {
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
      producers_[network_.layers[i].output] = i;
      for (const int input : network_.layers[i].inputs) ++uses_[input];
    }
    ++uses_[network_.output];
  }

  // The layer of this kind that makes a value.
  template <typename Kind>
  const Layer* maker(int value) const {
    const auto found = producers_.find(value);
    if (found == producers_.end()) return nullptr;
    const Layer& layer = (*old_)[found->second];
    return std::holds_alternative<Kind>(layer.operation) ? &layer : nullptr;
  }

  int emit(Operation operation, std::vector<int> inputs) {
    network_.layers.push_back({std::move(operation), std::move(inputs), network_.values});
    return network_.values++;
  }

  void emit_as(Operation operation, std::vector<int> inputs, int output) {
    network_.layers.push_back({std::move(operation), std::move(inputs), output});
  }

  bool split(const Layer& layer) {
    const auto* c = std::get_if<Convolution>(&layer.operation);
    if (c == nullptr || !is_smoothing(*c) || uses_.at(layer.inputs[0]) != 1) return false;
    return split_concatenation(layer, *c) || split_sum(layer, *c);
  }

  // One image of full size and enlarged ones, side by side.
  bool split_concatenation(const Layer& layer, const Convolution& c) {
    const Layer* joined = maker<Concatenation>(layer.inputs[0]);
    if (joined == nullptr) return false;
    // The channels of each part follow from the layers before; the parts here all have as many.
    const int parts = static_cast<int>(joined->inputs.size());
    if (!equal_channels(joined->inputs, c.in_channels)) return false;
    const int channels = c.in_channels / parts;
    std::optional<int> full;
    for (int i = 0; i < parts; ++i) {
      if (maker<Upsample>(joined->inputs[i]) != nullptr) continue;
      if (full) return false;
      full = i;
    }
    if (!full || parts < 2) return false;
    Convolution first = of_channels(c, *full * channels, channels);
    first.bias = c.bias;
    int sum = emit(std::move(first), {joined->inputs[*full]});
    int left = parts - 1;
    for (int i = 0; i < parts; ++i) {
      if (i == *full) continue;
      const Layer* enlarged = maker<Upsample>(joined->inputs[i]);
      UpsampledConvolution next{of_channels(c, i * channels, channels),
                                std::get<Upsample>(enlarged->operation).factor};
      if (--left == 0) next.convolution.epilogue = c.epilogue;
      const std::vector<int> inputs{enlarged->inputs[0], sum};
      if (left == 0) {
        emit_as(std::move(next), inputs, layer.output);
      } else {
        sum = emit(std::move(next), inputs);
      }
    }
    return true;
  }

  // Channels of a value, as far as a chain of layers that keep them leads to one that says.
  std::optional<int> channels(int value) const {
    for (;;) {
      const auto found = producers_.find(value);
      if (found == producers_.end()) return std::nullopt;
      const Layer& layer = (*old_)[found->second];
      if (const auto* c = std::get_if<Convolution>(&layer.operation)) return c->out_channels;
      const bool keeps = std::holds_alternative<Upsample>(layer.operation) ||
                         std::holds_alternative<ChannelScale>(layer.operation) ||
                         std::holds_alternative<Sum>(layer.operation) ||
                         std::holds_alternative<ElementWise>(layer.operation);
      if (!keeps) return std::nullopt;
      value = layer.inputs[0];
    }
  }

  bool equal_channels(const std::vector<int>& values, int total) const {
    const int each = total / static_cast<int>(values.size());
    return std::all_of(values.begin(), values.end(),
                       [&](int value) { return channels(value) == each; });
  }

  // scale(pointwise(x)) + enlarged(y), where nothing else needs the sum.
  bool split_sum(const Layer& layer, const Convolution& c) {
    const Layer* sum = maker<Sum>(layer.inputs[0]);
    if (sum == nullptr) return false;
    for (const int i : {0, 1}) {
      const Layer* scaled = maker<ChannelScale>(sum->inputs[i]);
      const Layer* enlarged = maker<Upsample>(sum->inputs[1 - i]);
      if (scaled == nullptr || enlarged == nullptr || uses_.at(scaled->output) != 1) continue;
      const Layer* lateral = maker<Convolution>(scaled->inputs[0]);
      if (lateral == nullptr || !joins_scale(*lateral)) continue;
      const auto& pointwise = std::get<Convolution>(lateral->operation);
      ScaledConvolution composed{pointwise, c, std::get<ChannelScale>(scaled->operation).bias};
      composed.outer.epilogue = {};
      const int first = emit(std::move(composed), {lateral->inputs[0], scaled->inputs[1]});
      Convolution outer = c;
      outer.bias.assign(c.bias.size(), 0.0F);
      emit_as(
          UpsampledConvolution{std::move(outer), std::get<Upsample>(enlarged->operation).factor},
          {enlarged->inputs[0], first}, layer.output);
      return true;
    }
    return false;
  }

  // A pointwise convolution of few channels without bias, used by a scale and by the mean that the
  // scale comes from. The mean is then taken before it.
  bool joins_scale(const Layer& lateral) {
    const auto& c = std::get<Convolution>(lateral.operation);
    const bool unbiased = std::all_of(c.bias.begin(), c.bias.end(), [](float b) { return b == 0; });
    if (!c.pointwise() || !is_identity(c.epilogue) || !unbiased || lateral.inputs[0] == 0 ||
        uses_.at(lateral.output) != 2 || 2 * c.in_channels > c.out_channels) {
      return false;
    }
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
      Layer& mean = network_.layers[i];
      if (!std::holds_alternative<GlobalMean>(mean.operation) || mean.inputs[0] != lateral.output) {
        continue;
      }
      const int output = mean.output, before = network_.values++;
      mean.inputs = lateral.inputs;
      mean.output = before;
      const Layer after{c, {before}, output};
      network_.layers.insert(network_.layers.begin() + static_cast<std::ptrdiff_t>(i) + 1, after);
      return true;
    }
    return false;
  }

  void drop_unused() {
    std::set<int> needed{network_.output};
    std::vector<Layer> kept;
    for (auto layer = network_.layers.rbegin(); layer != network_.layers.rend(); ++layer) {
      if (!needed.contains(layer->output)) continue;
      needed.insert(layer->inputs.begin(), layer->inputs.end());
      kept.push_back(std::move(*layer));
    }
    std::reverse(kept.begin(), kept.end());
    network_.layers = std::move(kept);
  }

  Network& network_;
  const std::vector<Layer>* old_ = nullptr;
  std::map<int, std::size_t> producers_;
  std::map<int, int> uses_;
};

}  // namespace

void simplify(Network& network) { Simplifier(network).run(); }

}  // namespace fastocr::native
