// Ways of writing that sentences of six languages have, and what only looks like them; wherever a text is cut.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "pii/scanner.h"

namespace freehold::pii {
namespace {

std::string seen(std::string_view text, Profile profile = Profile::gdpr) {
  std::string out;
  for (const Finding& f : scan(text, profile)) {
    if (!out.empty()) out += " | ";
    out += std::string(info(f.kind).name) + "=" + std::string(text.substr(f.begin, f.end - f.begin));
  }
  return out;
}

TEST(Forms, BesideAnUnderscore) {
  EXPECT_EQ(seen("card_number_4111111111111111"), "card=4111111111111111");
  EXPECT_EQ(seen("4111111111111111_expired"), "card=4111111111111111");
  EXPECT_EQ(seen("paid with _4111 1111 1111 1111_ today"), "card=4111 1111 1111 1111");
  EXPECT_EQ(seen("log_2024_4111111111111111_07"), "card=4111111111111111");
  EXPECT_EQ(seen("iban_DE89370400440532013000"), "iban=DE89370400440532013000");
  EXPECT_EQ(seen("ssn_123-45-6789"), "us_ssn=123-45-6789");
  EXPECT_EQ(seen("phone_212-555-0187"), "phone=212-555-0187");
  EXPECT_EQ(seen("write to _private@example.org"), "email=_private@example.org");
  EXPECT_EQ(seen("write to _ann@example.org_ please"), "email=ann@example.org");
  EXPECT_EQ(seen("write to **__ann@example.org__** please"), "email=ann@example.org");
  EXPECT_EQ(seen("__init_bob@example.org__"), "email=init_bob@example.org");
  // Names that programs give: dates, counters, digests.
  EXPECT_EQ(
      seen("IMG_20190304_123456.jpg backup_1700000000 device_12345678 v_1_2_3 sha_9f8a7b6c5d4e3f2a", Profile::gdpr),
      "");
}

TEST(Forms, Cards) {
  EXPECT_EQ(seen("card 4111.1111.1111.1111"), "card=4111.1111.1111.1111");
  EXPECT_EQ(seen("ratio 4111.1111.1111.1112"), "");
}

TEST(Forms, DatesOfBirth) {
  EXPECT_EQ(seen("d.o.b. 25/02/1939"), "birth_date=25/02/1939");
  EXPECT_EQ(seen("Ich bin am 28. Oktober 1951 geboren."), "birth_date=28. Oktober 1951");
  EXPECT_EQ(seen("Ich bin am 07.04.1974 geboren."), "birth_date=07.04.1974");
  EXPECT_EQ(seen("I was born on 28th of October 1967"), "birth_date=28th of October 1967");
  EXPECT_EQ(seen("on the 3rd of March 2001 it rained", Profile::hipaa), "date=3rd of March 2001");
  EXPECT_EQ(seen("on 3 May 2001 it rained", Profile::gdpr), "");
  // The letters of abbreviations are initials of people otherwise.
  EXPECT_EQ(seen("I met John B. Smith there."), "person=John B. Smith");
}

TEST(Forms, WordsOfOtherLanguages) {
  EXPECT_EQ(seen("\xD0\x95\xD0\x93\xD0\x9D 6101057509"), "bg_egn=6101057509");              // ЕГН
  EXPECT_EQ(seen("\xCE\x91\xCE\x9C\xCE\x9A\xCE\x91: 23070489895"), "gr_amka=23070489895");  // ΑΜΚΑ
  EXPECT_EQ(seen("SV-Nr. 9819230470"), "at_svnr=9819230470");
  EXPECT_EQ(seen("mi RUT es 8720605-K"), "cl_rut=8720605-K");
  EXPECT_EQ(seen("targato CX 804 KS"), "plate=CX 804 KS");
  EXPECT_EQ(seen("Autokennzeichen B-DF 3481"), "plate=B-DF 3481");
  EXPECT_EQ(seen("rijbewijsnummer CU0789090L"), "licence=CU0789090L");
  EXPECT_EQ(seen("permiso de conducir S147-6937-9319"), "licence=S147-6937-9319");
  EXPECT_EQ(seen("Ll\xC3\xA1mame al 668 408 690."), "phone=668 408 690");
  EXPECT_EQ(seen("Chiamami al 347-9461530."), "phone=347-9461530");
}

TEST(Forms, Passports) {
  EXPECT_EQ(seen("passport KDSYLBL36"), "passport=KDSYLBL36");
  EXPECT_EQ(seen("passport no. C01X00T47"), "passport=C01X00T47");
  EXPECT_EQ(seen("passport office 2"), "");
  // The nearer word says what it is.
  EXPECT_EQ(seen("text: passport number 041529583"), "passport=041529583");
  EXPECT_EQ(seen("Personalausweis L01X00T471"), "other_id=L01X00T471");
}

TEST(Forms, Streets) {
  EXPECT_EQ(seen("Er wohnt Karl-Marx-Allee 34, dort"), "address=Karl-Marx-Allee 34");
  EXPECT_EQ(seen("wir sind in der Neue Mainzer Str. 52, dort"), "address=Neue Mainzer Str. 52");
  EXPECT_EQ(seen("au 12 bis, avenue Foch, ici"), "address=12 bis, avenue Foch");
  EXPECT_EQ(seen("Avda. de Am\xC3\xA9rica, 3"), "address=Avda. de Am\xC3\xA9rica, 3");
  EXPECT_EQ(seen("in Corso Vittorio Emanuele II, 5"), "address=Corso Vittorio Emanuele II, 5");
  EXPECT_EQ(seen("Postfach 10 20 30"), "address=Postfach 10 20 30");
}

TEST(Forms, WhatOnlyLooksLikeIt) {
  EXPECT_EQ(seen("GB/T 43476-2019 and serial monitor at 115200 baud"), "");
  EXPECT_EQ(seen("ZIP 43476-2019"), "postcode=43476-2019");
  EXPECT_EQ(seen("serial number 115200"), "device_id=115200");
  EXPECT_EQ(seen("see **https://example.org/a**"), "url=https://example.org/a");
}

TEST(Forms, TwoPeopleAreTwo) {
  EXPECT_EQ(seen("Anna und Jonas kommen."), "person=Anna | person=Jonas");
  EXPECT_EQ(seen("Pilar y Emilio no vinieron."), "person=Pilar | person=Emilio");
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
