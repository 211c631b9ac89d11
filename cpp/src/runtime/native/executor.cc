#include "runtime/native/executor.h"

#include <algorithm>
#include <set>
#include <utility>

#include "fastocr/errors.h"

namespace fastocr::native {
namespace {

// Plans are small, but a service meets any number of sizes.
constexpr std::size_t kMostPlans = 256;
// Floats that one image may take: 16 GiB.
constexpr std::size_t kMostFloats = std::size_t{1} << 32;

int stride_of(const Program& program, int value, const ImageSize& size) {
  // The only image that is read as a plane. Other steps than that of a transposed convolution write
  // whole vectors of channels.
  const Network& network = program.network();
  const bool plane = value == network.output && size.channels == 1 &&
                     network.layers.back().output == value &&
                     std::holds_alternative<TransposedConvolution>(network.layers.back().operation);
  if (plane && !network.output_is_tokens) return 1;
  return padded_channels(size.channels);
}

std::size_t floats_of(const Program& program, int value, const ImageSize& size) {
  const auto stride = static_cast<std::size_t>(stride_of(program, value, size));
  const std::size_t pixels = static_cast<std::size_t>(size.height) * size.width;
  if (pixels > kMostFloats / stride) throw Error(ErrorKind::kInference, "the input is too large");
  const std::size_t count = pixels * stride;
  return (count + kernels::kChannelStep - 1) / kernels::kChannelStep * kernels::kChannelStep;
}

struct Span {
  std::size_t begin, end;
};

// The lowest place of this size between the spans in use.
std::size_t lowest_gap(std::vector<Span> used, std::size_t size) {
  std::sort(used.begin(), used.end(), [](Span a, Span b) { return a.begin < b.begin; });
  std::size_t at = 0;
  for (const Span& span : used) {
    if (span.begin >= at + size) break;
    at = std::max(at, span.end);
  }
  return at;
}

// For the first `count` steps: an input that is long enough for them may be too short for others.
Plan make_plan(const Program& program, int height, int width, std::size_t count) {
  const Network& network = program.network();
  Plan plan;
  plan.sizes.resize(static_cast<std::size_t>(network.values));
  plan.offsets.resize(plan.sizes.size());
  plan.sizes[0] = {static_cast<int>(network.input_shape[1]), height, width};
  const auto& steps = program.steps();
  const bool whole = count == steps.size();
  for (const Layer& layer : network.layers) {
    std::vector<ImageSize> inputs;
    for (const int input : layer.inputs) inputs.push_back(plan.sizes[input]);
    plan.sizes[layer.output] = output_size(layer, inputs);
    if (!whole && layer.output == steps[count - 1]->output) break;
  }
  if (whole && network.output_is_tokens && plan.sizes[network.output].height != 1) {
    throw Error(ErrorKind::kInference,
                "the network cannot take this input: its height is not the network's");
  }
  std::vector<std::size_t> last_use(plan.sizes.size());
  for (std::size_t i = 0; i < count; ++i) {
    for (const int input : steps[i]->inputs) last_use[input] = i;
  }
  last_use[whole ? network.output : steps[count - 1]->output] = count;
  std::map<int, Span> alive;
  for (std::size_t i = 0; i < count; ++i) {
    const int value = steps[i]->output;
    std::vector<Span> used;
    for (const auto& [number, span] : alive) used.push_back(span);
    const std::size_t size = floats_of(program, value, plan.sizes[value]);
    plan.offsets[value] = lowest_gap(std::move(used), size);
    plan.floats = std::max(plan.floats, plan.offsets[value] + size);
    alive[value] = {plan.offsets[value], plan.offsets[value] + size};
    std::erase_if(alive, [&](const auto& entry) { return last_use[entry.first] <= i; });
  }
  return plan;
}

// Weights live in the steps; what remains says how sizes follow from each other.
void drop_weights(Network& network) {
  for (Layer& layer : network.layers) {
    if (auto* c = std::get_if<Convolution>(&layer.operation)) {
      c->weights = {};
      c->bias = {};
    } else if (auto* t = std::get_if<TransposedConvolution>(&layer.operation)) {
      t->weights = {};
      t->bias = {};
    } else if (auto* u = std::get_if<UpsampledConvolution>(&layer.operation)) {
      u->convolution.weights = {};
    } else if (auto* s = std::get_if<ScaledConvolution>(&layer.operation)) {
      s->inner.weights = {};
      s->outer.weights = {};
    }
  }
}

}  // namespace

void Buffer::reserve(std::size_t bytes) {
  if (bytes <= size_) return;
  bytes_.reset();
  size_ = 0;
  bytes_ = allocate_aligned<std::byte>(bytes);
  size_ = bytes;
}

OmittedColumns omitted_in(const Run& run, const Image& image) {
  if (image.column_step == 0 || run.omitted.count == 0) return {};
  const int at = std::min(run.omitted.at / image.column_step, image.size.width - 1);
  return {at, run.omitted.count / image.column_step};
}

Program::Program(const Network& network, Arithmetic arithmetic)
    : network_(network),
      steps_(make_steps(network_, arithmetic)),
      columns_(columns_of(network_)),
      prefix_(find_prefix()) {
  drop_weights(network_);
}

Program::Prefix Program::find_prefix() const {
  Prefix prefix;
  while (prefix.steps < steps_.size() && steps_[prefix.steps]->local()) ++prefix.steps;
  if (!columns_ || prefix.steps == 0) return {};
  prefix.value = steps_[prefix.steps - 1]->output;
  prefix.columns = (*columns_)[prefix.value];
  std::set<int> made{0};
  for (std::size_t i = 0; i + 1 < prefix.steps; ++i) made.insert(steps_[i]->output);
  for (std::size_t i = prefix.steps; i < steps_.size(); ++i) {
    for (const int input : steps_[i]->inputs) {
      if (made.contains(input)) return {};
    }
  }
  return made.contains(network_.output) ? Prefix{} : prefix;
}

Program::~Program() = default;

int Program::column_step(int value) const { return columns_ ? (*columns_)[value].step : 0; }

Executor::Executor(std::shared_ptr<const Program> program, int threads)
    : program_(std::move(program)), team_(threads) {
  scratch_.resize(static_cast<std::size_t>(team_.size()));
}

const Plan& Executor::plan_for(int height, int width, std::size_t steps) {
  const auto key = std::tuple{height, width, steps};
  auto found = plans_.find(key);
  if (found == plans_.end()) {
    found = plans_.emplace(key, make_plan(*program_, height, width, steps)).first;
  }
  return found->second;
}

float* Executor::input(int height, int width) {
  if (plans_.size() >= kMostPlans) plans_.clear();
  plan_ = &plan_for(height, width, program_->steps().size());
  const ImageSize& size = plan_->sizes[0];
  input_.resize(static_cast<std::size_t>(size.channels) * size.height * size.width);
  return input_.data();
}

std::vector<Image> Executor::images_in(const Plan& plan, Buffer& memory) const {
  memory.reserve(plan.floats * sizeof(float));
  std::vector<Image> images(plan.sizes.size());
  for (std::size_t i = 0; i < images.size(); ++i) {
    const int value = static_cast<int>(i);
    images[i] = {memory.as<float>() + plan.offsets[i], plan.sizes[i],
                 stride_of(*program_, value, plan.sizes[i]), program_->column_step(value)};
  }
  return images;
}

void Executor::run_steps(std::size_t begin, std::size_t end, const Run& run) const {
  for (std::size_t i = begin; i < end; ++i) program_->steps()[i]->run(run);
}

// Input columns that the prefix has to see: beyond them its images are the same in all columns, up
// to the right border, whose neighbourhood is the same for all inputs that end blank.
int Executor::prefix_width() const {
  const auto& prefix = program_->prefix();
  const int whole = plan_->sizes[0].width;
  if (prefix.steps == 0 || omitted_.blank_from < 0) return whole;
  const int step = prefix.columns.step, reach = prefix.columns.reach;
  const int needed = (omitted_.blank_from + reach) / step * step + 2 * step;
  return needed + reach + 2 * step < whole ? needed : whole;
}

void Executor::run() {
  if (plan_ == nullptr) throw Error(ErrorKind::kInference, "a run without an input");
  images_ = images_in(*plan_, memory_);
  const int width = prefix_width();
  const bool shortened = width < plan_->sizes[0].width;
  if (shortened) run_prefix(width);
  const Run run{&images_,  input_.data(), plan_->sizes[0].width, false, omitted_, &team_,
                &scratch_, &shared_};
  run_steps(shortened ? program_->prefix().steps : 0, program_->steps().size(), run);
  omitted_ = {};
  read_output();
}

// Computes the prefix for the first `width` columns and completes its value.
void Executor::run_prefix(int width) {
  const auto& prefix = program_->prefix();
  const Image& whole = images_[prefix.value];
  const int border = (prefix.columns.reach + prefix.columns.step - 1) / prefix.columns.step + 1;
  const std::vector<float>& blank = blank_border(border);
  const Plan& plan = plan_for(plan_->sizes[0].height, width, prefix.steps);
  const std::vector<Image> images = images_in(plan, prefix_memory_);
  run_steps(0, prefix.steps,
            {&images, input_.data(), plan_->sizes[0].width, true, {}, &team_, &scratch_, &shared_});
  const Image& part = images[prefix.value];
  const std::ptrdiff_t stride = whole.stride;
  for (int y = 0; y < whole.size.height; ++y) {
    float* to = whole.pixels + stride * y * whole.size.width;
    const float* from = part.pixels + stride * y * part.size.width;
    float* const end = to + stride * whole.size.width;
    to = std::copy_n(from, stride * part.size.width, to);
    const float* last = from + stride * (part.size.width - 1);
    while (to < end - stride * border) to = std::copy_n(last, stride, to);
    std::copy_n(blank.data() + stride * border * y, end - to, to);
  }
}

// The last columns of the prefix's value for an input that ends blank, row by row. They depend on
// how the width is rounded when it is halved.
const std::vector<float>& Executor::blank_border(int columns) {
  const auto& prefix = program_->prefix();
  const int height = plan_->sizes[0].height, step = prefix.columns.step;
  const int phase = plan_->sizes[0].width % step;
  const std::pair key{height, phase};
  const auto found = blank_borders_.find(key);
  if (found != blank_borders_.end()) return found->second;
  const int width = (2 * prefix.columns.reach / step + 4) * step + phase;
  const Plan& plan = plan_for(height, width, prefix.steps);
  const std::vector<Image> images = images_in(plan, prefix_memory_);
  const ImageSize& size = plan.sizes[0];
  const std::vector<float> zeros(static_cast<std::size_t>(size.channels) * height * width);
  run_steps(0, prefix.steps,
            {&images, zeros.data(), width, false, {}, &team_, &scratch_, &shared_});
  const Image& value = images[prefix.value];
  std::vector<float> border;
  for (int y = 0; y < value.size.height; ++y) {
    const float* end =
        value.pixels + static_cast<std::ptrdiff_t>(y + 1) * value.size.width * value.stride;
    border.insert(border.end(), end - static_cast<std::ptrdiff_t>(columns) * value.stride, end);
  }
  return blank_borders_.emplace(key, std::move(border)).first->second;
}

void Executor::read_output() {
  const Network& network = program_->network();
  const Image& image = images_[network.output];
  const auto [channels, height, width] = image.size;
  output_shape_ =
      network.output_is_tokens ? Shape{1, width, channels} : Shape{1, channels, height, width};
  if (image.stride == channels) {
    output_data_ = image.pixels;
    if (network.output_is_tokens || channels == 1) return;
  }
  output_.resize(static_cast<std::size_t>(channels) * height * width);
  for (int i = 0; i < height * width; ++i) {
    for (int c = 0; c < channels; ++c) {
      const std::ptrdiff_t at = network.output_is_tokens
                                    ? static_cast<std::ptrdiff_t>(i) * channels + c
                                    : static_cast<std::ptrdiff_t>(c) * height * width + i;
      output_[at] = image.pixels[static_cast<std::ptrdiff_t>(i) * image.stride + c];
    }
  }
  output_data_ = output_.data();
}

TensorView Executor::output() const { return {output_data_, output_shape_}; }

}  // namespace fastocr::native
