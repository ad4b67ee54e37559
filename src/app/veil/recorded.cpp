#include "app/veil/recorded.h"

#include <fmt/format.h>

namespace freehold::app {

guard::Treatments recorded_treatments(const std::map<std::string, std::string>& entry, guard::Way way) {
  guard::Treatments out;
  if (const auto profile = entry.find("personal_data.profile"); profile != entry.end()) {
    out.profile = pii::profile_from_name(profile->second).value_or(out.profile);
  }
  // Where values were put back, they are again, so that they can be counted.
  out.restore = way == guard::Way::request && entry.contains("personal_data.answer.restored");
  const std::string prefix = fmt::format("personal_data.{}.", guard::name_of(way));
  for (auto it = entry.lower_bound(prefix); it != entry.end() && it->first.starts_with(prefix); ++it) {
    const std::string_view rest = std::string_view(it->first).substr(prefix.size());
    const std::size_t dot = rest.find('.');
    if (dot == std::string_view::npos) continue;
    const auto treatment = guard::treatment_from_name(rest.substr(0, dot));
    const auto kind = pii::kind_from_name(rest.substr(dot + 1));
    if (treatment && kind) out.of[static_cast<std::size_t>(*kind)] = *treatment;
  }
  return out;
}

}  // namespace freehold::app
