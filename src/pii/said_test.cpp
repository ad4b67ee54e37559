// What is said of a number or a password behind it or around it: "… is my passport", "changed from … to …".
#include <gtest/gtest.h>

#include "pii/scan_testing.h"

namespace freehold::pii {
namespace {

using testing::shown;

TEST(Said, NumbersBeforeTheirWord) {
  EXPECT_EQ(shown("DX7KPLWQ2 is my passport number"), "passport=DX7KPLWQ2");
  EXPECT_EQ(shown("is L8812045 a valid passport?"), "passport=L8812045");
  EXPECT_EQ(shown("ist L8812045 ein Reisepass?"), "passport=L8812045");
  EXPECT_EQ(shown("204881937 (driver's license)"), "licence=204881937");
  EXPECT_EQ(shown("D02KXWPQLMT is still my serial number"), "device_id=D02KXWPQLMT");
  EXPECT_EQ(shown("80331 ist meine Postleitzahl"), "postcode=80331");
  EXPECT_EQ(shown("60614 (zip code)"), "postcode=60614");
  EXPECT_EQ(shown("KA-LM 4471 is my license plate"), "plate=KA-LM 4471");
  EXPECT_EQ(shown("19301220398 è il mio numero di partita IVA"), "other_id=19301220398");
  for (const char* text :
       {"is 2024 a good year for passports", "call 80331 a postcode if you like", "12 is a number", "80331 is a lot"})
    EXPECT_EQ(shown(text), "") << text;
}

TEST(Said, NumbersOfStatesBeforeTheirWord) {
  EXPECT_EQ(shown("so 123 456 782 is still my tax file number"), "au_tfn=123 456 782");
  EXPECT_EQ(shown("046 454 286 is my social insurance number"), "ca_sin=046 454 286");
  EXPECT_EQ(shown("536228726 is my social"), "us_ssn=536228726");
  EXPECT_EQ(shown("10000000146 is my T.C. Kimlik no"), "tr_kimlik=10000000146");
  // What looks like a doctor's is what is said of it.
  EXPECT_EQ(shown("AB1234563 is my passport"), "passport=AB1234563");
  EXPECT_EQ(shown("my identity card number is AB1234563"), "other_id=AB1234563");
  EXPECT_EQ(shown("numéro d'assurance sociale 046 454 286"), "ca_sin=046 454 286");
}

TEST(Said, SecondDatesOfBirth) {
  EXPECT_EQ(shown("my date of birth was 3 May 1970 and the new one is 5 March 1971"),
            "birth_date=3 May 1970 | birth_date=5 March 1971");
  EXPECT_EQ(shown("the wrong date of birth, 3/5/1970 instead of 5/3/1971"),
            "birth_date=3/5/1970 | birth_date=5/3/1971");
  EXPECT_EQ(shown("geboren am 3.5.1970 statt 5.3.1971"), "birth_date=3.5.1970 | birth_date=5.3.1971");
  EXPECT_EQ(shown("3 May 1970 (date of birth)"), "birth_date=3 May 1970");
  EXPECT_EQ(shown("3 May 1970 is still my date of birth"), "birth_date=3 May 1970");
  EXPECT_EQ(shown("the new one is 5 March 1971"), "");
}

TEST(Said, SocialAndTelephones) {
  EXPECT_EQ(shown("first name unknown, social 536228726"), "us_ssn=536228726");
  EXPECT_EQ(shown("my soc is 536228726"), "us_ssn=536228726");
  EXPECT_EQ(shown("mon numéro : 08080565227"), "phone=08080565227");
  EXPECT_EQ(shown("What's your number? It's 48 121 420 739."), "phone=48 121 420 739");
  EXPECT_EQ(shown("Anna's number is 948 311 482"), "person=Anna | phone=948 311 482");
  EXPECT_EQ(shown("the caller's number was 08029565684"), "phone=08029565684");
}

TEST(Said, Passwords) {
  EXPECT_EQ(shown("my pass is Meadow14$"), "password=Meadow14$");
  EXPECT_EQ(shown("password changed from Meadow14$ to Hillside15$"), "password=Meadow14$ | password=Hillside15$");
  EXPECT_EQ(shown("change my password from Meadow14$ to Hillside15$"), "password=Meadow14$ | password=Hillside15$");
  EXPECT_EQ(shown("the wrong password, Meadow14$ instead of Hillside15$"), "password=Meadow14$ | password=Hillside15$");
  EXPECT_EQ(shown("the wrong password! The right one is Qd8PBYHPRF"), "password=Qd8PBYHPRF");
  EXPECT_EQ(shown("the password I was given (Meadow14$) does not work"), "password=Meadow14$");
  EXPECT_EQ(shown("Meadow14! is my password"), "password=Meadow14!");
  EXPECT_EQ(shown("is Meadow14# a valid password?"), "password=Meadow14#");
  EXPECT_EQ(shown("6HD5avO7Vzzy is my password"), "password=6HD5avO7Vzzy");
  EXPECT_EQ(shown("WiFi key: vXfa8u1eZ"), "password=vXfa8u1eZ");
  EXPECT_EQ(shown("temporary password: KDGBHLBHVj"), "password=KDGBHLBHVj");
  EXPECT_EQ(shown("login rostova83 / GPSgZmXZGE"), "other_id=rostova83 | password=GPSgZmXZGE");
  EXPECT_EQ(shown("login with rostova83 and Meadow14$"), "other_id=rostova83 | password=Meadow14$");
  EXPECT_EQ(shown("is Meadow14# my password", Profile::secrets), "password=Meadow14#");
  for (const char* text :
       {"password: ********", "the bus pass is valid", "my pass is valid", "the password policy needs SHA256",
        "the password I was given is Required?", "login with the server and go", "is that a valid password?",
        "the password from config99 works"})
    EXPECT_EQ(shown(text), "") << text;
}

TEST(Said, UsersBesideAPassword) {
  EXPECT_EQ(shown(R"({"user": "kmeyer42", "password": "Meadow14$"})"), "other_id=kmeyer42 | password=Meadow14$");
  EXPECT_EQ(shown("user=kmeyer42 pass=Meadow14$"), "other_id=kmeyer42 | password=Meadow14$");
  EXPECT_EQ(shown("user: kmeyer42, pw: Meadow14$"), "other_id=kmeyer42 | password=Meadow14$");
  EXPECT_EQ(shown("usuario: nadia_petrov"), "other_id=nadia_petrov");
  EXPECT_EQ(shown("?user=jkowalski&x=1"), "other_id=jkowalski");
  for (const char* text : {"user: uint32", "user = args.config", "user: string", "user=postgres",
                           "user: admin.settings", "user = models.ForeignKey(x)", "user: varchar255"})
    EXPECT_EQ(shown(text), "") << text;
}

TEST(Said, PlatesWithAnUmlaut) {
  EXPECT_EQ(shown("Kennzeichen TÜ-AB 123"), "plate=TÜ-AB 123");
  EXPECT_EQ(shown("Kennzeichen KÜN AB 123E"), "plate=KÜN AB 123E");
  EXPECT_EQ(shown("LÖ-K 77 ist mein Kennzeichen"), "plate=LÖ-K 77");
  EXPECT_EQ(shown("TÜV-AB 123 gilt"), "");
}

TEST(Said, PathsNameNobody) {
  EXPECT_EQ(shown(R"(- - "GET /account HTTP/1.1" 200 512)"), "");
  EXPECT_EQ(shown("tool /account: 2004817733"), "bank_account=2004817733");
}

TEST(Said, HoweverATextIsCut) {
  const std::string text =
      "sshpass -p Juniper#5512 ssh root@host; mysql -pWillow#77 -u me; my pass is Alder#2290 and password changed from "
      "Maple#1104 to Cedar#8813 instead of Birch#3301. user=pkovacs pass='Elm 41 oak' \"password\": \"two words 7\" "
      "<Password Type=\"x\">Rowan#6619</Password> the password (Hazel#7208) Bearer " +
      std::string(1500, 'k') + "Q7 password=" + std::string(1400, 'z') + "R8 to Aspen#5527";
  for (const Profile profile : {Profile::hipaa, Profile::gdpr, Profile::secrets}) {
    const std::vector<Finding> whole = scan(text, profile);
    EXPECT_GT(whole.size(), 8u);
    for (std::size_t step = 1; step < 300; step += step < 40 ? 1 : 13) {
      Scanner scanner(profile);
      std::vector<Finding> found;
      for (std::size_t i = 0; i < text.size(); i += step) scanner.feed(std::string_view(text).substr(i, step), found);
      scanner.finish(found);
      ASSERT_EQ(found, whole) << step;
    }
  }
}

}  // namespace
}  // namespace freehold::pii
