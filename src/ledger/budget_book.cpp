#include "ledger/budget_book.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <soci/soci.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <random>
#include <set>

#include "base/utf8.h"
#include "ledger/cost_store.h"
#include "ledger/report.h"
#include "ledger/usage_query.h"

namespace freehold::ledger {
namespace {

namespace fs = std::filesystem;
constexpr Int128 kPicodollar = 1'000'000;  // attodollars
constexpr std::int64_t kEstimateDays = 30;

std::string moment_text(std::int64_t microseconds) {
  return day_text(day_of(microseconds));
}

// What is reserved for requests of one kind.
struct Reserved {
  BudgetAsk kind;
  Int128 tokens = 0, attodollars = 0;
  Int128 in(BudgetMeasure measure) const { return measure == BudgetMeasure::usd ? attodollars : tokens; }
};

}  // namespace

struct BudgetBook::State {
  // What was spent of a budget in a time, as far as the record has been read.
  struct Spent {
    BudgetTime time;
    std::optional<std::int64_t> row;
    Int128 tokens = 0;
    Amount usd;
  };

  fs::path home;
  const PriceBook& book;  // without the rows of this home
  std::mutex mutex;       // guards what follows
  CostStore costs;
  std::optional<UsageQuery> usage;  // there is none before the first event
  std::string owner;
  int lock = -1;
  std::optional<long long> version;  // of costs.db, when the following were read
  std::vector<Budget> budgets;
  std::vector<Spent> spent;  // one a budget
  MachineHistory machines;
  std::size_t own_prices = 0;
  PriceBook prices;  // with them
  std::optional<Pricing> pricing;
  std::vector<long long> unreleased;  // reservations that could not be deleted yet
  std::int64_t estimate_minute = -1;
  Money estimate;  // of a token of this machine

  State(fs::path h, const PriceBook& b, CostStore c) : home(std::move(h)), book(b), costs(std::move(c)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (lock < 0) return;
    ::unlink(lock_path(owner).c_str());
    ::close(lock);
  }

  fs::path lock_path(const std::string& of) const { return home / "budget-owners" / of; }
  Result<> take_lock();
  Result<> refresh();
  Result<> read_spent(std::size_t index, const BudgetTime& time);
  Result<Money> estimated_token(std::int64_t moment);
  bool alive(const std::string& other) const;
  std::vector<Reserved> read_reserved(soci::session& s);
  Result<std::optional<Money>> dollars_at_most(const BudgetAsk& ask);
  Result<BudgetStanding> standing(std::size_t index, std::int64_t moment, const std::vector<Reserved>& reserved);
  void release(long long id);
};

struct Reservation::Held {
  std::shared_ptr<BudgetBook::State> state;
  long long id = 0;
};

Reservation::Reservation() noexcept = default;
Reservation::Reservation(Reservation&&) noexcept = default;
Reservation& Reservation::operator=(Reservation&& other) noexcept {
  Reservation taken(std::move(other));
  std::swap(held_, taken.held_);
  return *this;
}
Reservation::~Reservation() {
  if (held_) held_->state->release(held_->id);
}

BudgetBook::BudgetBook(std::shared_ptr<State> state) : state_(std::move(state)) {}
BudgetBook::BudgetBook(BudgetBook&&) noexcept = default;
BudgetBook& BudgetBook::operator=(BudgetBook&&) noexcept = default;
BudgetBook::~BudgetBook() = default;

Result<BudgetBook> BudgetBook::open(const fs::path& home, const PriceBook& prices) {
  FH_TRY(CostStore costs, CostStore::open(home, sql::Open::create));
  // Reservations are worth nothing after a loss of power: they need not wait for the disk. (In WAL mode NORMAL still
  // syncs before it writes into the database itself, so what is durable stays sound.)
  FH_TRY_VOID(costs.database().run([](soci::session& s) -> Result<> {
    s << "PRAGMA synchronous = NORMAL";
    return {};
  }));
  auto state = std::make_shared<State>(home, prices, std::move(costs));
  FH_TRY_VOID(state->take_lock());
  return BudgetBook(std::move(state));
}

Result<> BudgetBook::State::take_lock() {
  std::random_device random;
  owner = fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
  const fs::path path = lock_path(owner);
  std::error_code ec;
  fs::create_directories(path.parent_path(), ec);
  // Files of processes that were killed; one that is not locked yet has another name.
  for (fs::directory_iterator it(path.parent_path(), ec), end; !ec && it != end; it.increment(ec)) {
    if (it->path().extension() != ".new") alive(it->path().filename().string());
  }
  const fs::path fresh = path.string() + ".new";
  lock = ::open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock < 0 || ::flock(lock, LOCK_EX | LOCK_NB) != 0 || ::rename(fresh.c_str(), path.c_str()) != 0) {
    return fail(Errc::io, fmt::format("lock {}: {}", printable(path.string()), std::strerror(errno)));
  }
  return {};
}

// Whether the process of a reservation lives: it holds its lock until it ends, however it does.
bool BudgetBook::State::alive(const std::string& other) const {
  if (other == owner) return true;
  const fs::path path = lock_path(other);
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return errno != ENOENT;  // what cannot be looked at is taken for alive
  const bool held = ::flock(fd, LOCK_EX | LOCK_NB) != 0;
  if (!held) ::unlink(path.c_str());
  ::close(fd);
  return held;
}

Result<> BudgetBook::State::refresh() {
  FH_TRY(const long long now, costs.database().data_version());
  if (version && *version == now) return {};
  FH_TRY(std::vector<Budget> all, costs.budgets());
  FH_TRY(std::vector<MachineRow> rows, costs.machines());
  FH_TRY(const std::vector<Price> own, costs.prices());
  // Rows are only ever added.
  if (!pricing || rows.size() != machines.rows().size() || own.size() != own_prices) {
    pricing.reset();
    prices = book.with(own);
    own_prices = own.size();
    machines = MachineHistory(std::move(rows));
    pricing.emplace(prices, machines);
    spent.clear();
    estimate_minute = -1;
  }
  if (all != budgets) spent.clear();
  budgets = std::move(all);
  spent.resize(budgets.size());
  version = now;
  return {};
}

Result<> BudgetBook::State::read_spent(std::size_t index, const BudgetTime& time) {
  Spent& s = spent[index];
  if (s.time != time) s = Spent{time, {}, 0, {}};
  if (!usage) {
    auto opened = UsageQuery::open(home);
    if (!opened && opened.error().code == Errc::not_found) return {};
    if (!opened) return Unexpected(std::move(opened).error());
    usage.emplace(std::move(*opened));
  }
  const Budget& budget = budgets[index];
  Filter filter;
  if (budget.scope == BudgetScope::key) filter.key_id = budget.subject;
  if (budget.scope == BudgetScope::tag) filter.tag = budget.subject;
  if (budget.period != BudgetPeriod::forever) filter.since = time.begin, filter.until = time.end;
  FH_TRY(const UsageQuery::Recent recent, usage->day_sums_behind(filter, s.row));
  for (const DaySum& sum : recent.sums) {
    if (budget.counts == (sum.vendor.empty() ? BudgetCounts::vendors : BudgetCounts::local)) continue;
    s.tokens += sum.prompt_tokens + sum.completion_tokens;
    if (budget.measure != BudgetMeasure::usd) continue;
    const ReportRow row = pricing->priced(sum);
    s.usd += row.local;
    s.usd += row.paid;
  }
  s.row = recent.row;
  return {};
}

Result<Money> BudgetBook::State::estimated_token(std::int64_t moment) {
  const std::int64_t minute = moment / 60'000'000;
  if (minute == estimate_minute || !usage) return estimate;
  Filter filter;
  filter.vendor = "";
  filter.since = (day_of(moment) - kEstimateDays) * kDayMicroseconds;
  filter.until = (day_of(moment) + 1) * kDayMicroseconds;
  FH_TRY(const std::vector<DaySum> sums, usage->day_sums(filter, GroupBy::all));
  estimate = {};
  for (const DaySum& sum : sums) {
    const auto tokens = static_cast<std::int64_t>(sum.prompt_tokens + sum.completion_tokens);
    if (tokens > 0) estimate = std::max(estimate, divided(pricing->priced(sum).local.usd, tokens));
  }
  estimate_minute = minute;
  return estimate;
}

// Nothing: there is no price.
Result<std::optional<Money>> BudgetBook::State::dollars_at_most(const BudgetAsk& ask) {
  if (ask.vendor.empty()) {
    if (machines.rates_on(day_of(ask.time)) == nullptr) return std::optional<Money>();
    FH_TRY(const Money token, estimated_token(ask.time));
    return std::optional(token * static_cast<std::int64_t>(std::min<std::uint64_t>(ask.tokens(), 1'000'000'000)));
  }
  const auto name = prices.resolve(ask.vendor);
  if (!name) return std::optional<Money>();
  const VendorCost cost = VendorPrices(prices, *name)
                              .cost(day_text(day_of(ask.time)),
                                    {ask.prompt_tokens, 0, ask.completion_tokens, long_prompts(ask.prompt_tokens)});
  return cost.priced() ? std::optional(cost.total) : std::nullopt;
}

// In a transaction. Sweeps away what belongs to processes that are gone.
std::vector<Reserved> BudgetBook::State::read_reserved(soci::session& s) {
  for (const long long id : unreleased) s << "DELETE FROM reservations WHERE id = :id", soci::use(id);
  struct Row {
    std::string owner;
    Reserved reserved;
  };
  std::vector<Row> rows;
  std::set<std::string> dead, seen;
  {
    std::string of, key, tag, vendor;
    long long tokens = 0, picodollars = 0;
    soci::statement all = (s.prepare << "SELECT owner, key_id, tag, vendor, SUM(tokens), SUM(picodollars) FROM "
                                        "reservations GROUP BY 1, 2, 3, 4",
                           soci::into(of), soci::into(key), soci::into(tag), soci::into(vendor), soci::into(tokens),
                           soci::into(picodollars));
    all.execute();
    while (all.fetch()) {
      Reserved r{{0, key, tag, vendor, 0, 0}, tokens, picodollars * kPicodollar};
      rows.push_back({of, std::move(r)});
      if (seen.insert(of).second && !alive(of)) dead.insert(of);
    }
  }
  for (const std::string& of : dead) s << "DELETE FROM reservations WHERE owner = :owner", soci::use(of);
  std::vector<Reserved> out;
  for (Row& row : rows) {
    if (!dead.contains(row.owner)) out.push_back(std::move(row.reserved));
  }
  return out;
}

Result<BudgetStanding> BudgetBook::State::standing(std::size_t index, std::int64_t moment,
                                                   const std::vector<Reserved>& reserved) {
  const Budget& b = budgets[index];
  BudgetStanding out{b, time_of(b.period, moment), 0, 0, 0};
  FH_TRY_VOID(read_spent(index, out.time));
  out.spent = b.measure == BudgetMeasure::usd ? spent[index].usd.usd.units() : spent[index].tokens;
  out.unpriced = spent[index].usd.unpriced;
  for (const Reserved& r : reserved) {
    if (concerns(b, r.kind)) out.reserved += r.in(b.measure);
  }
  return out;
}

namespace {

std::string refusal(const BudgetStanding& s, Int128 asked, bool later) {
  const Budget& b = s.budget;
  std::string out = fmt::format("the budget of {} does not allow this request: {} spent", b.text(), b.amount(s.spent));
  if (s.reserved > 0) out += fmt::format(", {} reserved for requests under way", b.amount(s.reserved));
  out += fmt::format(", and this one could take up to {}", b.amount(asked));
  if (later) return out + "; try again when those have ended, or ask for a shorter answer";
  if (s.spent + asked > b.limit && s.spent < b.limit) out += "; a shorter answer may fit";
  if (b.period != BudgetPeriod::forever) out += "; it begins anew on " + moment_text(s.time.end);
  return out;
}

}  // namespace

Result<BudgetDecision> BudgetBook::reserve(const BudgetAsk& ask) {
  State& state = *state_;
  const std::lock_guard guard(state.mutex);
  FH_TRY_VOID(state.refresh());
  std::vector<std::size_t> relevant;
  bool dollars = false;
  for (std::size_t i = 0; i < state.budgets.size(); ++i) {
    if (!concerns(state.budgets[i], ask)) continue;
    relevant.push_back(i);
    dollars |= state.budgets[i].measure == BudgetMeasure::usd;
  }
  BudgetDecision out;
  if (relevant.empty()) return out;
  std::optional<Money> usd = Money();
  if (dollars) {
    FH_TRY_VOID(
        state.read_spent(relevant[0], time_of(state.budgets[relevant[0]].period, ask.time)));  // opens the record
    FH_TRY(usd, state.dollars_at_most(ask));
  }
  long long id = 0;
  FH_TRY_VOID(state.costs.database().transaction([&](soci::session& s) -> Result<> {
    const std::vector<Reserved> reserved = state.read_reserved(s);
    for (const std::size_t i : relevant) {
      FH_TRY(BudgetStanding standing, state.standing(i, ask.time, reserved));
      const Budget& b = standing.budget;
      if (b.soft_percent > 0 && standing.spent * 100 >= b.limit * b.soft_percent) {
        out.warnings.push_back(fmt::format("budget of {}: {} spent", b.text(), b.amount(standing.spent)));
      }
      if (!b.hard || !out.ok) continue;
      if (b.measure == BudgetMeasure::usd && !usd) {
        out.ok = false;
        out.message = ask.vendor.empty()
                          ? "a budget in USD counts this machine's costs, which are not known: freehold cost machine"
                          : fmt::format("{} has no known price, so it cannot be held to the budget of {}",
                                        printable(ask.vendor, 80), b.text());
        out.refused = std::move(standing);
        continue;
      }
      const Int128 asked = b.measure == BudgetMeasure::usd ? usd->units() : Int128{ask.tokens()};
      if (standing.spent + standing.reserved + asked <= b.limit && (asked > 0 || standing.spent < b.limit)) continue;
      out.ok = false;
      out.later = standing.spent + asked <= b.limit && standing.reserved > 0;
      out.message = refusal(standing, asked, out.later);
      out.refused = std::move(standing);
    }
    if (!out.ok) return {};
    const long long time = ask.time, tokens = static_cast<long long>(ask.tokens());
    const auto picodollars = static_cast<long long>((usd.value_or(Money()).units() + kPicodollar - 1) / kPicodollar);
    s << "INSERT INTO reservations (owner, time, key_id, tag, vendor, tokens, picodollars) VALUES (:owner, :time, "
         ":key, "
         ":tag, :vendor, :tokens, :picodollars)",
        soci::use(state.owner), soci::use(time), soci::use(ask.key_id), soci::use(ask.tag), soci::use(ask.vendor),
        soci::use(tokens), soci::use(picodollars);
    s << "SELECT last_insert_rowid()", soci::into(id);
    return {};
  }));
  state.unreleased.clear();
  if (out.ok) out.reservation.held_ = std::make_unique<Reservation::Held>(Reservation::Held{state_, id});
  return out;
}

void BudgetBook::State::release(long long id) {
  const std::lock_guard guard(mutex);
  auto done = costs.database().transaction([&](soci::session& s) -> Result<> {
    s << "DELETE FROM reservations WHERE id = :id", soci::use(id);
    return {};
  });
  if (!done) unreleased.push_back(id);
}

Result<std::vector<BudgetStanding>> BudgetBook::standings(std::int64_t moment) {
  State& state = *state_;
  const std::lock_guard guard(state.mutex);
  FH_TRY_VOID(state.refresh());
  return state.costs.database().transaction([&](soci::session& s) -> Result<std::vector<BudgetStanding>> {
    const std::vector<Reserved> reserved = state.read_reserved(s);
    std::vector<BudgetStanding> out;
    for (std::size_t i = 0; i < state.budgets.size(); ++i) {
      FH_TRY(BudgetStanding standing, state.standing(i, moment, reserved));
      out.push_back(std::move(standing));
    }
    return out;
  });
}

}  // namespace freehold::ledger
