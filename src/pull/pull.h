// Fetching a model from a server into the store: ask what it is, fetch what is missing, hold every byte against its
// digest, and only then let it become visible.
//
// Until the last step everything is in $FREEHOLD_HOME/pulls, by digest: a pull that ended in any way is gone on with by
// asking for the same again, and two models that share a file fetch it once. Nothing that a server says becomes a path.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "http/client.h"
#include "pull/fetch.h"
#include "pull/reference.h"
#include "store/store.h"

namespace freehold::pull {

// How far a pull is; on the thread that called pull().
struct Event {
  enum class Kind {
    manifest,   // the server is asked what the model is
    file,       // `name` and `digest`: `done` of `total` bytes are here
    verifying,  // all is here and right; it is checked as a model
    step,       // `name`: something of the store that takes long, `done` of `total` bytes
    writing,    // it becomes visible
    note,       // `name` is a sentence about something that the user would not expect
  };
  Kind kind = Kind::manifest;
  std::string name;
  std::optional<Digest> digest;
  std::uint64_t done = 0, total = 0;
  std::uint64_t all_done = 0, all_total = 0;  // of all files together
};

struct Options {
  http::ClientOptions client;
  store::WriteOptions write;  // its `progress` is told as well, and `waiting`
  std::chrono::milliseconds retry{500};
  std::function<bool(const Event&)> event;  // false cancels
  // Refuses what a model is to be asked with and cannot be.
  std::function<Result<>(const store::Defaults&)> check_defaults;
};

// `name`: what it is to be called here; by default as it is called there. Errors: invalid (the name leads to another
// model, an address that may not be asked), not_found, corrupt (digests, lengths, manifests, and what import refuses),
// unsupported, exhausted, io (unreachable, cut), cancelled.
Result<store::Imported> pull(const store::Store& store, const Reference& reference,
                             const std::optional<store::ModelName>& name, const Options& options);

}  // namespace freehold::pull
