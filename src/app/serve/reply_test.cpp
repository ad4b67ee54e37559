// Which dialect a request is in, and that its errors are in it.
#include "app/serve/reply.h"

#include <gtest/gtest.h>

#include "http/target.h"

namespace freehold::app {
namespace {

http::Request request(std::string method, std::string_view target, const char* header = nullptr) {
  http::Request out;
  out.method = std::move(method);
  out.target = http::parse_target(target).value();
  out.id = "req_1";
  if (header != nullptr) out.headers.set(header, "x");
  return out;
}
Dialect dialect_at(std::string method, std::string_view target, const char* header = nullptr) {
  return dialect_of(request(std::move(method), target, header));
}

TEST(DialectOf, IsToldByTheAddressAndThenByHeaders) {
  EXPECT_EQ(dialect_at("GET", "/"), Dialect::ollama);
  EXPECT_EQ(dialect_at("POST", "/api/chat"), Dialect::ollama);
  EXPECT_EQ(dialect_at("POST", "/v1/chat/completions"), Dialect::openai);
  EXPECT_EQ(dialect_at("GET", "/v1/models"), Dialect::openai);
  EXPECT_EQ(dialect_at("GET", "/v1/models/m:q4"), Dialect::openai);
  EXPECT_EQ(dialect_at("GET", "/v1/anything"), Dialect::openai);
  EXPECT_EQ(dialect_at("POST", "/v1/messages"), Dialect::anthropic);
  EXPECT_EQ(dialect_at("POST", "/v1/messages/count_tokens?beta=true"), Dialect::anthropic);
  EXPECT_EQ(dialect_at("GET", "/v1/models", "anthropic-version"), Dialect::anthropic);
  EXPECT_EQ(dialect_at("GET", "/v1/models/m", "anthropic-version"), Dialect::anthropic);
  EXPECT_EQ(dialect_at("GET", "/v1beta/models"), Dialect::gemini);
  EXPECT_EQ(dialect_at("GET", "/v1/models", "x-goog-api-key"), Dialect::gemini);
  EXPECT_EQ(dialect_at("GET", "/v1/models?key=k"), Dialect::gemini);
  EXPECT_EQ(dialect_at("POST", "/v1/models/m:generateContent"), Dialect::gemini);
  EXPECT_EQ(dialect_at("POST", "/v1/models/org%2Fm:q4:generateContent"), Dialect::gemini);
  EXPECT_EQ(dialect_at("POST", "/v1/models/org/m:generateContent"), Dialect::gemini);
  // Keys are taken in every vendor's way.
  EXPECT_EQ(dialect_at("POST", "/v1/chat/completions?key=k"), Dialect::openai);
  EXPECT_EQ(dialect_at("POST", "/v1/messages", "x-goog-api-key"), Dialect::anthropic);
  EXPECT_EQ(dialect_at("GET", "/healthz"), Dialect::native);
}

TEST(ErrorResponse, IsInTheWordsOfTheRequest) {
  const api::Failure failure{api::Problem::unavailable, "busy", {}, {}};
  http::Response response = error_response(request("POST", "/v1/messages"), failure);
  EXPECT_EQ(response.status, 529);
  EXPECT_EQ(response.body,
            R"({"type":"error","error":{"type":"overloaded_error","message":"busy"},"request_id":"req_1"})");
  EXPECT_TRUE(response.headers.has("retry-after"));
  EXPECT_EQ(response.headers.get("content-type"), "application/json");
  response = error_response(request("POST", "/v1beta/models/m:generateContent"), failure);
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body, R"({"error":{"code":503,"message":"busy","status":"UNAVAILABLE","details":[]}})");
  response = error_response(request("POST", "/v1/chat/completions"), failure);
  EXPECT_EQ(response.status, 503);
  EXPECT_NE(response.body.find(R"("type":"server_error")"), std::string::npos);
}

TEST(ErrorResponse, HasTheStatusOfTheWireInItsBody) {
  const api::Failure failure{api::Problem::invalid, "too long", {}, {}, {}, 431};
  http::Response response = error_response(request("POST", "/v1beta/models/m:generateContent"), failure);
  EXPECT_EQ(response.status, 431);
  EXPECT_NE(response.body.find(R"("code":431)"), std::string::npos) << response.body;
  EXPECT_EQ(error_response(request("POST", "/v1/messages"), failure).status, 431);
}

TEST(Wants, JsonInUtf8) {
  struct Kept : http::Exchange {
    http::Request asked;
    int status = 0;
    const http::Request& request() const override { return asked; }
    void respond(http::Response response) override { status = response.status; }
    void start(http::Response) override {}
    bool send(std::string) override { return true; }
    void finish() override {}
    void abort() override {}
    void on_gone(std::function<void()>) override {}
  };
  const auto status = [](const char* type) {
    Kept exchange;
    exchange.asked = request("POST", "/v1/chat/completions");
    exchange.asked.headers.set("content-type", type);
    return wants(exchange, "POST") ? 200 : exchange.status;
  };
  for (const char* good :
       {"application/json", "Application/JSON ; charset=UTF-8", "application/json;a=b;charset=\"utf-8\""}) {
    EXPECT_EQ(status(good), 200) << good;
  }
  for (const char* bad :
       {"", "text/plain", "application/jsonp", "application/json, a/b", "application/json; charset=utf-16",
        "application/json;charset=\"latin1\"", "application/json;charset="}) {
    EXPECT_EQ(status(bad), 415) << bad;
  }
}

}  // namespace
}  // namespace freehold::app
