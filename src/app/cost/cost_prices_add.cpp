// `cost prices add`, `import` and `sign`: rows of the price book of one's own.
#include <fmt/format.h>

#include <algorithm>

#include "app/audit/act.h"
#include "app/commands.h"
#include "app/console.h"
#include "app/cost/cost_options.h"
#include "app/input.h"
#include "app/moment.h"
#include "base/file.h"
#include "base/utf8.h"
#include "guard/keys.h"
#include "guard/signature.h"
#include "ledger/cost_store.h"
#include "store/store.h"

namespace freehold::app {
namespace {

using ledger::Price;

constexpr std::string_view kPurpose = "price book";
constexpr std::uint64_t kLargestBook = 64 << 20;  // bytes

std::string this_day() {
  return show_moment(guard::wall_seconds()).substr(0, 10);
}

Result<> store_prices(const std::vector<Price>& prices) {
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY(ledger::CostStore costs, ledger::CostStore::open(home, sql::Open::create));
  return costs.add(prices, guard::wall_seconds());
}

// What a slip of the hand would look like: a model that nobody knew, a price that is far from the one before.
void note_change(const ledger::PriceBook& before, const Price& p, Console& console) {
  const ledger::PriceBook::Name name{p.provider, p.model};
  if (before.history(name).empty()) {
    const auto known = before.resolve(p.provider + "/" + p.model);
    console.note("note: a new model: " + known.error().what);
    return;
  }
  const Price* old = before.find(name, p.kind, p.from);
  if (old == nullptr) return;
  const std::string since = old->from.empty() ? "an unknown day" : old->from;
  if (old->from == p.from) {
    console.note(fmt::format("note: it takes the place of {} USD from the same day ({})", old->usd_per_million.text(),
                             printable(old->source, 80)));
  }
  constexpr int kFar = 20;
  const ledger::Money low = std::min(old->usd_per_million, p.usd_per_million),
                      high = std::max(old->usd_per_million, p.usd_per_million);
  if (low > ledger::Money() && high > low * kFar) {
    console.note(fmt::format("note: that is {} the {} USD from {}: is it the price of a million tokens?",
                             p.usd_per_million == high ? "more than 20 times" : "less than a twentieth of",
                             old->usd_per_million.text(), since));
  }
}

Result<> run_prices_add(const Arguments& arguments, Console& console) {
  Price p;
  const std::string_view model = arguments.text("MODEL");
  const std::size_t slash = model.find('/');
  if (slash == std::string_view::npos) return fail(Errc::invalid, "write the model as PROVIDER/MODEL");
  p.provider = std::string(model.substr(0, slash)), p.model = std::string(model.substr(slash + 1));
  p.kind = std::string(arguments.text("KIND"));
  const std::string_view amount = arguments.text("USD");
  const auto usd = ledger::Money::parse(amount);
  if (!usd) {
    return fail(Errc::invalid,
                fmt::format("'{}' is no price: write USD a million tokens as a plain decimal, 2.25; what is "
                            "in another currency must be converted first",
                            printable(amount, 40)));
  }
  p.usd_per_million = *usd;
  p.from = arguments.given("from") ? std::string(arguments.text("from")) : this_day();
  p.source = std::string(arguments.text("source"));
  p.retrieved = arguments.given("retrieved") ? std::string(arguments.text("retrieved")) : this_day();
  p.confidence = std::string(arguments.text("confidence"));
  p.note = std::string(arguments.text("note"));
  p.basis = "added by hand";
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY(const ledger::PriceBook before, ledger::price_book(home));
  FH_TRY_VOID(store_prices({p}));
  FH_TRY_VOID(record_act(
      "cost.prices.add", model,
      audit::Object().add("kind", p.kind).add("usd_per_million", p.usd_per_million.text()).add("from", p.from)));
  console.note(fmt::format("{} {}: {} USD a million from {}", printable(model, 80), printable(p.kind),
                           p.usd_per_million.text(), p.from));
  note_change(before, p, console);
  return {};
}

Result<> run_prices_import(const Arguments& arguments, Console& console) {
  const std::string file(arguments.text("FILE"));
  FH_TRY(const std::string content, read_input(file, kLargestBook));
  if (arguments.given("trust")) {
    FH_TRY(const std::string line, read_input(file + ".sig", 1000));
    FH_TRY(const guard::Signature signature, guard::parse_signature(line));
    if (signature.public_key != arguments.text("trust"))
      return fail(Errc::invalid, fmt::format("{} is signed by another key: {}", printable(file), signature.public_key));
    if (!guard::verify(signature, kPurpose, content))
      return fail(Errc::corrupt, fmt::format("{} is not what was signed", printable(file)));
  } else {
    console.note("the origin of these prices was not checked: see --trust");
  }
  FH_TRY(const ledger::PriceBook book, ledger::PriceBook::parse(content));
  FH_TRY_VOID(store_prices(book.rows()));
  FH_TRY_VOID(record_act(
      "cost.prices.import", file,
      audit::Object().add("prices", std::uint64_t{book.rows().size()}).add("digest", sha256(content).name())));
  console.note(fmt::format("{} prices", book.rows().size()));
  return {};
}

Result<> run_prices_sign(const Arguments& arguments, Console& console) {
  const std::string file(arguments.text("FILE"));
  FH_TRY(const std::string content, read_input(file, kLargestBook));
  FH_TRY_VOID(ledger::PriceBook::parse(content));
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY_VOID(make_directories(home));
  FH_TRY(const guard::Signature signature, guard::sign(home / "price-signing.key", kPurpose, content));
  FH_TRY_VOID(write_file_atomically(file + ".sig", signature.line()));
  console.write(signature.public_key + "\n");
  return {};
}

Option price_text(std::string_view name, std::string_view value, std::string_view help, bool required = false) {
  return {.name = name, .type = OptionType::text, .value = value, .help = help, .required = required};
}

}  // namespace

Command cost_prices_add_command() {
  return {
      .name = "cost prices add",
      .summary = "Add a price of your own: negotiated, new, or corrected.",
      .details =
          "A row is superseded by a later one of the same model, kind and day, never edited; it applies until the next "
          "of its model and kind begins.\n\n"
          "KIND is one of input, output, cached_input, cache_write_5m, cache_write_1h, batch_input, batch_output, "
          "input_above_128k, output_above_128k, input_above_200k, output_above_200k, output_thinking, training, "
          "training_low, training_high. Whatever it is, the price is that of a million tokens, in USD.",
      .positionals = {{.name = "MODEL", .help = "PROVIDER/MODEL.", .is_file = false},
                      {.name = "KIND", .help = "Of what: input, output, cached_input …", .is_file = false},
                      {.name = "USD",
                       .help = "A million tokens, from 0 to 10000; at most six digits behind the point.",
                       .is_file = false}},
      .options = {price_text("from", "DAY", "The first day on which it applies; today if missing."),
                  price_text("source", "TEXT", "Where it stands: a contract, an address.", true),
                  price_text("retrieved", "DAY", "When it was read; today if missing."),
                  {.name = "confidence",
                   .type = OptionType::choice,
                   .value = "high|medium|low",
                   .fallback = "high",
                   .help = "How sure it is."},
                  price_text("note", "TEXT", "More about it.")},
      .examples = {{"freehold cost prices add openai/gpt-4o input 2.25 --from 2026-12-01 --source contract",
                    "A discount:"}},
      .run = run_prices_add,
      .acts = true,
  };
}

Command cost_prices_import_command() {
  return {
      .name = "cost prices import",
      .summary = "Add all prices of a file in the format of the price book.",
      .positionals = {{.name = "FILE", .help = "JSON; beside it FILE.sig, if it is signed."}},
      .options = {price_text("trust", "KEY",
                             "Only if FILE.sig is a right signature by this key, as cost prices sign prints it.")},
      .examples = {{"freehold cost prices import prices.json --trust "
                    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                    "Prices that a colleague has signed:"}},
      .run = run_prices_import,
      .acts = true,
  };
}

Command cost_prices_sign_command() {
  return {
      .name = "cost prices sign",
      .summary = "Sign a file of prices for others (Ed25519), and print the key by which they can tell.",
      .details =
          "The key is $FREEHOLD_HOME/price-signing.key, which is made the first time; the signature is FILE.sig.",
      .positionals = {{.name = "FILE", .help = "JSON in the format of the price book."}},
      .examples = {{"freehold cost prices sign prices.json", "For colleagues:"}},
      .run = run_prices_sign,
  };
}

}  // namespace freehold::app
