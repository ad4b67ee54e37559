#include "app/usage_json.h"

#include <fmt/format.h>

#include <optional>

#include "app/moment.h"
#include "app/serve/answer_id.h"
#include "base/utf8.h"

namespace freehold::app {

Result<ledger::Event> recorded(ledger::UsageQuery& query, std::string_view id) {
  FH_TRY(std::optional<ledger::Event> event, query.find(id));
  if (!event) {
    FH_TRY(event, query.find(request_of_answer(id)));
  }
  if (!event) return fail(Errc::not_found, fmt::format("there is no record of request '{}'", printable(id, 80)));
  return std::move(*event);
}

void note_left_out(const ledger::LeftOut& left_out, Console& console) {
  if (left_out.requests == 0) return;
  std::string which;
  for (const ledger::LeftOut::Event& e : left_out.first)
    which += fmt::format("{}{} ({})", which.empty() ? "" : ", ", printable(e.request_id, 80), e.why);
  if (left_out.requests > left_out.first.size()) which += " …";
  console.note(fmt::format("note: {} with counts that no request can have {} in no sum: {}",
                           left_out.requests == 1 ? "1 request" : fmt::format("{} requests", left_out.requests),
                           left_out.requests == 1 ? "is" : "are", which));
}

void write_left_out(JsonWriter& w, const ledger::LeftOut& left_out) {
  w.key("left_out").begin_object().member("requests", left_out.requests).key("first").begin_array();
  for (const ledger::LeftOut::Event& e : left_out.first)
    w.begin_object().member("request_id", e.request_id).member("counts", e.why).end_object();
  w.end_array().end_object();
}

void write_event(JsonWriter& w, const ledger::Event& e) {
  w.member("request_id", e.request_id);
  w.member("time", show_moment(e.time / 1'000'000)).member("time_us", e.time);
  w.member("key", e.key_id).member("model", e.model).member("model_digest", e.model_digest);
  w.member("adapter", e.adapter).member("vendor", e.vendor).member("tag", e.tag);
  w.member("dialect", e.dialect).member("endpoint", e.endpoint);
  w.member("prompt_tokens", e.prompt_tokens).member("cached_tokens", e.cached_tokens);
  w.member("cache_write_tokens", e.cache_write_tokens).member("batched", e.batched);
  w.member("completion_tokens", e.completion_tokens).member("sampling", e.sampling).key("seed");
  e.seed ? w.value(*e.seed) : w.null();
  w.member("queue_seconds", e.queue_seconds).member("prefill_seconds", e.prefill_seconds);
  w.member("decode_seconds", e.decode_seconds).key("compute_us");
  e.compute_us ? w.value(*e.compute_us) : w.null();
  w.key("energy_nwh");
  e.energy_nwh ? w.value(*e.energy_nwh) : w.null();
  w.member("outcome", ledger::name_of(e.outcome));
  w.member("finish_reason", e.finish_reason).member("steered", e.steered).member("http_status", e.http_status);
}

}  // namespace freehold::app
