#include "app/cost/cost_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/moment.h"
#include "base/utf8.h"
#include "guard/keys.h"
#include "ledger/cost_store.h"

namespace freehold::app {
namespace {

constexpr std::int64_t kSecond = 1'000'000;  // microseconds
// A large model of each of the three vendors that most compare with, by names that the price book knows.
constexpr std::string_view kWellKnown[] = {"openai/gpt-4o", "anthropic/claude-sonnet-5", "google/gemini-2.5-pro"};

Option text_option(std::string_view name, std::string_view value, std::string_view help) {
  return {.name = name, .type = OptionType::text, .value = value, .help = help};
}

}  // namespace

std::vector<Option> filter_options() {
  return {text_option("since", "WHEN", "A span back from now (24h, 7d) or a date (2027-01-31, UTC)."),
          text_option("until", "WHEN", "The same, for the end."),
          text_option("key", "ID", "Only what this key asked."),
          text_option("model", "NAME", "Only what this model was asked, by the name it was called."),
          text_option("adapter", "NAME", "Only what was asked with this adapter."),
          text_option("tag", "TAG", "Only what clients marked so (the header Freehold-Tag).")};
}

Result<ledger::Filter> filter_of(const Arguments& arguments) {
  ledger::Filter filter;
  const std::int64_t now = guard::wall_seconds();
  if (arguments.given("since")) {
    FH_TRY(const std::int64_t since, parse_moment("--since", arguments.text("since"), now, Direction::past));
    filter.since = since * kSecond;
  }
  if (arguments.given("until")) {
    FH_TRY(const std::int64_t until, parse_moment("--until", arguments.text("until"), now, Direction::past));
    filter.until = until * kSecond;
  }
  if (filter.since && filter.until && *filter.since >= *filter.until) {
    return fail(Errc::invalid, "--since is not before --until");
  }
  for (const auto& [name, to] : {std::pair("key", &filter.key_id), std::pair("model", &filter.model),
                                 std::pair("adapter", &filter.adapter), std::pair("tag", &filter.tag)}) {
    if (arguments.given(name)) *to = std::string(arguments.text(name));
  }
  return filter;
}

bool leaves_out(const ledger::Filter& f) {
  return f.key_id || f.model || f.adapter || f.tag || f.vendor;
}

Option vendor_option() {
  return {.name = "vendor",
          .type = OptionType::text,
          .value = "PROVIDER/MODEL",
          .help =
              "Show what the same tokens would have cost there; several times for several; all, none; without it "
              "three well-known ones.",
          .repeatable = true};
}

Result<std::vector<ledger::VendorPrices>> vendors_of(const Arguments& arguments, const ledger::PriceBook& book,
                                                     const std::filesystem::path& home) {
  FH_TRY(const std::vector<ledger::TokenRatio> ratios, ledger::token_ratios(home));
  std::vector<ledger::VendorPrices> out;
  std::vector<std::string> names = arguments.list("vendor");
  if (names.empty()) names.assign(std::begin(kWellKnown), std::end(kWellKnown));
  const auto add = [&](ledger::PriceBook::Name name) {
    const bool there = std::any_of(out.begin(), out.end(), [&](const auto& v) {
      return v.name().provider == name.provider && v.name().model == name.model;
    });
    if (!there) out.emplace_back(book, std::move(name)).estimate_with(ratios);
  };
  for (const std::string& name : names) {
    if (name == "none") continue;
    if (name == "all") {
      for (const ledger::Price& p : book.rows()) {
        if (p.kind == "output") add({p.provider, p.model});
      }
      continue;
    }
    FH_TRY(ledger::PriceBook::Name resolved, book.resolve(name));
    add(std::move(resolved));
  }
  return out;
}

Result<ledger::Money> money_of(std::string_view what, std::string_view text) {
  auto money = ledger::Money::parse(text);
  if (!money) return fail(Errc::invalid, fmt::format("{}: {}", what, money.error().what));
  return *money;
}

Result<std::int64_t> scaled(std::string_view what, std::string_view text, int digits) {
  FH_TRY(const ledger::Money value, money_of(what, text));
  ledger::Int128 unit = 1;
  for (int i = digits; i < ledger::Money::kDigits; ++i) unit *= 10;
  if (value.units() % unit != 0)
    return fail(Errc::invalid,
                fmt::format("{}: '{}' has more than {} digits behind the point", what, printable(text, 40), digits));
  return static_cast<std::int64_t>(value.units() / unit);
}

std::string shown(const ledger::Amount& amount, std::uint64_t requests) {
  if (amount.unpriced == 0) return amount.usd.rounded(6);
  if (amount.usd == ledger::Money() && amount.unpriced >= requests) return "unpriced";
  return fmt::format("{} + {} unpriced", amount.usd.rounded(6), amount.unpriced);
}

void write_amount(JsonWriter& w, std::string_view name, const ledger::Amount& amount, std::uint64_t requests) {
  w.key(name).begin_object().key("usd");
  const bool nothing = amount.unpriced > 0 && amount.unpriced >= requests && amount.usd == ledger::Money();
  nothing ? w.null() : w.value(amount.usd.text());
  w.member("unpriced_requests", amount.unpriced).end_object();
}

void write_ratio(JsonWriter& w, const ledger::TokenRatio& r) {
  w.begin_object().member("vendor", r.vendor).member("model", r.model);
  w.member("ratio", static_cast<double>(r.millionths) * 1e-6);
  w.member("error", static_cast<double>(r.error_millionths) * 1e-6);
  w.member("sample_tokens", r.sample_tokens).member("tokenizer", r.tokenizer);
  w.member("measured", show_moment(r.recorded)).end_object();
}

void write_ratios(JsonWriter& w, const std::vector<ledger::TokenRatio>& ratios) {
  for (const ledger::TokenRatio& ratio : ratios) write_ratio(w, ratio);
}

std::string ratio_lines(const ledger::VendorPrices& vendor) {
  std::string out;
  for (const ledger::TokenRatio& ratio : vendor.ratios()) {
    out += fmt::format("{}: tokens of {} are estimated there as {}\n", printable(vendor.text(), 60),
                       printable(ratio.model, 60), ratio.text());
  }
  return out;
}

namespace {

// Whether a cell can stand as it is: printable ASCII without what quoting or a spreadsheet would see.
bool plain_cell(std::string_view text) {
  if (!text.empty() && std::string_view("=+-@").find(text[0]) != std::string_view::npos) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < '\x7f' && c != ',' && c != '"'; });
}

}  // namespace

std::string csv_cell(std::string_view text) {
  if (plain_cell(text)) return std::string(text);
  std::string cell = replace_invalid_utf8(text);
  if (!cell.empty() && std::string_view("=+-@\t\r").find(cell[0]) != std::string_view::npos) {
    const bool number = cell.find_first_not_of("0123456789.-") == std::string::npos;
    if (!number || cell == "-") cell.insert(cell.begin(), '\'');
  }
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string out = "\"";
  for (const char c : cell) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string csv_line(const std::vector<std::string>& cells) {
  std::string out;
  for (std::size_t i = 0; i < cells.size(); ++i) out += (i == 0 ? "" : ",") + csv_cell(cells[i]);
  return out + "\r\n";
}

}  // namespace freehold::app
