// The table of usage.db, and an event as one row of it: shared by the two sides, writing and reading.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ledger/event.h"
#include "sql/database.h"

namespace freehold::ledger {

const sql::Schema& usage_schema();

// In the order that bind() and into() have.
inline constexpr std::string_view kColumns =
    "request_id, time, key_id, model, model_digest, adapter, vendor, tag, dialect, endpoint, prompt_tokens, "
    "cached_tokens, cache_write_tokens, completion_tokens, "
    "sampling, seed, queue_seconds, prefill_seconds, decode_seconds, compute_us, energy_nwh, outcome, finish_reason, "
    "batched, steered, http_status";

// The day of an event, since 1970, as SQL.
inline constexpr std::string_view kDayOfTime =
    "(time - (time % 86400000000 + 86400000000) % 86400000000) / 86400000000";
// The class of its prompt's length that prices know: 0, or 1 or 2 beyond so many tokens.
inline constexpr std::string_view kLengthOfPrompt = "(prompt_tokens > 128000) + (prompt_tokens > 200000)";

// As SQL, of a row of events, whose columns have `prefix` before their names: it holds a count that no request can
// have. Such rows are in no sum (docs/adr/0059). The schema's index of them has the same text, by which SQLite knows
// it.
std::string implausible(std::string_view prefix = "");

struct UsageRow {
  Event event;  // the texts and the doubles are bound where they are
  long long time = 0, prompt = 0, cached = 0, written = 0, completion = 0, seed = 0, compute = 0, energy = 0,
            batched = 0, steered = 0, status = 0;
  bool has_seed = false, has_compute = false, has_energy = false;
  std::string outcome;

  void set(Event&& from);
  // Nothing if the row holds what was never written.
  std::optional<Event> get() const;
  // The counts that are out of their bounds, as implausible() has them: "prompt_tokens -1, compute_us -5".
  std::string impossible_counts() const;
};

}  // namespace freehold::ledger
