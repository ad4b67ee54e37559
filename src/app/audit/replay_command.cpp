// `audit replay`: whether an answer comes out again, byte for byte, from what its entry in the log pins.
#include <fmt/format.h>

#include "app/audit/audit_commands.h"
#include "app/audit/replay.h"
#include "app/console.h"
#include "app/input.h"
#include "app/interrupt.h"
#include "app/json_writer.h"
#include "app/machine.h"
#include "app/sealing.h"
#include "app/table.h"
#include "audit/entry.h"
#include "base/thread_pool.h"
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
  options.threads = arguments.given("threads") ? static_cast<int>(arguments.integer("threads")) : available_cpus();
  options.limit = available_memory();
  if (arguments.given("model")) options.model = std::string(arguments.text("model"));
  options.report = [&console, say = arguments.flag("verbose")](const std::string& line) {
    if (say) console.note(line);
  };
  return options;
}

Result<> run_replay(const Arguments& arguments, Console& console) {
  catch_interrupts();
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY(const std::filesystem::path folder, audit_folder_of(arguments));
  if (!arguments.given("request")) return fail(Errc::invalid, "--request: the body as it was sent is needed");
  FH_TRY(Sealing sealing, Sealing::begin(arguments));
  sealing.reads(folder);
  sealing.reads(arguments, "request");
  sealing.reads_model(arguments, "model");
  FH_TRY_VOID(sealing.enter(console));
  FH_TRY_VOID(kernel::chosen_level().map([](auto&&) {}));
  FH_TRY(const audit::Reader reader, audit::Reader::open(folder));
  FH_TRY(const std::uint64_t number, entry_number(reader, arguments.text("ID")));
  FH_TRY(const std::string text, reader.entry(number));
  FH_TRY(const Members entry, audit::members_of(text));
  FH_TRY(std::string body, read_input(arguments.text("request")));
  Replayer replayer(options_of(arguments, home, console));
  FH_TRY(const Replayed replayed, replayer.replay(entry, {{}, std::move(body)}));
  if (arguments.flag("json")) {
    JsonWriter out;
    write_replayed(out, member_of(entry, "id"), replayed);
    console.write(out.take() + "\n");
  } else {
    show(entry, replayed, console);
  }
  if (!replayed.good()) console.end_with(static_cast<int>(ExitCode::found));
  return {};
}

std::vector<Option> replay_options() {
  return {{.name = "request",
           .type = OptionType::file,
           .value = "FILE",
           .help = "The body of the request, byte for byte as it was sent; - for standard input."},
          {.name = "model",
           .type = OptionType::text,
           .value = "MODEL",
           .help = "Compute it with this model instead of the store's with the digest of the entry: for models that "
                   "were served from a path."},
          {.name = "threads",
           .type = OptionType::integer,
           .value = "N",
           .least = 1,
           .most = 1024,
           .help = "Threads; by default as many as this process may use CPUs. The answer does not depend on it."},
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
          "An answer that went on from an earlier one (previous_response_id, a thread) is not in its body alone and "
          "cannot be replayed from it. Status 0: it comes out again; 8: it does not, or there is nothing to compare.",
      .positionals = {{.name = "ID",
                       .help = "A receipt (the header Freehold-Receipt, or the id of an answer), or an entry's number.",
                       .is_file = false}},
      .options = replay_options(),
      .examples = {{"freehold audit replay req_5f0c9a3e7b1d2468aabbccdd --request body.json",
                    "Is this what the model says?"},
                   {"FREEHOLD_ISA=scalar freehold audit replay chatcmpl-5f0c9a3e7b1d2468aabbccdd --request body.json",
                    "The same by the definition, without vector instructions:"}},
      .run = run_replay,
  };
}

}  // namespace freehold::app
