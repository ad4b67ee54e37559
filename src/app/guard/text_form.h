// What a file is by its first bytes (UTF-8 and the like, UTF-16, or a form that holds its text packed), and its text.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace freehold::app {

// "a PDF", "a zip archive (also of Word, Excel, OpenDocument)"; empty if the text can be read. `first`: the first
// piece.
std::string_view packed_form(std::string_view first);

// Whether a file that begins with `first` is UTF-16 or UTF-32, by its byte order mark or by the places of its zero
// bytes.
bool is_wide(std::string_view first);

// A file's text, in pieces, as UTF-8. UTF-16 and UTF-32 are read as such, half a surrogate pair and what is no
// character becoming U+FFFD; everything else as UTF-8, of which what is none counts as windows-1252 (what most files
// that are not UTF-8 are, ISO-8859-1 included), byte by byte.
class TextDecoder {
 public:
  // The text of the next piece; valid until the next call.
  std::string_view feed(std::string_view piece);
  std::string_view finish();
  // How many bytes were read as windows-1252.
  std::uint64_t foreign() const { return foreign_; }
  // Where in the file a byte of the text came from, of the beginning of a character; to be asked in order.
  std::uint64_t place_of(std::uint64_t in_text);
  // ASCII as the file would have it.
  std::string encoded(std::string_view ascii) const;

 private:
  bool is_wide() const { return width_ > 1; }
  void begin(std::string_view first);
  // From here on so many bytes of the text stand for so many of the file, again and again.
  struct Run {
    std::uint64_t text = 0, file = 0;
    std::uint64_t text_step = 1, file_step = 1;
  };
  void unit(unsigned value);
  void add(std::uint32_t character, std::uint64_t file_bytes);
  void ran(std::uint64_t text_step, std::uint64_t file_step, std::uint64_t times = 1);
  std::string_view plain(std::string_view piece, bool final);

  std::size_t width_ = 0;  // bytes of a unit; 0: not known yet
  bool big_ = false;       // their order
  std::string out_;
  std::string rest_;          // the beginning of a character, or of the file, of which more has to come
  std::uint32_t unit_ = 0;    // what came of a unit
  std::size_t unit_has_ = 0;  // bytes
  unsigned high_ = 0;         // the first half of a pair
  std::uint64_t foreign_ = 0;
  std::deque<Run> runs_ = {Run{}};
  std::uint64_t text_ = 0, file_ = 0;  // bytes so far
};

}  // namespace freehold::app
