#include "app/audit/proofs.h"

#include <fmt/format.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "app/audit/audit_commands.h"
#include "app/json_writer.h"
#include "app/moment.h"
#include "app/serve/audit_trail.h"
#include "audit/folder.h"
#include "audit/reader.h"
#include "base/file.h"
#include "base/hash.h"
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
  std::uint64_t proofs = 0, others = 0;           // lines with one, and without
  std::uint64_t said = 0, changed = 0, gone = 0;  // of those with one, by what is beside it
  audit::Checkpoint last;                         // the one of most entries
};

const format::Value* object_in(const format::Value& value, std::string_view name) {
  const format::Value* found = value.member(name);
  return found != nullptr && found->is_object() ? found : nullptr;
}

std::string_view text_in(const format::Value& value, std::string_view name) {
  const format::Value* found = value.member(name);
  return found != nullptr ? found->as_string().value_or("") : std::string_view();
}

// U+FFFD stands in an export for bytes that are no UTF-8: their digest cannot be told any more.
bool is_exact(std::string_view text) {
  return text.find("\xEF\xBF\xBD") == std::string_view::npos;
}

// What was asked and answered must have the digests of its entry (docs/formats/audit.md). It cannot have them where a
// rule changed it before it was kept, which the entry says, too.
Result<> compare_said(const format::Value& entry, const format::Value& content, Exported& out) {
  const format::Value *body = content.member("body"), *answers = content.member("answers");
  if (body == nullptr && answers == nullptr) {
    ++out.gone;
    return {};
  }
  const format::Value* personal = object_in(entry, "personal_data");
  if (personal != nullptr && object_in(*personal, "log") != nullptr) {
    ++out.changed;
    return {};
  }
  const std::string_view asked = text_in(content, "body");
  bool exact = is_exact(asked);
  if (exact && digest_of(asked) != text_in(entry, "request_digest"))
    return fail(Errc::corrupt, "its body is not what was asked: it has another digest than the entry says");
  std::vector<Digest> digests;
  for (const format::Value& answer : answers != nullptr ? answers->items() : std::vector<format::Value>()) {
    const std::string_view text = answer.as_string().value_or("");
    exact = exact && is_exact(text);
    digests.push_back(sha256(text));
  }
  if (exact && !digests.empty() && digest_of(digests) != text_in(entry, "answer_digest"))
    return fail(Errc::corrupt, "its answers are not what was answered: they have another digest than the entry says");
  ++(exact ? out.said : out.changed);
  return {};
}

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
  const format::Value* entry = object_in(value, "entry");
  const format::Value* content = object_in(value, "content");
  return entry != nullptr && content != nullptr ? compare_said(*entry, *content, out) : Result<>();
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
    w.member("said", out.said).member("changed", out.changed).member("gone", out.gone);
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
  if (out.said > 0) {
    console.note(fmt::format("what was asked and answered is what {} say{}: the digests are the same",
                             out.said == 1 ? "its entry" : fmt::format("the entries of {}", out.said),
                             out.said == 1 ? "s" : ""));
  }
  if (out.changed > 0) {
    console.note(
        fmt::format("of {} it cannot be told: a rule on personal data changed it before it was kept, or it was "
                    "no UTF-8",
                    out.changed));
  }
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
