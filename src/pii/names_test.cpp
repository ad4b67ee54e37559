// Names and places that no list need hold, what belongs to them, and what only looks like them.
#include <gtest/gtest.h>

#include "pii/looks.h"
#include "pii/scan_testing.h"

namespace freehold::pii {
namespace {

TEST(Names, KeepTheirHalvesParticlesAndInitials) {
  EXPECT_EQ(shown("I spoke to Hae-won Baek yesterday."), "person=Hae-won Baek");
  EXPECT_EQ(shown("I met Fiona Mac Conmara in May."), "person=Fiona Mac Conmara");
  EXPECT_EQ(shown("Please call Salma Al Harthi today."), "person=Salma Al Harthi");
  EXPECT_EQ(shown("Name: K.L. Okonjo"), "person=K.L. Okonjo");
  EXPECT_EQ(shown("Ask Elena Di Bartolo about it."), "person=Elena Di Bartolo");
}

TEST(Names, KeepWhatStandsBehindThem) {
  EXPECT_EQ(shown("Signed by Martha Quennell, MD in May."), "person=Martha Quennell, MD");
  EXPECT_EQ(shown("Signed by Harold Quennell Jr. in May."), "person=Harold Quennell Jr.");
  EXPECT_EQ(shown("Signed by Martha Quennell, PhD."), "person=Martha Quennell, PhD");
}

TEST(Names, LettersOfAllLatinAlphabets) {
  EXPECT_EQ(shown("Mr. \xC6\x8Fsg\xC9\x99rov called."), "person=\xC6\x8Fsg\xC9\x99rov");  // Əsgərov
  EXPECT_EQ(shown("Mrs. Nguy\xE1\xBB\x85n called."), "person=Nguy\xE1\xBB\x85n");         // Nguyễn
  EXPECT_EQ(shown("Mr. \xE1\xB8\xA4"
                  "addad called."),
            "person=\xE1\xB8\xA4"
            "addad");  // Ḥaddad
}

TEST(Names, InitialsAloneAreNobody) {
  EXPECT_EQ(shown("C.F. and P.I. are required."), "");
  EXPECT_EQ(shown("D.O.B. is missing."), "");
}

TEST(Names, WordsOfProgramsAreNobody) {
  EXPECT_EQ(shown("Set SameSite and HttpOnly."), "");
  EXPECT_EQ(shown("The signal is -70 dBm on wlanRadio."), "");
  EXPECT_EQ(shown("DHCPREQUEST from eth1"), "");
}

TEST(Names, FirstWordsLabelsAndPeoplesAreNobody) {
  EXPECT_EQ(shown("Creatinine and glucose were normal."), "");
  EXPECT_EQ(shown("Invoices cannot be combined."), "");
  EXPECT_EQ(shown("Nationality: Ghanaian"), "");
  EXPECT_EQ(shown("She works for Vodafone."), "");
}

TEST(Names, OfManyOrigins) {
  EXPECT_EQ(shown("Please call Kazuhiro Tsuchiya today."), "person=Kazuhiro Tsuchiya");
  EXPECT_EQ(shown("Please call Fionnuala Geraghty today."), "person=Fionnuala Geraghty");
  EXPECT_EQ(shown("Please call Ikechukwu Olajide today."), "person=Ikechukwu Olajide");
  EXPECT_EQ(shown("Please call Heather Ramsbottom today."), "person=Heather Ramsbottom");
}

TEST(Names, LabelsOfOtherLanguagesAreNobody) {
  for (const char* words : {"Paczka z Wroc\xC5\x82"
                            "awia",
                            "Bonifico urgente", "Schrauben und Muttern", "Zwiebeln, Kartoffeln und Rindfleisch",
                            "Atenciosamente", "Zahlungserinnerung", "Payee details", "Asiakas"})
    EXPECT_EQ(shown(words).find("person"), std::string::npos) << words << ": " << shown(words);
}

TEST(Places, OfSeveralWords) {
  EXPECT_EQ(shown("We flew to Bosnia and Herzegovina."), "place=Bosnia and Herzegovina");
  EXPECT_EQ(shown("She lives in Freiburg im Breisgau."), "place=Freiburg im Breisgau");
  EXPECT_EQ(shown("They moved to Dar es Salaam."), "place=Dar es Salaam");
}

TEST(Addresses, OfManyForms) {
  for (const char* address :
       {"Flat 9, 31b Orchard Road", "414 E 3rd Avenue", "77 19th St", "Via C. Battisti 12", "Viale Dante n. 7/B",
        "Lungarno Torrigiani 3", "C/ Serrano 41, 2\xC2\xBA B", "Paseo del Prado n\xC2\xBA 8", "18 ter rue des Lilas",
        "5 place des Ternes", "Alter Kirchweg 9", "Oude Singel 44a", "Prinsengracht 263-II", "61 Oriental Parade",
        "3/27 Kent Street", "Lindengasse 14/2/9", "12 Pine Loop, Apt 7C"}) {
    EXPECT_EQ(shown(std::string("It is at ") + address + "."), "address=" + std::string(address));
  }
  EXPECT_EQ(shown("Zum Weiher 6, 93047 Regensburg"), "address=Zum Weiher 6 | postcode=93047 | place=Regensburg");
  EXPECT_EQ(shown("Im Jahr 1990 war es kalt."), "");
  // No street has so high a number without a word that says so, behind a flat's number neither.
  EXPECT_EQ(shown("Flat 1, 123456 Mill Road").find("address"), std::string::npos);
}

TEST(Addresses, StatesAndPostalCodesBehindTheTown) {
  EXPECT_EQ(shown("12 Main Street, Denver, CO 80202"),
            "address=12 Main Street | place=Denver | place=CO | postcode=80202");
  EXPECT_EQ(shown("9 Collins Street, Hobart TAS 7000"), "address=9 Collins Street | place=Hobart TAS | postcode=7000");
}

TEST(Looks, OfANameAndOfAnOrdinaryWord) {
  auto look = [](std::string_view word) {
    const Text text(word, true);
    return look_of(text, word_at(text, 0));
  };
  EXPECT_GT(look("Kowalczewski").person, look("Reimbursements").person);
  EXPECT_GT(look("Kirchenhausen").place, look("Prescribing").place);
}

}  // namespace
}  // namespace freehold::pii
