// The text that recognisers look at: the end of what has arrived is not the end of the text, and who reads past it is
// told.
//
// This is what makes a stream give the same findings as the whole text, however it is cut: a decision is kept only if
// no byte was asked for that has not arrived (starved() is false); otherwise it is made again when there is more. No
// recogniser needs to know about streams.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace freehold::pii {

// ASCII's letters and digits as bits, by byte.
inline constexpr unsigned char kDigitByte = 1, kLetterByte = 2, kHexByte = 4;
inline constexpr auto kByteKinds = [] {
  std::array<unsigned char, 256> out{};
  for (unsigned c = '0'; c <= '9'; ++c) out[c] = kDigitByte | kHexByte;
  for (unsigned c = 'a'; c <= 'z'; ++c) out[c] = out[c - 0x20] = c <= 'f' ? kLetterByte | kHexByte : kLetterByte;
  return out;
}();

constexpr bool is_digit(unsigned char c) {
  return static_cast<unsigned char>(c - '0') < 10;
}
constexpr bool is_alphanumeric(unsigned char c) {  // ASCII
  return (kByteKinds[c] & (kDigitByte | kLetterByte)) != 0;
}
constexpr bool is_upper(unsigned char c) {  // ASCII
  return c >= 'A' && c <= 'Z';
}
constexpr bool is_hex(unsigned char c) {
  return (kByteKinds[c] & kHexByte) != 0;
}

class WordMemo;

class Text {
 public:
  // `final`: nothing follows. Positions are those of `bytes`. `memo`: words of them that were read already (word.h).
  Text(std::string_view bytes, bool final, WordMemo* memo = nullptr) : bytes_(bytes), memo_(memo), final_(final) {}

  // The byte at `i`, 0 past the end.
  unsigned char operator[](std::size_t i) const {
    if (i < bytes_.size()) [[likely]]
      return static_cast<unsigned char>(bytes_[i]);
    return past_end();
  }
  // The byte `back` before `i`, 0 before the beginning. At most kHistory back: a stream forgets what is older.
  unsigned char before(std::size_t i, std::size_t back) const {
    return back <= i ? static_cast<unsigned char>(bytes_[i - back]) : 0;
  }
  const unsigned char* data() const { return reinterpret_cast<const unsigned char*>(bytes_.data()); }
  std::string_view part(std::size_t begin, std::size_t end) const { return bytes_.substr(begin, end - begin); }
  std::size_t size() const { return bytes_.size(); }
  bool final() const { return final_; }
  WordMemo* memo() const { return memo_; }
  // Whether `word` stands at `i`, upper case or lower; it is lower-case ASCII.
  bool has(std::size_t i, std::string_view word) const {
    for (std::size_t k = 0; k < word.size(); ++k) {
      const unsigned char c = (*this)[i + k];
      if (c != static_cast<unsigned char>(word[k]) && (c | 0x20) != static_cast<unsigned char>(word[k])) return false;
    }
    return true;
  }

  bool starved() const { return starved_; }
  void feed_again() const { starved_ = false; }

 private:
  [[gnu::noinline]] unsigned char past_end() const {
    starved_ = starved_ || !final_;
    return 0;
  }

  std::string_view bytes_;
  WordMemo* memo_;
  bool final_;
  mutable bool starved_ = false;
};

// Bytes before the current position that a stream keeps.
inline constexpr std::size_t kHistory = 8;

}  // namespace freehold::pii
