#pragma once

#include <string>

#include "paddle_inference.h"
#include "runtime/paddle/settings.h"

namespace fastocr::paddle_engine {

// Fills Paddle's own configuration object for one network.
void configure(paddle::AnalysisConfig& config, const ModelFiles& files, const ModelOptions& options,
               const Settings& settings);

// For a predictor that only finds out which shapes all tensors take, and writes them to `file`.
void configure_collection(paddle::AnalysisConfig& config, const ModelFiles& files,
                          const Device& device, const std::string& file);

// The file of these shapes that `configure` has TensorRT read.
std::string shape_range_file(const Settings& settings);

// What the object holds by its own account, for the log.
std::string described(paddle::AnalysisConfig& config);

}  // namespace fastocr::paddle_engine
