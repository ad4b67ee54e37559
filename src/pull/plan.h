// What is to be fetched, as a server has described it: the same for both kinds of servers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/client.h"
#include "pull/fetch.h"
#include "pull/reference.h"
#include "store/store.h"

namespace freehold::pull {

struct PlannedFile {
  Wanted wanted;
  std::string stored;  // what it is called in the store
  bool weights = false;
  // A small file that is here already, because its server has no SHA-256 of it.
  std::optional<std::string> content;
};

struct Plan {
  Reference reference;  // with what was left open decided
  store::Kind kind = store::Kind::gguf;
  std::vector<PlannedFile> files;
  store::Defaults defaults;
  store::Pulled receipt;
  std::vector<std::string> notes;
};

// Asks the server what the model is. Errors begin with what could not be had: "manifest: …".
Result<Plan> plan_from_registry(const http::Client& client, const Reference& reference);
Result<Plan> plan_from_hub(const http::Client& client, const Reference& reference);
// Whichever of the two the server speaks, where the reference does not say.
Result<Plan> make_plan(const http::Client& client, const Reference& reference);

}  // namespace freehold::pull
