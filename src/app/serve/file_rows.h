// The rows of files.db as the two halves of FileStore read and write them.
#pragma once

#include <string>
#include <string_view>

#include "app/serve/file_store.h"

namespace freehold::app {

inline constexpr std::string_view kFileColumns = "id, filename, purpose, bytes, created_at, expires_at, label";

// One row of the table, for SOCI.
struct FileRow {
  std::string id, filename, purpose, label;
  long long bytes = 0, created_at = 0, expires_at = 0;
  api::openai::FileObject get() const;
};
// What a tenant has that is not deleted.
Result<Kept> kept_of(soci::session& s, const std::string& tenant);
Result<> insert_file(soci::session& s, const std::string& tenant, const api::openai::FileObject& file);

std::string record_json(const BatchRecord& record);
// Error: corrupt. The tenant is not part of it.
Result<BatchRecord> read_record(const std::string& text);

}  // namespace freehold::app
