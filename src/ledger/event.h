// One finished request, as it is remembered: who, what, how much, how long, how it ended. No text of the request or of
// the answer is in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace freehold::ledger {

// No request has more tokens: larger counts are cut there when they are stored, so that sums of nine million stay in 64
// bits.
inline constexpr std::uint64_t kMostTokens = 1'000'000'000'000;
// The same of microseconds (30 years) and nanowatt-hours (a megawatt-hour).
inline constexpr std::uint64_t kMostOfAny = 1'000'000'000'000'000;

inline constexpr std::string_view kUncounted = "uncounted";

enum class Outcome : std::uint8_t {
  completed,  // answered in full
  cancelled,  // the client went away, or it was stopped
  refused,    // before anything was computed: a limit, an invalid request
  failed,     // an error of ours or of the machine
};
std::string_view name_of(Outcome outcome);
std::optional<Outcome> outcome_from_name(std::string_view name);

struct Event {
  std::string request_id;  // unique: a second event of the same id is not stored
  std::int64_t time = 0;   // when the request arrived: microseconds since 1970, UTC
  std::string key_id;
  std::string model;         // the name that was asked for
  std::string model_digest;  // "sha256:…", empty if none was opened
  std::string adapter;       // the name of the one on the model, if any
  std::string vendor;        // whose model answered: "openai/gpt-4o", as the price book has it; empty: this machine
  std::string tag;       // what the client called it by (a project, a customer), at most 64 characters; may be empty
  std::string dialect;   // "openai"
  std::string endpoint;  // "/v1/chat/completions"
  std::uint64_t prompt_tokens = 0;
  std::uint64_t cached_tokens = 0;       // of the prompt's: not computed again
  std::uint64_t cache_write_tokens = 0;  // of the prompt's: written to the cache of a vendor, who may bill that apart
  std::uint64_t completion_tokens = 0;
  std::string sampling;               // "temperature=0.7 top_p=0.9"
  std::optional<std::uint64_t> seed;  // with which the answer can be made again
  double queue_seconds = 0;
  double prefill_seconds = 0;
  double decode_seconds = 0;
  // Its share of what the machine worked, in microseconds (engine/event.h); unset: not known, as of events before
  // version 2 of the record.
  std::optional<std::uint64_t> compute_us;
  std::optional<std::uint64_t> energy_nwh;  // of the measured energy, in nanowatt-hours; unset: it was not measured
  Outcome outcome = Outcome::completed;
  // "stop", "length", "content_filter", …; kUncounted: a vendor did not count its tokens, and the most that it can have
  // taken stands for them.
  std::string finish_reason;
  bool batched = false;  // a line of a batch, which vendors bill at rates of their own
  bool steered = false;  // the token limit steered an answer of a certain form to its end
  int http_status = 0;
  bool operator==(const Event&) const = default;
};

}  // namespace freehold::ledger
