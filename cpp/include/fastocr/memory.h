#pragma once

#include <cstddef>
#include <limits>
#include <new>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#define FASTOCR_HAS_MMAP 1
#else
#define FASTOCR_HAS_MMAP 0
#endif

namespace fastocr {

// Memory aligned for the widest vector instructions.
inline constexpr std::align_val_t kVectorAlignment{64};

// Blocks of this many bytes and more are pages of their own, which go back to the system at once.
// malloc would keep what a closed pipeline had, up to 64 MB for each thread that ever made one.
inline constexpr std::size_t kLargeBlock = std::size_t{128} << 10;

#if FASTOCR_HAS_MMAP
#ifdef MAP_POPULATE
// All of a block will be used, and pages that come together cost half.
inline constexpr int kBlockFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
#else
inline constexpr int kBlockFlags = MAP_PRIVATE | MAP_ANONYMOUS;
#endif
#endif

// `bytes` of memory without a value, aligned to kVectorAlignment. Throws std::bad_alloc.
inline void* allocate_block(std::size_t bytes) {
#if FASTOCR_HAS_MMAP
  if (bytes >= kLargeBlock) {
    void* block = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, kBlockFlags, -1, 0);
    if (block == MAP_FAILED) throw std::bad_alloc();
    return block;
  }
#endif
  return ::operator new(bytes, kVectorAlignment);
}

// `bytes` as they were asked for.
inline void free_block(void* block, std::size_t bytes) noexcept {
#if FASTOCR_HAS_MMAP
  if (bytes >= kLargeBlock) {
    munmap(block, bytes);
    return;
  }
#endif
  static_cast<void>(bytes);
  ::operator delete(block, kVectorAlignment);
}

// For containers that can become large.
template <typename T>
struct BlockAllocator {
  using value_type = T;

  BlockAllocator() = default;
  template <typename Other>
  BlockAllocator(const BlockAllocator<Other>&) {}  // NOLINT: containers convert allocators

  T* allocate(std::size_t count) {
    if (count > std::numeric_limits<std::size_t>::max() / sizeof(T)) {
      throw std::bad_array_new_length();
    }
    return static_cast<T*>(allocate_block(count * sizeof(T)));
  }
  void deallocate(T* values, std::size_t count) noexcept { free_block(values, count * sizeof(T)); }

  bool operator==(const BlockAllocator&) const = default;
};

template <typename T>
using BlockVector = std::vector<T, BlockAllocator<T>>;

}  // namespace fastocr
