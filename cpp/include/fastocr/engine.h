#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fastocr/errors.h"
#include "fastocr/logging.h"
#include "fastocr/memory.h"

namespace fastocr {

// Sizes of a tensor, outermost first; -1 stands for a size that may change from run to run.
using Shape = std::vector<std::int64_t>;

// Where a network runs.
struct Device {
  std::string kind = "cpu";  // "cpu" or "gpu"
  int id = 0;                // which of several GPUs

  std::string name() const { return kind == "cpu" ? kind : kind + ":" + std::to_string(id); }
  bool operator==(const Device&) const = default;
};

// The sizes that one input of a network will have: from `least` to `most`, often `usual`.
struct ShapeRange {
  std::string input;
  Shape least, usual, most;
};

// How to load one network.
struct ModelOptions {
  std::string path;                // model file; engines find a separate weights file beside it
  std::string precision = "fp32";  // arithmetic of the network: fp32, bf16, fp16, int16 or int8
  int threads = 1;                 // CPU threads of the whole model, all streams together
  int streams = 1;                 // requests that run side by side, with threads / streams each
  std::map<std::string, std::string> properties;  // the engine's own settings, by its own names
  // Leave out a linear classifier with softmax at the end of the network, if the engine can: the
  // output is then its input, and Model::classifier() holds its weights.
  bool detach_classifier = false;
  Device device;
  std::vector<ShapeRange> shape_ranges;  // for engines that compile for sizes known beforehand
  // Leave out the grid sampling of its input at the end of the network, if the engine can: the
  // output is then the grid, (1, 2, rows, columns), whose values from -1 to 1 span the input. What
  // only resizes the input before the network or the grid behind it is left out too. Of several
  // outputs, the one with two channels is taken.
  bool detach_sampling = false;
};

// probabilities = softmax(features * weights + bias).
struct LinearClassifier {
  int features = 0;
  int classes = 0;
  BlockVector<float> weights;  // features x classes, row-major
  BlockVector<float> bias;     // classes
};

// A borrowed float tensor, tightly packed; valid until the request that owns it runs again.
struct TensorView {
  const float* data = nullptr;
  Shape shape;
};

// Columns that an input lacks: next to column `at` of its last axis, `count` more like that one.
struct OmittedColumns {
  int at = 0;
  int count = 0;
  int blank_from = -1;  // if not negative, all columns from here on are zero
};

// Which columns a network can do without, computing for the others what it would for the whole
// input: `at` and `count` are multiples of `step`, and all columns within `margin` of the gap are
// alike and not next to a border.
struct OmissionRule {
  int step = 0;  // 0: none
  int margin = 0;
  int stride = 1;  // columns of the input for each one of the output; divides `step`
};

// One run at a time through a model, with buffers that are kept from run to run. A request belongs
// to one thread at a time; different requests of one model may run at the same time.
class Request {
 public:
  virtual ~Request() = default;
  // The input buffer for the next run, with room for `shape`; the caller fills it.
  virtual float* input(const Shape& shape) = 0;
  // For the next run, in accordance with Model::omission_rule().
  virtual void omit(const OmittedColumns&) {}
  // Throws Error(kInference) when the engine fails.
  virtual void run() = 0;
  virtual TensorView output() = 0;
};

// A network with one float input and one float output, ready to run. Requests keep what they need
// of it alive. Thread-safe.
class Model {
 public:
  virtual ~Model() = default;
  virtual std::unique_ptr<Request> create_request() = 0;
  // A request each run of which is shared out to `threads` threads, with the same results. Null
  // where the engine has the same number for all requests.
  virtual std::unique_ptr<Request> create_shared_request(int /*threads*/) { return nullptr; }
  virtual Shape input_shape() const = 0;
  virtual Shape output_shape() const = 0;
  virtual OmissionRule omission_rule() const { return {}; }
  // Whether inputs of one size run faster together than one by one.
  virtual bool prefers_batches() const { return false; }
  // The file it was loaded from, for messages.
  virtual std::string path() const { return "model"; }
  // The same network in float, where this one is less precise and the engine has both; else null.
  virtual std::shared_ptr<Model> exact() const { return nullptr; }
  // Whether a grid sampling was left out of the network, so that its output is the grid.
  virtual bool sampling_detached() const { return false; }
  // The classifier that was left out of the network; null when the network is whole.
  virtual std::shared_ptr<const LinearClassifier> classifier() const { return nullptr; }
};

// A way to run networks. Knows nothing of what they compute. Thread-safe.
class Engine {
 public:
  virtual ~Engine() = default;
  // Throws Error(kModelFormat) for a file it cannot read, Error(kUnsupportedOption) for a precision
  // or a device that cannot be had here, Error(kInvalidOption) for a property it does not know.
  std::unique_ptr<Model> load(const ModelOptions& options) {
    check_device(options.device);
    return load_network(options);
  }
  // Throws Error(kUnsupportedOption) where it is known already that no network can run there.
  void check_device(const Device& device) const {
    const std::string problem = device_problem(device);
    if (problem.empty()) return;
    throw Error(ErrorKind::kUnsupportedOption,
                "device '" + device.name() + "' cannot be used: " + problem);
  }

 protected:
  virtual std::unique_ptr<Model> load_network(const ModelOptions& options) = 0;
  // Why no network can run on the device, and what would help; else empty.
  virtual std::string device_problem(const Device& device) const {
    return device.kind == "cpu" ? ""
                                : "this engine runs on CPUs only; leave `engine` out, or pass "
                                  "device='cpu'";
  }
};

// What an engine library may use of the core: it links nothing of it.
struct EngineHost {
  void (*log)(LogLevel level, const std::string& message);
};

// Every engine library exports `fastocr_create_engine` of this type. The engine lives until the
// process ends.
using CreateEngine = Engine* (*)(const EngineHost& host);
inline constexpr const char* kCreateEngineSymbol = "fastocr_create_engine";

// What an engine was built for: a Python package of one of these versions, whose `library_folder`
// holds `library`. All empty but the name for an engine that is part of the core.
struct EngineRequirements {
  std::string engine;                      // name in the registry
  std::string engine_library;              // file name of the engine's shared object
  std::string package;                     // that is imported
  std::vector<std::string> distributions;  // that install it, the usual one first
  std::vector<std::string> versions;       // the best one first
  std::string library_folder;
  std::string library;
  bool library_names_version = false;
  std::string missing;  // why this build does not have the engine; empty: it may have it
};

// The engines this build knows. Throws Error(kInvalidOption) for another name.
const EngineRequirements& engine_requirements(const std::string& name);
std::vector<std::string> engine_names();

// Makes the engine on the first call: one of the core at once, another by loading its shared object
// after the library it depends on. Later calls return the same engine. An engine of the core needs
// neither path. Throws Error(kEngineUnavailable).
Engine& load_engine(const std::string& name, const std::string& engine_library,
                    const std::string& dependency);

}  // namespace fastocr
