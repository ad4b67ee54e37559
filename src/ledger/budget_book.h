// Budgets enforced: before a request runs, the most that it could use is reserved; when its event is on disk, the
// reservation goes, and what it really used counts by its event. A request is let in if what is spent, what is reserved
// and what it could use itself stay within the limit, so no number of requests at a time can pass it.
//
// Why nothing is counted too little: reservations are looked at first, then the record; an event is in the record
// before its reservation goes. So a request that ends meanwhile is seen in one of the two, perhaps in both.
// Reservations are rows of costs.db, made one process at a time (BEGIN IMMEDIATE), so several servers of one home share
// their budgets. Each process holds the lock of a file of its own while it lives; rows whose owner's lock is free are
// swept away.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "ledger/budget.h"
#include "ledger/price_book.h"

namespace freehold::ledger {

// Gives back what was reserved when it is destroyed: hold it until the request's event is durable, or until it is sure
// that there will be none. Moves; any thread. Must not outlive the book.
class Reservation {
 public:
  Reservation() noexcept;
  Reservation(Reservation&&) noexcept;
  Reservation& operator=(Reservation&&) noexcept;
  ~Reservation();

 private:
  friend class BudgetBook;
  struct Held;
  std::unique_ptr<Held> held_;
};

// How one budget stands.
struct BudgetStanding {
  Budget budget;
  BudgetTime time;
  Int128 spent = 0, reserved = 0;  // in the budget's measure; without the request that asks
  std::uint64_t unpriced = 0;      // requests that it counts but that have no price
};

struct BudgetDecision {
  bool ok = true;
  // Which budget refused, and why, in words for whoever asked; whether it would fit once the requests under way have
  // ended.
  std::optional<BudgetStanding> refused;
  std::string message;
  bool later = false;
  std::vector<std::string> warnings;  // of soft limits that are reached
  Reservation reservation;            // if ok and a budget counts it
};

// Thread-safe.
class BudgetBook {
 public:
  // The price book outlives it. Errors: sql/database.h, or of making the lock.
  static Result<BudgetBook> open(const std::filesystem::path& home, const PriceBook& prices);
  BudgetBook(BudgetBook&&) noexcept;
  BudgetBook& operator=(BudgetBook&&) noexcept;
  ~BudgetBook();

  // Errors: of reading or writing; then nothing is known, and the request must not run. What a request to this machine
  // costs is not known before: against budgets in USD that count it, it is reserved at the dearest token of the last 30
  // days, so that such a budget can be passed by as much as that estimate is wrong.
  Result<BudgetDecision> reserve(const BudgetAsk& ask);
  // All budgets as they stand at a moment.
  Result<std::vector<BudgetStanding>> standings(std::int64_t moment);

 private:
  friend class Reservation;
  struct State;
  explicit BudgetBook(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace freehold::ledger
