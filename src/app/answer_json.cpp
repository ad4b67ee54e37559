#include "app/answer_json.h"

#include "app/json_writer.h"
#include "app/version.h"

namespace freehold::app {
namespace {

double per_second(std::uint32_t count, double seconds) {
  return seconds > 0 ? count / seconds : 0;
}

void write_sampling(JsonWriter& w, const Settings& settings, std::uint64_t seed) {
  const engine::Sampling& s = settings.sampling;
  w.key("sampling")
      .begin_object()
      .member("temperature", s.temperature)
      .member("top_k", s.top_k)
      .member("top_p", s.top_p);
  w.member("min_p", s.min_p).member("typical", s.typical_p).member("repetition_penalty", s.repetition_penalty);
  w.member("frequency_penalty", s.frequency_penalty).member("presence_penalty", s.presence_penalty);
  w.member("penalty_last", s.penalty_last).member("seed", seed).member("max_tokens", settings.max_tokens).end_object();
}

void write_timings(JsonWriter& w, const Generated& answer, double load_seconds) {
  const engine::Usage& u = answer.usage;
  std::uint32_t prefilled = u.prompt_tokens - u.cached_tokens;
  std::uint32_t decoded = u.completion_tokens > 0 ? u.completion_tokens - 1 : 0;  // the first one ends the prefill
  w.key("timings").begin_object().member("load_seconds", load_seconds).member("prefill_seconds", u.prefill_seconds);
  w.member("decode_seconds", u.decode_seconds)
      .member("prefill_tokens_per_second", per_second(prefilled, u.prefill_seconds));
  w.member("decode_tokens_per_second", per_second(decoded, u.decode_seconds)).end_object();
}

void write_digests(JsonWriter& w, const Session& session, const Conversation& conversation,
                   const std::vector<std::string>& weights) {
  w.key("digests").begin_object();
  if (weights.size() == 1) {
    w.member("weights", weights.front());
  } else {
    w.key("weights").begin_array();
    for (const auto& digest : weights) w.value(digest);
    w.end_array();
  }
  if (session.loaded().adapter != nullptr) w.member("adapter", session.loaded().adapter->digest.name());
  if (const auto* chat = conversation.chat_template()) w.member("template", "sha256:" + chat->digest());
  if (const auto& manifest = session.loaded().opened.manifest) {
    w.member("model", manifest->model.id().name());
    if (manifest->model.tokenizer) w.member("tokenizer", manifest->model.tokenizer->name());
  }
  w.end_object();
}

}  // namespace

std::string answer_json(const Session& session, const Conversation& conversation, const Settings& settings,
                        const text::Prompt& prompt, const Generated& answer, const std::vector<std::string>& digests) {
  const engine::Usage& u = answer.usage;
  JsonWriter w(true);
  w.begin_object().member("model", session.loaded().opened.reference).member("text", answer.text);
  w.member("finish_reason", name_of(answer.reason));
  if (settings.constraint) w.member("steered", answer.steered);
  if (!answer.stop_string.empty()) w.member("stop", answer.stop_string);
  w.key("usage").begin_object().member("prompt_tokens", u.prompt_tokens).member("cached_tokens", u.cached_tokens);
  w.member("completion_tokens", u.completion_tokens).member("total_tokens", u.prompt_tokens + u.completion_tokens);
  w.member("drafted_tokens", u.drafted_tokens).member("accepted_tokens", u.accepted_tokens).end_object();
  write_timings(w, answer, session.loaded().load_seconds);
  write_digests(w, session, conversation, digests);
  write_sampling(w, settings, answer.seed);
  w.member("raw", conversation.raw()).member("prompt", prompt.text).member("context", session.context());
  w.member("numerics", kNumericsVersion).member("isa", name_of(session.loaded().level));
  w.member("kv_cache", name_of(session.loaded().memory.cache_type));
  w.member("threads", session.loaded().pool->threads()).member("version", version()).member("commit", commit());
  return w.end_object().take() + "\n";
}

}  // namespace freehold::app
