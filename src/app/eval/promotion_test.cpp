// kill -9 after each write of a promotion and of a rollback: the next command finds a name that was moved or was not,
// with the step back that belongs to it.
#include "app/eval/promotion.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "base/append_file.h"
#include "format/json.h"
#include "store/testing.h"

namespace freehold::app {
namespace {

using store::ModelName;
using store::Store;

class PromotionTest : public ::testing::Test {
 protected:
  PromotionTest() : store_(Store::open(folder_.path() / "home").value()) {
    for (const auto& [name, seed] : {std::pair("old", 1), std::pair("now", 2), std::pair("next", 3)}) {
      const auto path = folder_.path() / (std::string(name) + ".gguf");
      store::testing::put(path, store::testing::tiny_gguf(static_cast<std::uint64_t>(seed)));
      EXPECT_TRUE(store_.import(path, ModelName::parse(name).value()));
    }
    reset();
  }
  // bot leads to `now`, and from there back to `old`.
  void reset() {
    lead("now", name_);
    lead("old", previous_of(name_));
    if (id(pending_of(name_))) {
      EXPECT_TRUE(store_.remove(pending_of(name_).text()));
    }
  }
  void lead(std::string_view to, const ModelName& name) { EXPECT_TRUE(store_.alias(to, name, {.replace = true})); }
  std::optional<Digest> id(const ModelName& name) const { return id_of(store_, name).value(); }
  Digest model(std::string_view name) const { return *id(ModelName::parse(name).value()); }
  // A process that moves the name, and is killed after so many writes; 0: it comes to its end. Whether it was killed.
  bool moves(const Moved& moved, int killed_after) {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto done =
          move_name(store_, moved, line("promote", moved.name, moved.from, moved.to), {}, [&](int number) {
            if (number == killed_after) ::kill(::getpid(), SIGKILL);
          });
      ::_exit(done ? 0 : 1);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
  }
  static std::string line(std::string_view action, const ModelName& name, const std::optional<Digest>& from,
                          const Digest& to, bool passed = true, std::string_view fit = "refuse") {
    return std::string(R"({"time":"t","action":")") + std::string(action) + R"(","name":")" + name.text() +
           R"(","from":)" + (from ? '"' + from->name() + '"' : "null") + R"(,"to":")" + to.name() + R"(","passed":)" +
           (passed ? "true" : "false") + R"(,"gate_sha256":"ab","method":"letter","fit":")" + std::string(fit) + "\"}";
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> out;
    std::ifstream file(store_.home() / "promotions.jsonl");
    for (std::string line; std::getline(file, line);) out.push_back(line);
    return out;
  }

  TemporaryFolder folder_;
  Store store_;
  ModelName name_ = ModelName::parse("bot:prod").value();
};

TEST_F(PromotionTest, AKillAfterAnyWriteIsSettled) {
  const Digest old = model("old"), now = model("now"), next = model("next");
  int writes = 0;
  for (int k = 1; k <= 10; ++k) {
    reset();
    const bool killed = moves({name_, now, next}, k);
    const auto settled = recover(store_, name_, {});
    ASSERT_TRUE(settled) << settled.error().what;
    const bool moved = id(name_) == next;
    EXPECT_EQ(id(name_), moved ? next : now) << k;
    EXPECT_EQ(id(previous_of(name_)), moved ? now : old) << k;
    // After the first write nothing says yet whose it is: the next move takes it.
    EXPECT_EQ(id(pending_of(name_)), k == 1 ? std::optional(now) : std::nullopt) << k;
    EXPECT_EQ(*recover(store_, name_, {}), Recovered::nothing);
    // What was half done is said, and the next move is whole.
    if (*settled != Recovered::nothing) {
      const auto line = format::parse_json(lines().back());
      ASSERT_TRUE(line);
      EXPECT_EQ(line->member("action")->as_string(), "recover");
      EXPECT_EQ(line->member("what")->as_string(), moved ? "moved" : "not moved");
    }
    const Digest back = *id(previous_of(name_)), here = *id(name_);
    EXPECT_FALSE(moves({name_, here, back}, 0));
    EXPECT_EQ(id(name_), back);
    EXPECT_EQ(id(previous_of(name_)), here);
    EXPECT_FALSE(id(pending_of(name_)));
    if (!killed) break;
    EXPECT_EQ(*settled == Recovered::nothing, k == 1 || k == 5) << "after the last write nothing is half done";
    writes = k;
  }
  EXPECT_EQ(writes, 5);
}

// Of all moves, only the one that takes the last name of a model is asked about, and before anything has moved.
TEST_F(PromotionTest, WhatMayNotGoStopsItBeforeItBegins) {
  const Digest old = model("old"), now = model("now"), next = model("next");
  std::vector<std::string> asked;
  store::WriteOptions options;
  options.may_go = [&](const ModelName& name) -> Result<store::Leave> {
    asked.push_back(name.text());
    return fail(Errc::invalid, "it is held");
  };
  const auto move = [&](const Digest& from, const Digest& to) {
    return move_name(store_, {name_, from, to}, line("promote", name_, from, to), options);
  };
  EXPECT_TRUE(move(now, next)) << "all have names of their own";
  EXPECT_TRUE(asked.empty());
  reset();
  EXPECT_TRUE(store_.remove("old"));
  const auto refused = move(now, next);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what, "it is held");
  EXPECT_EQ(asked, std::vector<std::string>{previous_of(name_).text()});
  EXPECT_EQ(id(name_), now);
  EXPECT_EQ(id(previous_of(name_)), old);
  EXPECT_FALSE(id(pending_of(name_)));
  EXPECT_TRUE(move(now, old)) << "back: nothing is let go";
  EXPECT_EQ(id(previous_of(name_)), now);
}

TEST_F(PromotionTest, ModelsKeepANameMeanwhile) {
  const Digest old = model("old"), now = model("now"), next = model("next");
  for (const char* name : {"old", "now"}) EXPECT_TRUE(store_.remove(name));
  for (int k = 1; k <= 5; ++k) {
    EXPECT_TRUE(moves({name_, now, next}, k));
    ASSERT_TRUE(recover(store_, name_, {}));
    ASSERT_TRUE(store_.verify_all());
    for (const Digest& kept : {now, next}) EXPECT_TRUE(store_.resolve(kept.name())) << k;
    if (id(name_) == now) {
      EXPECT_TRUE(store_.resolve(old.name())) << k;
      continue;
    }
    // Back, killed at the same place; what it went away from must be there, too.
    EXPECT_TRUE(moves({name_, next, now}, k));
    ASSERT_TRUE(recover(store_, name_, {}));
    if (id(name_) == next) {
      EXPECT_FALSE(moves({name_, next, now}, 0));
    }
    EXPECT_EQ(id(name_), now);
    EXPECT_EQ(id(previous_of(name_)), next);
  }
}

TEST_F(PromotionTest, ANewNameIsThereOrNot) {
  const ModelName fresh = ModelName::parse("new:prod").value();
  for (int k = 1; k <= 2; ++k) {
    EXPECT_TRUE(moves({fresh, std::nullopt, model("next")}, k));
    EXPECT_EQ(*recover(store_, fresh, {}), Recovered::nothing);
    EXPECT_EQ(id(fresh).has_value(), k == 2);
    EXPECT_FALSE(id(previous_of(fresh)));
  }
}

TEST_F(PromotionTest, ALineThatAKillCutIsNotGluedToTheNext) {
  ASSERT_TRUE(record_promotion(store_, R"({"a":1})"));
  std::ofstream(store_.home() / "promotions.jsonl", std::ios::app) << R"({"action":"pro)";
  ASSERT_TRUE(record_promotion(store_, R"({"b":2})"));
  EXPECT_EQ(lines(), (std::vector<std::string>{R"({"a":1})", R"({"b":2})"}));
}

TEST_F(PromotionTest, ANameOfAUsersIsNoMoveThatWasKilled) {
  const Digest old = model("old"), now = model("now"), next = model("next");
  lead("next", pending_of(name_));
  EXPECT_EQ(*recover(store_, name_, {}), Recovered::nothing) << "nothing was recorded";
  ASSERT_TRUE(record_promotion(store_, line("promote", name_, old, now)));
  ASSERT_TRUE(record_promotion(store_, line("promote", name_, next, now, false)));
  ASSERT_TRUE(record_promotion(store_, line("promote", ModelName::parse("other:prod").value(), next, now)));
  EXPECT_EQ(*recover(store_, name_, {}), Recovered::nothing) << "none of these moved it away from there";
  EXPECT_EQ(id(pending_of(name_)), next);
  EXPECT_EQ(id(previous_of(name_)), old);
  // It is not overwritten, either.
  const auto refused = move_name(store_, {name_, now, old}, line("rollback", name_, now, old), {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("bot:prod.pending"), std::string::npos);
  EXPECT_EQ(id(name_), now);
  EXPECT_EQ(id(pending_of(name_)), next);
  EXPECT_EQ(lines().size(), 3u);
}

TEST_F(PromotionTest, ARecoveryThatWasKilledIsSettled) {
  const Digest now = model("now"), next = model("next");
  EXPECT_TRUE(moves({name_, now, next}, 3));
  EXPECT_EQ(*recover(store_, name_, {}), Recovered::finished);
  lead("now", pending_of(name_));  // as before its last write
  EXPECT_EQ(*recover(store_, name_, {}), Recovered::finished);
  EXPECT_EQ(id(previous_of(name_)), now);
  EXPECT_FALSE(id(pending_of(name_)));
}

TEST_F(PromotionTest, ATagNeedsRoomForWhatIsKeptBesideIt) {
  EXPECT_TRUE(can_be_moved(ModelName::parse("bot:" + std::string(91, 'x')).value()));
  for (const std::size_t bytes : {92u, 100u}) {
    const auto refused = can_be_moved(ModelName::parse("bot:" + std::string(bytes, 'x')).value());
    ASSERT_FALSE(refused) << bytes;
    EXPECT_EQ(refused.error().code, Errc::invalid);
  }
}

TEST_F(PromotionTest, TellsWhatTheMoveThatIsUndoneWasJudgedBy) {
  const Digest old = model("old"), now = model("now"), next = model("next");
  const Moved back{name_, next, now};
  const auto undone = [&](const Moved& moved) {
    const auto judged = undone_by(store_, moved);
    EXPECT_TRUE(judged);
    return judged && *judged ? (*judged)->fit : std::string("none");
  };
  const auto add = [&](const std::string& text) { ASSERT_TRUE(record_promotion(store_, text)); };
  EXPECT_EQ(undone(back), "none");
  add(line("promote", name_, now, next, true, "first"));
  EXPECT_EQ(undone(back), "first");
  add(line("promote", name_, next, old, false, "refused"));
  add(line("promote", ModelName::parse("other:prod").value(), now, next, true, "other"));
  EXPECT_EQ(undone(back), "first") << "neither moved this name";
  EXPECT_EQ(undone({name_, next, old}), "none") << "it came from another one";
  EXPECT_EQ(undone({name_, old, now}), "none") << "it went to another one";
  add(line("rollback", name_, next, now));
  add(line("rollback", name_, now, next));
  EXPECT_EQ(undone(back), "none") << "a rollback is what is undone";
  add(line("promote", name_, old, next, true, "second"));
  add(line("promote", name_, next, now, true, "killed"));
  add(R"({"action":"recover","name":"bot:prod","what":"not moved","to":")" + next.name() + "\"}");
  EXPECT_EQ(undone({name_, next, old}), "second") << "the one that was killed moved nothing";
}

}  // namespace
}  // namespace freehold::app
