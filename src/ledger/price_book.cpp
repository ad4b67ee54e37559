#include "ledger/price_book.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <tuple>

#include "base/check.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "format/json.h"

// The file's bytes, as the assembler puts them there.
asm(".section .rodata\n"
    ".balign 1\n"
    "freehold_price_book_begin:\n"
    ".incbin \"" FREEHOLD_PRICE_BOOK
    "\"\n"
    "freehold_price_book_end:\n"
    ".previous\n");
extern "C" const char freehold_price_book_begin[];  // NOLINT
extern "C" const char freehold_price_book_end[];    // NOLINT

namespace freehold::ledger {
namespace {

using format::Value;

auto key(const Price& p) {
  return std::tie(p.provider, p.model, p.kind, p.from);
}

constexpr std::string_view kKinds[] = {
    "input",        "output",           "cached_input",      "cache_write_5m",   "cache_write_1h",    "batch_input",
    "batch_output", "input_above_128k", "output_above_128k", "input_above_200k", "output_above_200k", "output_thinking",
    "training",     "training_low",     "training_high"};

constexpr int kDearest = 10'000;  // USD a million tokens that may be added; the dearest model had 600 for its answers

constexpr std::string_view kMembers[] = {"provider",       "model",  "kind",      "usd_per_1m_tokens",
                                         "effective_from", "source", "retrieved", "effective_from_basis",
                                         "confidence",     "note",   "currency"};

// Errors: invalid.
Result<> check_kind(std::string_view kind) {
  if (std::find(std::begin(kKinds), std::end(kKinds), kind) != std::end(kKinds)) return {};
  const auto near = nearest(kind, {std::begin(kKinds), std::end(kKinds)});
  return fail(Errc::invalid,
              fmt::format("'{}' is no kind of price{} Known are {}, all of a million tokens", printable(kind, 60),
                          near ? fmt::format("; did you mean '{}'?", *near) : ".", fmt::join(kKinds, ", ")));
}

Result<> check_members(const Value& row) {
  for (const auto& [name, value] : row.members()) {
    if (std::find(std::begin(kMembers), std::end(kMembers), name) != std::end(kMembers)) continue;
    const auto near = nearest(name, {std::begin(kMembers), std::end(kMembers)});
    return fail(Errc::corrupt,
                fmt::format("'{}' is no member of a price{} Known are {}. A row applies until a later one of its model "
                            "and kind begins",
                            printable(name, 60), near ? fmt::format("; did you mean '{}'?", *near) : ".",
                            fmt::join(kMembers, ", ")));
  }
  const Value* currency = row.member("currency");
  if (currency != nullptr && currency->as_string() != "USD") {
    return fail(Errc::corrupt,
                "'currency' must be \"USD\": write the price in USD, and from what it was converted in "
                "the note");
  }
  return {};
}

Result<std::string> text_of(const Value& row, std::string_view name, bool required) {
  const Value* member = row.member(name);
  if (member == nullptr || member->is_null()) {
    if (required) return fail(Errc::corrupt, fmt::format("'{}' is missing", name));
    return std::string();
  }
  const auto text = member->as_string();
  if (!text || (required && text->empty())) return fail(Errc::corrupt, fmt::format("'{}' must be a text", name));
  return std::string(*text);
}

Result<Price> read_row(const Value& row) {
  if (!row.is_object()) return fail(Errc::corrupt, "not an object");
  FH_TRY_VOID(check_members(row));
  Price p;
  FH_TRY(p.provider, text_of(row, "provider", true));
  FH_TRY(p.model, text_of(row, "model", true));
  FH_TRY(p.kind, text_of(row, "kind", true));
  if (const auto known = check_kind(p.kind); !known) return fail(Errc::corrupt, known.error().what);
  FH_TRY(p.from, text_of(row, "effective_from", false));
  FH_TRY(p.basis, text_of(row, "effective_from_basis", false));
  FH_TRY(p.source, text_of(row, "source", true));
  FH_TRY(p.retrieved, text_of(row, "retrieved", true));
  FH_TRY(p.confidence, text_of(row, "confidence", true));
  FH_TRY(p.note, text_of(row, "note", false));
  if (!p.from.empty() && !is_day(p.from)) return fail(Errc::corrupt, "'effective_from' is no day");
  if (!is_day(p.retrieved)) return fail(Errc::corrupt, "'retrieved' is no day");
  // A number's shortest text is how it was written, as long as that has no more digits than a double tells apart.
  const Value* price = row.member("usd_per_1m_tokens");
  const auto number = price != nullptr ? price->as_f64() : std::nullopt;
  if (!number || *number < 0 || *number > 1e6)
    return fail(Errc::corrupt, "'usd_per_1m_tokens' must be a number from 0 to 1000000");
  auto money = Money::parse(fmt::format("{}", *number));
  if (!money || money->units() % 1'000'000'000'000 != 0) {
    return fail(Errc::corrupt, "'usd_per_1m_tokens' has more than six digits behind the point");
  }
  p.usd_per_million = *money;
  return p;
}

}  // namespace

std::span<const std::string_view> price_kinds() {
  return kKinds;
}

bool is_day(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  int n[3] = {};
  for (const auto& [part, begin, size] : {std::tuple(0, 0, 4), std::tuple(1, 5, 2), std::tuple(2, 8, 2)}) {
    for (int i = begin; i < begin + size; ++i) {
      const char c = text[static_cast<std::size_t>(i)];
      if (c < '0' || c > '9') return false;
      n[part] = n[part] * 10 + (c - '0');
    }
  }
  return std::chrono::year_month_day(std::chrono::year(n[0]), std::chrono::month(static_cast<unsigned>(n[1])),
                                     std::chrono::day(static_cast<unsigned>(n[2])))
      .ok();
}

Result<PriceBook> PriceBook::parse(std::string_view json) {
  FH_TRY(const Value list, format::parse_json(json));
  if (!list.is_array()) return fail(Errc::corrupt, "a price book is a list of rows");
  PriceBook book;
  std::size_t number = 0;
  for (const Value& row : list.items()) {
    ++number;
    auto price = read_row(row);
    if (!price) return in_context(price.error(), fmt::format("row {}", number));
    book.rows_.push_back(std::move(*price));
  }
  std::sort(book.rows_.begin(), book.rows_.end(), [](const Price& a, const Price& b) { return key(a) < key(b); });
  const auto twice = std::adjacent_find(book.rows_.begin(), book.rows_.end(),
                                        [](const Price& a, const Price& b) { return key(a) == key(b); });
  if (twice != book.rows_.end()) {
    return fail(Errc::corrupt,
                fmt::format("two rows of {}/{} {} from {}", printable(twice->provider), printable(twice->model),
                            printable(twice->kind), twice->from.empty() ? "an unknown day" : twice->from));
  }
  return book;
}

PriceBook PriceBook::with(const std::vector<Price>& own) const {
  PriceBook out = *this;
  for (const Price& p : own) {
    std::erase_if(out.rows_, [&](const Price& other) { return key(other) == key(p); });
    out.rows_.push_back(p);
  }
  std::sort(out.rows_.begin(), out.rows_.end(), [](const Price& a, const Price& b) { return key(a) < key(b); });
  return out;
}

Result<> PriceBook::check(const Price& p) {
  const auto wrong = [](std::string_view what) { return fail(Errc::invalid, std::string(what)); };
  for (const auto& [name, text, required] :
       {std::tuple("the provider", &p.provider, true), std::tuple("the model", &p.model, true),
        std::tuple("the kind", &p.kind, true), std::tuple("the source", &p.source, true),
        std::tuple("the confidence", &p.confidence, true), std::tuple("the note", &p.note, false)}) {
    if ((required && text->empty()) || text->size() > 500 || !is_utf8(*text))
      return wrong(fmt::format("{} must be a text of at most 500 bytes", name));
  }
  if (p.provider.find('/') != std::string::npos) return wrong("a provider has no '/' in its name");
  if (!p.from.empty() && !is_day(p.from)) return wrong("the day from which it applies is no day: 2026-11-01");
  if (!is_day(p.retrieved)) return wrong("the day on which it was read is no day: 2026-11-01");
  if (p.usd_per_million < Money() || p.usd_per_million > Money::picodollars(Int128{1'000'000} * 1'000'000'000'000) ||
      p.usd_per_million.units() % 1'000'000'000'000 != 0) {
    return wrong("the price must be from 0 to 1000000 USD a million tokens, with at most six digits behind the point");
  }
  return {};
}

Result<> PriceBook::check_new(const Price& p, std::string_view today) {
  FH_TRY_VOID(check(p));
  FH_TRY_VOID(check_kind(p.kind));
  for (const auto& [what, name] : {std::pair("the provider", &p.provider), std::pair("the model", &p.model)}) {
    if (name->front() == ' ' || name->back() == ' ' || printable(*name, name->size()) != *name)
      return fail(Errc::invalid, fmt::format("{} has spaces around it or control characters", what));
  }
  if (p.usd_per_million > Money::picodollars(Int128{kDearest} * 1'000'000'000'000)) {
    return fail(Errc::invalid,
                fmt::format("{} USD a million tokens is more than a cent a token: the price is that of a "
                            "million tokens, and at most {}",
                            p.usd_per_million.text(), kDearest));
  }
  if (!p.from.empty() && (p.from < "2000-01-01" || p.from > "2199-12-31"))
    return fail(Errc::invalid, fmt::format("a price cannot apply from {}", p.from));
  if (p.retrieved > today)
    return fail(Errc::invalid, fmt::format("a price cannot have been read on {}: today is {}", p.retrieved, today));
  return {};
}

const PriceBook& PriceBook::built_in() {
  static const PriceBook book = [] {
    auto parsed = parse(std::string_view(
        freehold_price_book_begin, static_cast<std::size_t>(freehold_price_book_end - freehold_price_book_begin)));
    FH_CHECK(parsed.has_value(), "a test reads the file that is built in");
    return std::move(*parsed);
  }();
  return book;
}

Result<PriceBook::Name> PriceBook::resolve(std::string_view reference) const {
  const std::size_t slash = reference.find('/');
  std::set<std::string> providers;
  std::vector<std::string> known;
  for (const Price& p : rows_) {
    if (slash != std::string_view::npos) {
      if (p.provider == reference.substr(0, slash) && p.model == reference.substr(slash + 1))
        return Name{p.provider, p.model};
      known.push_back(p.provider + "/" + p.model);
    } else {
      if (p.model == reference) providers.insert(p.provider);
      known.push_back(p.model);
    }
  }
  if (providers.size() == 1) return Name{*providers.begin(), std::string(reference)};
  if (providers.size() > 1) {
    return fail(Errc::invalid, fmt::format("several have '{}': say PROVIDER/{} with {}", printable(reference),
                                           printable(reference), fmt::join(providers, ", ")));
  }
  const auto near = nearest(reference, known);
  return fail(Errc::not_found, fmt::format("no price of '{}' is known{}", printable(reference),
                                           near ? fmt::format("; did you mean '{}'?", *near) : ""));
}

const Price* PriceBook::find(const Name& name, std::string_view kind, std::string_view day) const {
  const Price* best = nullptr;
  for (const Price& p : rows_) {  // sorted: a later row began later; an unknown day comes first
    if (p.provider == name.provider && p.model == name.model && p.kind == kind && p.from <= day) best = &p;
  }
  return best;
}

std::vector<const Price*> PriceBook::history(const Name& name) const {
  std::vector<const Price*> out;
  for (const Price& p : rows_) {
    if (p.provider == name.provider && p.model == name.model) out.push_back(&p);
  }
  return out;
}

}  // namespace freehold::ledger
