// Which entries of the log `audit query` and `audit export` are asked for, and what is said when there are none.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "app/command.h"
#include "audit/entry.h"
#include "audit/reader.h"
#include "base/result.h"

namespace freehold::app {

class EntryFilter {
 public:
  // Errors: invalid, and those of reading the keys of subjects, whose names --subject takes.
  static Result<EntryFilter> of(const Arguments& arguments);

  // Each entry that it lets through, in order, until `visit` says false. Errors: corrupt.
  Result<> each(const audit::Reader& reader, const audit::Reader::Visit& visit);
  std::uint64_t found() const { return found_; }  // how many all calls of `each` have let through
  // Why `each` has let none through: the first option that no entry at all is like, and what may have been meant.
  std::string nothing() const;

 private:
  bool lets(const audit::EntryFacts& facts);

  std::optional<std::int64_t> since_, until_;  // microseconds
  // An option that was given: the entries' member that it is about, and whether any entry is like that.
  struct Wanted {
    std::string_view option;
    std::string value;
    std::string audit::EntryFacts::*member = nullptr;
    bool met = false;
  };
  bool is_like(const Wanted& wanted, const audit::EntryFacts& facts) const;
  std::vector<Wanted> wanted_;
  std::uint64_t found_ = 0;
  std::set<std::string> subjects_;      // what --subject stands for, as entries have it
  std::set<std::string> keys_of_name_;  // of who is called what --key is
};

std::vector<Option> entry_filter_options();

}  // namespace freehold::app
