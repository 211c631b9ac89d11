#include <dlfcn.h>

#include <algorithm>
#include <mutex>

#include "fastocr/engine.h"
#include "fastocr/errors.h"
#include "runtime/build_facts.h"
#include "runtime/native/native_engine.h"

namespace fastocr {
namespace {

constexpr const char* kNativeEngine = "native";

const std::vector<EngineRequirements>& known_engines() {
  static const std::vector<EngineRequirements> engines{
      {kNativeEngine, "", "", {}, {}, "", ""},
      {"openvino",
       "libfastocr_openvino.so",
       "openvino",
       {"openvino"},
       {FASTOCR_OPENVINO_VERSION},
       "libs",
       FASTOCR_OPENVINO_LIBRARY,
       true},
      {"paddle",
       "libfastocr_paddle.so",
       "paddle",
       {"paddlepaddle", "paddlepaddle-gpu"},
       // For which the declarations in third_party/paddle_inference were checked.
       {"3.2.2", "3.3.1"},
       "base",
       "libpaddle.so"},
  };
  return engines;
}

void* open_library(const std::string& engine, const std::string& path) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    throw Error(ErrorKind::kEngineUnavailable,
                "engine '" + engine + "': cannot load " + path + ": " + dlerror());
  }
  return handle;
}

Engine* create_engine(const std::string& name, const std::string& engine_library,
                      const std::string& dependency) {
  if (name == kNativeEngine) return native::make_engine().release();
  // Loaded first and by its full path: the engine's own reference is then met by its name, wherever
  // the package lies.
  open_library(name, dependency);
  void* handle = open_library(name, engine_library);
  const auto create = reinterpret_cast<CreateEngine>(dlsym(handle, kCreateEngineSymbol));
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
