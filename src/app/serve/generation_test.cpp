#include "app/serve/generation.h"

#include <gtest/gtest.h>

#include <vector>

#include "app/serve/collected.h"

namespace freehold::app {
namespace {

// Counts what it is given.
struct Counting : api::Encoder {
  Counting(std::size_t& to, int& kept) : pieces(to), times_recorded(kept) {}
  std::string add(const api::Piece&) override {
    ++pieces;
    return "x";
  }
  std::string end() override { return "the end"; }
  std::string broken(const api::Failure&) override { return "broken"; }
  void recorded() override { ++times_recorded; }
  std::string content_type() const override { return "application/json"; }
  std::size_t& pieces;
  int& times_recorded;
};

// An answer with 20 log-probabilities a token: how many pieces of it were encoded, how often it was stopped, and what
// came of it. It goes on for ever, or until it is stopped.
struct Told {
  std::size_t pieces = 0;
  int stopped = 0, recorded = 0;
  http::Response answer;
};
Told told(bool stream, std::uint32_t tokens) {
  Told out;
  http::Request request;
  request.id = "req_1";
  request.target.segments = {"v1", "chat", "completions"};
  api::Call call;
  call.stream = stream;
  call.request.n = 2;
  AnswerPlan plan;
  plan.prompts.resize(1);
  const auto exchange = std::make_shared<Collected>(std::move(request), [] {});
  Generation generation(exchange, std::make_unique<Counting>(out.pieces, out.recorded), call, plan, nullptr);
  generation.veil({}, [&] { ++out.stopped; });
  generation.on(0, engine::Started{1, 0});
  const std::vector<engine::TokenLogprob> top(20);
  std::uint32_t said = 0;
  for (; said < tokens && out.stopped == 0; ++said) {
    generation.on(0, engine::TokenLogprobs{said % 2, {}, top});
    generation.on(0, engine::TextDelta{said % 2, "a"});
  }
  for (const std::uint32_t choice : {0U, 1U}) {
    engine::Finished finished;
    finished.choice = choice;
    finished.reason = said < tokens ? engine::FinishReason::cancelled : engine::FinishReason::length;
    generation.on(0, finished);
  }
  out.answer = exchange->take().value_or(http::Response());
  return out;
}

// A client who reads a stream.
class Reader final : public http::Exchange {
 public:
  explicit Reader(http::Request request) : request_(std::move(request)) {}
  const http::Request& request() const override { return request_; }
  void respond(http::Response) override { heard += "[answer]"; }
  void start(http::Response) override {}
  bool send(std::string piece) override {
    heard += piece;
    return true;
  }
  void finish() override { heard += "."; }
  void abort() override {}
  void on_gone(std::function<void()>) override {}
  std::string heard;

 private:
  const http::Request request_;
};

struct Telling : api::Encoder {
  std::string add(const api::Piece& piece) override {
    if (const auto* text = std::get_if<api::Text>(&piece)) return std::string(text->text);
    return std::holds_alternative<api::Ended>(piece) ? "[ended]" : "";
  }
  std::string end() override { return "[end]"; }
  std::string broken(const api::Failure&) override { return "[broken]"; }
  std::string content_type() const override { return "text/event-stream"; }
};

TEST(Generation, TheEndOfAStreamIsToldWhenItIsRecorded) {
  for (const bool durable : {true, false}) {
    std::vector<Stored> waiting;
    Accounts accounts(
        {}, std::nullopt, std::nullopt, {},
        std::make_unique<AuditTrail>([&](const std::string&, const Stored& stored) { waiting.push_back(stored); }));
    Latencies latencies;
    http::Request request;
    request.id = "req_1";
    api::Call call;
    call.stream = true;
    call.request.n = 2;
    AnswerPlan plan;
    plan.prompts.resize(1);
    const auto client = std::make_shared<Reader>(std::move(request));
    Generation generation(client, std::make_unique<Telling>(), call, plan, nullptr);
    generation.account({accounts, {}, {}, {}, {}, {}, latencies, "m"});
    generation.on(0, engine::Started{1, 0});
    engine::Finished finished;
    finished.reason = engine::FinishReason::stop;
    generation.on(0, engine::TextDelta{0, "a"});
    generation.on(0, finished);
    generation.on(0, engine::TextDelta{1, "b"});
    finished.choice = 1;
    generation.on(0, finished);
    EXPECT_EQ(client->heard, "ab");
    ASSERT_EQ(waiting.size(), 1u);
    waiting[0](durable);
    EXPECT_EQ(client->heard, durable ? "ab[ended][ended][end]." : "ab[broken].");
  }
}

TEST(Generation, AnAnswerInOnePieceHasABound) {
  constexpr std::uint32_t kTokens = 200'000;  // 21 times 80 bytes each
  const Told whole = told(false, kTokens);
  EXPECT_EQ(whole.stopped, 1);
  EXPECT_LT(whole.pieces, 2 * kTokens);
  EXPECT_EQ(whole.answer.status, 400);
  EXPECT_NE(whole.answer.body.find("more than 256 MiB in one piece"), std::string::npos) << whole.answer.body;
  EXPECT_EQ(whole.recorded, 0) << "nobody may have it";
  const Told streamed = told(true, kTokens);
  EXPECT_EQ(streamed.stopped, 0);
  EXPECT_GE(streamed.pieces, 2 * kTokens);
  const Told small = told(false, 1000);
  EXPECT_EQ(small.stopped, 0);
  EXPECT_EQ(small.answer.status, 200);
  EXPECT_EQ(small.answer.body, "the end");
  EXPECT_EQ(small.recorded, 1);
  EXPECT_EQ(told(true, 10).recorded, 1);
}

}  // namespace
}  // namespace freehold::app
