#include "audit/claim.h"

#include <algorithm>
#include <charconv>

namespace freehold::audit {
namespace {

std::string_view member_in(const EntryMembers& entry, const std::string& name) {
  const bool day = name == "day";
  const auto found = entry.find(day ? "time" : name);
  if (found == entry.end()) return {};
  return day ? std::string_view(found->second).substr(0, 10) : std::string_view(found->second);
}

}  // namespace

std::string_view name_of(Claim::Op op) {
  switch (op) {
    case Claim::Op::count:
      return "count";
    case Claim::Op::sum:
      return "sum";
    case Claim::Op::distinct:
      return "distinct";
    case Claim::Op::by:
      return "by";
    case Claim::Op::list:
      break;
  }
  return "list";
}

bool fits(const Condition& condition, const EntryMembers& entry) {
  const std::string_view value = member_in(entry, condition.member);
  return std::any_of(condition.any.begin(), condition.any.end(), [&](std::string_view wanted) {
    if (wanted.ends_with('*')) return !value.empty() && value.starts_with(wanted.substr(0, wanted.size() - 1));
    return value == wanted;
  });
}

void Claim::add(std::uint64_t number, const EntryMembers& entry) {
  if (!std::all_of(where.begin(), where.end(), [&](const Condition& c) { return fits(c, entry); })) return;
  const std::string_view time = member_in(entry, "time");
  if ((!before.empty() && !(time < before)) || (!after.empty() && !(time > after))) return;
  const std::string_view own = member.empty() ? std::string_view() : member_in(entry, member);
  switch (op) {
    case Op::count:
      ++value;
      break;
    case Op::sum: {
      std::uint64_t n = 0;
      const auto [end, error] = std::from_chars(own.data(), own.data() + own.size(), n);
      if (error == std::errc() && end == own.data() + own.size()) value += n;
      break;
    }
    case Op::distinct:
      if (!own.empty()) ++values[std::string(own)];
      value = values.size();
      break;
    case Op::by:
      ++values[std::string(own)];
      value = values.size();
      break;
    case Op::list:
      entries.push_back(number);
      value = entries.size();
      break;
  }
}

}  // namespace freehold::audit
