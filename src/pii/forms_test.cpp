// Ways of writing that sentences of six languages have, and what only looks like them; wherever a text is cut.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "pii/scan_testing.h"

namespace freehold::pii {
namespace {

using testing::shown;

TEST(Forms, BesideAnUnderscore) {
  EXPECT_EQ(shown("card_number_4111111111111111"), "card=4111111111111111");
  EXPECT_EQ(shown("4111111111111111_expired"), "card=4111111111111111");
  EXPECT_EQ(shown("paid with _4111 1111 1111 1111_ today"), "card=4111 1111 1111 1111");
  EXPECT_EQ(shown("log_2024_4111111111111111_07"), "card=4111111111111111");
  EXPECT_EQ(shown("iban_DE89370400440532013000"), "iban=DE89370400440532013000");
  EXPECT_EQ(shown("ssn_123-45-6789"), "us_ssn=123-45-6789");
  EXPECT_EQ(shown("phone_212-555-0187"), "phone=212-555-0187");
  EXPECT_EQ(shown("write to _private@example.org"), "email=_private@example.org");
  EXPECT_EQ(shown("write to _ann@example.org_ please"), "email=ann@example.org");
  EXPECT_EQ(shown("write to **__ann@example.org__** please"), "email=ann@example.org");
  EXPECT_EQ(shown("__init_bob@example.org__"), "email=init_bob@example.org");
  // Names that programs give: dates, counters, digests.
  EXPECT_EQ(
      shown("IMG_20190304_123456.jpg backup_1700000000 device_12345678 v_1_2_3 sha_9f8a7b6c5d4e3f2a", Profile::gdpr),
      "");
}

TEST(Forms, Cards) {
  EXPECT_EQ(shown("card 4111.1111.1111.1111"), "card=4111.1111.1111.1111");
  EXPECT_EQ(shown("ratio 4111.1111.1111.1112"), "");
}

TEST(Forms, DatesOfBirth) {
  EXPECT_EQ(shown("d.o.b. 25/02/1939"), "birth_date=25/02/1939");
  EXPECT_EQ(shown("Ich bin am 28. Oktober 1951 geboren."), "birth_date=28. Oktober 1951");
  EXPECT_EQ(shown("Ich bin am 07.04.1974 geboren."), "birth_date=07.04.1974");
  EXPECT_EQ(shown("I was born on 28th of October 1967"), "birth_date=28th of October 1967");
  EXPECT_EQ(shown("on the 3rd of March 2001 it rained", Profile::hipaa), "date=3rd of March 2001");
  EXPECT_EQ(shown("on 3 May 2001 it rained", Profile::gdpr), "");
  // The letters of abbreviations are initials of people otherwise.
  EXPECT_EQ(shown("I met John B. Smith there."), "person=John B. Smith");
}

TEST(Forms, WordsOfOtherLanguages) {
  EXPECT_EQ(shown("\xD0\x95\xD0\x93\xD0\x9D 6101057509"), "bg_egn=6101057509");              // ЕГН
  EXPECT_EQ(shown("\xCE\x91\xCE\x9C\xCE\x9A\xCE\x91: 23070489895"), "gr_amka=23070489895");  // ΑΜΚΑ
  EXPECT_EQ(shown("SV-Nr. 9819230470"), "at_svnr=9819230470");
  EXPECT_EQ(shown("mi RUT es 8720605-K"), "cl_rut=8720605-K");
  EXPECT_EQ(shown("targato CX 804 KS"), "plate=CX 804 KS");
  EXPECT_EQ(shown("Autokennzeichen B-DF 3481"), "plate=B-DF 3481");
  EXPECT_EQ(shown("rijbewijsnummer CU0789090L"), "licence=CU0789090L");
  EXPECT_EQ(shown("permiso de conducir S147-6937-9319"), "licence=S147-6937-9319");
  EXPECT_EQ(shown("Ll\xC3\xA1mame al 668 408 690."), "phone=668 408 690");
  EXPECT_EQ(shown("Chiamami al 347-9461530."), "phone=347-9461530");
}

TEST(Forms, Passports) {
  EXPECT_EQ(shown("passport KDSYLBL36"), "passport=KDSYLBL36");
  EXPECT_EQ(shown("passport no. C01X00T47"), "passport=C01X00T47");
  EXPECT_EQ(shown("passport office 2"), "");
  // The nearer word says what it is.
  EXPECT_EQ(shown("text: passport number 041529583"), "passport=041529583");
  EXPECT_EQ(shown("Personalausweis L01X00T471"), "other_id=L01X00T471");
}

TEST(Forms, Streets) {
  EXPECT_EQ(shown("Er wohnt Karl-Marx-Allee 34, dort"), "address=Karl-Marx-Allee 34");
  EXPECT_EQ(shown("wir sind in der Neue Mainzer Str. 52, dort"), "address=Neue Mainzer Str. 52");
  EXPECT_EQ(shown("au 12 bis, avenue Foch, ici"), "address=12 bis, avenue Foch");
  EXPECT_EQ(shown("Avda. de Am\xC3\xA9rica, 3"), "address=Avda. de Am\xC3\xA9rica, 3");
  EXPECT_EQ(shown("in Corso Vittorio Emanuele II, 5"), "address=Corso Vittorio Emanuele II, 5");
  EXPECT_EQ(shown("Postfach 10 20 30"), "address=Postfach 10 20 30");
}

TEST(Forms, WhatOnlyLooksLikeIt) {
  EXPECT_EQ(shown("GB/T 43476-2019 and serial monitor at 115200 baud"), "");
  EXPECT_EQ(shown("ZIP 43476-2019"), "postcode=43476-2019");
  EXPECT_EQ(shown("serial number 115200"), "device_id=115200");
  EXPECT_EQ(shown("see **https://example.org/a**"), "url=https://example.org/a");
}

TEST(Forms, TwoPeopleAreTwo) {
  EXPECT_EQ(shown("Anna und Jonas kommen."), "person=Anna | person=Jonas");
  EXPECT_EQ(shown("Pilar y Emilio no vinieron."), "person=Pilar | person=Emilio");
}

TEST(Forms, CutAnywhereTheyAreTheSame) {
  const std::string text =
      "_ann@example.org_ card_4111111111111111_x Ich bin am 28. Oktober 1951 geboren. Karl-Marx-Allee 34 12 bis, "
      "avenue "
      "Foch d.o.b. 25/02/1939 Anna und Jonas y Pilar Avda. de Am\xC3\xA9rica, 3 passport KDSYLBL36 Postfach 10 20 30 "
      "iban_DE89370400440532013000 28th of October 1967 serial 115200 baud 4111.1111.1111.1111 __x@example.org";
  for (const Profile profile : {Profile::hipaa, Profile::gdpr, Profile::secrets}) {
    const std::vector<Finding> whole = scan(text, profile);
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      Scanner scanner(profile);
      std::vector<Finding> found;
      scanner.feed(std::string_view(text).substr(0, cut), found);
      scanner.feed(std::string_view(text).substr(cut), found);
      scanner.finish(found);
      ASSERT_EQ(found, whole) << cut;
    }
    Scanner scanner(profile);
    std::vector<Finding> found;
    for (const char c : text) scanner.feed(std::string_view(&c, 1), found);
    scanner.finish(found);
    ASSERT_EQ(found, whole);
  }
}

}  // namespace
}  // namespace freehold::pii
