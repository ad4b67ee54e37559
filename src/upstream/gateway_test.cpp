#include "upstream/gateway.h"

#include <gtest/gtest.h>

#include <thread>

#include "format/json.h"
#include "upstream/values.h"
#include "upstream/vendor_testing.h"
#include "upstream/wire.h"

namespace freehold::upstream {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> kOpenAiStream = {
    "data: "
    "{\"id\":\"c1\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}"
    "\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\ndata: "
    "{\"id\":\"c1\",\"choices\":[{\"delta\":{\"cont",
    "ent\":\"lo\"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n",
    "data: "
    "{\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,\"prompt_tokens_details\":{\"cached_"
    "tokens\":4}}}\n\n",
    "data: [DONE]\n\n"};

TEST(Gateway, SpeaksOpenAi) {
  Vendor vendor({stream(kOpenAiStream)});
  Call call = hello();
  call.seed = 5;
  call.stop = {"END"};
  call.schema = R"({"type":"object"})";
  const AskedVendor asked = ask(vendor, "gateway:openai/m", call);
  ASSERT_TRUE(asked.reply) << asked.reply.error().what;
  EXPECT_EQ(asked.reply->text, "Hello");
  EXPECT_EQ(asked.reply->ending, Ending::length);
  EXPECT_EQ(asked.reply->model, "m-1");
  EXPECT_EQ(asked.reply->tokens, (Tokens{9, 4, 0, 2}));
  ASSERT_EQ(asked.attempts.size(), 1u);
  EXPECT_TRUE(asked.attempts[0].answered);
  const auto seen = vendor.seen();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].method, "POST");
  EXPECT_EQ(seen[0].target.path, "/v1/chat/completions");
  EXPECT_EQ(seen[0].headers.get("authorization"), "Bearer sk-secret");
  const auto body = format::parse_json(seen[0].body);
  ASSERT_TRUE(body);
  EXPECT_EQ(text_at(&*body, {"model"}), "m");
  EXPECT_NE(seen[0].body.find(R"("top_p":0.5)"), std::string::npos) << seen[0].body;
  EXPECT_EQ(count_at(&*body, {"max_tokens"}), 7u);
  EXPECT_EQ(count_at(&*body, {"seed"}), 5u);
  EXPECT_EQ(text_at(&*body, {"response_format", "json_schema", "schema", "type"}), "object");
  EXPECT_EQ(body->member("messages")->items()[0].member("role")->as_string(), "system");
}

TEST(Gateway, SpeaksAnthropic) {
  Vendor vendor({stream(
      {"event: message_start\ndata: "
       "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"c-1\",\"usage\":{"
       "\"input_tokens\":3,\"cache_read_input_tokens\":4,\"cache_creation_input_tokens\":2,\"output_tokens\":1}}}\n\n",
       "event: ping\ndata: {\"type\":\"ping\"}\n\n",
       "event: content_block_delta\ndata: "
       "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}}\n\n",
       "event: content_block_delta\ndata: "
       "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n",
       "event: message_delta\ndata: "
       "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":11}}\n\n",
       "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"})});
  const AskedVendor asked = ask(vendor, "gateway:anthropic/m", hello(), quick(), "");
  ASSERT_TRUE(asked.reply) << asked.reply.error().what;
  EXPECT_EQ(asked.reply->text, "Hi");
  EXPECT_EQ(asked.reply->ending, Ending::stop);
  EXPECT_EQ(asked.reply->tokens, (Tokens{9, 4, 2, 11}));
  const auto seen = vendor.seen();
  EXPECT_EQ(seen[0].target.path, "/v1/messages");
  EXPECT_EQ(seen[0].headers.get("x-api-key"), "sk-secret");
  EXPECT_FALSE(seen[0].headers.has("authorization"));
  const auto body = format::parse_json(seen[0].body);
  EXPECT_EQ(text_at(&*body, {"system"}), "be short");
  EXPECT_NE(seen[0].body.find(R"("top_p":0.5)"), std::string::npos) << seen[0].body;
  EXPECT_EQ(body->member("messages")->size(), 1u);
  Call seeded = hello();
  seeded.seed = 1;
  const AskedVendor refused = ask(vendor, "gateway:anthropic/m", seeded, quick(), "");
  ASSERT_FALSE(refused.reply);
  EXPECT_EQ(refused.reply.error().code, Errc::unsupported);
  EXPECT_TRUE(refused.attempts.empty());
}

TEST(Gateway, SpeaksGemini) {
  Vendor vendor({stream(
      {"data: "
       "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"think\",\"thought\":true},{\"text\":\"Ser\"}]}}],"
       "\"modelVersion\":\"g-1\"}\r\n\r\n",
       "data: "
       "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"vus\"}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{"
       "\"promptTokenCount\":6,\"candidatesTokenCount\":2,\"thoughtsTokenCount\":5}}\r\n\r\n"})});
  const AskedVendor asked = ask(vendor, "gateway:gemini/m", hello(), quick(), "");
  ASSERT_TRUE(asked.reply) << asked.reply.error().what;
  EXPECT_EQ(asked.reply->text, "Servus");
  EXPECT_EQ(asked.reply->tokens, (Tokens{6, 0, 0, 7}));
  const auto seen = vendor.seen();
  EXPECT_EQ(seen[0].target.path, "/v1beta/models/m:streamGenerateContent");
  EXPECT_EQ(seen[0].headers.get("x-goog-api-key"), "sk-secret");
  const auto body = format::parse_json(seen[0].body);
  EXPECT_EQ(count_at(&*body, {"generationConfig", "maxOutputTokens"}), 7u);
  EXPECT_NE(seen[0].body.find(R"("topP":0.5)"), std::string::npos) << seen[0].body;
}

TEST(Gateway, AsksAgainWhereThatMayHelp) {
  Vendor vendor(
      {status(429, R"({"error":{"message":"slow down","code":"rate_limit_exceeded"}})", {{"retry-after-ms", "3"}}),
       status(500, "oops"), stream({kOpenAiStream[0], kOpenAiStream[1]}), stream({kOpenAiStream[0]}, false),
       stream(kOpenAiStream)});
  const AskedVendor asked = ask(vendor, "gateway:openai/m", hello());
  ASSERT_TRUE(asked.reply) << asked.reply.error().what;
  EXPECT_EQ(asked.reply->text, "Hello");  // nothing of the broken stream is left in it
  ASSERT_EQ(asked.attempts.size(), 5u);
  EXPECT_EQ(asked.attempts[0].status, 429);
  EXPECT_TRUE(asked.attempts[0].free);
  EXPECT_NE(asked.attempts[0].what.find("slow down"), std::string::npos);
  EXPECT_EQ(asked.attempts[1].status, 500);
  EXPECT_FALSE(asked.attempts[1].free);
  EXPECT_EQ(asked.attempts[2].status, 200);
  EXPECT_EQ(asked.attempts[2].answer_bytes, 3u);
  EXPECT_FALSE(asked.attempts[2].answered);
  EXPECT_FALSE(asked.attempts[2].counted.input);
  EXPECT_FALSE(asked.attempts[3].answered);
  EXPECT_TRUE(asked.attempts[4].answered);
  EXPECT_EQ(vendor.seen().size(), 5u);
}

TEST(Gateway, AsksOnceWhereNothingWouldChange) {
  struct Case {
    int status;
    std::string body;
    Errc code;
  };
  for (const Case& c :
       {Case{400, R"({"error":{"message":"bad field"}})", Errc::invalid},
        Case{401, R"({"type":"error","error":{"type":"authentication_error","message":"no"}})", Errc::invalid},
        Case{404, R"({"error":{"code":404,"message":"no model","status":"NOT_FOUND"}})", Errc::not_found},
        Case{429, R"({"error":{"message":"pay first","code":"insufficient_quota"}})", Errc::exhausted},
        Case{302, "elsewhere", Errc::corrupt}}) {
    Vendor vendor({status(c.status, c.body, {{"location", "http://127.0.0.1:9/"}})});
    const AskedVendor asked = ask(vendor, "gateway:openai/m", hello());
    ASSERT_FALSE(asked.reply) << c.status;
    EXPECT_EQ(asked.reply.error().code, c.code) << c.status;
    EXPECT_EQ(asked.attempts.size(), 1u) << c.status;
    EXPECT_EQ(asked.reply.error().what.find("sk-secret"), std::string::npos);
    EXPECT_EQ(vendor.seen().size(), 1u);
  }
}

TEST(Gateway, GivesUpInTheEnd) {
  Vendor busy({status(503, "")});
  const AskedVendor asked = ask(busy, "gateway:openai/m", hello());
  ASSERT_FALSE(asked.reply);
  EXPECT_EQ(asked.reply.error().code, Errc::exhausted);
  EXPECT_NE(asked.reply.error().what.find("after 5 attempts"), std::string::npos) << asked.reply.error().what;
  EXPECT_EQ(asked.attempts.size(), 5u);
  Vendor patient({status(429, "", {{"retry-after", "3600"}})});
  const AskedVendor told = ask(patient, "gateway:openai/m", hello());
  ASSERT_FALSE(told.reply);
  EXPECT_NE(told.reply.error().what.find("3600 s"), std::string::npos) << told.reply.error().what;
  EXPECT_EQ(told.attempts.size(), 1u);
}

TEST(Gateway, APauseHoldsEverybodyUp) {
  Vendor vendor({status(429, "", {{"retry-after-ms", "400"}}), stream(kOpenAiStream)});
  auto gateway = Gateway::create(vendor.place("gateway:openai/m", "/v1"), "", quick());
  ASSERT_TRUE(gateway);
  std::thread first([&] { EXPECT_TRUE(gateway->ask(hello())); });
  while (vendor.seen().empty()) std::this_thread::sleep_for(1ms);
  EXPECT_TRUE(gateway->ask(hello()));
  first.join();
  const auto seen = vendor.seen();
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_FALSE(seen[1].headers.has("authorization"));
}

TEST(Gateway, StopsWhenToldTo) {
  Vendor vendor({status(503, "", {{"retry-after", "100"}})});
  GatewayOptions options = quick();
  std::atomic<int> asked_for{0};
  options.stopped = [&] { return ++asked_for > 3; };
  const AskedVendor asked = ask(vendor, "gateway:openai/m", hello(), std::move(options));
  ASSERT_FALSE(asked.reply);
  EXPECT_EQ(asked.reply.error().code, Errc::cancelled);
}

TEST(Gateway, WhatIsNoAnswerIsSaidToBeNone) {
  for (const std::string& text :
       {std::string("data: {not json}\n\n"), std::string("data: []\n\n"), std::string("data: \"x\"\n\n")}) {
    Vendor vendor({stream({text})});
    const AskedVendor asked = ask(vendor, "gateway:openai/m", hello());
    ASSERT_FALSE(asked.reply) << text;
    EXPECT_EQ(asked.reply.error().code, Errc::corrupt) << text;
    EXPECT_EQ(asked.attempts.size(), 1u);
  }
}

// As a vendor answers who was not asked for a stream, or what stands before it.
Act plain(std::string body, std::string type = "application/json") {
  return status(200, std::move(body), {{"content-type", std::move(type)}});
}

TEST(Gateway, UnderstandsAnAnswerThatIsNoStream) {
  struct Case {
    std::string_view vendor, path, body;
    Tokens tokens;
  };
  for (
      const Case& c :
      {Case{"gateway:openai/m",
            "/v1",
            R"( {"id":"c1","model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":"blue\ud83d"},)"
            R"("finish_reason":"length"}],"usage":{"prompt_tokens":9,"completion_tokens":2,)"
            R"("prompt_tokens_details":{"cached_tokens":4}},"error":null})",
            {9, 4, 0, 2}},
       Case{
           "gateway:anthropic/m",
           "",
           R"({"type":"message","id":"c1","model":"m-1","content":[{"type":"thinking","thinking":"hm"},)"
           R"({"type":"text","text":"blue\ud83d"}],"stop_reason":"max_tokens",)"
           R"("usage":{"input_tokens":3,"cache_read_input_tokens":4,"cache_creation_input_tokens":2,"output_tokens":11}})",
           {9, 4, 2, 11}},
       Case{"gateway:gemini/m",
            "",
            R"({"responseId":"c1","modelVersion":"m-1","candidates":[{"content":{"parts":[{"text":"blue\ud83d"}]},)"
            R"("finishReason":"MAX_TOKENS"}],"usageMetadata":{"promptTokenCount":6,"candidatesTokenCount":2}})",
            {6, 0, 0, 2}},
       Case{"gateway:gemini/m",
            "",
            R"([{"responseId":"c1","modelVersion":"m-1","candidates":[{"content":{"parts":[{"text":"bl"}]}}]},)"
            R"({"candidates":[{"content":{"parts":[{"text":"ue\ud83d"}]},"finishReason":"MAX_TOKENS"}],)"
            R"("usageMetadata":{"promptTokenCount":6,"candidatesTokenCount":2}}])",
            {6, 0, 0, 2}}}) {
    Vendor vendor({plain(std::string(c.body))});
    const AskedVendor asked = ask(vendor, c.vendor, hello(), quick(), c.path);
    ASSERT_TRUE(asked.reply) << c.body << asked.reply.error().what;
    EXPECT_EQ(asked.reply->text, "blue\xEF\xBF\xBD") << c.body;
    EXPECT_EQ(asked.reply->ending, Ending::length) << c.body;
    EXPECT_EQ(asked.reply->id, "c1") << c.body;
    EXPECT_EQ(asked.reply->model, "m-1") << c.body;
    ASSERT_TRUE(asked.reply->tokens) << c.body;
    EXPECT_EQ(*asked.reply->tokens, c.tokens) << c.body;
    EXPECT_EQ(asked.attempts.size(), 1u) << c.body;
  }
}

TEST(Gateway, WhatIsNeitherStreamNorAnswerIsOneErrorAtOnce) {
  struct Case {
    std::string body, type, said;
  };
  std::size_t next = 0;
  for (const Case& c : {Case{R"({"choices":[{"message":{"content":"bl"}}]})", "application/json", "no complete answer"},
                        Case{R"({"object":"list","data":[]})", "application/json", "no complete answer"},
                        Case{"[]", "application/json", "no complete answer"},
                        Case{R"({"error":{"message":"the engine is on fire"}})", "application/json", "on fire"},
                        Case{R"({"choices":[)", "application/json", "its answer"},
                        Case{"<html>sign in</html>", "text/html", "text/html, not a stream"}}) {
    constexpr std::pair<std::string_view, std::string_view> kVendors[] = {
        {"gateway:openai/m", "/v1"}, {"gateway:anthropic/m", ""}, {"gateway:gemini/m", ""}};
    const auto& [wire, path] = kVendors[next++ % 3];
    Vendor vendor({plain(c.body, c.type)});
    const AskedVendor asked = ask(vendor, wire, hello(), quick(), path);
    ASSERT_FALSE(asked.reply) << c.body;
    EXPECT_EQ(asked.reply.error().code, Errc::corrupt) << c.body;
    EXPECT_NE(asked.reply.error().what.find(c.said), std::string::npos) << asked.reply.error().what;
    EXPECT_EQ(asked.attempts.size(), 1u) << c.body;
    EXPECT_FALSE(asked.attempts[0].free);
  }
  // One that breaks off is asked for again, as a stream is.
  Vendor vendor({stream({R"({"choices":[{"message":{"con)"}, false),
                 plain(R"({"choices":[{"message":{"content":"blue"},"finish_reason":"stop"}]})")});
  const AskedVendor asked = ask(vendor, "gateway:openai/m", hello());
  ASSERT_TRUE(asked.reply) << asked.reply.error().what;
  EXPECT_EQ(asked.reply->text, "blue");
  EXPECT_EQ(asked.attempts.size(), 2u);
  EXPECT_FALSE(asked.reply->tokens);
}

TEST(Gateway, NothingLeavesUnlessAllowed) {
  const auto variable = [](std::string_view) { return std::string(); };
  const Place place = find_place("gateway:gpt-4o", variable).value();
  EXPECT_EQ(place.base.text(), "https://api.openai.com/v1");
  const auto refused = Gateway::create(place, "k", {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("api.openai.com"), std::string::npos);
  EXPECT_NE(refused.error().what.find("--allow-egress"), std::string::npos);
  GatewayOptions allowed;
  allowed.allowed = {"api.openai.com"};
  EXPECT_TRUE(Gateway::create(place, "k", allowed));
  const auto key = Gateway::create(place, "k\r\nhost: evil", allowed);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().what.find("evil"), std::string::npos);
}

TEST(Gateway, TellsWhoseAModelIs) {
  const auto variable = [](std::string_view) { return std::string(); };
  EXPECT_EQ(find_place("gateway:claude-3-opus", variable)->wire, &kAnthropic);
  EXPECT_EQ(find_place("gateway:gemini-2.0-flash", variable)->wire, &kGemini);
  const auto place = find_place("gateway:openai/meta-llama/Llama-3.1-8B", variable);
  ASSERT_TRUE(place);
  EXPECT_EQ(place->model, "meta-llama/Llama-3.1-8B");
  for (const char* wrong : {"gateway:", "gateway:llama", "gateway:openai/", "gateway:openai/a\x1b[31m"}) {
    const auto refused = find_place(wrong, variable);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().code, Errc::invalid);
    EXPECT_EQ(refused.error().what.find('\x1b'), std::string::npos);
  }
  EXPECT_FALSE(find_place("gateway:gpt-4o", [](std::string_view) { return std::string("ftp://x/"); }));
}

}  // namespace
}  // namespace freehold::upstream
