// Any bytes as a model file of the native engine.
#include "onnx_network.h"
#include "run_network.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fastocr;
  using namespace fastocr::fuzz;
  // The first bytes say how the file is loaded.
  FuzzInput input(data, std::min<std::size_t>(size, 8));
  const std::string bytes(data + std::min<std::size_t>(size, 8), data + size);
  const testing::TemporaryFile file(bytes);
  load_and_run(file.path(), input);
  return 0;
}
