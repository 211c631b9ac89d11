#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "fastocr/engine.h"
#include "fuzz_input.h"

namespace fastocr::fuzz {

// Loads a file with the native engine and, if it takes it, runs the network once.
inline void load_and_run(const std::string& path, FuzzInput& input) {
  constexpr const char* kPrecisions[] = {"fp32", "int16", "int8"};
  ModelOptions options;
  options.path = path;
  options.precision = kPrecisions[input.byte() % 3];
  options.threads = 1;
  options.detach_classifier = input.flag();
  options.detach_sampling = input.flag();
  // The engine has no byte products on every CPU, and says so with an Error.
  accepted([&] {
    const std::unique_ptr<Model> model = load_engine("native", "", "").load(options);
    Shape shape = model->input_shape();
    std::int64_t count = 1;
    for (std::int64_t& size : shape) {
      // One page or line; other sizes that may change are small.
      if (size < 0) size = &size == &shape.front() ? 1 : input.integer(1, 40);
      count *= size;
      if (count <= 0 || count > (1 << 16)) return;
    }
    const std::unique_ptr<Request> request = model->create_request();
    float* values = request->input(shape);
    for (std::int64_t i = 0; i < count; ++i) values[i] = static_cast<float>(i % 17) / 16;
    request->run();
    const TensorView output = request->output();
    std::int64_t size = 1;
    for (const std::int64_t extent : output.shape) size *= extent;
    // Every value can be read.
    float sum = 0;
    for (std::int64_t i = 0; i < size; ++i) sum += output.data[i];
    volatile float kept = sum;
    static_cast<void>(kept);
  });
}

}  // namespace fastocr::fuzz
