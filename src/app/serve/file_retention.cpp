// The part of FileStore for who lets go of what was kept for long enough.
#include <soci/soci.h>

#include "app/serve/file_rows.h"

namespace freehold::app {

Result<std::vector<FileStore::Left>> FileStore::all_files() {
  const std::lock_guard lock(mutex_);
  return database_.run([&](soci::session& s) -> Result<std::vector<Left>> {
    std::vector<Left> out;
    Left row;
    long long created = 0;
    soci::statement select =
        (s.prepare << "SELECT id, tenant, label, created_at FROM files WHERE deleted = 0 ORDER BY number",
         soci::into(row.id), soci::into(row.tenant), soci::into(row.label), soci::into(created));
    select.execute();
    while (select.fetch()) {
      row.created_at = created;
      out.push_back(row);
    }
    return out;
  });
}

Result<std::vector<FileStore::Left>> FileStore::all_batches() {
  const std::lock_guard lock(mutex_);
  return database_.run([&](soci::session& s) -> Result<std::vector<Left>> {
    std::vector<Left> out;
    std::string text, tenant;
    int open = 0;
    soci::statement select = (s.prepare << "SELECT record, tenant, open FROM batches ORDER BY number", soci::into(text),
                              soci::into(tenant), soci::into(open));
    select.execute();
    while (select.fetch()) {
      FH_TRY(const BatchRecord record, read_record(text));
      out.push_back({record.batch.id, tenant, record.label, record.batch.created_at, open != 0,
                     record.batch.metadata != "null" || !record.batch.errors.empty()});
    }
    return out;
  });
}

Result<> FileStore::drop_words(const std::string& batch) {
  const std::lock_guard lock(mutex_);
  FH_TRY_VOID(database_.transaction([&](soci::session& s) -> Result<> {
    FH_TRY(auto record, load_batch(s, batch));
    if (!record || !is_over(record->batch.status)) return {};
    record->batch.metadata = "null";
    record->batch.errors.clear();  // which may quote a line
    const std::string text = record_json(*record);
    s << "UPDATE batches SET record = :record WHERE id = :id", soci::use(text), soci::use(batch);
    return {};
  }));
  return database_.flush();
}

Result<> FileStore::remove_batch(const std::string& id) {
  const std::lock_guard lock(mutex_);
  FH_TRY_VOID(database_.transaction([&](soci::session& s) -> Result<> {
    s << "DELETE FROM batches WHERE id = :id AND open = 0", soci::use(id);
    return {};
  }));
  return database_.flush();
}

}  // namespace freehold::app
