#include "http/head.h"

#include <gtest/gtest.h>

namespace freehold::http {
namespace {

int status_of(std::string_view text) {
  Head head;
  auto error = parse_head(text, HeadLimits{}, head);
  return error ? error->status : 200;
}

TEST(Head, ReadsAnOrdinaryRequest) {
  Head head;
  auto error = parse_head(
      "POST /v1/models/org%2Fm:q4?key=a+b&x HTTP/1.1\r\nHost: localhost:80\r\nContent-Length: 12\r\nX-Thing:  a b "
      "\r\n\r\n",
      HeadLimits{}, head);
  ASSERT_FALSE(error) << error->message;
  EXPECT_EQ(head.request.method, "POST");
  ASSERT_EQ(head.request.target.segments.size(), 3u);
  EXPECT_EQ(head.request.target.segments[2], "org/m:q4");
  EXPECT_EQ(head.request.target.query_value("key"), "a b");
  EXPECT_TRUE(head.request.target.has_query("x"));
  EXPECT_EQ(head.request.headers.get("x-thing"), "a b");
  EXPECT_EQ(head.content_length, 12u);
  EXPECT_TRUE(head.keep_alive);
}

TEST(Head, RefusesWhatServersUnderstandDifferently) {
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
  EXPECT_EQ(status_of("GET / HTTP/1.1\nHost: a\n\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r2\r\n\r\n"), 400);
  EXPECT_EQ(status_of(std::string("GET / HTTP/1.1\r\nHost: a\r\nX: 1") + '\0' + "\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"), 400);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n"), 400);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n"), 400);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\n"), 400);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n"), 400);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), 501);
  for (const char* coding :
       {"xchunked", "identity", "chunked, gzip", "chunked, chunked", "chunked,", ", chunked", "", "chunked;a"}) {
    const int status = std::string_view(coding) == ", chunked" ? 501 : 400;
    EXPECT_EQ(status_of(std::string("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ") + coding + "\r\n\r\n"), status)
        << coding;
  }
  EXPECT_EQ(status_of("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(status_of("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  for (const char* host : {"", "a b", "u@a", "a/b", "a:b", "a:1:2", "[::1", "[::1]x", "a:123456", "http://a"}) {
    EXPECT_EQ(status_of(std::string("GET / HTTP/1.1\r\nHost: ") + host + "\r\n\r\n"), 400) << host;
  }
  EXPECT_EQ(status_of("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /%c0%af HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /?a=%ff HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /#a HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nX: a\x7f\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa4\r\n\r\n"), 200);
  EXPECT_EQ(status_of("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET * HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
  EXPECT_EQ(status_of("GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n"), 414);
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 101; ++i) many += "X: 1\r\n";
  EXPECT_EQ(status_of(many + "\r\n"), 431);
}

TEST(Head, KnowsWhenTheConnectionGoesOn) {
  auto keeps = [](std::string_view text) {
    Head head;
    EXPECT_FALSE(parse_head(text, HeadLimits{}, head));
    return head.keep_alive;
  };
  EXPECT_TRUE(keeps("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nHost: a\r\nConnection: foo, Close\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

// At the byte that makes it wrong, without waiting for the line's or the head's end.
TEST(Head, KnowsWhatIsWrongAtOnce) {
  const auto state = [](std::string_view text, int* status = nullptr) {
    HeadReader reader(HeadLimits{});
    HeadReader::State last = HeadReader::State::more;
    for (std::size_t n = 1; n <= text.size(); ++n) {
      last = reader.read(text.substr(0, n));
      if (n == text.size()) break;
      EXPECT_EQ(last, HeadReader::State::more) << text.substr(0, n);
      if (last != HeadReader::State::more) break;
    }
    if (status != nullptr) *status = reader.error().status;
    return last;
  };
  const std::string begun = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (const std::string& wrong :
       {std::string("\x16"), std::string("\n"), std::string(" "), std::string("GE\n"), std::string("GET /\r\n"),
        std::string("G{"), std::string("GET / HTTP/1.1\n"), begun + "X\n", begun + "X: a\rb", begun + " ",
        begun + "X: 1\r\n\t", begun + "X: " + std::string(1, '\0'), begun + "X : a\r\n", begun + "nothing\r\n",
        std::string(33, 'A'), std::string("GET / HTTP/1.1\r\n ")}) {
    EXPECT_EQ(state(wrong), HeadReader::State::wrong) << wrong;
  }
  int status = 0;
  EXPECT_EQ(state("GET /" + std::string(8 * 1024 + 16, 'a'), &status), HeadReader::State::wrong);
  EXPECT_EQ(status, 414);
  EXPECT_EQ(state("GET / HTTP/1.1\r\nX: " + std::string(32 * 1024 + 1 - 19, 'a'), &status), HeadReader::State::wrong);
  EXPECT_EQ(status, 431);
  EXPECT_EQ(state("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), HeadReader::State::done);
}

// The address decides whose words the answer is in, so it is known even where something else is wrong.
TEST(Head, KeepsTheAddressOfWhatIsWrong) {
  for (const char* text :
       {"POST /v1/messages\n", "POST /v1/messages HTTP/1.1\r\nHost a\r\n\r\n", "POST /v1/messages?%zz HTTP/1.1\r\n\r\n",
        "POST /v1/messages HTTP/3.0\r\n", "POST /v1/mess%61ges HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "POST /v1/messages/\xff HTTP/1.1\r\n", "POST http://a/v1/messages HTTP/1.1\r\nA\n"}) {
    Head head;
    EXPECT_TRUE(parse_head(text, HeadLimits{}, head)) << text;
    ASSERT_GE(head.request.target.segments.size(), 2u) << text;
    EXPECT_EQ(head.request.target.segments[1], "messages") << text;
  }
}

TEST(Head, KeepsTheFieldsThatCameWithAFirstLineThatIsWrong) {
  for (const char* line :
       {"GET /v1/models?x=%ff HTTP/1.1", "GET /v1/models/%00 HTTP/1.1", "GET /v1/models HTTP/2.0", "GET /v1/models"}) {
    Head head;
    const auto error = parse_head(std::string(line) + "\r\nHost: a\r\nanthropic-version: 1\r\nX: \x01\r\nY: 1\r\n\r\n",
                                  HeadLimits{}, head);
    ASSERT_TRUE(error) << line;
    EXPECT_NE(error->message.find(std::string(line).ends_with("2.0") ? "HTTP/1.1" : "a"), std::string::npos);
    EXPECT_TRUE(head.request.headers.has("anthropic-version")) << line;
    EXPECT_FALSE(head.request.headers.has("x") || head.request.headers.has("y")) << "nothing of what is wrong";
  }
}

TEST(Head, TakesHostFromTheAbsoluteForm) {
  Head head;
  EXPECT_FALSE(parse_head("GET HTTP://b:80/x?y HTTP/1.1\r\nHost: a\r\n\r\n", HeadLimits{}, head));
  EXPECT_EQ(head.request.headers.get("host"), "b:80");
  EXPECT_EQ(head.request.headers.count("host"), 1u);
  EXPECT_EQ(head.request.target.path, "/x");
  EXPECT_EQ(head.request.target.scheme, "http");
  EXPECT_EQ(status_of("GET http://b HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
  for (const char* address : {"http://", "http:///x", "http://u@b/", "ftp://b/", "http://b?x", "http:/b", "b/x"}) {
    EXPECT_EQ(status_of(std::string("GET ") + address + " HTTP/1.1\r\nHost: a\r\n\r\n"), 400) << address;
  }
  // A Host is needed all the same.
  EXPECT_EQ(status_of("GET http://b/ HTTP/1.1\r\n\r\n"), 400);
}

// Every beginning of a good head, and every byte of it changed, ends in a value.
TEST(Head, SurvivesMutants) {
  const std::string good = "POST /a?b=c HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
  int accepted = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    Head cut;
    EXPECT_TRUE(parse_head(good.substr(0, i), HeadLimits{}, cut)) << i;
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = good;
      changed[i] = static_cast<char>(byte);
      Head head;
      accepted += !parse_head(changed, HeadLimits{}, head);
    }
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace freehold::http
