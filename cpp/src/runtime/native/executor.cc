#include "runtime/native/executor.h"

#include <algorithm>
#include <utility>

#include "fastocr/errors.h"

namespace fastocr::native {
namespace {

// Plans are small, but a service meets any number of sizes.
constexpr std::size_t kMostPlans = 256;
// Floats that one image may take: 16 GiB.
constexpr std::size_t kMostFloats = std::size_t{1} << 32;
// To leave out fewer columns is not worth running a step in two parts.
constexpr int kLeastEqual = 8;

int stride_of(const Program& program, int value, const ImageSize& size) {
  // The only image that is read as a plane. Other steps than that of a transposed convolution write
  // whole vectors of channels.
  const Network& network = program.network();
  const bool plane = value == network.output && size.channels == 1 &&
                     network.layers.back().output == value &&
                     std::holds_alternative<TransposedConvolution>(network.layers.back().operation);
  if (plane && network.output_form == OutputForm::kImage) return 1;
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

// Of every value up to that of layer `last`; an input that is long enough for these layers may be
// too short for others.
std::vector<ImageSize> sizes_of(const Network& network, int height, int width, int last) {
  std::vector<ImageSize> sizes(static_cast<std::size_t>(network.values));
  sizes[0] = {static_cast<int>(network.input_shape[1]), height, width};
  for (const Layer& layer : network.layers) {
    std::vector<ImageSize> inputs;
    for (const int input : layer.inputs) inputs.push_back(sizes[input]);
    sizes[layer.output] = output_size(layer, inputs);
    if (layer.output == last) break;
  }
  return sizes;
}

// Its axes were named for one size of the input; of others it may have more pixels.
void check_output(const ImageSize& size, OutputForm form) {
  const bool row = size.height == 1, pixel = row && size.width == 1;
  if (form == OutputForm::kImage || pixel || (row && form == OutputForm::kTokens)) return;
  throw Error(ErrorKind::kInference, std::string("the network cannot take this input: its ") +
                                         (row ? "width" : "height") + " is not the network's");
}

Plan make_plan(const Program& program, int height, int width) {
  const Network& network = program.network();
  Plan plan;
  plan.sizes = sizes_of(network, height, width, network.output);
  plan.offsets.resize(plan.sizes.size());
  check_output(plan.sizes[network.output], network.output_form);
  const auto& chains = program.chains();
  std::vector<std::size_t> last_use(plan.sizes.size());  // by chain
  for (std::size_t i = 0; i < chains.size(); ++i) {
    for (std::size_t k = chains[i].begin; k < chains[i].end; ++k) {
      for (const int input : program.steps()[k]->inputs) last_use[input] = i;
    }
  }
  last_use[network.output] = chains.size();
  std::map<int, Span> alive;
  for (std::size_t i = 0; i < chains.size(); ++i) {
    const int value = program.last_step(chains[i]).output;
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

Shape shape_of(const ImageSize& size, OutputForm form) {
  switch (form) {
    case OutputForm::kScores:
      return {1, size.channels};
    case OutputForm::kTokens:
      return {1, size.width, size.channels};
    case OutputForm::kImage:
      break;
  }
  return {1, size.channels, size.height, size.width};
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

Program::Program(Network network, Arithmetic arithmetic)
    : network_(std::move(network)),
      steps_(make_steps(network_, arithmetic)),
      columns_(columns_of(network_)),
      chains_(find_chains()) {
  drop_weights(network_);
}

std::vector<Program::Chain> Program::find_chains() const {
  std::map<int, int> uses{{network_.output, 1}};
  for (const auto& step : steps_) {
    for (const int input : step->inputs) ++uses[input];
  }
  std::vector<Chain> chains;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const bool goes_on = i > 0 && columns_ && steps_[i - 1]->window() && steps_[i]->window() &&
                         steps_[i]->inputs[0] == steps_[i - 1]->output &&
                         uses[steps_[i - 1]->output] == 1;
    if (goes_on) {
      chains.back().end = i + 1;
    } else {
      chains.push_back({i, i + 1});
    }
  }
  return chains;
}

Program::~Program() = default;

Executor::Executor(std::shared_ptr<const Program> program, int threads)
    : program_(std::move(program)), team_(threads) {
  scratch_.resize(static_cast<std::size_t>(team_.size()));
}

float* Executor::input(int height, int width) {
  if (plans_.size() >= kMostPlans) plans_.clear();
  const std::pair key{height, width};
  auto found = plans_.find(key);
  if (found == plans_.end()) {
    found = plans_.emplace(key, make_plan(*program_, height, width)).first;
  }
  plan_ = &found->second;
  const ImageSize& size = plan_->sizes[0];
  input_.resize(static_cast<std::size_t>(size.channels) * size.height * size.width);
  return input_.data();
}

// Without memory.
std::vector<Image> Executor::images_of(const std::vector<ImageSize>& sizes) const {
  std::vector<Image> images(sizes.size());
  for (std::size_t i = 0; i < images.size(); ++i) {
    const int value = static_cast<int>(i);
    images[i].size = sizes[i];
    images[i].stride = stride_of(*program_, value, sizes[i]);
    images[i].pitch = sizes[i].width;
    if (program_->columns()) images[i].column_step = (*program_->columns())[value].step;
  }
  return images;
}

void Executor::run() {
  if (plan_ == nullptr) throw Error(ErrorKind::kInference, "a run without an input");
  const FlushSubnormals flush;
  const OmittedColumns omitted = std::exchange(omitted_, {});
  images_ = images_of(plan_->sizes);
  memory_.reserve(plan_->floats * sizeof(float));
  for (const Chain& chain : program_->chains()) {
    const int value = program_->last_step(chain).output;
    images_[value].pixels = memory_.as<float>() + plan_->offsets[value];
  }
  equal_.clear();
  if (program_->columns() && omitted.blank_from >= 0) {
    equal_ = equal_columns(program_->network(), plan_->sizes, omitted.blank_from);
  }
  for (const Chain& chain : program_->chains()) {
    const Run run{&images_, input_.data(), omitted, &team_, &scratch_, &shared_, {}};
    if (!run_blank_ended(chain, run) && !run_around_equal(chain, run)) run_chain(chain, run);
  }
  read_output();
}

void Executor::run_chain(const Chain& chain, const Run& run) {
  const auto steps = std::span(program_->steps()).subspan(chain.begin, chain.count());
  if (steps.size() == 1) return steps[0]->run(run);
  std::vector<int> ends;
  for (const auto& step : steps) ends.push_back((*run.images)[step->output].size.width);
  strips_.run(steps, ends, run);
}

// Of columns that are known to be alike only the first is computed. Returns false if that is of no
// use here.
bool Executor::run_around_equal(const Chain& chain, const Run& run) {
  const Step& last = program_->last_step(chain);
  const ColumnRange equal = equal_.empty() ? ColumnRange{} : equal_[last.output];
  if (equal.count() <= kLeastEqual || !last.takes_columns()) return false;
  const Image& out = images_[last.output];
  std::vector<int> equal_begins, widths;
  for (std::size_t i = chain.begin; i < chain.end; ++i) {
    const int value = program_->steps()[i]->output;
    equal_begins.push_back(equal_[value].begin + 1);
    widths.push_back(images_[value].size.width);
  }
  run_columns(chain, run, {0, equal.begin + 1}, equal_begins);
  repeat_column(out, equal.begin + 1, equal.end);
  if (equal.end < out.size.width) run_columns(chain, run, {equal.end, out.size.width}, widths);
  return true;
}

// `ends` are as ChainLink::end, of each step.
void Executor::run_columns(const Chain& chain, const Run& run, ColumnRange columns,
                           std::span<const int> ends) {
  const auto steps = std::span(program_->steps()).subspan(chain.begin, chain.count());
  if (steps.size() > 1) return strips_.run(steps, ends, run, columns.begin);
  Run part = run;
  part.columns = columns;
  steps[0]->run(part);
}

// Of an input that ends blank the first chain has to see only the columns up to the blank end. What
// it makes of that is the same in all columns, up to the right border, whose neighbourhood is the
// same for all such inputs. Returns false if that is of no use here.
bool Executor::run_blank_ended(const Chain& chain, const Run& run) {
  if (chain.begin != 0 || chain.count() == 1 || run.omitted.blank_from < 0) return false;
  const auto steps = std::span(program_->steps()).subspan(0, chain.count());
  std::vector<int> ends;
  int blank_from = run.omitted.blank_from;
  for (const auto& step : steps) {
    const ColumnWindow window = *step->window();
    blank_from = (blank_from + window.pad + window.stride - 1) / window.stride;
    ends.push_back(blank_from + 1);
  }
  const Image& out = images_[steps.back()->output];
  const Columns& columns = (*program_->columns())[steps.back()->output];
  const int border = (columns.reach + columns.step - 1) / columns.step + 1;
  if (ends.back() + border > out.size.width) return false;
  const BlockVector<float>& blank = blank_border(chain, border);
  strips_.run(steps, ends, run);
  repeat_column(out, ends.back(), out.size.width - border);
  for (int y = 0; y < out.size.height; ++y) {
    const std::ptrdiff_t count = static_cast<std::ptrdiff_t>(border) * out.stride;
    std::copy_n(blank.data() + count * y, count, out.at(y, out.size.width - border));
  }
  return true;
}

// The last columns that the first chain makes of an input that ends blank, row by row. They depend
// on how the width is rounded when it is halved.
const BlockVector<float>& Executor::blank_border(const Chain& chain, int columns) {
  const Network& network = program_->network();
  const int value = program_->last_step(chain).output;
  const auto [step, reach] = (*program_->columns())[value];
  const int height = plan_->sizes[0].height, phase = plan_->sizes[0].width % step;
  const std::pair key{height, phase};
  const auto found = blank_borders_.find(key);
  if (found != blank_borders_.end()) return found->second;
  const int width = (2 * reach / step + 4) * step + phase;
  std::vector<Image> images = images_of(sizes_of(network, height, width, value));
  Image& out = images[value];
  BlockVector<float> pixels(static_cast<std::size_t>(out.count()) * out.stride);
  out.pixels = pixels.data();
  const ImageSize& size = images[0].size;
  const BlockVector<float> zeros(static_cast<std::size_t>(size.channels) * height * width);
  run_chain(chain, {&images, zeros.data(), {}, &team_, &scratch_, &shared_, {}});
  BlockVector<float> border;
  for (int y = 0; y < out.size.height; ++y) {
    const float* end = out.at(y, 0) + static_cast<std::ptrdiff_t>(out.size.width) * out.stride;
    border.insert(border.end(), end - static_cast<std::ptrdiff_t>(columns) * out.stride, end);
  }
  return blank_borders_.emplace(key, std::move(border)).first->second;
}

void Executor::read_output() {
  const Network& network = program_->network();
  const Image& image = images_[network.output];
  const auto [channels, height, width] = image.size;
  const bool image_form = network.output_form == OutputForm::kImage;
  output_shape_ = shape_of(image.size, network.output_form);
  if (image.stride == channels) {
    output_data_ = image.pixels;
    if (!image_form || channels == 1) return;
  }
  output_.resize(static_cast<std::size_t>(channels) * height * width);
  for (int i = 0; i < height * width; ++i) {
    for (int c = 0; c < channels; ++c) {
      const std::ptrdiff_t at = image_form ? static_cast<std::ptrdiff_t>(c) * height * width + i
                                           : static_cast<std::ptrdiff_t>(i) * channels + c;
      output_[at] = image.pixels[static_cast<std::ptrdiff_t>(i) * image.stride + c];
    }
  }
  output_data_ = output_.data();
}

TensorView Executor::output() const { return {output_data_, output_shape_}; }

}  // namespace fastocr::native
