#include "app/table.h"

#include <algorithm>

namespace freehold::app {
namespace {

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

void Table::add(std::span<const std::string> cells) {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    widths_[i] = std::max(widths_[i], width_of(cells[i]));
    text_ += cells[i];
    sizes_.push_back(static_cast<std::uint32_t>(cells[i].size()));
  }
}

void Table::write(const std::function<void(std::string_view)>& line) const {
  std::string out;
  std::size_t at = 0;
  for (std::size_t cell = 0; cell < sizes_.size();) {
    out.clear();
    for (std::size_t i = 0; i < columns_.size(); ++i, ++cell) {
      const std::string_view text = std::string_view(text_).substr(at, sizes_[cell]);
      at += sizes_[cell];
      const std::size_t padding = widths_[i] - width_of(text);
      if (columns_[i] == Align::right) out.append(padding, ' ');
      out += text;
      if (columns_[i] == Align::left) out.append(padding, ' ');
      out += "  ";
    }
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
    line(out);
  }
}

std::string as_table(const std::vector<std::vector<std::string>>& rows, const std::vector<Align>& columns) {
  Table table(columns);
  for (const auto& row : rows) table.add(row);
  std::string out;
  table.write([&](std::string_view line) { out += line; });
  return out;
}

}  // namespace freehold::app
