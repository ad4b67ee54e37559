#include "http/url.h"

#include <gtest/gtest.h>

#include "http/target.h"

namespace freehold::http {
namespace {

TEST(Url, IsTakenApartOnce) {
  const Url url = parse_url("HTTPS://Registry.Example:5000/v2/x?a=b#part").value();
  EXPECT_EQ(url, (Url{true, "registry.example", 5000, "/v2/x?a=b"}));
  EXPECT_EQ(url.text(), "https://registry.example:5000/v2/x?a=b");
  EXPECT_EQ(parse_url("http://[::1]").value().text(), "http://[::1]/");
  EXPECT_EQ(parse_url("http://[::1]:81/").value().authority(), "[::1]:81");
  EXPECT_EQ(parse_url("https://h:443?q").value().text(), "https://h/?q");
}

TEST(Url, RefusesWhatTwoParsersCouldReadDifferently) {
  for (const char* text : {"",
                           "h/x",
                           "ftp://h/",
                           "file:///etc/passwd",
                           "https://",
                           "https:///x",
                           "https://user@h/",
                           "https://u:p@h/",
                           "https://good.example@evil.example/",
                           "https://h:0/",
                           "https://h:65536/",
                           "https://h:80x/",
                           "https://h:/",
                           "https://[::1",
                           "https://[::1]x/",
                           "https://[evil.example]/",
                           "https://h\\@evil/",
                           "https://h /",
                           "https://h/\n",
                           "https://h/\xC3\xA4",
                           "https://-h/",
                           "https://::1/",
                           "https://h%2f/"}) {
    EXPECT_FALSE(parse_url(text)) << text;
  }
  EXPECT_FALSE(parse_url("https://h/" + std::string(9000, 'x')));
  EXPECT_FALSE(parse_url("https://" + std::string(300, 'x')));
}

TEST(Url, FollowsWhereALocationLeads) {
  const Url base = parse_url("https://h:1/a/b").value();
  EXPECT_EQ(follow(base, "/c?d").value().text(), "https://h:1/c?d");
  EXPECT_EQ(follow(base, "//other/c").value().text(), "https://other/c");
  EXPECT_EQ(follow(base, "http://other/c").value().text(), "http://other/c");
  EXPECT_FALSE(follow(base, "c"));
  EXPECT_FALSE(follow(base, ""));
  EXPECT_FALSE(follow(base, "file:///x"));
}

TEST(Url, OfATargetThereIsOneWayToWriteThePath) {
  const auto written = [](std::string_view raw) { return canonical_path(parse_target(raw).value()); };
  EXPECT_EQ(written("/api/%63reate?x=%41"), "/api/create");
  EXPECT_EQ(written("/v1/models/a%2Fb%20c/"), "/v1/models/a%2Fb%20c/");
  EXPECT_EQ(written("/v1beta/models/m:generateContent"), "/v1beta/models/m:generateContent");
  EXPECT_EQ(written("/"), "/");
  EXPECT_EQ(written("/a//b"), "/a//b");
  EXPECT_EQ(canonical_path(Target{.path = "*"}), "*");
}

TEST(Url, PathsAreEncoded) {
  EXPECT_EQ(percent_encode_path("a b/ü?#%.gguf"), "a%20b/%C3%BC%3F%23%25.gguf");
}

}  // namespace
}  // namespace freehold::http
