// OpenAI's files (platform.openai.com/docs/api-reference/files), and the pages in which lists of objects are given out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/call.h"

namespace freehold::api::openai {

struct FileObject {
  std::string id;  // file-…
  std::string filename;
  std::string purpose;
  std::uint64_t bytes = 0;
  std::int64_t created_at = 0;             // Unix seconds, as all times here
  std::optional<std::int64_t> expires_at;  // then it is gone
  std::string label = {};                  // of what is in it (guard/policy.h); not shown
};
std::string file_json(const FileObject& file);
std::string file_deleted_json(std::string_view id);

// The fields of an upload beside the file itself, in any order.
struct FileForm {
  std::string filename;
  std::string purpose;
  std::optional<std::uint64_t> expires_after;  // seconds after created_at
};
// `filename`: nothing if there was no file. Failures name the field.
Parsed<FileForm> parse_file_form(const std::vector<std::pair<std::string, std::string>>& fields,
                                 std::optional<std::string> filename);

// What part of a list is wanted. Newest first unless `ascending`.
struct Page {
  std::size_t limit = 0;
  std::string after;  // an id: begin behind it; empty: at the beginning
  bool ascending = false;
  std::string purpose;  // only these; empty: all
};
using Query = std::vector<std::pair<std::string, std::string>>;
Parsed<Page> parse_page(const Query& query, std::size_t usual, std::size_t most);
// `objects`: JSON texts with their ids, of the page alone.
std::string list_json(const std::vector<std::pair<std::string, std::string>>& objects, bool has_more);

}  // namespace freehold::api::openai
