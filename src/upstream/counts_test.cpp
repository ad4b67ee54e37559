// What vendors count, in whatever pieces, how answers end, and what is refused.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "upstream/values.h"
#include "upstream/vendor_testing.h"
#include "upstream/wire.h"

namespace freehold::upstream {
namespace {

using namespace std::chrono_literals;
using http::Exchange;

const std::string kSaid = sse(R"({"choices":[{"index":0,"delta":{"content":"blue"},"finish_reason":"stop"}]})");
const std::string kDone = sse("[DONE]");

TEST(Gateway, CountsThatCannotBeAreNone) {
  struct Case {
    std::string usage;
    std::optional<std::uint64_t> input, output;
  };
  for (const Case& c : {Case{R"({"prompt_tokens":100,"completion_tokens":5})", 100, 5},
                        Case{R"({"prompt_tokens":100.0,"completion_tokens":5.0})", 100, 5}, Case{"{}", {}, {}},
                        Case{"null", {}, {}}, Case{R"({"prompt_tokens":null,"completion_tokens":null})", {}, {}},
                        Case{R"({"prompt_tokens":"100","completion_tokens":"5"})", {}, {}},
                        Case{R"({"prompt_tokens":-1,"completion_tokens":-1})", {}, {}},
                        Case{R"({"prompt_tokens":1.5,"completion_tokens":5})", {}, 5},
                        Case{R"({"prompt_tokens":9223372036854775808,"completion_tokens":5})", {}, 5},
                        Case{R"({"prompt_tokens":1e20,"completion_tokens":5})", {}, 5},
                        Case{R"({"prompt_tokens":1000000000001,"completion_tokens":5})", {}, 5},
                        Case{R"({"prompt_tokens":1000000000000,"completion_tokens":5})", 1'000'000'000'000, 5}}) {
    Vendor vendor({stream({kSaid, sse(fmt::format(R"({{"choices":[],"usage":{}}})", c.usage)), kDone})});
    const AskedVendor asked = ask(vendor, "gateway:openai/m", hello());
    ASSERT_TRUE(asked.reply) << c.usage;
    EXPECT_EQ(asked.attempts[0].counted.input, c.input) << c.usage;
    EXPECT_EQ(asked.attempts[0].counted.output, c.output) << c.usage;
    EXPECT_EQ(asked.reply->tokens.has_value(), c.input && c.output) << c.usage;
  }
  for (const std::string& usage : {std::string(), std::string(R"(,"usageMetadata":{"promptTokenCount":"6"})")}) {
    Vendor gemini({stream({sse(fmt::format(
        R"({{"candidates":[{{"content":{{"parts":[{{"text":"x"}}]}},"finishReason":"STOP"}}]{}}})", usage))})});
    const AskedVendor asked = ask(gemini, "gateway:gemini/m", hello(), quick(), "");
    ASSERT_TRUE(asked.reply) << usage;
    EXPECT_FALSE(asked.reply->tokens) << usage;
  }
}

// The last counts are taken, however the stream is cut into packets.
TEST(Gateway, CountsWhatIsCountedLast) {
  struct Case {
    std::string_view vendor, path;
    std::vector<std::string> events;
    Tokens tokens;
  };
  const std::vector<Case> cases = {
      {"gateway:openai/m",
       "/v1",
       {sse(R"({"choices":[{"delta":{"content":"bl"}}],"usage":{"prompt_tokens":100,"completion_tokens":1}})"),
        sse(R"({"choices":[{"delta":{"content":"ue"},"finish_reason":"stop"}],)"
            R"("usage":{"prompt_tokens":100,"completion_tokens":2}})"),
        sse(R"({"choices":[],"usage":{"prompt_tokens":100,"completion_tokens":50,)"
            R"("prompt_tokens_details":{"cached_tokens":64}}})"),
        kDone, sse(R"({"choices":[{"delta":{"content":"!"}}],"usage":{"prompt_tokens":1,"completion_tokens":1}})")},
       {100, 64, 0, 50}},
      {"gateway:openai/m",  // without [DONE]
       "/v1",
       {sse(R"({"choices":[{"delta":{"content":"blue"},"finish_reason":"stop"}],)"
            R"("usage":{"prompt_tokens":100,"completion_tokens":2}})"),
        sse(R"({"choices":[],"usage":{"prompt_tokens":100,"completion_tokens":50}})")},
       {100, 0, 0, 50}},
      {"gateway:gemini/m",
       "",
       {sse(R"({"candidates":[{"content":{"parts":[{"text":"blue"}]}}],"usageMetadata":{"promptTokenCount":100}})"),
        sse(R"({"candidates":[{"content":{"parts":[]},"finishReason":"STOP"}],)"
            R"("usageMetadata":{"promptTokenCount":100,"candidatesTokenCount":2}})"),
        sse(R"({"usageMetadata":{"promptTokenCount":100,"candidatesTokenCount":5,"thoughtsTokenCount":40}})")},
       {100, 0, 0, 45}},
      {"gateway:anthropic/m",
       "",
       {sse(R"({"type":"message_start","message":{"usage":{"input_tokens":100,"cache_read_input_tokens":400,)"
            R"("cache_creation_input_tokens":600,"output_tokens":1}}})"),
        sse(R"({"type":"content_block_delta","delta":{"type":"text_delta","text":"blue"}})"),
        sse(R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},)"
            R"("usage":{"input_tokens":100,"output_tokens":5}})"),
        sse(R"({"type":"message_delta","delta":{},"usage":{"input_tokens":null,"cache_read_input_tokens":null,)"
            R"("output_tokens":7}})"),
        sse(R"({"type":"message_stop"})")},
       {1100, 400, 600, 7}}};
  for (const Case& c : cases) {
    std::string whole;
    for (const std::string& event : c.events) whole += event;
    for (const auto& pieces : {c.events, std::vector<std::string>{whole}}) {
      Vendor vendor({stream(pieces)});
      const AskedVendor asked = ask(vendor, c.vendor, hello(), quick(), c.path);
      ASSERT_TRUE(asked.reply) << asked.reply.error().what;
      EXPECT_EQ(asked.reply->text, "blue") << c.vendor;
      EXPECT_EQ(asked.reply->ending, Ending::stop) << c.vendor << pieces.size();
      ASSERT_TRUE(asked.reply->tokens) << c.vendor;
      EXPECT_EQ(*asked.reply->tokens, c.tokens) << c.vendor << " in " << pieces.size() << " pieces";
    }
  }
}

TEST(Gateway, WhatIsCutOffAfterItsEndIsWholeAndUncounted) {
  Vendor vendor({[](const std::shared_ptr<Exchange>& e) {
    e->start({200, {}, {}});
    e->send(sse(R"({"choices":[{"delta":{"content":"blue"},"finish_reason":"stop"}],)"
                R"("usage":{"prompt_tokens":100,"completion_tokens":2}})"));
    std::this_thread::sleep_for(50ms);  // what was sent last may be lost with the connection
    e->abort();
  }});
  const AskedVendor asked = ask(vendor, "gateway:openai/m", hello());
  ASSERT_TRUE(asked.reply) << asked.reply.error().what;
  EXPECT_EQ(asked.reply->text, "blue");
  EXPECT_EQ(asked.attempts.size(), 1u);
  EXPECT_EQ(asked.attempts[0].counted.input, 100u);
  EXPECT_FALSE(asked.attempts[0].counted.output);
  EXPECT_FALSE(asked.reply->tokens);
  // What breaks before its end says nothing of the answer.
  Vendor breaking({stream({sse(R"({"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}})"),
                           sse(R"({"type":"content_block_delta","delta":{"text":"bl"}})")})});
  const AskedVendor broken = ask(breaking, "gateway:anthropic/m", hello(), quick(), "");
  ASSERT_FALSE(broken.reply);
  for (const Attempt& attempt : broken.attempts) {
    EXPECT_EQ(attempt.counted.input, 9u);
    EXPECT_FALSE(attempt.counted.output);
  }
}

// A beginning, and then one thing until the test has seen enough.
Act going_on(const std::atomic<bool>& enough, std::string piece) {
  return [&enough, piece](const std::shared_ptr<Exchange>& e) {
    e->start({200, {}, {}});
    e->send(sse(R"({"choices":[{"delta":{"content":"bl"}}]})"));
    for (int i = 0; i < 2500 && !enough; ++i) {
      e->send(piece);
      std::this_thread::sleep_for(2ms);
    }
    e->finish();
  };
}

TEST(Gateway, AnAnswerHasAnEnd) {
  for (const std::string ping : {": ping\n\n", "event: ping\ndata: {\"type\":\"ping\"}\n\n"}) {
    std::atomic<bool> enough = false;
    Vendor vendor({going_on(enough, ping)});
    GatewayOptions options = quick();
    options.retry.attempts = 1;
    options.silence = 30ms;
    const AskedVendor asked = ask(vendor, "gateway:openai/m", hello(), options);
    enough = true;
    ASSERT_FALSE(asked.reply);
    EXPECT_NE(asked.reply.error().what.find("did not go on for 0.03 s"), std::string::npos) << asked.reply.error().what;
  }
  std::atomic<bool> enough = false;
  Vendor vendor({going_on(enough, sse(R"({"choices":[{"delta":{"content":"x"}}]})"))});
  GatewayOptions options = quick();
  options.longest = 60ms;
  const AskedVendor asked = ask(vendor, "gateway:openai/m", hello(), options);
  enough = true;
  ASSERT_FALSE(asked.reply);
  EXPECT_NE(asked.reply.error().what.find("no more is asked after 0.06 s"), std::string::npos)
      << asked.reply.error().what;
  EXPECT_EQ(asked.attempts.size(), 1u);
}

TEST(Gateway, HalvesOfPairsAreReplaced) {
  Vendor vendor({stream(
      {sse(R"({"choices":[{"delta":{"content":"bl\ud83d"}}]})"),
       sse(R"({"choices":[{"delta":{"content":"\ude00ue \ud83d\ude00 \\ud83d"},"finish_reason":"stop"}]})"), kDone})});
  const AskedVendor asked = ask(vendor, "gateway:openai/m", hello());
  ASSERT_TRUE(asked.reply) << asked.reply.error().what;
  EXPECT_EQ(asked.reply->text, "bl\xEF\xBF\xBD\xEF\xBF\xBDue \xF0\x9F\x98\x80 \\ud83d");
  EXPECT_EQ(with_whole_pairs(R"(\ud8)"), R"(\ud8)");
  EXPECT_EQ(with_whole_pairs(R"(\uDC00\)"), R"(\ufffd\)");
}

TEST(Gateway, TellsARefusedQuestionFromARefusedCaller) {
  for (const auto& [code, refused] : {std::pair(400, true), std::pair(413, true), std::pair(422, true),
                                      std::pair(401, false), std::pair(403, false), std::pair(404, false)}) {
    Vendor vendor({status(code, R"({"error":{"message":"no","code":"content_filter"}})")});
    const AskedVendor asked = ask(vendor, "gateway:openai/m", hello());
    ASSERT_EQ(asked.attempts.size(), 1u);
    EXPECT_EQ(asked.attempts[0].refused, refused) << code;
    EXPECT_EQ(asked.attempts[0].code, "content_filter");
    EXPECT_TRUE(asked.attempts[0].free);
  }
}

}  // namespace
}  // namespace freehold::upstream
