// No request crosses a ceiling, whatever the policy and whatever fails on its way: 100,000 random policies, requests
// and routes against a second formulation of the rules.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/sanitized_testing.h"
#include "guard/policy.h"

namespace freehold::guard {
namespace {

constexpr std::uint64_t kWorlds = kSanitized ? 10'000 : 100'000;

// SplitMix64, so that a failure can be made again from its number.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ULL + 1) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  std::size_t below(std::size_t n) { return next() % n; }
  bool chance(int percent) { return below(100) < static_cast<std::size_t>(percent); }

 private:
  std::uint64_t state_;
};

const std::vector<std::string> kWords = {"alpha", "beta", "cloud-a", "cloud-b", "tiny:q4", "tiny:q8"};
const std::vector<std::string> kPatterns = {"*", "alpha", "cloud-*", "tiny", "*:q4", "none"};
const std::vector<std::string> kOrders[] = {
    {"public", "internal", "personal", "health"}, {"zeta", "eta", "beta"}, {"only"}, {"e", "d", "c", "b", "a"}};

struct World {
  Policy policy;
  Principal who;
  std::vector<Resource> route;  // tried one after the other as each before fails
  std::string data;             // what the request's file is labelled

  explicit World(std::uint64_t number) {
    Draw draw(number);
    policy.labels = kOrders[draw.below(std::size(kOrders))];
    // Now and then a word that is no label of this policy.
    const auto label = [&] {
      return draw.chance(3) ? std::string("stranger") : policy.labels[draw.below(policy.labels.size())];
    };
    const auto some = [&](const std::vector<std::string>& from) {
      std::vector<std::string> out;
      for (const std::string& one : from) {
        if (draw.chance(40)) out.push_back(one);
      }
      return out;
    };
    for (Rights& rights : policy.roles) {
      for (bool& may : rights.actions) may = draw.chance(80);
      rights.models = draw.chance(50) ? std::vector<std::string>{"*"} : some(kPatterns);
      rights.label = policy.labels[draw.below(policy.labels.size())];
      if (draw.chance(60)) rights.label = policy.highest();
      rights.reason = draw.chance(15);
    }
    for (const std::string& pattern : some(kPatterns)) {
      policy.models.push_back({pattern, policy.labels[draw.below(policy.labels.size())]});
    }
    for (const std::string& pattern : some(kPatterns)) {
      policy.vendors.push_back({pattern, policy.labels[draw.below(policy.labels.size())]});
    }
    who.role = static_cast<Role>(draw.below(kRoles));
    if (draw.chance(50)) who.label = label();
    if (draw.chance(40)) who.ceiling = label();
    if (draw.chance(30)) who.carries.push_back(label());
    if (draw.chance(20)) who.models = some(kWords);
    if (draw.chance(50)) who.reason = "drill";
    if (draw.chance(30)) data = label();
    const std::size_t stops = 1 + draw.below(4);
    for (std::size_t i = 0; i < stops; ++i) {
      Resource stop;
      stop.kind = draw.chance(70) ? Resource::Kind::model : Resource::Kind::vendor;
      stop.name = kWords[draw.below(kWords.size())];
      while (draw.chance(25)) stop.ceilings.push_back(label());
      while (draw.chance(25)) stop.labels.push_back(label());
      route.push_back(std::move(stop));
    }
  }
};

// The rules again, as sets: a thing may take the labels that every one of its ceilings holds; what is asked and what is
// in it must be among them; and the person's own set must hold what is in it.
bool may_go(const World& w, const Resource& stop) {
  const auto& order = w.policy.labels;
  const auto down_from = [&](const std::string& top) {
    std::set<std::string> out;
    if (std::count(order.begin(), order.end(), top) == 0) return out;
    for (const std::string& l : order) {
      out.insert(l);
      if (l == top) break;
    }
    return out;
  };
  const auto glob = [](std::string pattern, std::string_view name) {
    if (pattern.find('*') == std::string::npos) return pattern == name || pattern == name.substr(0, name.find(':'));
    if (pattern == "*") return true;
    return pattern.back() == '*' ? name.starts_with(pattern.substr(0, pattern.size() - 1))
                                 : name.ends_with(pattern.substr(1));
  };
  const Rights& rights = w.policy.roles[static_cast<std::size_t>(w.who.role)];
  if (!rights.actions[static_cast<std::size_t>(Action::ask)]) return false;
  if (rights.reason && w.who.reason.empty()) return false;

  std::vector<std::string> ceilings = stop.ceilings;
  ceilings.push_back(rights.label);
  if (w.who.ceiling) ceilings.push_back(*w.who.ceiling);
  bool named = false;
  for (const CeilingRule& rule : stop.kind == Resource::Kind::model ? w.policy.models : w.policy.vendors) {
    if (!glob(rule.pattern, stop.name)) continue;
    named = true;
    ceilings.push_back(rule.ceiling);
  }
  if (stop.kind == Resource::Kind::vendor && !named) ceilings.push_back(order.front());
  if (stop.kind == Resource::Kind::model) {
    const auto any = [&](const std::vector<std::string>& list) {
      return std::any_of(list.begin(), list.end(), [&](const std::string& p) { return glob(p, stop.name); });
    };
    if (!any(rights.models) || (w.who.models && !any(*w.who.models))) return false;
  }
  std::vector<std::string> meets = stop.labels;
  meets.insert(meets.end(), w.who.carries.begin(), w.who.carries.end());
  for (const std::string& one : {w.who.label, w.data}) {
    if (!one.empty()) meets.push_back(one);
  }
  const std::string cleared = w.who.ceiling ? *w.who.ceiling : w.who.label.empty() ? order.front() : w.who.label;
  const std::set<std::string> readable = down_from(cleared);
  for (const std::string& inside : stop.labels) {
    if (!readable.contains(inside)) return false;
  }
  meets.push_back(order.front());
  return std::all_of(ceilings.begin(), ceilings.end(), [&](const std::string& ceiling) {
    const std::set<std::string> holds = down_from(ceiling);
    return std::all_of(meets.begin(), meets.end(), [&](const std::string& l) { return holds.contains(l); });
  });
}

TEST(PolicyProperty, NoRequestCrossesACeiling) {
  std::size_t allowed = 0, denied = 0;
  for (std::uint64_t number = 0; number < kWorlds; ++number) {
    const World world(number);
    const Decision decision = decide(world.policy, world.who, Action::ask, world.route[0], world.data);
    ASSERT_EQ(decision.allowed, may_go(world, world.route[0])) << "world " << number << ", rule " << decision.rule;
    ASSERT_FALSE(decision.rule.empty());
    ASSERT_TRUE(world.policy.rank(decision.label)) << "world " << number;
    ASSERT_EQ(decision.message.empty(), decision.allowed) << "world " << number;
    ++(decision.allowed ? allowed : denied);
  }
  // A test of one answer alone would prove little.
  EXPECT_GT(allowed, kWorlds / 10);
  EXPECT_GT(denied, kWorlds / 10);
}

// Whoever tries the next of a route when one fails asks again for each: the label of what failed stays with the
// request.
TEST(PolicyProperty, NorDoesOneWhoseUpstreamsAndAdaptersFail) {
  std::size_t answered = 0, after_failure = 0;
  for (std::uint64_t number = 0; number < kWorlds; ++number) {
    World world(number);
    Draw fails(number + 1'000'000'007);
    bool failed = false;
    for (const Resource& stop : world.route) {
      const Decision decision = decide(world.policy, world.who, Action::ask, stop, world.data);
      const bool may = may_go(world, stop);
      ASSERT_EQ(decision.allowed, may) << "world " << number;
      if (!decision.allowed) continue;
      if (fails.chance(50)) {
        // It was given the request, and may have put some of its own into it.
        world.who.carries.push_back(decision.label);
        failed = true;
        continue;
      }
      ++answered;
      after_failure += failed ? 1 : 0;
      break;
    }
  }
  EXPECT_GT(answered, kWorlds / 10);
  EXPECT_GT(after_failure, kWorlds / 100);
}

// More may only be allowed by what allows more.
TEST(PolicyProperty, RaisingALabelNeverOpensAWay) {
  for (std::uint64_t number = 0; number < kWorlds / 5; ++number) {
    const World world(number);
    const Resource& stop = world.route[0];
    if (decide(world.policy, world.who, Action::ask, stop, world.data).allowed) continue;
    for (const std::string& label : world.policy.labels) {
      Principal louder = world.who;
      louder.carries.push_back(label);
      ASSERT_FALSE(decide(world.policy, louder, Action::ask, stop, world.data).allowed) << "world " << number;
    }
  }
}

}  // namespace
}  // namespace freehold::guard
