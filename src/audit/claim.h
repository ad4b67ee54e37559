// Claims about entries: a question in a small fixed language and its answer, which anybody who has the entries can
// compute again (tools/verify/report.py does, without this program). A report is made of them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace freehold::audit {

// The members of an entry as members_of gives them.
using EntryMembers = std::map<std::string, std::string>;

// What a member must be: one of `any`. "*": it is there, whatever it says; "": it is not there; "keys.*": it begins
// with "keys."; all else: exactly that.
struct Condition {
  std::string member;
  std::vector<std::string> any;
};

struct Claim {
  enum class Op : std::uint8_t {
    count,     // entries
    sum,       // of the whole numbers of `member`; what is none counts nothing
    distinct,  // different values of `member`, where it is there
    by,        // entries by value of `member`; "" where it is not there
    list       // which entries: their numbers
  };
  std::string id;    // "C12"
  std::string says;  // what it is, in words
  Op op = Op::count;
  std::string member;                           // "day" is the date of `time`
  std::vector<Condition> where;                 // all of them hold
  std::string before, after;                    // `time` as text is less, greater than this; empty: whatever
  std::uint64_t value = 0;                      // the answer of count, sum, distinct; of list and by: how many
  std::map<std::string, std::uint64_t> values;  // of by; of distinct: what has been seen
  std::vector<std::uint64_t> entries;           // of list

  // Takes an entry into the answer, if it fits. Entries come in the order of their numbers.
  void add(std::uint64_t number, const EntryMembers& entry);
};

std::string_view name_of(Claim::Op op);
bool fits(const Condition& condition, const EntryMembers& entry);

}  // namespace freehold::audit
