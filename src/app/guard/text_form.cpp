#include "app/guard/text_form.h"

#include "base/utf8.h"

namespace freehold::app {

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

void TextDecoder::unit(unsigned value) {
  constexpr std::uint32_t kReplacement = 0xFFFD;
  const bool low = value >= 0xDC00 && value < 0xE000;
  if (high_ != 0) {
    append_utf8(out_, low ? 0x10000 + ((high_ - 0xD800) << 10) + (value - 0xDC00) : kReplacement);
    high_ = 0;
    if (low) return;
  }
  if (value >= 0xD800 && value < 0xDC00) {
    high_ = value;
  } else {
    append_utf8(out_, low ? kReplacement : value);
  }
}

std::string_view TextDecoder::feed(std::string_view piece) {
  out_.clear();
  if (order_ == Order::unknown) {
    if (has_odd_) {  // a first piece of one byte
      out_ += static_cast<char>(odd_);
      has_odd_ = false;
    }
    out_ += piece;
    if (out_.size() == 1 && (out_[0] == '\xFF' || out_[0] == '\xFE')) {
      odd_ = static_cast<unsigned char>(out_[0]);
      has_odd_ = true;
      return {};
    }
    order_ = out_.starts_with("\xFF\xFE") ? Order::little : out_.starts_with("\xFE\xFF") ? Order::big : Order::none;
    if (order_ == Order::none) return out_;
    const std::string rest = out_.substr(2);
    return feed(rest);
  }
  if (order_ == Order::none) return piece;
  for (const char c : piece) {
    const auto byte = static_cast<unsigned char>(c);
    if (has_odd_) unit(order_ == Order::little ? odd_ | byte << 8 : odd_ << 8 | byte);
    odd_ = byte;
    has_odd_ = !has_odd_;
  }
  return out_;
}

std::string_view TextDecoder::finish() {
  out_.clear();
  if (order_ == Order::unknown && has_odd_) {
    out_ += static_cast<char>(odd_);
  } else if (has_odd_ || high_ != 0) {
    append_utf8(out_, 0xFFFD);
  }
  return out_;
}

}  // namespace freehold::app
