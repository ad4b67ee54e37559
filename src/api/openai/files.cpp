#include "api/openai/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "api/fields.h"
#include "base/utf8.h"

namespace freehold::api::openai {
namespace {

constexpr std::array<std::string_view, 6> kPurposes = {"assistants", "batch",     "evals",
                                                       "fine-tune",  "user_data", "vision"};
constexpr std::uint64_t kLeastSeconds = 3600, kMostSeconds = 2'592'000;  // as documented: an hour, 30 days

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return n;
}

}  // namespace

std::string file_json(const FileObject& file) {
  return dump({{"id", file.id},
               {"object", "file"},
               {"bytes", file.bytes},
               {"created_at", file.created_at},
               {"expires_at", file.expires_at ? Json(*file.expires_at) : Json(nullptr)},
               {"filename", file.filename},
               {"purpose", file.purpose},
               {"status", "processed"},
               {"status_details", nullptr}});
}

std::string file_deleted_json(std::string_view id) {
  return dump({{"id", std::string(id)}, {"object", "file"}, {"deleted", true}});
}

Parsed<FileForm> parse_file_form(const std::vector<std::pair<std::string, std::string>>& fields,
                                 std::optional<std::string> filename) {
  FileForm form;
  std::optional<std::string> purpose, anchor, seconds;
  for (const auto& [name, value] : fields) {
    std::optional<std::string>* into = nullptr;
    if (name == "purpose") into = &purpose;
    if (name == "expires_after[anchor]") into = &anchor;
    if (name == "expires_after[seconds]") into = &seconds;
    if (into == nullptr) continue;
    if (*into) return refuse(Problem::invalid, fmt::format("'{}' was sent twice", name), name);
    *into = value;
  }
  if (!filename) return refuse(Problem::invalid, "'file' is required", "file");
  form.filename = filename->empty() ? "upload" : std::move(*filename);
  if (!purpose) return refuse(Problem::invalid, "'purpose' is required", "purpose");
  if (std::find(kPurposes.begin(), kPurposes.end(), *purpose) == kPurposes.end()) {
    return refuse(Problem::invalid,
                  fmt::format("'{}' is not one of {} - 'purpose'", printable(*purpose), fmt::join(kPurposes, ", ")),
                  "purpose");
  }
  form.purpose = std::move(*purpose);
  if (anchor.has_value() != seconds.has_value()) {
    return refuse(Problem::invalid, "'expires_after' needs both 'anchor' and 'seconds'", "expires_after");
  }
  if (anchor && *anchor != "created_at") {
    return refuse(Problem::invalid, "'expires_after.anchor' must be created_at", "expires_after.anchor");
  }
  if (seconds) {
    form.expires_after = whole_number(*seconds);
    if (!form.expires_after || *form.expires_after < kLeastSeconds || *form.expires_after > kMostSeconds) {
      return refuse(
          Problem::invalid,
          fmt::format("'expires_after.seconds' must be an integer from {} to {}", kLeastSeconds, kMostSeconds),
          "expires_after.seconds");
    }
  }
  return form;
}

Parsed<Page> parse_page(const Query& query, std::size_t usual, std::size_t most) {
  Page page{.limit = usual};
  for (const auto& [name, value] : query) {
    if (name == "limit") {
      const auto limit = whole_number(value);
      if (!limit || *limit < 1 || *limit > most) {
        return refuse(Problem::invalid, fmt::format("'limit' must be an integer from 1 to {}", most), "limit");
      }
      page.limit = static_cast<std::size_t>(*limit);
    } else if (name == "order") {
      if (value != "asc" && value != "desc") return refuse(Problem::invalid, "'order' must be asc or desc", "order");
      page.ascending = value == "asc";
    } else if (name == "after") {
      page.after = value;
    } else if (name == "purpose") {
      page.purpose = value;
    }
  }
  return page;
}

std::string list_json(const std::vector<std::pair<std::string, std::string>>& objects, bool has_more) {
  std::string data;
  for (const auto& [id, object] : objects) data += (data.empty() ? "" : ",") + object;
  const auto id_or_null = [&](bool first) {
    return objects.empty() ? std::string("null") : dump(first ? objects.front().first : objects.back().first);
  };
  return fmt::format(R"({{"object":"list","data":[{}],"first_id":{},"last_id":{},"has_more":{}}})", data,
                     id_or_null(true), id_or_null(false), has_more);
}

}  // namespace freehold::api::openai
