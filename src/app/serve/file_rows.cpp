#include "app/serve/file_rows.h"

#include <soci/soci.h>

#include <nlohmann/json.hpp>

#include "api/fields.h"

namespace freehold::app {

using api::Json;

api::openai::FileObject FileRow::get() const {
  api::openai::FileObject file{id, filename, purpose, static_cast<std::uint64_t>(bytes), created_at, {}, label};
  if (expires_at != 0) file.expires_at = expires_at;
  return file;
}

Result<Kept> kept_of(soci::session& s, const std::string& tenant) {
  long long bytes = 0, count = 0;
  s << "SELECT COALESCE(SUM(bytes), 0), COUNT(*) FROM files WHERE tenant = :tenant AND deleted = 0", soci::into(bytes),
      soci::into(count), soci::use(tenant);
  return Kept{static_cast<std::uint64_t>(bytes), static_cast<std::uint64_t>(count)};
}

Result<> insert_file(soci::session& s, const std::string& tenant, const api::openai::FileObject& file) {
  const auto bytes = static_cast<long long>(file.bytes);
  const long long created = file.created_at, expires = file.expires_at.value_or(0);
  s << "INSERT INTO files (id, tenant, filename, purpose, bytes, created_at, expires_at, deleted, label) "
       "VALUES (:id, :tenant, :filename, :purpose, :bytes, :created, :expires, 0, :label)",
      soci::use(file.id), soci::use(tenant), soci::use(file.filename), soci::use(file.purpose), soci::use(bytes),
      soci::use(created), soci::use(expires), soci::use(file.label);
  return {};
}

std::string record_json(const BatchRecord& r) {
  return api::dump({{"batch", api::openai::batch_json(r.batch)},
                    {"output_expires_after", r.output_expires_after ? Json(*r.output_expires_after) : Json(nullptr)},
                    {"lines_done", r.lines_done},
                    {"output_bytes", r.output_bytes},
                    {"error_bytes", r.error_bytes},
                    {"output_id", r.output_id},
                    {"error_id", r.error_id},
                    {"label", r.label}});
}

Result<BatchRecord> read_record(const std::string& text) {
  const auto broken = [] { return fail(Errc::corrupt, "files.db holds a batch that was not written by freehold"); };
  const auto root = api::parse_object(text);
  if (!root) return broken();
  api::Fields f(*root);
  BatchRecord r;
  const auto number = [&](std::string_view key, std::uint64_t& into) {
    const auto value = f.integer(key, 0, INT64_MAX);
    if (value && *value) into = static_cast<std::uint64_t>(**value);
    return value && *value;
  };
  const auto batch = f.string("batch"), output = f.string("output_id"), error = f.string("error_id"),
             label = f.string("label");
  const auto expires = f.integer("output_expires_after", 0, INT64_MAX);
  auto read = batch && *batch ? api::openai::read_batch(**batch) : std::nullopt;
  if (!read || !output || !error || !label || !expires || !number("lines_done", r.lines_done) ||
      !number("output_bytes", r.output_bytes) || !number("error_bytes", r.error_bytes)) {
    return broken();
  }
  r.batch = std::move(*read);
  r.output_id = output->value_or("");
  r.error_id = error->value_or("");
  r.label = label->value_or("");
  if (*expires) r.output_expires_after = static_cast<std::uint64_t>(**expires);
  return r;
}

}  // namespace freehold::app
