// Tokenize, detokenize and apply-template.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/fields.h"
#include "api/native/native.h"
#include "api/openai/openai.h"
#include "base/utf8.h"

namespace freehold::api::native {
namespace {

constexpr std::size_t kMostTokens = std::size_t{1} << 22;

// The conversation of a body that may have fields of its own: what matters here is read as OpenAI's chat.
Parsed<Call> parse_conversation(const Json& root) {
  Json chat = Json::object();
  chat["model"] = "-";
  for (const char* key : {"messages", "tools", "tool_choice", "chat_template_kwargs"}) {
    if (root.contains(key)) chat[key] = root[key];
  }
  return openai::parse_chat(dump(chat));
}

Parsed<std::string> parse_model(Fields& f) {
  FH_TRY(auto model, f.string("model"));
  return model.value_or("");
}

// llama-server: text where it is text, otherwise its bytes.
Json piece_json(const std::string& bytes) {
  if (is_utf8(bytes)) return bytes;
  Json out = Json::array();
  for (char c : bytes) out.push_back(static_cast<unsigned char>(c));
  return out;
}

}  // namespace

Parsed<Tokenize> parse_tokenize(std::string_view body) {
  FH_TRY(const Json root, parse_object(body));
  Fields f(root);
  Tokenize out;
  const Json* content = f.find("content");
  const Json* prompt = f.find("prompt");
  const Json* messages = f.find("messages");
  if ((content != nullptr) + (prompt != nullptr) + (messages != nullptr) != 1) {
    return refuse(Problem::invalid, "one of 'content', 'prompt' and 'messages' is required", "content");
  }
  if (messages != nullptr) {
    FH_TRY(out.call, parse_conversation(root));
  }
  FH_TRY(out.call.model, parse_model(f));
  out.llama = content != nullptr;
  FH_TRY(auto text, f.string(out.llama ? "content" : "prompt"));
  out.text = text.value_or("");
  if (messages == nullptr) out.call.input = std::vector<PlainPrompt>{out.text};
  FH_TRY(auto add_special, f.boolean(out.llama ? "add_special" : "add_special_tokens"));
  out.add_special = add_special.value_or(!out.llama);
  FH_TRY(auto parse_special, f.boolean("parse_special"));
  out.parse_special = parse_special.value_or(out.llama);
  FH_TRY(auto pieces, f.boolean(out.llama ? "with_pieces" : "return_token_strs"));
  out.pieces = pieces.value_or(false);
  return out;
}

std::string tokenize_json(const Tokenize& asked, const std::vector<Token>& tokens, std::uint64_t context) {
  Json ids = Json::array();
  if (asked.llama) {
    for (const Token& t : tokens) {
      ids.push_back(asked.pieces ? Json{{"id", t.id}, {"piece", piece_json(t.bytes)}} : Json(t.id));
    }
    return dump({{"tokens", std::move(ids)}});
  }
  Json strings = asked.pieces ? Json::array() : Json(nullptr);
  for (const Token& t : tokens) {
    ids.push_back(t.id);
    if (asked.pieces) strings.push_back(t.spelling);
  }
  return dump({{"count", tokens.size()},
               {"max_model_len", context},
               {"tokens", std::move(ids)},
               {"token_strs", std::move(strings)}});
}

Parsed<Detokenize> parse_detokenize(std::string_view body) {
  FH_TRY(const Json root, parse_object(body));
  Fields f(root);
  Detokenize out;
  FH_TRY(out.model, parse_model(f));
  const Json* tokens = f.find("tokens");
  if (tokens == nullptr || !tokens->is_array() || tokens->size() > kMostTokens)
    return f.wrong("tokens", "an array of token ids");
  for (const Json& id : *tokens) {
    if (!id.is_number_integer() || id.get<std::int64_t>() < 0 || id.get<std::int64_t>() > INT32_MAX)
      return f.wrong("tokens", "an array of token ids");
    out.tokens.push_back(id.get<std::int32_t>());
  }
  return out;
}

// Clients of llama-server read `content`, those of vLLM `prompt`.
std::string detokenize_json(std::string_view text) {
  return dump({{"content", std::string(text)}, {"prompt", std::string(text)}});
}

Parsed<Call> parse_apply_template(std::string_view body) {
  FH_TRY(const Json root, parse_object(body));
  FH_TRY(Call call, parse_conversation(root));
  Fields f(root);
  FH_TRY(call.model, parse_model(f));
  return call;
}

std::string apply_template_json(std::string_view prompt) {
  return dump({{"prompt", std::string(prompt)}});
}

}  // namespace freehold::api::native
