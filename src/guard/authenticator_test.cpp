// Authentication: right keys pass, everything else does not, what others revoke counts soon, and work is bounded.
#include "guard/authenticator.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/file.h"
#include "base/temporary_folder_testing.h"

namespace freehold::guard {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

class AuthenticatorTest : public ::testing::Test {
 protected:
  Keys keys() { return Keys::open(folder_.path(), OpenKeys::create, wall()).value(); }
  WallClock wall() {
    return [this] { return wall_.load(); };
  }
  AuthenticatorOptions options(std::vector<std::string> given = {}) {
    return {std::move(given), wall(), [this] { return nanoseconds(steady_.load()); }};
  }
  void wait(nanoseconds time) { steady_ += time.count(); }
  static std::string wrong(std::string text) {
    text[20] = text[20] == 'A' ? 'B' : 'A';
    return text;
  }

  TemporaryFolder folder_;
  std::atomic<std::int64_t> wall_{1'800'000'000};
  std::atomic<std::int64_t> steady_{5'000'000'000};
};

TEST_F(AuthenticatorTest, RightKeysPassAndNothingElse) {
  Keys manager = keys();
  const CreatedKey made =
      manager.create({.name = "x", .role = Role::auditor, .limits = {5, {}, {}}, .models = {{"m"}}}).value();
  const CreatedKey other = manager.create({.name = "y"}).value();
  const Authenticator a = Authenticator::create(keys(), options()).value();
  for (int i = 0; i < 3; ++i) {
    const std::optional<Principal> p = a.authenticate(made.text);
    ASSERT_TRUE(p);
    EXPECT_EQ(*p, (Principal{made.info.id, "x", Role::auditor, made.info.id, {5, {}, {}}, {{"m"}}}));
    EXPECT_EQ(a.authenticate(other.text)->key_id, other.info.id);
  }
  EXPECT_EQ(a.slow_verifications(), 2u) << "once a key";
  const std::string swapped = made.text.substr(0, 12) + other.text.substr(12);
  for (const std::string& text :
       {std::string(), wrong(made.text), swapped, made.text + "A", made.text.substr(1), std::string(1'000'000, 'x'),
        "fh-zzzzzzzz-" + made.text.substr(12), made.text + '\0'}) {
    EXPECT_FALSE(a.authenticate(text));
  }
  EXPECT_EQ(a.slow_verifications(), 2u) << "wrong secrets of verified keys, unknown ids and odd forms cost nothing";
}

TEST_F(AuthenticatorTest, ARotatedKeyIsRefusedAndItsSuccessorPasses) {
  Keys manager = keys();
  const CreatedKey first = manager.create({.name = "x"}).value();
  const Authenticator a = Authenticator::create(keys(), options()).value();
  ASSERT_TRUE(a.authenticate(first.text));
  const CreatedKey second = manager.rotate(first.info.id).value();
  EXPECT_FALSE(a.authenticate(first.text)) << "also where it had been verified";
  ASSERT_TRUE(a.authenticate(second.text));
  EXPECT_EQ(a.authenticate(second.text)->tenant, first.info.id);
  EXPECT_FALSE(a.authenticate(first.text));
}

TEST_F(AuthenticatorTest, WrongSecretsOfAKeyThatWasNeverUsedAreBounded) {
  const CreatedKey made = keys().create({.name = "x"}).value();
  const Authenticator a = Authenticator::create(keys(), options()).value();
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(a.authenticate(wrong(made.text)));
  EXPECT_EQ(a.slow_verifications(), 8u);
  EXPECT_FALSE(a.authenticate(made.text)) << "not now";
  wait(std::chrono::seconds(1));
  EXPECT_TRUE(a.authenticate(made.text)) << "but a little later";
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(a.authenticate(wrong(made.text)));
  EXPECT_EQ(a.slow_verifications(), 9u);
  EXPECT_TRUE(a.authenticate(made.text)) << "and from then on whatever others try";
}

TEST_F(AuthenticatorTest, WhoTriesFromElsewhereKeepsNobodyOut) {
  const CreatedKey made = keys().create({.name = "x"}).value();
  const Authenticator a = Authenticator::create(keys(), options()).value();
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(a.judge(wrong(made.text), {.address = "198.51.100.1"}).principal);
  EXPECT_EQ(a.slow_verifications(), 8u);
  EXPECT_TRUE(a.judge(made.text, {.address = "198.51.100.1"}).busy) << "told to come again, not that it is wrong";
  EXPECT_TRUE(a.judge(made.text, {.address = "192.0.2.1"}).principal);
}

TEST_F(AuthenticatorTest, WhatAllTogetherTryIsBounded) {
  const CreatedKey made = keys().create({.name = "x"}).value();
  const Authenticator a = Authenticator::create(keys(), options()).value();
  for (int i = 0; i < 50; ++i) {
    const std::string from = "198.51.100." + std::to_string(i);
    for (int n = 0; n < 3; ++n) EXPECT_FALSE(a.judge(wrong(made.text), {.address = from}).principal);
  }
  EXPECT_EQ(a.slow_verifications(), 16u);
  wait(std::chrono::seconds(1));
  EXPECT_TRUE(a.judge(made.text, {.address = "192.0.2.1"}).principal);
}

TEST_F(AuthenticatorTest, WhatPassesWhileAnAddressWaits) {
  Keys manager = keys();
  const CreatedKey used = manager.create({.name = "used"}).value();
  const CreatedKey fresh = manager.create({.name = "fresh"}).value();
  const std::string random(32, 'r');
  const Authenticator a = Authenticator::create(keys(), options({"password", random})).value();
  ASSERT_TRUE(a.authenticate(used.text));
  const Origin waiting{.address = "192.0.2.1", .waits = true};
  EXPECT_TRUE(a.judge(used.text, waiting).principal);
  EXPECT_TRUE(a.judge(random, waiting).principal);
  for (const std::string& text : {fresh.text, std::string("password")}) {
    EXPECT_FALSE(a.judge(text, waiting).principal);
    EXPECT_TRUE(a.judge(text, waiting).busy);
    EXPECT_TRUE(a.judge(text, {.address = "192.0.2.2"}).principal);
  }
  EXPECT_TRUE(a.judge("passwore", waiting).attempt);
  EXPECT_NE(a.judge("passwore").mark, a.judge("passwort").mark);
  EXPECT_EQ(a.judge("passwore").mark, a.judge("passwore").mark);
  EXPECT_FALSE(a.judge("").attempt) << "no key is no guess";
}

TEST_F(AuthenticatorTest, WhatAnotherConnectionChangesCountsAtOnce) {
  Keys manager = keys();
  const CreatedKey one = manager.create({.name = "one"}).value();
  const Authenticator a = Authenticator::create(keys(), options()).value();
  ASSERT_TRUE(a.authenticate(one.text));
  ASSERT_TRUE(manager.revoke(one.info.id));
  const CreatedKey two = manager.create({.name = "two"}).value();
  EXPECT_FALSE(a.authenticate(one.text));
  EXPECT_TRUE(a.authenticate(two.text));
  wait(std::chrono::hours(5));
  ASSERT_TRUE(manager.revoke(two.info.id));
  EXPECT_FALSE(a.authenticate(two.text)) << "also by the first who asks after a long rest";
}

TEST_F(AuthenticatorTest, KeysExpireWhileTheProgramRuns) {
  const CreatedKey made = keys().create({.name = "x", .expires = wall_ + 60}).value();
  const Authenticator a = Authenticator::create(keys(), options()).value();
  wall_ += 59;
  EXPECT_TRUE(a.authenticate(made.text));
  wall_ += 1;
  EXPECT_FALSE(a.authenticate(made.text));
}

TEST_F(AuthenticatorTest, WhoseKeyItWasThatIsNotValidAnyMoreIsKnownByItsSecretAlone) {
  Keys manager = keys();
  const CreatedKey revoked = manager.create({.name = "r", .role = Role::auditor}).value();
  const CreatedKey expired = manager.create({.name = "e", .expires = wall_ + 60}).value();
  Authenticator a = Authenticator::create(keys(), options()).value();
  ASSERT_TRUE(a.authenticate(expired.text));
  ASSERT_TRUE(manager.revoke(revoked.info.id));
  wall_ += 60;
  wait(std::chrono::seconds(1));
  for (int i = 0; i < 2; ++i) {
    const Entrance r = a.judge(revoked.text), e = a.judge(expired.text);
    EXPECT_EQ(r.known, (Known{revoked.info.id, "r", Role::auditor}));
    EXPECT_EQ(e.known, (Known{expired.info.id, "e", Role::user}));
    EXPECT_EQ(r.rule, "keys.revoked");
    EXPECT_EQ(e.rule, "keys.expired");
    EXPECT_FALSE(r.principal || e.principal);
    // Nobody who has only seen the id is taken for its holder, or told anything else.
    const Entrance guessed = a.judge(wrong(revoked.text));
    EXPECT_EQ(guessed.known, std::nullopt);
    EXPECT_EQ(guessed.rule, "");
    EXPECT_EQ(guessed.message, r.message);
  }
  EXPECT_EQ(a.slow_verifications(), 2u);
  // Who is to wait costs nothing, and is not told that a key of this id was there once.
  a = Authenticator::create(keys(), options()).value();
  const Entrance waits = a.judge(revoked.text, {.address = "192.0.2.1", .waits = true});
  EXPECT_FALSE(waits.busy || waits.known);
  EXPECT_EQ(a.slow_verifications(), 0u);
}

TEST_F(AuthenticatorTest, KeysGivenByHand) {
  EXPECT_FALSE(Authenticator::create(std::nullopt, options({""})));
  EXPECT_FALSE(Authenticator::create(std::nullopt, options({"a b"})));
  EXPECT_FALSE(Authenticator::create(std::nullopt, options({"a\n"})));
  EXPECT_FALSE(Authenticator::create(std::nullopt, options({std::string(513, 'x')})));
  const CreatedKey made = keys().create({.name = "x"}).value();
  const Authenticator a = Authenticator::create(keys(), options({"sk-first", "fh-looks-like-ours"})).value();
  const std::string first = a.authenticate("sk-first")->key_id;
  EXPECT_TRUE(first.starts_with("given-"));
  const Principal second = *a.authenticate("fh-looks-like-ours");
  EXPECT_NE(second.key_id, first);
  EXPECT_EQ(second.tenant, second.key_id);
  // What a key has stored stays that key's in whatever order they are given.
  EXPECT_EQ(Authenticator::create(std::nullopt, options({"another", "sk-first"}))->authenticate("sk-first")->key_id,
            first);
  EXPECT_TRUE(Authenticator::create(std::nullopt, options({"sk-first", "sk-first"}))->is_only(first));
  EXPECT_FALSE(Authenticator::create(std::nullopt, options({"another", "sk-first"}))->is_only(first));
  EXPECT_EQ(second.role, Role::user);
  EXPECT_EQ(a.authenticate(made.text)->key_id, made.info.id);
  EXPECT_FALSE(a.authenticate("sk-firs"));
  EXPECT_FALSE(a.authenticate("sk-first "));
  const Authenticator alone = Authenticator::create(std::nullopt, options({"sk"})).value();
  EXPECT_TRUE(alone.authenticate("sk"));
  EXPECT_FALSE(alone.authenticate(made.text));
}

// The database is overwritten with rubbish under the running program.
TEST_F(AuthenticatorTest, ADatabaseThatCannotBeReadLetsNobodyIn) {
  Keys manager = keys();
  const CreatedKey made = manager.create({.name = "x"}).value();
  const Authenticator a = Authenticator::create(keys(), options({"sk"})).value();
  ASSERT_TRUE(a.authenticate(made.text));
  ASSERT_TRUE(manager.create({.name = "y"}));
  for (const char* name : {"freehold.db", "freehold.db-wal"}) {
    std::filesystem::resize_file(folder_.path() / name, 0);
  }
  wait(milliseconds(700));
  (void)a.authenticate(made.text);
  ASSERT_TRUE(a.trouble());
  wait(milliseconds(700));
  EXPECT_FALSE(a.authenticate(made.text));
  EXPECT_TRUE(a.authenticate("sk"));
}

// Each verification takes so long here that the last would wait for a second and more.
TEST_F(AuthenticatorTest, ALongQueueOfNewKeysIsNotRefused) {
  Keys manager = keys();
  std::vector<CreatedKey> made;
  for (int i = 0; i < 12; ++i) made.push_back(manager.create({.name = "x"}).value());
  AuthenticatorOptions slow = options();
  slow.steady = [this] {
    steady_ += nanoseconds(milliseconds(100)).count();
    return nanoseconds(steady_.load());
  };
  const Authenticator a = Authenticator::create(keys(), std::move(slow)).value();
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (const CreatedKey& key : made) {
    threads.emplace_back([&a, &key, &right] { right += a.authenticate(key.text) ? 1 : 0; });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(right, 12);
}

TEST_F(AuthenticatorTest, ManyThreadsAtOnce) {
  Keys manager = keys();
  std::vector<CreatedKey> made;
  for (int i = 0; i < 3; ++i) made.push_back(manager.create({.name = "x"}).value());
  const Authenticator a = Authenticator::create(keys(), options()).value();
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        const CreatedKey& key = made[static_cast<std::size_t>(i + t) % 3];
        const bool give_wrong = i >= 50 && i % 2 == 1;
        wait(milliseconds(20));
        if (a.authenticate(give_wrong ? wrong(key.text) : key.text).has_value() != give_wrong) ++right;
      }
    });
  }
  ASSERT_TRUE(manager.create({.name = "meanwhile"}));
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(right, 800);
  EXPECT_EQ(a.slow_verifications(), 3u) << "once a key, although many came at once";
}

TEST_F(AuthenticatorTest, TellsOnceOfKeysThatAreGone) {
  Keys manager = keys();
  const CreatedKey revoked = manager.create({.name = "r"}).value();
  const CreatedKey expired = manager.create({.name = "e", .expires = wall_ + 100}).value();
  const CreatedKey before = manager.create({.name = "b"}).value();
  ASSERT_TRUE(manager.revoke(before.info.id));
  const Authenticator a = Authenticator::create(keys(), options({"a-key-by-hand"})).value();
  EXPECT_TRUE(a.gone().empty()) << "what was never valid here is not gone";
  ASSERT_TRUE(manager.revoke(revoked.info.id));
  const CreatedKey later = manager.create({.name = "l"}).value();
  wait(std::chrono::seconds(1));
  EXPECT_EQ(a.gone(), std::vector{revoked.info.id});
  EXPECT_TRUE(a.gone().empty());
  wall_ += 100;
  EXPECT_EQ(a.gone(), std::vector{expired.info.id}) << "without a change of the database";
  ASSERT_TRUE(manager.revoke(later.info.id));
  wait(std::chrono::seconds(1));
  EXPECT_EQ(a.gone(), std::vector{later.info.id}) << "a key that came meanwhile";
  const std::string given = a.authenticate("a-key-by-hand")->key_id;
  EXPECT_TRUE(a.is_given(given));
  EXPECT_FALSE(a.is_given("given-000000000000"));
  EXPECT_FALSE(a.is_given(later.info.id));
  EXPECT_FALSE(a.is_only(given)) << "the database has keys, too";
}

}  // namespace
}  // namespace freehold::guard
