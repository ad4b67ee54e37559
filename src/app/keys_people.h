// People whom others vouch for, at the command line: the issuers and certificates of the policy, who has been here.
#pragma once

#include <filesystem>
#include <vector>

#include "app/console.h"
#include "app/json_writer.h"
#include "base/result.h"
#include "guard/person_book.h"
#include "guard/policy.h"

namespace freehold::app {

struct People {
  guard::Policy policy;
  std::vector<guard::Person> seen;  // or blocked
  bool empty() const { return policy.sign_in.empty() && policy.certificates.empty() && seen.empty(); }
};
// Of the home's policy and database. Errors: those of reading them.
Result<People> read_people_of(const std::filesystem::path& home);

// "issuers", "certificates", "people" in the object that is open.
void write_people(JsonWriter& w, const People& people);
// Tables; `behind`: something stands before them.
void show_people(const People& people, bool behind, Console& console);

}  // namespace freehold::app
