#include "runtime/shared_library.h"

#include <stdexcept>

#ifdef _WIN32
#define NOMINMAX
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include "runtime/utf8_path.h"
#else
#include <dlfcn.h>
#endif

namespace fastocr {

#ifdef _WIN32

void* load_shared_library(const std::string& path) {
  const HMODULE library =
      LoadLibraryExW(utf8_path(path).make_preferred().c_str(), nullptr,
                     LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_DEFAULT_DIRS);
  if (library == nullptr) {
    throw std::runtime_error("Windows error " + std::to_string(GetLastError()));
  }
  return library;
}

void* find_symbol(void* library, const char* name) {
  return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(library), name));
}

#else

void* load_shared_library(const std::string& path) {
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(dlerror());
  return library;
}

void* find_symbol(void* library, const char* name) { return dlsym(library, name); }

#endif

}  // namespace fastocr
