#include "guard/label_book.h"

#include <soci/soci.h>

#include <algorithm>
#include <chrono>
#include <mutex>

#include "guard/schema.h"
#include "sql/database.h"

namespace freehold::guard {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr nanoseconds kLookAgainAtLabels = milliseconds(250);

// For SOCI.
struct LabelRow {
  std::string subject, ceiling, label, content;
  soci::indicator has_ceiling = soci::i_null, has_label = soci::i_null;

  explicit LabelRow(const Labelled& row = {})
      : subject(row.subject),
        ceiling(row.ceiling.value_or("")),
        label(row.label.value_or("")),
        content(row.content),
        has_ceiling(row.ceiling ? soci::i_ok : soci::i_null),
        has_label(row.label ? soci::i_ok : soci::i_null) {}
  Labelled get() const {
    return {subject, has_ceiling == soci::i_ok ? std::optional(ceiling) : std::nullopt,
            has_label == soci::i_ok ? std::optional(label) : std::nullopt, content};
  }
};

std::vector<Labelled> read_rows(soci::session& s) {
  LabelRow row;
  soci::statement statement =
      (s.prepare << "SELECT subject, ceiling, label, content FROM labels ORDER BY subject", soci::into(row.subject),
       soci::into(row.ceiling, row.has_ceiling), soci::into(row.label, row.has_label), soci::into(row.content));
  statement.execute();
  std::vector<Labelled> out;
  while (statement.fetch()) out.push_back(row.get());
  return out;
}

void write_row(soci::session& s, const Labelled& labelled) {
  LabelRow row(labelled);
  s << "DELETE FROM labels WHERE subject = :subject", soci::use(row.subject);
  if (!labelled.ceiling && !labelled.label) return;
  s << "INSERT INTO labels (subject, ceiling, label, content) VALUES (:subject, :ceiling, :label, :content)",
      soci::use(row.subject), soci::use(row.ceiling, row.has_ceiling), soci::use(row.label, row.has_label),
      soci::use(row.content);
}

}  // namespace

namespace {

bool is_one_of(const std::vector<std::string>& contents, const std::string& text) {
  return !text.empty() && std::find(contents.begin(), contents.end(), text) != contents.end();
}

bool is_itself(const Labelled& row, std::string_view name, const std::vector<std::string>& contents) {
  return (!name.empty() && row.subject == name) || is_one_of(contents, row.subject);
}

}  // namespace

std::vector<Labelled> limits_of(const std::vector<Labelled>& all, std::string_view name,
                                const std::vector<std::string>& contents) {
  std::vector<Labelled> out;
  const auto own = std::find_if(all.begin(), all.end(), [&](const Labelled& row) { return row.subject == name; });
  const bool named = !name.empty() && own != all.end() && own->ceiling;
  for (const Labelled& row : all) {
    const bool sibling = !named && is_one_of(contents, row.content);
    if (row.ceiling && (is_itself(row, name, contents) || sibling)) out.push_back(row);
  }
  return out;
}

Bounds bounds_of(const std::vector<Labelled>& all, std::string_view name, const std::vector<std::string>& contents) {
  Bounds out;
  for (const Labelled& row : limits_of(all, name, contents)) out.ceilings.push_back(*row.ceiling);
  for (const Labelled& row : all) {
    const bool holds = is_itself(row, name, contents) || is_one_of(contents, row.content);
    if (row.label && holds) out.labels.push_back(*row.label);
  }
  return out;
}

struct LabelBook::State {
  std::filesystem::path home;
  SteadyClock clock;

  std::mutex mutex;  // guards what follows
  std::optional<sql::Database> database;
  long long version = -1;  // SQLite's begin at 1
  std::optional<nanoseconds> looked;
  std::vector<Labelled> rows;

  Result<> open(sql::Open how) {
    if (database) return {};
    FH_TRY(sql::Database opened, sql::Database::open(keys_path(home), keys_schema(), how, sql::Check::none));
    database.emplace(std::move(opened));
    return {};
  }
  // With `mutex` held.
  Result<> look() {
    const nanoseconds now = clock();
    if (looked && now - *looked < kLookAgainAtLabels) return {};
    auto opened = open(sql::Open::existing);
    if (!opened && opened.error().code == Errc::not_found) {
      looked = now;
      return {};  // nothing has been labelled
    }
    FH_TRY_VOID(std::move(opened));
    FH_TRY(const long long now_at, database->data_version());
    if (now_at != version) {
      FH_TRY(rows, database->run([](soci::session& s) -> Result<std::vector<Labelled>> { return read_rows(s); }));
      version = now_at;
    }
    looked = now;
    return {};
  }
  Result<> write(const std::function<Result<>(soci::session&)>& work) {
    FH_TRY_VOID(open(sql::Open::create));
    FH_TRY_VOID(database->transaction(work));
    version = -1;  // its own writes do not change what a connection sees as its version
    looked.reset();
    return {};
  }
};

LabelBook::LabelBook(std::filesystem::path home, SteadyClock clock) : state_(std::make_unique<State>()) {
  state_->home = std::move(home);
  state_->clock = std::move(clock);
}
LabelBook::LabelBook(LabelBook&&) noexcept = default;
LabelBook& LabelBook::operator=(LabelBook&&) noexcept = default;
LabelBook::~LabelBook() = default;

Result<std::vector<Labelled>> LabelBook::all() const {
  const std::lock_guard lock(state_->mutex);
  FH_TRY_VOID(state_->look());
  return state_->rows;
}

Result<Bounds> LabelBook::bounds(std::string_view name, const std::vector<std::string>& contents) const {
  const std::lock_guard lock(state_->mutex);
  FH_TRY_VOID(state_->look());
  return bounds_of(state_->rows, name, contents);
}

Result<> LabelBook::put(const Labelled& row) {
  const std::lock_guard lock(state_->mutex);
  return state_->write([&](soci::session& s) -> Result<> {
    write_row(s, row);
    return {};
  });
}

Result<> LabelBook::raise(const std::string& content, const std::string& label,
                          const std::function<bool(std::string_view, std::string_view)>& higher) {
  const std::lock_guard lock(state_->mutex);
  return state_->write([&](soci::session& s) -> Result<> {
    for (Labelled& row : read_rows(s)) {
      if (row.subject != content) continue;
      if (row.label && !higher(label, *row.label)) return {};
      row.label = label;
      write_row(s, row);
      return {};
    }
    write_row(s, {content, std::nullopt, label, {}});
    return {};
  });
}

}  // namespace freehold::guard
