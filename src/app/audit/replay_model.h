// From what an entry of the audit log pins by digest to what can be loaded: the weights, and an adapter on them.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "app/serve/adapter_shelf.h"
#include "base/result.h"

namespace freehold::app {

using Members = std::map<std::string, std::string>;  // of an entry (audit/entry.h)

// A member's value; empty if there is none.
std::string member_of(const Members& entry, std::string_view name);

struct PinnedModel {
  std::string reference;               // as for open_model
  std::string attached;                // the adapter's digest in the store, if `reference` does not put it on
  std::optional<AdapterFile> by_hand;  // an adapter outside the store: the result of a fine-tuning job
};

// `model`: what the user says it is, instead of the store's model with that digest. Errors: not_found, naming the
// digest that is missing; invalid (the entry pins none, since the model was served from a path).
Result<PinnedModel> find_pinned(const std::filesystem::path& home, const Members& entry,
                                const std::optional<std::string>& model);

}  // namespace freehold::app
