// A PDF file (ISO 32000-1) as a report needs it: pages of text in the standard fonts, lines and rectangles, bookmarks,
// a file attached. The same calls give the same bytes. Page content is not compressed, so that whoever checks a report
// finds its words with a text search (docs/formats/audit-report.md). Coordinates are points (1/72 inch) from the top
// left corner of the page, a text's at its base line; A4.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pdf/text.h"

namespace freehold::pdf {

inline constexpr double kPageWidth = 595.28, kPageHeight = 841.89;

struct Colour {  // 0 to 1
  double red = 0, green = 0, blue = 0;
};

class Writer {
 public:
  // `title` as readers show it; `created` in seconds since 1970, UTC.
  Writer(std::string title, std::int64_t created) : title_(std::move(title)), created_(created) {}

  // What follows is drawn on a new page; there is none before the first call.
  void page();
  std::size_t pages() const { return pages_.size(); }
  // What follows is drawn on page `index`, from 0, that is there already: for page numbers.
  void go_to(std::size_t index) { at_ = index; }

  // `text` in bytes of win_ansi(). With `claim`, the text is marked as the figure of this name: letters, digits, '.'.
  void text(double x, double y, Face face, double size, std::string_view text, Colour colour = {},
            std::string_view claim = {});
  void rectangle(double x, double y, double width, double height, Colour colour);
  void line(double x1, double y1, double x2, double y2, double width, Colour colour);
  // An entry of the list beside the pages (UTF-8), that leads to the current page.
  void bookmark(std::string_view title);
  // A file in the file. `type`: of MIME, "application/json".
  void attach(std::string name, std::string type, std::string bytes);

  // The whole file. Once.
  std::string finish();

 private:
  struct Bookmark {
    std::string title;
    std::size_t page;
  };
  struct Attachment {
    std::string name, type, bytes;
  };
  std::string title_;
  std::int64_t created_;
  std::vector<std::string> pages_;  // content streams
  std::size_t at_ = 0;
  std::vector<Bookmark> bookmarks_;
  std::vector<Attachment> attachments_;
};

}  // namespace freehold::pdf
