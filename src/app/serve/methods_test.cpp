#include "app/serve/methods.h"

#include <gtest/gtest.h>

#include "base/hash.h"
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

std::string logged(std::string_view address) {
  http::Request request;
  request.target = http::parse_target(address).value();
  return logged_path(request);
}

TEST(Methods, TheLogSaysOfAnAddressWhatIsKnownOfItAndNoNames) {
  EXPECT_EQ(logged("/"), "/");
  EXPECT_EQ(logged("/v1/chat/completions?user=Ada"), "/v1/chat/completions");
  EXPECT_EQ(logged("/v1/files/file-00112233445566778899aabb/content?name=Ada"),
            "/v1/files/file-00112233445566778899aabb/content");
  EXPECT_EQ(logged("/api/blobs/sha256:" + std::string(64, 'a')), "/api/blobs/sha256:" + std::string(64, 'a'));
  // SHA-256 of "Ada", of "Ada Lovelace".
  const std::string ada = "sha256:" + sha256("Ada").hex().substr(0, 16);
  const std::string lovelace = "sha256:" + sha256("Ada Lovelace").hex().substr(0, 16);
  EXPECT_EQ(logged("/v1/files/Ada"), "/v1/files/" + ada);
  EXPECT_EQ(logged("/v1/files/Ada%20Lovelace/content"), "/v1/files/" + lovelace + "/content");
  EXPECT_EQ(logged("/v1beta/models/Ada:generateContent"), "/v1beta/models/" + ada + ":generateContent");
  EXPECT_EQ(logged("/v1/models/Ada%20Lovelace"), "/v1/models/" + lovelace);
  for (const std::string other : {"/v1/files/file-Ada", "/v1/responses/resp_ada-lovelace",
                                  "/freehold/v1/adapters/a/Ada", "/v1/nowhere/Ada", "/Ada", "/v1/files/Ada/x/y"}) {
    const std::string said = logged(other);
    EXPECT_EQ(said.find("Ada"), std::string::npos) << said;
    EXPECT_EQ(said.find("lovelace"), std::string::npos) << said;
    EXPECT_NE(said.find("sha256:"), std::string::npos) << said;
  }
  EXPECT_EQ(logged("/v1/nowhere"), sha256("/v1/nowhere").name());
  EXPECT_EQ(logged_method("DELETE"), "DELETE");
  EXPECT_EQ(logged_method("ADA"), "other");
}

TEST(Methods, WhatGoesOnAfterItsRequest) {
  const auto goes_on = [](std::string_view address, std::string method) {
    http::Request request;
    request.method = std::move(method);
    request.target = http::parse_target(address).value();
    return outlives_request(request);
  };
  for (const char* address : {"/v1/batches", "/v1/fine_tuning/jobs", "/v1/fine_tuning/jobs/ftjob-1/resume"}) {
    EXPECT_TRUE(goes_on(address, "POST")) << address;
    EXPECT_FALSE(goes_on(address, "GET")) << address;
  }
  EXPECT_FALSE(goes_on("/v1/fine_tuning/jobs/ftjob-1/cancel", "POST"));
  EXPECT_FALSE(goes_on("/v1/chat/completions", "POST"));
}

TEST(Methods, AreWholeWords) {
  EXPECT_TRUE(has_method("GET, HEAD", "HEAD"));
  EXPECT_FALSE(has_method("GET, HEAD", "HEA"));
  EXPECT_FALSE(has_method("GET, HEAD", ""));
  EXPECT_FALSE(has_method("GET, HEAD", "get"));
}

}  // namespace
}  // namespace freehold::app
