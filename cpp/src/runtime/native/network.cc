#include "runtime/native/network.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "fastocr/errors.h"

namespace fastocr::native {
namespace {

[[noreturn]] void reject(const char* why) {
  throw Error(ErrorKind::kInference, std::string("the network cannot take this input: ") + why);
}

// No side is longer, so that sizes are far from the end of their type.
constexpr int kLongestSide = 1 << 20;
constexpr int kMostChannels = 1 << 24;

int convolved(int size, int pads, int kernel, int stride) {
  if (size + pads < kernel) reject("it is smaller than a window");
  return (size + pads - kernel) / stride + 1;
}

int enlarged(int size, int factor) {
  if (size > kLongestSide / factor) reject("it is too large");
  return size * factor;
}

void require_channels(const ImageSize& size, int channels) {
  if (size.channels != channels) reject("a layer gets another number of channels");
}

struct SizeOf {
  const std::vector<ImageSize>& inputs;

  ImageSize operator()(const Convolution& c) const {
    require_channels(inputs[0], c.in_channels);
    return windows(c, c.out_channels);
  }
  ImageSize operator()(const TransposedConvolution& c) const {
    require_channels(inputs[0], c.in_channels);
    return {c.out_channels, enlarged(inputs[0].height, c.factor),
            enlarged(inputs[0].width, c.factor)};
  }
  ImageSize operator()(const UpsampledConvolution& c) const {
    require_channels(inputs[0], c.convolution.in_channels);
    const ImageSize size{c.convolution.out_channels, enlarged(inputs[0].height, c.factor),
                         enlarged(inputs[0].width, c.factor)};
    if (inputs[1] != size) reject("its sides are not multiples of the network's step");
    return size;
  }
  ImageSize operator()(const ScaledConvolution& c) const {
    if (inputs[1] != ImageSize{c.inner.out_channels, 1, 1}) reject("factors of another size");
    require_channels(inputs[0], c.inner.in_channels);
    ImageSize between = inputs[0];
    between.channels = c.outer.in_channels;
    const std::vector<ImageSize> outer_inputs{between};
    return SizeOf{outer_inputs}(c.outer);
  }
  ImageSize operator()(const GlobalMean&) const { return {inputs[0].channels, 1, 1}; }
  ImageSize operator()(const ChannelScale&) const {
    if (inputs[1] != ImageSize{inputs[0].channels, 1, 1}) reject("factors of another size");
    return inputs[0];
  }
  ImageSize operator()(const Sum&) const {
    if (inputs[0] != inputs[1]) reject("its sides are not multiples of the network's step");
    return inputs[0];
  }
  ImageSize operator()(const Upsample& u) const {
    return {inputs[0].channels, enlarged(inputs[0].height, u.factor),
            enlarged(inputs[0].width, u.factor)};
  }
  ImageSize operator()(const Concatenation&) const {
    ImageSize size = inputs[0];
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      if (inputs[i].height != size.height || inputs[i].width != size.width) {
        reject("its sides are not multiples of the network's step");
      }
      if (inputs[i].channels > kMostChannels - size.channels) reject("too many channels");
      size.channels += inputs[i].channels;
    }
    return size;
  }
  ImageSize operator()(const AveragePool& p) const {
    if (inputs[0].height < p.height || inputs[0].width < p.width) {
      reject("it is smaller than a pooling window");
    }
    return {inputs[0].channels, inputs[0].height / p.height, inputs[0].width / p.width};
  }
  ImageSize operator()(const MaxPool& p) const { return windows(p, inputs[0].channels); }
  ImageSize operator()(const LayerNorm& n) const {
    require_channels(inputs[0], static_cast<int>(n.gain.size()));
    return inputs[0];
  }
  ImageSize operator()(const Attention& a) const {
    require_channels(inputs[0], 3 * a.heads * a.head_size);
    if (inputs[0].height != 1) reject("its height is not the network's");
    return {a.heads * a.head_size, inputs[0].height, inputs[0].width};
  }
  ImageSize operator()(const ElementWise&) const { return inputs[0]; }
  ImageSize operator()(const Softmax&) const { return inputs[0]; }

 private:
  ImageSize windows(const SlidingWindow& w, int channels) const {
    const ImageSize& in = inputs[0];
    return {channels, convolved(in.height, w.pad_top + w.pad_bottom, w.kernel_height, w.stride_y),
            convolved(in.width, w.pad_left + w.pad_right, w.kernel_width, w.stride_x)};
  }
};

struct ColumnsOf {
  const std::vector<Columns>& inputs;
  bool& possible;

  Columns operator()(const Convolution& c) const { return windows(c); }
  Columns operator()(const MaxPool& p) const { return windows(p); }
  Columns operator()(const AveragePool& p) const {
    return {inputs[0].step * p.width, inputs[0].reach + inputs[0].step * (p.width - 1)};
  }
  Columns operator()(const GlobalMean&) const { return {0, 0}; }
  Columns operator()(const ChannelScale&) const { return inputs[0]; }
  Columns operator()(const Upsample&) const { return impossible(); }
  Columns operator()(const TransposedConvolution&) const { return impossible(); }
  Columns operator()(const UpsampledConvolution&) const { return impossible(); }
  Columns operator()(const ScaledConvolution&) const { return impossible(); }
  // Sums, attention and all that works column by column.
  template <typename Operation>
  Columns operator()(const Operation&) const {
    Columns joined = inputs[0];
    for (const Columns& in : inputs) {
      if (in.step != joined.step) return impossible();
      joined.reach = std::max(joined.reach, in.reach);
    }
    return joined;
  }

 private:
  Columns windows(const SlidingWindow& w) const {
    const Columns& in = inputs[0];
    const int beyond = std::max(w.pad_left, w.kernel_width - 1 - w.pad_left);
    return {in.step * w.stride_x, in.reach + in.step * beyond};
  }
  Columns impossible() const {
    possible = false;
    return {};
  }
};

// What lies at the same place in equal columns of its inputs stays equal.
struct EqualColumnsOf {
  const std::vector<ColumnRange>& inputs;

  ColumnRange operator()(const Convolution& c) const { return windows(c); }
  ColumnRange operator()(const MaxPool& p) const { return windows(p); }
  ColumnRange operator()(const AveragePool& p) const {
    SlidingWindow w;
    w.kernel_width = w.stride_x = p.width;
    return windows(w);
  }
  ColumnRange operator()(const GlobalMean&) const { return {0, 1}; }
  ColumnRange operator()(const ChannelScale&) const { return inputs[0]; }
  ColumnRange operator()(const Upsample&) const { return {}; }
  ColumnRange operator()(const TransposedConvolution&) const { return {}; }
  ColumnRange operator()(const UpsampledConvolution&) const { return {}; }
  ColumnRange operator()(const ScaledConvolution&) const { return {}; }
  template <typename Operation>
  ColumnRange operator()(const Operation&) const {
    ColumnRange shared = inputs[0];
    for (const ColumnRange& in : inputs) {
      shared = {std::max(shared.begin, in.begin), std::min(shared.end, in.end)};
    }
    return shared;
  }

 private:
  ColumnRange windows(const SlidingWindow& w) const {
    const auto [begin, end] = inputs[0];
    const int last = end - w.kernel_width + w.pad_left;
    return {(begin + w.pad_left + w.stride_x - 1) / w.stride_x,
            last < 0 ? 0 : last / w.stride_x + 1};
  }
};

}  // namespace

std::vector<ColumnRange> equal_columns(const Network& network, const std::vector<ImageSize>& sizes,
                                       int blank) {
  std::vector<ColumnRange> equal(static_cast<std::size_t>(network.values));
  equal[0] = {blank, sizes[0].width};
  for (const Layer& layer : network.layers) {
    std::vector<ColumnRange> inputs;
    for (const int input : layer.inputs) inputs.push_back(equal[input]);
    const ColumnRange range = std::visit(EqualColumnsOf{inputs}, layer.operation);
    equal[layer.output] = range.count() > 0 ? range : ColumnRange{};
  }
  return equal;
}

std::optional<std::vector<Columns>> columns_of(const Network& network) {
  std::vector<Columns> columns(static_cast<std::size_t>(network.values));
  bool possible = true;
  for (const Layer& layer : network.layers) {
    std::vector<Columns> inputs;
    for (const int input : layer.inputs) inputs.push_back(columns[input]);
    columns[layer.output] = std::visit(ColumnsOf{inputs, possible}, layer.operation);
  }
  return possible ? std::optional(std::move(columns)) : std::nullopt;
}

OmissionRule omission_rule(const Network& network) {
  const auto columns = columns_of(network);
  if (!columns || network.output_form != OutputForm::kTokens) return {};
  OmissionRule rule{1, 0, std::max((*columns)[network.output].step, 1)};
  for (const Columns& value : *columns) {
    if (value.step > 0) rule.step = std::lcm(rule.step, value.step);
    rule.margin = std::max(rule.margin, value.reach);
  }
  return rule;
}

ImageSize output_size(const Layer& layer, const std::vector<ImageSize>& inputs) {
  for (const ImageSize& size : inputs) {
    if (std::max(size.height, size.width) > kLongestSide) reject("it is too large");
  }
  return std::visit(SizeOf{inputs}, layer.operation);
}

}  // namespace fastocr::native
