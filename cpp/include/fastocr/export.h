#pragma once

// What crosses the boundary between core and engine libraries, which hide all else: a function that
// a library exports, and a type that both sides must take for the same. Windows compares types by
// name and needs nothing for them.
#ifdef _WIN32
#define FASTOCR_EXPORT __declspec(dllexport)
#define FASTOCR_SHARED_TYPE
#else
#define FASTOCR_EXPORT __attribute__((visibility("default")))
#define FASTOCR_SHARED_TYPE __attribute__((visibility("default")))
#endif
