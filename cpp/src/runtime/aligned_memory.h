#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>

namespace fastocr {

// Memory aligned for the widest vector instructions.
inline constexpr std::align_val_t kVectorAlignment{64};

struct AlignedDelete {
  void operator()(void* p) const noexcept { ::operator delete[](p, kVectorAlignment); }
};

template <typename T>
using AlignedPointer = std::unique_ptr<T[], AlignedDelete>;

// Room for `count` values of a plain type, which have no value yet.
template <typename T>
AlignedPointer<T> allocate_aligned(std::size_t count) {
  return AlignedPointer<T>(static_cast<T*>(::operator new[](count * sizeof(T), kVectorAlignment)));
}

template <typename T>
class AlignedArray {
 public:
  AlignedArray(std::size_t count, T value) : values_(allocate_aligned<T>(count)) {
    std::fill_n(values_.get(), count, value);
  }

  T& operator[](std::size_t i) { return values_[i]; }
  T* data() { return values_.get(); }
  const T* data() const { return values_.get(); }

 private:
  AlignedPointer<T> values_;
};

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
