#include "api/ollama/made.h"

#include <gtest/gtest.h>

namespace freehold::api::ollama {
namespace {

Call call_with(const std::string& messages) {
  Call call;
  call.input = Conversation{messages, {}};
  return call;
}
std::string messages_of(const Call& call) {
  return std::get<Conversation>(call.input).messages;
}

TEST(OllamaMade, FileReadsBackAsItWasWritten) {
  const MadeModel m{"x:latest", "base:latest",
                    "y:1",      {"be \"brief\"", R"({"temperature":0.5})", R"([{"role":"user","content":"u"}])", "MIT"},
                    77,         true};
  const auto back = parse_made_models(to_json({{"k1", {m}}, {"k2", {{"z:latest", "b", {}, {}, 0, false}}}}));
  ASSERT_TRUE(back) << back.error().message;
  ASSERT_EQ(back->size(), 2u);
  const std::vector<MadeModel>& first = back->at("k1");
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].name, m.name);
  EXPECT_EQ(first[0].base, m.base);
  EXPECT_EQ(first[0].parent, m.parent);
  EXPECT_EQ(first[0].preset, m.preset);
  EXPECT_EQ(first[0].made, 77);
  EXPECT_TRUE(first[0].alias);
  EXPECT_EQ(back->at("k2").at(0).preset, Preset{});
  for (const char* wrong :
       {"", "[]", "{}", R"({"version":3,"models":[]})", R"({"version":2,"models":[{"name":"x","base":"b"}]})",
        R"({"version":1})", R"({"version":1,"models":[{"name":"x"}]})",
        R"({"version":1,"models":[{"name":"x","base":"b","parameters":[]}]})"}) {
    EXPECT_FALSE(parse_made_models(wrong)) << wrong;
  }
  // Nobody owned what the first version kept: it is whoever's asks a server without keys.
  const auto old = parse_made_models(R"({"version":1,"models":[{"name":"x:latest","base":"b"}]})");
  ASSERT_TRUE(old);
  ASSERT_EQ(old->size(), 1u);
  EXPECT_EQ(old->at("local").at(0).name, "x:latest");
}

TEST(OllamaMade, NamesStayNames) {
  for (const char* good : {"a", "Mario", "org/m:q4_K_M", "a.b-c_d:1.5"}) EXPECT_TRUE(check_name(good, "model")) << good;
  for (const char* wrong : {"", ":", "a:", ":b", "../x", "a/../b", "/a", "a/", "a b", "a:b:c", ".a", "a\n", "a:b/c"}) {
    const auto checked = check_name(wrong, "model");
    ASSERT_FALSE(checked) << wrong;
    EXPECT_EQ(checked.error().param, "model");
  }
  EXPECT_FALSE(check_name(std::string(201, 'a'), "model"));
}

TEST(OllamaMade, ASystemPromptComesFirstUnlessThereIsOne) {
  const Preset preset{"P", {}, R"([{"role":"user","content":"a"},{"role":"assistant","content":"b"}])", {}};
  Call call = call_with(R"([{"role":"user","content":"u"}])");
  ASSERT_TRUE(apply(preset, call));
  EXPECT_TRUE(call.preset_done);
  EXPECT_EQ(messages_of(call),
            R"([{"role":"system","content":"P"},{"role":"user","content":"a"},{"role":"assistant","content":"b"},)"
            R"({"role":"user","content":"u"}])");
  call = call_with(R"([{"role":"system","content":"S"},{"role":"user","content":"u"}])");
  call.earlier = {1};
  ASSERT_TRUE(apply(preset, call));
  EXPECT_EQ(messages_of(call), R"([{"role":"system","content":"S"},{"role":"user","content":"u"}])");
  Call plain;
  plain.input = std::vector<PlainPrompt>{std::string("text")};
  ASSERT_TRUE(apply(preset, plain));
  EXPECT_EQ(std::get<std::vector<PlainPrompt>>(plain.input), (std::vector<PlainPrompt>{std::string("text")}));
}

TEST(OllamaMade, MadeFromWhatWasMade) {
  const Preset both = over({"s", R"({"top_k":1,"seed":2})", "[]", "L"}, {"t", R"({"seed":3,"stop":"x"})", "", ""});
  EXPECT_EQ(both, (Preset{"t", R"({"top_k":1,"seed":3,"stop":"x"})", "[]", "L"}));
  EXPECT_EQ(over({}, both), both);
  EXPECT_EQ(over(both, {}), both);
}

TEST(OllamaTurns, TheOldestGoFirstAndTheSystemStays) {
  const Turns turns(
      R"([{"role":"system","content":"s"},{"role":"user","content":"1"},{"role":"assistant","content":"2"},)"
      R"({"role":"system","content":"t"},{"role":"user","content":"3"},{"role":"tool","content":"4"},)"
      R"({"role":"user","content":"5"},{"role":"tool","content":"6"}])");
  ASSERT_EQ(turns.droppable(), 2u);
  std::size_t left_out = 9;
  EXPECT_NE(turns.without(0, left_out).find("\"1\""), std::string::npos);
  EXPECT_EQ(left_out, 0u);
  EXPECT_EQ(turns.without(1, left_out),
            R"([{"role":"system","content":"s"},{"role":"system","content":"t"},{"role":"user","content":"3"},)"
            R"({"role":"tool","content":"4"},{"role":"user","content":"5"},{"role":"tool","content":"6"}])");
  EXPECT_EQ(left_out, 2u);
  EXPECT_EQ(turns.without(2, left_out),
            R"([{"role":"system","content":"s"},{"role":"system","content":"t"},{"role":"user","content":"5"},)"
            R"({"role":"tool","content":"6"}])");
  EXPECT_EQ(left_out, 4u);
  EXPECT_EQ(Turns("[]").droppable(), 0u);
  EXPECT_EQ(Turns("no json").droppable(), 0u);
}

}  // namespace
}  // namespace freehold::api::ollama
