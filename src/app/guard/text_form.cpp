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

constexpr std::uint32_t kReplacement = 0xFFFD;

// How a file is written: the bytes of a unit, their order, and those of its mark.
struct Wide {
  std::size_t width = 1;
  bool big = false;
  std::size_t mark = 0;
};

// What of a file tells how it is written: a text whose first bytes hold no zero is looked at no farther.
constexpr std::size_t kFirstLook = 64, kLook = 512;

bool is_sign_of_text(std::uint32_t unit) {
  return unit >= ' ' || (unit >= '\t' && unit <= '\r');
}

std::uint32_t unit_at(std::string_view bytes, std::size_t width, bool big) {
  std::uint32_t out = 0;
  for (std::size_t k = 0; k < width; ++k) out = out << 8 | static_cast<unsigned char>(bytes[big ? k : width - 1 - k]);
  return out;
}

bool is_character(std::uint32_t value) {
  return value <= 0x10FFFF && (value < 0xD800 || value >= 0xE000);
}

// Whether `first` reads as units of this width and order: no zeros, no controls. Of UTF-16 half are of Latin letters,
// or nearly all of two blocks, one of them that of blanks and digits.
bool reads_as(std::string_view first, std::size_t width, bool big) {
  constexpr std::size_t kLeast = 3;
  const std::size_t units = first.size() / width;
  std::array<std::size_t, 256> blocks{};
  for (std::size_t i = 0; i < units; ++i) {
    const std::uint32_t unit = unit_at(first.substr(i * width, width), width, big);
    if (!is_sign_of_text(unit) || (width == 4 && !is_character(unit))) return false;
    ++blocks[unit >> 8 & 0xFF];
  }
  if (units < kLeast || width == 4) return units >= kLeast;
  const std::size_t latin = blocks[0], other = *std::max_element(blocks.begin() + 1, blocks.end());
  return latin * 2 > units || (latin * 16 >= units && (latin + other) * 8 >= units * 7);
}

Wide wide_form(std::string_view first) {
  using namespace std::string_view_literals;
  if (first.starts_with("\xFF\xFE\x00\x00"sv)) return {4, false, 4};
  if (first.starts_with("\x00\x00\xFE\xFF"sv)) return {4, true, 4};
  if (first.starts_with("\xFF\xFE"sv)) return {2, false, 2};
  if (first.starts_with("\xFE\xFF"sv)) return {2, true, 2};
  if (first.size() >= kFirstLook && first.substr(0, kFirstLook).find('\0') == std::string_view::npos) return {};
  first = first.substr(0, kLook);
  if (first.find('\0') == std::string_view::npos) return {};
  for (const std::size_t width : {std::size_t{4}, std::size_t{2}}) {
    for (const bool big : {false, true}) {
      if (reads_as(first, width, big)) return {width, big, 0};
    }
  }
  return {};
}

// Whether more of the file cannot change what wide_form() says.
bool tells_form(std::string_view first) {
  if (first.size() >= kFirstLook && first.substr(0, kFirstLook).find('\0') == std::string_view::npos) return true;
  return first.size() >= kLook || (first.size() >= 4 && wide_form(first.substr(0, 4)).mark != 0);
}

}  // namespace

bool is_wide(std::string_view first) {
  return wide_form(first).width > 1;
}

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
  if (!is_wide()) return std::string(ascii);
  std::string out(ascii.size() * width_, '\0');
  for (std::size_t i = 0; i < ascii.size(); ++i) out[i * width_ + (big_ ? width_ - 1 : 0)] = ascii[i];
  return out;
}

void TextDecoder::add(std::uint32_t character, std::uint64_t file_bytes) {
  const std::size_t before = out_.size();
  append_utf8(out_, character);
  ran(out_.size() - before, file_bytes);
}

void TextDecoder::unit(unsigned value) {
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

// The file begins so: its form is known from here on.
void TextDecoder::begin(std::string_view first) {
  const Wide form = wide_form(first);
  width_ = form.width;
  big_ = form.big;
  if (!is_wide()) return;
  file_ = form.mark;
  runs_.back() = {0, form.mark, 1, width_};
}

std::string_view TextDecoder::feed(std::string_view piece) {
  if (width_ == 0) {
    rest_ += piece;
    if (!tells_form(rest_)) return {};
    const std::string first = std::exchange(rest_, {});
    begin(first);
    return feed(std::string_view(first).substr(static_cast<std::size_t>(file_)));
  }
  if (!is_wide()) return plain(piece, false);
  out_.clear();
  for (const char c : piece) {
    const std::uint32_t byte = static_cast<unsigned char>(c);
    unit_ = big_ ? unit_ << 8 | byte : unit_ | byte << 8 * unit_has_;
    if (++unit_has_ < width_) continue;
    const std::uint32_t value = std::exchange(unit_, 0);
    unit_has_ = 0;
    if (width_ == 2) {
      unit(value);
    } else {
      add(is_character(value) ? value : kReplacement, 4);
    }
  }
  return out_;
}

std::string_view TextDecoder::finish() {
  std::string text;
  if (width_ == 0) {  // a short file
    const std::string first = std::exchange(rest_, {});
    begin(first);
    text = feed(std::string_view(first).substr(static_cast<std::size_t>(file_)));
  }
  if (is_wide()) {
    out_.clear();
    if (unit_has_ != 0 || high_ != 0) add(kReplacement, (high_ != 0 ? 2U : 0U) + unit_has_);
  } else {
    plain({}, true);
  }
  out_.insert(0, text);
  return out_;
}

}  // namespace freehold::app
