#include "app/serve/served_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "kernel/kernels.h"

namespace freehold::app {

Result<std::unique_ptr<ServedModel>> ServedModel::start(std::string name, Loaded loaded, const Size& size) {
  auto served = std::unique_ptr<ServedModel>(new ServedModel(std::move(name), std::move(loaded)));
  Loaded& l = served->loaded_;
  served->sequences_ = size.sequences;
  if (!l.tokenizer.chat_templates.empty()) {
    auto parsed = text::ChatTemplate::parse(l.tokenizer.chat_templates.front().source);
    if (!parsed) return in_context(parsed.error(), "chat template");
    served->template_ = std::move(*parsed);
  }
  const std::uint64_t cache = size.cache_tokens != 0 ? size.cache_tokens : std::uint64_t{size.sequences} * size.context;
  FH_TRY(served->decoder_,
         engine::ModelDecoder::create(
             l.model, *l.pool, kernel::table_up_to(l.level),
             {.context = size.context, .sequences = size.sequences, .chunk = kChunk, .cache_tokens = cache}));
  FH_TRY(auto engine, engine::Engine::create(*served->decoder_, l.tokenizer.tokenizer,
                                             {.max_sequences = size.sequences, .chunk = kChunk}));
  served->service_ =
      std::make_unique<engine::Service>(std::move(engine), engine::ServiceOptions{.max_pending = size.max_pending});
  return served;
}

api::Parsed<std::vector<engine::Prompt>> ServedModel::prompts(const api::Call& call) const {
  FH_TRY(std::vector<engine::Prompt> out, own_prompts(call));
  if (call.earlier.empty()) return out;
  const text::Tokenizer& tokenizer = loaded_.tokenizer.tokenizer;
  for (std::int32_t id : call.earlier) {
    if (tokenizer.contains(id)) continue;
    return api::refuse(api::Problem::invalid, fmt::format("'context': there is no token {}", id), "context");
  }
  for (engine::Prompt& prompt : out) {
    std::vector<std::int32_t> tokens = call.earlier;
    // A text begins once.
    const bool twice = !prompt.tokens.empty() && prompt.tokens.front() == tokens.front() &&
                       tokenizer.token_type(tokens.front()) == text::TokenType::control &&
                       tokenizer.token_text(tokens.front()) == loaded_.tokenizer.bos_token;
    tokens.insert(tokens.end(), prompt.tokens.begin() + (twice ? 1 : 0), prompt.tokens.end());
    prompt.tokens = std::move(tokens);
  }
  return out;
}

api::Parsed<std::vector<engine::Prompt>> ServedModel::own_prompts(const api::Call& call) const {
  std::vector<engine::Prompt> out;
  const text::Tokenizer& tokenizer = loaded_.tokenizer.tokenizer;
  if (const auto* chat = std::get_if<api::Conversation>(&call.input)) {
    if (!template_) {
      return api::refuse(api::Problem::invalid,
                         fmt::format("model '{}' has no chat template: use the completions endpoint", call.model),
                         "model");
    }
    text::ChatInput input;
    auto messages = text::messages_from_json(chat->messages);
    if (!messages) return api::refuse(api::Problem::invalid, messages.error().what, "messages");
    input.messages = std::move(*messages);
    input.bos_token = loaded_.tokenizer.bos_token;
    input.eos_token = loaded_.tokenizer.eos_token;
    if (!chat->extras.empty()) {
      // An object with at least one member, none of them "messages".
      auto extras = text::chat_input_from_json(R"({"messages":[],)" + chat->extras.substr(1));
      if (!extras) return api::refuse(api::Problem::invalid, extras.error().what, "chat_template_kwargs");
      input.extras = std::move(extras->extras);
    }
    auto prompt = engine::prompt_from_messages(tokenizer, *template_, std::move(input));
    if (!prompt) return api::refuse(api::Problem::invalid, prompt.error().what, "messages");
    out.push_back(std::move(*prompt));
    return out;
  }
  for (const api::PlainPrompt& plain : std::get<std::vector<api::PlainPrompt>>(call.input)) {
    if (const auto* ids = std::get_if<std::vector<std::int32_t>>(&plain)) {
      for (std::int32_t id : *ids) {
        if (tokenizer.contains(id)) continue;
        return api::refuse(api::Problem::invalid, fmt::format("'prompt': there is no token {}", id), "prompt");
      }
      out.push_back({.tokens = *ids});
      continue;
    }
    auto prompt = engine::prompt_from_text(tokenizer, std::get<std::string>(plain), true, call.control_tokens);
    if (!prompt) return api::refuse(api::Problem::invalid, prompt.error().what, "prompt");
    // Who writes the template himself writes the bos too, often enough.
    if (call.control_tokens && prompt->tokens.size() > 1 && prompt->tokens[0] == prompt->tokens[1] &&
        tokenizer.token_text(prompt->tokens[0]) == loaded_.tokenizer.bos_token) {
      prompt->tokens.erase(prompt->tokens.begin());
    }
    if (prompt->tokens.empty()) {
      return api::refuse(api::Problem::invalid, "'prompt' is empty, and this model has no token to begin with",
                         "prompt");
    }
    out.push_back(std::move(*prompt));
  }
  return out;
}

ServedModel::Load ServedModel::load() const {
  const engine::ServiceStatus status = service_->status();
  const std::size_t running = std::min<std::size_t>(status.pending, sequences_);
  return {status.counters, submitted_, running, status.pending - running};
}

std::string ServedModel::text_of(const engine::Prompt& prompt) const {
  if (!prompt.text.empty()) return prompt.text;
  auto text = loaded_.tokenizer.tokenizer.decode(prompt.tokens, {.render_special = true});
  return text ? std::move(*text) : std::string();
}

}  // namespace freehold::app
