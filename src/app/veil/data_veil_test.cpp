// Personal data in what a model learns from, and in what is asked at the command line.
#include "app/veil/data_veil.h"

#include <gtest/gtest.h>

#include "app/veil/asked_veil.h"
#include "format/json.h"

namespace freehold::app {
namespace {

using guard::Treatment;
using pii::Kind;

guard::Treatments with(Treatment email, Treatment card = Treatment::allow) {
  guard::Treatments out;
  out.of[static_cast<std::size_t>(Kind::email)] = email;
  out.of[static_cast<std::size_t>(Kind::card)] = card;
  out.of[static_cast<std::size_t>(Kind::us_ssn)] = email;
  return out;
}

format::Value training_row(std::string_view text) {
  auto value = format::parse_json(text);
  EXPECT_TRUE(value) << text;
  return value ? std::move(*value) : format::Value();
}

TEST(DataVeil, EveryTextOfARowAndNoStructure) {
  DataVeil veil(with(Treatment::mask, Treatment::mask));
  train::Row row;
  row.object = training_row(
      R"({"messages":[{"role":"user","content":"I am ann@example.org"},{"role":"assistant","content":["x",{"type":"text","text":"bob@example.org"}]}],)"
      R"("ssn":123456789,"n":4,"deep":{"a":[[{"mail":"c@example.org"}]]},"note":null})");
  const auto change = veil.change();
  ASSERT_TRUE(change);
  change(row);
  EXPECT_EQ(
      row.object,
      training_row(
          R"({"messages":[{"role":"user","content":"I am [email]"},{"role":"assistant","content":["x",{"type":"text","text":"[email]"}]}],)"
          R"("ssn":"[us_ssn]","n":4,"deep":{"a":[[{"mail":"[email]"}]]},"note":null})"));
  EXPECT_EQ(veil.veil().summary(), "masked=4 kinds=email,us_ssn");
  EXPECT_TRUE(veil.check());
}

// What a tool is called with is text, whatever its members are called, and so are their names.
TEST(DataVeil, NothingHidesBehindNamesOfStructure) {
  DataVeil veil(with(Treatment::mask, Treatment::mask));
  train::Row row;
  row.object = training_row(
      R"({"messages":[{"role":"assistant","tool_calls":[{"id":"call_1","type":"function","function":{"name":"send","arguments":)"
      R"({"from":"ann@example.org","type":"user","id":"4111 1111 1111 1111","4111111111111111":1,"bob@example.org":[1],"c@example.org":2,"[email]":3}}}]}]})");
  veil.change()(row);
  EXPECT_EQ(
      row.object,
      training_row(
          R"({"messages":[{"role":"assistant","tool_calls":[{"id":"call_1","type":"function","function":{"name":"send","arguments":)"
          R"({"from":"[email]","type":"user","id":"[card]","[card]":1,"[email]":[1],"[email]_":2,"[email]__":3}}}]}]})"));
  EXPECT_EQ(veil.veil().summary(), "masked=5 kinds=card,email");
}

TEST(DataVeil, ReportsWithoutAChangeAndRefusesWithCounts) {
  for (const Treatment treatment : {Treatment::report, Treatment::block}) {
    DataVeil veil(with(treatment));
    train::Row row;
    row.object = training_row(R"({"text":"ann@example.org, bob@example.org"})");
    veil.change()(row);
    EXPECT_EQ(veil.veil().count(treatment), 2u);
    const auto allowed = veil.check();
    if (treatment == Treatment::report) {
      EXPECT_TRUE(allowed);
      EXPECT_EQ(row.object, training_row(R"({"text":"ann@example.org, bob@example.org"})"));
      EXPECT_EQ(veil.veil().summary(), "reported=2 kinds=email");
    } else {
      ASSERT_FALSE(allowed);
      EXPECT_EQ(allowed.error().code, Errc::invalid);
      EXPECT_EQ(allowed.error().what, "the data hold personal data that no model may learn here: email (2)");
    }
  }
}

TEST(DataVeil, WithoutRulesNoRowIsLookedAt) {
  DataVeil none;
  EXPECT_FALSE(none.change());
  EXPECT_EQ(none.identity(), "");
  EXPECT_NE(DataVeil(with(Treatment::mask)).identity(), DataVeil(with(Treatment::report)).identity());
}

TEST(AskedVeil, MasksSaysOnceAndRefuses) {
  std::vector<std::string> said;
  AskedVeil veil(with(Treatment::mask, Treatment::block), [&](const std::string& line) { said.push_back(line); });
  for (int i = 0; i < 2; ++i) {
    const auto text = veil("from ann@example.org");
    ASSERT_TRUE(text);
    EXPECT_EQ(*text, "from [email]");
  }
  EXPECT_EQ(said, std::vector<std::string>{"note: personal data in what is asked: masked=1 kinds=email"});
  const auto refused = veil("pay with 4111 1111 1111 1111");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what, "the request holds personal data that may not be asked here: card (1)");
  EXPECT_EQ(said.size(), 1u);
  AskedVeil none({}, {});
  EXPECT_EQ(*none("ann@example.org"), "ann@example.org");
}

}  // namespace
}  // namespace freehold::app
