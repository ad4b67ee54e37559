// The one function that decides, rule by rule, and policy files, good and hostile.
#include "guard/policy.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/temporary_folder_testing.h"

namespace freehold::guard {
namespace {

using Kind = Resource::Kind;

Principal with(Role role) {
  Principal who;
  who.key_id = who.name = who.tenant = "k";
  who.role = role;
  return who;
}
const Resource kModel = {Kind::model, "m:latest", {}, {}};

TEST(Reasons, SaySomething) {
  for (const char* reason : {"r", "4711", "ward 3, no doctor", "\xE2\x80\x8B\xD0\xAF", "\xE6\x80\xA5", "...x"}) {
    EXPECT_TRUE(says_something(reason)) << reason;
  }
  // Blanks of all kinds, what is not seen, punctuation, a filler, what is no UTF-8.
  for (const char* reason :
       {"", "  ", "\xC2\xA0", "\xE2\x80\x8B", "\xEF\xBB\xBF", "\xE2\x80\xAE\xE2\x80\xA8", "\xE3\x80\x80", "...", "- ?!",
        "\xE2\x80\x94", "\xE3\x85\xA4", "\xCC\x81", "\xC2\xAD", "\xFF"}) {
    EXPECT_FALSE(says_something(reason)) << reason;
  }
}

TEST(DefaultPolicy, WhatEachRoleMay) {
  const Policy policy = default_policy();
  const auto may = [&](Role role) {
    Principal who = with(role);
    who.reason = "r";
    std::string out;
    for (const Action action :
         {Action::read, Action::ask, Action::keep, Action::manage, Action::records, Action::metrics}) {
      if (decide(policy, who, action, {}).allowed)
        out += std::string(out.empty() ? "" : " ") + std::string(name_of(action));
    }
    return out;
  };
  EXPECT_EQ(may(Role::admin), "read ask keep manage records metrics");
  EXPECT_EQ(may(Role::operator_), "read ask keep manage metrics");
  EXPECT_EQ(may(Role::user), "read ask keep");
  EXPECT_EQ(may(Role::auditor), "read records metrics");
  EXPECT_EQ(may(Role::break_glass), "read ask records metrics");
}

TEST(Decide, SaysWhichRule) {
  const Policy policy = default_policy();
  const Decision yes = decide(policy, with(Role::user), Action::ask, kModel);
  EXPECT_TRUE(yes.allowed);
  EXPECT_EQ(yes.rule, "roles.user.actions");
  EXPECT_EQ(yes.label, "public");
  EXPECT_EQ(decide(policy, with(Role::auditor), Action::ask, kModel).rule, "roles.auditor.actions");
  EXPECT_EQ(decide(policy, with(Role::break_glass), Action::ask, kModel).rule, "roles.break-glass.reason");
  Principal few = with(Role::admin);
  few.models = {{"other"}};
  const Decision unseen = decide(policy, few, Action::ask, kModel);
  EXPECT_TRUE(!unseen.allowed && unseen.unseen);
  EXPECT_EQ(unseen.rule, "key.models");
  EXPECT_EQ(decide(policy, few, Action::manage, {}).rule, "key.models");
}

TEST(Decide, NothingPassesACeiling) {
  Policy policy = default_policy();
  Principal who = with(Role::user);
  who.label = "internal";
  EXPECT_EQ(decide(policy, who, Action::ask, kModel).label, "internal");
  // A lower word changes nothing, a higher one counts.
  who.carries = {"public"};
  EXPECT_EQ(decide(policy, who, Action::ask, kModel).label, "internal");
  who.carries = {"personal"};
  EXPECT_EQ(decide(policy, who, Action::ask, kModel).label, "personal");
  EXPECT_EQ(decide(policy, who, Action::ask, kModel, "health").label, "health");

  Resource model = kModel;
  model.ceilings = {"health", "internal"};
  const Decision denied = decide(policy, who, Action::ask, model);
  EXPECT_FALSE(denied.allowed || denied.unseen);
  EXPECT_EQ(denied.rule, "model.ceiling");
  EXPECT_EQ(denied.label, "personal");
  EXPECT_EQ(denied.ceiling, "internal");

  policy.models = {{"m", "internal"}};
  EXPECT_EQ(decide(policy, who, Action::ask, kModel).rule, "models.m");
  policy.roles[static_cast<std::size_t>(Role::user)].label = "public";
  EXPECT_EQ(decide(policy, who, Action::ask, kModel).rule, "roles.user.label");
  who.ceiling = "internal";
  EXPECT_EQ(decide(default_policy(), who, Action::ask, kModel).rule, "key.ceiling");
}

TEST(Decide, WhatIsInAThingIsForThoseWhoAreClearedForIt) {
  const Policy policy = default_policy();
  Principal who = with(Role::user);
  Resource adapter = kModel;
  adapter.labels = {"personal"};
  EXPECT_EQ(decide(policy, who, Action::ask, adapter).rule, "key.label");
  EXPECT_NE(decide(policy, who, Action::ask, adapter).message.find("freehold keys create --ceiling personal"),
            std::string::npos);
  // To say that a request is personal clears nobody.
  who.carries = {"personal"};
  EXPECT_FALSE(decide(policy, who, Action::ask, adapter).allowed);
  who.carries.clear();
  who.label = "personal";
  EXPECT_TRUE(decide(policy, who, Action::ask, adapter).allowed);
  who.label = "internal";
  EXPECT_FALSE(decide(policy, who, Action::ask, adapter).allowed);
  who.ceiling = "health";
  const Decision cleared = decide(policy, who, Action::ask, adapter);
  EXPECT_TRUE(cleared.allowed);
  EXPECT_EQ(cleared.label, "personal") << "what comes out of it carries its label";
  // So it fits under no ceiling below.
  adapter.ceilings = {"internal"};
  EXPECT_EQ(decide(policy, who, Action::ask, adapter).rule, "model.ceiling");
}

TEST(Decide, VendorsAndExports) {
  Policy policy = default_policy();
  Principal who = with(Role::admin);
  const Resource vendor = {Kind::vendor, "openai/gpt-4o", {}, {}};
  EXPECT_TRUE(decide(policy, who, Action::ask, vendor).allowed);
  EXPECT_EQ(decide(policy, who, Action::ask, vendor, "internal").rule, "vendors");
  policy.vendors = {{"openai/*", "internal"}};
  EXPECT_TRUE(decide(policy, who, Action::ask, vendor, "internal").allowed);
  EXPECT_EQ(decide(policy, who, Action::ask, vendor, "personal").rule, "vendors.openai/*");
  const Resource log = {Kind::export_, "audit", {}, {}};
  EXPECT_TRUE(decide(policy, who, Action::records, log, "health").allowed);
  policy.exports = {{"audit", "internal"}};
  EXPECT_EQ(decide(policy, who, Action::records, log, "personal").ceiling, "internal");
}

TEST(Decide, WhatIsNotKnownIsDenied) {
  const Policy policy = default_policy();
  Principal who = with(Role::admin);
  EXPECT_EQ(decide(policy, who, Action::ask, kModel, "secret").rule, "labels");
  for (auto* text : {&who.label}) *text = "secret";
  EXPECT_EQ(decide(policy, who, Action::ask, kModel).rule, "labels");
  who.label.clear();
  who.ceiling = "secret";
  EXPECT_EQ(decide(policy, who, Action::ask, kModel).rule, "labels");
  who.ceiling = "health";
  Resource model = kModel;
  model.ceilings = {"secret"};
  EXPECT_EQ(decide(policy, who, Action::ask, model).rule, "labels");
  model.ceilings.clear();
  model.labels = {"secret"};
  EXPECT_EQ(decide(policy, who, Action::ask, model).rule, "labels");
}

TEST(Matches, StarsAndTags) {
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("m", "m") && matches("m", "m:q4") && !matches("m", "mm"));
  EXPECT_TRUE(matches("cloud-*", "cloud-x:latest") && !matches("cloud-*", "acloud-x"));
  EXPECT_TRUE(matches("*-chat:*", "a-chat-chat:q4") && matches("a*b*c", "aXbXbXc") && !matches("a*b*c", "aXbXbX"));
  // What would take for ever by trying everything.
  std::string pattern;
  for (int i = 0; i < 90; ++i) pattern += "a*";
  EXPECT_FALSE(matches(pattern + "b", std::string(200, 'a')));
}

constexpr const char* kRight = R"(version: 1
labels: [open, closed]
roles:
  user: {actions: [read, ask], models: ["small-*", tiny], label: open}
  break-glass: {actions: [read, ask], models: "*", label: closed, reason: required}
models: {"cloud-*": open}
vendors: {"openai/*": closed}
exports: {audit: open}
)";

TEST(PolicyFile, IsReadOverTheDefault) {
  const auto policy = parse_policy(kRight, "p.yaml");
  ASSERT_TRUE(policy) << policy.error().what;
  EXPECT_EQ(policy->labels, (std::vector<std::string>{"open", "closed"}));
  const Rights& user = policy->of(Role::user);
  EXPECT_TRUE(user.may(Action::ask) && !user.may(Action::keep));
  EXPECT_EQ(user.models, (std::vector<std::string>{"small-*", "tiny"}));
  EXPECT_EQ(policy->of(Role::admin).label, "closed") << "roles that are not named: up to the highest";
  EXPECT_EQ(policy->models[0].ceiling, "open");
  EXPECT_EQ(policy->vendors[0].pattern, "openai/*");
  EXPECT_EQ(policy->exports.find("audit")->second, "open");
  EXPECT_TRUE(parse_policy("version: 1\n", "p"));
}

TEST(PolicyFile, WhatIsWrongIsSaidWithItsLine) {
  const auto wrong = [](const std::string& text) {
    const auto policy = parse_policy(text, "p.yaml");
    if (policy) return std::string("accepted");
    EXPECT_EQ(policy.error().code, Errc::invalid);
    EXPECT_LT(policy.error().what.size(), 400u);
    return policy.error().what;
  };
  const std::pair<const char*, const char*> cases[] = {
      {"", "a map"},
      {"[1]", "a map"},
      {"labels: [a]\n", "version"},
      {"version: 2\n", "line 1"},
      {"version: 1\nlable: [a]\n", "did you mean 'labels'"},
      {"version: 1\nlabels: []\n", "line 2"},
      {"version: 1\nlabels: [a, a]\n", "twice"},
      {"version: 1\nlabels: [A]\n", "line 2"},
      {"version: 1\nlabels: {a: b}\n", "line 2"},
      {"version: 1\nlabels: [[a]]\n", "line 2"},
      {"version: 1\nroles:\n  root: {actions: [], models: [], label: public}\n", "line 3"},
      {"version: 1\nroles:\n  nurse: {actions: [], models: [], label: public}\n",
       "there is no role 'nurse': there are admin, operator, user, auditor and break-glass, each of which may be "
       "described anew here; others cannot be made"},
      {"version: 1\nroles:\n  user: {actions: [read], label: public}\n", "needs 'models'"},
      {"version: 1\nroles:\n  user: {actions: [fly], models: [], label: public}\n", "fly"},
      {"version: 1\nroles:\n  user: {actions: [read], models: [], label: secret}\n", "must be a label"},
      {"version: 1\nroles:\n  user: {actions: [read], models: [\"a b\"], label: public}\n", "pattern"},
      {"version: 1\nroles:\n  break-glass: {actions: [read], models: [], label: public}\n", "reason"},
      {"version: 1\nroles: [user]\n", "line 2"},
      {"version: 1\nmodels: {\"m\": secret}\n", "'m'"},
      {"version: 1\nmodels: {m: public, m: health}\n", "line 2"},
      {"version: 1\nvendors: openai\n", "line 2"},
      {"version: 1\nexports: {everything: public}\n", "everything"},
      {"version: 1\n---\nversion: 1\n", "p.yaml"},
      {"version: [", "p.yaml"},
      {"version: 1\nmodels: &a {x: *a}\n", "p.yaml"},
  };
  for (const auto& [text, says] : cases) {
    EXPECT_NE(wrong(text).find(says), std::string::npos) << text << "\n" << wrong(text);
  }
  std::string many = "version: 1\nlabels: [";
  for (int i = 0; i < 40; ++i) many += "l" + std::to_string(i) + ", ";
  EXPECT_NE(wrong(many + "x]\n").find("32"), std::string::npos);
  // Any beginning and any byte changed is an error or a policy, nothing else.
  const std::string right = kRight;
  for (std::size_t i = 0; i < right.size(); ++i) {
    wrong(right.substr(0, i));
    std::string changed = right;
    changed[i] = static_cast<char>(changed[i] ^ 0x55);
    wrong(changed);
  }
}

TEST(PolicyFile, PeopleAreReadOrSaidToBeWrong) {
  const std::string issuer =
      "version: 1\nsign_in:\n  - issuer: https://i.example\n    audience: [a, b]\n    keys: k.json\n    role: {claim: "
      "g, map: {d: user}}\n";
  const auto good = parse_policy(issuer + "    ceiling: personal\n", "/etc/freehold/p.yaml");
  ASSERT_TRUE(good) << good.error().what;
  EXPECT_EQ(good->sign_in.at(0).keys, "/etc/freehold/k.json") << "beside the policy";
  EXPECT_EQ(good->sign_in.at(0).audiences, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(good->sign_in.at(0).grant.ceiling, "personal");
  const std::string one = "version: 1\ncertificates:\n  - ";
  const std::pair<std::string, const char*> cases[] = {
      {"version: 1\nsign_in: {issuer: x}\n", "line 2"},
      {"version: 1\nsign_in: [x]\n", "must be a map"},
      {"version: 1\nsign_in:\n  - {issuer: https://i, keys: k}\n", "audience"},
      {"version: 1\nsign_in:\n  - {audience: a, keys: k}\n", "issuer"},
      {issuer + issuer.substr(issuer.find("  - ")), "twice"},
      {issuer + "    secret: x\n", "secret"},
      {issuer + "    label: secret\n", "line 7"},
      {issuer + "    label: health\n    ceiling: public\n", "ceiling"},
      {issuer + "    models: [\"a*\"]\n", "not patterns"},
      {issuer + "    models: []\n", "models"},
      {issuer + "    limits: {tokens: 1}\n", "tokens"},
      {issuer + "    limits: {concurrency: -1}\n", "concurrency"},
      {issuer + "    limits: {concurrency: 1.5}\n", "concurrency"},
      {one + "{role: user}\n", "one of dns"},
      {one + "{dns: a, cn: b, role: user}\n", "one of dns"},
      {one + "{dns: a}\n", "role"},
      {one + "{dns: a, role: root}\n", "must be a role"},
      {one + "{sha256: abcd, role: user}\n", "64 hexadecimal"},
      {one + "{ip: 10.0.0.1, role: user}\n", "ip"},
  };
  for (const auto& [text, says] : cases) {
    const auto policy = parse_policy(text, "p.yaml");
    ASSERT_FALSE(policy) << text;
    EXPECT_EQ(policy.error().code, Errc::invalid);
    EXPECT_NE(policy.error().what.find(says), std::string::npos) << text << "\n" << policy.error().what;
  }
  std::string rest = issuer.substr(issuer.find("audience"));
  for (const char* bad : {"i.example", "ftp://i", "\"https://a|b\"", "\"https://a b\"", "\"\"", "[x]"}) {
    EXPECT_FALSE(parse_policy(fmt::format("version: 1\nsign_in:\n  - issuer: {}\n    {}", bad, rest), "p")) << bad;
  }
}

TEST(PolicyFile, OfTheHome) {
  const TemporaryFolder folder;
  EXPECT_EQ(load_policy(folder.path())->labels, default_policy().labels);
  EXPECT_EQ(policy_digest(policy_path(folder.path())), "default");
  ASSERT_TRUE(write_file_atomically(policy_path(folder.path()), kRight));
  EXPECT_EQ(policy_digest(policy_path(folder.path())), sha256(std::string_view(kRight)).name());
  EXPECT_EQ(load_policy(folder.path())->lowest(), "open");
  ASSERT_TRUE(write_file_atomically(policy_path(folder.path()), std::string_view("version: x")));
  EXPECT_EQ(load_policy(folder.path()).error().code, Errc::invalid) << "a policy that cannot be read is no policy";
  EXPECT_EQ(read_policy(folder.path() / "none").error().code, Errc::not_found);
}

}  // namespace
}  // namespace freehold::guard
