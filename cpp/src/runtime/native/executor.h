#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "runtime/aligned_memory.h"
#include "runtime/native/network.h"
#include "runtime/native/thread_team.h"

namespace fastocr::native {

// Aligned memory that only grows.
class Buffer {
 public:
  // What it held is lost when it has to grow.
  void reserve(std::size_t bytes);
  template <typename T>
  T* as() const {
    return reinterpret_cast<T*>(bytes_.get());
  }

 private:
  AlignedPointer<std::byte> bytes_;
  std::size_t size_ = 0;
};

// An image between two layers: pixels side by side, each with room for `stride` channels.
struct Image {
  float* pixels = nullptr;
  ImageSize size;
  int stride = 0;
  int column_step = 0;  // as Columns::step

  int count() const { return size.height * size.width; }
};

// What a step works with: the images of one run, the threads, and memory for each of them.
struct Run {
  const std::vector<Image>* images = nullptr;
  const float* input = nullptr;  // planes
  int input_width = 0;           // of the planes; image 0 may be only their left part
  bool repeat_right = false;     // the last column of each image goes on beyond its right border
  OmittedColumns omitted;
  ThreadTeam* team = nullptr;
  std::vector<Buffer>* scratch = nullptr;  // one a thread
  Buffer* shared = nullptr;
};

// What the omitted columns are in an image of another width.
OmittedColumns omitted_in(const Run& run, const Image& image);

// One layer ready to run: weights in the order the kernels read them in.
class Step {
 public:
  Step(std::vector<int> from, int to) : inputs(std::move(from)), output(to) {}
  virtual ~Step() = default;
  virtual void run(const Run& run) const = 0;
  // Whether it obeys Run::repeat_right, and depends on its neighbourhood only.
  virtual bool local() const { return false; }

  const std::vector<int> inputs;
  const int output;
};

// The products of convolutions: in float, or in 16-bit fixed point with exact sums.
enum class Arithmetic { kFloat, kFixed };

// A network for one instruction set. Immutable, so that any number of requests share it.
class Program {
 public:
  // Throws Error(kModelFormat) for a network that reads its input in a way no step can.
  Program(const Network& network, Arithmetic arithmetic);
  ~Program();

  // The first steps, as far as they see only the neighbourhood of each pixel, and the one value
  // that later steps need of them.
  struct Prefix {
    std::size_t steps = 0;  // 0: there is none
    int value = 0;
    Columns columns;
  };

  const Network& network() const { return network_; }
  const Prefix& prefix() const { return prefix_; }
  // As Columns::step, of a value; 0 also where no columns can be omitted.
  int column_step(int value) const;
  const std::vector<std::unique_ptr<Step>>& steps() const { return steps_; }

 private:
  Prefix find_prefix() const;

  Network network_;  // without its weights
  std::vector<std::unique_ptr<Step>> steps_;
  std::optional<std::vector<Columns>> columns_;
  Prefix prefix_;
};

// Where the images of a run lie in one block of memory; images that are not needed at the same time
// share their place.
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
  // For the first `steps` steps.
  const Plan& plan_for(int height, int width, std::size_t steps);
  std::vector<Image> images_in(const Plan& plan, Buffer& memory) const;
  void run_steps(std::size_t begin, std::size_t end, const Run& run) const;
  int prefix_width() const;
  void run_prefix(int width);
  const std::vector<float>& blank_border(int columns);
  void read_output();

  std::shared_ptr<const Program> program_;
  ThreadTeam team_;
  std::map<std::tuple<int, int, std::size_t>, Plan> plans_;  // by height, width and steps
  const Plan* plan_ = nullptr;
  OmittedColumns omitted_;
  std::vector<Image> images_;
  std::vector<float> input_, output_;
  Buffer memory_, prefix_memory_, shared_;
  std::map<std::pair<int, int>, std::vector<float>> blank_borders_;  // by height and phase
  std::vector<Buffer> scratch_;
  Shape output_shape_;
  const float* output_data_ = nullptr;
};

// The layers ready to run; takes the weights out of the network.
std::vector<std::unique_ptr<Step>> make_steps(Network& network, Arithmetic arithmetic);

}  // namespace fastocr::native
