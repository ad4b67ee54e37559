// Budgets: what is about the same, when they begin anew, and that nobody passes them: 64 threads, several processes,
// processes that are killed.
#include "ledger/budget.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

#include "base/random.h"
#include "base/temporary_folder_testing.h"
#include "ledger/budget_book.h"
#include "ledger/cost_store.h"
#include "ledger/usage_log.h"
#include "ledger/usage_query.h"

namespace freehold::ledger {
namespace {

Money money(std::string_view text) {
  return Money::parse(text).value();
}

constexpr std::int64_t kNow = 1'795'000'000'000'000;  // 2026-11-18

PriceBook book() {
  return PriceBook::parse(R"([{"provider":"p","model":"m","kind":"input","usd_per_1m_tokens":10,"effective_from":null,
    "source":"s","retrieved":"2026-01-01","confidence":"high"},{"provider":"p","model":"m","kind":"output",
    "usd_per_1m_tokens":100,"effective_from":null,"source":"s","retrieved":"2026-01-01","confidence":"high"}])")
      .value();
}

Budget tokens_of_all(std::uint64_t limit) {
  Budget b;
  b.measure = BudgetMeasure::tokens, b.counts = BudgetCounts::all, b.period = BudgetPeriod::forever;
  b.limit = limit;
  return b;
}

BudgetAsk ask(std::uint64_t prompt, std::uint64_t completion, std::string vendor = "", std::string key = "k",
              std::string tag = "") {
  return {kNow, std::move(key), std::move(tag), std::move(vendor), prompt, completion};
}

class BudgetTest : public ::testing::Test {
 protected:
  void set(const Budget& b) { ASSERT_TRUE(CostStore::open(folder_.path(), sql::Open::create).value().set(b, 1)); }
  BudgetBook open() { return BudgetBook::open(folder_.path(), book_).value(); }
  static void store(UsageLog& log, std::string id, const BudgetAsk& a) {
    Event e;
    e.request_id = std::move(id);
    e.time = a.time, e.key_id = a.key_id, e.tag = a.tag, e.vendor = a.vendor, e.compute_us = 0;
    e.prompt_tokens = a.prompt_tokens, e.completion_tokens = a.completion_tokens;
    std::promise<bool> stored;
    log.append(std::move(e), [&](bool durable) { stored.set_value(durable); });
    EXPECT_TRUE(stored.get_future().get());
  }
  std::uint64_t recorded() {
    const Sum sum = UsageQuery::open(folder_.path()).value().sums({}, GroupBy::all).value().at(0);
    return sum.prompt_tokens + sum.completion_tokens;
  }
  TemporaryFolder folder_;
  const PriceBook book_ = book();
};

TEST_F(BudgetTest, LaterRowsSupersedeAndRemovalEnds) {
  auto store = CostStore::open(folder_.path(), sql::Open::create).value();
  Budget a = tokens_of_all(10);
  Budget b = a;
  b.scope = BudgetScope::tag, b.subject = "x'; --", b.measure = BudgetMeasure::usd, b.limit = money("1.25").units();
  ASSERT_TRUE(store.set(a, 1));
  ASSERT_TRUE(store.set(b, 2));
  a.limit = 20, a.hard = false, a.soft_percent = 50;
  ASSERT_TRUE(store.set(a, 3));
  EXPECT_EQ(store.budgets().value(), (std::vector<Budget>{b, a}));
  ASSERT_TRUE(store.remove(b, 4));
  EXPECT_EQ(store.budgets().value(), std::vector<Budget>{a});
  EXPECT_EQ(store.remove(b, 5).error().code, Errc::not_found);
  b.subject.clear();
  EXPECT_FALSE(store.set(b, 6));
}

TEST_F(BudgetTest, PeriodsAreOfTheCalendar) {
  const auto text = [](BudgetPeriod p, std::string_view day) {
    const BudgetTime t = time_of(p, day_number(day) * kDayMicroseconds + 5);
    return day_text(day_of(t.begin)) + " " + day_text(day_of(t.end));
  };
  EXPECT_EQ(text(BudgetPeriod::day, "2026-11-27"), "2026-11-27 2026-11-28");
  EXPECT_EQ(text(BudgetPeriod::week, "2026-11-27"), "2026-11-23 2026-11-30") << "a Friday";
  EXPECT_EQ(text(BudgetPeriod::week, "2026-11-23"), "2026-11-23 2026-11-30");
  EXPECT_EQ(text(BudgetPeriod::week, "2026-11-22"), "2026-11-16 2026-11-23") << "a Sunday";
  EXPECT_EQ(text(BudgetPeriod::month, "2024-02-29"), "2024-02-01 2024-03-01");
  EXPECT_EQ(text(BudgetPeriod::month, "2026-12-31"), "2026-12-01 2027-01-01");
}

TEST_F(BudgetTest, AFreeModelIsNeverBlockedByWhatIsPaidToVendors) {
  Budget paid;
  paid.limit = 0;
  set(paid);
  Budget on_tokens = tokens_of_all(0);
  on_tokens.counts = BudgetCounts::vendors;
  set(on_tokens);
  BudgetBook budgets = open();
  EXPECT_TRUE(budgets.reserve(ask(1'000'000, 1'000'000)).value().ok);
  EXPECT_FALSE(budgets.reserve(ask(1, 0, "p/m")).value().ok);
}

TEST_F(BudgetTest, TheWorstCaseIsReservedAndTheRealOneCounts) {
  Budget b;
  b.limit = money("0.01").units();
  b.scope = BudgetScope::key, b.subject = "k", b.soft_percent = 50;
  set(b);
  BudgetBook budgets = open();
  // 100 tokens of prompt at 10 a million, 60 of answer at 100: 0.007.
  auto first = budgets.reserve(ask(100, 60, "p/m")).value();
  ASSERT_TRUE(first.ok);
  EXPECT_EQ(budgets.standings(kNow).value().at(0).reserved, money("0.007").units());
  const auto refused = budgets.reserve(ask(100, 60, "p/m")).value();
  EXPECT_FALSE(refused.ok);
  EXPECT_TRUE(refused.later);
  EXPECT_EQ(refused.refused->reserved, money("0.007").units());
  EXPECT_TRUE(budgets.reserve(ask(100, 60, "p/m", "another")).value().ok);
  UsageLog log = UsageLog::open(folder_.path()).value();
  store(log, "1", ask(100, 42, "p/m"));  // 0.0052
  first = {};
  const BudgetStanding after = budgets.standings(kNow).value().at(0);
  EXPECT_EQ(after.spent, money("0.0052").units());
  EXPECT_EQ(after.reserved, 0);
  auto last = budgets.reserve(ask(80, 40, "p/m")).value();  // 0.0048: to the last digit
  EXPECT_TRUE(last.ok);
  ASSERT_EQ(last.warnings.size(), 1u);
  EXPECT_NE(last.warnings[0].find("0.0052 USD spent"), std::string::npos) << last.warnings[0];
  BudgetAsk next = ask(80, 40, "p/m");
  next.time = day_number("2026-12-01") * kDayMicroseconds;
  auto soon = budgets.reserve(next).value();
  EXPECT_TRUE(soon.ok) << "another month, and half of it is reserved: what is reserved counts, whenever it ends";
  EXPECT_FALSE(budgets.reserve(next).value().ok);
  store(log, "2", ask(80, 40, "p/m"));
  soon = {}, last = {};
  const auto spent = budgets.reserve(ask(1, 0, "p/m")).value();
  EXPECT_FALSE(spent.ok);
  EXPECT_NE(spent.message.find("begins anew on 2026-12-01"), std::string::npos) << spent.message;
  EXPECT_TRUE(budgets.reserve(next).value().ok) << "in December again";
}

TEST_F(BudgetTest, WhatHasNoPriceCannotBeHeldToDollars) {
  Budget b;
  b.limit = money("1000").units();
  set(b);
  BudgetBook budgets = open();
  const auto refused = budgets.reserve(ask(1, 1, "p/unknown")).value();
  EXPECT_FALSE(refused.ok);
  EXPECT_NE(refused.message.find("no known price"), std::string::npos);
}

TEST_F(BudgetTest, ThisMachineIsHeldByItsDearestToken) {
  Budget b;
  b.limit = money("0.01").units(), b.counts = BudgetCounts::local;
  set(b);
  BudgetBook budgets = open();
  const auto unknown = budgets.reserve(ask(1, 1)).value();
  EXPECT_FALSE(unknown.ok);
  EXPECT_NE(unknown.message.find("cost machine"), std::string::npos) << unknown.message;
  Machine m;
  m.from = "2026-01-01", m.rent_per_hour = money("3.6");  // 0.001 a second
  ASSERT_TRUE(CostStore::open(folder_.path(), sql::Open::existing).value().add(m, 1));
  {
    UsageLog log = UsageLog::open(folder_.path()).value();
    for (const auto& [id, day, us] : {std::tuple("cheap", 1, 500'000), std::tuple("dear", 2, 1'000'000)}) {
      Event e;
      e.request_id = id, e.time = kNow - day * kDayMicroseconds, e.key_id = "k";
      e.prompt_tokens = 90, e.completion_tokens = 10, e.compute_us = us;
      std::promise<bool> stored;
      log.append(std::move(e), [&](bool durable) { stored.set_value(durable); });
      ASSERT_TRUE(stored.get_future().get());
    }
  }
  const auto held = budgets.reserve(ask(100, 100)).value();
  EXPECT_TRUE(held.ok) << held.message;
  const BudgetStanding now = budgets.standings(kNow).value().at(0);
  EXPECT_EQ(now.spent, money("0.0015").units());
  EXPECT_EQ(now.reserved, money("0.002").units()) << "200 tokens at 0.00001, the dear day's";
  EXPECT_FALSE(budgets.reserve(ask(700, 0)).value().ok);
  EXPECT_TRUE(budgets.reserve(ask(650, 0)).value().ok);
}

TEST_F(BudgetTest, SoftLimitsOnlyWarn) {
  Budget b = tokens_of_all(100);
  b.hard = false;
  set(b);
  BudgetBook budgets = open();
  UsageLog log = UsageLog::open(folder_.path()).value();
  EXPECT_TRUE(budgets.reserve(ask(500, 0)).value().warnings.empty());
  store(log, "1", ask(500, 0));
  const auto more = budgets.reserve(ask(500, 0)).value();
  EXPECT_TRUE(more.ok);
  EXPECT_EQ(more.warnings.size(), 1u);
}

TEST_F(BudgetTest, ABudgetThatIsSetWhileRunningApplies) {
  BudgetBook budgets = open();
  EXPECT_TRUE(budgets.reserve(ask(5, 5)).value().ok);
  set(tokens_of_all(9));
  EXPECT_FALSE(budgets.reserve(ask(5, 5)).value().ok);
  set(tokens_of_all(10));
  EXPECT_TRUE(budgets.reserve(ask(5, 5)).value().ok);
}

// Asks until nothing fits any more: reserves up to 40 tokens, uses some of them. Returns what was used.
std::uint64_t client(BudgetBook& budgets, UsageLog& log, std::uint64_t number, int pipe = -1) {
  std::uint64_t used = 0;
  for (std::uint64_t i = 0, misses = 0; misses < 3; ++i) {
    const auto most = 1 + static_cast<std::uint64_t>(uniform_draw(number, 0, i) * 30);
    BudgetAsk want = ask(10, most);
    auto decision = budgets.reserve(want);
    if (!decision || !decision->ok) {
      misses += decision && decision->later ? 0 : 1;
      std::this_thread::yield();
      continue;
    }
    want.completion_tokens = static_cast<std::uint64_t>(uniform_draw(number, 1, i) * static_cast<double>(most + 1));
    Event e;
    e.request_id = std::to_string(number) + "-" + std::to_string(i);
    e.time = want.time, e.key_id = want.key_id, e.compute_us = 0;
    e.prompt_tokens = want.prompt_tokens, e.completion_tokens = want.completion_tokens;
    std::promise<bool> stored;
    log.append(std::move(e), [&](bool durable) { stored.set_value(durable); });
    if (!stored.get_future().get()) return used;
    used += want.tokens();
    if (pipe >= 0) (void)!::write(pipe, "x", 1);
  }
  return used;
}

TEST_F(BudgetTest, SixtyFourAtATimeNeverPassIt) {
  constexpr std::uint64_t kLimit = 20'000;
  set(tokens_of_all(kLimit));
  BudgetBook budgets = open();
  UsageLog log = UsageLog::open(folder_.path()).value();
  std::atomic<std::uint64_t> used{0};
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 64; ++t) {
    threads.emplace_back([&, t] { used += client(budgets, log, t); });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(recorded(), used);
  EXPECT_LE(used, kLimit);
  EXPECT_GT(used, kLimit - 41) << "and nothing was kept back from those who could have it";
  const BudgetStanding end = budgets.standings(kNow).value().at(0);
  EXPECT_EQ(end.reserved, 0);
  EXPECT_EQ(end.spent, Int128{used});
}

// Four processes share a budget; one is killed with requests under way: what it had reserved is free again, what it had
// recorded is not lost, and together they stay within the limit.
TEST_F(BudgetTest, ProcessesShareItAndTheKilledOnesLetGo) {
  constexpr std::uint64_t kLimit = 6000;
  set(tokens_of_all(kLimit));
  {  // the files are there
    UsageLog log = UsageLog::open(folder_.path()).value();
    BudgetBook budgets = open();
  }
  int ends[2], holds[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::pipe(holds), 0);
  char byte = 0;
  std::vector<pid_t> children;
  for (std::uint64_t c = 0; c < 4; ++c) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto budgets = BudgetBook::open(folder_.path(), book_);
      auto log = UsageLog::open(folder_.path());
      if (!budgets || !log) ::_exit(3);
      if (c == 0) {  // holds on to what it reserves until it is killed
        auto held = budgets->reserve(ask(10, 990));
        if (!held || !held->ok) ::_exit(4);
        (void)!::write(holds[1], "h", 1);
        client(*budgets, *log, 1000);
        for (;;) ::pause();
      }
      std::vector<std::thread> threads;
      for (std::uint64_t t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] { client(*budgets, *log, c * 100 + t, ends[1]); });
      }
      for (std::thread& t : threads) t.join();
      ::_exit(0);
    }
    children.push_back(child);
    if (c > 0) continue;
    ::close(holds[1]);  // before the others, who would leave nothing to hold
    EXPECT_EQ(::read(holds[0], &byte, 1), 1);
    ::close(holds[0]);
  }
  ::close(ends[1]);
  for (int got = 0; got < 60 && ::read(ends[0], &byte, 1) == 1; ++got) continue;
  ::kill(children[0], SIGKILL);
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WIFSIGNALED(status), child == children[0]) << status;
  }
  ::close(ends[0]);
  EXPECT_LE(recorded(), kLimit);
  BudgetBook budgets = open();
  const BudgetStanding standing = budgets.standings(kNow).value().at(0);
  EXPECT_EQ(standing.reserved, 0) << "the dead hold nothing";
  const std::filesystem::directory_iterator owners(folder_.path() / "budget-owners");
  EXPECT_EQ(std::distance(begin(owners), end(owners)), 1) << "and leave no file behind";
  EXPECT_EQ(standing.spent, Int128{recorded()});
  EXPECT_TRUE(budgets.reserve(ask(kLimit - recorded(), 0)).value().ok || recorded() == kLimit);
}

}  // namespace
}  // namespace freehold::ledger
