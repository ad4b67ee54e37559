#include "train/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "format/csv.h"
#include "format/json.h"

namespace freehold::train {
namespace {

using format::Member;
using format::Value;
using Format = DatasetSource::Format;
using Take = std::function<Result<>(Row)>;

Result<Format> format_of(const std::filesystem::path& path, Format format) {
  if (format != Format::by_name) return format;
  const std::string name = path.extension().string();
  if (name == ".jsonl" || name == ".json" || name == ".ndjson") return Format::json;
  if (name == ".csv") return Format::csv;
  if (name == ".txt" || name == ".text") return Format::text;
  return fail(Errc::invalid, "its name does not say what it holds: add 'ds_type: json', 'csv' or 'text'");
}

Result<> in_line(Result<> done, std::size_t line) {
  return done ? std::move(done) : Result<>(in_context(done.error(), fmt::format("line {}", line)));
}

Result<Value> parse_object(std::string_view text) {
  FH_TRY(Value value, format::parse_json(text));
  if (!value.is_object()) return fail(Errc::corrupt, fmt::format("not an object but {}", value.describe()));
  return value;
}

// Calls each(line, number) for every line that is not blank.
template <typename Each>
Result<> each_line(std::string_view text, Each each) {
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    FH_TRY_VOID(in_line(each(line, number), number));
  }
  return {};
}

Result<> read_json(std::string_view text, const Take& take) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '[') {
    FH_TRY(const Value list, format::parse_json(text));
    std::size_t number = 0;
    for (Value& item : list.items()) {
      ++number;
      if (!item.is_object())
        return fail(Errc::corrupt, fmt::format("element {}: not an object but {}", number, item.describe()));
      if (auto taken = take({number, std::move(item)}); !taken)
        return in_context(taken.error(), fmt::format("element {}", number));
    }
    return {};
  }
  return each_line(text, [&](std::string_view line, std::size_t number) -> Result<> {
    if (line.size() > kMostRowBytes) {
      return fail(Errc::exhausted, fmt::format("{} bytes are more than the {} of a row", line.size(), kMostRowBytes));
    }
    FH_TRY(Value object, parse_object(line));
    return take({number, std::move(object)});
  });
}

Result<> read_csv(std::string_view text, const Take& take) {
  format::CsvReader reader(text);
  std::vector<std::string> names, fields;
  FH_TRY(const bool any, reader.next(names));
  if (!any) return {};
  if (std::set<std::string>(names.begin(), names.end()).size() != names.size()) {
    return fail(Errc::corrupt, "line 1: two columns have one name");
  }
  for (;;) {
    FH_TRY(const bool more, reader.next(fields));
    if (!more) return {};
    if (fields.size() != names.size()) {
      return fail(Errc::corrupt,
                  fmt::format("line {}: {} fields, but line 1 names {}", reader.line(), fields.size(), names.size()));
    }
    std::vector<Member> members;
    for (std::size_t i = 0; i < names.size(); ++i) members.push_back({names[i], Value::string(std::move(fields[i]))});
    FH_TRY_VOID(in_line(take({reader.line(), Value::object(std::move(members))}), reader.line()));
  }
}

Result<> read_text(std::string_view text, const Take& take) {
  return each_line(text, [&](std::string_view line, std::size_t number) -> Result<> {
    if (!is_utf8(line)) return fail(Errc::corrupt, "not UTF-8");
    std::vector<Member> members;
    members.push_back({"text", Value::string(std::string(line))});
    return take({number, Value::object(std::move(members))});
  });
}

std::optional<std::string> as_text(const Value& value) {
  if (const auto text = value.as_string()) return std::string(*text);
  if (const auto n = value.as_i64()) return fmt::format("{}", *n);
  if (const auto n = value.as_u64()) return fmt::format("{}", *n);
  if (const auto x = value.as_f64()) return fmt::format("{}", *x);
  return std::nullopt;
}

}  // namespace

Result<> read_rows(const std::filesystem::path& path, Format format, const Take& row, std::string* sha256) {
  const auto read = [&]() -> Result<> {
    FH_TRY(const Format kind, format_of(path, format));
    FH_TRY(const MappedFile file, MappedFile::open(path));
    if (file.size() > kMostDataBytes) {
      return fail(Errc::exhausted,
                  fmt::format("{} bytes are more than the {} that are read", file.size(), kMostDataBytes));
    }
    if (sha256 != nullptr) *sha256 = freehold::sha256(file.bytes()).hex();
    std::size_t count = 0;
    const Take take = [&](Row one) {
      ++count;
      return row(std::move(one));
    };
    const std::string_view text = freehold::as_text(file.bytes());
    FH_TRY_VOID(kind == Format::csv    ? read_csv(text, take)
                : kind == Format::text ? read_text(text, take)
                                       : read_json(text, take));
    if (count == 0) return fail(Errc::invalid, "it holds no rows");
    return {};
  };
  auto done = read();
  return done ? std::move(done) : Result<>(in_context(done.error(), printable(path.string())));
}

Result<std::string> text_member(const Row& row, const std::string& name) {
  const Value* member = row.object.member(name);
  if (member == nullptr) {
    std::vector<std::string> names;
    for (const Member& m : row.object.members()) names.push_back(printable(m.key, 40));
    if (names.size() > 12) names.resize(12);
    return fail(Errc::invalid, fmt::format("there is no '{}'; there are {}", printable(name), fmt::join(names, ", ")));
  }
  auto text = as_text(*member);
  if (!text) return fail(Errc::invalid, fmt::format("'{}' is no text but {}", printable(name), member->describe()));
  return std::move(*text);
}

Result<std::string> optional_text_member(const Row& row, const std::string& name) {
  const Value* member = row.object.member(name);
  if (member == nullptr || member->is_null()) return std::string();
  return text_member(row, name);
}

}  // namespace freehold::train
