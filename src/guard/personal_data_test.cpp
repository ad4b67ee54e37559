// Rules for personal data: how they are read, and which one decides.
#include "guard/personal_data.h"

#include <gtest/gtest.h>

#include "guard/policy.h"

namespace freehold::guard {
namespace {

Result<Policy> with_rules(const std::string& rules) {
  return parse_policy("version: 1\npersonal_data:\n" + rules, "p.yaml");
}

Treatment decided(const Policy& policy, Way way, pii::Kind kind, Role role = Role::user, std::string_view label = {},
                  std::string_view model = "m:latest") {
  return treatments(policy, way, role, label, model).at(kind);
}

TEST(PersonalData, WithoutRulesEverythingPasses) {
  const Policy policy = default_policy();
  for (std::size_t way = 0; way < kWays; ++way) {
    EXPECT_FALSE(treatments(policy, static_cast<Way>(way), Role::user, "health", "m").any());
  }
}

TEST(PersonalData, TheFirstRuleThatFitsDecides) {
  const auto policy = with_rules(
      "  - {where: request, kinds: [email, card], do: allow, label: personal}\n"
      "  - {where: request, kinds: [email], do: mask, models: [\"small-*\"]}\n"
      "  - {where: request, kinds: financial, do: block, roles: [user]}\n"
      "  - {where: answer, kinds: \"*\", do: mask}\n"
      "  - {where: request, kinds: \"*\", do: pseudonymise, restore: none}\n");
  ASSERT_TRUE(policy) << policy.error().what;
  using enum pii::Kind;
  EXPECT_EQ(decided(*policy, Way::request, email), Treatment::pseudonymise);
  EXPECT_EQ(decided(*policy, Way::request, email, Role::user, "public", "small-1:q4"), Treatment::mask);
  EXPECT_EQ(decided(*policy, Way::request, email, Role::user, "health", "small-1:q4"), Treatment::allow);
  EXPECT_EQ(decided(*policy, Way::request, email, Role::user, "no such label"), Treatment::allow);
  EXPECT_EQ(decided(*policy, Way::request, card), Treatment::block);
  EXPECT_EQ(decided(*policy, Way::request, card, Role::admin), Treatment::pseudonymise);
  EXPECT_EQ(decided(*policy, Way::answer, card), Treatment::mask);
  EXPECT_EQ(decided(*policy, Way::log, card), Treatment::allow);
  const Treatments asked = treatments(*policy, Way::request, Role::user, "public", "m");
  EXPECT_EQ(asked.rule[static_cast<std::size_t>(card)], 3);
  EXPECT_FALSE(asked.restore);
  EXPECT_TRUE(asked.any() && asked.has(Treatment::block) && !asked.has(Treatment::mask));
  EXPECT_EQ(asked.profile, pii::Profile::gdpr);
}

TEST(PersonalData, ARuleForRequestsHoldsOnTheWayToAVendor) {
  const auto policy = with_rules(
      "  - {where: vendor, kinds: email, do: mask}\n"
      "  - {where: request, kinds: [email, card], do: local_only}\n");
  ASSERT_TRUE(policy) << policy.error().what;
  EXPECT_EQ(decided(*policy, Way::vendor, pii::Kind::email), Treatment::mask);
  EXPECT_EQ(decided(*policy, Way::vendor, pii::Kind::card), Treatment::local_only);
  EXPECT_EQ(decided(*policy, Way::request, pii::Kind::email), Treatment::local_only);
}

TEST(PersonalData, AProfileIsNamedInAMap) {
  const auto policy = parse_policy(
      "version: 1\npersonal_data: {profile: hipaa, rules: [{where: answer, kinds: [date, secrets], do: mask}]}", "p");
  ASSERT_TRUE(policy) << policy.error().what;
  const Treatments given = treatments(*policy, Way::answer, Role::user, {}, "m");
  EXPECT_EQ(given.profile, pii::Profile::hipaa);
  EXPECT_EQ(given.at(pii::Kind::date), Treatment::mask);
  EXPECT_EQ(given.at(pii::Kind::jwt), Treatment::mask);
  EXPECT_EQ(given.at(pii::Kind::secret), Treatment::mask);
}

TEST(PersonalData, WhatIsLearnedAndRunHasRulesOfItsOwn) {
  const auto policy = with_rules(
      "  - {where: training, kinds: card, do: block, label: personal}\n"
      "  - {where: training, kinds: financial, do: report}\n"
      "  - {where: run, kinds: email, do: mask}\n");
  ASSERT_TRUE(policy) << policy.error().what;
  EXPECT_EQ(decided(*policy, Way::training, pii::Kind::card), Treatment::report);
  EXPECT_EQ(decided(*policy, Way::training, pii::Kind::card, Role::admin, "health"), Treatment::block);
  EXPECT_EQ(decided(*policy, Way::run, pii::Kind::email), Treatment::mask);
  EXPECT_EQ(decided(*policy, Way::run, pii::Kind::card), Treatment::allow);
  for (const Way way : {Way::request, Way::answer, Way::vendor, Way::log}) {
    EXPECT_FALSE(treatments(*policy, way, Role::user, "health", "m").any());
  }
  for (const char* wrong :
       {"{where: training, kinds: card, do: pseudonymise}", "{where: run, kinds: card, do: local_only}",
        "{where: request, kinds: card, do: report}", "{where: log, kinds: card, do: report}"}) {
    EXPECT_FALSE(with_rules(std::string("  - ") + wrong + "\n")) << wrong;
  }
}

TEST(PersonalData, GroupsCoverAllKindsOnce) {
  Kinds all;
  for (const char* name :
       {"names", "places", "times", "contacts", "financial", "national", "medical", "identifiers", "secrets"}) {
    const Kinds kinds = kinds_from_name(name);
    EXPECT_TRUE(kinds.any() && (all & kinds).none()) << name;
    EXPECT_FALSE(pii::kind_from_name(name)) << name;
    all |= kinds;
  }
  EXPECT_TRUE(all.all());
  EXPECT_TRUE(kinds_from_name("nothing").none());
}

TEST(PersonalData, WhatIsWrongIsSaidWithItsLine) {
  const struct {
    const char* rules;
    const char* message;
  } kCases[] = {
      {"  3\n", "line 3: 'personal_data' must be a list of rules"},
      {"  - 3\n", "line 3: a rule is a map"},
      {"  - {where: answer, kinds: [card]}\n", "a rule needs 'do'"},
      {"  - {where: answers, kinds: [card], do: mask}\n", "'where' is request, answer, vendor, log, training or run"},
      {"  - {where: answer, kinds: [card], do: hide}\n", "'do' is allow, mask"},
      {"  - {where: answer, kinds: [card], do: pseudonymise}\n", "'pseudonymise' cannot be done where: answer"},
      {"  - {where: log, kinds: [card], do: block}\n", "'block' cannot be done where: log"},
      {"  - {where: answer, kinds: [emial], do: mask}\n", "did you mean 'email'?"},
      {"  - {where: answer, kinds: [], do: mask}\n", "'kinds' names at least one"},
      {"  - {where: answer, kinds: [date], do: mask}\n", "write 'profile: hipaa'"},
      {"  - {where: answer, kinds: [card], do: mask, label: secret}\n", "'label' must be a label"},
      {"  - {where: answer, kinds: [card], do: mask, roles: [nurse]}\n", "there is no role 'nurse'"},
      {"  - {where: answer, kinds: [card], do: mask, models: []}\n", "'models' names at least one"},
      {"  - {where: answer, kinds: [card], do: mask, restore: asker}\n", "'restore' is for"},
      {"  - {where: vendor, kinds: [card], do: pseudonymise, restore: all}\n", "'restore' is asker or none"},
      {"  - {where: answer, kinds: [card], do: mask, model: m}\n", "did you mean 'models'?"},
      {"  - {where: run, kinds: [card], do: mask, roles: [user]}\n", "where: run has no 'roles'"},
      {"  - {where: run, kinds: [card], do: mask, label: personal}\n", "where: run has no 'label'"},
      {"  {profile: gdpr}\n", "'personal_data' needs 'rules'"},
      {"  {profile: strict, rules: []}\n", "'profile' is hipaa, gdpr or secrets"},
  };
  for (const auto& one : kCases) {
    const auto policy = with_rules(one.rules);
    ASSERT_FALSE(policy) << one.rules;
    EXPECT_EQ(policy.error().code, Errc::invalid);
    EXPECT_NE(policy.error().what.find(one.message), std::string::npos) << policy.error().what;
    EXPECT_TRUE(policy.error().what.starts_with("p.yaml: line ")) << policy.error().what;
  }
}

}  // namespace
}  // namespace freehold::guard
