#include <algorithm>
#include <mutex>
#include <stdexcept>

#include "fastocr/engine.h"
#include "fastocr/errors.h"
#include "runtime/build_facts.h"
#include "runtime/native/native_engine.h"
#include "runtime/shared_library.h"

namespace fastocr {
namespace {

constexpr const char* kNativeEngine = "native";

std::string engine_library(const std::string& engine) {
  return FASTOCR_MODULE_PREFIX "fastocr_" + engine + FASTOCR_MODULE_SUFFIX;
}

const std::vector<EngineRequirements>& known_engines() {
  static const std::vector<EngineRequirements> engines{
      {kNativeEngine, "", "", {}, {}, "", "", false, ""},
      {"openvino",
       engine_library("openvino"),
       "openvino",
       {"openvino"},
       {FASTOCR_OPENVINO_VERSION},
       "libs",
       FASTOCR_OPENVINO_LIBRARY,
       FASTOCR_OPENVINO_LIBRARY_NAMES_VERSION,
       ""},
      {"paddle",
       engine_library("paddle"),
       "paddle",
       {"paddlepaddle", "paddlepaddle-gpu"},
       // For which the declarations in third_party/paddle_inference were checked.
       {"3.2.2", "3.3.1"},
       "base",
       "libpaddle.so",
       false,
       FASTOCR_PADDLE_MISSING},
  };
  return engines;
}

void* open_library(const std::string& engine, const std::string& path) {
  try {
    return load_shared_library(path);
  } catch (const std::runtime_error& error) {
    throw Error(ErrorKind::kEngineUnavailable,
                "engine '" + engine + "': cannot load " + path + ": " + error.what());
  }
}

Engine* create_engine(const std::string& name, const std::string& engine_library,
                      const std::string& dependency) {
  if (name == kNativeEngine) return native::make_engine().release();
  // Loaded first and by its full path: the engine's own reference is then met by its name, wherever
  // the package lies.
  open_library(name, dependency);
  void* handle = open_library(name, engine_library);
  const auto create = reinterpret_cast<CreateEngine>(find_symbol(handle, kCreateEngineSymbol));
  if (create == nullptr) {
    throw Error(ErrorKind::kEngineUnavailable,
                "engine '" + name + "': " + engine_library + " is not an engine of fastocr");
  }
  return create(EngineHost{&log});
}

}  // namespace

const EngineRequirements& engine_requirements(const std::string& name) {
  for (const auto& engine : known_engines()) {
    if (engine.engine == name) return engine;
  }
  throw Error(ErrorKind::kInvalidOption, "unknown engine '" + name + "'");
}

std::vector<std::string> engine_names() {
  std::vector<std::string> names;
  for (const auto& engine : known_engines()) names.push_back(engine.engine);
  return names;
}

Engine& load_engine(const std::string& name, const std::string& engine_library,
                    const std::string& dependency) {
  static std::mutex mutex;
  // Never destroyed: engines have threads of their own that may outlive static objects at exit.
  static auto& loaded = *new std::map<std::string, Engine*>();
  const std::lock_guard lock(mutex);
  auto& engine = loaded[engine_requirements(name).engine];
  if (engine == nullptr) engine = create_engine(name, engine_library, dependency);
  return *engine;
}

}  // namespace fastocr
