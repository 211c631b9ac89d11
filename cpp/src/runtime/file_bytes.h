#pragma once

// Header only, so that an engine library that links nothing of the core can use it too.

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>

#include "fastocr/errors.h"
#include "fastocr/memory.h"
#include "runtime/utf8_path.h"

namespace fastocr {

// All of a file. Throws Error(kModelFormat), without the file's name, where it cannot be read.
inline BlockVector<char> read_file(const std::string& name) {
  const std::filesystem::path path = utf8_path(name);
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  // A folder can be opened, too, and has a size that means nothing.
  const bool readable = file && std::filesystem::is_regular_file(path);
  const std::streamoff size = readable ? static_cast<std::streamoff>(file.tellg()) : -1;
  if (size < 0) throw Error(ErrorKind::kModelFormat, "the file cannot be opened");
  BlockVector<char> bytes(static_cast<std::size_t>(size));
  file.seekg(0);
  if (!file.read(bytes.data(), size)) {
    throw Error(ErrorKind::kModelFormat, "the file cannot be read");
  }
  return bytes;
}

}  // namespace fastocr
