// Ollama's addresses: answers and vectors. What they say about models is in ollama_models.cpp.
#include "app/serve/ollama_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "api/ollama/ollama.h"
#include "app/serve/reply.h"
#include "app/version.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

namespace ollama = api::ollama;
using api::Failure;
using api::Problem;

Failure input_too_long() {
  return {Problem::context_length, "the input length exceeds the context length", {}, {}};
}

// The oldest turns go until the rest and `reserve` tokens of answer fit, or as far as it takes for one token.
api::Parsed<std::size_t> drop_turns(const ServedModel& model, ollama::Asked& asked, std::uint32_t limit,
                                    std::uint32_t reserve) {
  api::Call& call = asked.call;
  const ollama::Turns turns(std::get<api::Conversation>(call.input).messages);
  std::size_t left_out = 0;
  const auto tokens_without = [&](std::size_t n) -> api::Parsed<std::size_t> {
    std::get<api::Conversation>(call.input).messages = turns.without(n, left_out);
    FH_TRY(auto prompts, model.prompts(call));
    return prompts.front().tokens.size();
  };
  // The fewest that fit: what is left gets shorter with every turn that goes.
  for (const std::uint32_t room : {reserve, 1U}) {
    std::size_t least = 1, most = turns.droppable() + 1;
    while (least < most) {
      const std::size_t middle = least + (most - least) / 2;
      FH_TRY(const std::size_t tokens, tokens_without(middle));
      if (tokens + room <= limit) {
        most = middle;
      } else {
        least = middle + 1;
      }
    }
    if (least > turns.droppable()) continue;
    FH_TRY(const std::size_t tokens, tokens_without(least));
    call.left_out = fmt::format("{} messages", left_out);
    return tokens;
  }
  return tl::unexpected(input_too_long());
}

// The middle of a prompt goes: `keep` tokens at its beginning and the newest stay.
std::size_t drop_middle(ollama::Asked& asked, std::vector<std::int32_t> tokens, std::uint32_t limit,
                        std::uint32_t reserve) {
  const std::size_t stay = limit - reserve;
  const std::size_t keep = std::min<std::size_t>(asked.keep, stay / 2);
  const std::size_t dropped = tokens.size() - stay;
  const auto from = tokens.begin() + static_cast<std::ptrdiff_t>(keep);
  tokens.erase(from, from + static_cast<std::ptrdiff_t>(dropped));
  asked.call.left_out = fmt::format("{} tokens", dropped);
  asked.call.earlier.clear();
  asked.call.input = std::vector<api::PlainPrompt>{std::move(tokens)};
  return stay;
}

// Makes prompt and answer fit into the context, as the protocol says: what is too long is cut (and named in a header)
// unless the client forbids it; an answer ends where the context does.
api::Parsed<void> fit(const ServedModel& model, ollama::Asked& asked, bool chat) {
  api::Call& call = asked.call;
  const std::uint32_t limit = asked.context == 0 ? model.context() : std::min(asked.context, model.context());
  if (asked.context > model.context()) call.ignored.emplace_back("options.num_ctx");
  FH_TRY(auto prompts, model.prompts(call));
  std::size_t tokens = prompts.front().tokens.size();
  if (tokens + 1 > limit) {
    // Room for an answer that is worth something; a quarter of the context is enough.
    const std::uint32_t quarter = std::max(limit / 4, 1U);
    const std::uint32_t reserve = asked.predict == 0 ? quarter : std::min(asked.predict, quarter);
    if (!asked.truncate || limit <= reserve) return tl::unexpected(input_too_long());
    if (chat) {
      FH_TRY(tokens, drop_turns(model, asked, limit, reserve));
    } else {
      tokens = drop_middle(asked, std::move(prompts.front().tokens), limit, reserve);
    }
  }
  const auto room = static_cast<std::uint32_t>(limit - tokens);
  call.request.max_tokens = asked.predict == 0 ? room : std::min(asked.predict, room);
  return {};
}

// A model without a template takes the bare prompt.
api::Parsed<void> without_template(const ServedModel& model, ollama::Asked& asked, const std::string& prompt) {
  if (model.chat_template() != nullptr || asked.raw) return {};
  const auto& messages = std::get<api::Conversation>(asked.call.input).messages;
  if (messages.find(R"("role":"system")") != std::string::npos) {
    return api::refuse(Problem::invalid,
                       fmt::format("'system': model '{}' has no chat template that could place it: put it into the "
                                   "prompt",
                                   printable(asked.call.model)),
                       "system");
  }
  asked.call.input = std::vector<api::PlainPrompt>{prompt};
  return {};
}

api::Parsed<ModelLease> ready(const Site& site, ollama::Asked& asked, bool chat, const guard::Principal& who) {
  FH_TRY(ModelLease model, site.find(asked.call.model, who));
  if (asked.call.thinking == true && !model->facts()->thinks) {
    return api::refuse(Problem::invalid, fmt::format("\"{}\" does not support thinking", printable(asked.call.model)),
                       "think");
  }
  if (asked.work != ollama::Asked::Work::answer) return model;
  FH_TRY_VOID(site.adopt(asked.call, who));
  if (!chat) FH_TRY_VOID(without_template(*model, asked, asked.prompt));
  FH_TRY_VOID(fit(*model, asked, chat));
  return model;
}

ollama::FindParameters parameters_of(const Site& site, const guard::Principal& who) {
  return [&site, &who](std::string_view model) {
    const auto named = site.named(model, who);
    return named ? named->preset().parameters : std::string();
  };
}

void answer(Site& site, const ExchangePtr& exchange, const guard::Principal& who, api::Parsed<ollama::Asked> asked,
            bool chat) {
  if (!asked) return respond(*exchange, asked.error());
  if (auto may = site.may_ask(who); !may) return respond(*exchange, may.error());
  if (asked->work == ollama::Asked::Work::unload) {
    const auto facts = site.facts(asked->call.model, who);
    if (!facts) return respond(*exchange, facts.error());
    site.pool().unload(**facts);
  } else if (const auto model = ready(site, *asked, chat, who); !model) {
    return respond(*exchange, model.error());
  } else if (asked->work == ollama::Asked::Work::load && asked->call.keep_alive) {
    site.pool().keep_alive(*(*model)->facts(), *asked->call.keep_alive);
  }
  if (asked->work != ollama::Asked::Work::answer) {
    http::Response response = json_response(200, ollama::loaded_json(*asked, chat));
    if (asked->call.stream) response.headers.set("content-type", "application/x-ndjson");
    return exchange->respond(std::move(response));
  }
  const bool raw = asked->raw;
  site.generate(exchange, who, std::move(asked->call),
                [chat, raw](const api::Call& call, api::AnswerId id,
                            const std::vector<text::Prompt>&) -> std::unique_ptr<api::Encoder> {
                  if (chat) return ollama::chat_encoder(call, std::move(id));
                  return ollama::generate_encoder(call, std::move(id), !raw);
                });
}

void embed(Site& site, const ExchangePtr& exchange, const guard::Principal& who, bool old) {
  const auto began = std::chrono::steady_clock::now();
  const std::string& body = exchange->request().body;
  auto call = old ? ollama::parse_embeddings(body) : ollama::parse_embed(body);
  if (!call) return respond(*exchange, call.error());
  const auto encode = [began, old](const api::EmbedCall& of, const std::vector<std::vector<float>>& vectors,
                                   std::uint64_t tokens) {
    return old ? ollama::embeddings_json(vectors)
               : ollama::embed_json(of, vectors, tokens, std::chrono::steady_clock::now() - began);
  };
  if (!call->inputs.empty()) return site.embed(exchange, who, std::move(call), encode);
  if (const auto model = site.facts(call->model, who); !model) return respond(*exchange, model.error());
  exchange->respond(json_response(200, encode(*call, {}, 0)));
}

}  // namespace

bool wants_ollama(http::Exchange& exchange, std::string_view method) {
  const http::Request& request = exchange.request();
  // curl, which Ollama's documentation uses throughout, sends a form's type. A page in a browser could send that
  // without asking us first, but then it says where it comes from.
  if (method == "POST" && request.method == "POST" && !request.headers.has("origin")) {
    const std::string_view type = request.headers.get("content-type");
    if (type.empty() || type.starts_with("application/x-www-form-urlencoded") || type.starts_with("text/plain")) {
      return true;
    }
  }
  return wants(exchange, method);
}

bool handle_ollama(Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  const http::Request& request = exchange->request();
  if (path_is(request, {"api", "generate"}) || path_is(request, {"api", "chat"})) {
    if (!wants_ollama(*exchange, "POST")) return true;
    const bool chat = request.target.segments[1] == "chat";
    const auto parse = chat ? ollama::parse_chat : ollama::parse_generate;
    answer(site, exchange, who, parse(request.body, parameters_of(site, who)), chat);
    return true;
  }
  if (path_is(request, {"api", "embed"}) || path_is(request, {"api", "embeddings"})) {
    if (wants_ollama(*exchange, "POST")) embed(site, exchange, who, request.target.segments[1] == "embeddings");
    return true;
  }
  if (path_is(request, {"api", "version"})) {
    if (wants(*exchange, "GET")) {
      exchange->respond(json_response(200, fmt::format(R"({{"version":"{}"}})", version())));
    }
    return true;
  }
  return handle_ollama_models(site, exchange, who);
}

}  // namespace freehold::app
