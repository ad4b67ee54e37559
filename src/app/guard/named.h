// Where somebody is named in what nothing says whom it is about: what the commands about people's rights tell of that.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/console.h"
#include "app/erase/mentions.h"
#include "app/guard/person.h"

namespace freehold::app {

struct Named {
  std::vector<Mention> files;
  std::vector<std::string> learned;  // models of a server's jobs, and jobs, that learned from such files
  std::vector<Lesson> lessons;       // of models in the store, and of a server's whose files have gone
  bool of_key = false;               // whom it is about is a key: `learned` learned from its files
  // Whether anything names the person; what cannot be told does not.
  bool anywhere() const;
};

// For the names that the person may be called by; ids of keys stand in no texts.
NameFinder finder_of(const Person& person, const std::vector<audit::Subject>& subjects, bool of_key);

// Those of models in the store and of a server's, where one has a name or it cannot be told. Errors: of the store of
// jobs.
Result<> add_lessons(const std::filesystem::path& home, const std::vector<store::Listed>& models,
                     const NameFinder& finder, Named& named);

enum class Right : std::uint8_t { of_access, to_erasure };  // GDPR, Articles 15 and 17
// Each file and model, in a line on standard error, and what is to be done about it.
void note_who_is_named(const Named& named, Right right, Console& console);
// Follows "nothing is kept of …": that it cannot be told of some files and models; empty: it can.
std::string_view what_is_unsure(const Named& named);

}  // namespace freehold::app
