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
