#include "ledger/usage_rows.h"

#include <cmath>

namespace freehold::ledger {
namespace {

// A time that is no number would be refused by the table, and with it all events of its transaction.
double seconds(double x) {
  return std::isfinite(x) && x > 0 ? x : 0;
}

}  // namespace

const sql::Schema& usage_schema() {
  static const sql::Schema kept = {
      "usage",
      {{// seed: the 64 bits as a signed number
        "CREATE TABLE events (request_id TEXT NOT NULL UNIQUE, time INTEGER NOT NULL, key_id TEXT NOT NULL, "
        "model TEXT NOT NULL, model_digest TEXT NOT NULL, dialect TEXT NOT NULL, endpoint TEXT NOT NULL, "
        "prompt_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, "
        "sampling TEXT NOT NULL, seed INTEGER, queue_seconds REAL NOT NULL, prefill_seconds REAL NOT NULL, "
        "decode_seconds REAL NOT NULL, outcome TEXT NOT NULL, finish_reason TEXT NOT NULL, steered INTEGER NOT NULL, "
        "http_status INTEGER NOT NULL) STRICT",
        "CREATE INDEX events_by_key ON events (key_id, time)", "CREATE INDEX events_by_time ON events (time)"}}};
  return kept;
}

void UsageRow::set(Event&& from) {
  event = std::move(from);
  event.queue_seconds = seconds(event.queue_seconds);
  event.prefill_seconds = seconds(event.prefill_seconds);
  event.decode_seconds = seconds(event.decode_seconds);
  time = event.time;
  prompt = static_cast<long long>(event.prompt_tokens);
  cached = static_cast<long long>(event.cached_tokens);
  completion = static_cast<long long>(event.completion_tokens);
  has_seed = event.seed.has_value();
  seed = static_cast<long long>(event.seed.value_or(0));
  outcome = name_of(event.outcome);
  steered = event.steered ? 1 : 0;
  status = event.http_status;
}

std::optional<Event> UsageRow::get() const {
  const std::optional<Outcome> known = outcome_from_name(outcome);
  if (!known || prompt < 0 || cached < 0 || completion < 0) return std::nullopt;
  Event out = event;
  out.time = time;
  out.prompt_tokens = static_cast<std::uint64_t>(prompt);
  out.cached_tokens = static_cast<std::uint64_t>(cached);
  out.completion_tokens = static_cast<std::uint64_t>(completion);
  out.seed = has_seed ? std::optional(static_cast<std::uint64_t>(seed)) : std::nullopt;
  out.outcome = *known;
  out.steered = steered != 0;
  out.http_status = static_cast<int>(status);
  return out;
}

}  // namespace freehold::ledger
