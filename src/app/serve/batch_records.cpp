// The half of FileStore that keeps batches.
#include <fmt/format.h>
#include <soci/soci.h>

#include "app/serve/file_rows.h"
#include "app/serve/paging.h"
#include "base/random_id.h"

namespace freehold::app {

using api::openai::Batch;

namespace {

constexpr std::int64_t kWindow = 24 * 3600;

}  // namespace

Result<std::optional<Batch>> FileStore::add_batch(const std::string& tenant, const api::openai::NewBatch& wanted,
                                                  const std::string& label) {
  FH_TRY(const auto input, find(tenant, wanted.input_file_id));
  if (!input) return std::optional<Batch>();
  BatchRecord r;
  r.batch.id = "batch_" + random_id();
  r.batch.endpoint = wanted.endpoint;
  r.batch.input_file_id = wanted.input_file_id;
  r.batch.metadata = wanted.metadata;
  r.batch.created_at = now();
  r.batch.expires_at = r.batch.created_at + kWindow;
  r.output_expires_after = wanted.output_expires_after;
  r.output_id = "file-" + random_id();
  r.error_id = "file-" + random_id();
  r.label = label;
  const std::string record = record_json(r);
  const std::lock_guard lock(mutex_);
  // Only if the file is still there.
  FH_TRY(const bool added, database_.transaction([&](soci::session& s) -> Result<bool> {
    long long open = 0;
    s << "SELECT COUNT(*) FROM batches WHERE tenant = :tenant AND open = 1", soci::into(open), soci::use(tenant);
    if (open >= kMostOpenBatches) {
      return fail(Errc::exhausted, fmt::format("batches under way of one key may be {}: wait, or cancel one", open));
    }
    soci::statement insert =
        (s.prepare << "INSERT INTO batches (id, tenant, input, open, record) SELECT :id, :tenant, :input, 1, :record "
                      "WHERE EXISTS (SELECT 1 FROM files WHERE id = :file AND deleted = 0)",
         soci::use(r.batch.id), soci::use(tenant), soci::use(wanted.input_file_id), soci::use(record),
         soci::use(wanted.input_file_id));
    insert.execute(true);
    return insert.get_affected_rows() == 1;
  }));
  return added ? std::optional(std::move(r.batch)) : std::nullopt;
}

Result<std::optional<BatchRecord>> FileStore::load_batch(soci::session& s, const std::string& id) const {
  std::string text, tenant;
  s << "SELECT record, tenant FROM batches WHERE id = :id", soci::into(text), soci::into(tenant), soci::use(id);
  if (!s.got_data()) return std::optional<BatchRecord>();
  FH_TRY(BatchRecord record, read_record(text));
  record.tenant = std::move(tenant);
  return std::optional(std::move(record));
}

Result<std::optional<Batch>> FileStore::find_batch(const std::string& tenant, const std::string& id) {
  const std::lock_guard lock(mutex_);
  return database_.run([&](soci::session& s) -> Result<std::optional<Batch>> {
    FH_TRY(auto record, load_batch(s, id));
    if (!record || record->tenant != tenant) return std::optional<Batch>();
    return std::optional(std::move(record->batch));
  });
}

Result<FileStore::List<Batch>> FileStore::list_batches(const std::string& tenant, const api::openai::Page& page) {
  const std::lock_guard lock(mutex_);
  return database_.run([&](soci::session& s) -> Result<List<Batch>> {
    FH_TRY(const long long after, number_behind(s, "batches", "tenant", tenant, page));
    const long long wanted = static_cast<long long>(page.limit) + 1;
    const soci::rowset<std::string> rows =
        (s.prepare << fmt::format("SELECT record FROM batches WHERE tenant = :tenant AND number {} :after "
                                  "ORDER BY number {} LIMIT :wanted",
                                  page.ascending ? '>' : '<', page.ascending ? "ASC" : "DESC"),
         soci::use(tenant), soci::use(after), soci::use(wanted));
    List<Batch> out;
    for (const std::string& text : rows) {
      if (out.items.size() == page.limit) {
        out.has_more = true;
        break;
      }
      FH_TRY(BatchRecord record, read_record(text));
      out.items.push_back(std::move(record.batch));
    }
    return out;
  });
}

Result<std::optional<BatchRecord>> FileStore::next_batch() {
  const std::lock_guard lock(mutex_);
  return database_.run([&](soci::session& s) -> Result<std::optional<BatchRecord>> {
    // Each tenant's oldest, the oldest first.
    std::string tenant, oldest;
    std::optional<std::string> chosen, whose;
    {
      soci::statement select = (s.prepare << "SELECT tenant, id FROM batches WHERE number IN "
                                             "(SELECT MIN(number) FROM batches WHERE open = 1 GROUP BY tenant) "
                                             "ORDER BY number",
                                soci::into(tenant), soci::into(oldest));
      select.execute();
      while (select.fetch()) {
        const auto turn = [&](const std::string& of) { return turns_.contains(of) ? turns_.at(of) : 0; };
        if (whose && turn(tenant) >= turn(*whose)) continue;
        whose = tenant;
        chosen = oldest;
      }
    }
    if (!chosen) return std::optional<BatchRecord>();
    turns_[*whose] = ++turn_;
    return load_batch(s, *chosen);
  });
}

// The files of a batch that is over become files like others.
Result<> FileStore::publish(soci::session& s, const BatchRecord& r) const {
  const auto add = [&](const std::string& id, std::string_view kind, std::uint64_t bytes) -> Result<> {
    if (id.empty()) return {};
    api::openai::FileObject file{
        id, fmt::format("{}_{}.jsonl", r.batch.id, kind), "batch_output", bytes, clock_(), {}, r.label};
    if (r.output_expires_after) file.expires_at = file.created_at + static_cast<std::int64_t>(*r.output_expires_after);
    return insert_file(s, r.tenant, file);
  };
  FH_TRY_VOID(add(r.batch.output_file_id, "output", r.output_bytes));
  return add(r.batch.error_file_id, "error", r.error_bytes);
}

Result<BatchRecord> FileStore::update_batch(const std::string& id, const std::function<void(BatchRecord&)>& change) {
  const std::lock_guard lock(mutex_);
  bool closed = false;
  FH_TRY(BatchRecord updated, database_.transaction([&](soci::session& s) -> Result<BatchRecord> {
    FH_TRY(auto record, load_batch(s, id));
    if (!record) return fail(Errc::not_found, "there is no such batch");
    const bool was_over = is_over(record->batch.status);
    change(*record);
    if (was_over) return std::move(*record);
    closed = is_over(record->batch.status);
    if (closed) {
      record->batch.output_file_id = record->output_bytes > 0 ? record->output_id : "";
      record->batch.error_file_id = record->error_bytes > 0 ? record->error_id : "";
      FH_TRY_VOID(publish(s, *record));
    }
    const std::string text = record_json(*record);
    const int open = closed ? 0 : 1;
    s << "UPDATE batches SET record = :record, open = :open WHERE id = :id", soci::use(text), soci::use(open),
        soci::use(id);
    return std::move(*record);
  }));
  if (closed) {
    for (const std::string& content : {updated.batch.input_file_id, updated.output_id, updated.error_id}) {
      FH_TRY_VOID(drop_content(content));
    }
  }
  return updated;
}

}  // namespace freehold::app
