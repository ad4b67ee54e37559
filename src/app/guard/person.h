// Whom the commands about people's rights are about, and what is kept of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "app/audit/kept.h"
#include "app/command.h"
#include "base/result.h"

namespace freehold::app {

// A name as clients send it, a key's id for what its clients asked for nobody in particular, or "sub_…" as entries have
// it.
struct Person {
  std::string name;
  std::optional<std::string> key;  // --key: within this key's alone

  bool is(const audit::Subject& subject) const {
    return (subject.name == audit::subject_name(name) || subject.id == name) && (!key || subject.tenant == *key);
  }
  // Files and batches belong to keys.
  bool is_key() const { return !key || *key == name; }
};
// SUBJECT, --key. Error: invalid (one of them is empty).
Result<Person> person_of(const Arguments& arguments);
bool is_id_of_a_key(const std::filesystem::path& home, const std::string& name);
Positional subject_positional();
Option subject_key_option();
// --key, --master-key, and what a command has beside them.
std::vector<Option> person_options(std::initializer_list<Option> more);

// Nothing if nothing was ever kept.
Result<std::optional<KeptContent>> open_kept(const Arguments& arguments, const std::filesystem::path& home);
// Those whose keys are there. What cannot be read is an error or, with `unreadable`, one of these.
Result<std::vector<audit::Subject>> subjects_of(const std::optional<KeptContent>& kept, const Person& person,
                                                std::vector<Error>* unreadable = nullptr);
using VisitEntry = std::function<Result<>(std::uint64_t number, std::string_view text, const Members& entry)>;
// Each entry of a request of these (their ids), or of a key for nobody in particular, in order.
Result<> each_entry(const std::filesystem::path& home, const std::set<std::string>& subjects, const std::string& key,
                    const VisitEntry& visit);

// --reason: UTF-8 of at most 200 bytes that says something. Error: invalid.
Option reason_option();
Result<std::string> reason_of(const Arguments& arguments);

}  // namespace freehold::app
