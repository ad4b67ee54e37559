// Tokens of an issuer made here: right ones pass, and every attack of RFC 8725, section 2, that applies is refused.
#include "guard/sign_in.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>

#include "base/file.h"
#include "base/temporary_folder_testing.h"
#include "guard/authenticator.h"
#include "guard/policy.h"
#include "guard/token_testing.h"

namespace freehold::guard {
namespace {

using testing::base64url;
using testing::key_set;
using testing::TestKey;

constexpr std::int64_t kNow = 1'800'000'000;
constexpr const char* kIssuer = "https://login.example.org/realms/clinic";
constexpr const char* kPolicy = R"(version: 1
sign_in:
  - issuer: https://login.example.org/realms/clinic
    audience: freehold
    keys: jwks.json
    role: {claim: groups, map: {"ai-admins": admin, "doctors": user}}
    name: preferred_username
    label: personal
    ceiling: health
    models: [small]
    limits: {requests_per_minute: 60}
)";

// Keys of each kind, made once.
const TestKey& key_of(const std::string& alg) {
  static const std::map<std::string, TestKey> all = [] {
    std::map<std::string, TestKey> made;
    for (const char* name : {"RS256", "PS256", "ES256", "EdDSA"}) made.emplace(name, TestKey(name, name));
    return made;
  }();
  return all.at(alg);
}

std::string claims(const std::string& more = R"("groups":["doctors"])", const std::string& audience = "freehold",
                   std::int64_t expires = kNow + 300) {
  return fmt::format(R"({{"iss":"{}","sub":"u-1","aud":"{}","exp":{},"iat":{},{}}})", kIssuer, audience, expires,
                     kNow - 10, more);
}

class SignInTest : public ::testing::Test {
 protected:
  SignInTest() { write({key_of("RS256").jwk(), key_of("PS256").jwk(), key_of("ES256").jwk(), key_of("EdDSA").jwk()}); }
  void write(const std::vector<std::string>& jwks) {
    EXPECT_TRUE(write_file_atomically(folder_.path() / "jwks.json", key_set(jwks)));
  }
  Authenticator authenticator(const std::string& policy = kPolicy, std::vector<std::string> given = {}) {
    AuthenticatorOptions options{std::move(given), [this] { return wall_.load(); },
                                 [this] { return std::chrono::nanoseconds(steady_.load()); },
                                 parse_policy(policy, (folder_.path() / "policy.yaml").string()).value(),
                                 PersonBook::open(folder_.path()).value()};
    auto made = Authenticator::create(Keys::open(folder_.path()).value(), std::move(options));
    if (!made) ADD_FAILURE() << made.error().what;
    return std::move(made).value();
  }
  std::string refusal(const Authenticator& a, const std::string& text) {
    const Entrance in = a.judge(text);
    return in.principal ? "let in" : in.rule;
  }

  TemporaryFolder folder_;
  std::atomic<std::int64_t> wall_{kNow};
  std::atomic<std::int64_t> steady_{5'000'000'000};
};

TEST_F(SignInTest, ATokenOfEachKindPasses) {
  const Authenticator a = authenticator();
  for (const char* alg : {"RS256", "PS256", "ES256", "EdDSA"}) {
    const std::string token = key_of(alg).token(claims());
    for (int i = 0; i < 3; ++i) {
      const Entrance in = a.judge(token);
      ASSERT_TRUE(in.principal) << alg << in.rule << in.message;
      const Principal& who = *in.principal;
      EXPECT_EQ(who.key_id, std::string(kIssuer) + "|u-1");
      EXPECT_EQ(who.tenant, who.key_id);
      EXPECT_EQ(who.role, Role::user);
      EXPECT_EQ(who.label, "personal");
      EXPECT_EQ(who.ceiling, "health");
      EXPECT_EQ(who.models, Models({"small"}));
      EXPECT_EQ(who.limits.requests_per_minute, 60u);
    }
  }
}

TEST_F(SignInTest, RolesComeFromTheClaimAndNowhereElse) {
  const Authenticator a = authenticator();
  const auto role = [&](const std::string& more) {
    const Entrance in = a.judge(key_of("ES256").token(claims(more)));
    return in.principal ? std::string(name_of(in.principal->role)) : in.rule;
  };
  EXPECT_EQ(role(R"("groups":["x","doctors","ai-admins"])"), "admin") << "the file's first, not the token's";
  EXPECT_EQ(role(R"("groups":"doctors")"), "user");
  for (const char* none : {R"("groups":[])", R"("groups":["Doctors"])", R"("x":1)", R"("groups":{"doctors":1})",
                           R"("groups":["doctors",1])", R"("role":"admin")", R"("groups":null)"}) {
    EXPECT_EQ(role(none), "sign_in.role") << none;
  }
  const std::string nested = std::string(kPolicy).replace(std::string(kPolicy).find("groups"), 6, "[realm, roles]");
  const Authenticator b = authenticator(nested);
  EXPECT_TRUE(b.judge(key_of("ES256").token(claims(R"("realm":{"roles":["doctors"]})"))).principal);
  EXPECT_FALSE(b.judge(key_of("ES256").token(claims(R"("realm.roles":["doctors"])"))).principal);
  EXPECT_EQ(
      a.judge(key_of("ES256").token(claims(R"("groups":["doctors"],"preferred_username":"ann")"))).principal->name,
      "ann");
}

TEST_F(SignInTest, TimesAndPlacesAreChecked) {
  const Authenticator a = authenticator();
  const TestKey& key = key_of("EdDSA");
  const auto with = [&](const std::string& text) { return refusal(a, key.token(text)); };
  const std::string groups = R"("groups":["doctors"])";
  EXPECT_EQ(with(claims(groups, "freehold", kNow - 59)), "let in") << "clocks may differ by a minute";
  EXPECT_EQ(with(claims(groups, "freehold", kNow - 60)), "sign_in.expired");
  EXPECT_FALSE(a.judge(key.token(claims(groups, "freehold", kNow - 60))).attempt) << "that is no guessing";
  EXPECT_FALSE(a.judge(key.token(claims(groups, "elsewhere"))).attempt) << "nor is that";
  EXPECT_EQ(with(claims(groups + fmt::format(R"(,"nbf":{})", kNow + 60))), "let in");
  EXPECT_EQ(with(claims(groups + fmt::format(R"(,"nbf":{})", kNow + 61))), "sign_in.early");
  EXPECT_EQ(with(claims(groups + fmt::format(R"(,"nbf":{}.5)", kNow))), "let in");
  EXPECT_EQ(with(fmt::format(R"({{"iss":"{}","sub":"u","aud":"freehold","exp":{},"iat":{},{}}})", kIssuer, kNow + 500,
                             kNow + 90, groups)),
            "sign_in.early");
  EXPECT_EQ(with(claims(groups, "other")), "sign_in.audience");
  EXPECT_EQ(
      with(fmt::format(R"({{"iss":"{}","sub":"u","aud":["x","freehold"],"exp":{},{}}})", kIssuer, kNow + 9, groups)),
      "let in");
  for (const std::string& broken :
       {fmt::format(R"({{"iss":"{}","sub":"u","aud":"freehold",{}}})", kIssuer, groups),
        fmt::format(R"({{"iss":"{}","sub":"u","exp":{},{}}})", kIssuer, kNow + 9, groups),
        fmt::format(R"({{"iss":"{}","aud":"freehold","exp":{},{}}})", kIssuer, kNow + 9, groups),
        fmt::format(R"({{"iss":"{}","sub":"","aud":"freehold","exp":{},{}}})", kIssuer, kNow + 9, groups),
        fmt::format(R"({{"iss":"{}","sub":"a\u0000b","aud":"freehold","exp":{},{}}})", kIssuer, kNow + 9, groups),
        fmt::format(R"({{"iss":"{}","sub":"{}","aud":"freehold","exp":{},{}}})", kIssuer, std::string(256, 'x'), kNow,
                    groups),
        fmt::format(R"({{"iss":"{}","sub":1,"aud":"freehold","exp":{},{}}})", kIssuer, kNow + 9, groups),
        fmt::format(R"({{"iss":"{}","sub":"u","aud":["freehold",1],"exp":{},{}}})", kIssuer, kNow + 9, groups),
        fmt::format(R"({{"iss":"{}","sub":"u","aud":"freehold","exp":"{}",{}}})", kIssuer, kNow + 9, groups),
        fmt::format(R"({{"iss":"{}","sub":"u","aud":"freehold","exp":1e300,{}}})", kIssuer, groups),
        fmt::format(R"({{"iss":"{}","sub":"u","aud":"freehold","exp":-1,{}}})", kIssuer, groups)}) {
    EXPECT_EQ(with(broken), "sign_in.claims") << broken;
  }
  // What was let in once ends with its time.
  const std::string token = key.token(claims());
  EXPECT_EQ(refusal(a, token), "let in");
  wall_ = kNow + 300 + 60;
  EXPECT_EQ(refusal(a, token), "sign_in.expired");
}

TEST_F(SignInTest, TheKeySaysWhichAlgorithm) {
  const Authenticator a = authenticator();
  const std::string body = base64url(claims());
  const auto sent = [&](const std::string& header, const std::string& signature) {
    return refusal(a, base64url(header) + "." + body + "." + base64url(signature));
  };
  const auto head = [](const std::string& alg, const std::string& kid) {
    return fmt::format(R"({{"alg":"{}","kid":"{}"}})", alg, kid);
  };
  // No signature.
  for (const char* none : {"none", "None", "NONE", "nOnE", ""}) {
    EXPECT_EQ(sent(head(none, "RS256"), ""), "sign_in.algorithm") << none;
    EXPECT_EQ(sent(head(none, "RS256"), "x"), "sign_in.algorithm") << none;
  }
  EXPECT_EQ(sent(head("RS256", "RS256"), ""), "sign_in.signature");
  // The public key as a secret, in every form in which somebody may have it.
  for (const char* kid : {"RS256", "ES256", "EdDSA"}) {
    for (const std::string& secret : {key_of(kid).pem(), key_of(kid).jwk(), std::string()}) {
      const std::string header = head("HS256", kid);
      EXPECT_EQ(sent(header, testing::hmac_sha256(secret, base64url(header) + "." + body)), "sign_in.algorithm");
      const std::string other = head("RS256", kid);
      EXPECT_NE(sent(other, testing::hmac_sha256(secret, base64url(other) + "." + body)), "let in");
    }
  }
  // Another algorithm by the same key, or by the same word.
  for (const char* alg : {"RS256", "PS256", "ES256", "EdDSA", "RS384", "RS512", "ES384", "HS512", "dir", "RS256 "}) {
    for (const char* kid : {"RS256", "PS256", "ES256", "EdDSA"}) {
      if (std::string_view(alg) == kid) continue;
      const std::string header = head(alg, kid);
      const bool rsa = std::string_view(kid).substr(1) == "S256" && kid[0] != 'E';
      const std::string way = rsa && (std::string_view(alg) == "RS256" || std::string_view(alg) == "PS256") ? alg : kid;
      EXPECT_EQ(sent(header, key_of(kid).sign(base64url(header) + "." + body, way)), "sign_in.algorithm") << alg << kid;
    }
  }
  const std::string header = head("PS256", "PS256");
  EXPECT_EQ(sent(header, key_of("PS256").sign(base64url(header) + "." + body, "RS256")), "sign_in.signature");
  // A signature by another key of the set, and keys that are not there.
  const std::string rs = head("RS256", "RS256");
  EXPECT_EQ(sent(rs, key_of("PS256").sign(base64url(rs) + "." + body, "RS256")), "sign_in.signature");
  for (const char* kid : {"k2", "", "../jwks.json", "rs256"}) {
    const std::string wrong = head("RS256", kid);
    EXPECT_EQ(sent(wrong, key_of("RS256").sign(base64url(wrong) + "." + body, "RS256")), "sign_in.key") << kid;
  }
  const std::string bare = R"({"alg":"RS256"})";
  EXPECT_EQ(sent(bare, key_of("RS256").sign(base64url(bare) + "." + body, "RS256")), "sign_in.key")
      << "without a kid only where there is one key";
  write({key_of("RS256").jwk()});
  steady_ += 2'000'000'000;
  EXPECT_EQ(sent(bare, key_of("RS256").sign(base64url(bare) + "." + body, "RS256")), "let in");
}

TEST_F(SignInTest, KeysInTheTokenAreNotLookedAt) {
  const Authenticator a = authenticator();
  const TestKey mine("ES256", "mine");
  for (const std::string& with :
       {fmt::format(R"("jwk":{})", mine.jwk()), std::string(R"("jku":"https://evil.example/jwks.json")"),
        std::string(R"("x5u":"https://evil.example/c.pem")"), std::string(R"("x5c":["MIIB"])")}) {
    const std::string header = fmt::format(R"({{"alg":"ES256","kid":"mine",{}}})", with);
    EXPECT_EQ(refusal(a, mine.token(header, claims())), "sign_in.key") << with;
    const std::string known = fmt::format(R"({{"alg":"ES256","kid":"ES256",{}}})", with);
    EXPECT_EQ(refusal(a, mine.token(known, claims())), "sign_in.signature") << with;
    EXPECT_EQ(refusal(a, key_of("ES256").token(known, claims())), "let in") << with;
  }
  for (const char* extension :
       {R"("crit":["b64"],"b64":false)", R"("cty":"JWT")", R"("zip":"DEF")", R"("enc":"A128GCM")"}) {
    const std::string header = fmt::format(R"({{"alg":"ES256","kid":"ES256",{}}})", extension);
    EXPECT_EQ(refusal(a, key_of("ES256").token(header, claims())), "sign_in.form") << extension;
  }
}

TEST_F(SignInTest, KindsOfTokens) {
  const Authenticator a = authenticator();
  const auto typed = [&](const Authenticator& by, const std::string& type) {
    return refusal(by,
                   key_of("ES256").token(fmt::format(R"({{"alg":"ES256","kid":"ES256","typ":"{}"}})", type), claims()));
  };
  for (const char* good : {"JWT", "jwt", "at+jwt", "application/at+jwt"}) EXPECT_EQ(typed(a, good), "let in");
  for (const char* bad : {"logout+jwt", "dpop+jwt", "secevent+jwt", "JOSE"}) EXPECT_EQ(typed(a, bad), "sign_in.type");
  const Authenticator strict = authenticator(std::string(kPolicy) + "    type: at+JWT\n");
  EXPECT_EQ(typed(strict, "at+jwt"), "let in");
  EXPECT_EQ(typed(strict, "JWT"), "sign_in.type");
  EXPECT_EQ(refusal(strict, key_of("ES256").token(R"({"alg":"ES256","kid":"ES256"})", claims())), "sign_in.type");
}

TEST_F(SignInTest, FormsAreStrict) {
  const Authenticator a = authenticator();
  const std::string good = key_of("ES256").token(claims());
  ASSERT_EQ(refusal(a, good), "let in");
  const std::size_t dot = good.rfind('.');
  const std::string content = good.substr(0, dot), signature = good.substr(dot + 1);
  // 64 bytes are 86 characters; the last has 4 bits that belong to no byte.
  std::string other = signature;
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  other.back() = alphabet[alphabet.find(other.back()) + 1];
  EXPECT_NE(refusal(a, content + "." + other), "let in") << "another writing of the same bytes";
  const std::string bytes = from_base64url(signature).value();
  for (const std::string& wrong : {bytes.substr(0, 63), bytes + std::string(1, '\0'),
                                   std::string(1, '\0') + bytes.substr(0, 32) + std::string(1, '\0') + bytes.substr(32),
                                   bytes.substr(0, 32), std::string(64, '\0'), std::string(64, '\xFF'),
                                   bytes.substr(32) + bytes.substr(0, 32), std::string(), std::string(1000, 'x')}) {
    EXPECT_NE(refusal(a, content + "." + base64url(wrong)), "let in");
  }
  for (const std::string& wrong : {good + "=", good + " ", " " + good, good + "\n", good + ".", good + ".x", content,
                                   content + ".", "." + good, good.substr(1), good.substr(0, 5) + " " + good.substr(5),
                                   good.substr(0, 5) + "\n" + good.substr(5), content + "==." + signature}) {
    EXPECT_NE(refusal(a, wrong), "let in") << wrong;
  }
  // A key twice, blanks where none belong, other JSON, and the same in the header.
  const TestKey& key = key_of("ES256");
  const std::string twice = claims().insert(1, R"("groups":["ai-admins"],)");
  EXPECT_EQ(refusal(a, key.token(twice)), "sign_in.form");
  EXPECT_EQ(refusal(a, key.token(R"({"alg":"none","alg":"ES256","kid":"ES256"})", claims())), "sign_in.form");
  for (const std::string& text :
       {std::string("[]"), std::string("null"), claims() + "x", claims() + "{}", claims().substr(0, 20),
        "\xEF\xBB\xBF" + claims(), std::string(R"({"iss":"\ud800"})"), std::string(200, '[')}) {
    EXPECT_EQ(refusal(a, key.token(text)), "sign_in.form") << text;
  }
  const Entrance huge = a.judge(key.token(claims(R"("groups":["doctors"],"x":")" + std::string(20'000, 'x') + '"')));
  EXPECT_FALSE(huge.principal);
  EXPECT_TRUE(huge.attempt);
  // Every byte changed.
  for (std::size_t i = 0; i < good.size(); i += 3) {
    std::string changed = good;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_NE(refusal(a, changed), "let in") << i;
  }
}

TEST_F(SignInTest, OtherIssuersGoTheWayOfKeys) {
  const std::string by_hand = key_of("ES256").token(R"({"iss":"https://elsewhere.example"})");
  const Authenticator a = authenticator(kPolicy, {by_hand});
  EXPECT_TRUE(a.judge(by_hand).principal->key_id.starts_with("given-"));
  std::string theirs = claims();
  theirs.replace(theirs.find("clinic"), 6, "others");
  const Entrance in = a.judge(key_of("ES256").token(theirs));
  EXPECT_FALSE(in.principal);
  EXPECT_EQ(in.rule, "");
  EXPECT_TRUE(in.attempt);
  std::string slash = claims();
  slash.replace(slash.find("clinic"), 6, "clinic/");
  EXPECT_FALSE(a.judge(key_of("ES256").token(slash)).principal);
}

TEST_F(SignInTest, KeysOfAnIssuerAreReadAgain) {
  const Authenticator a = authenticator();
  const std::string old = key_of("ES256").token(claims());
  EXPECT_EQ(refusal(a, old), "let in");
  const TestKey next("ES256", "next");
  write({next.jwk()});
  EXPECT_EQ(refusal(a, old), "let in") << "for a moment";
  steady_ += 1'100'000'000;
  EXPECT_EQ(refusal(a, old), "sign_in.key") << "also where it had been verified";
  EXPECT_EQ(refusal(a, next.token(claims())), "let in");
  ASSERT_TRUE(write_file_atomically(folder_.path() / "jwks.json", std::string_view("{")));
  steady_ += 1'100'000'000;
  EXPECT_EQ(refusal(a, next.token(claims())), "sign_in.unreadable") << "no keys, nobody";
  ASSERT_TRUE(a.trouble());
  EXPECT_NE(a.trouble()->what.find(kIssuer), std::string::npos);
  write({next.jwk()});
  steady_ += 1'100'000'000;
  EXPECT_EQ(refusal(a, next.token(claims())), "let in");
  EXPECT_FALSE(a.trouble());
}

TEST_F(SignInTest, WhoIsBlockedIsOutWithinASecond) {
  const Authenticator a = authenticator();
  const std::string id = person_id(kIssuer, "u-1");
  const std::string token = key_of("ES256").token(claims());
  EXPECT_FALSE(a.as_before(id)) << "never been here";
  EXPECT_EQ(refusal(a, token), "let in");
  ASSERT_TRUE(a.as_before(id));
  EXPECT_EQ(*a.as_before(id), *a.judge(token).principal);
  EXPECT_TRUE(a.gone().empty());
  PersonBook book = PersonBook::open(folder_.path()).value();
  ASSERT_TRUE(book.block(id, kNow));
  steady_ += 600'000'000;
  EXPECT_EQ(refusal(a, token), "people.blocked");
  EXPECT_FALSE(a.as_before(id));
  EXPECT_EQ(a.gone(), std::vector<std::string>{id}) << "what is in memory goes";
  const Person kept = book.all().value().at(0);
  EXPECT_EQ(kept.id, id);
  EXPECT_EQ(kept.seen, kNow);
  ASSERT_TRUE(book.block(id, std::nullopt));
  ASSERT_TRUE(book.block(person_id(kIssuer, "never-seen"), kNow));
  steady_ += 600'000'000;
  EXPECT_EQ(refusal(a, token), "let in");
  std::string other = claims();
  other.replace(other.find("u-1"), 3, "never-seen");
  EXPECT_EQ(refusal(a, key_of("ES256").token(other)), "people.blocked");
  wall_ = kNow + kGoesOnFor;
  EXPECT_FALSE(a.as_before(id)) << "not seen for a week";
  const Authenticator other_policy = authenticator("version: 1\n");
  wall_ = kNow;
  EXPECT_FALSE(other_policy.as_before(id)) << "the policy has no such issuer any more";
  EXPECT_FALSE(other_policy.judge(token).principal);
}

TEST_F(SignInTest, WhatWasVerifiedIsRemembered) {
  auto policy = parse_policy(kPolicy, (folder_.path() / "policy.yaml").string()).value();
  const SignIn sign_in = SignIn::create(policy.sign_in).value();
  const Fingerprints prints;
  const std::string token = key_of("RS256").token(claims());
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(sign_in.enter(token, prints.of(token), kNow)->principal);
  EXPECT_EQ(sign_in.verifications(), 1u);
  const std::string bad = key_of("RS256").token(claims(R"("x":1)"));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(sign_in.enter(bad, prints.of(bad), kNow)->principal);
  EXPECT_EQ(sign_in.verifications(), 6u);
}

TEST_F(SignInTest, AnIssuerWithoutKeysStartsNothing) {
  ASSERT_TRUE(write_file_atomically(folder_.path() / "jwks.json", std::string_view("{}")));
  auto policy = parse_policy(kPolicy, (folder_.path() / "policy.yaml").string()).value();
  const auto made = SignIn::create(policy.sign_in);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().what.find("jwks.json"), std::string::npos);
  std::filesystem::remove(folder_.path() / "jwks.json");
  EXPECT_EQ(SignIn::create(policy.sign_in).error().code, Errc::not_found);
}

TEST_F(SignInTest, CertificatesByTheFirstRuleThatFits) {
  const std::string fingerprint(64, 'a');
  std::string colons = "AA";
  for (int i = 1; i < 32; ++i) colons += ":AA";
  const Authenticator a = authenticator(fmt::format(R"(version: 1
certificates:
  - {{dns: "*.ward.example", role: user, label: health}}
  - {{dns: host.example, role: operator}}
  - {{email: "*@clinic.example", role: auditor, limits: {{concurrency: 2}}}}
  - {{uri: "spiffe://clinic/*", role: user, models: [small]}}
  - {{cn: Warden, role: admin}}
  - {{sha256: "{}", role: admin}}
)",
                                                    colons));
  const auto judged = [&](CertificateFacts facts) {
    if (facts.not_after == 0) facts.not_after = kNow + 1;
    if (facts.fingerprint.empty()) facts.fingerprint = std::string(64, 'b');
    const Entrance in = a.judge(facts);
    return in.principal ? fmt::format("{} {}", name_of(in.principal->role), in.principal->key_id) : in.rule;
  };
  EXPECT_EQ(judged({.dns = {"x", "b3.ward.example", "host.example"}}), "user certificate|dns:b3.ward.example");
  EXPECT_EQ(judged({.dns = {"host.example"}}), "operator certificate|dns:host.example");
  EXPECT_EQ(judged({.email = {"ann@clinic.example"}}), "auditor certificate|email:ann@clinic.example");
  EXPECT_EQ(judged({.uri = {"spiffe://clinic/ward3"}}), "user certificate|uri:spiffe://clinic/ward3");
  EXPECT_EQ(judged({.common_name = "Warden"}), "admin certificate|cn:Warden");
  EXPECT_EQ(judged({.fingerprint = fingerprint}), "admin certificate|sha256:" + fingerprint);
  for (const CertificateFacts& stranger :
       {CertificateFacts{},
        CertificateFacts{.dns = {"ward.example", "host.example:1", "xhost.example", "a.ward.example.evil"}},
        CertificateFacts{.common_name = "host.example"}, CertificateFacts{.common_name = "warden"},
        CertificateFacts{.dns = {"Warden"}}, CertificateFacts{.uri = {"host.example"}},
        CertificateFacts{.email = {"ann\n@clinic.example"}}, CertificateFacts{.email = {"\xFF@clinic.example"}}}) {
    EXPECT_EQ(judged(stranger), "certificates");
  }
  EXPECT_EQ(judged({.common_name = "Warden", .not_after = kNow}), "certificates.expired") << "while a connection lasts";
  const std::string ward = "certificate|dns:b3.ward.example";
  EXPECT_EQ(a.as_before(ward)->label, "health");
  ASSERT_TRUE(PersonBook::open(folder_.path())->block(ward, kNow));
  steady_ += 600'000'000;
  EXPECT_EQ(judged({.dns = {"b3.ward.example"}}), "people.blocked");
  EXPECT_FALSE(a.as_before(ward));
}

TEST(KeySets, WhatIsNoKeyIsSaid) {
  const TestKey& rs = key_of("RS256");
  const TestKey small("RS256", "small", 1024);
  std::string off = key_of("ES256").jwk();
  const std::size_t x = off.find("\"x\":\"") + 5;
  off[x] = off[x] == 'A' ? 'B' : 'A';
  const std::pair<std::string, const char*> cases[] = {
      {"", "JSON"},
      {"[]", "\"keys\""},
      {R"({"keys":{}})", "\"keys\""},
      {R"({"keys":[]})", "no key"},
      {R"({"keys":[1]})", "key 1"},
      {key_set({R"({"kty":"oct","k":"c2VjcmV0","alg":"HS256"})"}), "secret"},
      {key_set({rs.jwk(R"(,"d":"AQ")")}), "secret"},
      {key_set({rs.jwk(), rs.jwk()}), "twice"},
      {key_set({small.jwk()}), "1024 bits"},
      {key_set({off}), "not on P-256"},
      {key_set({R"({"kty":"OKP","crv":"Ed25519","x":"AQ"})"}), "32 bytes"},
      {key_set(
           {R"({"kty":"OKP","crv":"Ed25519","x":")" + base64url(std::string("\x01") + std::string(31, '\0')) + "\"}"}),
       "no public key"},
      {key_set({R"({"kty":"RSA","n":"!!","e":"AQAB"})"}), "base64url"},
      {key_set({R"({"kty":"RSA","n":")" + base64url(std::string(256, '\xFF')) + R"(","e":"AQ"})"}), "no RSA key"},
      {key_set({R"({"kty":"RSA","alg":"RSA-OAEP","use":"enc","n":"AQ","e":"AQ"})"}), "no key"},
      {key_set({R"({"kty":"EC","crv":"P-521","x":"AQ","y":"AQ"})"}), "no key"},
      {R"({"keys":[],"keys":[]})", "twice"},
      {key_set(std::vector<std::string>(65, "{}")), "64"},
  };
  for (const auto& [text, says] : cases) {
    const auto set = KeySet::parse(text);
    ASSERT_FALSE(set) << text;
    EXPECT_NE(set.error().what.find(says), std::string::npos) << text << "\n" << set.error().what;
  }
  const auto mixed = KeySet::parse(key_set({R"({"kty":"EC","crv":"P-521"})", rs.jwk(), R"({"kty":"new"})"}));
  ASSERT_TRUE(mixed) << mixed.error().what;
  EXPECT_EQ(mixed->keys().size(), 1u);
}

}  // namespace
}  // namespace freehold::guard
