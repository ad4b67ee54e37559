#include "text/byte_alphabet.h"

#include <array>

#include "base/utf8.h"

namespace freehold::text {
namespace {

constexpr bool stands_for_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Tables {
  std::array<std::uint16_t, 256> character{};
  std::array<std::int16_t, 0x144> byte{};
};

constexpr Tables make_tables() {
  Tables t;
  for (auto& b : t.byte) b = -1;
  std::uint16_t next = 0x100;
  for (unsigned b = 0; b < 256; ++b) {
    t.character[b] = stands_for_itself(b) ? static_cast<std::uint16_t>(b) : next++;
    t.byte[t.character[b]] = static_cast<std::int16_t>(b);
  }
  return t;
}

constexpr Tables kTables = make_tables();

}  // namespace

std::optional<std::uint8_t> byte_of_character(std::uint32_t code_point) {
  if (code_point >= kTables.byte.size() || kTables.byte[code_point] < 0) return std::nullopt;
  return static_cast<std::uint8_t>(kTables.byte[code_point]);
}

std::optional<std::string> bytes_of_token(std::string_view token) {
  std::string out;
  out.reserve(token.size());
  while (!token.empty()) {
    CodePoint c = decode_utf8(token);
    if (c.length == 0) return std::nullopt;
    auto byte = byte_of_character(c.value);
    if (!byte) return std::nullopt;
    out += static_cast<char>(*byte);
    token.remove_prefix(c.length);
  }
  return out;
}

std::string token_of_bytes(std::string_view bytes) {
  std::string out;
  for (char c : bytes) append_utf8(out, kTables.character[static_cast<unsigned char>(c)]);
  return out;
}

}  // namespace freehold::text
