// `audit replay`: whether an answer comes out again, byte for byte, from what its entry in the log pins.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "app/audit/act.h"
#include "app/audit/audit_commands.h"
#include "app/audit/kept.h"
#include "app/audit/replay.h"
#include "app/console.h"
#include "app/input.h"
#include "app/interrupt.h"
#include "app/json_writer.h"
#include "app/machine.h"
#include "app/moment.h"
#include "app/open_model.h"
#include "app/progress.h"
#include "app/sealing.h"
#include "app/table.h"
#include "audit/entry.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "kernel/level.h"
#include "store/store.h"

namespace freehold::app {
namespace {

void write_replayed(JsonWriter& out, const std::string& id, const Replayed& replayed) {
  out.begin_object().member("id", id).member("verdict", name_of(replayed.verdict));
  if (!replayed.reason.empty()) out.member("reason", replayed.reason);
  out.key("differences").begin_array();
  for (const Difference& d : replayed.differences) {
    out.begin_object().member("member", d.member).member("logged", d.logged).member("computed", d.computed);
    out.end_object();
  }
  out.end_array().member("seconds", replayed.seconds).end_object();
}

std::string shown(const std::string& value) {
  return value.empty() ? "-" : printable(value, 90);
}

void show(const Members& entry, const Replayed& replayed, Console& console) {
  const std::string id = printable(member_of(entry, "id"), 80);
  switch (replayed.verdict) {
    case Replayed::Verdict::equal:
      console.write(
          fmt::format("{} comes out again: prompt and answer have the digests of the log ({} tokens, {:.2f} s)\n", id,
                      printable(member_of(entry, "completion_tokens")), replayed.seconds));
      break;
    case Replayed::Verdict::beginning:
      console.write(
          fmt::format("{} comes out again as far as it went: its client left before the end, and what it was "
                      "given is the beginning of what is computed ({:.2f} s)\n",
                      id, replayed.seconds));
      break;
    case Replayed::Verdict::impossible:
      console.write(fmt::format("{} cannot be compared: {}\n", id, replayed.reason));
      break;
    case Replayed::Verdict::different: {
      std::vector<std::vector<std::string>> rows = {{"MEMBER", "LOGGED", "COMPUTED"}};
      for (const Difference& d : replayed.differences) rows.push_back({d.member, shown(d.logged), shown(d.computed)});
      console.write(
          fmt::format("{} comes out differently:\n{}", id, as_table(rows, std::vector<Align>(3, Align::left))));
      break;
    }
  }
}

ReplayOptions options_of(const Arguments& arguments, std::filesystem::path home, Console& console) {
  ReplayOptions options;
  options.home = std::move(home);
  options.threads = threads_of(arguments);
  options.limit = available_memory();
  if (arguments.given("model")) options.model = std::string(arguments.text("model"));
  options.report = [&console, say = arguments.flag("verbose")](const std::string& line) {
    if (say) console.note(line);
  };
  options.vault = [home = options.home, key = master_key_of(arguments, options.home)] {
    auto vault = open_vault(home, key, audit::MasterKey::Make::never);
    return vault ? std::move(*vault) : nullptr;
  };
  return options;
}

// That it was checked, and what came of it, for reports. A log elsewhere is only read.
void record(const Arguments& arguments, std::string_view subject, const std::array<std::uint64_t, 4>& counts,
            Console& console) {
  if (arguments.given("folder")) return;
  audit::Object details;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    details.add(name_of(static_cast<Replayed::Verdict>(i)), counts[i]);
  }
  if (auto written = record_act("audit.replay", subject, details); !written) console.note(written.error().what);
}

// The request of an entry: as it was given, or as it was kept.
Result<Asked> asked_for(const Arguments& arguments, const std::filesystem::path& home, const Members& entry) {
  if (arguments.given("request")) {
    FH_TRY(std::string body, read_input(arguments.text("request")));
    return Asked{{}, std::move(body), {}};
  }
  if (member_of(entry, "content").empty()) {
    return fail(Errc::invalid,
                "the request was not kept (freehold serve --keep-content does that): give the body as it "
                "was sent, with --request");
  }
  FH_TRY(KeptContent kept, KeptContent::open(home, master_key_of(arguments, home)));
  FH_TRY(const audit::Parts parts, kept.of(entry));
  return asked_of(parts);
}

Result<> replay_one(const Arguments& arguments, const std::filesystem::path& home, const audit::Reader& reader,
                    Console& console) {
  FH_TRY(const std::uint64_t number, entry_number(reader, arguments.text("ID")));
  FH_TRY(const std::string text, reader.entry(number));
  FH_TRY(const Members entry, audit::members_of(text));
  FH_TRY_VOID(check_is_answer(entry));
  Asked asked;
  if (!has_failed(entry)) {
    FH_TRY(asked, asked_for(arguments, home, entry));
  }
  Replayer replayer(options_of(arguments, home, console));
  FH_TRY(const Replayed replayed, replayer.replay(entry, asked));
  if (arguments.flag("json")) {
    JsonWriter out;
    write_replayed(out, member_of(entry, "id"), replayed);
    console.write(out.take() + "\n");
  } else {
    show(entry, replayed, console);
  }
  std::array<std::uint64_t, 4> counts{};
  counts[static_cast<std::size_t>(replayed.verdict)] = 1;
  record(arguments, member_of(entry, "id"), counts, console);
  if (!replayed.good()) console.end_with(static_cast<int>(ExitCode::found));
  return {};
}

// "1%" or "0.01".
Result<double> share_of(std::string_view text) {
  const bool percent = text.ends_with('%');
  const std::string_view number = percent ? text.substr(0, text.size() - 1) : text;
  double share = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), share);
  if (percent) share /= 100;
  if (error != std::errc() || end != number.data() + number.size() || !(share > 0) || share > 1) {
    return fail(Errc::invalid,
                fmt::format("--sample: a share such as 1% or 0.01, at most 100%, not '{}'", printable(text, 40)));
  }
  return share;
}

// The same entries every time, and those of 1 % among those of 2 %.
bool is_sampled(const std::string& id, double share) {
  const Digest digest = sha256("freehold audit replay --sample " + id);
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 8; ++i) number = number << 8 | std::to_integer<std::uint64_t>(digest.bytes[i]);
  return static_cast<double>(number) < share * 0x1p64;
}

// Entries of requests, drawn, in an order in which each model is loaded once.
Result<std::vector<Members>> drawn(const Arguments& arguments, const audit::Reader& reader) {
  FH_TRY(const double share, share_of(arguments.text("sample")));
  const std::int64_t now = audit::now_us() / 1'000'000;
  std::int64_t since = 0, until = INT64_MAX / 1'000'000;
  if (arguments.given("since")) {
    FH_TRY(since, parse_moment("--since", arguments.text("since"), now, Direction::past));
  }
  if (arguments.given("until")) {
    FH_TRY(until, parse_moment("--until", arguments.text("until"), now, Direction::past));
  }
  FH_TRY_VOID(reader.check());
  std::vector<Members> out;
  Result<> bad;
  FH_TRY_VOID(reader.each(0, [&](std::uint64_t number, std::string_view text) {
    auto facts = audit::facts_of(text);
    auto entry = facts ? audit::members_of(text) : tl::unexpected(facts.error());
    if (!entry) {
      bad = in_context(std::move(entry).error(), fmt::format("entry {}", number));
      return false;
    }
    if (facts->kind == "request" && facts->time >= since * 1'000'000 && facts->time < until * 1'000'000 &&
        is_sampled(facts->id, share)) {
      out.push_back(std::move(*entry));
    }
    return true;
  }));
  FH_TRY_VOID(bad);
  const auto order = [](const Members& entry) {
    std::string text;
    for (const char* member : {"model_digest", "template_digest", "context", "kv_cache", "model"}) {
      text += member_of(entry, member) + "\n";
    }
    return text;
  };
  std::stable_sort(out.begin(), out.end(), [&](const Members& a, const Members& b) { return order(a) < order(b); });
  return out;
}

struct SampleRow {
  std::string id, time;
  Replayed replayed;
};

void report(const std::vector<SampleRow>& rows, const Arguments& arguments, Console& console) {
  std::array<std::uint64_t, 4> counts{};
  for (const SampleRow& row : rows) ++counts[static_cast<std::size_t>(row.replayed.verdict)];
  record(arguments, fmt::format("sample of {}", arguments.text("sample")), counts, console);
  if (arguments.flag("json")) {
    JsonWriter out;
    out.begin_object().member("sample", arguments.text("sample")).member("drawn", std::uint64_t{rows.size()});
    for (std::size_t i = 0; i < counts.size(); ++i) {
      out.member(name_of(static_cast<Replayed::Verdict>(i)), counts[i]);
    }
    out.key("replays").begin_array();
    for (const SampleRow& row : rows) write_replayed(out, row.id, row.replayed);
    console.write(out.end_array().end_object().take() + "\n");
    return;
  }
  console.write(
      fmt::format("{} drawn ({}): {} come out again, {} as far as they went, {} differently, {} cannot be compared\n",
                  rows.size(), printable(arguments.text("sample")), counts[0], counts[1], counts[2], counts[3]));
  std::vector<std::vector<std::string>> table = {{"ID", "TIME", "VERDICT", "WHY"}};
  for (const SampleRow& row : rows) {
    if (row.replayed.good()) continue;
    std::string why = printable(row.replayed.reason, 120);
    for (const Difference& d : row.replayed.differences) why += (why.empty() ? "" : ", ") + d.member;
    table.push_back(
        {printable(row.id, 40), printable(row.time.substr(0, 19)), std::string(name_of(row.replayed.verdict)), why});
  }
  if (table.size() > 1) console.write(as_table(table, std::vector<Align>(4, Align::left)));
}

Result<> replay_sample(const Arguments& arguments, const std::filesystem::path& home, const audit::Reader& reader,
                       Console& console) {
  FH_TRY(const std::vector<Members> entries, drawn(arguments, reader));
  FH_TRY(KeptContent kept, KeptContent::open(home, master_key_of(arguments, home)));
  Replayer replayer(options_of(arguments, home, console));
  ProgressBar bar(console, "replaying", false);
  std::vector<SampleRow> rows;
  bool differs = false, compared = false;
  for (const Members& entry : entries) {
    SampleRow row{member_of(entry, "id"), member_of(entry, "time"), {}};
    const auto parts = kept.of(entry);
    auto replayed = parts ? replayer.replay(entry, asked_of(*parts)) : tl::unexpected(parts.error());
    if (!replayed && replayed.error().code == Errc::cancelled) return tl::unexpected(std::move(replayed).error());
    if (replayed) {
      row.replayed = std::move(*replayed);
    } else {
      row.replayed.reason = replayed.error().what;
    }
    differs = differs || row.replayed.verdict == Replayed::Verdict::different;
    compared = compared || row.replayed.verdict != Replayed::Verdict::impossible;
    rows.push_back(std::move(row));
    bar.update(rows.size(), entries.size());
  }
  bar.clear();
  report(rows, arguments, console);
  if (!compared) {
    console.note(rows.empty() ? "nothing was compared: no answer was drawn (a larger --sample draws more)"
                              : "nothing was compared: none of the answers that were drawn can be");
  }
  if (differs || (!compared && !rows.empty())) console.end_with(static_cast<int>(ExitCode::found));
  return {};
}

Result<> run_replay(const Arguments& arguments, Console& console) {
  catch_interrupts();
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY(const std::filesystem::path folder, audit_folder_of(arguments));
  const bool sample = arguments.given("sample");
  if (sample == arguments.given("ID"))
    return fail(Errc::invalid, "one answer (ID) or some of all (--sample) is needed");
  if (sample && arguments.given("request")) return fail(Errc::invalid, "--request is for one answer");
  if (!sample && (arguments.given("since") || arguments.given("until"))) {
    return fail(Errc::invalid, "--since and --until are for --sample");
  }
  FH_TRY(Sealing sealing, Sealing::begin(arguments));
  sealing.reads(folder);
  sealing.reads(arguments, "request");
  sealing.reads(arguments, "master-key");
  sealing.reads_model(arguments, "model");
  FH_TRY_VOID(sealing.enter(console));
  FH_TRY_VOID(kernel::chosen_level().map([](auto&&) {}));
  FH_TRY(const audit::Reader reader, audit::Reader::open(folder));
  return sample ? replay_sample(arguments, home, reader, console) : replay_one(arguments, home, reader, console);
}

std::vector<Option> replay_options() {
  return {{.name = "request",
           .type = OptionType::file,
           .value = "FILE",
           .help = "The body of the request, byte for byte as it was sent; - for standard input. By default what the "
                   "server has kept."},
          {.name = "sample",
           .type = OptionType::text,
           .value = "SHARE",
           .help = "Replay so many of all answers that were kept: 1%, or 0.01. Which ones, their ids decide."},
          {.name = "since",
           .type = OptionType::text,
           .value = "WHEN",
           .help = "With --sample, a span back from now (24h, 7d) or a date (2027-01-31, UTC)."},
          {.name = "until", .type = OptionType::text, .value = "WHEN", .help = "The same, for the end."},
          master_key_option(),
          {.name = "model",
           .type = OptionType::text,
           .value = "MODEL",
           .help = "Compute it with this model instead of the store's with the digest of the entry: for models that "
                   "were served from a path, and logs from elsewhere. If the entry has a digest, that of the files is "
                   "compared with it."},
          threads_option(),
          {.name = "verbose", .help = "Say on standard error what is loaded.", .letter = 'v'},
          {.name = "json", .help = "Print JSON."},
          audit_folder_option(),
          sealed_option()};
}

}  // namespace

Command audit_replay_command() {
  return {
      .name = "audit replay",
      .summary = "Compute an answer again and compare it with the log.",
      .details =
          "The request goes the same way through this program as it went through the server, with the weights, the "
          "adapter, the chat template's time, the seed, the context and the type of the cache that the entry pins; "
          "what comes of it is compared with the entry: the digests of prompt and answer, tokens, how it ended. The "
          "files must have the digests of the entry: of models of the store that is looked for by digest, whatever "
          "their names by now. Instruction set, threads and load do not matter. Of an answer whose client left, what "
          "was given must be the beginning of what is computed.\n\n"
          "The request is what the server has kept (freehold serve --keep-content), or the file of --request. An "
          "answer that went on from an earlier one (previous_response_id, a thread) is not in its body alone and "
          "cannot be replayed from a file. With --sample some of all answers are replayed, the same ones every time, "
          "and a report is written.\n\n"
          "Status 0: it comes out again; 8: it does not, or there is nothing to compare; with --sample 8 if an answer "
          "comes out differently, or none of those drawn can be compared: what cannot be compared is in the report, "
          "with the reason. What came of it is an entry of the log, unless --folder names another.",
      .positionals = {{.name = "ID",
                       .help = "A receipt (the header Freehold-Receipt, or the id of an answer), or an entry's number.",
                       .required = false,
                       .is_file = false}},
      .options = replay_options(),
      .examples = {{"freehold audit replay req_5f0c9a3e7b1d2468aabbccdd --request body.json",
                    "Is this what the model says?"},
                   {"FREEHOLD_ISA=scalar freehold audit replay chatcmpl-5f0c9a3e7b1d2468aabbccdd --request body.json",
                    "The same by the definition, without vector instructions:"},
                   {"freehold audit replay --sample 1% --since 24h --json", "Every night, one answer of a hundred:"}},
      .run = run_replay,
  };
}

}  // namespace freehold::app
