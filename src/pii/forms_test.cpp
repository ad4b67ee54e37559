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

TEST(Forms, WiderApart) {
  const std::string card = "4111  1111  1111  1111";
  EXPECT_EQ(shown(card), "card=" + card);
  EXPECT_EQ(shown("card 4111 - 1111 - 1111 - 1111"), "card=4111 - 1111 - 1111 - 1111");
  EXPECT_EQ(shown("4111\xE2\x80\x89"
                  "1111\xC2\xA0"
                  "1111\xE2\x80\xAF"
                  "1111"),
            "card=4111\xE2\x80\x89"
            "1111\xC2\xA0"
            "1111\xE2\x80\xAF"
            "1111");
  EXPECT_EQ(shown("it is 4111 1111\r\n1111 1111, thanks"), "card=4111 1111\r\n1111 1111");
  EXPECT_EQ(shown("card 41111111\n11111111"), "card=41111111\n11111111");
  EXPECT_EQ(shown("4111&nbsp;1111&nbsp;1111&nbsp;1111"), "card=4111&nbsp;1111&nbsp;1111&nbsp;1111");
  EXPECT_EQ(shown("amex 3782.822463.10005"), "card=3782.822463.10005");
  EXPECT_EQ(shown("card 4111/1111/1111/1111"), "card=4111/1111/1111/1111");
  EXPECT_EQ(shown("IBAN DE89  3704  0044  0532  0130  00"), "iban=DE89  3704  0044  0532  0130  00");
  EXPECT_EQ(shown("IBAN DE89 3704 0044\n0532 0130 00\nthanks"), "iban=DE89 3704 0044\n0532 0130 00");
  EXPECT_EQ(shown("phone +1 212 555\n0187"), "phone=+1 212 555\n0187");
  EXPECT_EQ(shown("phone +49 30 901820\n12 of them"), "phone=+49 30 901820");
  EXPECT_EQ(shown("Tel.: (+34) 664212214"), "phone=(+34) 664212214");
  EXPECT_EQ(shown("NINO: AB / 12 / 34 / 56 / C"), "uk_nino=AB / 12 / 34 / 56 / C");
  // Columns and lines of a table are no numbers of people.
  EXPECT_EQ(shown("2019  4111  1111  1111  1111  17"), "");
  EXPECT_EQ(shown("16487 17594 43028 78032 88211"), "");
  EXPECT_EQ(shown("4111\n1111\n1111\n1111"), "");
  EXPECT_EQ(shown("555  123  4567\n556  124  4568"), "");
  EXPECT_EQ(shown("page 12\n300 words\n\n12 - 34 - 56 and 12 / 34"), "");
}

TEST(Forms, LinesAndRangesAreNoTelephones) {
  for (const char* text :
       {"We had phone calls in 2023\n2024 was better.", "phone,2019\n2020,5", "Call log:\n- 2023\n- 2024",
        "Phones sold:\n1200\n1300", "Phone sales 2022 - 2023 - 2024", "Phone sales 2022-2023",
        "Phone support: 9 - 17\n2024 - 2025", "reach 1500 / 2000 / 3000 m", "call 1500 - 20000 of them",
        "Phones sold:  1200  1300", "signal 9 - 15 - 2000", "Profit +12\n345 678 901", "Profit +12 345\n678 901 234"})
    EXPECT_EQ(shown(text), "") << text;
  EXPECT_EQ(shown("Fax +49 30\n12345 Berlin").find("phone="), std::string::npos);
  EXPECT_EQ(shown("Fax +49 30\n12345678 for Ann"), "phone=+49 30\n12345678 | person=Ann");
  EXPECT_EQ(shown("+1 (212) 555\n0187"), "phone=+1 (212) 555\n0187");
  EXPECT_EQ(shown("Tel. 030 / 1234567"), "phone=030 / 1234567");
  EXPECT_EQ(shown("phone 212 - 555 - 0187"), "phone=212 - 555 - 0187");
  EXPECT_EQ(shown("phone 212  555  0187"), "phone=212  555  0187");
  EXPECT_EQ(shown("Tel. 06  12  34  56  78"), "phone=06  12  34  56  78");
}

TEST(Forms, WordsOfPaymentNeedAScheme) {
  for (const char* text : {"\"expires\":1732825279190", "payment id 100020003000400", "{\"paid_at\":1732825279190}",
                           "paid 1000 2000 3000 4000", "1732825279190 expires"})
    EXPECT_EQ(shown(text), "") << text;
  for (int i = 0; i < 1000; ++i) {
    const std::string text = "\"expires\":" + std::to_string(1732825279000 + i);
    ASSERT_EQ(shown(text), "") << text;
  }
  EXPECT_EQ(shown("paid with 4111111111111111"), "card=4111111111111111");
  EXPECT_EQ(shown("charged 3782 822463 10005"), "card=3782 822463 10005");
}

TEST(Forms, WhatIsNoHardwareAddress) {
  for (const char* text : {"net: ethernet: revert 9f86d081884c", "a MAC of 9f86d081884c",
                           "On a Mac run build 202411281234", "MAC address of build 202411281234", "mac: 202411281234"})
    EXPECT_EQ(shown(text), "") << text;
  EXPECT_EQ(shown("{\"mac_address\": \"001b44113ab7\"}"), "mac=001b44113ab7");
  EXPECT_EQ(shown("MAC address 670850596087 and mac: '41715b95f050'"), "mac=670850596087 | mac=41715b95f050");
  EXPECT_EQ(shown("macAddress=001b44113ab7 bssid 001b44113ab8"), "mac=001b44113ab7 | mac=001b44113ab8");
  EXPECT_EQ(shown("**MAC:** `001b44113ab7`"), "mac=001b44113ab7");
  EXPECT_EQ(shown("MAC-Adresse: 001b44113ab7"), "mac=001b44113ab7");
  EXPECT_EQ(shown("direcci\xC3\xB3n MAC 001b44113ab7"), "mac=001b44113ab7");
}

TEST(Forms, NamesOfPrograms) {
  for (const char* text :
       {"callNumber = 1234567;", "textno 1048576", "let ringNumber = 12345678", "int deviceNumber = 16843009;",
        "dialNumber = 12345678", "reachNr 12345678", "WHERE d ne 20200101", "if x.ne 19991231",
        "$filter=birth ne 20200101", "{\"birth\": {\"$ne\": 20200101}}"})
    EXPECT_EQ(shown(text), "") << text;
  EXPECT_EQ(shown("phoneNumber = 1234567;"), "phone=1234567");
  EXPECT_EQ(shown("n\xC3\xA9"
                  "e le 19700503"),
            "birth_date=19700503");
}

TEST(Forms, OtherSignsBehindItsOwnWord) {
  EXPECT_EQ(shown("SSN 123.45.6789"), "us_ssn=123.45.6789");
  EXPECT_EQ(shown("SSN 123/45/6789"), "us_ssn=123/45/6789");
  EXPECT_EQ(shown("NHS number 943.476.5919"), "uk_nhs=943.476.5919");
  EXPECT_EQ(shown("Aadhaar: 2788.5615.7176"), "in_aadhaar=2788.5615.7176");
  EXPECT_EQ(shown("text 057-15-5530"), "us_ssn=057-15-5530");
  EXPECT_EQ(shown("Passport No. FD 4358194"), "passport=FD 4358194");
  EXPECT_EQ(shown("Numero de pasaporte: 815275102"), "passport=815275102");
  EXPECT_EQ(shown("mac address 001B44113AB7"), "mac=001B44113AB7");
  EXPECT_EQ(shown("blob 001B44113AB7"), "");
  EXPECT_EQ(shown("MAC:00-1B-44-11-3A-B7"), "mac=00-1B-44-11-3A-B7");
  EXPECT_EQ(shown("{\"passportNumber\": \"C01X00T47\", \"nhsNo\": \"943.476.5919\"}"),
            "passport=C01X00T47 | uk_nhs=943.476.5919");
  EXPECT_EQ(shown("<td>DNI</td><td>12345678 - Z</td>"), "es_dni=12345678 - Z");
  EXPECT_EQ(shown("_10.20.30.40_ and server_10.20.30.40_log"), "ip=10.20.30.40");
}

TEST(Forms, WordsOfLettersAlone) {
  EXPECT_EQ(shown("VIN JHMEJMDUXEGCRBCUM"), "vin=JHMEJMDUXEGCRBCUM");
  EXPECT_EQ(shown("VIN JHMEJMDUYEGCRBCUM").find("vin="), std::string::npos);  // the check is wrong
  EXPECT_EQ(shown("JHMEJMDUXEGCRBCUM").find("vin="), std::string::npos);
  EXPECT_EQ(shown("Fahrgestellnummer WVWSJNWD8URXZDJGX"), "vin=WVWSJNWD8URXZDJGX");
}

TEST(Forms, EscapesAreNoLetters) {
  EXPECT_EQ(shown("{\"a\": \"x\\n4111 1111 1111 1111\\t10.20.30.40\\n+1 212 555 0187\"}"),
            "card=4111 1111 1111 1111 | ip=10.20.30.40 | phone=+1 212 555 0187");
  EXPECT_EQ(shown("C:\\temp\\new\\notes"), "");
}

TEST(Forms, DatesOfBirth) {
  EXPECT_EQ(shown("BDAY:19700503"), "birth_date=19700503");
  EXPECT_EQ(shown("BDAY:19701503"), "");
  EXPECT_EQ(shown("build 19700503"), "");
  EXPECT_EQ(shown("born on 03 05 1970"), "birth_date=03 05 1970");
  EXPECT_EQ(shown("Geboortedatum: 19 / 01 / 1955"), "birth_date=19 / 01 / 1955");
  EXPECT_EQ(shown("rows 03 05 1970"), "");
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
      "iban_DE89370400440532013000 28th of October 1967 serial 115200 baud 4111.1111.1111.1111 __x@example.org 4111  "
      "1111 1111\r\n1111 card 4111 - 1111 - 1111 - 1111 "
      "IBAN DE89  3704  0044\n0532 0130 00 (+34) 664212214 phone +1 212 555\n0187 SSN 123.45.6789 NINO: AB / 12 / 34 / "
      "56 / C VIN JHMEJMDUXEGCRBCUM BDAY:19700503 mac address 001B44113AB7 mac: '41715b95f050' Fax +49 30\n12345 "
      "Berlin +1 (212) 555\n0187 _10.20.30.40_ \\n4111&nbsp;1111&nbsp;1111&nbsp;1111";
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

TEST(Forms, TheNearestWordDecides) {
  EXPECT_EQ(shown("ssn/tfn 123456782"), "au_tfn=123456782");
  EXPECT_EQ(shown("SSN on file, tax file number 123456782"), "au_tfn=123456782");
  EXPECT_EQ(shown("Member ID 123456782 and TFN 123456782"), "health_plan=123456782 | au_tfn=123456782");
  EXPECT_EQ(shown("account 2125550187, call me"), "bank_account=2125550187");
  EXPECT_EQ(shown("SSN on file; NPI 1234567893"), "us_npi=1234567893");
  EXPECT_EQ(shown("VIN: WVWZZZ1JZXW000001"), "vin=WVWZZZ1JZXW000001");
}

TEST(Forms, UsersBesideWords) {
  for (const char* text : {"username: %", "login: %", "\"username\":\"%\"", "user_name=%", "Benutzername: %",
                           "nom d'utilisateur : %", "nombre de usuario: %", "nome utente: %", "gebruikersnaam: %"}) {
    for (const char* user : {"jdoe42", "jane.doe", "hdurand"}) {
      std::string said = text;
      said.replace(said.find('%'), 1, user);
      EXPECT_EQ(shown(said), std::string("other_id=") + user) << said;
    }
  }
  EXPECT_EQ(shown("handle @jane_doe, follow @jane_doe"), "other_id=@jane_doe");
  for (const char* text : {"login: required", "username: password", "username and password", "login page",
                           "login: admin", "the username is required", "jdoe42", "login failed at 12:30"})
    EXPECT_EQ(shown(text), "") << text;
}

TEST(Forms, ChecksOfCardsAndDockets) {
  for (const char* text :
       {"CVV 123", "cvv=123", "\"cvc\":\"123\"", "CVC2: 123", "CVV code is 123", "Kartenprüfnummer: 123"})
    EXPECT_EQ(shown(text), "other_id=123") << text;
  EXPECT_EQ(shown("cvv 123.45 and 123 people"), "");
  for (const char* docket :
       {"1:20-cv-01234", "20-1234", "12 O 345/20", "1 BvR 123/20", "II ZR 12/20", "CR-2020-001234"}) {
    EXPECT_EQ(shown(std::string("Docket No. ") + docket), std::string("other_id=") + docket);
    EXPECT_EQ(shown(std::string("Az.: ") + docket + " vom"), std::string("other_id=") + docket);
  }
  EXPECT_EQ(shown("Phoenix, AZ 85001"), "place=Phoenix | postcode=85001");
  EXPECT_EQ(shown("the docket is full in 2020"), "");
}

TEST(Forms, EmailsWithACodedSign) {
  for (const std::string sign : {"%40", "=40", "&#64;", "&#x40;", "\\u0040", "\\\\u0040", "\\x40"}) {
    for (const std::string name : {"grace", "grace.hopper", "g-h_1+x"}) {
      const std::string address = name + sign + "mail.example.net";
      EXPECT_EQ(shown("to " + address + ", now"), "email=" + address);
      EXPECT_EQ(shown("{\"to\":\"" + address + "\"}"), "email=" + address);
    }
  }
  EXPECT_EQ(shown("width=40 or x=40.5em, 100%40, a&#64; b"), "");
}

TEST(Forms, AgesInOneWord) {
  for (const std::string text : {"94yo", "102yo", "95y", "91yrs", "97yof"})
    EXPECT_EQ(shown("Pt is " + text + ", well", Profile::hipaa), "age=" + text.substr(0, text.find('y')));
  EXPECT_EQ(shown("eine 96-jährige Frau", Profile::hipaa), "age=96");
  for (const char* text : {"89yo", "94ys", "94x", "131yo", "a94y"}) EXPECT_EQ(shown(text, Profile::hipaa), "") << text;
}

}  // namespace
}  // namespace freehold::pii
