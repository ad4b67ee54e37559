// Values that are longer than a recogniser reads.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "pii/masker.h"
#include "pii/scan_testing.h"

namespace freehold::pii {
namespace {

using testing::shown;

constexpr std::string_view kDrawn = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

std::string drawn(std::size_t n, std::string_view alphabet = kDrawn) {
  std::string out;
  std::uint32_t state = 4711;
  for (std::size_t i = 0; i < n; ++i) {
    state = state * 1664525u + 1013904223u;
    out += alphabet[(state >> 16) % alphabet.size()];
  }
  return out;
}

// What is found in `text`, fed in pieces of `size`.
std::vector<Finding> in_pieces(std::string_view text, std::size_t size) {
  std::vector<Finding> out;
  Scanner scanner(Profile::secrets);
  for (std::size_t at = 0; at < text.size(); at += size) scanner.feed(text.substr(at, size), out);
  scanner.finish(out);
  return out;
}

TEST(LongValues, AreFoundToTheirEnd) {
  for (const std::size_t n : {300, 1200, 4096, 5000, 20'000, 60'000}) {
    const std::string value = "q7" + drawn(n - 2);
    for (const std::string before :
         {"Authorization: Bearer ", "Authorization: Basic ", "api_key=", "{\"client_secret\":\"", "AWS_SESSION_TOKEN="})
      EXPECT_EQ(shown(before + value + "\" and on", Profile::secrets), "secret=" + value) << before << n;
    for (const std::string before : {"password=", "\"password\": \"", "curl -u me:", "mysql -p"})
      EXPECT_EQ(shown(before + value + " and on", Profile::secrets), "password=" + value) << before << n;
    const std::string jwt = "eyJhbGciOiJIUzI1NiJ9.eyJ" + value + "." + drawn(43);
    EXPECT_EQ(shown("Bearer " + jwt + ", then", Profile::secrets), "jwt=" + jwt) << n;
    EXPECT_EQ(shown("Bearer " + jwt, Profile::secrets), "jwt=" + jwt) << n;
  }
  const std::string header = "eyJ" + drawn(6000) + ".eyJ" + drawn(900) + "." + drawn(340);
  EXPECT_EQ(shown(header + "\n", Profile::secrets), "jwt=" + header) << "certificates in its first part";
  EXPECT_EQ(shown("data:application/json;base64,eyJ" + drawn(30'000), Profile::secrets), "");
}

TEST(LongValues, AreTheSameHoweverTheyAreCut) {
  for (const std::string& text :
       {"password=\"" + drawn(700, "abc12!$-,.") + "\" x", "Bearer eyJ" + drawn(5000) + ".eyJ" + drawn(3000) + ".x-. y",
        "token: \"" + drawn(140'000) + "==\"", "mysql -p" + drawn(200) + "'",
        "-----BEGIN PRIVATE KEY-----\n" + drawn(150'000) + "\n-----END PRIVATE KEY-----\n"}) {
    const std::vector<Finding> whole = scan(text, Profile::secrets);
    ASSERT_FALSE(whole.empty());
    for (const std::size_t size : {std::size_t{7}, std::size_t{61}, std::size_t{4096}, std::size_t{70'000}})
      EXPECT_EQ(in_pieces(text, size), whole) << size;
  }
}

TEST(LongValues, BecomeSeveralFindingsSideBySide) {
  for (const std::string& text :
       {"-----BEGIN RSA PRIVATE KEY-----\n" + drawn(200'000) + "\n-----END RSA PRIVATE KEY-----",
        "api_key=" + drawn(200'000)}) {
    const std::vector<Finding> found = scan(text, Profile::secrets);
    ASSERT_EQ(found.size(), 4u);
    for (std::size_t i = 1; i < found.size(); ++i) EXPECT_EQ(found[i].begin, found[i - 1].end);
    EXPECT_EQ(found.back().end, text.size());
  }
  // A mark alone does not take the whole text.
  std::string prose = "-----BEGIN PRIVATE KEY-----\n";
  while (prose.size() < 200'000) prose += "all is well and nothing to be seen here. ";
  EXPECT_EQ(scan(prose, Profile::secrets).size(), 1u);
}

TEST(LongValues, BlocksOfPrivateKeys) {
  const std::string body = drawn(64) + "\n" + drawn(64) + "\n" + drawn(30) + "==\n";
  for (const std::string& key : std::initializer_list<std::string>{
           "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment: \"mine\"\n" + body +
               "---- END SSH2 ENCRYPTED PRIVATE KEY ----",
           "-----BEGIN%20EC%20PRIVATE%20KEY-----%0A" + drawn(90) + "%3D%0A-----END%20EC%20PRIVATE%20KEY-----",
           "-----BEGIN+PRIVATE+KEY-----%0D%0A" + drawn(90) + "%0D%0A-----END+PRIVATE+KEY-----",
           "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n" + body + "=abcd\n-----END PGP PRIVATE KEY BLOCK-----"})
    for (const char* after : {"", "\nand on", "&x=1"})
      EXPECT_EQ(shown(key + after, Profile::secrets), "private_key=" + key);
  const std::string before = "PuTTY-User-Key-File-3: ssh-rsa\nPublic-Lines: 1\n" + drawn(64) + "\nPrivate-Lines: 3\n";
  for (const char* after : {"Private-MAC: 00112233", "", "Private-Hash: 00112233\n"})
    EXPECT_EQ(shown(before + body + after, Profile::secrets), "private_key=" + body.substr(0, body.size() - 1));
  for (const std::string& text : std::initializer_list<std::string>{
           "-----BEGIN CERTIFICATE-----\n" + body + "-----END CERTIFICATE-----", "Private-Lines: 3, of 8\nabcdef"})
    EXPECT_EQ(shown(text, Profile::secrets), "");
}

}  // namespace
}  // namespace freehold::pii
