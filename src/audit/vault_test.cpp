// Pseudonyms: the same for the same value, readable for who has the keys, and for nobody once the subject's is gone.
#include "audit/vault.h"

#include <gtest/gtest.h>

#include "audit/content_testing.h"
#include "base/file.h"

namespace freehold::audit {
namespace {

class VaultTest : public HomeTest {
 protected:
  std::unique_ptr<Vault> vault(const std::string& key = "master.key") {
    auto master = MasterKey::open(home() / "elsewhere" / key, MasterKey::Make::if_missing);
    EXPECT_TRUE(master);
    auto subjects = Subjects::open(home(), std::move(*master), MasterKey::Make::if_missing);
    if (!subjects) return nullptr;
    return std::make_unique<Vault>(home(), std::move(*subjects));
  }
};

TEST_F(VaultTest, ATokenIsTheValuesWithinItsTenant) {
  const auto vault = this->vault();
  ASSERT_NE(vault, nullptr);
  const std::string token = vault->token("k1", "email", "ann@example.org");
  EXPECT_EQ(token.size(), std::string("EMAIL_").size() + Vault::kTokenLetters);
  EXPECT_TRUE(token.starts_with("EMAIL_"));
  EXPECT_EQ(token_at("[" + token + "] and"), token);
  EXPECT_EQ(token, this->vault()->token("k1", "email", "ann@example.org"));
  EXPECT_NE(token, vault->token("k2", "email", "ann@example.org"));
  EXPECT_NE(token.substr(6), vault->token("k1", "phone", "ann@example.org").substr(6));
  EXPECT_NE(token, vault->token("k1", "email", "bob@example.org"));
  for (const char* none : {"", "[", "[EMAIL_abcdefghijkl", "[EMAIL_abcdefghijk]", "[EMAIL_abcdefghijklm]",
                           "[EMAIL_abcdefghijkz]", "[email_abcdefghijkl]", "[_abcdefghijkl]", "EMAIL_abcdefghijkl]"}) {
    EXPECT_EQ(token_at(none), "") << none;
  }
}

TEST_F(VaultTest, WhatItStandsForComesBackUntilItsSubjectIsErased) {
  const auto vault = this->vault();
  const std::string token = vault->token("k1", "email", "ann@example.org");
  ASSERT_TRUE(vault->keep("k1", "alice", {{token, "ann@example.org"}}));
  ASSERT_TRUE(vault->keep("k1", "alice", {{token, "ann@example.org"}}));  // known
  ASSERT_TRUE(vault->keep("k1", "bob", {{token, "ann@example.org"}}));
  EXPECT_FALSE(anywhere("ann@example.org"));
  EXPECT_FALSE(anywhere("alice"));
  auto found = this->vault()->find(token);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ((*found)[0].value, "ann@example.org");
  EXPECT_EQ((*found)[0].tenant, "k1");
  EXPECT_TRUE(vault->find(token, "k2")->empty());
  EXPECT_TRUE(vault->find("EMAIL_aaaaaaaaaaaa")->empty());

  const auto alice = vault->subjects().find("k1", "alice");
  ASSERT_TRUE(alice && *alice);
  EXPECT_EQ(vault->entries_of(**alice)->size(), 1u);
  ASSERT_TRUE(vault->subjects().destroy(**alice));
  const auto removed = Vault::remove(home(), (*alice)->id);
  ASSERT_TRUE(removed);
  EXPECT_EQ(*removed, 1u);
  found = vault->find(token);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ((*found)[0].subject, "bob");
  // Who comes back begins anew, also while the program runs.
  ASSERT_TRUE(vault->keep("k1", "alice", {{token, "ann@example.org"}}));
  EXPECT_EQ(vault->find(token)->size(), 2u);
}

TEST_F(VaultTest, TwoValuesNeverShareAToken) {
  const auto vault = this->vault();
  ASSERT_TRUE(vault->keep("k1", "alice", {{"EMAIL_aaaaaaaaaaaa", "one"}}));
  const auto clash = vault->keep("k1", "alice", {{"EMAIL_aaaaaaaaaaaa", "two"}, {"EMAIL_bbbbbbbbbbbb", "three"}});
  ASSERT_FALSE(clash);
  EXPECT_EQ(clash.error().code, Errc::corrupt);
  EXPECT_EQ(clash.error().what.find("two"), std::string::npos);
  EXPECT_TRUE(vault->find("EMAIL_bbbbbbbbbbbb")->empty());
}

TEST_F(VaultTest, WhateverFailsOnDiskNothingIsHalfKept) {
  const auto vault = this->vault();
  ASSERT_TRUE(vault->keep("k1", "alice", {{"EMAIL_aaaaaaaaaaaa", "one"}}));
  bool kept = false;
  for (int n = 1; n < 40 && !kept; ++n) {
    int calls = 0;
    set_disk_fault_for_tests([&](const char*) { return ++calls == n ? 5 : 0; });
    kept = vault->keep("k1", "alice", {{"EMAIL_bbbbbbbbbbbb", "two"}}).has_value();
    set_disk_fault_for_tests({});
    const auto found = this->vault()->find("EMAIL_bbbbbbbbbbbb");
    ASSERT_TRUE(found) << n;
    EXPECT_EQ(found->size(), kept ? 1u : found->size());
    EXPECT_EQ(this->vault()->find("EMAIL_aaaaaaaaaaaa")->size(), 1u);
  }
  EXPECT_TRUE(kept);
}

TEST_F(VaultTest, AnotherMasterKeyOpensNothing) {
  ASSERT_NE(vault(), nullptr);
  EXPECT_EQ(vault("other.key"), nullptr);
}

TEST_F(VaultTest, ChangedFilesAreFound) {
  const auto vault = this->vault();
  ASSERT_TRUE(vault->keep("k1", "alice", {{"EMAIL_aaaaaaaaaaaa", "one"}}));
  const auto alice = vault->subjects().find("k1", "alice");
  const auto folder = home() / "content" / "vault" / (*alice)->id;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    auto text = read_file(file.path());
    ASSERT_TRUE(text);
    text->back() ^= 1;
    ASSERT_TRUE(write_file_atomically(file.path(), *text, FileAccess::owner));
  }
  const auto found = vault->find("EMAIL_aaaaaaaaaaaa");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::corrupt);
}

}  // namespace
}  // namespace freehold::audit
