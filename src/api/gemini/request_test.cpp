#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/gemini/gemini.h"
#include "api/gemini/schema.h"
#include "base/sanitized_testing.h"

namespace freehold::api::gemini {
namespace {

const std::string kHead = R"({"contents":[{"parts":[{"text":"hi"}]}])";

GenerateCall read(const std::string& more = {}) {
  auto call = parse_generate(kHead + more + "}", "m", false);
  EXPECT_TRUE(call) << (call ? "" : call.error().message);
  return call.value_or(GenerateCall{});
}
std::string refused_body(const std::string& body) {
  auto call = parse_generate(body, "m", false);
  if (call) return "accepted";
  EXPECT_EQ(status_of(call.error().problem), 400);
  EXPECT_NE(call.error().message.find(call.error().param), std::string::npos) << call.error().message;
  return call.error().param;
}
// The field that a request with these members is refused for.
std::string refused(const std::string& more) {
  return refused_body(kHead + more + "}");
}
std::string refused_config(const std::string& members) {
  return refused(R"(,"generationConfig":{)" + members + "}");
}
std::string messages_of(const std::string& contents, const std::string& more = {}) {
  auto call = parse_generate(R"({"contents":)" + contents + more + "}", "m", false);
  return call ? std::get<Conversation>(call->call.input).messages : call.error().message;
}

TEST(GeminiRequest, DefaultsAreTheVendors) {
  const GenerateCall read_call = read();
  const Call& call = read_call.call;
  EXPECT_EQ(call.model, "m");
  EXPECT_EQ(call.request.sampling.temperature, 1);
  EXPECT_EQ(call.request.n, 1u);
  EXPECT_EQ(call.request.max_tokens, 0u);
  EXPECT_FALSE(call.stream || call.has_seed || call.thinking || call.request.logprobs || read_call.thoughts);
  EXPECT_EQ(std::get<Conversation>(call.input).messages, R"([{"role":"user","content":"hi"}])");
  EXPECT_TRUE(parse_generate(kHead + "}", "m", true)->call.stream);
}

TEST(GeminiRequest, EveryParameterArrivesInEitherSpelling) {
  const Call camel = read(R"(,"generationConfig":{"temperature":0.5,"topP":0.9,"topK":4,"candidateCount":3,
    "maxOutputTokens":9,"stopSequences":["a"],"seed":-7,"presencePenalty":0.5,"frequencyPenalty":-1,
    "responseLogprobs":true,"logprobs":2},"safetySettings":[{"category":"X"}])")
                         .call;
  const Call snake = read(R"(,"generation_config":{"temperature":"0.5","top_p":0.9,"top_k":4.0,"candidate_count":"3",
    "max_output_tokens":"9","stop_sequences":["a"],"seed":"-7","presence_penalty":0.5,"frequency_penalty":-1,
    "response_logprobs":true,"logprobs":2},"safety_settings":[])")
                         .call;
  for (const Call* call : {&camel, &snake}) {
    const engine::Request& r = call->request;
    EXPECT_EQ(r.sampling.temperature, 0.5);
    EXPECT_EQ(r.sampling.top_p, 0.9);
    EXPECT_EQ(r.sampling.top_k, 4u);
    EXPECT_EQ(r.sampling.presence_penalty, 0.5);
    EXPECT_EQ(r.sampling.frequency_penalty, -1);
    EXPECT_EQ(r.sampling.penalty_scope, engine::PenaltyScope::answer);
    EXPECT_EQ(r.n, 3u);
    EXPECT_EQ(r.seed, static_cast<std::uint64_t>(-7));
    EXPECT_EQ(r.max_tokens, 9u);
    EXPECT_EQ(r.stop, std::vector<std::string>{"a"});
    EXPECT_EQ(r.logprobs, 2u);
    EXPECT_TRUE(call->has_seed);
    EXPECT_TRUE(call->ignored.empty());
  }
}

TEST(GeminiRequest, NullIsAbsentAndUnknownIsNamed) {
  const Call call = read(R"(,"tools":null,"systemInstruction":null,"generationConfig":{"temperature":null,
    "mediaResolution":"LOW"},"frobnicate":1)")
                        .call;
  EXPECT_EQ(call.ignored, (std::vector<std::string>{"generationConfig.mediaResolution", "frobnicate"}));
}

TEST(GeminiRequest, WrongTypesAndRangesAreRefusedByName) {
  const std::string c = "generationConfig.";
  EXPECT_EQ(refused_config(R"("temperature":2.5)"), c + "temperature");
  EXPECT_EQ(refused_config(R"("temperature":"hot")"), c + "temperature");
  EXPECT_EQ(refused_config(R"("topP":-1)"), c + "topP");
  EXPECT_EQ(refused_config(R"("top_k":"x")"), c + "top_k");  // as the client wrote it
  EXPECT_EQ(refused_config(R"("topK":1.5)"), c + "topK");
  EXPECT_EQ(refused_config(R"("candidateCount":0)"), c + "candidateCount");
  EXPECT_EQ(refused_config(R"("candidateCount":9)"), c + "candidateCount");
  EXPECT_EQ(refused_config(R"("maxOutputTokens":0)"), c + "maxOutputTokens");
  EXPECT_EQ(refused_config(R"("maxOutputTokens":"9 ")"), c + "maxOutputTokens");
  EXPECT_EQ(refused_config(R"("seed":18446744073709551615)"), c + "seed");
  EXPECT_EQ(refused_config(R"("stopSequences":[""])"), c + "stopSequences");
  EXPECT_EQ(refused_config(R"("stopSequences":[1])"), c + "stopSequences");
  EXPECT_EQ(refused_config(R"("presencePenalty":3)"), c + "presencePenalty");
  EXPECT_EQ(refused_config(R"("frequencyPenalty":-3)"), c + "frequencyPenalty");
  EXPECT_EQ(refused_config(R"("logprobs":2)"), c + "logprobs");
  EXPECT_EQ(refused_config(R"("responseLogprobs":true,"logprobs":21)"), c + "logprobs");
  EXPECT_EQ(refused_config(R"("responseModalities":["IMAGE"])"), c + "responseModalities");
  EXPECT_EQ(refused_config(R"("thinkingConfig":5)"), c + "thinkingConfig");
  EXPECT_EQ(refused_config(R"("thinkingConfig":{"thinkingLevel":"DEEP"})"), c + "thinkingConfig.thinkingLevel");
  EXPECT_EQ(refused_config(R"("thinkingConfig":{"thinkingBudget":-2})"), c + "thinkingConfig.thinkingBudget");
  EXPECT_EQ(refused(R"(,"generationConfig":5)"), "generationConfig");
  EXPECT_EQ(refused(R"(,"cachedContent":"cachedContents/x")"), "cachedContent");
  EXPECT_EQ(refused(R"(,"continuationToken":"x")"), "continuationToken");
  EXPECT_EQ(refused(R"(,"safetySettings":"none")"), "safetySettings");
  EXPECT_EQ(refused(R"(,"labels":["x"])"), "labels");
  EXPECT_EQ(refused(R"(,"model":"models/other")"), "model");
  EXPECT_EQ(refused(R"(,"model":"models/m")"), "accepted");
  EXPECT_EQ(refused(R"(,"systemInstruction":"be brief")"), "systemInstruction");
  EXPECT_EQ(refused(R"(,"systemInstruction":{"parts":[{"inlineData":{}}]})"), "systemInstruction.parts[0].inlineData");
}

TEST(GeminiRequest, ContentsBecomeMessages) {
  EXPECT_EQ(messages_of(R"([{"role":"user","parts":[{"text":"hi"}]}])"), R"([{"role":"user","content":"hi"}])");
  // The vendor's own examples leave the brackets out.
  EXPECT_EQ(messages_of(R"({"parts":{"text":"hi"}})", R"(,"system_instruction":{"parts":{"text":"s"}})"),
            R"([{"role":"system","content":"s"},{"role":"user","content":"hi"}])");
  // A chat's history holds an answer in the pieces of its stream.
  EXPECT_EQ(
      messages_of(
          R"([{"parts":[{"text":"a"},{"text":"b"}]},{"role":"model","parts":[{"text":"Hel"}]},{"role":"model","parts":[{"text":"lo"}]},
              {"role":"model","parts":[{"text":""}]},{"role":"user","parts":[{"text":"c"}]}])"),
      R"([{"role":"user","content":"ab"},{"role":"assistant","content":"Hello"},{"role":"user","content":"c"}])");
  EXPECT_EQ(messages_of(
                R"([{"parts":[{"text":"?"}]},
              {"role":"model","parts":[{"text":"hm","thought":true},{"functionCall":{"name":"f","args":{"b":1,"a":2}},"thoughtSignature":"x"},
                {"function_call":{"name":"f"}},{"functionCall":{"id":"c9","name":"g","args":{}}}]},
              {"role":"function","parts":[{"functionResponse":{"name":"f","response":{"r":1}}},
                {"function_response":{"name":"f","response":{"r":2}}},{"functionResponse":{"id":"c9","name":"g","response":{}}}]}])"),
            R"([{"role":"user","content":"?"},{"role":"assistant","content":"","reasoning_content":"hm","tool_calls":[)"
            R"({"id":"call_0","type":"function","function":{"name":"f","arguments":{"b":1,"a":2}}},)"
            R"({"id":"call_1","type":"function","function":{"name":"f","arguments":{}}},)"
            R"({"id":"c9","type":"function","function":{"name":"g","arguments":{}}}]},)"
            R"({"role":"tool","content":"{\"r\":1}","tool_call_id":"call_0","name":"f"},)"
            R"({"role":"tool","content":"{\"r\":2}","tool_call_id":"call_1","name":"f"},)"
            R"({"role":"tool","content":"{}","tool_call_id":"c9","name":"g"}])");
}

TEST(GeminiRequest, WrongContentsAreRefusedByName) {
  const auto part = [](const std::string& text, const char* role = "user") {
    return refused_body(R"({"contents":[{"role":")" + std::string(role) + R"(","parts":[)" + text + "]}]}");
  };
  EXPECT_EQ(part("{}"), "contents[0].parts[0]");
  EXPECT_EQ(part(R"({"text":"a","functionCall":{"name":"f"}})"), "contents[0].parts[0]");
  EXPECT_EQ(part(R"({"text":5})"), "contents[0].parts[0].text");
  EXPECT_EQ(part("5"), "contents[0].parts[0]");
  EXPECT_EQ(part(R"({"inlineData":{"mimeType":"image/png","data":""}})"), "contents[0].parts[0].inlineData");
  EXPECT_EQ(part(R"({"file_data":{}})"), "contents[0].parts[0].file_data");
  EXPECT_EQ(part(R"({"functionCall":{"name":"f"}})"), "contents[0].parts[0].functionCall");
  EXPECT_EQ(part(R"({"functionCall":{}})", "model"), "contents[0].parts[0].functionCall.name");
  EXPECT_EQ(part(R"({"functionCall":{"name":"f","args":"{}"}})", "model"), "contents[0].parts[0].functionCall.args");
  EXPECT_EQ(part(R"({"functionCall":{"name":"f"}})", "model"), "contents");  // whose response is missing
  EXPECT_EQ(part(R"({"functionResponse":{"name":"f"}})"), "contents[0].parts[0].functionResponse.response");
  EXPECT_EQ(part(R"({"functionResponse":{"name":"f","response":{}}})", "model"),
            "contents[0].parts[0].functionResponse");
  EXPECT_EQ(part(R"({"text":"a"})", "king"), "contents[0].role");
  EXPECT_EQ(refused_body("{}"), "contents");
  EXPECT_EQ(refused_body(R"({"contents":[]})"), "contents");
  EXPECT_EQ(refused_body(R"({"contents":"hi"})"), "contents");
  EXPECT_EQ(refused_body(R"({"contents":["hi"]})"), "contents[0]");
  EXPECT_EQ(refused_body(R"({"contents":[{"role":"user"}]})"), "contents[0].parts");
  EXPECT_EQ(refused_body(R"({"contents":[{"parts":[]}]})"), "contents[0].parts");
}

TEST(GeminiRequest, AModelsLastContentIsContinued) {
  const std::string begun = R"({"contents":[{"parts":[{"text":"x"}]},{"role":"model","parts":[{"text":"The"}]}])";
  auto call = parse_generate(begun + "}", "m", false);
  ASSERT_TRUE(call);
  EXPECT_TRUE(std::get<Conversation>(call->call.input).continue_last);
  EXPECT_EQ(refused_body(begun + R"(,"generationConfig":{"responseMimeType":"application/json"}})"), "contents");
}

TEST(GeminiRequest, ToolsAndTheirChoice) {
  const std::string tool =
      R"(,"tools":[{"functionDeclarations":[{"name":"f","description":"d","parameters":{"type":"OBJECT","properties":
          {"a":{"type":"STRING","nullable":true}}}},{"name":"ns:g","parametersJsonSchema":{"type":"object"}}]},
          {"function_declarations":{"name":"h"}}])";
  const auto mode = [&](const std::string& members) {
    return tool + R"(,"toolConfig":{"functionCallingConfig":{)" + members + "}}";
  };
  Call call = read(tool).call;
  ASSERT_EQ(call.tool_use.tools.size(), 3u);
  EXPECT_EQ(call.tool_use.tools[0].description, "d");
  EXPECT_EQ(call.tool_use.tools[0].parameters, R"({"type":"object","properties":{"a":{"type":["string","null"]}}})");
  EXPECT_EQ(call.tool_use.tools[1].parameters, R"({"type":"object"})");
  EXPECT_EQ(call.tool_use.tools[2].parameters, "{}");
  EXPECT_EQ(call.tool_use.choice, ToolChoice::automatic);
  EXPECT_EQ(read(mode(R"("mode":"AUTO")")).call.tool_use.choice, ToolChoice::automatic);
  EXPECT_EQ(read(mode(R"("mode":"NONE")")).call.tool_use.choice, ToolChoice::none);
  // The model chooses as with AUTO, but what it calls is valid.
  EXPECT_FALSE(call.tool_use.tools[0].strict);
  call = read(mode(R"("mode":"VALIDATED")")).call;
  EXPECT_EQ(call.tool_use.choice, ToolChoice::automatic);
  EXPECT_TRUE(call.tool_use.tools[0].strict && call.tool_use.tools[2].strict);
  call = read(mode(R"("mode":"ANY","allowedFunctionNames":["f","h"])")).call;
  EXPECT_EQ(call.tool_use.choice, ToolChoice::required);
  EXPECT_EQ(call.tool_use.allowed, (std::vector<std::string>{"f", "h"}));
  EXPECT_FALSE(call.tool_use.named);
  EXPECT_TRUE(read(mode(R"("mode":"ANY","allowed_function_names":["f"])")).call.tool_use.named);
  const std::string config = "toolConfig.functionCallingConfig.";
  EXPECT_EQ(refused(mode(R"("mode":"SOME")")), config + "mode");
  EXPECT_EQ(refused(mode(R"("mode":"ANY","allowedFunctionNames":["z"])")), config + "allowedFunctionNames");
  EXPECT_EQ(refused(R"(,"toolConfig":{"functionCallingConfig":{"mode":"ANY"}})"), config + "mode");
  EXPECT_EQ(refused(R"(,"tools":[{"googleSearch":{}}])"), "tools[0].googleSearch");
  EXPECT_EQ(refused(R"(,"tools":[{"functionDeclarations":[{"name":"a b"}]}])"),
            "tools[0].functionDeclarations[0].name");
  EXPECT_EQ(refused(R"(,"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"THING"}}]}])"),
            "tools[0].functionDeclarations[0].parameters.type");
  EXPECT_EQ(refused(R"(,"tools":[{"functionDeclarations":[{"name":"f","parameters":{},"parametersJsonSchema":{}}]}])"),
            "tools[0].functionDeclarations[0].parametersJsonSchema");
  EXPECT_EQ(refused(R"(,"tools":[{"functionDeclarations":[{"name":"f"},{"name":"f"}]}])"), "tools");
}

TEST(GeminiRequest, Formats) {
  const auto format = [](const std::string& members) {
    return read(R"(,"generationConfig":{)" + members + "}").call.format;
  };
  Format f = format(R"("responseMimeType":"application/json","responseSchema":{"type":"OBJECT","z":1,"a":2})");
  EXPECT_EQ(f.kind, Format::Kind::json_schema);
  EXPECT_TRUE(f.gemini_schema);
  EXPECT_EQ(f.source, R"({"type":"OBJECT","z":1,"a":2})");
  EXPECT_EQ(f.param, "generationConfig.responseSchema");
  f = format(R"("response_mime_type":"application/json","response_json_schema":{"type":"object"})");
  EXPECT_FALSE(f.gemini_schema);
  EXPECT_EQ(f.param, "generationConfig.response_json_schema");
  EXPECT_EQ(format(R"("responseMimeType":"application/json")").kind, Format::Kind::json_schema);
  EXPECT_EQ(format(R"("responseMimeType":"text/plain")").kind, Format::Kind::text);
  f = format(R"("responseMimeType":"text/x.enum","responseSchema":{"type":"STRING","enum":["a","b"]})");
  EXPECT_EQ(f.kind, Format::Kind::choice);
  EXPECT_EQ(f.choices, (std::vector<std::string>{"a", "b"}));
  const std::string c = "generationConfig.";
  EXPECT_EQ(refused_config(R"("responseMimeType":"image/png")"), c + "responseMimeType");
  EXPECT_EQ(refused_config(R"("responseMimeType":"text/plain","responseSchema":{})"), c + "responseMimeType");
  EXPECT_EQ(refused_config(R"("responseMimeType":"text/x.enum")"), c + "responseSchema");
  EXPECT_EQ(refused_config(R"("responseMimeType":"text/x.enum","responseSchema":{"enum":[1]})"), c + "responseSchema");
  EXPECT_EQ(refused_config(R"("responseSchema":"x")"), c + "responseSchema");
  EXPECT_EQ(refused_config(R"("responseSchema":{},"responseJsonSchema":{})"), c + "responseJsonSchema");
}

TEST(GeminiRequest, Thinking) {
  const auto thinking = [](const std::string& members) {
    return read(R"(,"generationConfig":{"thinkingConfig":{)" + members + "}}");
  };
  EXPECT_TRUE(thinking(R"("includeThoughts":true)").thoughts);
  EXPECT_FALSE(thinking(R"("includeThoughts":true)").call.thinking.has_value());
  EXPECT_EQ(thinking(R"("thinkingBudget":0)").call.thinking, false);
  EXPECT_EQ(thinking(R"("thinkingBudget":100)").call.thinking, true);
  EXPECT_TRUE(thinking(R"("thinkingBudget":100)").call.thinking_if_able);
  EXPECT_FALSE(thinking(R"("thinkingBudget":-1)").call.thinking.has_value());
  EXPECT_EQ(thinking(R"("thinkingLevel":"MINIMAL")").call.thinking, false);
  EXPECT_EQ(thinking(R"("thinkingLevel":"high")").call.thinking, true);
}

TEST(GeminiRequest, CountingTakesContentsOrAWholeRequest) {
  const auto count = [](const std::string& body) {
    auto call = parse_count(body, "m");
    return call ? std::get<Conversation>(call->input).messages : "refused " + call.error().param;
  };
  const std::string hi = R"([{"role":"user","content":"hi"}])";
  EXPECT_EQ(count(kHead + "}"), hi);
  EXPECT_EQ(count(R"({"generateContentRequest":)" + kHead + R"(,"model":"models/m"}})"), hi);
  EXPECT_EQ(count(R"({"generate_content_request":{}})"), "refused generate_content_request.contents");
  EXPECT_EQ(count(kHead + R"(,"generateContentRequest":)" + kHead + "}}"), "refused contents");
}

TEST(GeminiRequest, Embeddings) {
  const std::string one = R"("content":{"parts":[{"text":"a"},{"text":"b"}]})";
  auto call = parse_embed("{" + one + R"(,"taskType":"RETRIEVAL_QUERY","output_dimensionality":"4"})", "m");
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_EQ(call->inputs, std::vector<PlainPrompt>{std::string("ab")});
  EXPECT_EQ(call->dimensions, 4u);
  EXPECT_EQ(call->ignored, std::vector<std::string>{"taskType"});
  EXPECT_EQ(call->dimensions_field, "output_dimensionality");  // as it was sent
  call = parse_embed_batch(R"({"requests":[{"model":"models/m",)" + one + "},{" + one + "}]}", "m");
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_EQ(call->inputs.size(), 2u);
  const auto param = [](Parsed<EmbedCall> parsed) { return parsed ? "accepted" : parsed.error().param; };
  EXPECT_EQ(param(parse_embed("{}", "m")), "content");
  EXPECT_EQ(param(parse_embed(R"({"content":{"parts":[{"text":""}]}})", "m")), "content");
  EXPECT_EQ(param(parse_embed(R"({"content":{"parts":[{"inlineData":{}}]}})", "m")), "content.parts[0].inlineData");
  EXPECT_EQ(param(parse_embed("{" + one + R"(,"outputDimensionality":0})", "m")), "outputDimensionality");
  EXPECT_EQ(param(parse_embed("{" + one + R"(,"taskType":"RETRIEVAL"})", "m")), "taskType");
  EXPECT_EQ(param(parse_embed_batch("{}", "m")), "requests");
  EXPECT_EQ(param(parse_embed_batch(R"({"requests":[{}]})", "m")), "requests[0].content");
  EXPECT_EQ(param(parse_embed_batch(R"({"requests":[{"model":"models/x",)" + one + "}]}", "m")), "requests[0].model");
  EXPECT_EQ(param(parse_embed_batch("{\"requests\":[{" + one + "},{" + one + R"(,"outputDimensionality":2}]})", "m")),
            "requests[1].outputDimensionality");
}

TEST(GeminiSchema, BecomesJsonSchema) {
  const auto schema = [](const std::string& text) {
    const Json source = *parse_json(text);
    auto made = json_schema_of(source, "s");
    return made ? dump(*made) : "refused " + made.error().param;
  };
  EXPECT_EQ(schema(R"({"type":"STRING","format":"enum","enum":["a"],"nullable":true})"),
            R"({"type":["string","null"],"enum":["a",null]})");
  EXPECT_EQ(schema(R"({"type":"ARRAY","min_items":"1","maxItems":2,"items":{"type":"INTEGER","format":"int32"}})"),
            R"({"type":"array","minItems":1,"maxItems":2,"items":{"type":"integer","format":"int32"}})");
  EXPECT_EQ(schema(R"({"type":"OBJECT","properties":{"a_b":{"type":"STRING"},"c":{"type":"NULL"},"d":{}},
                       "property_ordering":["c","x","a_b"],"required":["c"]})"),
            R"({"type":"object","properties":{"c":{"type":"null"},"a_b":{"type":"string"},"d":{}},"required":["c"]})");
  EXPECT_EQ(schema(R"({"any_of":[{"type":"NUMBER"},{"type":"BOOLEAN"}],"nullable":true})"),
            R"({"anyOf":[{"type":"number"},{"type":"boolean"},{"type":"null"}]})");
  EXPECT_EQ(schema(R"({"type":"TYPE_UNSPECIFIED","title":"t","example":1})"), R"({"title":"t","examples":[1]})");
  // Names of properties are the client's own.
  EXPECT_EQ(schema(R"({"type":"object","properties":{"type":{"type":"STRING"},"min_items":{"type":"STRING"}}})"),
            R"({"type":"object","properties":{"type":{"type":"string"},"min_items":{"type":"string"}}})");
  EXPECT_EQ(schema(R"({"type":"THING"})"), "refused s.type");
  EXPECT_EQ(schema(R"({"type":5})"), "refused s.type");
  EXPECT_EQ(schema(R"({"minItems":"x"})"), "refused s.minItems");
  EXPECT_EQ(schema(R"({"nullable":"yes"})"), "refused s.nullable");
  EXPECT_EQ(schema(R"({"properties":[]})"), "refused s.properties");
  EXPECT_EQ(schema(R"({"properties":{"a":5}})"), "refused s.properties.a");
  EXPECT_EQ(schema(R"({"items":[1]})"), "refused s.items");
  EXPECT_EQ(schema(R"({"anyOf":{}})"), "refused s.anyOf");
  EXPECT_EQ(schema(R"({"propertyOrdering":5})"), "refused s.propertyOrdering");
  EXPECT_EQ(schema("5"), "refused s");
}

TEST(GeminiRequest, HostileBodiesAreRefusedAndTakeLinearTime) {
  for (const char* wrong :
       {"", "{", "[]", "null", "{} {}", R"({"contents":1e999})", R"({"a":1,"a":2})", "{\"a\":\"\xff\"}"}) {
    EXPECT_FALSE(parse_generate(wrong, "m", false)) << wrong;
    EXPECT_FALSE(parse_count(wrong, "m")) << wrong;
    EXPECT_FALSE(parse_embed(wrong, "m")) << wrong;
    EXPECT_FALSE(parse_embed_batch(wrong, "m")) << wrong;
  }
  // Each of these took quadratic time if anything searched what it adds to.
  std::string properties, names, calls, answers;
  for (int i = 0; i < repeats(100'000); ++i) {
    const std::string key = "\"k" + std::to_string(i) + "\"";
    const char* comma = i > 0 ? "," : "";
    properties += comma + key + ":{}";
    names += comma + key;
    calls += std::string(comma) + R"({"functionCall":{"name":"f"}})";
    answers += std::string(comma) + R"({"functionResponse":{"name":"f","response":{}}})";
  }
  EXPECT_EQ(read(R"(,"tools":{"functionDeclarations":{"name":"f","parameters":{"properties":{)" + properties +
                 R"(},"propertyOrdering":[)" + names + "]}}}")
                .call.tool_use.tools.size(),
            1u);
  EXPECT_TRUE(parse_generate(
      R"({"contents":[{"role":"model","parts":[)" + calls + R"(]},{"parts":[)" + answers + "]}]}", "m", false));
}

}  // namespace
}  // namespace freehold::api::gemini
