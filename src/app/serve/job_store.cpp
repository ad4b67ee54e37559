#include "app/serve/job_store.h"

#include <fmt/format.h>
#include <soci/soci.h>

#include <map>

#include "app/serve/own_folder.h"
#include "app/serve/paging.h"
#include "base/file.h"
#include "base/file_mode.h"
#include "base/random_id.h"

namespace freehold::app {

namespace fs = std::filesystem;
using api::openai::FineTuningJob;
using api::openai::JobStatus;

namespace {

constexpr int kTries = 50;  // at a folder that whoever still works on the job may write into meanwhile

const sql::Schema kJobs = {
    "fine-tuning jobs",
    {{"CREATE TABLE jobs (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL, "
      "status TEXT NOT NULL, models INTEGER NOT NULL, record TEXT NOT NULL)",
      "CREATE INDEX jobs_by_tenant ON jobs (tenant, number)", "CREATE INDEX jobs_by_status ON jobs (status, number)",
      "CREATE TABLE events (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, job TEXT NOT NULL, "
      "step INTEGER NOT NULL, created_at INTEGER NOT NULL, level TEXT NOT NULL, type TEXT NOT NULL, "
      "message TEXT NOT NULL, data TEXT NOT NULL)",
      "CREATE INDEX events_by_job ON events (job, number)"}}};

// Files that were being written when somebody was killed.
Result<bool> remove_unfinished(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(folder, ec)) {
    if (entry.path().filename().string().starts_with(".tmp-")) found.push_back(entry.path());
  }
  for (const fs::path& path : found) FH_TRY_VOID(remove_file(path));
  return !found.empty();
}

}  // namespace

std::string upload_name(bool validation) {
  return validation ? "validation.upload" : "training.upload";
}

std::string rows_name(bool validation) {
  return validation ? "validation.jsonl" : "training.jsonl";
}

bool JobStore::exists(const fs::path& home) {
  std::error_code ec;
  return fs::exists(home / "fine_tuning.db", ec);
}

Result<std::unique_ptr<JobStore>> JobStore::open(const fs::path& home, Clock clock, Quota quota) {
  const fs::path folder = home / "fine_tuning";
  FH_TRY_VOID(make_directories(folder));
  set_mode(folder, 0700);
  FH_TRY(FolderLock lock, own_folder(folder, "the fine-tuning jobs"));
  FH_TRY(auto database, sql::Database::open(home / "fine_tuning.db", kJobs, sql::Open::create, sql::Check::none));
  auto store =
      std::unique_ptr<JobStore>(new JobStore(folder, std::move(clock), quota, std::move(database), std::move(lock)));
  FH_TRY_VOID(store->sweep());
  return store;
}

Result<std::unique_ptr<JobStore>> JobStore::look(const fs::path& home, Clock clock) {
  FH_TRY(auto database, sql::Database::open(home / "fine_tuning.db", kJobs, sql::Open::existing, sql::Check::none));
  return std::unique_ptr<JobStore>(
      new JobStore(home / "fine_tuning", std::move(clock), {}, std::move(database), std::nullopt));
}

JobStore::JobStore(fs::path folder, Clock clock, Quota quota, sql::Database database, std::optional<FolderLock> lock)
    : folder_(std::move(folder)),
      clock_(std::move(clock)),
      quota_(quota),
      lock_(std::move(lock)),
      database_(std::move(database)) {}

// Folders that nothing leads to: of jobs that were never written down, and of those that are over without a model. And
// what was learned from, of those that are over and have one; of those that go on, files of which nothing came.
Result<> JobStore::sweep() {
  std::map<std::string, std::string> kept;  // and in which status
  FH_TRY_VOID(database_.run([&](soci::session& s) -> Result<> {
    std::string id, status;
    soci::statement select = (s.prepare << "SELECT id, status FROM jobs WHERE models > 0 OR status NOT IN "
                                           "('succeeded', 'failed', 'cancelled')",
                              soci::into(id), soci::into(status));
    select.execute();
    while (select.fetch()) kept[id] = status;
    return {};
  }));
  const auto is_over_in = [](std::string_view status) {
    const auto same = [&](JobStatus over) { return name_of(over) == status; };
    return same(JobStatus::succeeded) || same(JobStatus::failed) || same(JobStatus::cancelled);
  };
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(folder_, ec)) {
    const std::string name = entry.path().filename().string();
    if (name == "lock") continue;
    const auto found = kept.find(name);
    if (found == kept.end()) {
      fs::remove_all(entry.path(), ec);
    } else if (is_over_in(found->second)) {
      (void)remove_lessons(name);  // who erases tries again, and tells
    } else {
      (void)remove_unfinished(entry.path());
      if (found->second == name_of(JobStatus::validating_files)) continue;
      for (const bool validation : {false, true}) (void)remove_file(entry.path() / upload_name(validation));
    }
  }
  return {};
}

// Of a job that is over. True: there was something.
Result<bool> JobStore::remove_lessons(const std::string& id) const {
  const fs::path folder = folder_of(id);
  FH_TRY(bool any, remove_unfinished(folder));
  std::error_code ec;
  for (const bool validation : {false, true}) {
    for (const std::string& name : {upload_name(validation), rows_name(validation)}) {
      if (!fs::exists(folder / name, ec)) continue;
      any = true;
      FH_TRY_VOID(remove_file(folder / name));
    }
  }
  // What a run goes on from.
  for (const char* name : {"checkpoints", "start"}) {
    fs::remove_all(folder / name, ec);
    if (ec) return fail(Errc::io, fmt::format("delete {}: {}", (folder / name).string(), ec.message()));
  }
  return any;
}

Result<> JobStore::check_limits(soci::session& s, const std::string& tenant) const {
  long long own = 0, all = 0;
  s << "SELECT COUNT(*) FROM jobs WHERE tenant = :tenant AND status NOT IN ('succeeded', 'failed', 'cancelled')",
      soci::into(own), soci::use(tenant);
  s << "SELECT COUNT(*) FROM jobs WHERE status NOT IN ('succeeded', 'failed', 'cancelled')", soci::into(all);
  if (own >= kMostOpen) {
    return fail(Errc::exhausted, fmt::format("jobs under way of one key may be {}: wait, or cancel one", kMostOpen));
  }
  if (all >= kMostOpenOfAll) {
    return fail(Errc::exhausted, fmt::format("jobs under way may be {}: wait until one is over", kMostOpenOfAll));
  }
  std::size_t models = 0;
  std::uint64_t bytes = 0;
  const soci::rowset<std::string> records =
      (s.prepare << "SELECT record FROM jobs WHERE tenant = :tenant AND models > 0", soci::use(tenant));
  for (const std::string& text : records) {
    FH_TRY(const JobRecord record, read_job_record(text));
    for (const JobModel& model : record.models) {
      models += model.checkpoint.id.empty() ? 1 : 0;
      bytes += model.bytes;
    }
  }
  if (models >= kMostModels || bytes >= quota_.bytes) {
    return fail(Errc::exhausted,
                fmt::format("models that a key has tuned may be {} in number and have {} bytes: delete one "
                            "(DELETE /v1/models/ft:…)",
                            kMostModels, quota_.bytes));
  }
  return {};
}

Result<JobRecord> JobStore::add(const std::string& tenant, const api::openai::NewJob& wanted, JobRecord r,
                                const std::function<Result<>(const fs::path&)>& fill) {
  FineTuningJob& job = r.job;
  job.id = "ftjob-" + random_id();
  job.training_file = wanted.training_file;
  job.validation_file = wanted.validation_file;
  job.method = wanted.method;
  job.hyperparameters = wanted.hyperparameters;
  job.suffix = wanted.suffix;
  job.metadata = wanted.metadata;
  job.created_at = now();
  r.tenant = tenant;
  const std::lock_guard lock(mutex_);
  FH_TRY_VOID(database_.run([&](soci::session& s) { return check_limits(s, tenant); }));
  const fs::path folder = folder_of(job.id);
  FH_TRY_VOID(make_directories(folder));
  auto filled = fill(folder);
  if (filled) {
    const std::string status(name_of(job.status)), text = record_json(r);
    filled = database_.transaction([&](soci::session& s) -> Result<> {
      s << "INSERT INTO jobs (id, tenant, status, models, record) VALUES (:id, :tenant, :status, 0, :record)",
          soci::use(job.id), soci::use(tenant), soci::use(status), soci::use(text);
      return {};
    });
  }
  if (!filled) {
    std::error_code ec;
    fs::remove_all(folder, ec);
    return tl::unexpected(std::move(filled).error());
  }
  return r;
}

Result<std::optional<JobRecord>> JobStore::load(soci::session& s, const std::string& id) const {
  std::string text, tenant;
  s << "SELECT record, tenant FROM jobs WHERE id = :id", soci::into(text), soci::into(tenant), soci::use(id);
  if (!s.got_data()) return std::optional<JobRecord>();
  FH_TRY(JobRecord record, read_job_record(text));
  record.tenant = std::move(tenant);
  return std::optional(std::move(record));
}

Result<std::optional<JobRecord>> JobStore::find(const std::string& tenant, const std::string& id) {
  const std::lock_guard lock(mutex_);
  return database_.run([&](soci::session& s) -> Result<std::optional<JobRecord>> {
    FH_TRY(auto record, load(s, id));
    if (!record || record->tenant != tenant) return std::optional<JobRecord>();
    return record;
  });
}

Result<JobStore::List<JobRecord>> JobStore::list(const std::string& tenant, const api::openai::JobPage& wanted) {
  const api::openai::Page& page = wanted.page;
  const std::lock_guard lock(mutex_);
  return database_.run([&](soci::session& s) -> Result<List<JobRecord>> {
    FH_TRY(const long long after, number_behind(s, "jobs", "tenant", tenant, page));
    const soci::rowset<std::string> rows =
        (s.prepare << fmt::format(
             "SELECT record FROM jobs WHERE tenant = :tenant AND number {} :after ORDER BY number {}",
             page.ascending ? '>' : '<', page.ascending ? "ASC" : "DESC"),
         soci::use(tenant), soci::use(after));
    List<JobRecord> out;
    for (const std::string& text : rows) {
      FH_TRY(JobRecord record, read_job_record(text));
      if (!fits(wanted, record.job)) continue;
      if (out.items.size() == page.limit) {
        out.has_more = true;
        break;
      }
      out.items.push_back(std::move(record));
    }
    return out;
  });
}

Result<std::vector<JobRecord>> JobStore::with_models() {
  return read_all("WHERE models > 0");
}

Result<std::vector<JobRecord>> JobStore::all() {
  return read_all("");
}

Result<std::vector<JobRecord>> JobStore::read_all(std::string_view which) {
  const std::lock_guard lock(mutex_);
  return database_.run([&](soci::session& s) -> Result<std::vector<JobRecord>> {
    std::vector<JobRecord> out;
    std::string text, tenant;
    soci::statement select = (s.prepare << fmt::format("SELECT record, tenant FROM jobs {} ORDER BY number", which),
                              soci::into(text), soci::into(tenant));
    select.execute();
    while (select.fetch()) {
      FH_TRY(JobRecord record, read_job_record(text));
      record.tenant = tenant;
      out.push_back(std::move(record));
    }
    return out;
  });
}

Result<> JobStore::remove(const std::string& id) {
  const std::lock_guard lock(mutex_);
  FH_TRY(const auto record, database_.run([&](soci::session& s) { return load(s, id); }));
  if (!record || !is_over(record->job.status) || !record->models.empty()) return {};
  // The folder first: whoever is killed behind it finds the job, and does this again.
  std::error_code ec;
  for (int tries = 0; tries < kTries; ++tries) {
    ec.clear();
    fs::remove_all(folder_of(id), ec);
    if (!ec) break;
  }
  if (ec) return fail(Errc::io, fmt::format("delete {}: {}", folder_of(id).string(), ec.message()));
  FH_TRY_VOID(sync_folder(folder_));
  FH_TRY_VOID(database_.transaction([&](soci::session& s) -> Result<> {
    s << "DELETE FROM events WHERE job = :job", soci::use(id);
    s << "DELETE FROM jobs WHERE id = :id", soci::use(id);
    return {};
  }));
  return database_.flush();
}

Result<bool> JobStore::drop_words(const std::string& id) {
  FH_TRY(const bool lessons, drop_lessons(id));
  const std::lock_guard lock(mutex_);
  FH_TRY(const bool dropped, database_.transaction([&](soci::session& s) -> Result<bool> {
    FH_TRY(auto record, load(s, id));
    if (!record || !is_over(record->job.status)) return false;
    long long events = 0;
    s << "SELECT COUNT(*) FROM events WHERE job = :job", soci::into(events), soci::use(id);
    if (events == 0 && record->job.metadata == "null" && record->job.suffix.empty()) return false;
    record->job.metadata = "null";
    record->job.suffix.clear();
    const std::string text = record_json(*record);
    s << "UPDATE jobs SET record = :record WHERE id = :id", soci::use(text), soci::use(id);
    s << "DELETE FROM events WHERE job = :job", soci::use(id);
    return true;
  }));
  if (dropped) FH_TRY_VOID(database_.flush());
  return dropped || lessons;
}

Result<bool> JobStore::drop_lessons(const std::string& id) {
  const std::lock_guard lock(mutex_);
  FH_TRY(const auto record, database_.run([&](soci::session& s) { return load(s, id); }));
  if (!record || !is_over(record->job.status)) return false;
  return remove_lessons(id);
}

Result<std::optional<JobRecord>> JobStore::next(JobStatus status) {
  const std::lock_guard lock(mutex_);
  return database_.run([&](soci::session& s) -> Result<std::optional<JobRecord>> {
    // Each tenant's oldest, the oldest first.
    std::string tenant, oldest;
    std::optional<std::string> chosen, whose;
    const std::string wanted(name_of(status));
    {
      soci::statement select = (s.prepare << "SELECT tenant, id FROM jobs WHERE number IN "
                                             "(SELECT MIN(number) FROM jobs WHERE status = :status GROUP BY tenant) "
                                             "ORDER BY number",
                                soci::into(tenant), soci::into(oldest), soci::use(wanted));
      select.execute();
      while (select.fetch()) {
        const auto turn = [&](const std::string& of) { return turns_.contains(of) ? turns_.at(of) : 0; };
        if (whose && turn(tenant) >= turn(*whose)) continue;
        whose = tenant;
        chosen = oldest;
      }
    }
    if (!chosen) return std::optional<JobRecord>();
    if (status == JobStatus::queued) turns_[*whose] = ++turn_;
    return load(s, *chosen);
  });
}

Result<JobRecord> JobStore::update(const std::string& id, const std::function<void(JobRecord&)>& change) {
  const std::lock_guard lock(mutex_);
  JobStatus before{};
  FH_TRY(JobRecord now, database_.transaction([&](soci::session& s) -> Result<JobRecord> {
    FH_TRY(auto record, load(s, id));
    if (!record) return fail(Errc::not_found, "there is no such job");
    before = record->job.status;
    change(*record);
    const std::string text = record_json(*record), status(name_of(record->job.status));
    const auto models = static_cast<long long>(record->models.size());
    s << "UPDATE jobs SET record = :record, status = :status, models = :models WHERE id = :id", soci::use(text),
        soci::use(status), soci::use(models), soci::use(id);
    return std::move(*record);
  }));
  const JobStatus after = now.job.status;
  const bool runs_on = before == JobStatus::running && after == JobStatus::cancelled;
  // It is over whatever comes of this: what stays is tried again by whoever erases, lets go, or opens the store.
  if (is_over(after) && !is_over(before) && !runs_on) (void)remove_lessons(id);
  return now;
}

Result<> JobStore::add_events(const std::string& job, const std::vector<NewEvent>& events) {
  if (events.empty()) return {};
  const long long created = now();
  const std::lock_guard lock(mutex_);
  return database_.transaction([&](soci::session& s) -> Result<> {
    for (const NewEvent& e : events) {
      const std::string id = "ftevent-" + random_id();
      const auto step = static_cast<long long>(e.step);
      s << "INSERT INTO events (id, job, step, created_at, level, type, message, data) "
           "VALUES (:id, :job, :step, :created, :level, :type, :message, :data)",
          soci::use(id), soci::use(job), soci::use(step), soci::use(created), soci::use(e.level), soci::use(e.type),
          soci::use(e.message), soci::use(e.data);
    }
    return {};
  });
}

Result<> JobStore::forget_events_after(const std::string& job, std::uint64_t step) {
  const auto last = static_cast<long long>(step);
  const std::lock_guard lock(mutex_);
  return database_.transaction([&](soci::session& s) -> Result<> {
    s << "DELETE FROM events WHERE job = :job AND step > :step", soci::use(job), soci::use(last);
    return {};
  });
}

Result<JobStore::List<api::openai::JobEvent>> JobStore::events(const std::string& job, const api::openai::Page& page) {
  const std::lock_guard lock(mutex_);
  return database_.run([&](soci::session& s) -> Result<List<api::openai::JobEvent>> {
    FH_TRY(const long long after, number_behind(s, "events", "job", job, page));
    const long long wanted = static_cast<long long>(page.limit) + 1;
    api::openai::JobEvent row;
    long long created = 0;
    soci::statement select =
        (s.prepare << fmt::format("SELECT id, created_at, level, type, message, data FROM events WHERE job = :job AND "
                                  "number {} :after ORDER BY number {} LIMIT :wanted",
                                  page.ascending ? '>' : '<', page.ascending ? "ASC" : "DESC"),
         soci::into(row.id), soci::into(created), soci::into(row.level), soci::into(row.type), soci::into(row.message),
         soci::into(row.data), soci::use(job), soci::use(after), soci::use(wanted));
    select.execute();
    List<api::openai::JobEvent> out;
    while (select.fetch()) {
      if (out.items.size() == page.limit) {
        out.has_more = true;
        break;
      }
      row.created_at = created;
      out.items.push_back(row);
    }
    return out;
  });
}

}  // namespace freehold::app
