#include "engine/event.h"

namespace freehold::engine {

std::string_view name_of(FinishReason reason) {
  constexpr std::string_view kNames[] = {"stop", "length", "cancelled"};
  return kNames[static_cast<std::size_t>(reason)];
}

}  // namespace freehold::engine
