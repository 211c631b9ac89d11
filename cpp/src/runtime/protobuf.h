#pragma once

// Protobuf's wire format, as far as model files need it. Header only, so that an engine library
// that links nothing of the core can use it too.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "fastocr/errors.h"

namespace fastocr::protobuf {

using Bytes = std::span<const char>;

enum class Wire { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

// One field of a message. Numbers and wire types are those of protobuf's encoding.
struct Field {
  std::uint64_t number = 0;
  Wire wire = Wire::kVarint;
  std::uint64_t value = 0;  // of a varint or fixed field
  Bytes bytes;

  std::int64_t integer() const { return static_cast<std::int64_t>(value); }
  float real() const { return std::bit_cast<float>(static_cast<std::uint32_t>(value)); }
  std::string text() const { return {bytes.begin(), bytes.end()}; }
};

// Takes a message apart, field by field. Throws Error(kModelFormat) where the bytes are none.
class FieldReader {
 public:
  explicit FieldReader(Bytes bytes) : rest_(bytes) {}

  bool next(Field& field) {
    if (rest_.empty()) return false;
    const std::uint64_t key = varint();
    field.number = key >> 3;
    field.wire = static_cast<Wire>(key & 7);
    switch (field.wire) {
      case Wire::kVarint:
        field.value = varint();
        return true;
      case Wire::kFixed64:
        field.value = fixed<std::uint64_t>();
        return true;
      case Wire::kFixed32:
        field.value = fixed<std::uint32_t>();
        return true;
      case Wire::kBytes:
        field.bytes = take(varint());
        return true;
    }
    reject("an unknown protobuf wire type");
  }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    reject("a protobuf number of more than 64 bits");
  }

  template <typename T>
  T fixed() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }

  bool empty() const { return rest_.empty(); }

 private:
  [[noreturn]] static void reject(const char* why) { throw Error(ErrorKind::kModelFormat, why); }

  Bytes take(std::uint64_t count) {
    if (count > rest_.size()) reject("the file is cut off");
    const Bytes taken = rest_.first(static_cast<std::size_t>(count));
    rest_ = rest_.subspan(static_cast<std::size_t>(count));
    return taken;
  }

  Bytes rest_;
};

}  // namespace fastocr::protobuf
