// The rows of a data file: named fields, each a text or a list of texts, whatever the file's format.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace freehold::eval {

struct Field {
  std::string text;               // of a list: its items joined by spaces
  std::vector<std::string> list;  // empty unless is_list
  bool is_list = false;
  bool has_others = false;  // the list had items that are no texts (null, lists, objects), which are left out
};

struct Row {
  std::vector<std::pair<std::string, Field>> fields;
  std::size_t line = 0;  // where it begins in the file, from 1

  const Field* find(std::string_view name) const;  // null if there is none
};

enum class DataFormat : std::uint8_t {
  csv,    // RFC 4180 with a heading
  jsonl,  // an object a line: strings, numbers, truths and lists of those; nested objects as "outer.inner"
  lines,  // `names.size()` lines a row, one field each
  text,   // the whole file is one row with the field "text"
  cells,  // CSV: the column that `names` says, a row a cell that is a Python literal of a map; other cells are passed
          // over
};
// "csv", "jsonl", "lines", "text", "cells".
Result<DataFormat> data_format_from_name(std::string_view name);

// `names`: of `lines` and `cells` alone. Errors: corrupt, with the line.
Result<std::vector<Row>> parse_rows(std::string_view content, DataFormat format,
                                    const std::vector<std::string>& names = {});

}  // namespace freehold::eval
