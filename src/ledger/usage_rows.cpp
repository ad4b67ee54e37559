#include "ledger/usage_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

namespace freehold::ledger {
namespace {

// A time that is no number would be refused by the table, and with it all events of its transaction.
double seconds(double x) {
  return std::isfinite(x) && x > 0 ? x : 0;
}

long long stored_tokens(std::uint64_t count) {
  return static_cast<long long>(std::min(count, kMostTokens));
}

std::optional<std::uint64_t> bounded(std::optional<std::uint64_t> count) {
  return count ? std::optional(std::min(*count, kMostOfAny)) : std::nullopt;
}

// What the trigger does from version 3 on; from version 4 on, for events that can be.
constexpr std::string_view kIntoDays =
    "INSERT INTO days VALUES ("
    "(new.time - (new.time % 86400000000 + 86400000000) % 86400000000) / 86400000000, new.key_id, new.model, "
    "new.adapter, new.vendor, new.tag, (new.prompt_tokens > 128000) + (new.prompt_tokens > 200000), new.batched, "
    "1, new.outcome = 'completed', new.compute_us IS NOT NULL, new.prompt_tokens, new.cached_tokens, "
    "new.cache_write_tokens, new.completion_tokens, COALESCE(new.compute_us, 0), "
    "iif(new.energy_nwh IS NULL, 0, COALESCE(new.compute_us, 0)), COALESCE(new.energy_nwh, 0)) "
    "ON CONFLICT DO UPDATE SET requests = requests + excluded.requests, "
    "completed = completed + excluded.completed, timed = timed + excluded.timed, "
    "prompt_tokens = prompt_tokens + excluded.prompt_tokens, "
    "cached_tokens = cached_tokens + excluded.cached_tokens, "
    "cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens, "
    "completion_tokens = completion_tokens + excluded.completion_tokens, "
    "compute_us = compute_us + excluded.compute_us, metered_us = metered_us + excluded.metered_us, "
    "energy_nwh = energy_nwh + excluded.energy_nwh; END";

// The days that have implausible events are added up again without them. Without any nothing but the index is made.
std::vector<std::string> without_implausible() {
  const std::string which = implausible();
  const std::string names =
      fmt::format("{}, key_id, model, adapter, vendor, tag, {}, batched", kDayOfTime, kLengthOfPrompt);
  return {
      fmt::format("CREATE INDEX events_implausible ON events (time) WHERE {}", which),
      fmt::format("DELETE FROM days WHERE (day, key_id, model, adapter, vendor, tag, long_prompts, batched) IN "
                  "(SELECT {} FROM events WHERE {})",
                  names, which),
      fmt::format("INSERT INTO days SELECT {0}, COUNT(*), SUM(outcome = 'completed'), COUNT(compute_us), "
                  "SUM(prompt_tokens), SUM(cached_tokens), SUM(cache_write_tokens), SUM(completion_tokens), "
                  "COALESCE(SUM(compute_us), 0), "
                  "COALESCE(SUM(iif(energy_nwh IS NULL, 0, COALESCE(compute_us, 0))), 0), "
                  "COALESCE(SUM(energy_nwh), 0) FROM events WHERE time >= (SELECT MIN(time) - 86400000000 FROM events "
                  "WHERE {1}) AND time <= (SELECT MAX(time) + 86400000000 FROM events WHERE {1}) AND NOT {1} AND ({0}) "
                  "IN (SELECT {0} FROM events WHERE {1}) GROUP BY 1, 2, 3, 4, 5, 6, 7, 8",
                  names, which)};
}

}  // namespace

std::string implausible(std::string_view prefix) {
  std::string out = "(";
  for (const std::string_view name : {"prompt_tokens", "cached_tokens", "cache_write_tokens", "completion_tokens"})
    out += fmt::format("{}{} NOT BETWEEN 0 AND {} OR ", prefix, name, kMostTokens);
  return out + fmt::format(
                   "COALESCE({0}compute_us, 0) NOT BETWEEN 0 AND {1} OR "
                   "COALESCE({0}energy_nwh, 0) NOT BETWEEN 0 AND {1})",
                   prefix, kMostOfAny);
}

const sql::Schema& usage_schema() {
  static const std::vector<std::string> repair = without_implausible();
  static const std::string always =
      fmt::format("CREATE TRIGGER events_into_days AFTER INSERT ON events BEGIN {}", kIntoDays);
  static const std::string plausible = fmt::format(
      "CREATE TRIGGER events_into_days AFTER INSERT ON events WHEN NOT {} BEGIN {}", implausible("new."), kIntoDays);
  static const sql::Schema kept = {
      "usage",
      {{// seed: the 64 bits as a signed number
        "CREATE TABLE events (request_id TEXT NOT NULL UNIQUE, time INTEGER NOT NULL, key_id TEXT NOT NULL, "
        "model TEXT NOT NULL, model_digest TEXT NOT NULL, dialect TEXT NOT NULL, endpoint TEXT NOT NULL, "
        "prompt_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, "
        "sampling TEXT NOT NULL, seed INTEGER, queue_seconds REAL NOT NULL, prefill_seconds REAL NOT NULL, "
        "decode_seconds REAL NOT NULL, outcome TEXT NOT NULL, finish_reason TEXT NOT NULL, steered INTEGER NOT NULL, "
        "http_status INTEGER NOT NULL) STRICT",
        "CREATE INDEX events_by_key ON events (key_id, time)", "CREATE INDEX events_by_time ON events (time)"},
       // Sums a day, kept by a trigger: in the same transaction as the event, so that they are never behind or ahead.
       // A machine's rates are
       // applied to the sums: amounts are products of whole numbers, so that it does not matter what is added up first.
       {"ALTER TABLE events ADD COLUMN adapter TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE events ADD COLUMN vendor TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE events ADD COLUMN tag TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE events ADD COLUMN compute_us INTEGER", "ALTER TABLE events ADD COLUMN energy_nwh INTEGER",
        "CREATE TABLE days (day INTEGER NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL, adapter TEXT NOT NULL, "
        "vendor TEXT NOT NULL, tag TEXT NOT NULL, long_prompts INTEGER NOT NULL, requests INTEGER NOT NULL, "
        "completed INTEGER NOT NULL, timed INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL, "
        "cached_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, compute_us INTEGER NOT NULL, "
        "metered_us INTEGER NOT NULL, energy_nwh INTEGER NOT NULL, "
        "PRIMARY KEY (day, key_id, model, adapter, vendor, tag, long_prompts)) STRICT, WITHOUT ROWID",
        "INSERT INTO days SELECT (time - (time % 86400000000 + 86400000000) % 86400000000) / 86400000000, key_id, "
        "model, "
        "adapter, vendor, tag, (prompt_tokens > 128000) + (prompt_tokens > 200000), COUNT(*), "
        "SUM(outcome = 'completed'), COUNT(compute_us), SUM(prompt_tokens), SUM(cached_tokens), "
        "SUM(completion_tokens), "
        "COALESCE(SUM(compute_us), 0), COALESCE(SUM(iif(energy_nwh IS NULL, 0, compute_us)), 0), "
        "COALESCE(SUM(energy_nwh), 0) FROM events WHERE prompt_tokens BETWEEN 0 AND 1000000000000 AND "
        "cached_tokens BETWEEN 0 AND 1000000000000 AND completion_tokens BETWEEN 0 AND 1000000000000 "
        "GROUP BY 1, 2, 3, 4, 5, 6, 7",
        "CREATE TRIGGER events_into_days AFTER INSERT ON events BEGIN INSERT INTO days VALUES ("
        "(new.time - (new.time % 86400000000 + 86400000000) % 86400000000) / 86400000000, new.key_id, new.model, "
        "new.adapter, new.vendor, new.tag, (new.prompt_tokens > 128000) + (new.prompt_tokens > 200000), 1, "
        "new.outcome = 'completed', new.compute_us IS NOT NULL, new.prompt_tokens, new.cached_tokens, "
        "new.completion_tokens, COALESCE(new.compute_us, 0), iif(new.energy_nwh IS NULL, 0, COALESCE(new.compute_us, "
        "0)), "
        "COALESCE(new.energy_nwh, 0)) ON CONFLICT DO UPDATE SET requests = requests + excluded.requests, "
        "completed = completed + excluded.completed, timed = timed + excluded.timed, "
        "prompt_tokens = prompt_tokens + excluded.prompt_tokens, "
        "cached_tokens = cached_tokens + excluded.cached_tokens, "
        "completion_tokens = completion_tokens + excluded.completion_tokens, "
        "compute_us = compute_us + excluded.compute_us, metered_us = metered_us + excluded.metered_us, "
        "energy_nwh = energy_nwh + excluded.energy_nwh; END"},
       // What was written to a vendor's cache, and lines of batches apart: both have prices of their own.
       {"ALTER TABLE events ADD COLUMN cache_write_tokens INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE events ADD COLUMN batched INTEGER NOT NULL DEFAULT 0", "DROP TRIGGER events_into_days",
        "ALTER TABLE days RENAME TO days_before",
        "CREATE TABLE days (day INTEGER NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL, adapter TEXT NOT NULL, "
        "vendor TEXT NOT NULL, tag TEXT NOT NULL, long_prompts INTEGER NOT NULL, batched INTEGER NOT NULL, "
        "requests INTEGER NOT NULL, completed INTEGER NOT NULL, timed INTEGER NOT NULL, "
        "prompt_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL, "
        "completion_tokens INTEGER NOT NULL, compute_us INTEGER NOT NULL, metered_us INTEGER NOT NULL, "
        "energy_nwh INTEGER NOT NULL, "
        "PRIMARY KEY (day, key_id, model, adapter, vendor, tag, long_prompts, batched)) STRICT, WITHOUT ROWID",
        "INSERT INTO days SELECT day, key_id, model, adapter, vendor, tag, long_prompts, 0, requests, completed, "
        "timed, prompt_tokens, cached_tokens, 0, completion_tokens, compute_us, metered_us, energy_nwh "
        "FROM days_before",
        "DROP TABLE days_before", always},
       // Counts that cannot be, as early versions of the program stored them, are in no sum any more.
       {"DROP TRIGGER events_into_days", repair[0], repair[1], repair[2], plausible}}};
  return kept;
}

void UsageRow::set(Event&& from) {
  event = std::move(from);
  event.queue_seconds = seconds(event.queue_seconds);
  event.prefill_seconds = seconds(event.prefill_seconds);
  event.decode_seconds = seconds(event.decode_seconds);
  time = event.time;
  prompt = stored_tokens(event.prompt_tokens);
  // They are parts of the prompt. A vendor that says otherwise would make a sum that is not that of its parts.
  cached = std::min(stored_tokens(event.cached_tokens), prompt);
  written = std::min(stored_tokens(event.cache_write_tokens), prompt - cached);
  completion = stored_tokens(event.completion_tokens);
  has_compute = event.compute_us.has_value();
  compute = static_cast<long long>(bounded(event.compute_us).value_or(0));
  has_energy = event.energy_nwh.has_value();
  energy = static_cast<long long>(bounded(event.energy_nwh).value_or(0));
  has_seed = event.seed.has_value();
  seed = static_cast<long long>(event.seed.value_or(0));
  outcome = name_of(event.outcome);
  batched = event.batched ? 1 : 0;
  steered = event.steered ? 1 : 0;
  status = event.http_status;
}

std::string UsageRow::impossible_counts() const {
  std::string out;
  for (const auto& [name, count, most] :
       {std::tuple("prompt_tokens", prompt, kMostTokens), std::tuple("cached_tokens", cached, kMostTokens),
        std::tuple("cache_write_tokens", written, kMostTokens),
        std::tuple("completion_tokens", completion, kMostTokens),
        std::tuple("compute_us", has_compute ? compute : 0, kMostOfAny),
        std::tuple("energy_nwh", has_energy ? energy : 0, kMostOfAny)}) {
    if (count < 0 || static_cast<std::uint64_t>(count) > most)
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", name, count);
  }
  return out;
}

std::optional<Event> UsageRow::get() const {
  const std::optional<Outcome> known = outcome_from_name(outcome);
  if (!known || !impossible_counts().empty()) return std::nullopt;
  Event out = event;
  out.time = time;
  out.prompt_tokens = static_cast<std::uint64_t>(prompt);
  out.cached_tokens = static_cast<std::uint64_t>(cached);
  out.cache_write_tokens = static_cast<std::uint64_t>(written);
  out.completion_tokens = static_cast<std::uint64_t>(completion);
  out.seed = has_seed ? std::optional(static_cast<std::uint64_t>(seed)) : std::nullopt;
  out.compute_us = has_compute ? std::optional(static_cast<std::uint64_t>(compute)) : std::nullopt;
  out.energy_nwh = has_energy ? std::optional(static_cast<std::uint64_t>(energy)) : std::nullopt;
  out.outcome = *known;
  out.batched = batched != 0;
  out.steered = steered != 0;
  out.http_status = static_cast<int>(status);
  return out;
}

}  // namespace freehold::ledger
