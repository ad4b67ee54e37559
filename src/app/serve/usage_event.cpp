#include "app/serve/usage_event.h"

#include <fmt/format.h>

#include <chrono>

#include "app/serve/reply.h"

namespace freehold::app {

std::string sampling_summary(const engine::Sampling& s) {
  std::string out = fmt::format("temperature={}", s.temperature);
  const auto add = [&](const char* name, double value, double idle) {
    if (value != idle) out += fmt::format(" {}={}", name, value);
  };
  add("top_k", s.top_k, 0);
  add("top_p", s.top_p, 1);
  add("min_p", s.min_p, 0);
  add("typical_p", s.typical_p, 1);
  add("repetition_penalty", s.repetition_penalty, 1);
  add("frequency_penalty", s.frequency_penalty, 0);
  add("presence_penalty", s.presence_penalty, 0);
  add("logit_bias", static_cast<double>(s.logit_bias.size()), 0);
  return out;
}

ledger::Event event_of(const http::Exchange& exchange, const guard::Principal& principal, const ServedModel& model,
                       const std::string& name) {
  ledger::Event event;
  event.request_id = exchange.request().id;
  event.time =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  event.key_id = principal.key_id;
  event.model = name;
  event.model_digest = model.digest();
  event.dialect = name_of(dialect_of(exchange.request()));
  event.endpoint = exchange.request().target.path;
  return event;
}

}  // namespace freehold::app
