// What is found and what is not, kind by kind; and that a stream finds what the whole text has, wherever it is cut.
#include "pii/scanner.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"
#include "pii/masker.h"
#include "pii/scan_testing.h"

namespace freehold::pii {
namespace {

using testing::shown;

TEST(Scanner, Contacts) {
  EXPECT_EQ(shown("write to jane.roe+x@mail.example.co.uk."), "email=jane.roe+x@mail.example.co.uk");
  EXPECT_EQ(shown("<o'neil@example.org>"), "email=o'neil@example.org");
  EXPECT_EQ(shown("user@localhost and a@b"), "");
  EXPECT_EQ(shown("see https://example.com/a?b=c(d), ok"), "url=https://example.com/a?b=c(d)");
  EXPECT_EQ(shown("visit www.example.org."), "url=www.example.org");
  EXPECT_EQ(shown("it is on example.com now"), "url=example.com");
  EXPECT_EQ(shown("open main.py, README.md and index.html"), "");
  for (const char* phone : {"+49 30 901820", "+1-212-555-0187", "(212) 555-0187", "212-555-0187", "212.555.0187",
                            "+44 (0)20 7946 0958", "020 7946 0958", "01 23 45 67 89", "+1 (212) 555-0187 x123",
                            "1-800-555-0199", "001-212-555-0187", "0170/1234567", "+91 98765 43210"}) {
    EXPECT_EQ(shown(std::string("please use ") + phone + " instead"), std::string("phone=") + phone);
  }
  EXPECT_EQ(shown("call 2125550187 now"), "phone=2125550187");
  EXPECT_EQ(shown("001-555-123-4567x123 and +1-808-555-1234x46212"),
            "phone=001-555-123-4567x123 | phone=+1-808-555-1234x46212");
  EXPECT_EQ(shown("id 2125550187 now"), "");
}

TEST(Scanner, Network) {
  EXPECT_EQ(shown("from 203.0.113.7:8080"), "ip=203.0.113.7");
  EXPECT_EQ(shown("from 2001:db8::8a2e:370:7334"), "ip=2001:db8::8a2e:370:7334");
  EXPECT_EQ(shown("from 2001:0db8:85a3:0000:0000:8a2e:0370:7334"), "ip=2001:0db8:85a3:0000:0000:8a2e:0370:7334");
  EXPECT_EQ(shown("mac 00:1b:44:11:3a:b7"), "mac=00:1b:44:11:3a:b7");
  EXPECT_EQ(shown("mac 00-1B-44-11-3A-B7"), "mac=00-1B-44-11-3A-B7");
  EXPECT_EQ(shown("version 1.2.3.4, 256.1.1.1, 1.2.3, 1.2.3.4.5, 127.0.0.1 and 12:30:45"), "");
  EXPECT_EQ(shown("std::vector and a::b"), "");
}

TEST(Scanner, Money) {
  for (const char* card : {"4111111111111111", "4111 1111 1111 1111", "5500-0055-5555-5559", "371449635398431",
                           "3714 496353 98431", "6011000990139424", "30569309025904", "3530111333300000"}) {
    EXPECT_EQ(shown(std::string("paid with ") + card + "."), std::string("card=") + card);
  }
  EXPECT_EQ(shown("paid with 4111111111111112."), "");
  EXPECT_EQ(shown("IBAN DE89 3704 0044 0532 0130 00"), "iban=DE89 3704 0044 0532 0130 00");
  EXPECT_EQ(shown("to GB82WEST12345698765432 today"), "iban=GB82WEST12345698765432");
  EXPECT_EQ(shown("to GB82WEST12345698765433 today"), "");
  EXPECT_EQ(shown("to DE89370400440532013 today"), "");  // right check digits would not help: too short
  EXPECT_EQ(shown("send to 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"), "crypto_wallet=1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2");
  EXPECT_EQ(shown("send to bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"),
            "crypto_wallet=bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq");
  EXPECT_EQ(shown("send to 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3"), "");
  EXPECT_EQ(shown("Account number: 12345678"), "bank_account=12345678");
  EXPECT_EQ(shown("routing number 021000021"), "routing_number=021000021");
}

TEST(Scanner, ByContext) {
  EXPECT_EQ(shown("MRN: 48-213-77"), "medical_record=48-213-77");
  EXPECT_EQ(shown("Medical record number A1234567"), "medical_record=A1234567");
  EXPECT_EQ(shown("member ID XYZ123456789"), "health_plan=XYZ123456789");
  EXPECT_EQ(shown("passport number C01X00T47"), "passport=C01X00T47");
  EXPECT_EQ(shown("driver's license D1234567"), "licence=D1234567");
  EXPECT_EQ(shown("license plate ABC 1234"), "plate=ABC 1234");
  EXPECT_EQ(shown("Kennzeichen B-AB 1234"), "plate=B-AB 1234");
  EXPECT_EQ(shown("a car, 1HGCM82633A004352, red"), "vin=1HGCM82633A004352");
  EXPECT_EQ(shown("serial number SN-4471-0098"), "device_id=SN-4471-0098");
  EXPECT_EQ(shown("employee ID 48213"), "other_id=48213");
}

TEST(Scanner, DatesAndAges) {
  for (const char* date : {"2024-03-05", "03/05/2024", "5.3.2024", "March 5, 2024", "5 March 2024", "March 5th",
                           "5. März 2024", "5 de mayo de 2024", "12 janvier 2024", "2024-03-05T10:11:12Z"}) {
    EXPECT_EQ(shown(std::string("seen on ") + date + ", well", Profile::hipaa), std::string("date=") + date);
    EXPECT_EQ(shown(std::string("seen on ") + date + ", well", Profile::gdpr), "");
  }
  EXPECT_EQ(shown("born on 5 March 1980"), "birth_date=5 March 1980");
  EXPECT_EQ(shown("DOB: 03/05/1980"), "birth_date=03/05/1980");
  for (const char* text :
       {"John (b. %)", "(* %)", "Her birthday, %, is on file", "% is her date of birth", "% (DOB)", "né(e) le %",
        "nata a Roma il %", "Geboren te Utrecht op %", "cumpleaños: %", "D. O. B.: %"}) {
    std::string said = text;
    said.replace(said.find('%'), 1, "03.03.1980");
    EXPECT_NE(shown(said).find("birth_date=03.03.1980"), std::string::npos) << said;
  }
  EXPECT_EQ(shown("* 3 March 2020 release; see option b 2020-03-03"), "");
  EXPECT_EQ(shown("DOB 03/03/1980, admitted 05/06/2020", Profile::hipaa), "birth_date=03/03/1980 | date=05/06/2020");
  EXPECT_EQ(shown("birthdays: 3.3.2001, 4.4.2003"), "birth_date=3.3.2001 | birth_date=4.4.2003");
  EXPECT_EQ(shown("in 2024 it rose; 13/32/2024; 2024-13-01", Profile::hipaa), "");
  EXPECT_EQ(shown("he is 93 years old, she is 89 years old", Profile::hipaa), "age=93");
  EXPECT_EQ(shown("a 101-year-old woman", Profile::hipaa), "age=101");
}

TEST(Scanner, Addresses) {
  EXPECT_EQ(shown("at 221 Baker Street, now"), "address=221 Baker Street");
  EXPECT_EQ(shown("at 5423 Old Mill Rd. Apt 4 now"), "address=5423 Old Mill Rd. Apt 4");
  EXPECT_EQ(shown("in der Hauptstraße 12a, dort"), "address=Hauptstraße 12a");
  EXPECT_EQ(shown("au 12 rue de la Paix, ici"), "address=12 rue de la Paix");
  EXPECT_EQ(shown("au 24 Rue Saint-Honoré, ici"), "address=24 Rue Saint-Honoré");
  EXPECT_EQ(shown("Kastanienallee 47\n48727 Xylophonstadt"),
            "address=Kastanienallee 47 | postcode=48727 | place=Xylophonstadt");
  EXPECT_EQ(shown("P.O. Box 1234"), "address=P.O. Box 1234");
  EXPECT_EQ(shown("ZIP 02139"), "postcode=02139");
  EXPECT_EQ(shown("SW1A 1AA"), "postcode=SW1A 1AA");
}

TEST(Scanner, Secrets) {
  const std::string body = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8";
  EXPECT_EQ(shown("export T=ghp_" + body, Profile::secrets), "api_key=ghp_" + body);
  EXPECT_EQ(shown("AKIA2E0A8F3B244C9986", Profile::secrets), "api_key=AKIA2E0A8F3B244C9986");
  const std::string jwt =
      "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
  EXPECT_EQ(shown("Bearer " + jwt, Profile::secrets), "jwt=" + jwt);
  const std::string key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE KEY-----";
  EXPECT_EQ(shown("x\n" + key + "\ny", Profile::secrets), "private_key=" + key);
  EXPECT_EQ(shown("password: hunter2!", Profile::secrets), "password=hunter2!");
  EXPECT_EQ(shown("\"secret\": \"9f8a7b6c5d4e3f2a1b0c\"", Profile::secrets), "secret=9f8a7b6c5d4e3f2a1b0c");
  EXPECT_EQ(shown("commit 9f8a7b6c5d4e3f2a1b0c9f8a7b6c5d4e3f2a1b0c", Profile::secrets), "");
  EXPECT_EQ(shown("at postgres://app:s3cret@db.example.com/x", Profile::secrets),
            "password=postgres://app:s3cret@db.example.com/x");
  EXPECT_EQ(shown("the password is required", Profile::secrets), "");
  EXPECT_EQ(
      shown("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCY1 DB_PASSWORD: \"correcthorse9\"", Profile::secrets),
      "secret=wJalrXUtnFEMI/K7MDENG/bPxRfiCY1 | password=correcthorse9");
}

TEST(Scanner, WhatIsNobodys) {
  for (const char* text :
       {"order 112-7788990-1234567 shipped", "ISBN 978-3-16-148410-0", "uuid 550e8400-e29b-41d4-a716-446655440000",
        "timestamp 1700000000", "took 1700000000123 ns",
        "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "costs $1,234,567.89",
        "version 10.0.19041.1", "pages 123-456", "3.14159265358979", "12,345,678 people", "RFC 9162, ISO 8601",
        "tracking 1Z999AA10123456784", "ratio 16:9", "at 12:30:45", "x = 0.12345678901"}) {
    EXPECT_EQ(shown(text), "") << text;
  }
}

// A text with something of every kind, and what looks like it.
std::string mixture() {
  return "Hello Dr. Maria Sanchez-Lopez,\n\nJohn O'Neil (DOB 3 March 1961, SSN 536-22-8726) of 221 Baker Street, "
         "Boston, MA 02139 called +1 (212) 555-0187 ext. 12 on "
         "2024-03-05T10:11:12Z from 203.0.113.7. Card 4111 1111 1111 1111, IBAN DE89 3704 0044 0532 0130 00; codice "
         "fiscale RSSMRA85T10A562S; NINO AB 12 34 56 C. "
         "Password: hunter2!x, token = ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8, mail j.oneil@example.co.uk, see "
         "https://example.com/a?b=(c). He is 93 years old.\n"
         "Frau Müller wohnt in der Hauptstraße 12, 10115 Berlin. Der 5. März 2024; version 1.2.3.4; order "
         "112-7788990-1234567; 550e8400-e29b-41d4-a716-446655440000\n"
         "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----\n mac 00:1b:44:11:3a:b7, "
         "2001:db8::8a2e:370:7334; MRN 48-213-77; license plate ABC 1234; \xC3\x28\xFF "
         "NHS 943 476 5919. 1HGCM82633A004352 S1234567D "
         "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U and New York "
         "City {\"firstName\":\"Jos\\u00e9\",\"city\":\"Zelburg\",\"ssn\":\"536228726\"} {'name': 'Ada Lovelace'} "
         "{\\\"name\\\":\\\"Zoe\xCC\x88 Quorvel\\\"} <city>Zelburg</city> "
         "Mr. van der Meer, SSN ５３６－２２－８７２６; login: jdoe42, handle @jane_doe, CVC2 123; Az.: 12 O 345/20 "
         "vom";
}

TEST(Scanner, EverySplitGivesTheSame) {
  const std::string text = mixture();
  for (const Profile profile : {Profile::hipaa, Profile::gdpr, Profile::secrets}) {
    const std::vector<Finding> whole = scan(text, profile);
    EXPECT_GT(whole.size(), profile == Profile::secrets ? 3u : 20u);
    Masker at_once(profile);
    std::string masked = at_once.feed(text);
    masked += at_once.finish();
    for (std::size_t i = 0; i <= text.size(); ++i) {
      std::vector<Finding> found;
      Scanner scanner(profile);
      scanner.feed(std::string_view(text).substr(0, i), found);
      for (const Finding& f : found) ASSERT_LE(f.end, scanner.decided());
      const std::uint64_t decided = scanner.decided();
      const std::size_t before = found.size();
      scanner.feed(std::string_view(text).substr(i), found);
      scanner.finish(found);
      ASSERT_EQ(found, whole) << "cut at " << i;
      for (std::size_t k = before; k < found.size(); ++k) ASSERT_GE(found[k].begin, decided);
      Masker masker(profile);
      std::string pieces = masker.feed(std::string_view(text).substr(0, i));
      pieces += masker.feed(std::string_view(text).substr(i));
      pieces += masker.finish();
      ASSERT_EQ(pieces, masked) << "cut at " << i;
    }
    std::vector<Finding> bytes;
    Scanner scanner(profile);
    for (const char c : text) scanner.feed(std::string_view(&c, 1), bytes);
    scanner.finish(bytes);
    EXPECT_EQ(bytes, whole);
  }
}

// Random pieces of what recognisers look for, in random chunks, over buffers that are dropped on the way.
TEST(Scanner, RandomTextInRandomChunks) {
  static constexpr std::string_view kPieces[] = {"John",
                                                 " ",
                                                 "Smith",
                                                 "-",
                                                 ".",
                                                 "4111 1111",
                                                 "536-22-8726",
                                                 "@",
                                                 "example.com",
                                                 "\n",
                                                 "\n\n",
                                                 "SSN",
                                                 ": ",
                                                 "http://",
                                                 "::",
                                                 "12",
                                                 ":",
                                                 "ab",
                                                 "March ",
                                                 "5",
                                                 ", ",
                                                 "2024",
                                                 "+49",
                                                 "(0)",
                                                 "DE89",
                                                 " 3704",
                                                 "password=",
                                                 "x",
                                                 "_",
                                                 "\xC3\xA4",
                                                 "\xE2\x80\x93",
                                                 "\xC2\xA0",
                                                 "-----BEGIN ",
                                                 "PRIVATE KEY-----",
                                                 "-----END",
                                                 "eyJ",
                                                 "sk-",
                                                 "'s",
                                                 "St. ",
                                                 "New York",
                                                 "van ",
                                                 "0",
                                                 "\xFF",
                                                 "'",
                                                 "Hauptstraße ",
                                                 "221 Baker Street",
                                                 "\"name\":\"",
                                                 "'city': '",
                                                 "\\",
                                                 "u00e9",
                                                 "<city>",
                                                 "Mr. ",
                                                 "login: ",
                                                 "docket ",
                                                 "CVV2 ",
                                                 "\xEF\xBC\x94\xEF\xBC\x91",
                                                 "\xEF\xBC\x91",
                                                 "\xCC\x81"};
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    std::string text;
    for (std::uint64_t i = 0; i < 400; ++i)
      text += kPieces[static_cast<std::size_t>(uniform_draw(seed, 1, i) * std::size(kPieces))];
    const std::vector<Finding> whole = scan(text, Profile::hipaa);
    std::vector<Finding> found;
    Scanner scanner(Profile::hipaa);
    for (std::size_t at = 0, n = 0; at < text.size(); ++n) {
      const auto size = static_cast<std::size_t>(uniform_draw(seed, 2, n) * 40);
      scanner.feed(std::string_view(text).substr(at, size), found);
      at += size;
    }
    scanner.finish(found);
    ASSERT_EQ(found, whole) << seed;
    std::uint64_t end = 0;
    for (const Finding& f : whole) {
      ASSERT_LE(end, f.begin);
      ASSERT_LT(f.begin, f.end);
      ASSERT_LE(f.end, text.size());
      end = f.end;
    }
  }
}

TEST(Scanner, LongTokensAndTexts) {
  const std::string blob(100'000, 'a');
  EXPECT_EQ(shown(blob + " jane@example.com"), "email=jane@example.com");
  EXPECT_EQ(shown(std::string(100'000, '1') + " jane@example.com"), "email=jane@example.com");
  std::string far;
  for (int i = 0; i < 20'000; ++i) far += "all is well, nothing here at all. ";
  EXPECT_EQ(shown(far + "jane@example.com"), "email=jane@example.com");
}

TEST(Masker, Styles) {
  auto masked = [](std::string_view text, MaskStyle style) {
    Masker masker(Profile::hipaa, style);
    std::string out = masker.feed(text);
    return out + masker.finish();
  };
  EXPECT_EQ(masked("mail jane@example.com!", MaskStyle::kind), "mail [email]!");
  EXPECT_EQ(masked("on March 5, 2024 at ZIP 02139, ZIP 03601, 93 years old", MaskStyle::safe_harbor),
            "on 2024 at ZIP 021**, ZIP 000**, 90+ years old");
  EXPECT_EQ(hint_of(Kind::email, "jane@example.com"), "j***@*******.**m");
  EXPECT_EQ(hint_of(Kind::password, "hunter2"), "*******");
  EXPECT_EQ(hint_of(Kind::person, "Zoe"), "***");
  EXPECT_EQ(hint_of(Kind::person, "Zo\xC3\xAB M\xC3\xBCller"), "Z** *****r");
  EXPECT_EQ(hint_of(Kind::person, "\xC3\x89mile M\xC3\xA9li\xC3\xA9"), "\xC3\x89**** ****\xC3\xA9");
  EXPECT_EQ(hint_of(Kind::person, "Zo\xFF M\xFCller"), "*** ******");
  const std::string longer = "a-" + std::string(60, 'b') + "@c.org";
  EXPECT_EQ(hint_of(Kind::email, longer), "a-" + std::string(46, '*'));
  EXPECT_EQ(hint_of(Kind::email, longer.substr(0, 48)), "a-" + std::string(45, '*') + "b");
}

TEST(Masker, GivesOutWhatIsSafe) {
  Masker masker(Profile::gdpr);
  EXPECT_EQ(masker.feed("the answer is "), "the answer is ");
  EXPECT_EQ(masker.feed("jane@exam"), "");
  EXPECT_EQ(masker.feed("ple.com and "), "[email] and ");
  EXPECT_EQ(masker.finish(), "");
  EXPECT_EQ(masker.counts()[static_cast<std::size_t>(Kind::email)], 1u);
}

TEST(Kinds, NamesAreUniqueAndProfilesDiffer) {
  std::map<std::string_view, int> names;
  int hipaa = 0, secrets = 0;
  for (const KindInfo& row : all_kinds()) {
    ++names[row.name];
    EXPECT_EQ(kind_from_name(row.name), row.kind);
    hipaa += takes(Profile::hipaa, row.kind);
    secrets += takes(Profile::secrets, row.kind);
  }
  EXPECT_EQ(names.size(), kKinds);
  EXPECT_EQ(hipaa, static_cast<int>(kKinds));
  EXPECT_EQ(secrets, 5);
}

}  // namespace
}  // namespace freehold::pii
