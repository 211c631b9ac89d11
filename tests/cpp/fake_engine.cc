// An engine library as `load_engine` loads them, without any network.

#include "fastocr/engine.h"
#include "fastocr/errors.h"

namespace {

class FakeEngine final : public fastocr::Engine {
 public:
  explicit FakeEngine(const fastocr::EngineHost& host) : host_(host) {}

  std::unique_ptr<fastocr::Model> load_network(const fastocr::ModelOptions& options) override {
    host_.log(fastocr::LogLevel::kInfo, "fake engine: " + options.path);
    throw fastocr::Error(fastocr::ErrorKind::kModelFormat, "no model: " + options.path);
  }

 private:
  fastocr::EngineHost host_;
};

}  // namespace

extern "C" FASTOCR_EXPORT fastocr::Engine* fastocr_create_engine(const fastocr::EngineHost& host) {
  static FakeEngine engine(host);
  return &engine;
}
