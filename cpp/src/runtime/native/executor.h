#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "fastocr/memory.h"
#include "runtime/native/network.h"
#include "runtime/native/step.h"
#include "runtime/native/strips.h"
#include "runtime/native/thread_team.h"

namespace fastocr::native {

// A network for one instruction set. Immutable, so that any number of requests share it.
class Program {
 public:
  // Throws Error(kModelFormat) for a network that reads its input in a way no step can.
  Program(Network network, Arithmetic arithmetic);
  ~Program();

  // Successive steps, each of which alone reads the output of the one before. Those of more than
  // one step have windows.
  struct Chain {
    std::size_t begin = 0, end = 0;

    std::size_t count() const { return end - begin; }
  };

  const Network& network() const { return network_; }
  const std::vector<std::unique_ptr<Step>>& steps() const { return steps_; }
  const std::vector<Chain>& chains() const { return chains_; }
  const Step& last_step(const Chain& chain) const { return *steps_[chain.end - 1]; }
  // Nothing where no columns can be omitted.
  const std::optional<std::vector<Columns>>& columns() const { return columns_; }

 private:
  std::vector<Chain> find_chains() const;

  Network network_;  // without its weights
  std::vector<std::unique_ptr<Step>> steps_;
  std::optional<std::vector<Columns>> columns_;
  std::vector<Chain> chains_;
};

// Where the images of a run lie in one block of memory; images that are not needed at the same time
// share their place, and those inside of chains have none.
struct Plan {
  std::vector<ImageSize> sizes;
  std::vector<std::size_t> offsets;  // floats
  std::size_t floats = 0;
};

// Runs a program, one input at a time.
class Executor {
 public:
  Executor(std::shared_ptr<const Program> program, int threads);

  // Room for a (1, channels, height, width) input.
  float* input(int height, int width);
  // For the next run only.
  void omit(const OmittedColumns& columns) { omitted_ = columns; }
  void run();
  TensorView output() const;

 private:
  using Chain = Program::Chain;

  std::vector<Image> images_of(const std::vector<ImageSize>& sizes) const;
  void run_chain(const Chain& chain, const Run& run);
  bool run_blank_ended(const Chain& chain, const Run& run);
  bool run_around_equal(const Chain& chain, const Run& run);
  void run_columns(const Chain& chain, const Run& run, ColumnRange columns,
                   std::span<const int> ends);
  const BlockVector<float>& blank_border(const Chain& chain, int columns);
  void read_output();

  std::shared_ptr<const Program> program_;
  ThreadTeam team_;
  std::map<std::pair<int, int>, Plan> plans_;  // by height and width
  const Plan* plan_ = nullptr;
  OmittedColumns omitted_;
  std::vector<Image> images_;
  std::vector<ColumnRange> equal_;  // of each value; empty when nothing is known
  BlockVector<float> input_, output_;
  Buffer memory_, shared_;
  StripRunner strips_;
  std::map<std::pair<int, int>, BlockVector<float>> blank_borders_;  // by height and phase
  std::vector<Buffer> scratch_;
  Shape output_shape_;
  const float* output_data_ = nullptr;
};

}  // namespace fastocr::native
