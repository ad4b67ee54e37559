#include "pii/table_scanner.h"

#include <algorithm>
#include <array>

namespace freehold::pii {
namespace {

constexpr std::size_t kLongestRow = 1 << 20;
constexpr std::size_t kLongestColumn = 64;  // bytes of what a column is called

bool is_letter(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || static_cast<unsigned char>((byte | 0x20) - 'a') < 26;
}

// The one that stands there most outside of quotation marks.
char delimiter_of(std::string_view row) {
  constexpr std::array<char, 3> kDelimiters = {',', ';', '\t'};
  std::array<std::size_t, 3> counts{};
  bool quoted = false;
  for (const char c : row) {
    if (c == '"') quoted = !quoted;
    for (std::size_t i = 0; i < kDelimiters.size(); ++i) counts[i] += !quoted && c == kDelimiters[i];
  }
  return kDelimiters[static_cast<std::size_t>(std::max_element(counts.begin(), counts.end()) - counts.begin())];
}

}  // namespace

bool is_table(std::string_view path) {
  constexpr std::array<std::string_view, 3> kEndings = {".csv", ".tsv", ".tab"};
  return std::any_of(kEndings.begin(), kEndings.end(), [&](std::string_view ending) {
    return path.size() >= ending.size() &&
           std::equal(ending.begin(), ending.end(), path.end() - static_cast<std::ptrdiff_t>(ending.size()),
                      [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b + 32 : b); });
  });
}

std::uint64_t TableScanner::Cell::place_of(std::size_t at) const {
  const auto after = std::upper_bound(places.begin(), places.end(), at,
                                      [](std::size_t wanted, const auto& place) { return wanted < place.first; });
  return std::prev(after)->second + (at - std::prev(after)->first);
}

void TableScanner::feed(std::string_view chunk, std::vector<Finding>& out) {
  plain_.feed(chunk, of_text_);
  if (broken_) {
    begin_ += chunk.size();
  } else {
    held_ += chunk;
    look(false);
  }
  merge(out);
}

void TableScanner::finish(std::vector<Finding>& out) {
  plain_.finish(of_text_);
  look(true);
  merge(out);
}

std::uint64_t TableScanner::decided() const {
  return std::min(plain_.decided(), begin_);
}

// Each row that has ended.
void TableScanner::look(bool final) {
  std::size_t begin = 0;
  for (; at_ < held_.size() && !broken_; ++at_) {
    const char c = held_[at_];
    // One opens a cell at its beginning alone: 5" is a length. Two of them within one are out of it and in again.
    if (c == '"') quoted_ = !quoted_ && (fresh_ || closed_);
    closed_ = c == '"' && !quoted_ && !fresh_ && !closed_;
    fresh_ = !quoted_ && (first_ ? c == ',' || c == ';' || c == '\t' : c == delimiter_);
    if (c != '\n' || quoted_) continue;
    fresh_ = true;
    look_at_row(std::string_view(held_).substr(begin, at_ - begin));
    begin_ += at_ + 1 - begin;
    begin = at_ + 1;
  }
  if (final) {
    look_at_row(std::string_view(held_).substr(begin));
    begin_ += held_.size() - begin;
    begin = held_.size();
  } else if (held_.size() - begin > kLongestRow) {
    broken_ = true;
    begin_ += held_.size() - begin;
    begin = held_.size();
  }
  held_.erase(0, begin);
  at_ -= std::min(at_, begin);
}

// begin_ is the row's.
std::vector<TableScanner::Cell> TableScanner::cells_of(std::string_view row) const {
  std::vector<Cell> out;
  std::size_t at = 0;
  do {
    Cell& cell = out.emplace_back();
    const bool quoted = at < row.size() && row[at] == '"';
    at += quoted;
    cell.places.emplace_back(0, begin_ + at);
    for (; at < row.size(); ++at) {
      if (quoted && row[at] == '"') {
        ++at;  // the end, unless another one follows that is meant
        if (at >= row.size() || row[at] != '"') break;
        cell.text += '"';
        cell.places.emplace_back(cell.text.size(), begin_ + at + 1);
        continue;
      }
      if (!quoted && row[at] == delimiter_) break;
      cell.text += row[at];
    }
    while (at < row.size() && row[at] != delimiter_) ++at;  // what stands behind a quotation mark, and should not
  } while (at++ < row.size());
  if (!out.back().text.empty() && out.back().text.back() == '\r') out.back().text.pop_back();
  return out;
}

void TableScanner::begin_columns(const std::vector<Cell>& row) {
  const bool named = std::all_of(row.begin(), row.end(), [](const Cell& cell) {
    return cell.text.size() <= kLongestColumn && cell.text.find('@') == std::string::npos &&
           (cell.text.empty() || std::any_of(cell.text.begin(), cell.text.end(), is_letter));
  });
  for (const Cell& cell : row) columns_.push_back(named ? cell.text : std::string());
}

void TableScanner::look_at_row(std::string_view row) {
  if (first_) {
    first_ = false;
    if (row.starts_with("\xEF\xBB\xBF")) row.remove_prefix(3);
    delimiter_ = delimiter_of(row);
    return begin_columns(cells_of(row));
  }
  const std::vector<Cell> cells = cells_of(row);
  struct Part {
    std::size_t begin, end;  // of the cell in what is scanned
    const Cell* cell;
  };
  std::vector<Part> parts;
  std::string text;
  for (std::size_t i = 0; i < std::min(cells.size(), columns_.size()); ++i) {
    if (columns_[i].empty() || cells[i].text.empty()) continue;
    text.append(columns_[i]).append(": ");
    const std::size_t begin = text.size();
    text.append(cells[i].text);
    parts.push_back({begin, text.size(), &cells[i]});
    text += "\n\n";
  }
  if (parts.empty()) return;
  std::size_t next = 0;
  for (const Finding& finding : scan(text, profile_)) {
    while (next < parts.size() && parts[next].end <= finding.begin) ++next;
    if (next == parts.size()) break;
    const Part& part = parts[next];
    const auto begin = std::max<std::size_t>(finding.begin, part.begin),
               end = std::min<std::size_t>(finding.end, part.end);
    if (begin >= end) continue;
    of_cells_.push_back({finding.kind, part.cell->place_of(begin - part.begin),
                         part.cell->place_of(end - 1 - part.begin) + 1, finding.score});
  }
}

// What begins before decided(), in order and without overlaps.
void TableScanner::merge(std::vector<Finding>& out) {
  std::vector<Finding> all = of_cells_;
  for (const Finding& found : of_text_) {
    const auto beside = std::upper_bound(of_cells_.begin(), of_cells_.end(), found.begin,
                                         [](std::uint64_t at, const Finding& cell) { return at < cell.end; });
    if (beside == of_cells_.end() || beside->begin >= found.end) all.push_back(found);
  }
  std::sort(all.begin(), all.end(), [](const Finding& a, const Finding& b) { return a.begin < b.begin; });
  const std::uint64_t until = decided();
  for (const Finding& found : all) {
    if (found.begin >= until || found.begin < given_) continue;
    given_ = found.end;
    out.push_back(found);
  }
  const auto gone = [&](const Finding& found) { return found.begin < std::max(until, given_); };
  std::erase_if(of_cells_, gone);
  std::erase_if(of_text_, gone);
}

}  // namespace freehold::pii
