#include "app/serve/usage_event.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <span>

#include "api/peek.h"
#include "app/serve/latencies.h"
#include "app/serve/reply.h"
#include "base/utf8.h"
#include "http/target.h"

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

api::Parsed<std::string> tag_of(const http::Request& request) {
  std::string tag(request.headers.get("freehold-tag"));
  const bool good = tag.size() <= kLongestTag && is_utf8(tag) && std::all_of(tag.begin(), tag.end(), [](char c) {
                      return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F;
                    });
  if (good) return tag;
  return api::refuse(api::Problem::invalid,
                     fmt::format("the header Freehold-Tag must be UTF-8 of at most {} bytes", kLongestTag));
}

ledger::Event event_of(const http::Exchange& exchange, const guard::Principal& principal, const ServedModel& model,
                       const std::string& name, std::string tag) {
  ledger::Event event;
  event.request_id = exchange.request().id;
  event.time =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  event.key_id = principal.key_id;
  event.model = name;
  event.model_digest = model.digest();
  event.tag = std::move(tag);
  event.compute_us = 0;  // until something is computed
  event.dialect = name_of(dialect_of(exchange.request()));
  event.endpoint = http::canonical_path(exchange.request().target);
  event.batched = exchange.request().on_behalf_of.has_value();
  return event;
}

audit::RequestEntry audit_entry_of(const http::Exchange& exchange, const guard::Principal& principal,
                                   const ServedModel& model, const std::vector<text::Prompt>& prompts) {
  audit::RequestEntry entry;
  entry.who = who_of(principal);
  if (const text::ChatTemplate* chat = model.chat_template()) entry.template_digest = "sha256:" + chat->digest();
  entry.context = model.context();
  entry.kv_cache = kernel::name_of(model.loaded().memory.cache_type);
  entry.request_digest = digest_of(exchange.request().body);
  std::vector<Digest> parts;
  for (const text::Prompt& prompt : prompts) parts.push_back(sha256(std::as_bytes(std::span(prompt.tokens))));
  entry.prompt_digest = digest_of(parts);
  return entry;
}

std::string subject_with(const std::string& named, const std::vector<std::string>& earlier) {
  if (!named.empty()) return named;
  const auto other = std::find_if(earlier.begin(), earlier.end(), [](const auto& one) { return !one.empty(); });
  return other == earlier.end() ? named : *other;
}

api::Parsed<std::vector<std::string>> subjects_of(const http::Request& request, const std::vector<std::string>& earlier,
                                                  bool kept, std::string_view field) {
  const std::string named = user_of(request);
  const std::string own = subject_with(named, earlier);
  const bool in_batch = request.on_behalf_of.has_value();
  if (in_batch && named.empty() && !own.empty()) {
    return api::refuse(api::Problem::invalid,
                       fmt::format("'{}': that was asked for a user; a line of a batch stays in its file, and has to "
                                   "name the same one in 'user'",
                                   field),
                       std::string(field));
  }
  std::vector<std::string> all = {own};
  for (const std::string& other : earlier) {
    if ((kept || in_batch) && !other.empty() && other != own) {
      return api::refuse(
          api::Problem::invalid,
          fmt::format("'{}': that was asked for another user; {}, so that a conversation is one user's", field,
                      kept ? "here what people say is kept under a key for each"
                           : "lines of a batch and their answers are erased with the user they name"),
          std::string(field));
    }
    if (std::find(all.begin(), all.end(), other) == all.end()) all.push_back(other);
  }
  return all;
}

Said said_of(const http::Exchange& exchange, const std::string& tenant, const ResponseStore& responses,
             const ResponseStore& threads) {
  const http::Request& request = exchange.request();
  Said said{request.target.raw, request.body, user_of(request), {}, {}, arrival_of(request)};
  const auto add = [&](const ResponseStore& store, std::string_view called, std::string_view field) {
    const std::string id = api::string_in(request.body, field);
    if (id.empty()) return;
    const auto found = store.find(tenant, id);
    if (!found) return;
    said.subject = subject_with(said.subject, found->subjects);
    said.earlier = {{"earlier-store", std::string(called)},
                    {"earlier-id", found->id},
                    {"earlier-response", found->response},
                    {"earlier-items", found->input_items},
                    {"earlier-conversation", found->conversation}};
  };
  add(responses, "responses", "previous_response_id");
  add(threads, "threads", "thread.previous_message_id");
  return said;
}

}  // namespace freehold::app
