#include "guard/hold_book.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <soci/soci.h>

#include <algorithm>
#include <chrono>
#include <mutex>

#include "base/file.h"
#include "base/file_mode.h"
#include "base/random_id.h"
#include "base/utf8.h"
#include "guard/keys.h"
#include "guard/schema.h"
#include "sql/database.h"

namespace freehold::guard {
namespace {

// The lock beside which holds stand still is in holds/. Whoever wants it passes the gate first; who adds a hold keeps
// the gate shut while it waits, so that it waits for those who are in, not for those who would come after it.
std::filesystem::path holds_folder(const std::filesystem::path& home) {
  return home / "holds";
}
Result<FolderLock> gate(const std::filesystem::path& home, FolderLock::Mode mode, double patience) {
  if (std::error_code ec; !std::filesystem::exists(home, ec)) {
    FH_TRY_VOID(make_directories(home));
    set_mode(home, 0700);  // as the store makes it
  }
  return taken_folder_lock(holds_folder(home) / "gate", mode, patience);
}

constexpr const char* kHoldColumns =
    "id, subjects, label, reason, held_by, since, released, release_reason, released_by";

// For SOCI. Subjects stand one a line: no id has a line feed.
struct HoldRow {
  std::string id, subjects, label, reason, by, release_reason, released_by;
  long long since = 0, released = 0;
  soci::indicator is_released = soci::i_null;

  Hold get() const {
    Hold out{id, {}, label, reason, by, since, {}, release_reason, released_by};
    for (std::string_view rest = subjects; !rest.empty();) {
      const std::size_t end = rest.find('\n');
      out.subjects.emplace_back(rest.substr(0, end));
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
    if (is_released == soci::i_ok) out.released = released;
    return out;
  }
};

std::vector<Hold> read_holds(soci::session& s) {
  HoldRow row;
  soci::statement statement =
      (s.prepare << fmt::format("SELECT {} FROM holds ORDER BY rowid", kHoldColumns), soci::into(row.id),
       soci::into(row.subjects), soci::into(row.label), soci::into(row.reason), soci::into(row.by),
       soci::into(row.since), soci::into(row.released, row.is_released), soci::into(row.release_reason),
       soci::into(row.released_by));
  statement.execute();
  std::vector<Hold> out;
  while (statement.fetch()) out.push_back(row.get());
  return out;
}

}  // namespace

const Hold* hold_on(const std::vector<Hold>& holds, const Holdable& thing) {
  const auto may_be = [](const std::optional<std::string_view>& known, std::string_view wanted) {
    return !known || *known == wanted;
  };
  for (const Hold& hold : holds) {
    if (hold.released) continue;
    if (!hold.label.empty() && may_be(thing.label, hold.label)) return &hold;
    const bool any = std::any_of(hold.subjects.begin(), hold.subjects.end(), [&](const std::string& subject) {
      return may_be(subject.starts_with("sub_") ? thing.subject : thing.key, subject);
    });
    if (any) return &hold;
  }
  return nullptr;
}

const Hold* hold_on_model(const std::vector<Hold>& holds, std::string_view lowest,
                          const std::vector<std::string>& labels) {
  const Hold* found = hold_on(holds, {lowest, "", ""});
  for (auto label = labels.begin(); found == nullptr && label != labels.end(); ++label)
    found = hold_on(holds, {*label, "", ""});
  return found;
}

std::string why_held(const Hold& hold) {
  return fmt::format("it is held ({}, since {:%F}, \"{}\"): freehold guard release {} --reason TEXT lets it go",
                     hold.id, fmt::gmtime(static_cast<std::time_t>(hold.since)), printable(hold.reason, 200), hold.id);
}

struct HoldBook::State {
  std::filesystem::path home;
  std::mutex mutex;  // guards what follows
  std::optional<sql::Database> database;
  long long version = -1;  // SQLite's begin at 1
  std::vector<Hold> holds;

  Result<> open(sql::Open how) {
    if (database) return {};
    FH_TRY(sql::Database opened, sql::Database::open(keys_path(home), keys_schema(), how, sql::Check::none));
    database.emplace(std::move(opened));
    return {};
  }
};

HoldBook::HoldBook(std::filesystem::path home) : state_(std::make_unique<State>()) {
  state_->home = std::move(home);
}
HoldBook::HoldBook(HoldBook&&) noexcept = default;
HoldBook& HoldBook::operator=(HoldBook&&) noexcept = default;
HoldBook::~HoldBook() = default;

Result<std::vector<Hold>> HoldBook::all() const {
  State& state = *state_;
  const std::lock_guard lock(state.mutex);
  auto opened = state.open(sql::Open::existing);
  if (!opened && opened.error().code == Errc::not_found) return std::vector<Hold>();  // nothing was ever held
  if (!opened) return in_context(std::move(opened).error(), "what is held");
  FH_TRY(const long long now, state.database->data_version());
  if (now != state.version) {
    FH_TRY(state.holds,
           state.database->run([](soci::session& s) -> Result<std::vector<Hold>> { return read_holds(s); }));
    state.version = now;
  }
  return state.holds;
}

Result<FolderLock> HoldBook::stand(double patience) const {
  FH_TRY(const FolderLock passing, gate(state_->home, FolderLock::Mode::shared, patience));
  return taken_folder_lock(holds_folder(state_->home), FolderLock::Mode::shared, patience);
}

Result<StandingHolds> HoldBook::standing(double patience) const {
  // The lock first: what is read behind it holds until it is let go.
  FH_TRY(FolderLock still, stand(patience));
  FH_TRY(auto holds, all());
  return StandingHolds{std::make_shared<const FolderLock>(std::move(still)), std::move(holds)};
}

Result<Hold> HoldBook::add(Hold hold, const std::function<void()>& waiting) {
  State& state = *state_;
  const auto begun = std::chrono::steady_clock::now();
  FH_TRY(const FolderLock shut, gate(state.home, FolderLock::Mode::exclusive, kAddPatience));
  const double left = kAddPatience - std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  FH_TRY(const FolderLock still,
         taken_folder_lock(holds_folder(state.home), FolderLock::Mode::exclusive, left, waiting));
  const std::lock_guard lock(state.mutex);
  FH_TRY_VOID(state.open(sql::Open::create));
  hold.id = "hold_" + random_id();
  const std::string subjects = fmt::format("{}", fmt::join(hold.subjects, "\n"));
  const long long since = hold.since;
  state.version = -1;  // its own writes do not change what a connection sees as its version
  FH_TRY_VOID(state.database->transaction([&](soci::session& s) -> Result<> {
    s << "INSERT INTO holds (id, subjects, label, reason, held_by, since, release_reason, released_by) "
         "VALUES (:id, :subjects, :label, :reason, :by, :since, '', '')",
        soci::use(hold.id), soci::use(subjects), soci::use(hold.label), soci::use(hold.reason), soci::use(hold.by),
        soci::use(since);
    return {};
  }));
  return hold;
}

Result<Hold> HoldBook::release(const std::string& id, const std::string& reason, const std::string& by,
                               std::int64_t now) {
  State& state = *state_;
  const std::lock_guard lock(state.mutex);
  const auto unknown = [&] { return fail(Errc::not_found, fmt::format("there is no hold '{}'", printable(id, 60))); };
  auto opened = state.open(sql::Open::existing);
  if (!opened && opened.error().code == Errc::not_found) return unknown();
  FH_TRY_VOID(std::move(opened));
  state.version = -1;
  return state.database->transaction([&](soci::session& s) -> Result<Hold> {
    for (Hold& hold : read_holds(s)) {
      if (hold.id != id) continue;
      if (hold.released) {
        return fail(Errc::invalid,
                    fmt::format("{} was released on {:%F}", id, fmt::gmtime(static_cast<std::time_t>(*hold.released))));
      }
      const long long released = now;
      s << "UPDATE holds SET released = :now, release_reason = :reason, released_by = :by WHERE id = :id",
          soci::use(released), soci::use(reason), soci::use(by), soci::use(id);
      hold.released = now;
      hold.release_reason = reason;
      hold.released_by = by;
      return std::move(hold);
    }
    return unknown();
  });
}

}  // namespace freehold::guard
