#include "runtime/native/strips.h"

#include <algorithm>

namespace fastocr::native {
namespace {

// Turns are of whole tiles of the kernels, as long as there are more to come.
constexpr int kTurnStep = 8;

// Output columns that can be made of the first `count` input columns.
int columns_from(const ColumnWindow& window, int count) {
  const int beyond = count + window.pad - window.kernel;
  return beyond < 0 ? 0 : beyond / window.stride + 1;
}

// Input columns that the first `count` output columns are made of, zeros at the border included.
int columns_for(const ColumnWindow& window, int count) {
  return (count - 1) * window.stride - window.pad + window.kernel;
}

// The first input column that an output column is made of.
int first_needed(const ColumnWindow& window, int column) {
  return std::max(0, column * window.stride - window.pad);
}

// All columns of one step's images of one strip together: two of them, and the weights of a layer,
// are to fit into the second-level cache.
constexpr std::size_t kStripBytes = std::size_t{512} << 10;
// Of the input of a chain: a strip begins with some turns that do too little to be efficient.
constexpr int kLeastStrip = 8;

std::size_t floats_per_column(const Image& image) {
  return static_cast<std::size_t>(image.size.height) * image.stride;
}

// Columns of the input in one strip.
int strip_columns(std::span<const std::unique_ptr<Step>> steps, const std::vector<Image>& images) {
  const Image& in = images[steps.front()->inputs[0]];
  double most = 0;  // bytes for each input column
  for (const auto& step : steps) {
    const Image& out = images[step->output];
    const double share = static_cast<double>(out.size.width) / in.size.width;
    most = std::max(most, share * static_cast<double>(floats_per_column(out) * sizeof(float)));
  }
  const int columns = static_cast<int>(std::min(static_cast<double>(kStripBytes) / most, 1e6));
  return std::max(kLeastStrip, columns / kLeastStrip * kLeastStrip);
}

void copy_columns(const Image& from, const Image& to, const ColumnRange& columns) {
  for (int y = 0; y < from.size.height; ++y) {
    std::copy_n(from.at(y, columns.begin),
                static_cast<std::ptrdiff_t>(columns.count()) * from.stride,
                to.at(y, columns.begin));
  }
}

// Makes room in memory for these columns only.
void place(Image& image, const ColumnRange& columns, Buffer& memory) {
  image.first_column = columns.begin;
  image.pitch = columns.count();
  memory.reserve(floats_per_column(image) * columns.count() * sizeof(float));
  image.pixels = memory.as<float>();
}

}  // namespace

std::vector<StripMove> schedule_strips(const std::vector<ChainLink>& links, int width, int strip) {
  std::vector<StripMove> moves;
  std::vector<int> done;
  for (const ChainLink& link : links) done.push_back(link.begin);
  std::vector<ColumnRange> kept(links.size());  // of each link's output
  for (int available = first_needed(links.front().window, links.front().begin);
       done.back() < links.back().end;) {
    available = std::min(available + strip, width);
    int input = available;
    bool complete = available == width;
    for (std::size_t i = 0; i < links.size(); ++i) {
      const ChainLink& link = links[i];
      int end = complete ? link.end : std::min(columns_from(link.window, input), link.end);
      end = std::max(end, done[i]);
      complete = end == link.end;
      if (!complete) end -= (end - done[i]) % kTurnStep;
      StripMove move{i, {done[i], end}, kept[i], end, {}};
      if (complete && i + 1 < links.size()) {
        const int read = columns_for(links[i + 1].window, links[i + 1].end);
        move.stop = std::clamp(read, end, link.width);
      }
      const int next = first_needed(link.window, end);
      move.kept = {std::min(next, input), input};
      if (i > 0) kept[i - 1] = move.kept;
      moves.push_back(move);
      if (end == done[i]) break;  // too little to do; the links behind have nothing new at all
      input = done[i] = end;
    }
  }
  return moves;
}

void repeat_column(const Image& image, int end, int stop) {
  for (int y = 0; y < image.size.height; ++y) {
    for (int x = end; x < stop; ++x) {
      std::copy_n(image.at(y, end - 1), image.stride, image.at(y, x));
    }
  }
}

void StripRunner::run(std::span<const std::unique_ptr<Step>> steps, std::span<const int> ends,
                      Run run, int begin) {
  std::vector<Image>& images = *run.images;
  std::vector<ChainLink> links;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    links.push_back({*steps[i]->window(), images[steps[i]->output].size.width, ends[i]});
  }
  for (auto link = links.rbegin(); link != links.rend(); ++link) {
    link->begin = begin;
    begin = first_needed(link->window, begin);
  }
  if (kept_.size() < steps.size()) kept_.resize(steps.size());
  const int width = images[steps.front()->inputs[0]].size.width;
  for (const StripMove& move : schedule_strips(links, width, strip_columns(steps, images))) {
    const Step& step = *steps[move.link];
    Image& out = images[step.output];
    const bool inside = move.link + 1 < steps.size();
    if (move.columns.count() > 0) {
      if (inside) begin_turn(move, out);
      run.columns = move.columns;
      step.run(run);
      if (inside) repeat_column(out, move.columns.end, move.stop);
    }
    if (move.link > 0) end_turn(move, images[step.inputs[0]]);
  }
}

void StripRunner::begin_turn(const StripMove& move, Image& out) {
  const int first = move.earlier.count() > 0 ? move.earlier.begin : move.columns.begin;
  place(out, {first, move.stop}, strips_[move.link % 2]);
  if (move.earlier.count() > 0) copy_columns(kept_[move.link].image, out, move.earlier);
}

void StripRunner::end_turn(const StripMove& move, const Image& in) {
  Kept& kept = kept_[move.link - 1];
  kept.image = in;
  place(kept.image, move.kept, kept.memory);
  copy_columns(in, kept.image, move.kept);
}

}  // namespace fastocr::native
