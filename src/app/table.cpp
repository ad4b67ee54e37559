#include "app/table.h"

#include <algorithm>

namespace freehold::app {
namespace {

std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

std::string as_table(const std::vector<std::vector<std::string>>& rows, const std::vector<Align>& columns) {
  std::vector<std::size_t> width(columns.size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < columns.size(); ++i) width[i] = std::max(width[i], width_of(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const std::string padding(width[i] - width_of(row[i]), ' ');
      line += columns[i] == Align::right ? padding + row[i] + "  " : row[i] + padding + "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace freehold::app
