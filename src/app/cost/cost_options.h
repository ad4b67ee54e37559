// What the `cost` commands share: conditions on events, vendors to compare with, amounts as people and programs read
// them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "app/command.h"
#include "app/json_writer.h"
#include "ledger/report.h"

namespace freehold::app {

// --since, --until, --key, --model, --adapter, --tag.
std::vector<Option> filter_options();
Result<ledger::Filter> filter_of(const Arguments& arguments);
// Whether it leaves out anything but times.
bool leaves_out(const ledger::Filter& filter);

// --vendor, repeatable: PROVIDER/MODEL, "all", or "none"; some well-known ones if it is not given.
Option vendor_option();
// With the ratios by which this home estimates their tokens.
Result<std::vector<ledger::VendorPrices>> vendors_of(const Arguments& arguments, const ledger::PriceBook& book,
                                                     const std::filesystem::path& home);

// An amount of money typed by somebody. Errors: invalid, naming the option.
Result<ledger::Money> money_of(std::string_view what, std::string_view text);
// The same with at most `digits` behind the point, as a whole number of such units: "1.5" with 3 is 1500.
Result<std::int64_t> scaled(std::string_view what, std::string_view text, int digits);

// "0.001234", "unpriced", "0.001234 + 5 unpriced"; of nothing "-".
std::string shown(const ledger::Amount& amount, std::uint64_t requests);
// A member {"usd": "…" | null, "unpriced_requests": n}: null if nothing of it could be priced.
void write_amount(JsonWriter& w, std::string_view name, const ledger::Amount& amount, std::uint64_t requests);

// How a vendor's tokenizer counts what local models' did: an object; objects, for a list; a line for each model.
void write_ratio(JsonWriter& w, const ledger::TokenRatio& ratio);
void write_ratios(JsonWriter& w, const std::vector<ledger::TokenRatio>& ratios);
std::string ratio_lines(const ledger::VendorPrices& vendor);

// One cell of CSV: quoted where it must be; what a spreadsheet would take for a formula gets an apostrophe before it.
std::string csv_cell(std::string_view text);
std::string csv_line(const std::vector<std::string>& cells);

}  // namespace freehold::app
