// A report as what is in it: headings, paragraphs, tables, bars. It is written once (report_document.cpp,
// record_document.cpp) and drawn twice, as HTML and as PDF, so the two say the same.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace freehold::app {

struct Text {
  enum class Kind : std::uint8_t {
    heading,     // begins a part
    subheading,  // within one
    paragraph,
    small,      // remarks
    attention,  // what somebody must look at
    code        // lines as they are
  };
  Kind kind = Kind::paragraph;
  std::string text;
};

struct Cell {
  std::string text;
  // The name of the claim whose figure this is ("C12", "C12.3"); empty: words. Marked in the file, so that a program
  // can compare what is shown with what is claimed.
  std::string claim = {};
};

struct Column {
  std::string title;
  double share = 1;  // of the width, among the columns
  bool right = false;
  bool mono = false;
};

struct Grid {
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
};

// Bars over each other, one place a day.
struct Bars {
  std::string title;
  std::vector<std::string> series;
  struct Place {
    std::string label;
    std::vector<std::uint64_t> values;  // one a series
  };
  std::vector<Place> places;
};

using Block = std::variant<Text, Grid, Bars>;

struct Document {
  std::string title, subtitle;
  std::int64_t made = 0;  // seconds since 1970, UTC
  std::string footer;     // of each page on paper
  std::vector<Block> blocks;
  std::string claims;  // JSON that travels with it; empty: none

  void add(Text::Kind kind, std::string text) { blocks.emplace_back(Text{kind, std::move(text)}); }
};

std::string as_html(const Document& document);  // one file, without scripts; loads nothing
std::string as_pdf(const Document& document);   // A4; the claims are attached

}  // namespace freehold::app
