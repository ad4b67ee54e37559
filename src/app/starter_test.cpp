#include "app/starter.h"

#include <gtest/gtest.h>

namespace freehold::app {
namespace {

TEST(Starter, IsMeantByItsNameAndByNoOther) {
  if (starter_bytes().empty()) GTEST_SKIP() << "a build without models/starter.gguf";
  EXPECT_TRUE(means_starter("starter"));
  EXPECT_TRUE(means_starter("starter:latest"));
  for (const char* other : {"", "starter:big", "starters", "./starter", "models/starter", "sha256:0123456789"}) {
    EXPECT_FALSE(means_starter(other)) << other;
  }
}

TEST(Starter, IsAModelLikeAnyOther) {
  if (starter_bytes().empty()) GTEST_SKIP() << "a build without models/starter.gguf";
  auto opened = open_starter();
  ASSERT_TRUE(opened) << opened.error().what;
  EXPECT_TRUE(is_starter(*opened));
  EXPECT_EQ(opened->checkpoint->total_bytes(), starter_bytes().size());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(starter_bytes().data()) % 4096, 0u);
  auto checked = check_model(std::move(*opened));
  ASSERT_TRUE(checked) << checked.error().what;
  EXPECT_FALSE(checked->tokenizer.chat_templates.empty());
}

}  // namespace
}  // namespace freehold::app
