#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "fastocr/engine.h"
#include "testing.h"

namespace fastocr {
namespace {

using testing::thrown_kind;

// A library that is no engine.
#if defined(_WIN32)
const std::string kPresent = std::string(std::getenv("SystemRoot")) + "/System32/kernel32.dll";
const std::string kAbsent = "C:/nonexistent/engine.dll";
#elif defined(__APPLE__)
const std::string kPresent = "/usr/lib/libSystem.B.dylib";
const std::string kAbsent = "/nonexistent/libengine.dylib";
#else
const std::string kPresent = "libm.so.6";
const std::string kAbsent = "/nonexistent/libengine.so";
#endif

std::string message_of(const std::string& engine_library, const std::string& dependency) {
  try {
    load_engine("openvino", engine_library, dependency);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kEngineUnavailable);
    return error.what();
  }
  return "";
}

TEST_CASE("unknown engines") {
  CHECK(thrown_kind([] { engine_requirements("tesseract"); }) == ErrorKind::kInvalidOption);
  CHECK(thrown_kind([] { engine_requirements(""); }) == ErrorKind::kInvalidOption);
  CHECK(thrown_kind([] { load_engine("tesseract", kPresent, kPresent); }) ==
        ErrorKind::kInvalidOption);
}

TEST_CASE("every engine has requirements, but the core's own") {
  const std::vector<std::string> names = engine_names();
  CHECK(names == std::vector<std::string>{"native", "openvino", "paddle"});
  for (const std::string& name : names) {
    const EngineRequirements& requirements = engine_requirements(name);
    const bool own = name == "native";
    CHECK(requirements.engine == name);
    CHECK(requirements.engine_library.empty() == own);
    CHECK((own || requirements.engine_library.find("fastocr_" + name + ".") != std::string::npos));
    CHECK(requirements.package.empty() == own);
    CHECK(requirements.library_folder.empty() == own);
    // A build without the engine does not know these of any.
    CHECK((requirements.versions.empty() || !own));
    CHECK((requirements.distributions.empty() || !own));
    CHECK((requirements.library.empty() || !own));
  }
}

TEST_CASE("the core's own engine needs no library") {
  Engine& engine = load_engine("native", "", "");
  CHECK(&load_engine("native", "", "") == &engine);
  CHECK(&load_engine("native", kAbsent, kAbsent) == &engine);
}

// One test for all steps: an engine that is loaded stays for the life of the process.
TEST_CASE("loading an engine") {
  for (int attempt = 0; attempt < 2; ++attempt) {
    CHECK(message_of(FASTOCR_FAKE_ENGINE, kAbsent).find(kAbsent) != std::string::npos);
    CHECK(message_of(kAbsent, kPresent).find(kAbsent) != std::string::npos);
    CHECK(message_of(kPresent, kPresent).find("not an engine") != std::string::npos);
  }

  Engine* loaded[4] = {};
  std::vector<std::thread> threads;
  for (Engine*& engine : loaded) {
    threads.emplace_back(
        [&engine] { engine = &load_engine("openvino", FASTOCR_FAKE_ENGINE, kPresent); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Engine* engine : loaded) CHECK(engine == loaded[0]);
  // What it was loaded from is not looked at again.
  CHECK(&load_engine("openvino", kAbsent, kAbsent) == loaded[0]);

  std::vector<std::string> messages;
  set_log_callback([&](LogLevel level, const std::string& message) {
    CHECK(level == LogLevel::kInfo);
    messages.push_back(message);
  });
  ModelOptions options;
  options.path = "model.onnx";
  CHECK(thrown_kind([&] { loaded[0]->load(options); }) == ErrorKind::kModelFormat);
  set_log_callback({});
  CHECK(messages == std::vector<std::string>{"fake engine: model.onnx"});
}

}  // namespace
}  // namespace fastocr
