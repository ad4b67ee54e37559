#include "format/csv.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"

namespace freehold::format {

CsvReader::CsvReader(std::string_view text) : text_(text) {
  if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
}

Result<bool> CsvReader::next(std::vector<std::string>& fields) {
  fields.clear();
  while (at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r')) {
    const bool begins_crlf = text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n';
    if (!begins_crlf) ++line_;
    ++at_;
  }
  if (at_ >= text_.size()) return false;
  row_line_ = line_;
  const auto wrong = [&](std::string_view what) {
    return fail(Errc::corrupt, fmt::format("line {}: {}", row_line_, what));
  };
  for (;;) {
    std::string field;
    if (at_ < text_.size() && text_[at_] == '"') {
      for (++at_;; ++at_) {
        const std::size_t quote = text_.find('"', at_);
        if (quote == std::string_view::npos) return wrong("a quote is never closed");
        field.append(text_, at_, quote - at_);
        at_ = quote + 1;
        if (at_ >= text_.size() || text_[at_] != '"') break;
        field += '"';
      }
      if (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n' && text_[at_] != '\r') {
        return wrong("text behind a closing quote");
      }
      for (const char c : field) line_ += c == '\n' ? 1 : 0;
    } else {
      const std::size_t end = std::min(text_.find_first_of(",\n\r", at_), text_.size());
      field = text_.substr(at_, end - at_);
      at_ = end;
    }
    if (!is_utf8(field)) return wrong("not UTF-8");
    fields.push_back(std::move(field));
    if (at_ >= text_.size() || text_[at_] != ',') return true;
    ++at_;
  }
}

}  // namespace freehold::format
