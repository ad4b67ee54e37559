// What vendors charge for tokens: dated, sourced rows, offline. A row is superseded by a later one and never edited.
// The book that comes with the program is price_book.json beside this file (its fields: docs/formats/price-book.md).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledger/money.h"

namespace freehold::ledger {

struct Price {
  std::string provider, model;
  std::string kind;       // one of price_kinds()
  Money usd_per_million;  // tokens
  std::string from;       // "2024-05-13"; empty: the day is not known
  std::string basis;      // how `from` is known
  std::string source, retrieved, confidence, note;
};

// What is priced: every kind is of tokens, in USD a million; other units and currencies are not known here.
std::span<const std::string_view> price_kinds();

class PriceBook {
 public:
  // Errors: corrupt, naming the row and the member: not JSON, a missing or unknown member, an unknown kind (with the
  // nearest known one), another currency, no date, a price that is negative or has more than six digits behind the
  // point, two rows of one model, kind and day.
  static Result<PriceBook> parse(std::string_view json);
  // The one that comes with the program.
  static const PriceBook& built_in();

  // This book with rows of one's own, in the order in which they were added: a later one of the same model, kind and
  // day takes the place of an earlier one, and of the book's.
  PriceBook with(const std::vector<Price>& own) const;
  // Errors: invalid, naming the member: as of a row of parse(), but for the kind.
  static Result<> check(const Price& price);
  // Whether it may be added on `today` ("2026-11-01"). More strict than what was added earlier, which stays valid.
  // Errors: invalid, as check(), and: an unknown kind, more than 10000 USD a million tokens, days that cannot be (read
  // on a day to come, applying from before 2000 or after 2199), a name with spaces around it or control characters.
  static Result<> check_new(const Price& price, std::string_view today);

  const std::vector<Price>& rows() const { return rows_; }

  // "provider/model", or a model that one provider alone has. Errors: not_found (with the nearest names), invalid
  // (several providers have it: named).
  struct Name {
    std::string provider, model;
  };
  Result<Name> resolve(std::string_view reference) const;

  // The row that applied on `day` ("2024-07-01"): the latest that began by then. Without one, a row whose day is not
  // known; otherwise nothing.
  const Price* find(const Name& name, std::string_view kind, std::string_view day) const;
  // All rows of a model, by kind and day.
  std::vector<const Price*> history(const Name& name) const;

 private:
  std::vector<Price> rows_;  // sorted by provider, model, kind, from
};

// Whether it is a day of the calendar, as "2024-02-29".
bool is_day(std::string_view text);

}  // namespace freehold::ledger
