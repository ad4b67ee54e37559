// Columns for people: what listings print when no JSON was asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace freehold::app {

enum class Align : bool { left, right };

// A table of any number of rows, in little more memory than its text takes. What as_table says of rows, columns and
// cells is said of these.
class Table {
 public:
  explicit Table(std::vector<Align> columns) : columns_(std::move(columns)), widths_(columns_.size()) {}
  void add(std::span<const std::string> cells);  // one a column
  // Line by line, each with its newline.
  void write(const std::function<void(std::string_view)>& line) const;

 private:
  std::vector<Align> columns_;
  std::vector<std::size_t> widths_;
  std::string text_;                  // the cells, one after the other
  std::vector<std::uint32_t> sizes_;  // of each, in bytes
};

// The first row is the heading. Columns are two spaces apart; lines have no spaces at their end. Widths are counted in
// characters, so cells hold what printable() has passed.
std::string as_table(const std::vector<std::vector<std::string>>& rows, const std::vector<Align>& columns);

}  // namespace freehold::app
