#include "app/serve/job_store.h"

#include <fmt/format.h>
#include <soci/soci.h>

#include <set>

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

const sql::Schema kJobs = {
    "fine-tuning jobs",
    {{"CREATE TABLE jobs (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL, "
      "status TEXT NOT NULL, models INTEGER NOT NULL, record TEXT NOT NULL)",
      "CREATE INDEX jobs_by_tenant ON jobs (tenant, number)", "CREATE INDEX jobs_by_status ON jobs (status, number)",
      "CREATE TABLE events (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, job TEXT NOT NULL, "
      "step INTEGER NOT NULL, created_at INTEGER NOT NULL, level TEXT NOT NULL, type TEXT NOT NULL, "
      "message TEXT NOT NULL, data TEXT NOT NULL)",
      "CREATE INDEX events_by_job ON events (job, number)"}}};

}  // namespace

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

// Folders that nothing leads to: of jobs that were never written down, and of those that are over without a model.
Result<> JobStore::sweep() {
  std::set<std::string> wanted = {"lock"};
  FH_TRY_VOID(database_.run([&](soci::session& s) -> Result<> {
    const soci::rowset<std::string> kept =
        (s.prepare << "SELECT id FROM jobs WHERE models > 0 OR status NOT IN ('succeeded', 'failed', 'cancelled')");
    wanted.insert(kept.begin(), kept.end());
    return {};
  }));
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(folder_, ec)) {
    if (!wanted.contains(entry.path().filename().string())) fs::remove_all(entry.path(), ec);
  }
  return {};
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
  FH_TRY(const bool removed, database_.transaction([&](soci::session& s) -> Result<bool> {
    FH_TRY(const auto record, load(s, id));
    if (!record || !is_over(record->job.status) || !record->models.empty()) return false;
    s << "DELETE FROM events WHERE job = :job", soci::use(id);
    s << "DELETE FROM jobs WHERE id = :id", soci::use(id);
    return true;
  }));
  if (!removed) return {};
  std::error_code ec;
  fs::remove_all(folder_of(id), ec);  // what is left of it goes when the store is opened
  return database_.flush();
}

Result<bool> JobStore::drop_words(const std::string& id) {
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
  return dropped;
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
  return database_.transaction([&](soci::session& s) -> Result<JobRecord> {
    FH_TRY(auto record, load(s, id));
    if (!record) return fail(Errc::not_found, "there is no such job");
    change(*record);
    const std::string text = record_json(*record), status(name_of(record->job.status));
    const auto models = static_cast<long long>(record->models.size());
    s << "UPDATE jobs SET record = :record, status = :status, models = :models WHERE id = :id", soci::use(text),
        soci::use(status), soci::use(models), soci::use(id);
    return std::move(*record);
  });
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
