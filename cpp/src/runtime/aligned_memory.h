#pragma once

#include <cstddef>
#include <memory>

#include "fastocr/memory.h"

namespace fastocr {

struct AlignedDelete {
  std::size_t bytes = 0;
  void operator()(void* block) const noexcept { free_block(block, bytes); }
};

template <typename T>
using AlignedPointer = std::unique_ptr<T[], AlignedDelete>;

// Room for `count` values of a plain type, which have no value yet.
template <typename T>
AlignedPointer<T> allocate_aligned(std::size_t count) {
  T* values = BlockAllocator<T>().allocate(count);
  return AlignedPointer<T>(values, AlignedDelete{count * sizeof(T)});
}

// Memory that only grows.
class Buffer {
 public:
  // What it held is lost when it has to grow.
  void reserve(std::size_t bytes) {
    if (bytes <= size_) return;
    bytes_.reset();
    size_ = 0;
    bytes_ = allocate_aligned<std::byte>(bytes);
    size_ = bytes;
  }
  template <typename T>
  T* as() const {
    return reinterpret_cast<T*>(bytes_.get());
  }

 private:
  AlignedPointer<std::byte> bytes_;
  std::size_t size_ = 0;
};

}  // namespace fastocr
