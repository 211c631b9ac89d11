#pragma once

#include <string>

namespace fastocr {

// A library that is loaded while the program runs, for good. Libraries it needs are looked for
// beside it on Windows too. Throws std::runtime_error with the system's reason.
void* load_shared_library(const std::string& path);

// Null if it has nothing of this name.
void* find_symbol(void* library, const char* name);

}  // namespace fastocr
