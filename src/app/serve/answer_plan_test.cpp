#include "app/serve/answer_plan.h"

#include <gtest/gtest.h>

namespace freehold::app {
namespace {

api::Call with_tools(std::size_t count) {
  api::Call call;
  for (std::size_t i = 0; i < count; ++i) {
    api::Tool tool;
    tool.name = "t" + std::to_string(i);
    tool.param = "tools[" + std::to_string(i) + "].input_schema";
    call.tool_use.tools.push_back(std::move(tool));
  }
  return call;
}

TEST(WhatIsLeftOut, IsNamedByField) {
  EXPECT_EQ(left_out_of(with_tools(2), {{"t1", "#/if"}, {"t0", "#"}}),
            (std::vector<std::string>{"tools[1].input_schema#/if", "tools[0].input_schema"}));
}

TEST(WhatIsLeftOut, FitsIntoAHeader) {
  const std::string last = "and more of the schemas";
  // Many names.
  std::vector<text::tools::LeftOut> left_out;
  for (std::size_t i = 0; i < 40; ++i) left_out.push_back({"t" + std::to_string(i), "#/if"});
  std::vector<std::string> names = left_out_of(with_tools(40), left_out);
  ASSERT_EQ(names.size(), 33u);
  EXPECT_EQ(names.back(), last);
  // Long ones.
  for (text::tools::LeftOut& left : left_out) left.pointer = "#/" + std::string(118, 'x');
  names = left_out_of(with_tools(40), left_out);
  std::size_t bytes = 0;
  for (const std::string& name : names) bytes += name.size() + 2;
  EXPECT_LE(bytes, 2048u);
  EXPECT_GT(names.size(), 10u);
  EXPECT_EQ(names.back(), last);
}

}  // namespace
}  // namespace freehold::app
