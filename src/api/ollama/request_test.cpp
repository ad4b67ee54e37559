#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>

#include "api/duration.h"
#include "api/ollama/models.h"
#include "api/ollama/ollama.h"

namespace freehold::api::ollama {
namespace {

Parsed<Asked> try_generate(const std::string& more) {
  return parse_generate(R"({"model":"m","prompt":"hi")" + more + "}", {});
}
Asked generate(const std::string& more = {}) {
  auto asked = try_generate(more);
  EXPECT_TRUE(asked) << (asked ? "" : asked.error().message);
  return asked.value_or(Asked{});
}
std::string param_of(const Parsed<Asked>& asked) {
  if (asked) return "accepted";
  EXPECT_EQ(status_of(asked.error().problem), 400);
  EXPECT_NE(asked.error().message.find(asked.error().param), std::string::npos) << asked.error().message;
  return asked.error().param;
}
std::string refused(const std::string& more) {
  return param_of(try_generate(more));
}
std::string refused_option(const std::string& option) {
  return refused(R"(,"options":{)" + option + "}");
}
Parsed<Asked> chat(const std::string& messages, const std::string& more = {}) {
  return parse_chat(R"({"model":"m","messages":)" + messages + more + "}", {});
}
std::string messages_of(const Parsed<Asked>& asked) {
  return asked ? std::get<Conversation>(asked->call.input).messages : asked.error().message;
}

TEST(OllamaRequest, DefaultsAreTheVendors) {
  const Asked asked = generate();
  const engine::Sampling& s = asked.call.request.sampling;
  EXPECT_EQ(asked.call.model, "m");
  EXPECT_TRUE(asked.call.stream);
  EXPECT_TRUE(asked.truncate);
  EXPECT_EQ(s.temperature, 0.8);
  EXPECT_EQ(s.top_k, 40u);
  EXPECT_EQ(s.top_p, 0.9);
  EXPECT_EQ(s.min_p, 0);
  EXPECT_EQ(s.repetition_penalty, 1.1);
  EXPECT_EQ(s.penalty_last, 64u);
  EXPECT_EQ(s.penalty_scope, engine::PenaltyScope::prompt_and_answer);
  EXPECT_FALSE(asked.call.has_seed);
  EXPECT_FALSE(asked.call.thinking);
  EXPECT_EQ(asked.predict, 0u);
  EXPECT_EQ(asked.work, Asked::Work::answer);
  EXPECT_TRUE(asked.call.ignored.empty());
  EXPECT_EQ(std::get<Conversation>(asked.call.input).messages, R"([{"role":"user","content":"hi"}])");
}

TEST(OllamaRequest, EveryOptionArrives) {
  const Asked asked = generate(
      R"(,"stream":false,"system":"be brief","truncate":false,"think":true,"logprobs":true,"top_logprobs":3,"context":[1,2],
      "options":{"temperature":0.5,"top_k":7,"top_p":0.6,"min_p":0.1,"typical_p":0.7,"seed":42,"stop":["a","b"],"num_predict":9,
      "num_ctx":512,"num_keep":5,"repeat_penalty":1.3,"repeat_last_n":-1,"presence_penalty":0.5,"frequency_penalty":-0.5})");
  const engine::Request& r = asked.call.request;
  EXPECT_FALSE(asked.call.stream);
  EXPECT_FALSE(asked.truncate);
  EXPECT_EQ(asked.call.thinking, true);
  EXPECT_EQ(r.logprobs, 3u);
  EXPECT_EQ(asked.call.earlier, (std::vector<std::int32_t>{1, 2}));
  EXPECT_EQ(r.sampling.temperature, 0.5);
  EXPECT_EQ(r.sampling.top_k, 7u);
  EXPECT_EQ(r.sampling.top_p, 0.6);
  EXPECT_EQ(r.sampling.min_p, 0.1);
  EXPECT_EQ(r.sampling.typical_p, 0.7);
  EXPECT_EQ(r.seed, 42u);
  EXPECT_TRUE(asked.call.has_seed);
  EXPECT_EQ(r.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(asked.predict, 9u);
  EXPECT_EQ(asked.context, 512u);
  EXPECT_EQ(asked.keep, 5u);
  EXPECT_EQ(r.sampling.repetition_penalty, 1.3);
  EXPECT_EQ(r.sampling.penalty_last, 0u);  // all
  EXPECT_EQ(r.sampling.presence_penalty, 0.5);
  EXPECT_EQ(r.sampling.frequency_penalty, -0.5);
  EXPECT_EQ(messages_of(asked), R"([{"role":"system","content":"be brief"},{"role":"user","content":"hi"}])");
  // Penalties over no token are none.
  EXPECT_EQ(generate(R"(,"options":{"repeat_last_n":0,"presence_penalty":1})").call.request.sampling.repetition_penalty,
            1);
  EXPECT_EQ(generate(R"(,"options":{"num_predict":-1})").predict, 0u);
}

TEST(OllamaRequest, NullIsAbsentAndWhatHasNoEffectIsNamed) {
  const Asked asked = generate(
      R"(,"system":null,"options":{"temperature":null,"num_thread":4,"mirostat":1,"frobnicate":1},"keep_alive":"5m","shift":true,"odd":1)");
  EXPECT_EQ(asked.call.request.sampling.temperature, 0.8);
  EXPECT_EQ(asked.call.ignored,
            (std::vector<std::string>{"options.num_thread", "options.mirostat", "options.frobnicate", "shift", "odd"}));
}

TEST(OllamaRequest, WrongTypesAndRangesAreRefusedByName) {
  EXPECT_EQ(refused_option(R"("temperature":"hot")"), "options.temperature");
  EXPECT_EQ(refused_option(R"("temperature":-1)"), "options.temperature");
  EXPECT_EQ(refused_option(R"("top_k":1.5)"), "options.top_k");
  EXPECT_EQ(refused_option(R"("top_p":2)"), "options.top_p");
  EXPECT_EQ(refused_option(R"("min_p":-0.5)"), "options.min_p");
  EXPECT_EQ(refused_option(R"("typical_p":0)"), "options.typical_p");
  EXPECT_EQ(refused_option(R"("seed":"x")"), "options.seed");
  EXPECT_EQ(refused_option(R"("stop":[1])"), "options.stop");
  EXPECT_EQ(refused_option(R"("stop":[""])"), "options.stop");
  EXPECT_EQ(refused_option(R"("num_predict":"many")"), "options.num_predict");
  EXPECT_EQ(refused_option(R"("num_ctx":-1)"), "options.num_ctx");
  EXPECT_EQ(refused_option(R"("repeat_penalty":0)"), "options.repeat_penalty");
  EXPECT_EQ(refused_option(R"("repeat_last_n":-2)"), "options.repeat_last_n");
  EXPECT_EQ(refused_option(R"("num_thread":"all")"), "options.num_thread");
  EXPECT_EQ(refused_option(R"("use_mmap":1)"), "options.use_mmap");
  EXPECT_EQ(refused_option(R"("mirostat_tau":[])"), "options.mirostat_tau");
  EXPECT_EQ(refused(R"(,"options":[])"), "options");
  EXPECT_EQ(refused(R"(,"stream":"yes")"), "stream");
  EXPECT_EQ(refused(R"(,"format":"xml")"), "format");
  EXPECT_EQ(refused(R"(,"format":5)"), "format");
  EXPECT_EQ(refused(R"(,"think":"hard")"), "think");
  EXPECT_EQ(refused(R"(,"context":["a"])"), "context");
  EXPECT_EQ(refused(R"(,"context":[-1])"), "context");
  EXPECT_EQ(refused(R"(,"images":["aGk="])"), "images");
  EXPECT_EQ(refused(R"(,"suffix":"x")"), "suffix");
  EXPECT_EQ(refused(R"(,"template":"{{ .Prompt }}")"), "template");
  EXPECT_EQ(refused(R"(,"raw":true,"system":"x")"), "raw");
  EXPECT_EQ(refused(R"(,"top_logprobs":2)"), "top_logprobs");
  EXPECT_EQ(refused(R"(,"logprobs":true,"top_logprobs":21)"), "top_logprobs");
  for (const char* wrong : {R"("soon")", R"("")", R"("5")", R"("1.2.3s")", R"("m")", "[]", "true"}) {
    EXPECT_EQ(refused(std::string(R"(,"keep_alive":)") + wrong), "keep_alive") << wrong;
  }
  EXPECT_EQ(param_of(parse_generate(R"({"prompt":"x"})", {})), "model");
  EXPECT_EQ(parse_generate(R"({"prompt":"x"})", {}).error().message, "model is required");
  EXPECT_FALSE(parse_generate("[]", {}));
  EXPECT_FALSE(parse_generate(R"({"model":"m","options":{"temperature":1e999}})", {}));
}

TEST(OllamaRequest, FormatsThinkingAndRawText) {
  EXPECT_EQ(generate(R"(,"format":"json")").call.format.kind, Format::Kind::json_object);
  const Asked schema = generate(R"(,"format":{"type":"array","items":{"z":1,"a":2}})");
  EXPECT_EQ(schema.call.format.kind, Format::Kind::json_schema);
  EXPECT_EQ(schema.call.format.source, R"({"type":"array","items":{"z":1,"a":2}})");
  EXPECT_EQ(generate(R"(,"format":"")").call.format.kind, Format::Kind::text);
  EXPECT_EQ(generate(R"(,"think":false)").call.thinking, false);
  const Asked high = generate(R"(,"think":"high")");
  EXPECT_EQ(high.call.thinking, true);
  EXPECT_EQ(std::get<Conversation>(high.call.input).extras, R"({"reasoning_effort":"high"})");
  const Asked raw = generate(R"(,"raw":true)");
  EXPECT_TRUE(raw.raw && raw.call.control_tokens);
  EXPECT_EQ(std::get<std::vector<PlainPrompt>>(raw.call.input), (std::vector<PlainPrompt>{std::string("hi")}));
}

TEST(OllamaRequest, NothingToAnswerLoadsOrUnloads) {
  EXPECT_EQ(parse_generate(R"({"model":"m"})", {})->work, Asked::Work::load);
  EXPECT_EQ(parse_generate(R"({"model":"m","prompt":"","keep_alive":"5m"})", {})->work, Asked::Work::load);
  for (const char* zero : {"0", "0.0", R"("0")", R"("0s")", R"("0h0m")"}) {
    EXPECT_EQ(parse_generate(std::string(R"({"model":"m","keep_alive":)") + zero + "}", {})->work, Asked::Work::unload)
        << zero;
  }
  EXPECT_EQ(parse_chat(R"({"model":"m"})", {})->work, Asked::Work::load);
  EXPECT_EQ(chat("[]", R"(,"keep_alive":0)")->work, Asked::Work::unload);
}

TEST(OllamaRequest, HowLongAModelStays) {
  using std::chrono_literals::operator""s;
  const auto of = [](const char* value) {
    return parse_generate(fmt::format(R"({{"model":"m","prompt":"p","keep_alive":{}}})", value), {})->call.keep_alive;
  };
  EXPECT_EQ(of(R"("5m")"), 300s);
  EXPECT_EQ(of("90"), 90s);
  EXPECT_EQ(of("0"), 0s);
  EXPECT_EQ(of("-1"), kForever);
  EXPECT_EQ(of(R"("-1m")"), kForever);
  EXPECT_FALSE(of("null"));
  EXPECT_EQ(parse_embed(R"({"model":"m","input":"x","keep_alive":7})")->keep_alive, 7s);
  EXPECT_EQ(parse_embed(R"({"model":"m","input":"x","keep_alive":"soon"})").error().param, "keep_alive");
}

TEST(OllamaRequest, MadeWithParametersUnderTheClientsOwn) {
  const FindParameters find = [](std::string_view model) {
    return model == "m" ? R"({"temperature":0.1,"top_k":3,"stop":["x"]})" : "";
  };
  const auto asked = parse_generate(R"({"name":"m","prompt":"p","options":{"top_k":5}})", find);
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->call.request.sampling.temperature, 0.1);
  EXPECT_EQ(asked->call.request.sampling.top_k, 5u);
  EXPECT_EQ(asked->call.request.stop, std::vector<std::string>{"x"});
}

TEST(OllamaChatRequest, MessagesAndTools) {
  EXPECT_EQ(messages_of(chat(
                R"([{"role":"system","content":"s"},{"role":"user","content":"u"},
              {"role":"assistant","thinking":"hm","tool_calls":[{"function":{"name":"f","arguments":{"b":1,"a":2}}}]},
              {"role":"tool","tool_name":"f","content":"ok"}])")),
            R"([{"role":"system","content":"s"},{"role":"user","content":"u"},{"role":"assistant","content":"",)"
            R"("tool_calls":[{"id":"call_0","type":"function","function":{"name":"f","arguments":{"b":1,"a":2}}}],)"
            R"("reasoning_content":"hm"},{"role":"tool","content":"ok","name":"f"}])");
  const auto asked = chat(
      R"([{"role":"user","content":"u"}])",
      R"(,"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}])");
  ASSERT_TRUE(asked);
  ASSERT_EQ(asked->call.tool_use.tools.size(), 1u);
  EXPECT_EQ(asked->call.tool_use.tools[0].name, "f");
  EXPECT_EQ(asked->call.tool_use.tools[0].parameters, R"({"type":"object"})");
  EXPECT_EQ(asked->call.tool_use.choice, ToolChoice::automatic);
  EXPECT_TRUE(
      std::get<Conversation>(chat(R"([{"role":"user","content":"u"},{"role":"assistant","content":"So"}])")->call.input)
          .continue_last);
}

TEST(OllamaChatRequest, WrongMessagesAreRefusedByName) {
  EXPECT_EQ(param_of(chat(R"("hi")")), "messages");
  EXPECT_EQ(param_of(chat(R"(["hi"])")), "messages[0]");
  EXPECT_EQ(param_of(chat(R"([{"content":"x"}])")), "messages[0].role");
  EXPECT_EQ(param_of(chat(R"([{"role":"king","content":"x"}])")), "messages[0].role");
  EXPECT_EQ(param_of(chat(R"([{"role":"user","content":[]}])")), "messages[0].content");
  EXPECT_EQ(param_of(chat(R"([{"role":"user","content":"x","images":["eA=="]}])")), "messages[0].images");
  EXPECT_EQ(param_of(chat(R"([{"role":"user","content":"x","tool_calls":[{}]}])")), "messages[0].tool_calls");
  EXPECT_EQ(param_of(chat(R"([{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}])")),
            "messages[0].tool_calls[0].function.arguments");
  const char* kUser = R"([{"role":"user","content":"u"}])";
  EXPECT_EQ(param_of(chat(kUser, R"(,"tools":{})")), "tools");
  EXPECT_EQ(param_of(chat(kUser, R"(,"tools":[{"function":{"name":"a b"}}])")), "tools[0].function.name");
  EXPECT_EQ(param_of(chat(kUser, R"(,"tools":[{"type":"web","function":{"name":"a"}}])")), "tools[0].type");
  EXPECT_EQ(param_of(chat(kUser, R"(,"tools":[{"function":{"name":"a"}},{"function":{"name":"a"}}])")), "tools");
}

TEST(OllamaEmbedRequest, TextsOrNone) {
  EXPECT_EQ(parse_embed(R"({"model":"m","input":["a","b"],"truncate":false,"dimensions":8})")->inputs.size(), 2u);
  EXPECT_FALSE(parse_embed(R"({"model":"m","input":"a","truncate":false})")->cut);
  EXPECT_TRUE(parse_embed(R"({"model":"m","input":"a"})")->cut);
  EXPECT_TRUE(parse_embed(R"({"model":"m","input":[]})")->inputs.empty());
  EXPECT_TRUE(parse_embed(R"({"model":"m","input":""})")->inputs.empty());
  EXPECT_TRUE(parse_embeddings(R"({"model":"m","prompt":""})")->inputs.empty());
  EXPECT_EQ(parse_embeddings(R"({"model":"m","prompt":"a"})")->inputs.size(), 1u);
  for (const char* wrong :
       {R"({"model":"m"})", R"({"input":"a"})", R"({"model":"m","input":5})", R"({"model":"m","input":["a",""]})",
        R"({"model":"m","input":"a","dimensions":-1})", R"({"model":"m","input":"a","options":3})"}) {
    EXPECT_FALSE(parse_embed(wrong)) << wrong;
  }
}

std::string refused_create(const std::string& more) {
  auto create = parse_create(R"({"model":"x","from":"m")" + more + "}");
  return create ? "accepted" : create.error().param;
}

TEST(OllamaCreateRequest, PresetsAreCheckedBeforeTheyAreKept) {
  const auto create = parse_create(
      R"({"name":"x","from":"m","system":"s","parameters":{"temperature":0,"stop":["a","b"]},
          "messages":[{"role":"user","content":"u"}],"license":["MIT","or other"],"stream":false})");
  ASSERT_TRUE(create);
  EXPECT_EQ(create->model, "x");
  EXPECT_EQ(create->preset.system, "s");
  EXPECT_EQ(create->preset.parameters, R"({"temperature":0,"stop":["a","b"]})");
  EXPECT_EQ(create->preset.messages, R"([{"role":"user","content":"u"}])");
  EXPECT_EQ(create->preset.license, "MIT\nor other");
  EXPECT_FALSE(create->stream);
  EXPECT_EQ(refused_create(R"(,"files":{"a.gguf":"sha256:00"})"), "files");
  EXPECT_EQ(refused_create(R"(,"adapters":{"a":"b"})"), "adapters");
  EXPECT_EQ(refused_create(R"(,"quantize":"q4_K_M")"), "quantize");
  EXPECT_EQ(refused_create(R"(,"template":"{{ .Prompt }}")"), "template");
  EXPECT_EQ(refused_create(R"(,"modelfile":"FROM m")"), "modelfile");
  EXPECT_EQ(refused_create(R"(,"parameters":{"temperature":"x"})"), "parameters.temperature");
  EXPECT_EQ(refused_create(R"(,"parameters":[])"), "parameters");
  EXPECT_EQ(refused_create(R"(,"messages":[{"role":"king"}])"), "messages[0].role");
  EXPECT_EQ(refused_create(R"(,"system":5)"), "system");
  EXPECT_EQ(refused_create(R"(,"files":{},"quantize":"")"), "accepted");
  EXPECT_EQ(parse_create(R"({"model":"x"})").error().param, "from");
  EXPECT_EQ(parse_create(R"({"from":"m"})").error().param, "model");
}

TEST(OllamaModelRequests, NameOrModel) {
  EXPECT_EQ(parse_named(R"({"name":"a"})")->model, "a");
  EXPECT_EQ(parse_named(R"({"model":"a","name":"b"})")->model, "a");
  EXPECT_EQ(parse_named(R"({"model":"","name":"b"})")->model, "b");
  EXPECT_FALSE(parse_named("{}"));
  EXPECT_EQ(parse_copy(R"({"source":"a","destination":"b"})")->destination, "b");
  EXPECT_EQ(parse_copy(R"({"source":"a"})").error().param, "destination");
  EXPECT_EQ(parse_copy(R"({"destination":"a"})").error().param, "source");
  EXPECT_EQ(with_tag("a"), "a:latest");
  EXPECT_EQ(with_tag("a:b"), "a:b");
  EXPECT_EQ(with_tag("host:5000/a"), "host:5000/a:latest");
}

}  // namespace
}  // namespace freehold::api::ollama
