# Zig as a cross compiler, as the PyPI package ziglang has it (python -m ziglang):
#   cmake --toolchain cmake/toolchains/zig.cmake -DZIG=PATH -DZIG_TARGET=aarch64-macos ...
# or x86_64-windows-gnu. Where wine is found, tests for Windows run under it.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ZIG ZIG_TARGET)
string(REGEX MATCH "^[a-z0-9_]+" CMAKE_SYSTEM_PROCESSOR "${ZIG_TARGET}")
if(ZIG_TARGET MATCHES "macos")
  set(CMAKE_SYSTEM_NAME Darwin)
else()
  set(CMAKE_SYSTEM_NAME Windows)
  find_program(wine NAMES wine wine64 PATHS /usr/lib/wine)
  if(wine)
    set(CMAKE_CROSSCOMPILING_EMULATOR "${wine}")
  endif()
endif()
set(CMAKE_CXX_COMPILER "${ZIG}" c++ --target=${ZIG_TARGET})
# There is no program ar for these formats.
set(CMAKE_CXX_ARCHIVE_CREATE "\"${ZIG}\" ar qc <TARGET> <LINK_FLAGS> <OBJECTS>")
set(CMAKE_CXX_ARCHIVE_APPEND "\"${ZIG}\" ar q <TARGET> <LINK_FLAGS> <OBJECTS>")
set(CMAKE_CXX_ARCHIVE_FINISH "\"${ZIG}\" ranlib <TARGET>")
set(CMAKE_USER_MAKE_RULES_OVERRIDE_CXX "${CMAKE_CURRENT_LIST_DIR}/zig_modules.cmake")
