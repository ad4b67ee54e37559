// What the word beside it tells: names of users, devices, licences, plates, telephones, passwords for once.
#include <gtest/gtest.h>

#include "pii/scan_testing.h"

namespace freehold::pii {
namespace {

using testing::shown;

TEST(Beside, Users) {
  EXPECT_EQ(shown("username moreau.claire"), "other_id=moreau.claire");
  EXPECT_EQ(shown("user jkowalski77 logged in"), "other_id=jkowalski77");
  EXPECT_EQ(shown("this belongs to user nadia_petrov"), "other_id=nadia_petrov");
  for (const char* text :
       {"user session_id is set", "user level2 access", "the user config.yaml", "char __user *seq_num",
        "user_cache_dir", "each user utf8 name", "handle event.target", "users of crypt_gensalt"})
    EXPECT_EQ(shown(text), "") << text;
}

TEST(Beside, CodesWithFewDigits) {
  EXPECT_EQ(shown("S/N: DMPXKWTQ7RVB"), "device_id=DMPXKWTQ7RVB");
  EXPECT_EQ(shown("device_id=SN-QWX3RTZPLK"), "device_id=SN-QWX3RTZPLK");
  EXPECT_EQ(shown("Driver's license number WDLQ2RTPZZ7K"), "licence=WDLQ2RTPZZ7K");
  EXPECT_EQ(shown("DL: R5BXCPQLKVZ"), "licence=R5BXCPQLKVZ");
  EXPECT_EQ(shown("Passport CFGHJKLMN"), "passport=CFGHJKLMN");
  EXPECT_EQ(shown("driver licence no. WDLXRTPZZBK"), "licence=WDLXRTPZZBK");
  for (const char* text : {"PASSPORT REQUIRED", "LICENSE AGREEMENT", "device MX-MASTER", "device BLAKE2BMAC"})
    EXPECT_EQ(shown(text), "") << text;
}

TEST(Beside, Plates) {
  EXPECT_EQ(shown("Kennzeichen TN 09 BQ 4411"), "plate=TN 09 BQ 4411");
  EXPECT_EQ(shown("Licence plate GJ 05 RX 0071 was seen"), "plate=GJ 05 RX 0071");
  EXPECT_EQ(shown("placa BRA2E19"), "plate=BRA2E19");
}

TEST(Beside, Abbreviations) {
  EXPECT_EQ(shown("N.A.S. 046 454 286"), "ca_sin=046 454 286");
  EXPECT_EQ(shown("S.S.N. 536228726"), "us_ssn=536228726");
  EXPECT_EQ(shown("My social is 536228726"), "us_ssn=536228726");
  EXPECT_EQ(shown("b. 14 June 1971"), "birth_date=14 June 1971");
  EXPECT_EQ(shown("Seen: Lovelace, Ada (10 December 1955), today"),
            "person=Lovelace | person=Ada | birth_date=10 December 1955");
  EXPECT_EQ(shown("signed by Ada Lovelace (10 December 1955)"), "person=Ada Lovelace");
}

TEST(Beside, Telephones) {
  EXPECT_EQ(shown("she is reachable at 2125550187"), "phone=2125550187");
  EXPECT_EQ(shown("My new number is 917 013 278"), "phone=917 013 278");
  EXPECT_EQ(shown("Emergency no. 22 529 89 83"), "phone=22 529 89 83");
  EXPECT_EQ(shown("chiamare al numero 2125550187"), "phone=2125550187");
  // North America's areas begin with 2 to 9.
  EXPECT_EQ(shown("187-173-7494 units"), "");
}

TEST(Beside, Positions) {
  EXPECT_EQ(shown("home is at 30.33271, -103.89945"), "place=30.33271, -103.89945");
  EXPECT_EQ(shown("GPS: 52.520008 13.404954."), "place=52.520008 13.404954");
  for (const char* text : {"values 30.33271, -103.89945", "location 30.3, 10.8", "GPS 95.33271, 10.89945"})
    EXPECT_EQ(shown(text), "") << text;
}

TEST(Beside, TheWordBeforeDecides) {
  EXPECT_EQ(shown("My Aadhaar is 869330804541 and PAN is"), "in_aadhaar=869330804541");
}

TEST(Beside, PasswordsForOnce) {
  EXPECT_EQ(shown("OTP: 716577"), "password=716577");
  EXPECT_EQ(shown("your verification code is 4821"), "password=4821");
  EXPECT_EQ(shown("#define CKA_OTP_FORMAT 0x220UL"), "");
}

}  // namespace
}  // namespace freehold::pii
