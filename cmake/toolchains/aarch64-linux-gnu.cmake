# Debian's compiler for 64-bit ARM (g++-aarch64-linux-gnu); programs run under qemu-user.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64;-L;/usr/aarch64-linux-gnu)
# Headers of packages for all machines, as doctest's, are those of this one.
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
