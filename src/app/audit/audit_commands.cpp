// `audit verify`, `prove`, `checkpoint`, `key`: whether the log is what was written, and what shows it to others.
#include "app/audit/audit_commands.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>

#include "app/audit/proofs.h"
#include "app/audit/qr.h"
#include "app/console.h"
#include "app/json_writer.h"
#include "app/moment.h"
#include "app/output.h"
#include "app/serve/answer_id.h"
#include "audit/folder.h"
#include "audit/verify.h"
#include "base/file.h"
#include "base/utf8.h"
#include "store/store.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

Result<> run_verify(const Arguments& arguments, Console& console) {
  if (arguments.given("proof")) {
    if (arguments.given("against")) return fail(Errc::invalid, "--proof and --against are two questions");
    return verify_proofs(arguments, console);
  }
  FH_TRY(const fs::path folder, audit_folder_of(arguments));
  audit::VerifyOptions options;
  FH_TRY(options.key, audit_key_of(arguments));
  if (arguments.given("against")) {
    for (const std::string& path : arguments.list("against")) {
      FH_TRY(std::string note, read_file(path, kLongestNote));
      options.against.emplace_back(std::move(note), path);
    }
  }
  const auto begin = std::chrono::steady_clock::now();
  auto verified = audit::verify_log(folder, options);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (!verified) {
    if (verified.error().code == Errc::corrupt) console.hint(kKeepAsItIs);
    return Unexpected(std::move(verified).error());
  }
  const audit::Checkpoint& last = verified->checkpoint;
  if (arguments.flag("json")) {
    JsonWriter w(true);
    w.begin_object().member("verified", true).member("entries", last.size).member("checkpoints", verified->checkpoints);
    w.member("bytes", verified->bytes).member("root", audit::base64_of(last.root)).member("key", verified->key);
    w.member("against", static_cast<std::uint64_t>(options.against.size())).member("seconds", seconds).end_object();
    console.write(w.take() + "\n");
    return {};
  }
  console.write(fmt::format("{} entries are what was written ({} checkpoints, {:.1f} MB, {:.2f} s)\n", last.size,
                            verified->checkpoints, static_cast<double>(verified->bytes) / 1e6, seconds));
  if (last.size > 0) console.write(fmt::format("signed by {} at {}\n", last.origin, show_moment(last.time)));
  if (!verified->tree_whole)
    console.note("tree/ lacks what the last group adds, since its writer was killed: who writes next makes it anew");
  if (!options.against.empty()) {
    console.write(options.against.size() == 1
                      ? "the log continues the checkpoint that was kept\n"
                      : fmt::format("the log continues the {} checkpoints that were kept\n", options.against.size()));
  } else {
    console.note(
        "this tells damage; that nobody has made all of it anew, only --against a checkpoint kept elsewhere tells");
  }
  return {};
}

Result<> run_prove(const Arguments& arguments, Console& console) {
  FH_TRY(const fs::path folder, audit_folder_of(arguments));
  FH_TRY(const audit::Reader reader, audit::Reader::open(folder));
  FH_TRY(const std::uint64_t number, entry_number(reader, arguments.text("ID")));
  FH_TRY(const std::string proof, reader.prove(number));
  if (!arguments.given("output")) {
    console.write(proof);
    return {};
  }
  const std::string path(arguments.text("output"));
  FH_TRY_VOID(write_private(path, proof));
  console.note(fmt::format("wrote {}; the public key that it is checked with: freehold audit key", printable(path)));
  return {};
}

Result<> run_checkpoint(const Arguments& arguments, Console& console) {
  FH_TRY(const fs::path folder, audit_folder_of(arguments));
  FH_TRY(const audit::Reader reader, audit::Reader::open(folder));
  if (reader.size() == 0)
    return fail(Errc::not_found, fmt::format("the log in {} has no entries yet", printable(folder.string())));
  if (arguments.given("output")) {
    FH_TRY_VOID(write_file_atomically(std::string(arguments.text("output")), reader.note()));
  } else {
    console.write(reader.note());
  }
  if (!arguments.flag("qr")) return {};
  FH_TRY(const std::string code, qr_text(reader.note(), console.out_is_terminal()));
  console.write("\n" + code);
  return {};
}

Result<> run_key(const Arguments& arguments, Console& console) {
  FH_TRY(const fs::path folder, audit_folder_of(arguments));
  FH_TRY(const audit::Reader reader, audit::Reader::open(folder));
  console.write(reader.key().text() + "\n");
  return {};
}

Option output_option(std::string_view help) {
  return {.name = "output", .type = OptionType::file, .value = "FILE", .help = help, .letter = 'o'};
}

}  // namespace

Option audit_folder_option() {
  return {.name = "folder",
          .type = OptionType::file,
          .value = "FOLDER",
          .help = "A log elsewhere, for example a copy; by default $FREEHOLD_HOME/audit."};
}

Result<fs::path> audit_folder_of(const Arguments& arguments) {
  if (arguments.given("folder")) return fs::path(arguments.text("folder"));
  FH_TRY(const fs::path home, store::default_home());
  return audit::audit_folder(home);
}

Option audit_key_option() {
  return {.name = "key",
          .type = OptionType::file,
          .value = "KEY",
          .help = "The log's public key as you have kept it, or a file with it; by default the one beside the log."};
}

Result<std::optional<audit::VerifierKey>> audit_key_of(const Arguments& arguments) {
  if (!arguments.given("key")) return std::optional<audit::VerifierKey>();
  std::string text(arguments.text("key"));
  std::error_code ec;
  const bool is_file = fs::exists(text, ec);
  if (is_file) {
    FH_TRY(text, read_file(text, kLongestNote));
  }
  auto key = audit::VerifierKey::parse(text);
  if (key) return std::optional(std::move(*key));
  const std::string given = printable(arguments.text("key"), 120);
  return fail(Errc::invalid, is_file ? fmt::format("--key: {} holds no public key of an audit log: freehold audit key "
                                                   "prints the one that is meant",
                                                   given)
                                     : fmt::format("--key: there is no file '{}', and it is no public key of an audit "
                                                   "log either: freehold audit key prints the one that is meant",
                                                   given));
}

Result<std::uint64_t> entry_number(const audit::Reader& reader, std::string_view id) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error == std::errc() && end == id.data() + id.size() && id.size() < 20) return number;
  FH_TRY(auto found, reader.find(id));
  if (!found) {
    FH_TRY(found, reader.find(request_of_answer(id)));
  }
  if (found) return *found;
  return fail(Errc::not_found, fmt::format("there is no entry '{}' in the log", printable(id, 80)));
}

Command audit_group() {
  return {
      .name = "audit",
      .summary = "Look at, verify and hand out the log of who asked what.",
      .details =
          "`freehold serve` and the commands that change something write an entry for each request, refusal and act to "
          "$FREEHOLD_HOME/audit, before the answer is given: who, which model, how much, digests of what was asked and "
          "answered, and never the text of it. The entries are the leaves of one Merkle tree (RFC 9162), whose "
          "checkpoints are signed: what is changed, removed or put in later is found. That the whole log has not been "
          "made anew is shown by a checkpoint that somebody else keeps: freehold audit checkpoint.",
  };
}

Command audit_verify_command() {
  return {
      .name = "audit verify",
      .summary = "Check every byte of the log, or a proof from it.",
      .details =
          "Everything is computed anew: each record's sum, the tree, every checkpoint against the entries before it "
          "and the "
          "checkpoint before it, and the signature of the last. With --against, also that the log continues "
          "checkpoints that "
          "were kept elsewhere: only this tells a log that was rolled back to an older state, or made anew by somebody "
          "with "
          "its key. A server may be running. tools/verify/verify.py does the same without this program.",
      .options = {{.name = "against",
                   .type = OptionType::file,
                   .value = "CHECKPOINT",
                   .help = "A file with a checkpoint that was kept.",
                   .repeatable = true},
                  audit_key_option(),
                  {.name = "proof",
                   .type = OptionType::file,
                   .value = "FILE",
                   .help = "Check this file of `audit prove` instead, for which no log is needed but the key; or "
                           "each proof in a file of `guard export`, with what was asked and answered."},
                  audit_folder_option(),
                  {.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold audit verify", "The whole log:"},
                   {"freehold audit verify --against /media/usb/checkpoint", "And that it continues what was kept:"},
                   {"freehold audit verify --proof answer.tlog-proof --key key.pub", "What somebody else has proven:"},
                   {"freehold audit verify --proof patient-4711.jsonl --key key.pub", "What somebody was handed out:"}},
      .run = run_verify,
  };
}

Command audit_prove_command() {
  return {
      .name = "audit prove",
      .summary = "Write a file that proves that an entry is in the log.",
      .details =
          "The file holds the entry, its path in the tree and the latest checkpoint, and is checked with the log's "
          "public key "
          "alone, by `audit verify --proof` or tools/verify/verify.py. The format is C2SP's tlog-proof; `extra` is the "
          "entry.",
      .positionals = {{.name = "ID",
                       .help = "A receipt (the header Freehold-Receipt, or the id of an answer), or an entry's number.",
                       .is_file = false}},
      .options = {output_option("Where to write it; by default to standard output."), audit_folder_option()},
      .examples = {{"freehold audit prove req_5f0c9a3e7b1d2468aabbccdd -o answer.tlog-proof",
                    "That an answer was given:"}},
      .run = run_prove,
  };
}

Command audit_checkpoint_command() {
  return {
      .name = "audit checkpoint",
      .summary = "Print the latest signed checkpoint, to be kept elsewhere.",
      .details =
          "Some lines of text: how many entries there are, the root of their tree, the time, a signature. Whoever "
          "keeps them, "
          "on another machine, a stick or paper, can later tell whether the log was cut, rolled back or made anew: "
          "freehold audit verify --against FILE. The format is C2SP's tlog-checkpoint.",
      .options = {output_option("Where to write it; by default to standard output."),
                  {.name = "qr", .help = "Also a QR code of it on standard output, for a camera or for paper."},
                  audit_folder_option()},
      .examples = {{"freehold audit checkpoint --qr", "For a photograph, or a printer:"},
                   {"freehold audit checkpoint -o /media/usb/checkpoint", "For a stick in a drawer:"},
                   {"freehold audit checkpoint | ssh auditor@elsewhere 'cat > checkpoint'", "For another machine:"}},
      .run = run_checkpoint,
  };
}

Command audit_key_command() {
  return {
      .name = "audit key",
      .summary = "Print the public key that the log is signed with.",
      .details =
          "Whoever checks proofs or checkpoints keeps it. The private one never leaves $FREEHOLD_HOME/audit/key.",
      .options = {audit_folder_option()},
      .examples = {{"freehold audit key > key.pub", "For an auditor:"}},
      .run = run_key,
  };
}

}  // namespace freehold::app
