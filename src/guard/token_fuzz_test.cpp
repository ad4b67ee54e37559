// The fuzzer's door (token_fuzz_testing.h) with inputs made by hand: nothing breaks what must hold, and what is wrong
// is refused.
#include <gtest/gtest.h>

#include "guard/token_fuzz_testing.h"
#include "guard/token_testing.h"

namespace freehold::guard {
namespace {

using testing::base64url;
using testing::broken_of_keys;
using testing::broken_of_sign_in;
using testing::broken_of_token;
using testing::key_set;
using testing::TestKey;

constexpr const char* kClaims = R"({"iss":"https://a.example","sub":"u","aud":["a","b"],"exp":1800000000})";

std::string token(const std::string& header, const std::string& claims, const std::string& signature = "sig") {
  return base64url(header) + "." + base64url(claims) + "." + base64url(signature);
}

TEST(TokenFuzz, RightOnesAreTakenAndHold) {
  const std::string right = token(R"({"alg":"ES256","kid":"k1","typ":"at+jwt"})", kClaims);
  ASSERT_TRUE(parse_token(right));
  EXPECT_EQ(broken_of_token(right), "");
  const TestKey key("ES256");
  const std::string json = key_set({key.jwk()});
  ASSERT_TRUE(KeySet::parse(json));
  EXPECT_EQ(broken_of_sign_in(json + std::string(1, '\0') + right), "");
}

TEST(TokenFuzz, BadTokensAreRefused) {
  const std::string head = base64url(R"({"alg":"RS256"})"), claims = base64url(kClaims);
  const std::string bad[] = {
      "",
      ".",
      "..",
      "...",
      "a.b.c",
      head + "." + claims,
      head + "." + claims + ".a.b",
      head + "=." + claims + ".",     // padding
      head + "." + claims + ".A",     // bits that are left over
      head + "." + claims + ".AB",    // the same: not zero
      head + "." + claims + ".a+b/",  // the other alphabet
      "\n" + head + "." + claims + ".",
      head + " ." + claims + ".",
      token("[]", kClaims),
      token("{}", kClaims),
      token(R"({"alg":1})", kClaims),
      token(R"({"alg":null})", kClaims),
      token(R"({"alg":"RS256","alg":"none"})", kClaims),
      token(R"( {"alg":"RS256"})", kClaims),
      token("\xEF\xBB\xBF{\"alg\":\"RS256\"}", kClaims),
      token(R"({"alg":"RS256","crit":["b64"]})", kClaims),
      token(R"({"alg":"RS256","zip":"DEF"})", kClaims),
      token(R"({"alg":"RS256","cty":"JWT"})", kClaims),
      token(R"({"alg":"RS256","kid":["a"]})", kClaims),
      token(R"({"alg":"RS256"})", "[1]"),
      token(R"({"alg":"RS256"})", "{\"a\":\"\xFF\"}"),
      token(R"({"alg":"RS256"})", std::string(100, '[')),
      token(R"({"alg":"RS256"})", "{}" + std::string(1, '\0')),
      token(R"({"alg":"RS256"})", kClaims) + "\n",
      token(R"({"alg":"RS256"})", std::string(kLongestToken, ' ')),
  };
  for (const std::string& text : bad) {
    EXPECT_FALSE(parse_token(text)) << text.substr(0, 100);
    EXPECT_EQ(broken_of_token(text), "") << text.substr(0, 100);
  }
  // A byte that is gone or changed anywhere breaks nothing.
  const std::string right = token(R"({"alg":"ES256","kid":"k1"})", kClaims);
  for (std::size_t i = 0; i < right.size(); ++i) {
    for (const char c : {'.', '=', 'A', '_', '\0', '\xFF'}) {
      std::string other = right;
      other[i] = c;
      EXPECT_EQ(broken_of_sign_in(other), "") << i;
    }
    EXPECT_EQ(broken_of_sign_in(right.substr(0, i)), "");
  }
}

TEST(TokenFuzz, ClaimsOfTheWrongTypeAreRefused) {
  for (const char* claims :
       {R"({"sub":"u","aud":"a","exp":1})", R"({"iss":1,"sub":"u","aud":"a","exp":1})",
        R"({"iss":"i","sub":"","aud":"a","exp":1})", R"({"iss":"i","sub":" u","aud":"a","exp":1})",
        R"({"iss":"i","sub":"u\u0000","aud":"a","exp":1})", R"({"iss":"i","sub":"u","aud":{},"exp":1})",
        R"({"iss":"i","sub":"u","aud":["a",1],"exp":1})", R"({"iss":"i","sub":"u","aud":"a"})",
        R"({"iss":"i","sub":"u","aud":"a","exp":"1"})", R"({"iss":"i","sub":"u","aud":"a","exp":-1})",
        R"({"iss":"i","sub":"u","aud":"a","exp":1e300})", R"({"iss":"i","sub":"u","aud":"a","exp":1800000000000})",
        R"({"iss":"i","sub":"u","aud":"a","exp":1,"nbf":true})",
        R"({"iss":"i","sub":"u","aud":"a","exp":1,"iat":[]})"}) {
    const std::string text = token(R"({"alg":"ES256"})", claims);
    const auto parsed = parse_token(text);
    ASSERT_TRUE(parsed) << claims;
    EXPECT_FALSE(claims_of(parsed->claims)) << claims;
    EXPECT_EQ(broken_of_token(text), "") << claims;
  }
}

TEST(TokenFuzz, BadKeySetsAreRefused) {
  const std::string x(32, '\1'), n(256, '\xFF');
  const auto one = [](const std::string& key) { return R"({"keys":[)" + key + "]}"; };
  const auto rsa = [&](const std::string& modulus, const std::string& e) {
    return one(fmt::format(R"({{"kty":"RSA","n":"{}","e":"{}"}})", base64url(modulus), base64url(e)));
  };
  const std::string good = TestKey("EdDSA").jwk();
  const std::string bad[] = {
      "",
      "{}",
      "[]",
      R"({"keys":{}})",
      R"({"keys":[]})",
      R"({"keys":[1]})",
      R"({"keys":[[]]})",
      one(good + "," + good),
      one(R"({"kty":"oct","k":"AAAA"})"),
      one(good.substr(0, good.size() - 1) + R"(,"d":"AAAA"})"),
      one(R"({"kty":"EC","crv":"P-256","x":")" + base64url(x) + R"(","y":")" + base64url(x) + "\"}"),
      one(R"({"kty":"EC","crv":"P-256","x":")" + base64url(x) + "\"}"),
      one(R"({"kty":"EC","crv":"P-521","x":"AA","y":"AA"})"),
      one(R"({"kty":"OKP","crv":"Ed25519","x":")" + base64url(std::string(32, '\0')) + "\"}"),  // of small order
      one(R"({"kty":"OKP","crv":"Ed25519","x":")" + base64url(std::string(31, '\1')) + "\"}"),
      one(R"({"kty":"OKP","crv":"Ed25519","x":""})"),
      one(R"({"kty":"OKP","crv":"Ed25519","x":7})"),
      one(R"({"kty":["RSA"],"n":"AA","e":"AQAB"})"),
      rsa(n, std::string(1, '\1')),
      rsa(n, std::string(1, '\2')),
      rsa(n, std::string(9, '\xFF')),
      rsa(n.substr(1), "\1" + std::string(1, '\0') + "\1"),
      rsa(std::string(1100, '\xFF'), "\3"),
      rsa("", "\3"),
      one(R"({"kty":"RSA","n":"a=","e":"AQAB"})"),
  };
  for (const std::string& json : bad) {
    EXPECT_FALSE(KeySet::parse(json)) << json.substr(0, 120);
    EXPECT_EQ(broken_of_keys(json), "") << json.substr(0, 120);
  }
  std::string many = R"({"keys":[)";
  for (int i = 0; i < 65; ++i) many += std::string(i > 0 ? "," : "") + R"({"kty":"x"})";
  EXPECT_FALSE(KeySet::parse(many + "]}"));
  const std::string right = key_set({good});
  for (std::size_t i = 0; i < right.size(); ++i) {
    std::string other = right;
    other[i] = '"';
    EXPECT_EQ(broken_of_sign_in(other + std::string(1, '\0') + "a.b.c"), "") << i;
    EXPECT_EQ(broken_of_sign_in(right.substr(0, i)), "") << i;
  }
}

}  // namespace
}  // namespace freehold::guard
