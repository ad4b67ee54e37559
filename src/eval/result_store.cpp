#include "eval/result_store.h"

#include <soci/soci.h>

#include <chrono>

namespace freehold::eval {
namespace {

const sql::Schema& results_schema() {
  static const sql::Schema kept = {
      "evaluations",
      {{"CREATE TABLE runs (id INTEGER PRIMARY KEY, model TEXT NOT NULL, task TEXT NOT NULL, aspect TEXT NOT NULL, "
        "UNIQUE (model, task, aspect)) STRICT",
        "CREATE TABLE items (run INTEGER NOT NULL REFERENCES runs (id), item INTEGER NOT NULL, value TEXT NOT NULL, "
        "PRIMARY KEY (run, item)) STRICT, WITHOUT ROWID"},
       {"ALTER TABLE runs ADD COLUMN label TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE runs ADD COLUMN recorded INTEGER NOT NULL DEFAULT 0", "UPDATE runs SET recorded = unixepoch()"}}};
  return kept;
}

// The run's number; 0 if there is none.
long long find_run(soci::session& s, const std::string& model, const std::string& task, const std::string& aspect) {
  long long id = 0;
  s << "SELECT id FROM runs WHERE model = :m AND task = :t AND aspect = :a", soci::use(model), soci::use(task),
      soci::use(aspect), soci::into(id);
  return s.got_data() ? id : 0;
}

}  // namespace

Result<ResultStore> ResultStore::open(const std::filesystem::path& file, Clock clock) {
  FH_TRY(auto database, sql::Database::open(file, results_schema(), sql::Open::create, sql::Check::none));
  if (!clock) clock = [] { return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()); };
  return ResultStore(std::move(database), std::move(clock));
}

Result<std::map<std::size_t, std::string>> ResultStore::load(std::string_view model, std::string_view task,
                                                             Aspect aspect) {
  using Items = std::map<std::size_t, std::string>;
  return database_.run([&](soci::session& s) -> Result<Items> {
    Items out;
    const long long run = find_run(s, std::string(model), std::string(task), std::string(name_of(aspect)));
    long long item = 0;
    std::string value;
    soci::statement rows = (s.prepare << "SELECT item, value FROM items WHERE run = :r", soci::use(run),
                            soci::into(item), soci::into(value));
    rows.execute();
    while (rows.fetch()) out[static_cast<std::size_t>(item)] = value;
    return out;
  });
}

Result<> ResultStore::save(std::string_view model, std::string_view task, Aspect aspect,
                           const std::vector<std::pair<std::size_t, std::string>>& items) {
  return database_.transaction([&](soci::session& s) -> Result<> {
    const std::string m(model), t(task), a(name_of(aspect));
    long long run = find_run(s, m, t, a);
    if (run == 0) {
      s << "INSERT INTO runs (model, task, aspect) VALUES (:m, :t, :a)", soci::use(m), soci::use(t), soci::use(a);
      run = find_run(s, m, t, a);
    }
    const long long recorded = clock_();
    s << "UPDATE runs SET recorded = :now, label = CASE WHEN :any = '' THEN label ELSE :label END WHERE id = :r",
        soci::use(recorded), soci::use(label_), soci::use(label_), soci::use(run);
    long long item = 0;
    std::string value;
    soci::statement insert = (s.prepare << "INSERT OR REPLACE INTO items (run, item, value) VALUES (:r, :i, :v)",
                              soci::use(run), soci::use(item), soci::use(value));
    for (const auto& [row, json] : items) {
      item = static_cast<long long>(row);
      value = json;
      insert.execute(true);
    }
    return {};
  });
}

Result<std::optional<ResultStore::Run>> ResultStore::find(std::string_view model, std::string_view task,
                                                          Aspect aspect) {
  long long id = 0;
  FH_TRY_VOID(database_.run([&](soci::session& s) -> Result<> {
    id = find_run(s, std::string(model), std::string(task), std::string(name_of(aspect)));
    return {};
  }));
  FH_TRY(const std::vector<Run> all, runs());
  for (const Run& run : all) {
    if (run.id == id) return std::optional<Run>(run);
  }
  return std::optional<Run>();
}

Result<> ResultStore::drop(std::string_view model, std::string_view task, Aspect aspect) {
  return database_.transaction([&](soci::session& s) -> Result<> {
    const long long run = find_run(s, std::string(model), std::string(task), std::string(name_of(aspect)));
    s << "DELETE FROM items WHERE run = :r", soci::use(run);
    return {};
  });
}

Result<std::vector<ResultStore::Run>> ResultStore::runs() {
  return database_.run([&](soci::session& s) -> Result<std::vector<Run>> {
    std::vector<Run> out;
    Run row;
    long long recorded = 0, items = 0;
    std::string aspect;
    soci::statement rows =
        (s.prepare << "SELECT id, label, recorded, aspect, (SELECT COUNT(*) FROM items WHERE run = id) FROM runs "
                      "ORDER BY id",
         soci::into(row.id), soci::into(row.label), soci::into(recorded), soci::into(aspect), soci::into(items));
    rows.execute();
    while (rows.fetch()) {
      row.recorded = recorded;
      row.words = items > 0 && (aspect == name_of(Aspect::texts) || aspect == name_of(Aspect::verdicts));
      if (items > 0) out.push_back(row);
    }
    return out;
  });
}

Result<> ResultStore::drop_words(long long run) {
  FH_TRY_VOID(database_.transaction([&](soci::session& s) -> Result<> {
    const std::string texts(name_of(Aspect::texts)), verdicts(name_of(Aspect::verdicts));
    s << "DELETE FROM items WHERE run IN (SELECT id FROM runs WHERE id = :r AND aspect IN (:t, :v))", soci::use(run),
        soci::use(texts), soci::use(verdicts);
    return {};
  }));
  return database_.flush();
}

Result<> ResultStore::remove(long long run) {
  FH_TRY_VOID(database_.transaction([&](soci::session& s) -> Result<> {
    s << "DELETE FROM items WHERE run = :r", soci::use(run);
    s << "DELETE FROM runs WHERE id = :r", soci::use(run);
    return {};
  }));
  return database_.flush();
}

}  // namespace freehold::eval
