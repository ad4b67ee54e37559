#include "app/guard/person.h"

#include <fmt/format.h>

#include <algorithm>

#include "audit/entry.h"
#include "audit/folder.h"
#include "audit/reader.h"
#include "base/utf8.h"
#include "guard/keys.h"
#include "guard/principal.h"

namespace freehold::app {
namespace {

constexpr std::size_t kLongestWhy = 200;  // bytes

}  // namespace

Result<Person> person_of(const Arguments& arguments) {
  Person out{std::string(arguments.text("SUBJECT")), {}};
  if (arguments.given("key")) out.key = std::string(arguments.text("key"));
  if (out.name.empty() || (out.key && out.key->empty())) {
    return fail(Errc::invalid,
                fmt::format("{} is empty: say whom it is about", out.name.empty() ? "SUBJECT" : "--key"));
  }
  return out;
}

bool is_id_of_a_key(const std::filesystem::path& home, const std::string& name) {
  auto keys = guard::Keys::open(home, guard::OpenKeys::existing);
  if (!keys) return false;
  const auto all = keys->list();
  return all && std::any_of(all->begin(), all->end(), [&](const guard::KeyInfo& key) { return key.id == name; });
}

Result<std::vector<audit::Subject>> subjects_of(const std::optional<KeptContent>& kept, const Person& person,
                                                std::vector<Error>* unreadable) {
  if (!kept) return std::vector<audit::Subject>();
  FH_TRY(std::vector<audit::Subject> all, kept->subjects().list(unreadable));
  std::erase_if(all, [&](const audit::Subject& subject) { return !person.is(subject); });
  return all;
}

Result<std::optional<KeptContent>> open_kept(const Arguments& arguments, const std::filesystem::path& home) {
  std::error_code ec;
  if (!std::filesystem::exists(audit::content_folder(home) / "master-id", ec)) return std::optional<KeptContent>();
  FH_TRY(KeptContent kept, KeptContent::open(home, master_key_of(arguments, home)));
  return std::optional(std::move(kept));
}

Result<> each_entry(const std::filesystem::path& home, const std::set<std::string>& subjects, const std::string& key,
                    const VisitEntry& visit) {
  auto reader = audit::Reader::open(audit::audit_folder(home));
  if (!reader && reader.error().code == Errc::not_found) return {};
  if (!reader) return tl::unexpected(std::move(reader).error());
  Result<> result;
  FH_TRY_VOID(reader->each(0, [&](std::uint64_t number, std::string_view text) {
    const auto entry = audit::members_of(text);
    if (!entry) {
      result = in_context(entry.error(), fmt::format("entry {}", number));
      return false;
    }
    const std::string subject = member_of(*entry, "subject");
    const bool of_key = !key.empty() && subject.empty() && member_of(*entry, "key") == key;
    if (member_of(*entry, "kind") != "request" || (!subjects.contains(subject) && !of_key)) return true;
    result = visit(number, text, *entry);
    return result.has_value();
  }));
  return result;
}

Positional subject_positional() {
  return {.name = "SUBJECT",
          .help =
              "Whom it is about: as clients name the user, a key's id for what was asked for nobody in particular, "
              "or sub_… as the log has it.",
          .is_file = false};
}

Option subject_key_option() {
  return {.name = "key",
          .type = OptionType::text,
          .value = "ID",
          .help = "Only what clients with this key sent; by default whatever the key."};
}

std::vector<Option> person_options(std::initializer_list<Option> more) {
  std::vector<Option> out = {subject_key_option(), master_key_option()};
  out.insert(out.end(), more);
  return out;
}

Option reason_option() {
  return {.name = "reason", .type = OptionType::text, .value = "TEXT", .help = "Why; it is logged.", .required = true};
}

Result<std::string> reason_of(const Arguments& arguments) {
  const std::string_view reason = arguments.text("reason");
  if (!guard::says_something(reason) || reason.size() > kLongestWhy || !is_utf8(reason)) {
    return fail(Errc::invalid, fmt::format("--reason must say why: words, in UTF-8 of at most {} bytes", kLongestWhy));
  }
  return std::string(reason);
}

}  // namespace freehold::app
