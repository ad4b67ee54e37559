#include "http/origin.h"

#include <gtest/gtest.h>

namespace freehold::http {
namespace {

OriginVerdict verdict(const OriginPolicy& policy, std::string host, std::string origin = {}, std::string site = {}) {
  Request request;
  request.method = "POST";
  request.headers.add("Host", std::move(host));
  if (!origin.empty()) request.headers.add("Origin", std::move(origin));
  if (!site.empty()) request.headers.add("Sec-Fetch-Site", std::move(site));
  return check_origin(policy, request, 11435);
}

TEST(Origin, AnswersOnlyUnderItsOwnNames) {
  const OriginPolicy none, named{{"box.example"}, {}};
  for (const char* host : {"localhost", "LocalHost:11435", "127.0.0.1:11435", "127.1.2.3", "[::1]:11435", "[::1]"}) {
    EXPECT_EQ(verdict(none, host), OriginVerdict::allowed) << host;
  }
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "127.evil", "", "a:b",
                           "[::1", "localhost:x", "10.0.0.1", "box.example"}) {
    EXPECT_EQ(verdict(none, host), OriginVerdict::foreign_host) << host;
  }
  EXPECT_EQ(verdict(named, "Box.Example:443"), OriginVerdict::allowed);
}

TEST(Origin, LetsInOnlyItsOwnPagesAndThoseListed) {
  const OriginPolicy none, listed{{}, {"https://app.example"}};
  EXPECT_EQ(verdict(none, "localhost", "http://localhost:11435"), OriginVerdict::allowed);
  EXPECT_EQ(verdict(none, "localhost", "http://localhost:3000"), OriginVerdict::foreign_origin);
  EXPECT_EQ(verdict(none, "localhost", "https://localhost:11435"), OriginVerdict::foreign_origin);
  EXPECT_EQ(verdict(none, "localhost", "https://app.example"), OriginVerdict::foreign_origin);
  EXPECT_EQ(verdict(none, "localhost", "null"), OriginVerdict::foreign_origin);
  EXPECT_EQ(verdict(listed, "localhost", "https://app.example"), OriginVerdict::allowed);
  EXPECT_EQ(verdict(listed, "localhost", "https://app.example.evil"), OriginVerdict::foreign_origin);
  EXPECT_EQ(verdict(none, "localhost", "", "cross-site"), OriginVerdict::foreign_origin);
  for (const char* site : {"Cross-Site", "CROSS-SITE", "same-site", "anything"}) {
    EXPECT_EQ(verdict(none, "localhost", "", site), OriginVerdict::foreign_origin) << site;
  }
  EXPECT_EQ(verdict(none, "localhost", "http://localhost:11435", "cross-site"), OriginVerdict::foreign_origin);
  EXPECT_EQ(verdict(listed, "localhost", "https://app.example", "cross-site"), OriginVerdict::allowed);
  EXPECT_EQ(verdict(none, "localhost", "", "none"), OriginVerdict::allowed);
  EXPECT_EQ(verdict(none, "localhost", "", "Same-Origin"), OriginVerdict::allowed);
}

TEST(Origin, NeverReflectsAnOrigin) {
  Request request;
  request.method = "OPTIONS";
  request.headers.add("Origin", "https://evil.example");
  Headers out;
  add_cors({{}, {"https://app.example"}}, request, out);
  EXPECT_TRUE(out.fields().empty());
  request.headers.set("Origin", "https://app.example");
  add_cors({{}, {"https://app.example"}}, request, out);
  EXPECT_EQ(out.get("access-control-allow-origin"), "https://app.example");
}

}  // namespace
}  // namespace freehold::http
