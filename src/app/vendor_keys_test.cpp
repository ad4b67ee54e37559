// Which address gets a kept key, and what it is sealed by.
#include "app/vendor_keys.h"

#include <gtest/gtest.h>

#include "store/testing.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

class VendorKeysTest : public ::testing::Test {
 protected:
  Result<> keep(std::string_view at, const std::string& key) {
    const auto url = http::parse_url("https://" + std::string(at));
    const SecretText secret{key};
    return VendorKeys::change(folder_.path(), master_, VendorKeys::place_of("openai", *url), &secret);
  }
  // Empty: none.
  std::string sent_to(std::string_view address) const {
    const auto keys = VendorKeys::open(folder_.path(), master_);
    EXPECT_TRUE(keys) << keys.error().what;
    const SecretText* found = keys->find("openai", *http::parse_url(address));
    return found == nullptr ? "" : std::string(found->text());
  }

  TemporaryFolder folder_;
  fs::path master_ = folder_.path() / "keys" / "master.key";
};

TEST_F(VendorKeysTest, AKeyGoesToItsHostAndPortAlone) {
  ASSERT_TRUE(keep("127.0.0.1", "usual"));
  EXPECT_EQ(sent_to("https://127.0.0.1/v1"), "usual");
  EXPECT_EQ(sent_to("https://127.0.0.1:443/v1"), "usual");
  for (const char* other : {"http://127.0.0.1/v1", "http://127.0.0.1:443/v1", "https://127.0.0.1:80/v1",
                            "http://localhost/v1", "https://127.0.0.2/v1"})
    EXPECT_EQ(sent_to(other), "") << other;
  ASSERT_TRUE(keep("127.0.0.1:80", "at 80"));
  EXPECT_EQ(sent_to("http://127.0.0.1/v1"), "at 80");
  EXPECT_EQ(sent_to("http://127.0.0.1:80/v1"), "at 80");
  EXPECT_EQ(sent_to("https://127.0.0.1/v1"), "usual");
  ASSERT_TRUE(keep("127.0.0.1:443", "named"));
  EXPECT_EQ(sent_to("https://127.0.0.1/v1"), "named") << "443 is no port of its own";
  EXPECT_EQ(sent_to("http://127.0.0.1:443/v1"), "");
  ASSERT_TRUE(keep("[::1]:8000", "six"));
  EXPECT_EQ(sent_to("http://[::1]:8000/v1"), "six");
}

TEST_F(VendorKeysTest, WithoutTlsItStaysOnThisMachine) {
  ASSERT_TRUE(keep("10.0.0.7:8000", "far"));
  EXPECT_EQ(sent_to("https://10.0.0.7:8000/v1"), "far");
  EXPECT_EQ(sent_to("http://10.0.0.7:8000/v1"), "");
  ASSERT_TRUE(keep("localhost:8000", "near"));
  EXPECT_EQ(sent_to("http://localhost:8000/v1"), "near");
}

TEST_F(VendorKeysTest, NoMasterKeyIsMadeBesideWhatAnotherSealed) {
  ASSERT_TRUE(keep("h.example", "first"));
  const fs::path moved = folder_.path() / "moved.key";
  fs::rename(master_, moved);
  const auto refused = keep("h.example", "second");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::not_found);
  EXPECT_FALSE(fs::exists(master_));
  fs::rename(moved, master_);
  EXPECT_EQ(sent_to("https://h.example/"), "first");
}

TEST_F(VendorKeysTest, TakingAwayNothingMakesNothing) {
  const auto refused = VendorKeys::change(folder_.path(), master_, {"openai", "h.example"}, nullptr);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::not_found);
  EXPECT_FALSE(fs::exists(folder_.path() / "keys"));
}

}  // namespace
}  // namespace freehold::app
