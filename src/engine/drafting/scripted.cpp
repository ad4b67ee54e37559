#include "engine/drafting/scripted.h"

#include <algorithm>

namespace freehold::engine {

std::vector<std::int32_t> ScriptedDrafter::spoiled(std::vector<std::int32_t> script, std::size_t every,
                                                   std::uint32_t vocab) {
  for (std::size_t i = every - 1; i < script.size(); i += every) {
    script[i] = static_cast<std::int32_t>((static_cast<std::uint32_t>(script[i]) + 1) % vocab);
  }
  return script;
}

void ScriptedDrafter::propose(std::span<DraftQuery> queries) {
  for (DraftQuery& query : queries) {
    if (query.sampled >= script_.size()) continue;
    const std::span<const std::int32_t> rest = std::span<const std::int32_t>(script_).subspan(query.sampled);
    const std::size_t count = std::min(rest.size(), query.draft.size());
    std::copy_n(rest.begin(), count, query.draft.begin());
    query.count = static_cast<std::uint32_t>(count);
    query.evidence = Evidence::strong;
  }
}

}  // namespace freehold::engine
