// $FREEHOLD_HOME/costs.db: what the owner says about money. Rows are only ever added; a later one supersedes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/result.h"
#include "ledger/budget.h"
#include "ledger/machine.h"
#include "ledger/price_book.h"
#include "ledger/token_ratio.h"
#include "sql/database.h"

namespace freehold::ledger {

std::filesystem::path costs_path(const std::filesystem::path& home);
const sql::Schema& costs_schema();

// One thread at a time; several processes may have the file open.
class CostStore {
 public:
  // Errors: sql/database.h; not_found if there is none and `how` is existing.
  static Result<CostStore> open(const std::filesystem::path& home, sql::Open how);

  // On return it is on disk. `recorded`: seconds since 1970. Errors: invalid, as check().
  Result<> add(const Machine& machine, std::int64_t recorded);
  Result<std::vector<MachineRow>> machines();  // in the order in which they were recorded

  // Adds rows of the price book, all or none. Errors: invalid, as PriceBook::check_new().
  Result<> add(const std::vector<Price>& prices, std::int64_t recorded);
  Result<std::vector<Price>> prices();  // in the order in which they were added

  // Supersedes the one that is about the same. Errors: invalid, as check().
  Result<> set(const Budget& budget, std::int64_t recorded);
  // Errors: not_found.
  Result<> remove(const Budget& budget, std::int64_t recorded);
  Result<std::vector<Budget>> budgets();  // those that apply, oldest first

  // Supersedes the one of the same vendor and model. Errors: invalid, as check().
  Result<> add(const TokenRatio& ratio);
  Result<std::vector<TokenRatio>> token_ratios();  // those that apply, in the order in which they were added

  sql::Database& database() { return database_; }

 private:
  explicit CostStore(sql::Database database) : database_(std::move(database)) {}
  sql::Database database_;
};

// The book that comes with the program, with the rows that were added to this home.
Result<PriceBook> price_book(const std::filesystem::path& home);

// How vendors' tokenizers count; empty if nobody has measured it.
Result<std::vector<TokenRatio>> token_ratios(const std::filesystem::path& home);

// The machine's history; empty if nobody has said anything yet.
Result<MachineHistory> machine_history(const std::filesystem::path& home);

}  // namespace freehold::ledger
