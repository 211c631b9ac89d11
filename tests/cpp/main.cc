// First, as Zig's headers for macOS define nothing where <cmath> is before it.
#include <cfloat>

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
