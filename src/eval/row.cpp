#include "eval/row.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "eval/literal.h"
#include "format/csv.h"
#include "format/json.h"

namespace freehold::eval {
namespace {

std::string join_with_spaces(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : " ") + item;
  return out;
}

// Nothing for what is no text: null, lists in lists, objects.
bool text_of(const format::Value& value, std::string& out) {
  if (auto s = value.as_string()) {
    out = std::string(*s);
  } else if (auto b = value.as_bool()) {
    out = *b ? "true" : "false";
  } else if (auto n = value.as_u64()) {
    out = std::to_string(*n);
  } else if (auto i = value.as_i64()) {
    out = std::to_string(*i);
  } else if (auto x = value.as_f64()) {
    out = fmt::format("{}", *x);
  } else {
    return false;
  }
  return true;
}

void add_members(Row& row, const format::Value& object, const std::string& prefix) {
  for (const format::Member& member : object.members()) {
    const std::string name = prefix + member.key;
    if (member.value.is_object()) {
      add_members(row, member.value, name + ".");
      continue;
    }
    Field field;
    if (member.value.is_array()) {
      field.is_list = true;
      for (const format::Value& item : member.value.items()) {
        std::string text;
        const bool good = text_of(item, text);
        if (good) field.list.push_back(std::move(text));
        field.has_others |= !good;
      }
      field.text = join_with_spaces(field.list);
    } else {
      text_of(member.value, field.text);  // null is an empty text
    }
    row.fields.emplace_back(name, std::move(field));
  }
}

Result<std::vector<Row>> rows_of_csv(std::string_view content) {
  format::CsvReader reader(content);
  std::vector<std::string> heading, fields;
  FH_TRY(bool any, reader.next(heading));
  if (!any) return fail(Errc::corrupt, "there is no heading");
  for (std::size_t i = 0; i < heading.size(); ++i) {
    if (!heading[i].empty() && std::count(heading.begin(), heading.end(), heading[i]) > 1)
      return fail(Errc::corrupt, fmt::format("two columns are called '{}'", printable(heading[i])));
  }
  std::vector<Row> rows;
  while (true) {
    FH_TRY(any, reader.next(fields));
    if (!any) return rows;
    if (fields.size() != heading.size()) {
      return fail(Errc::corrupt, fmt::format("line {}: {} fields where the heading has {}", reader.line(),
                                             fields.size(), heading.size()));
    }
    Row row{.line = reader.line()};
    for (std::size_t i = 0; i < fields.size(); ++i) row.fields.emplace_back(heading[i], Field{std::move(fields[i])});
    rows.push_back(std::move(row));
  }
}

Result<std::vector<Row>> rows_of_cells(std::string_view content, const std::string& name) {
  FH_TRY(const std::vector<Row> table, rows_of_csv(content));
  std::vector<Row> rows;
  for (const Row& line : table) {
    const Field* cell = line.find(name);
    if (cell == nullptr) return fail(Errc::corrupt, fmt::format("there is no column '{}'", printable(name)));
    if (!cell->text.starts_with('{')) continue;
    auto json = json_of_literal(cell->text);
    auto value = json ? format::parse_json(*json) : Result<format::Value>(tl::unexpected(json.error()));
    if (!value)
      return in_context(std::move(value).error(), fmt::format("line {}, column '{}'", line.line, printable(name)));
    Row row{.line = line.line};
    add_members(row, *value, "");
    rows.push_back(std::move(row));
  }
  return rows;
}

// The next line without its end; false at the end of the text.
bool take_line(std::string_view& rest, std::string_view& line) {
  if (rest.empty()) return false;
  const std::size_t end = rest.find('\n');
  line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return true;
}

Result<std::vector<Row>> rows_of_jsonl(std::string_view content) {
  std::vector<Row> rows;
  std::string_view line;
  for (std::size_t number = 1; take_line(content, line); ++number) {
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    auto value = format::parse_json(line);
    if (!value) return in_context(std::move(value).error(), fmt::format("line {}", number));
    if (!value->is_object()) return fail(Errc::corrupt, fmt::format("line {}: not a JSON object", number));
    Row row{.line = number};
    add_members(row, *value, "");
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<std::vector<Row>> rows_of_lines(std::string_view content, const std::vector<std::string>& names) {
  std::vector<Row> rows;
  std::string_view line;
  Row row;
  for (std::size_t number = 1; take_line(content, line); ++number) {
    if (!is_utf8(line)) return fail(Errc::corrupt, fmt::format("line {}: not UTF-8", number));
    if (row.fields.empty()) row.line = number;
    row.fields.emplace_back(names[row.fields.size()], Field{std::string(line)});
    if (row.fields.size() == names.size()) rows.push_back(std::exchange(row, {}));
  }
  if (row.fields.empty()) return rows;
  return fail(Errc::corrupt, fmt::format("the last row has {} lines, not {}", row.fields.size(), names.size()));
}

}  // namespace

const Field* Row::find(std::string_view name) const {
  for (const auto& [key, field] : fields) {
    if (key == name) return &field;
  }
  return nullptr;
}

Result<DataFormat> data_format_from_name(std::string_view name) {
  if (name == "csv") return DataFormat::csv;
  if (name == "jsonl") return DataFormat::jsonl;
  if (name == "lines") return DataFormat::lines;
  if (name == "text") return DataFormat::text;
  if (name == "cells") return DataFormat::cells;
  return fail(Errc::invalid, fmt::format("format '{}' is none of csv, jsonl, lines, text, cells", printable(name)));
}

Result<std::vector<Row>> parse_rows(std::string_view content, DataFormat format,
                                    const std::vector<std::string>& names) {
  switch (format) {
    case DataFormat::csv:
      return rows_of_csv(content);
    case DataFormat::jsonl:
      return rows_of_jsonl(content);
    case DataFormat::lines:
      return rows_of_lines(content, names);
    case DataFormat::cells:
      return rows_of_cells(content, names.front());
    case DataFormat::text:
      break;
  }
  if (!is_utf8(content)) return fail(Errc::corrupt, "the text is not UTF-8");
  Row row{.line = 1};
  row.fields.emplace_back("text", Field{std::string(content)});
  return std::vector<Row>{std::move(row)};
}

}  // namespace freehold::eval
