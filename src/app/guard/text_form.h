// What a file is by its first bytes: UTF-8 and the like, UTF-16, or a form that holds its text packed.
#pragma once

#include <string>
#include <string_view>

namespace freehold::app {

// "a PDF", "a zip archive (also of Word, Excel, OpenDocument)"; empty if the text can be read. `first`: the first
// piece.
std::string_view packed_form(std::string_view first);

// UTF-16 with a byte order mark, in pieces, to UTF-8; half a surrogate pair becomes U+FFFD. Other text goes through.
class TextDecoder {
 public:
  // The text of the next piece; valid until the next call.
  std::string_view feed(std::string_view piece);
  std::string_view finish();
  bool is_utf16() const { return order_ == Order::little || order_ == Order::big; }

 private:
  enum class Order { unknown, none, little, big };
  void unit(unsigned value);

  Order order_ = Order::unknown;
  std::string out_;
  unsigned char odd_ = 0;  // the first byte of a unit whose second has not come
  bool has_odd_ = false;
  unsigned high_ = 0;  // the first half of a pair
};

}  // namespace freehold::app
