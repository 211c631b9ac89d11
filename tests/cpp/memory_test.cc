#include "fastocr/memory.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <new>

namespace fastocr {
namespace {

bool is_aligned(const void* block) {
  return reinterpret_cast<std::uintptr_t>(block) % static_cast<std::size_t>(kVectorAlignment) == 0;
}

}  // namespace

TEST_CASE("blocks of all sizes are aligned and can be written to their last byte") {
  for (const std::size_t bytes :
       {std::size_t{1}, std::size_t{63}, kLargeBlock - 1, kLargeBlock, 3 * kLargeBlock + 5}) {
    CAPTURE(bytes);
    auto* block = static_cast<unsigned char*>(allocate_block(bytes));
    CHECK(is_aligned(block));
    block[0] = 1;
    block[bytes - 1] = 2;
    free_block(block, bytes);
  }
}

TEST_CASE("vectors of blocks grow from malloc's memory to pages of their own and back") {
  BlockVector<float> values;
  for (std::size_t i = 0; i < 2 * kLargeBlock / sizeof(float); ++i) {
    values.push_back(static_cast<float>(i % 1000));
  }
  CHECK(is_aligned(values.data()));
  CHECK(values[kLargeBlock / sizeof(float) + 7] == (kLargeBlock / sizeof(float) + 7) % 1000);
  const BlockVector<float> copy = values;
  CHECK(copy == values);
  values.resize(3);
  values.shrink_to_fit();
  CHECK(values == BlockVector<float>{0, 1, 2});
}

TEST_CASE("too much memory is an exception") {
  const std::size_t most = std::numeric_limits<std::size_t>::max();
  CHECK_THROWS_AS(BlockAllocator<float>().allocate(most / 2), std::bad_alloc);
  CHECK_THROWS_AS(allocate_block(most / 4), std::bad_alloc);
}

}  // namespace fastocr
