#pragma once

#include <filesystem>
#include <string>

namespace fastocr {

// Paths are UTF-8 throughout; Windows would take such a text for one of its code page.
inline std::filesystem::path utf8_path(const std::string& path) {
  return std::u8string(path.begin(), path.end());
}

}  // namespace fastocr
