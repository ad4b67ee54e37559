// Streets, houses, flats and boxes as many countries write them, with their postal codes, and what only looks like
// them.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "pii/scan_testing.h"

namespace freehold::pii {
namespace {

using testing::shown;

void expect_whole(std::initializer_list<const char*> addresses) {
  for (const char* address : addresses) {
    EXPECT_EQ(shown(std::string("see ") + address + "; thanks"), "address=" + std::string(address));
  }
}

TEST(Addresses, BeginWithASmallWord) {
  expect_whole({"ul. Ogrodowa 14", "ul. Jana Kili\xC5\x84skiego 22A m. 3", "al. Jerozolimskie 123/7",
                "os. S\xC5\x82oneczne 4/12",
                "pl. Wolno\xC5\x9B"
                "ci 3",
                "ul. ks. Jerzego Popie\xC5\x82uszki 5 lok. 2", "ul. gen. Maczka 9", "ul. \xC5\x9Aw. Marcin 12/4",
                "Av. Pres. Vargas 100", "ul. 1 Maja 17", "viale delle Rose 77", "calle Mayor 5",
                "avenida de Am\xC3\xA9rica, 12", "rua das Laranjeiras, 210, 3.\xC2\xBA Dto",
                "n\xC3\xA1m\xC4\x9Bst\xC3\xAD M\xC3\xADru 820/9", "str. Victoriei 15", "rue de la Loi 16"});
  EXPECT_EQ(shown("abito in via Mazzini 8 ora"), "address=via Mazzini 8");
  EXPECT_EQ(shown("abito in via dell'Orso, 8 ora"), "address=via dell'Orso, 8");
  EXPECT_EQ(shown("wohnt am Markt 3, 80331 M\xC3\xBCnchen"), "address=am Markt 3 | postcode=80331 | place=München");
  for (const char* text :
       {"sent via Route 66", "os Mundiais 5 vezes", "av Dagen 12 i rad", "am Montag 12 Leute", "an Hour 12", "al Gol 3",
        "in first place 5 of them", "treno via Bologna, 12 minuti", "page 12 of 44"})
    EXPECT_EQ(shown(text).find("address="), std::string::npos) << text;
}

TEST(Addresses, OfIndia) {
  expect_whole({"H.No. 12-4/7, Saket Nagar", "House No. 45, Sector 15", "Flat No. B-204, Rohan Heights, Baner Road",
                "Door No 8/112, 3rd Cross, Jayanagar", "Plot No 77, Phase II", "Shop No. 4, Gandhi Market",
                "Flat 22, Silver Oaks, Linking Road"});
  EXPECT_EQ(shown("D.No. 5-9-22, Tilak Marg, Hyderabad - 500029"),
            "address=D.No. 5-9-22, Tilak Marg | place=Hyderabad | postcode=500029");
  EXPECT_EQ(shown("12, Tilak Road, Nagpur-440001"), "address=12, Tilak Road | place=Nagpur | postcode=440001");
  for (const char* text : {"Plot No. 5 shows the yield", "Room 12, Monday", "Level 3, Chapter 4", "Lot 12 was sold",
                           "Flat No. 4 is noisy", "Unit 4, Lesson 5"})
    EXPECT_EQ(shown(text).find("address="), std::string::npos) << text;
}

TEST(Addresses, NamedForDaysAndPeople) {
  expect_whole({"Via IV Novembre 12/B",
                "Corso XXII Marzo, 30",
                "Via 25 Aprile 9",
                "Calle 9 de Julio 432",
                "11 rue du 8 Mai 1945",
                "Stra\xC3\x9F"
                "e des 17. Juni 135",
                "Platz der Republik 1",
                "Piazza dell'Unit\xC3\xA0 d'Italia 5",
                "Koningin Emmalaan 28-2",
                "Jan van Nassaustraat 12 A",
                "Van der Helstplein 9",
                "Burgemeester de Vlugtlaan 144",
                "Anne Frankstraat 5",
                "Kong Oscars gate 54",
                "Birger Jarlsgatan 18, lgh 1102",
                "Gl. Kongevej 60",
                "Kossuth Lajos utca 12",
                "Ba\xC4\x9F"
                "dat Caddesi No: 112",
                "2100 SW Martin Luther King Jr. Crossing",
                "3310 N. Rev. Dr. Samuel Smith Blvd, Apt 3",
                "1234 Avenue of the Americas",
                "880 Highway 50",
                "4400 County Road 12",
                "1500 Broadway"});
  EXPECT_EQ(shown("In 1927 Route 14 and in 2011 Broadway").find("address="), std::string::npos);
}

TEST(Addresses, WithTheirUnits) {
  expect_whole({"Kirchgasse 5, 2. OG",
                "S\xC3\xB8ndergade 44, 2. tv",
                "Calle Real, s/n",
                "C/ Serrano 22, bajo",
                "Av. Reforma 1602, Int. 4",
                "Pra\xC3\xA7"
                "a da Alegria, n.\xC2\xBA 12, r/c",
                "Rua Augusta, n.\xC2\xBA 1234 - cj. 52",
                "Rua Sete de Setembro, n.\xC2\xBA 55 - apto 301, bloco B",
                "Camino Real, 22, 1.\xC2\xBA izq",
                "14 impasse des Mimosas, B\xC3\xA2t. C",
                "Rosenweg 60 c",
                "Storgatan 12 A",
                "Mannerheimintie 12 A 7",
                "Cra. 15 # 93-60",
                "Carrera 7 No. 71-21",
                "Unit 7/19 Wattle Parade",
                "Lot 14 Kurrajong Court",
                "Suite 2, Level 3, 120 Collins Street",
                "P.zza Dante 3",
                "Largo dei Tintori snc",
                "Hoogstraat 17 bis"});
}

TEST(Addresses, OfWhatEndsLikeOtherWords) {
  expect_whole({"Weteringschans 12-2", "Gamla Pr\xC3\xA4stgr\xC3\xA4nd 4",
                "Lavendelstr\xC3\xA6"
                "de 5",
                "Berkenhof 31A", "Rozenhof 4-III"});
  EXPECT_EQ(shown("na adrese Vinohradsk\xC3\xA1 12, 130 00 Praha"),
            "address=Vinohradská 12 | postcode=130 00 | place=Praha");
  EXPECT_EQ(shown("Rozenhof 12, 5611 AB Eindhoven"), "address=Rozenhof 12 | postcode=5611 AB | place=Eindhoven");
  for (const char* text : {"Monitoring 5 servers", "Bahnhof 12 Minuten", "Treffpunkt Marktplatz 12:30",
                           "Treffpunkt Marktplatz 12 Uhr", "Wir waren 12 auf Mallorca", "Supermarkt 12, 5000 Artikel",
                           "In der Brigade 12 waren", "Katie 12", "auf Seite 12, 2019 Berichte"})
    EXPECT_EQ(shown(text).find("address="), std::string::npos) << text << shown(text);
}

TEST(Addresses, Boxes) {
  expect_whole({"Post Office Box 4410", "Locked Bag 20", "Private Bag 92019", "po box 4411", "GPO Box 12",
                "Postboks 55", "Caixa Postal 1234", "Casella postale 55", "Skrytka pocztowa 12",
                "Apartado de Correos 77", "Postfach 10 20 30"});
  EXPECT_EQ(shown("BP 20145, 75001 Paris"), "address=BP 20145 | postcode=75001 | place=Paris");
  EXPECT_EQ(shown("Box 1234, 111 22 Stockholm"), "address=Box 1234 | postcode=111 22 | place=Stockholm");
  EXPECT_EQ(shown("BP 120, 80 and Box 12, 5000 pieces"), "");
}

TEST(Postcodes, OfManyCountries) {
  EXPECT_EQ(shown("401 54 \xC3\x96rebro"), "postcode=401 54 | place=Örebro");
  EXPECT_EQ(shown("SE-411 19 G\xC3\xB6teborg"), "postcode=SE-411 19 | place=Göteborg");
  EXPECT_EQ(shown("CH-8001 Z\xC3\xBCrich"), "postcode=CH-8001 | place=Zürich");
  EXPECT_EQ(shown("D-10115 Berlin"), "postcode=D-10115 | place=Berlin");
  EXPECT_EQ(shown("S\xC3\xB8ndergade 5, 8000 Aarhus"), "address=Søndergade 5 | postcode=8000 | place=Aarhus");
  EXPECT_EQ(shown("ul. Polna 9, 58-554 Jelenia G\xC3\xB3ra").find("postcode=58-554") != std::string::npos, true);
  EXPECT_EQ(shown("Kingaroy QLD 4610").find("postcode=4610") != std::string::npos, true);
  EXPECT_EQ(shown("1454 SW Barbur Blvd"), "address=1454 SW Barbur Blvd");
  for (const char* text : {"the 300 50 meter runs", "we sold 401 54 times", "model B-1000 Basic", "1000 AB tests"})
    EXPECT_EQ(shown(text).find("postcode="), std::string::npos) << text;
}

TEST(Postcodes, OfTheNetherlandsWrittenTogether) {
  EXPECT_EQ(shown("Keizersgracht 12, 1015CX Amsterdam"),
            "address=Keizersgracht 12 | postcode=1015CX | place=Amsterdam");
  EXPECT_EQ(shown("post it to 3511AB Utrecht"), "postcode=3511AB | place=Utrecht");
  EXPECT_EQ(shown("postcode 2595BD"), "postcode=2595BD");
  for (const char* text : {"part 3511AB is out", "type 1234AB", "error 4500QX Retry", "0511AB Utrecht"})
    EXPECT_EQ(shown(text).find("postcode="), std::string::npos) << text;
}

TEST(Addresses, OfNothingButNumbers) {
  EXPECT_EQ(shown("Building 8,5, M"), "");
  EXPECT_EQ(shown("Flat 1, 123456 Mill Road").find("address=Flat"), std::string::npos);
}

TEST(Addresses, StatesBehindTowns) {
  EXPECT_EQ(shown("12 Pine Loop, Lubbock, NV; then"), "address=12 Pine Loop | place=Lubbock | place=NV");
  EXPECT_EQ(shown("He lives in Denver, CO."), "place=Denver | place=CO");
  EXPECT_EQ(shown("Is it Denver, OK."), "place=Denver");
  EXPECT_NE(shown("5 Oak Ct^^Duluth^MN^55802|").find("postcode=55802"), std::string::npos);
  EXPECT_EQ(shown("Anschrift: Im Winkel 84b, dort"), "address=Im Winkel 84b");
  EXPECT_EQ(shown("Im Artikel 84b steht es"), "");
  EXPECT_EQ(shown("at 16a Bishopsgate Terrace now"), "address=16a Bishopsgate Terrace");
}

TEST(Dates, WithNamesOfMonthsBetweenFigures) {
  for (const char* date : {"21MAR1961", "6Jan2019", "09-MAY-1978", "09/May/1978", "09.MAY.1978", "1961-Mar-21",
                           "1961-März-21", "1961MAR21", "Mar-21-1961", "21MAR61"}) {
    EXPECT_EQ(shown(std::string("DOB ") + date + ", sex F"), std::string("birth_date=") + date);
    EXPECT_EQ(shown(std::string("seen ") + date + ", at home", Profile::hipaa), std::string("date=") + date);
  }
  EXPECT_EQ(shown("passport C01X00T47, issued 11JAN2023"), "passport=C01X00T47");
  EXPECT_EQ(shown("[13/Jul/2023:23:15:33 +0000] GET", Profile::hipaa), "date=13/Jul/2023");
  EXPECT_EQ(shown("part 12ABC2019, room 3MAYBE12, 40MAR1999", Profile::hipaa).find("date="), std::string::npos);
}

TEST(Dates, OfMessages) {
  EXPECT_EQ(shown("||19510304|F|||"), "birth_date=19510304");
  EXPECT_EQ(shown("DMG*D8*19510304*M~"), "birth_date=19510304");
  EXPECT_EQ(shown("DTM+329:19510304:102'"), "birth_date=19510304");
  EXPECT_EQ(shown("|202301151030||", Profile::hipaa), "date=202301151030");
  EXPECT_EQ(shown("|19513904|F| and 19510304*F", Profile::hipaa), "");
}

TEST(Dates, BehindWordsOfBirth) {
  for (const char* said : {"f\xC3\xB8"
                           "dselsdato: %",
                           "f\xC3\xB6"
                           "delsedatum %",
                           "syntym\xC3\xA4"
                           "aika %",
                           "narozen %", "urodzona %", "F. Nac.: %", "dt. nasc. %"}) {
    std::string text = said;
    text.replace(text.find('%'), 1, "03.05.1971");
    EXPECT_EQ(shown(text), "birth_date=03.05.1971") << text;
  }
}

TEST(Addresses, WhereverATextIsCut) {
  const std::string text =
      "ul. 1 Maja 17, 40-224 Katowice; in via dell'Orso, 8; Jan van Nassaustraat 12 A, 3011 PD Rotterdam; "
      "H.No. 12-4/7, Saket Nagar, Bhopal - 462001; Box 1234, 111 22 Stockholm; 11 rue du 8 Mai 1945, 3e \xC3\xA9tage; "
      "DOB 21MAR1961, ||19510304|F| and 13/Jul/2023:23:15:33 ";
  const std::vector<Finding> whole = scan(text, Profile::hipaa);
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    Scanner scanner(Profile::hipaa);
    std::vector<Finding> parts;
    for (const std::string& part : {text.substr(0, cut), text.substr(cut)}) scanner.feed(part, parts);
    scanner.finish(parts);
    EXPECT_EQ(parts, whole) << cut;
  }
}

}  // namespace
}  // namespace freehold::pii
