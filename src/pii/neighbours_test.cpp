// What stands beside a name, firms and places of several words.
#include "pii/neighbours.h"

#include <gtest/gtest.h>

#include "pii/scan_testing.h"
#include "pii/syllables.h"

namespace freehold::pii {
namespace {

TEST(Neighbours, LabelsAbbreviationsAndTitlesAreNobody) {
  for (const char* text :
       {"Re: your claim of May", "Pat.-Nr. folgt", "Art. 17 applies", "Sec. 9 of the lease", "Title VII was cited.",
        "Press Tab. Then wait.", "Mr. President, the floor is yours.", "Dear Sir, the pump broke.", "(Landlord)"})
    EXPECT_EQ(shown(text), "") << text;
  EXPECT_EQ(shown("Sen. Whitlock met voters."), "person=Whitlock");
  EXPECT_EQ(shown("Judge Farnsworth denied it."), "person=Farnsworth");
  EXPECT_EQ(shown("Szanowny Panie Lindqvist, prosimy."), "person=Lindqvist");
}

TEST(Neighbours, DaysAndMonthsAreNobody) {
  for (const char* text : {"Come on Thu or Fri.", "Jan and Feb were dry.", "Open Mon-Fri from 9 to 5."})
    EXPECT_EQ(shown(text), "") << text;
  EXPECT_EQ(shown("Ask Jan Kowalski."), "person=Jan Kowalski");
}

TEST(Neighbours, GreetingsLabelsAndIntroductions) {
  EXPECT_EQ(shown("hey Anjali!! see you"), "person=Anjali");
  EXPECT_EQ(shown("Insured: CHIEKO MORIYAMA"), "person=CHIEKO MORIYAMA");
  EXPECT_EQ(shown("Hi, I'm Ruairi, the plumber."), "person=Ruairi");
  EXPECT_EQ(shown("@Takumi could you look?"), "person=Takumi");
  EXPECT_EQ(shown("The lease between Venkatesan Khandelwal (Landlord) and us"), "person=Venkatesan Khandelwal");
  EXPECT_EQ(shown("@Override stays."), "");
  EXPECT_EQ(shown("Booked for Korhonen/Elina MRS today"), "person=Korhonen | person=Elina");
}

TEST(Neighbours, ContractionsGroupsOpenersAndNounsAreNobody) {
  for (const char* text :
       {"We\xE2\x80\x99ve won, I'll say.", "J'habite ici.", "S'il te plait.", "D'accord.", "My IP is blocked.",
        "CARTA DI CREDITO scaduta", "Dear Neighbours, the lift broke.", "Hi Recruiter,", "Liebe Vermieter,",
        "Hola vecinos, gracias", "Nope, sorry.", "Buonasera, vorrei pagare.", "Quand part le train?",
        "Die Farbe des Kontos stimmt.", "Vertrag mit dem Techniker", "unter der Kreditkarte gebucht"})
    EXPECT_EQ(shown(text), "") << text;
  EXPECT_EQ(shown("Buongiorno Marta, come va?"), "person=Marta");
  EXPECT_EQ(shown("Ask O'Brien about it."), "person=O'Brien");
  EXPECT_EQ(shown("Zeugin war Gesine von der Heide."), "person=Gesine von der Heide");
  EXPECT_EQ(shown("Mr. den Boer rang."), "person=den Boer");
  EXPECT_EQ(shown("Das ist der Karl."), "person=Karl");
  EXPECT_EQ(shown("MARIA DI STEFANO called."), "person=MARIA DI STEFANO");
  EXPECT_EQ(shown("Donor: Anna Schmidt"), "person=Anna Schmidt");
}

TEST(Neighbours, NamesOfTwoSyllables) {
  EXPECT_EQ(shown("The parcel for Zhengyuan is here."), "person=Zhengyuan");
  EXPECT_EQ(shown("Weilong was born there."), "person=Weilong");
  const auto two = [](std::string_view word) {
    const Text text(word, true);
    return is_two_syllables(text, word_at(text, 0));
  };
  EXPECT_TRUE(two("Xuefeng"));
  EXPECT_TRUE(two("Jiahui"));
  EXPECT_FALSE(two("Tonight"));
  EXPECT_FALSE(two("Invoice"));
}

TEST(Neighbours, NamesOfTwoHalvesAndThreeSyllables) {
  EXPECT_EQ(shown("I met Anne-Sophie Lacroix there."), "person=Anne-Sophie Lacroix");
  EXPECT_EQ(shown("Kind regards\nSeung-hoon Choi"), "person=Seung-hoon Choi");
  EXPECT_EQ(shown("Jin-young left early."), "person=Jin-young");
  EXPECT_EQ(shown("Check-in Desk is open."), "");
  EXPECT_EQ(shown("Dr. Pham Thi Thu Ha will come."), "person=Pham Thi Thu Ha");
  EXPECT_EQ(shown("Minh Quang Hoang, aged nine"), "person=Minh Quang Hoang");
}

TEST(Neighbours, WhoIsAskedAbout) {
  EXPECT_EQ(shown("What's Ingrid doing here?"), "person=Ingrid");
  EXPECT_EQ(shown("Where is Giulia?"), "person=Giulia");
  EXPECT_EQ(shown("She's Ingrid's cousin."), "person=Ingrid");
  EXPECT_EQ(shown("Standup notes: Pedro to write."), "person=Pedro");
  EXPECT_EQ(shown("Messrs Barnaby and Thornton called."), "person=Barnaby | person=Thornton");
  EXPECT_EQ(shown("What is Python?"), "");
}

TEST(Neighbours, ParticlesAndSurnamesOfTowns) {
  EXPECT_EQ(shown("Lorenzo De Luca moved."), "person=Lorenzo De Luca");
  EXPECT_EQ(shown("Please book a table for Thornton."), "person=Thornton");
  EXPECT_EQ(shown("Dear Seung-hoon, hello"), "person=Seung-hoon");
}

TEST(Neighbours, SaintsAndSidesOfCountries) {
  EXPECT_EQ(shown("Dear Dr Saint-Martin,"), "person=Saint-Martin");
  EXPECT_EQ(shown("It rains in Upper Austria in October."), "place=Upper Austria");
  EXPECT_EQ(shown("Born: Arequipa, Peru."), "place=Arequipa | place=Peru");
  EXPECT_EQ(shown("The people of Bydgoszcz complain."), "place=Bydgoszcz");
  EXPECT_EQ(shown("We live in Banja Luka now."), "place=Banja Luka");
  EXPECT_EQ(shown("A fire at 12 rue des Ormes in Arequipa."), "address=12 rue des Ormes | place=Arequipa");
  EXPECT_EQ(shown("Calle los Robles 14"), "address=Calle los Robles 14");
  EXPECT_EQ(shown("Kungsall\xC3\xA9n 7, 123 45 Uppsala"),
            "address=Kungsall\xC3\xA9n 7 | postcode=123 45 | place=Uppsala");
  EXPECT_EQ(shown("Leipziger Ring 9"), "address=Leipziger Ring 9");
}

TEST(Neighbours, TownsNamedForSomebodyAndMilitaryMail) {
  EXPECT_EQ(shown("I live in Lake Brandon now."), "place=Lake Brandon");
  EXPECT_EQ(shown("Send it to PSC 4412, Box 310, APO AE 09123."), "address=PSC 4412, Box 310, APO AE 09123");
  EXPECT_EQ(shown("Send it to USNS Corbett, FPO AP 96543."), "address=USNS Corbett, FPO AP 96543");
  EXPECT_EQ(shown("Flat 7, 3 Gavin Dene, Bristol"), "address=Flat 7, 3 Gavin Dene | place=Bristol");
  EXPECT_EQ(shown("Studio 7, Gavin shoals, Bristol"), "address=Studio 7, Gavin shoals | place=Bristol");
  EXPECT_EQ(shown("Order from Whitlock Bros. Ltd today."), "");
}

TEST(Neighbours, PlacesBehindPlacesAndPrepositions) {
  EXPECT_EQ(shown("She was born in Tampa, Iceland, and left."), "place=Tampa | place=Iceland");
  EXPECT_EQ(shown("We live in Dallas now."), "place=Dallas");
  EXPECT_EQ(shown("Trains between Dallas and Jordan stop."), "place=Dallas | place=Jordan");
  EXPECT_EQ(shown("He emigrated from the U.K. in 1999."), "place=U.K");
  EXPECT_EQ(shown("A citizen living in UK, it says."), "place=UK");
}

TEST(Phrases, FirmsAreNobody) {
  for (const char* text :
       {"I work for Morgan Stanley now.", "A loan by Wells Fargo, it says.", "The audit by Ernst & Young is late.",
        "Harper, Bell and Sons closed.", "Insured by Lindner KG until May.", "We buy from Ashworth Freight Systems."})
    EXPECT_EQ(shown(text), "") << text;
  EXPECT_EQ(shown("She moved to Lubbock, NV in May.").find("place=Lubbock"), 0u);
  EXPECT_EQ(shown("Ask Anna Whitlock, she knows."), "person=Anna Whitlock");
  EXPECT_EQ(shown("Mr. Stanley Morgan called."), "person=Stanley Morgan");
}

TEST(Phrases, PlacesAndSurnamesOfSeveralWords) {
  EXPECT_EQ(shown("They moved to British Columbia in May."), "place=British Columbia");
  EXPECT_EQ(shown("It is in Stoke-on-Trent, I think."), "place=Stoke-on-Trent");
  EXPECT_EQ(shown("We met in Truth or Consequences."), "place=Truth or Consequences");
  EXPECT_EQ(shown("Ask Fatima al-Qahtani today."), "person=Fatima al-Qahtani");
  EXPECT_EQ(shown("Ask Koen van 't Zand today."), "person=Koen van 't Zand");
  EXPECT_EQ(shown("Ask Paolo Dell'Orto today."), "person=Paolo Dell'Orto");
}

TEST(Phrases, WhereverTheTextIsCut) {
  const std::string_view text =
      "Koen van 't Zand of Morgan Stanley, Stoke-on-Trent, met Sen. Whitlock in the U.S. on Thu, Fatima al-Qahtani "
      "too.";
  const std::string whole = shown(text);
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    Scanner scanner(Profile::gdpr);
    std::vector<Finding> found;
    scanner.feed(text.substr(0, cut), found);
    scanner.feed(text.substr(cut), found);
    scanner.finish(found);
    std::string out;
    for (const Finding& f : found)
      out += (out.empty() ? "" : " | ") + std::string(info(f.kind).name) + "=" +
             std::string(text.substr(f.begin, f.end - f.begin));
    EXPECT_EQ(out, whole) << cut;
  }
}

TEST(Neighbours, WordsThatLettersBeginWithAreNobody) {
  for (const char* text : {"Gostaria de saber o saldo",
                           "Podr\xC3\xAD"
                           "an confirmar la cita",
                           "Vivo en el centro", "Helaas is het te laat", "Kart\xC4\xB1n\xC4\xB1z\xC4\xB1n limiti doldu",
                           "Billing address: as before", "Proszę o pomoc", "Quisiera cambiar la fecha",
                           "Vorrei disdire", "seit zehn Jahren"}) {
    const std::string found = shown(text);
    EXPECT_EQ(found.find("person="), std::string::npos) << text << ": " << found;
    EXPECT_EQ(found.find("place="), std::string::npos) << text << ": " << found;
  }
}

}  // namespace
}  // namespace freehold::pii
