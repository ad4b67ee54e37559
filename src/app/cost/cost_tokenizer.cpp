// `cost tokenizer`: how many tokens a vendor's tokenizer makes of what a local model's counts, measured on one's own
// texts.
#include <fmt/format.h>

#include <algorithm>

#include "app/audit/act.h"
#include "app/commands.h"
#include "app/console.h"
#include "app/cost/cost_options.h"
#include "app/input.h"
#include "app/moment.h"
#include "app/open_model.h"
#include "app/table.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "guard/keys.h"
#include "ledger/cost_store.h"
#include "store/store.h"

namespace freehold::app {
namespace {

constexpr std::size_t kPageBytes = 2000;  // bytes: about a page, as a request may have

struct Vendors {
  text::Tokenizer tokenizer;
  std::string digest;  // of its file
};

// A tokenizer.json, a SentencePiece model, or whatever MODEL may be.
Result<Vendors> open_vendors(std::string_view path, Console& console) {
  std::error_code ec;
  const std::filesystem::path file{std::string(path)};
  const bool alone = std::filesystem::is_regular_file(file, ec) && file.extension() != ".gguf";
  if (!alone) {
    FH_TRY(const OpenModel opened, open_model(path, console));
    auto loaded = model::load_tokenizer(*opened.checkpoint);
    if (!loaded) return in_context(std::move(loaded).error(), printable(path));
    return Vendors{std::move(loaded->tokenizer), {}};
  }
  FH_TRY(const MappedFile mapped, MappedFile::open(file));
  auto loaded = model::tokenizer_of(mapped.bytes());
  if (!loaded) return in_context(std::move(loaded).error(), printable(path));
  return Vendors{std::move(*loaded), sha256(mapped.bytes()).name()};
}

// Texts of about a page, cut at the ends of lines where there are any.
std::vector<std::string_view> pages(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    std::size_t end = text.size();
    if (end > kPageBytes + kPageBytes / 2) {
      const std::size_t line = text.rfind('\n', kPageBytes);
      end = line != std::string_view::npos && line >= kPageBytes / 2 ? line + 1 : kPageBytes;
      while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    }
    if (text.substr(0, end).find_first_not_of(" \t\r\n") != std::string_view::npos) out.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return out;
}

Result<> show_ratios(const std::filesystem::path& home, bool json, Console& console) {
  FH_TRY(const std::vector<ledger::TokenRatio> all, ledger::token_ratios(home));
  if (json) {
    JsonWriter w(true);
    w.begin_object().key("estimated_tokens").begin_array();
    write_ratios(w, all);
    w.end_array().end_object();
    console.write(w.take() + "\n");
    return {};
  }
  std::vector<std::vector<std::string>> table = {{"VENDOR", "MODEL", "TOKENS", "MEASURED ON", "WHEN"}};
  for (const ledger::TokenRatio& r : all) {
    table.push_back({printable(r.vendor, 60), printable(r.model, 60), r.text(),
                     fmt::format("{} tokens", r.sample_tokens), show_moment(r.recorded)});
  }
  if (all.empty()) {
    console.note("nothing is measured: see freehold cost tokenizer --help");
  } else {
    console.write(as_table(table, {Align::left, Align::left, Align::left, Align::right, Align::left}));
  }
  return {};
}

Result<> run_tokenizer(const Arguments& arguments, Console& console) {
  FH_TRY(const std::filesystem::path home, store::default_home());
  if (!arguments.given("vendor") && !arguments.given("model") && !arguments.given("TEXT"))
    return show_ratios(home, arguments.flag("json"), console);
  for (const std::string_view o : {"vendor", "model", "tokenizer", "TEXT"}) {
    if (!arguments.given(o))
      return fail(Errc::invalid, fmt::format("'cost tokenizer' needs {}{} to measure", o == "TEXT" ? "" : "--", o));
  }
  FH_TRY(const ledger::PriceBook book, ledger::price_book(home));
  FH_TRY(const ledger::PriceBook::Name name, book.resolve(arguments.text("vendor")));
  FH_TRY(const OpenModel opened, open_model(arguments.text("model"), console));
  auto local = model::load_tokenizer(*opened.checkpoint);
  if (!local) return in_context(std::move(local).error(), printable(opened.reference));
  FH_TRY(const Vendors vendors, open_vendors(arguments.text("tokenizer"), console));
  std::vector<std::pair<std::uint64_t, std::uint64_t>> counts;
  const text::EncodeOptions plain{.parse_special = false, .add_special = false};
  for (const std::string& path : arguments.list("TEXT")) {
    FH_TRY(const std::string text, read_input(path));
    if (!is_utf8(text)) return fail(Errc::invalid, fmt::format("{} is not UTF-8", printable(path, 4096)));
    for (const std::string_view page : pages(text)) {
      FH_TRY(const auto ours, local->tokenizer.encode(page, plain));
      FH_TRY(const auto theirs, vendors.tokenizer.encode(page, plain));
      counts.emplace_back(ours.size(), theirs.size());
    }
  }
  auto measured = ledger::measured(counts);
  if (!measured) {
    console.hint(fmt::format("a text is about {} bytes of a file: give more files, or longer ones", kPageBytes));
    return Unexpected(std::move(measured).error());
  }
  measured->vendor = name.provider + "/" + name.model;
  measured->model = std::string(arguments.given("called") ? arguments.text("called") : arguments.text("model"));
  measured->tokenizer = vendors.digest;
  measured->recorded = guard::wall_seconds();
  FH_TRY(ledger::CostStore store, ledger::CostStore::open(home, sql::Open::create));
  FH_TRY_VOID(store.add(*measured));
  FH_TRY_VOID(record_act("cost.tokenizer", measured->vendor,
                         audit::Object().add("model", measured->model).add("ratio", measured->text())));
  if (arguments.flag("json")) {
    JsonWriter w(true);
    write_ratio(w, *measured);
    console.write(w.take() + "\n");
    return {};
  }
  console.write(fmt::format("{} counts {} {}: measured on {} texts, {} tokens\n", printable(measured->vendor, 60),
                            printable(measured->model, 60), measured->text(), counts.size(), measured->sample_tokens));
  return {};
}

}  // namespace

Command cost_tokenizer_command() {
  return {
      .name = "cost tokenizer",
      .summary = "Measure how many tokens a vendor would count, on your texts, and estimate by it from now on.",
      .details =
          "Events hold what the local model's tokenizer counted. A vendor's counts differently: by how much depends on "
          "the two vocabularies and on the texts. With the vendor's vocabulary in a file (OpenAI and others publish "
          "theirs) both are counted on texts of about a page; cost report, compare, explain and forecast then price "
          "the "
          "estimated count and say its error, within which 95 of 100 such texts are. Without a TEXT: what is measured.",
      .positionals = {{.name = "TEXT",
                       .help = "A file of texts like those of your requests.",
                       .required = false,
                       .repeatable = true}},
      .options = {{.name = "vendor",
                   .type = OptionType::text,
                   .value = "PROVIDER/MODEL",
                   .help = "Whose tokens are to be estimated, as the price book has it."},
                  {.name = "model",
                   .type = OptionType::text,
                   .value = "MODEL",
                   .help = "The local model: a name, a .gguf file or a folder."},
                  {.name = "called",
                   .type = OptionType::text,
                   .value = "NAME",
                   .help = "What clients call it by, if that is another name."},
                  {.name = "tokenizer",
                   .type = OptionType::text,
                   .value = "FILE",
                   .help = "The vendor's vocabulary: a tokenizer.json, a SentencePiece model, or a MODEL that has it."},
                  {.name = "json", .help = "Print JSON."}},
      .examples =
          {{"freehold cost tokenizer --vendor openai/gpt-4o --model mistral:q4 --tokenizer o200k/tokenizer.json "
            "letters.txt tickets.txt",
            "What would gpt-4o have counted?"},
           {"freehold cost tokenizer", "What is measured already?"}},
      .run = run_tokenizer,
      .acts = true,
  };
}

}  // namespace freehold::app
