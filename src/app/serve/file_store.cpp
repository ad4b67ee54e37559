#include "app/serve/file_store.h"

#include <fmt/format.h>
#include <soci/soci.h>

#include <set>

#include "app/serve/file_rows.h"
#include "app/serve/own_folder.h"
#include "app/serve/paging.h"
#include "base/file.h"
#include "base/file_mode.h"
#include "base/random_id.h"

namespace freehold::app {

namespace fs = std::filesystem;
using api::openai::FileObject;

namespace {

// Somebody's list may go on behind a file that has been deleted meanwhile: its row stays for so long, without a name.
constexpr long long kKeepDeleted = 86'400;  // seconds

// `deleted`: 0, or when, in Unix seconds (1 in rows that were written before that was kept).
const sql::Schema kSchema = {
    "files and batches",
    {{"CREATE TABLE files (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL, "
      "filename TEXT NOT NULL, purpose TEXT NOT NULL, bytes INTEGER NOT NULL, created_at INTEGER NOT NULL, "
      "expires_at INTEGER NOT NULL, deleted INTEGER NOT NULL)",
      "CREATE INDEX files_by_tenant ON files (tenant, number)",
      "CREATE TABLE batches (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL, "
      "input TEXT NOT NULL, open INTEGER NOT NULL, record TEXT NOT NULL)",
      "CREATE INDEX batches_by_tenant ON batches (tenant, number)",
      "CREATE INDEX batches_by_open ON batches (open, number)"},
     {"ALTER TABLE files ADD COLUMN label TEXT NOT NULL DEFAULT ''"}}};

constexpr const char* kDue = "deleted = 0 AND expires_at != 0 AND expires_at <= :now";  // of files: have expired

}  // namespace

bool FileStore::exists(const fs::path& home) {
  std::error_code ec;
  return fs::exists(home / "files.db", ec);
}

Result<std::unique_ptr<FileStore>> FileStore::open(const fs::path& home, Clock clock, Quota quota, Holds holds) {
  const fs::path folder = home / "files";
  FH_TRY_VOID(make_directories(folder));
  set_mode(folder, 0700);
  FH_TRY(FolderLock lock, own_folder(folder, "the files and batches"));
  FH_TRY(auto database, sql::Database::open(home / "files.db", kSchema, sql::Open::create, sql::Check::none));
  auto store = std::unique_ptr<FileStore>(
      new FileStore(folder, std::move(clock), quota, std::move(holds), std::move(database), std::move(lock)));
  FH_TRY_VOID(store->finish_erasures());
  FH_TRY_VOID(store->expire());
  FH_TRY_VOID(store->sweep());
  return store;
}

Result<std::unique_ptr<FileStore>> FileStore::look(const fs::path& home, Clock clock) {
  FH_TRY(auto database, sql::Database::open(home / "files.db", kSchema, sql::Open::existing, sql::Check::none));
  return std::unique_ptr<FileStore>(
      new FileStore(home / "files", std::move(clock), {}, {}, std::move(database), std::nullopt));
}

FileStore::FileStore(fs::path folder, Clock clock, Quota quota, Holds holds, sql::Database database,
                     std::optional<FolderLock> lock)
    : folder_(std::move(folder)),
      clock_(std::move(clock)),
      quota_(quota),
      holds_(std::move(holds)),
      lock_(std::move(lock)),
      database_(std::move(database)) {}

// Content that no row names: uploads that broke off, deletions that did.
Result<> FileStore::sweep() {
  std::set<std::string> wanted = {"lock"};
  FH_TRY_VOID(database_.run([&](soci::session& s) -> Result<> {
    const soci::rowset<std::string> kept =
        (s.prepare << "SELECT id FROM files WHERE deleted = 0 UNION SELECT input FROM batches WHERE open = 1");
    wanted.insert(kept.begin(), kept.end());
    const soci::rowset<std::string> open = (s.prepare << "SELECT record FROM batches WHERE open = 1");
    for (const std::string& text : open) {
      FH_TRY(const BatchRecord record, read_record(text));
      wanted.insert(record.output_id);
      wanted.insert(record.error_id);
    }
    return {};
  }));
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(folder_, ec)) {
    if (!wanted.contains(entry.path().filename().string())) FH_TRY_VOID(remove_file(entry.path()));
  }
  return {};
}

std::string FileStore::full() const {
  return fmt::format("the files of a key may have {} bytes together and be {} in number: delete some first",
                     quota_.bytes, quota_.count);
}

Result<Kept> FileStore::kept(const std::string& tenant) {
  const std::lock_guard lock(mutex_);
  return database_.run([&](soci::session& s) { return kept_of(s, tenant); });
}

Result<FileStore::Incoming> FileStore::receive() {
  std::string id = "file-" + random_id();
  FH_TRY(AtomicFile file, AtomicFile::create(folder_ / id, FileAccess::owner));
  return Incoming{std::move(id), std::move(file)};
}

Result<FileObject> FileStore::add(const std::string& tenant, const api::openai::FileForm& form, Incoming incoming,
                                  const std::string& label) {
  FileObject file{incoming.id, form.filename, form.purpose, incoming.file.position(), now(), {}, label};
  if (form.expires_after) file.expires_at = file.created_at + static_cast<std::int64_t>(*form.expires_after);
  FH_TRY_VOID(incoming.file.commit());
  const std::lock_guard lock(mutex_);
  auto added = database_.transaction([&](soci::session& s) -> Result<> {
    FH_TRY(const Kept kept, kept_of(s, tenant));
    if (kept.count >= quota_.count || kept.bytes + file.bytes > quota_.bytes) return fail(Errc::exhausted, full());
    return insert_file(s, tenant, file);
  });
  if (!added) {
    (void)remove_file(path_of(file.id));
    return tl::unexpected(std::move(added).error());
  }
  return file;
}

Result<> FileStore::add_result(const std::string& tenant, const std::string& id, const std::string& filename,
                               const std::string& purpose, std::string_view content, const std::string& label) {
  FH_TRY_VOID(write_file_atomically(path_of(id), content, FileAccess::owner));
  const FileObject file{id, filename, purpose, content.size(), now(), {}, label};
  const std::lock_guard lock(mutex_);
  return database_.transaction([&](soci::session& s) -> Result<> {
    s << "DELETE FROM files WHERE id = :id", soci::use(id);
    return insert_file(s, tenant, file);
  });
}

Result<std::optional<FileObject>> FileStore::find(const std::string& tenant, const std::string& id) {
  const std::lock_guard lock(mutex_);
  return database_.run([&](soci::session& s) -> Result<std::optional<FileObject>> {
    FileRow row;
    const long long time = now();
    s << fmt::format(
        "SELECT {} FROM files WHERE tenant = :tenant AND id = :id AND deleted = 0 "
        "AND (expires_at = 0 OR expires_at > :now)",
        kFileColumns),
        soci::into(row.id), soci::into(row.filename), soci::into(row.purpose), soci::into(row.bytes),
        soci::into(row.created_at), soci::into(row.expires_at), soci::into(row.label), soci::use(tenant), soci::use(id),
        soci::use(time);
    if (!s.got_data()) return std::optional<FileObject>();
    return std::optional(row.get());
  });
}

Result<FileStore::List<FileObject>> FileStore::list(const std::string& tenant, const api::openai::Page& page) {
  const std::lock_guard lock(mutex_);
  return database_.run([&](soci::session& s) -> Result<List<FileObject>> {
    FH_TRY(const long long after, number_behind(s, "files", "tenant", tenant, page));
    const long long time = now(), wanted = static_cast<long long>(page.limit) + 1;
    FileRow row;
    soci::statement select =
        (s.prepare << fmt::format("SELECT {} FROM files WHERE tenant = :tenant AND number {} :after AND deleted = 0 "
                                  "AND (expires_at = 0 OR expires_at > :now) AND (:any = '' OR purpose = :purpose) "
                                  "ORDER BY number {} LIMIT :wanted",
                                  kFileColumns, page.ascending ? '>' : '<', page.ascending ? "ASC" : "DESC"),
         soci::into(row.id), soci::into(row.filename), soci::into(row.purpose), soci::into(row.bytes),
         soci::into(row.created_at), soci::into(row.expires_at), soci::into(row.label), soci::use(tenant),
         soci::use(after), soci::use(time), soci::use(page.purpose), soci::use(page.purpose), soci::use(wanted));
    select.execute();
    List<FileObject> out;
    while (select.fetch()) {
      if (out.items.size() == page.limit) {
        out.has_more = true;
        break;
      }
      out.items.push_back(row.get());
    }
    return out;
  });
}

Result<bool> FileStore::erase(const std::string& tenant, const std::string& id) {
  FH_TRY(const auto found, find(tenant, id));
  if (!found) return false;
  const std::lock_guard lock(mutex_);
  FH_TRY_VOID(database_.transaction([&](soci::session& s) -> Result<> {
    const long long time = now();
    s << "UPDATE files SET deleted = :now, filename = '' WHERE id = :id", soci::use(time), soci::use(id);
    return {};
  }));
  FH_TRY_VOID(drop_content(id));
  FH_TRY_VOID(database_.flush());  // its name, too, out of the journal
  return true;
}

// Of a deleted file, once no batch reads it. With mutex_ held.
Result<> FileStore::drop_content(const std::string& id) {
  FH_TRY(const bool needed, database_.run([&](soci::session& s) -> Result<bool> {
    long long readers = 0, kept = 0;
    s << "SELECT (SELECT COUNT(*) FROM batches WHERE open = 1 AND input = :input), "
         "(SELECT COUNT(*) FROM files WHERE id = :id AND deleted = 0)",
        soci::into(readers), soci::into(kept), soci::use(id), soci::use(id);
    return readers + kept > 0;
  }));
  return needed ? Result<>() : remove_file(path_of(id));
}

Result<> FileStore::expire() {
  Standing standing;
  bool told = !holds_;
  if (holds_) {
    // Only then: who adds a hold waits for those who ask. And before this store's own lock is taken: they may wait.
    FH_TRY(const bool due, any_due());
    if (due) {
      auto holds = holds_();
      told = holds.has_value();
      if (told) standing = std::move(*holds);
    }
  }
  const std::lock_guard lock(mutex_);
  std::vector<std::string> gone;
  FH_TRY_VOID(database_.transaction([&](soci::session& s) -> Result<> {
    const long long time = now();
    if (told) {
      std::string id, tenant, label;
      soci::statement over = (s.prepare << "SELECT id, tenant, label FROM files WHERE " << kDue, soci::into(id),
                              soci::into(tenant), soci::into(label), soci::use(time));
      over.execute();
      while (over.fetch()) {
        if (guard::hold_on(standing.now.holds, {label.empty() ? standing.lowest : label, tenant, ""}) == nullptr)
          gone.push_back(id);
      }
    }
    for (const std::string& id : gone) {
      s << "UPDATE files SET deleted = :now, filename = '' WHERE id = :id", soci::use(time), soci::use(id);
    }
    const long long forgotten = time - kKeepDeleted;
    s << "DELETE FROM files WHERE deleted != 0 AND deleted <= :forgotten", soci::use(forgotten);
    return {};
  }));
  for (const std::string& id : gone) FH_TRY_VOID(drop_content(id));
  return gone.empty() ? Result<>() : database_.flush();
}

Result<bool> FileStore::any_due() {
  const std::lock_guard lock(mutex_);
  return database_.run([&](soci::session& s) -> Result<bool> {
    const long long time = now();
    int any = 0;
    s << "SELECT EXISTS (SELECT 1 FROM files WHERE " << kDue << ")", soci::into(any), soci::use(time);
    return any != 0;
  });
}

}  // namespace freehold::app
