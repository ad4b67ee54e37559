// A vendor as an engine: one call, one whole answer, however often it takes to ask. Nothing goes out unless somebody
// allowed that host by name; this machine needs no permission.
//
// 1. Answers are streamed, so that a slow one is told from a dead one; a stream that breaks is asked for again from the
//    start, and what had arrived is dropped: a Reply is whole or there is none. Who answers with one JSON text all the
//    same is understood, if that is a whole answer; other answers that are no stream are an error at once.
// 2. Every request that went out is reported once (Attempt), with the tokens that the vendor counted if it said so.
// 3. A pause that a vendor asks for holds up everybody who uses this Gateway, not only who was told.
// 4. An answer is read until the vendor says that this is all, or closes: what it counted last counts. It is whole from
//    the moment that its text has ended; if it is then cut off, it is not asked for again, and its tokens are
//    uncounted.
// 5. An answer has an end: GatewayOptions::silence and ::longest.
// 6. The key is in no message, no error and no report.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/url.h"
#include "upstream/call.h"
#include "upstream/retry.h"

namespace freehold::upstream {

struct Wire;

// Where a model is: "gateway:openai/gpt-4o", or "gateway:gpt-4o" where the name tells whose it is.
struct Place {
  const Wire* wire = nullptr;
  http::Url base;
  std::string model;
};

inline constexpr std::string_view kGatewayPrefix = "gateway:";
inline bool is_gateway(std::string_view reference) {
  return reference.starts_with(kGatewayPrefix);
}

// `variable` gives the value of an environment variable, or "". The base address is the one in the vendor's own
// variable (OPENAI_BASE_URL …), or the vendor's. Errors: invalid (no such vendor, no model, an address that is none).
Result<Place> find_place(std::string_view reference, const std::function<std::string(std::string_view)>& variable);

// Whether a header can carry it as a key: letters, digits and -._~+/=: (also of nothing).
bool can_be_key(std::string_view text);

struct GatewayOptions {
  std::vector<std::string> allowed;  // hosts that may be spoken to: "api.openai.com", "10.0.0.7:8000"
  RetryPolicy retry;
  std::chrono::milliseconds connect{15'000};
  std::chrono::milliseconds first_byte{180'000};  // from the request to the head of the answer: large models think
  std::chrono::milliseconds stall{60'000};        // between two pieces of the answer
  std::chrono::milliseconds silence{120'000};     // between two events that say something: comments and pings do not
  std::chrono::milliseconds longest{600'000};     // of all attempts at one answer together, pauses between them apart
  std::string ca_file;                            // PEM; empty: the system's
  std::function<bool()> stopped;                  // asked several times a second; true ends with Errc::cancelled
  std::string key_from;                           // for errors: where the key was found; empty: the vendor's variable
  std::uint64_t seed = 0;                         // of the draws that spread repetitions
};

// Threads may share one.
class Gateway {
 public:
  // `key` may be empty: none is sent. Errors: invalid (the host is not allowed: the message says how to allow it; a key
  // that no header can carry), io (the file of authorities).
  static Result<Gateway> create(Place place, std::string key, GatewayOptions options);
  Gateway(Gateway&&) noexcept;
  Gateway& operator=(Gateway&&) noexcept;
  ~Gateway();

  // Called for every request, before ask() returns or sends the next one. What it returns as an error ends ask() with
  // it, an answer that came or not.
  using Report = std::function<Result<>(const Attempt&)>;

  // `report` may be empty. Errors: its own; invalid (the vendor refuses the request or the key), not_found (no such
  // model), unsupported (a field that the dialect cannot say), exhausted (rate limit, quota or overload beyond all
  // patience), io (unreachable, cut off), corrupt (answers that are none), cancelled.
  Result<Reply> ask(const Call& call, const Report& report = {}) const;

  const Place& place() const;

 private:
  struct State;
  explicit Gateway(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freehold::upstream
