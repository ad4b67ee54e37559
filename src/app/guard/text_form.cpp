#include "app/guard/text_form.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/utf8.h"

namespace freehold::app {

namespace {

// WHATWG, Encoding: index windows-1252.
std::uint32_t from_windows_1252(unsigned char byte) {
  static constexpr std::array<std::uint16_t, 32> kAbove = {
      0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
      0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
      0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};
  return byte >= 0x80 && byte < 0xA0 ? kAbove[byte - 0x80U] : byte;
}

bool is_ascii(std::string_view text) {
  unsigned char all = 0;
  for (const char c : text) all |= static_cast<unsigned char>(c);
  return all < 0x80;
}

}  // namespace

std::string_view packed_form(std::string_view first) {
  using namespace std::string_view_literals;
  struct Form {
    std::string_view magic, name;
  };
  static constexpr Form kForms[] = {
      {"%PDF-"sv, "a PDF"},
      {"PK\x03\x04"sv, "a zip archive, as Word, Excel and OpenDocument write"},
      {"PK\x05\x06"sv, "a zip archive"},
      {"\x1F\x8B"sv, "gzip"},
      {"\xFD\x37zXZ\x00"sv, "xz"},
      {"\x28\xB5\x2F\xFD"sv, "zstd"},
      {"BZh"sv, "bzip2"},
      {"7z\xBC\xAF\x27\x1C"sv, "a 7z archive"},
      {"Rar!\x1A\x07"sv, "a RAR archive"},
      {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, "an old Office document"},
      {"SQLite format 3\x00"sv, "an SQLite database"},
      {"\x89PNG\r\n\x1A\n"sv, "a picture"},
      {"\xFF\xD8\xFF"sv, "a picture"},
  };
  for (const Form& form : kForms) {
    const bool compressed_text = form.magic != "BZh" || (first.size() > 3 && first[3] >= '1' && first[3] <= '9');
    if (first.starts_with(form.magic) && compressed_text) return form.name;
  }
  return {};
}

void TextDecoder::ran(std::uint64_t text_step, std::uint64_t file_step, std::uint64_t times) {
  if (runs_.back().text_step != text_step || runs_.back().file_step != file_step) {
    runs_.push_back({text_, file_, text_step, file_step});
  }
  text_ += text_step * times;
  file_ += file_step * times;
}

std::uint64_t TextDecoder::place_of(std::uint64_t in_text) {
  while (runs_.size() > 1 && runs_[1].text <= in_text) runs_.pop_front();
  const Run& run = runs_.front();
  return run.file + (in_text - run.text) / run.text_step * run.file_step;
}

std::string TextDecoder::encoded(std::string_view ascii) const {
  if (!is_utf16()) return std::string(ascii);
  std::string out;
  for (const char c : ascii) {
    if (order_ == Order::big) out += '\0';
    out += c;
    if (order_ == Order::little) out += '\0';
  }
  return out;
}

void TextDecoder::add(std::uint32_t character, std::uint64_t file_bytes) {
  const std::size_t before = out_.size();
  append_utf8(out_, character);
  ran(out_.size() - before, file_bytes);
}

void TextDecoder::unit(unsigned value) {
  constexpr std::uint32_t kReplacement = 0xFFFD;
  const bool low = value >= 0xDC00 && value < 0xE000;
  if (high_ != 0) {
    const unsigned high = std::exchange(high_, 0);
    if (low) return add(0x10000 + ((high - 0xD800) << 10) + (value - 0xDC00), 4);
    add(kReplacement, 2);
  }
  if (value >= 0xD800 && value < 0xDC00) {
    high_ = value;
  } else {
    add(low ? kReplacement : value, 2);
  }
}

std::string_view TextDecoder::plain(std::string_view piece, bool final) {
  std::string joined;
  if (!rest_.empty()) {
    joined = std::exchange(rest_, {}) + std::string(piece);
    piece = joined;
  }
  const std::size_t whole = final ? piece.size() : complete_utf8_prefix(piece);
  rest_ = piece.substr(whole);
  piece = piece.substr(0, whole);
  if (is_ascii(piece) || is_utf8(piece)) {
    ran(1, 1, piece.size());
    out_ = piece;
    return out_;
  }
  out_.clear();
  while (!piece.empty()) {
    const CodePoint next = decode_utf8(piece);
    if (next.length == 0) {
      ++foreign_;
      add(from_windows_1252(static_cast<unsigned char>(piece[0])), 1);
    } else {
      out_ += piece.substr(0, next.length);
      ran(1, 1, next.length);
    }
    piece.remove_prefix(std::max<std::size_t>(next.length, 1));
  }
  return out_;
}

std::string_view TextDecoder::feed(std::string_view piece) {
  if (order_ == Order::unknown) {
    rest_ += piece;
    if (rest_.size() == 1 && (rest_[0] == '\xFF' || rest_[0] == '\xFE')) return {};
    const std::string first = std::exchange(rest_, {});
    order_ = first.starts_with("\xFF\xFE") ? Order::little : first.starts_with("\xFE\xFF") ? Order::big : Order::none;
    if (order_ == Order::none) return plain(first, false);
    file_ = 2;
    runs_.back() = {0, 2, 1, 2};
    return feed(std::string_view(first).substr(2));
  }
  if (order_ == Order::none) return plain(piece, false);
  out_.clear();
  for (const char c : piece) {
    const auto byte = static_cast<unsigned char>(c);
    if (has_odd_) unit(order_ == Order::little ? odd_ | byte << 8 : odd_ << 8 | byte);
    odd_ = byte;
    has_odd_ = !has_odd_;
  }
  return out_;
}

std::string_view TextDecoder::finish() {
  if (!is_utf16()) return plain({}, true);
  out_.clear();
  if (has_odd_ || high_ != 0) add(0xFFFD, (high_ != 0 ? 2U : 0U) + (has_odd_ ? 1U : 0U));
  return out_;
}

}  // namespace freehold::app
