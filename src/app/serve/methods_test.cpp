#include "app/serve/methods.h"

#include <gtest/gtest.h>

#include "http/target.h"

namespace freehold::app {
namespace {

std::string_view of(std::string_view address, std::string method = "GET") {
  http::Request request;
  request.method = std::move(method);
  request.target = http::parse_target(address).value();
  return methods_of(request).value_or("nothing");
}

TEST(Methods, FollowFromTheAddress) {
  EXPECT_EQ(of("/"), "GET, HEAD");
  EXPECT_EQ(of("/v1/chat/completions?x=y"), "POST");
  EXPECT_EQ(of("/v1/models/a"), "GET, HEAD, DELETE");
  EXPECT_EQ(of("/v1/models/ft:a:b::c", "DELETE"), "GET, HEAD, DELETE");
  EXPECT_EQ(of("/v1/fine_tuning/jobs"), "GET, HEAD, POST");
  EXPECT_EQ(of("/v1/fine_tuning/jobs/ftjob-1"), "GET, HEAD");
  EXPECT_EQ(of("/v1/fine_tuning/jobs/ftjob-1/resume"), "POST");
  EXPECT_EQ(of("/v1/models/a/b"), "GET, HEAD");
  EXPECT_EQ(of("/v1/files"), "GET, HEAD, POST");
  EXPECT_EQ(of("/v1/files/file-1"), "GET, HEAD, DELETE");
  EXPECT_EQ(of("/v1/files/file-1/content"), "GET, HEAD");
  EXPECT_EQ(of("/v1/responses/input_tokens"), "POST");
  EXPECT_EQ(of("/v1/responses/resp_1"), "GET, HEAD, DELETE");
  EXPECT_EQ(of("/api/blobs/sha256:0"), "HEAD, POST");
  EXPECT_EQ(of("/lora-adapters"), "GET, HEAD");
  EXPECT_EQ(of("/v1/load_lora_adapter"), "POST");
  for (const char* none :
       {"/v1", "/v1/", "/v1/chat", "/v1/chat/completions/", "//v1/models", "/v1/files/", "/v1/files//content",
        "/v1/../v1/models", "/V1/models", "/api/blobs", "/v1/responses/compact"}) {
    EXPECT_EQ(of(none), "nothing") << none;
  }
}

TEST(Methods, OfGeminisVerbs) {
  EXPECT_EQ(of("/v1beta/models/org/m:q4:generateContent"), "POST");
  EXPECT_EQ(of("/v1/models/m:countTokens", "POST"), "POST");
  EXPECT_EQ(of("/v1beta/models/m:q4"), "GET, HEAD");
  EXPECT_EQ(of("/v1beta/models/m", "POST"), "GET, HEAD");
  EXPECT_EQ(of("/v1beta/models/m:fly", "POST"), "nothing");
}

TEST(Methods, AreWholeWords) {
  EXPECT_TRUE(has_method("GET, HEAD", "HEAD"));
  EXPECT_FALSE(has_method("GET, HEAD", "HEA"));
  EXPECT_FALSE(has_method("GET, HEAD", ""));
  EXPECT_FALSE(has_method("GET, HEAD", "get"));
}

}  // namespace
}  // namespace freehold::app
