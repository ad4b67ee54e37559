#include "api/peek.h"

#include <gtest/gtest.h>

namespace freehold::api {
namespace {

TEST(Peek, FindsTheModelAtTheTopAlone) {
  EXPECT_EQ(model_in(R"({"model":"a","messages":[{"model":"b","name":"c"}],"x":{"model":"d"}})"), "a");
  EXPECT_EQ(model_in(R"({"messages":[{"model":"b"}],"x":{"model":"d"},"model":"a"})"), "a");
  EXPECT_EQ(model_in(R"({"name":"n","prompt":"p"})"), "n");
  EXPECT_EQ(model_in(R"({"name":"n","model":"a"})"), "a");
  EXPECT_EQ(model_in(R"({"name":"n","model":""})"), "n");
  EXPECT_EQ(model_in(R"({"model":"a","model":"b"})"), "b");
  EXPECT_EQ(model_in(R"({"model":"caf\u00e9"})"), "caf\xc3\xa9");
}

TEST(Peek, IsSilentAboutWhatIsWrong) {
  for (const char* body :
       {"", "{", "null", "7", "[]", R"("model")", R"(["model","a"])", R"([{"model":"a"}])", R"({"model":7})",
        R"({"model":null,"x":"a"})", R"({"model":["a"]})", R"({"model":{"model":"a"}})", R"({"model":"a")",
        R"({"model":"a"} x)", "{\"model\":\"\xff\"}", R"({"messages":["model","a"]})"}) {
    EXPECT_EQ(model_in(body), "") << body;
  }
  EXPECT_EQ(model_in(R"({"model":)" + std::string(100'000, '[')), "");
  EXPECT_EQ(model_in(std::string(100'000, '[') + std::string(100'000, ']')), "");
}

TEST(Peek, FindsWhomItIsAbout) {
  EXPECT_EQ(user_in(R"({"user":"u","metadata":{"user_id":"m"}})", false), "u");
  EXPECT_EQ(user_in(R"({"user":"u","metadata":{"user_id":"m"}})", true), "m");
  EXPECT_EQ(user_in(R"({"safety_identifier":"s","messages":[{"user":"x"}]})", false), "s");
  EXPECT_EQ(user_in(R"({"metadata":{"x":{"user_id":"deep"},"y":[{"user_id":"z"}]}})", true), "");
  EXPECT_EQ(user_in(R"([{"user":"u"}])", false), "");
  EXPECT_EQ(user_in(R"({"user":{"user":"x"}})", false), "");
  EXPECT_EQ(user_in(R"({"user":7})", false), "");
  EXPECT_EQ(user_in(R"({"user":"u")", false), "");
  EXPECT_EQ(string_in(R"({"thread":{"previous_message_id":"p"}})", "thread.previous_message_id"), "p");
  EXPECT_EQ(string_in(R"({"a":{"b":{"thread":{"c":"x"}}},"thread":{"c":"p"}})", "thread.c"), "p");
}

}  // namespace
}  // namespace freehold::api
