// Keys by their makers' forms, passwords on command lines, addresses of wallets.
#include "pii/keys.h"

#include <gtest/gtest.h>

#include <string>

#include "pii/scan_testing.h"

namespace freehold::pii {
namespace {

using testing::shown;

// `n` letters of an alphabet that look random.
std::string random_text(std::size_t n, std::string_view alphabet) {
  std::string out;
  std::uint32_t state = 12345;
  for (std::size_t i = 0; i < n; ++i) {
    state = state * 1664525u + 1013904223u;
    out += alphabet[(state >> 16) % alphabet.size()];
  }
  return out;
}
std::string hex(std::size_t n) {
  return random_text(n, "0123456789abcdef");
}
std::string letters(std::size_t n) {
  return random_text(n, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
}
std::string capitals(std::size_t n) {
  return random_text(n, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
}
std::string uuid() {
  return hex(8) + "-" + hex(4) + "-4" + hex(3) + "-a" + hex(3) + "-" + hex(12);
}

TEST(Keys, ByTheirMakersForms) {
  for (const std::string& key :
       std::initializer_list<std::string>{"SK" + hex(32),
                                          "8123456789:AA" + letters(33),
                                          "rzp_live_" + letters(14),
                                          "re_" + letters(8) + "_" + letters(24),
                                          "fw_" + letters(24),
                                          hex(32) + "-us12",
                                          "ntn_" + letters(46),
                                          "pat" + letters(14) + "." + hex(64),
                                          "glsa_" + letters(32) + "_" + hex(8),
                                          "NRAK-" + capitals(27),
                                          "7" + letters(13) + ".atlasv1." + letters(67),
                                          letters(14) + ".atlasv1." + letters(67),
                                          "dp.pt." + letters(43),
                                          "sbp_" + hex(40),
                                          "pscale_tkn_" + letters(43),
                                          "LTAI" + letters(20),
                                          "N" + letters(23) + "." + letters(6) + "." + letters(38),
                                          "EAA" + letters(120),
                                          "CFPAT-" + letters(43),
                                          "xkeysib-" + hex(64) + "-" + letters(16),
                                          "pat-na1-" + uuid(),
                                          "tfp_" + letters(44),
                                          "dt0c01." + capitals(24) + "." + capitals(64),
                                          "duffel_live_" + letters(43),
                                          "FLWSECK-" + hex(32) + "-X",
                                          "aio_" + letters(28),
                                          "pul-" + hex(40),
                                          "HRKU-" + letters(60),
                                          "pnu_" + letters(36),
                                          "rdme_" + hex(70),
                                          "sdk-" + uuid(),
                                          "v1.0-" + hex(24) + "-" + hex(146),
                                          "ATATT3" + letters(180) + "=" + random_text(8, "0123456789ABCDEF"),
                                          "dapi" + hex(32),
                                          "PMAK-" + hex(24) + "-" + hex(34),
                                          "hvs." + letters(90),
                                          "npm_" + letters(36),
                                          "sntryu_" + hex(64),
                                          "1/" + random_text(16, "123456789") + ":" + hex(32),
                                          "SG." + letters(22) + "." + letters(43)}) {
    EXPECT_EQ(shown(key), "api_key=" + key);
    EXPECT_EQ(shown("TOKEN=" + key + "\n", Profile::secrets), "api_key=" + key);
    EXPECT_EQ(shown("I pasted " + key + " there"), "api_key=" + key);
  }
}

TEST(Keys, WhatOnlyLooksLikeThem) {
  for (const std::string& text : std::initializer_list<std::string>{
           "sk-" + std::string(40, 'x'), std::string("sk-learn-contrib-and-other-words-of-this-kind"), "SK" + hex(31),
           "api-version-and-something", std::string("sdk-manager-tools"), "Patch " + hex(40), "sha256:" + hex(64),
           std::string("pat-na1-and-more"), std::string("Networks.Modules.ConfigurationManagerOfEverything"),
           std::string("12345678:AA")})
    EXPECT_EQ(shown(text, Profile::secrets), "") << text;
}

TEST(Keys, WithinAddresses) {
  const std::string key = "npm_" + letters(36);
  for (const std::string& address : std::initializer_list<std::string>{
           "https://" + key + "@git.example.com/a/b.git", "https://example.com/x?api_key=" + letters(32),
           "https://hooks.slack.com/services/T0" + capitals(8) + "/B0" + capitals(9) + "/" + letters(24),
           "https://api.telegram.org/bot812345678:AA" + letters(33) + "/sendMessage",
           "https://acme.blob.core.windows.net/c?sv=2022&sig=" + letters(43) + "%3D"}) {
    EXPECT_EQ(shown("see " + address, Profile::secrets).find(address) != std::string::npos, true) << address;
    EXPECT_EQ(shown("see " + address).find("url="), std::string::npos) << address;
  }
  EXPECT_EQ(shown("redis://:s3cretword@cache:6379", Profile::secrets), "password=redis://:s3cretword@cache:6379");
  EXPECT_EQ(shown("https://git@example.com/a?key=value&page=2"), "url=https://git@example.com/a?key=value&page=2");
}

TEST(Keys, PasswordsOfCommands) {
  EXPECT_EQ(shown("mysql -u root -p'Gr33n&tea'"), "password=Gr33n&tea");
  EXPECT_EQ(shown("mysqldump -h db -u root -pgreentea shop > x"), "password=greentea");
  EXPECT_EQ(shown("sshpass -p green4tea ssh -p 2222 root@host"), "password=green4tea");
  EXPECT_EQ(shown("curl -u anna:greentea https://example.com").substr(0, 17), "password=greentea");
  EXPECT_EQ(shown("redis-cli -h cache -a greentea9 ping"), "password=greentea9");
  EXPECT_EQ(shown("tool --password greenteaisgood --verbose"), "password=greenteaisgood");
  EXPECT_EQ(shown("PGPASSWORD=greenteax psql"), "password=greenteax");
  for (const char* text : {"mysql -u root -p shop", "mysql -p$PASS shop", "ssh -p 2222 host", "mkdir -p folder/name",
                           "docker run -p 8080:80 image", "curl -u $NAME:$TOKEN", "sshpass -p \"$PW\" ssh host",
                           "the --password option is deprecated"})
    EXPECT_EQ(shown(text, Profile::secrets), "") << text;
}

TEST(Keys, NamesThatEndWithTheirWord) {
  const std::string key = "m/" + letters(38);
  EXPECT_EQ(shown("\"SecretAccessKey\": \"" + key + "\""), "secret=" + key);
  EXPECT_EQ(shown("AccountKey=" + letters(86) + "==;"), "secret=" + letters(86) + "==");
  EXPECT_EQ(shown("userPassword = \"greentea\""), "password=greentea");
  EXPECT_EQ(shown("app.secret=qHgTzWbVnKdRxMcPjLsFyQwEuZtB"), "secret=qHgTzWbVnKdRxMcPjLsFyQwEuZtB");
  EXPECT_EQ(shown("bob:$apr1$Ab3dEf9h$0123456789abcdefGHIJKL").find("password="), 0u);
  EXPECT_EQ(shown("primaryKey: \"customer_identifier\"", Profile::secrets), "");
  EXPECT_EQ(shown("app.secret=MyLongClassNameOfSecrets", Profile::secrets), "");
  EXPECT_EQ(shown("resetPassword(user.name)", Profile::secrets), "");
  EXPECT_EQ(shown("costs $6 and $5 of $10", Profile::secrets), "");
}

TEST(Keys, PasswordsWithBlanks) {
  for (const std::string value : {"grün tea & 7 cups", "one two three four", "a b 12", "It is late, isn't it?"}) {
    EXPECT_EQ(shown("{\"password\": \"" + value + "\", \"user\": \"bob smith\"}", Profile::secrets),
              "password=" + value);
    EXPECT_EQ(shown("  passwd: \"" + value + "\"\n", Profile::secrets), "password=" + value);
    EXPECT_EQ(shown("{\\\"passphrase\\\":\\\"" + value + "\\\",\\\"x\\\":1}", Profile::secrets), "password=" + value);
    EXPECT_EQ(shown("<password>" + value + "</password>", Profile::secrets), "password=" + value);
    EXPECT_EQ(shown("<DbPassword>" + value + "</DbPassword>", Profile::secrets), "password=" + value);
    EXPECT_EQ(shown("<w:Password Type=\"#Text\" x='1'>" + value + "</w:Password>", Profile::secrets),
              "password=" + value);
    EXPECT_EQ(shown("<password kind=\"plain\">" + value + "</password>"), "password=" + value);
  }
  EXPECT_EQ(shown("PGPASSWORD='Tr4!uWn8Qz a b' psql -c 'select 1'", Profile::secrets), "password=Tr4!uWn8Qz a b");
  EXPECT_EQ(shown("password = \"a \\\" b 7\" # x \"", Profile::secrets), "password=a \\\" b 7");
  for (const char* text :
       {"<label for=\"password\">Enter it here</label>", "<password/>some text</x>", "</password>some text</x>",
        "{\"password\": \"\", \"user\": \"bob smith\"}", "<password>\n  <min>8 letters</min>\n</password>",
        "\"password\" is \"what one knows\"", "passwords: 'tis late, don't"})
    EXPECT_EQ(shown(text, Profile::secrets), "") << text;
}

TEST(Keys, Wallets) {
  for (const std::string& address : std::initializer_list<std::string>{
           std::string("rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh"), std::string("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"),
           std::string("ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9"),
           std::string("DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L"),
           "4" + random_text(94, "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")}) {
    EXPECT_EQ(shown("sent to " + address + " today"), "crypto_wallet=" + address);
    std::string wrong = address;
    std::swap(wrong[10], wrong[11]);
    if (address.size() < 90) {
      EXPECT_EQ(shown("sent to " + wrong + " today").find("crypto_wallet"), std::string::npos);
    }
  }
  EXPECT_EQ(shown("solana wallet: 9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM"),
            "crypto_wallet=9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM");
  EXPECT_EQ(shown("hash 9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM"), "");
}

TEST(Keys, Devices) {
  const std::string id = "D7E92DCD-9DC1-4F01-AC94-6E4F40387B1E";
  EXPECT_EQ(shown("device serial " + id), "device_id=" + id);
  EXPECT_EQ(shown("Serial number ABCDEFAB-9DC1-4F01-AC94-6E4F40387B1E"),
            "device_id=ABCDEFAB-9DC1-4F01-AC94-6E4F40387B1E");
  EXPECT_EQ(shown("request " + id), "");
  EXPECT_EQ(shown("MAC 9f86d081884c"), "mac=9f86d081884c");
}

}  // namespace
}  // namespace freehold::pii
