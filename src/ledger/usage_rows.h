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

struct UsageRow {
  Event event;  // the texts and the doubles are bound where they are
  long long time = 0, prompt = 0, cached = 0, written = 0, completion = 0, seed = 0, compute = 0, energy = 0,
            batched = 0, steered = 0, status = 0;
  bool has_seed = false, has_compute = false, has_energy = false;
  std::string outcome;

  void set(Event&& from);
  // Nothing if the row holds what was never written.
  std::optional<Event> get() const;
};

}  // namespace freehold::ledger
