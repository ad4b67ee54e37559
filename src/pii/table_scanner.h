// Personal data in a table of comma-separated values (RFC 4180; the delimiter may as well be a semicolon or a tab):
// what the first row calls a column is known of each cell below it.
//
// Two scanners look. One goes over the text as it stands, as everywhere. The other gets each row as "column: cell"
// paragraphs, quotation marks undone, so that a word such as "dob" stands before every date of its column; what it
// finds comes first where both find something, and never reaches over a cell's end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pii/scanner.h"

namespace freehold::pii {

// Whether a file is a table by its name: .csv, .tsv or .tab.
bool is_table(std::string_view path);

// As Scanner, with places in the text as it came. Memory: the findings and the row that has not ended.
class TableScanner {
 public:
  explicit TableScanner(Profile profile) : profile_(profile), plain_(profile) {}

  void feed(std::string_view chunk, std::vector<Finding>& out);
  void finish(std::vector<Finding>& out);
  std::uint64_t decided() const;

 private:
  struct Cell {
    std::string text;
    // Where the bytes of `text` came from: from the first on, byte by byte, until the next.
    std::vector<std::pair<std::size_t, std::uint64_t>> places;
    std::uint64_t place_of(std::size_t at) const;
  };
  void look(bool final);
  void look_at_row(std::string_view row);
  void begin_columns(const std::vector<Cell>& row);
  std::vector<Cell> cells_of(std::string_view row) const;
  void merge(std::vector<Finding>& out);

  Profile profile_;
  Scanner plain_;
  std::vector<Finding> of_text_, of_cells_;  // not given out yet
  std::uint64_t given_ = 0;                  // the end of the last that was
  std::string held_;                         // from the beginning of the row that has not ended
  std::uint64_t begin_ = 0;                  // of held_
  std::size_t at_ = 0;                       // in held_: how far it was looked for the row's end
  bool quoted_ = false;                      // at_ is between quotation marks
  bool closed_ = false, fresh_ = true;       // behind one that has closed; at a cell's beginning
  bool first_ = true;
  bool broken_ = false;  // no table after all: a row that does not end
  char delimiter_ = ',';
  std::vector<std::string> columns_;  // what each is called; empty: nothing that tells
};

}  // namespace freehold::pii
