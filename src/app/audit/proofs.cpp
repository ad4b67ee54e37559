#include "app/audit/proofs.h"

#include <fmt/format.h>

#include <cstddef>
#include <filesystem>
#include <string>

#include "app/audit/audit_commands.h"
#include "app/json_writer.h"
#include "app/moment.h"
#include "audit/folder.h"
#include "audit/reader.h"
#include "base/file.h"
#include "base/line_reader.h"
#include "base/utf8.h"
#include "format/json.h"

namespace freehold::app {
namespace {

constexpr std::size_t kLongestLine = std::size_t{1} << 30;  // of an export: all that a request was asked and answered

Result<audit::VerifierKey> key_to_believe(const Arguments& arguments) {
  FH_TRY(auto key, audit_key_of(arguments));
  if (key) return *std::move(key);
  FH_TRY(const std::filesystem::path folder, audit_folder_of(arguments));
  FH_TRY(const std::string text, read_file(audit::Files{folder}.public_key(), kLongestNote));
  return audit::VerifierKey::parse(text);
}

Result<> verify_one(const std::string& path, const audit::VerifierKey& key, bool json, Console& console) {
  FH_TRY(const std::string text, read_file(path));
  auto proven = audit::check_proof(text, key);
  if (!proven) return in_context(std::move(proven).error(), printable(path));
  if (json) {
    JsonWriter w(true);
    w.begin_object().member("number", proven->number).member("entries", proven->checkpoint.size);
    w.member("signed_by", key.name()).member("entry", proven->entry).end_object();
    console.write(w.take() + "\n");
    return {};
  }
  console.write(fmt::format("entry {} is in the log of {} entries signed by {} at {}:\n{}\n", proven->number,
                            proven->checkpoint.size, key.name(), show_moment(proven->checkpoint.time),
                            terminal_safe(proven->entry)));
  return {};
}

struct Exported {
  std::uint64_t proofs = 0, others = 0;  // lines with one, and without
  audit::Checkpoint last;                // the one of most entries
};

// The entry that is shown must be the one that is proven, letter for letter.
Result<> verify_line(std::string_view line, const audit::VerifierKey& key, Exported& out) {
  FH_TRY(const format::Value value, format::parse_json(line, {.token = line.size() + 1}));
  const format::Value* proof = value.is_object() ? value.member("proof") : nullptr;
  if (proof == nullptr) {
    if (!value.is_object() || value.member("entry") != nullptr) return fail(Errc::corrupt, "there is no proof in it");
    ++out.others;
    return {};
  }
  FH_TRY(const audit::Proven proven, audit::check_proof(proof->as_string().value_or(""), key));
  if (!line.starts_with(fmt::format("{{\"entry\":{},", proven.entry)))
    return fail(Errc::corrupt, "its entry is not the one that its proof is of");
  ++out.proofs;
  if (proven.checkpoint.size >= out.last.size) out.last = proven.checkpoint;
  return {};
}

Result<> verify_export(const std::string& path, const audit::VerifierKey& key, bool json, Console& console) {
  FH_TRY(InputFile file, InputFile::open(path));
  LineReader lines(std::move(file), kLongestLine);
  Exported out;
  for (;;) {
    FH_TRY(const auto line, lines.next());
    if (!line) break;
    if (is_blank(line->text)) continue;
    if (auto checked = verify_line(line->text, key, out); !checked) {
      checked.error().code = Errc::corrupt;
      return in_context(std::move(checked).error(), fmt::format("{}: line {}", printable(path), line->number));
    }
  }
  if (out.proofs == 0) return fail(Errc::corrupt, fmt::format("{}: there is no proof in it", printable(path)));
  if (json) {
    JsonWriter w(true);
    w.begin_object().member("proofs", out.proofs).member("without", out.others);
    w.member("entries", out.last.size).member("signed_by", key.name()).end_object();
    console.write(w.take() + "\n");
    return {};
  }
  console.write(fmt::format("{} entr{} in the log of {} entries signed by {} at {}\n", out.proofs,
                            out.proofs == 1 ? "y is" : "ies are", out.last.size, key.name(),
                            show_moment(out.last.time)));
  if (out.others > 0) {
    console.note(fmt::format("{} line{} no proof: lines of batches and values that have pseudonyms are not in the log",
                             out.others, out.others == 1 ? " has" : "s have"));
  }
  console.note("proven are the entries; what was said stands beside them: sha256sum of a body is its request_digest");
  return {};
}

}  // namespace

Result<> verify_proofs(const Arguments& arguments, Console& console) {
  FH_TRY(const audit::VerifierKey key, key_to_believe(arguments));
  const std::string path(arguments.text("proof"));
  FH_TRY(InputFile file, InputFile::open(path));
  std::byte first{};
  FH_TRY(const std::size_t read, file.read({&first, 1}));
  const bool lines = read == 1 && first == std::byte{'{'};
  return lines ? verify_export(path, key, arguments.flag("json"), console)
               : verify_one(path, key, arguments.flag("json"), console);
}

}  // namespace freehold::app
