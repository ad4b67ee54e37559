#include "ledger/event.h"

#include <array>
#include <utility>

namespace freehold::ledger {
namespace {

constexpr std::array<std::pair<Outcome, std::string_view>, 4> kOutcomes = {{{Outcome::completed, "completed"},
                                                                            {Outcome::cancelled, "cancelled"},
                                                                            {Outcome::refused, "refused"},
                                                                            {Outcome::failed, "failed"}}};

}  // namespace

std::string_view name_of(Outcome outcome) {
  for (const auto& [o, name] : kOutcomes) {
    if (o == outcome) return name;
  }
  return {};
}

std::optional<Outcome> outcome_from_name(std::string_view name) {
  for (const auto& [outcome, n] : kOutcomes) {
    if (n == name) return outcome;
  }
  return std::nullopt;
}

}  // namespace freehold::ledger
