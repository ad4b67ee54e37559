#include "app/audit/proofs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
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

Unexpected no_line() {
  return fail(Errc::corrupt, "this is no line of freehold guard export");
}

const format::Value* text_or_null(const format::Value* value) {
  return value != nullptr && value->is_string() ? value : nullptr;
}

std::string_view text_in(const format::Value& value, std::string_view name) {
  const format::Value* found = text_or_null(value.member(name));
  return found != nullptr ? *found->as_string() : std::string_view();
}

// Whether these are its members, none else; what may be left out ends with '?'.
bool has_only(const format::Value& value, std::initializer_list<std::string_view> names) {
  std::size_t found = 0;
  for (std::string_view name : names) {
    const bool optional = name.ends_with('?');
    if (optional) name.remove_suffix(1);
    const bool there = value.member(name) != nullptr;
    if (!there && !optional) return false;
    found += there ? 1 : 0;
  }
  return value.is_object() && found == value.size();
}

bool all_texts(const format::Value& object) {
  const auto members = object.members();
  return std::all_of(members.begin(), members.end(), [](const auto& member) { return member.value.is_string(); });
}

// U+FFFD stands in an export for bytes that are no UTF-8: their digest cannot be told any more.
bool is_exact(std::string_view text) {
  return text.find("\xEF\xBF\xBD") == std::string_view::npos;
}

// What was asked and answered must have the digests of its entry (docs/formats/audit.md). It cannot have them where a
// rule changed it before it was kept, which the entry says, too.
Result<> compare_said(const format::Value& entry, const format::Value& content, Exported& out) {
  if (has_only(content, {"unreadable"}) && all_texts(content)) {
    ++out.gone;
    return {};
  }
  if (!has_only(content, {"address", "body", "answers", "earlier?"}) || !content.member("answers")->is_array() ||
      text_or_null(content.member("address")) == nullptr || text_or_null(content.member("body")) == nullptr)
    return no_line();
  const format::Value* earlier = content.member("earlier");
  if (earlier != nullptr && (!earlier->is_object() || !all_texts(*earlier))) return no_line();
  std::vector<Digest> digests;
  bool exact = true;
  for (const format::Value& answer : content.member("answers")->items()) {
    if (!answer.is_string()) return no_line();
    exact = exact && is_exact(*answer.as_string());
    digests.push_back(sha256(*answer.as_string()));
  }
  const format::Value* tokens = entry.member("completion_tokens");
  if (digests.empty() && tokens != nullptr && tokens->as_u64().value_or(0) > 0)
    return fail(Errc::corrupt, "its answers are left out: the entry counts their tokens");
  const format::Value* personal = entry.member("personal_data");
  if (personal != nullptr && personal->member("log") != nullptr) {
    ++out.changed;
    return {};
  }
  const std::string_view asked = text_in(content, "body");
  if (is_exact(asked) && digest_of(asked) != text_in(entry, "request_digest"))
    return fail(Errc::corrupt, "its body is not what was asked: it has another digest than the entry says");
  if (exact && !digests.empty() && digest_of(digests) != text_in(entry, "answer_digest"))
    return fail(Errc::corrupt, "its answers are not what was answered: they have another digest than the entry says");
  ++(exact && is_exact(asked) ? out.said : out.changed);
  return {};
}

// The entry that is shown must be the one that is proven, letter for letter.
Result<> verify_line(std::string_view line, const audit::VerifierKey& key, Exported& out) {
  FH_TRY(const format::Value value, format::parse_json(line, {.token = line.size() + 1}));
  const format::Value* batch = value.member("batch");
  if ((has_only(value, {"pseudonym", "value"}) && all_texts(value)) ||
      (has_only(value, {"batch"}) && has_only(*batch, {"file", "key", "request?", "answer?"}) && all_texts(*batch))) {
    ++out.others;
    return {};
  }
  if (value.member("entry") != nullptr && value.member("proof") == nullptr)
    return fail(Errc::corrupt, "there is no proof in it");
  if (!has_only(value, {"entry", "content?", "proof"}) || text_or_null(value.member("proof")) == nullptr)
    return no_line();
  FH_TRY(const audit::Proven proven, audit::check_proof(text_in(value, "proof"), key));
  if (!line.starts_with(fmt::format("{{\"entry\":{},", proven.entry)))
    return fail(Errc::corrupt, "its entry is not the one that its proof is of");
  ++out.proofs;
  if (proven.checkpoint.size >= out.last.size) out.last = proven.checkpoint;
  const format::Value& entry = *value.member("entry");
  if (const format::Value* content = value.member("content")) return compare_said(entry, *content, out);
  if (entry.member("content") != nullptr) ++out.gone;
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
  if (out.proofs == 0) {
    return fail(Errc::not_found,
                fmt::format("{}: no line of it is of an entry of the log: there is nothing to prove", printable(path)));
  }
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
    console.note("of what it went on from (`earlier`) and its `address` there is no digest: these are not proven");
  }
  if (out.gone > 0) {
    console.note(fmt::format("of {} what was said is not in it: it was erased, or left out", out.gone));
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
