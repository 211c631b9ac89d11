#pragma once

#include <string>

namespace fastocr {

// What was built and how, for reports of problems.
struct BuildInfo {
  std::string version;     // as in pyproject.toml
  std::string commit;      // 12 hexadecimal digits, "-modified" after them; "unknown" outside Git
  std::string compiler;    // name and version
  std::string build_type;  // CMake's, with the sanitizers
  std::string target;      // operating system and processor, as CMake names them
};

const BuildInfo& build_info();

}  // namespace fastocr
