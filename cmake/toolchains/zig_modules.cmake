# Zig does not know Apple's -bundle, with which CMake links modules.
if(APPLE)
  set(CMAKE_SHARED_MODULE_CREATE_CXX_FLAGS -dynamiclib)
endif()
