#pragma once

#include <map>
#include <optional>
#include <string>

#include "fastocr/engine.h"

namespace fastocr::paddle_engine {

// The settings of this engine beside those of all engines, by the names of PaddleOCR's parameters;
// without a value, they were not given.
struct Settings {
  std::optional<bool> enable_mkldnn;                // on a CPU; default on
  std::optional<int> mkldnn_cache_capacity;         // on a CPU: input shapes that oneDNN remembers
  bool use_tensorrt = false;                        // on a GPU
  int min_subgraph_size = kDefaultMinSubgraphSize;  // operations that are worth a TensorRT engine
  std::string trt_cache_dir;  // where TensorRT's engines are kept; needed with use_tensorrt

  static constexpr int kDefaultCacheCapacity = 10;
  static constexpr int kDefaultMinSubgraphSize = 3;

  bool one_dnn() const { return enable_mkldnn.value_or(true); }
  int cache_capacity() const { return mkldnn_cache_capacity.value_or(kDefaultCacheCapacity); }
};

// The network in Paddle's form: "inference.json" or "inference.pdmodel" as `program`, and
// "inference.pdiparams" beside it.
struct ModelFiles {
  std::string program, parameters;
  bool new_representation = false;  // json
};

// Throws Error(kInvalidOption) for a name that is not known or a value of the wrong type.
Settings settings_of(const std::map<std::string, std::string>& properties);

// Throws Error(kModelFormat) where a file is missing or would make Paddle crash.
ModelFiles files_of(const std::string& path);

// Whether the precision and the settings go with the device and the form of the network. Throws
// Error(kUnsupportedOption).
void check_settings(const Settings& settings, const ModelOptions& options, const ModelFiles& files);

}  // namespace fastocr::paddle_engine
