// GPT-2's way to write bytes as printable characters, so that byte-level tokens are text: the 188 printable ones of
// Latin-1 stand for themselves, the other 68 become U+0100 to U+0143 in order. Source: Radford et al. 2019, released
// with GPT-2; used by every byte-level vocabulary since.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace freehold::text {

// The byte that this character stands for; nothing if it stands for none.
std::optional<std::uint8_t> byte_of_character(std::uint32_t code_point);

// The bytes that `token` writes; nothing if it holds a character outside the alphabet or is not UTF-8.
std::optional<std::string> bytes_of_token(std::string_view token);

// The reverse, for tests and listings.
std::string token_of_bytes(std::string_view bytes);

}  // namespace freehold::text
