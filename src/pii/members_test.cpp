// Values of members whose names tell what they are, words with marks that are written apart, names that are ordinary
// words, and ordinary words that are written as names are.
#include <gtest/gtest.h>

#include "pii/scan_testing.h"

namespace freehold::pii {
namespace {

using testing::shown;

TEST(Members, NamesAndPlacesThatNoListHolds) {
  for (const Profile profile : {Profile::gdpr, Profile::hipaa}) {
    EXPECT_EQ(shown(R"({"firstName":"Ada","dob":"1980-01-02","ssn":"536-22-8726"})", profile),
              "person=Ada | birth_date=1980-01-02 | us_ssn=536-22-8726");
    EXPECT_EQ(shown(R"({"first_name":"Xanthia","lastName":"Quorvel","city":"Zelburg"})", profile),
              "person=Xanthia | person=Quorvel | place=Zelburg");
    EXPECT_EQ(shown(R"({"name":"Xanthia Quorvel","billing_city":"Zelburg"})", profile),
              "person=Xanthia Quorvel | place=Zelburg");
    EXPECT_EQ(shown(R"({"customerFirstName":"Xanthia","vorname":"Heike","ort":"Zelburg"})", profile),
              "person=Xanthia | person=Heike | place=Zelburg");
    EXPECT_EQ(shown(R"("family":"Quorvel","given":["Xanthia","Peter James"])", profile),
              "person=Quorvel | person=Xanthia | person=Peter James");
    EXPECT_EQ(shown("{'firstName': 'Xanthia', 'lastName': \"O'Brien\", 'city':'London'}", profile),
              "person=Xanthia | person=O'Brien | place=London");
    EXPECT_EQ(shown(R"({"x":"{\"firstName\":\"Xanthia\",\"ssn\":\"536228726\"}"})", profile),
              "person=Xanthia | us_ssn=536228726");
    EXPECT_EQ(shown("<firstName>Xanthia</firstName><city>Zelburg</city>", profile), "person=Xanthia | place=Zelburg");
    EXPECT_EQ(shown("first_name=Xanthia&last_name=Quorvel&city=Zelburg", profile),
              "person=Xanthia | person=Quorvel | place=Zelburg");
  }
}

TEST(Members, WhatIsNobodys) {
  EXPECT_EQ(shown(R"({"name":"Visual Studio"},{"name":"Total Revenue"},{"name":"Acme Corp"},{"name":"nginx"})"), "");
  EXPECT_EQ(shown(R"({"firstName":"string","lastName":null,"city":"N/A","state":"Open","country":"DE"})"), "");
  EXPECT_EQ(shown(R"({"file_name":"Zorvex"})"), "");
  // The value ends where its quotation mark does.
  EXPECT_EQ(shown(R"({"city":"Zelburg","status":"Pending","type":"Qorvex"})"), "place=Zelburg");
}

TEST(Members, EscapedLetters) {
  EXPECT_EQ(shown(R"({"firstName":"Jos\u00e9","lastName":"M\u00FCller","city":"\u00C9vreux"})"),
            R"(person=Jos\u00e9 | person=M\u00FCller | place=\u00C9vreux)");
  EXPECT_EQ(shown(R"({"x":"{\"name\":\"Jos\\u00e9 Garc\\u00eda\"}"})"), R"(person=Jos\\u00e9 Garc\\u00eda)");
  EXPECT_EQ(shown(R"(see C:\users and \u2014 there)"), "");
}

TEST(Words, MarksThatStandApart) {  // e and U+0301 for é
  EXPECT_EQ(shown("Mr. Jose\xCC\x81 Garci\xCC\x81"
                  "a lives in Mu\xCC\x88nchen."),
            "person=Jose\xCC\x81 Garci\xCC\x81"
            "a | place=Mu\xCC\x88nchen");
  EXPECT_EQ(shown("Te\xCC\x81le\xCC\x81phone : 0123456789"), "phone=0123456789");
  EXPECT_EQ(shown("ne\xCC\x81"
                  "e le 3 mars 1980"),
            "birth_date=3 mars 1980");
}

TEST(Words, DigitsOfFullWidth) {
  EXPECT_EQ(shown("番号 ４１１１１１１１１１１１１１１１。"), "card=４１１１１１１１１１１１１１１１");
  EXPECT_EQ(shown("SSN: ５３６－２２－８７２６"), "us_ssn=５３６－２２－８７２６");
  EXPECT_EQ(shown("IBAN ＤＥ８９３７０４００４４０５３２０１３０００"),
            "iban=ＤＥ８９３７０４００４４０５３２０１３０００");
  EXPECT_EQ(shown("Tel. ＋４９ ３０ ９０１８２０"), "phone=＋４９ ３０ ９０１８２０");
  EXPECT_EQ(shown("第１２章 ２０２４年 ９４１１１１１１１１１１１１１１１！"), "");
}

TEST(Names, ThatAreOrdinaryWords) {
  EXPECT_EQ(shown("We met Will Young yesterday."), "person=Will Young");
  EXPECT_EQ(shown("Dr. Best examined Frau Klein."), "person=Best | person=Klein");
  EXPECT_EQ(shown("Mr. Brown is late."), "person=Brown");
  EXPECT_EQ(shown("I spoke with Mark."), "person=Mark");
  EXPECT_EQ(shown("Will you come? Mark the date."), "");
}

TEST(Names, WithParticles) {
  EXPECT_EQ(shown("Jan de Vries woont hier."), "person=Jan de Vries");
  EXPECT_EQ(shown("Ludwig van der Berg kommt."), "person=Ludwig van der Berg");
  EXPECT_EQ(shown("Otto von Bismarck was here."), "person=Otto von Bismarck");
  EXPECT_EQ(shown("We spoke with Maria del Carmen López yesterday."), "person=Maria del Carmen López");
  EXPECT_EQ(shown("Mr. van der Meer called."), "person=van der Meer");
  EXPECT_EQ(shown("Anna in Berlin"), "person=Anna | place=Berlin");
}

TEST(Names, WhatIsNoPerson) {
  for (const char* text :
       {"She takes Metformin and Lisinopril.", "Ibuprofen 400 mg bei Bedarf", "Herz und Leber sind gesund.",
        "Niere: unauffällig", "Im März am Montag", "It runs on Android."}) {
    EXPECT_EQ(shown(text), "") << text;
  }
}

}  // namespace
}  // namespace freehold::pii
