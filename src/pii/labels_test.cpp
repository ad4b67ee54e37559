// Words that name a number, with what stands for "number", in many languages; and what a form or what is said behind
// it tells.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "pii/scan_testing.h"

namespace freehold::pii {
namespace {

using testing::shown;

struct Labelled {
  const char* label;
  const char* value;
  const char* kind;
};

void expect_found(const std::vector<Labelled>& rows) {
  for (const Labelled& row : rows)
    EXPECT_EQ(shown(std::string(row.label) + row.value), std::string(row.kind) + "=" + row.value) << row.label;
}

TEST(Labels, Plates) {
  expect_found({{"our scooter ", "MH14GK5521", "plate"},
                {"", "TN 38 CB 4417", "plate"},
                {"it was ", "22 BH 6517 AA", "plate"},
                {"Vehicle no. ", "RJ19CC3074", "plate"},
                {"Registration No: ", "GJ-05-KT-1188", "plate"},
                {"rego ", "QLK-417", "plate"},
                {"Reg: ", "KX58 RWD", "plate"},
                {"the car's registration is ", "7TRK193", "plate"},
                {"a grey lorry, tag ", "M-KL 2041", "plate"},
                {"the taxi ", "BD51 SMR", "plate"},
                {"número de placa ", "KRT4D17", "plate"},
                {"reg.nr. ", "BJK 417", "plate"}});
  EXPECT_EQ(shown("git tag v1.2 and registration open 2024, part number GA12B3456"), "");
}

TEST(Labels, PatientsAndPolicies) {
  expect_found({{"Patienten-Nr. ", "P4410927", "medical_record"},
                {"Med Rec No: ", "441-0927", "medical_record"},
                {"hospital no. ", "518233", "medical_record"},
                {"Hospital #", "518233", "medical_record"},
                {"unit number ", "518-2331", "medical_record"},
                {"MRN: ", "05-11-23", "medical_record"},
                {"MRN #", "44-98-27", "medical_record"},
                {"número de paciente ", "5182331", "medical_record"},
                {"journalnummer ", "5182331", "medical_record"},
                {"Member #: ", "W551209873", "health_plan"},
                {"OHIP number ", "2231198745", "health_plan"},
                {"Health card no. ", "2231198745", "health_plan"},
                {"numéro d'assuré ", "22311987", "health_plan"},
                {"polis nr. ", "22311987", "health_plan"}});
  for (const char* label : {"Pat.-Nr. ", "Pat. Nr. "})
    EXPECT_NE(shown(label + std::string("4410927")).find("medical_record=4410927"), std::string::npos) << label;
  EXPECT_EQ(shown("Medicare no. 2123 45670 1 IRN 2"), "au_medicare=2123 45670 1");
}

TEST(Labels, AccountsAndClients) {
  expect_found({{"A/C no. ", "000771208455", "bank_account"},
                {"a/c ", "771208455012", "bank_account"},
                {"číslo účtu: ", "2208455012", "bank_account"},
                {"numer rachunku ", "2208455012", "bank_account"},
                {"card security code ", "417", "other_id"},
                {"código de seguridad ", "417", "other_id"},
                {"UTR ", "4471209385", "other_id"},
                {"client no. ", "E441870", "other_id"},
                {"Client № ", "441870", "other_id"},
                {"numéro de client ", "441870", "other_id"},
                {"kundnummer: ", "441870", "other_id"},
                {"Kd.-Nr. ", "441870", "other_id"},
                {"cliente n. ", "441870", "other_id"},
                {"asiakasnumero ", "441870", "other_id"},
                {"zákaznické číslo ", "441870", "other_id"}});
  EXPECT_EQ(shown("BSB 062-118 Acc 771208455"), "bank_account=062-118 | bank_account=771208455");
  EXPECT_EQ(shown("acc: 0.98231 after a C program for MT19937"), "");
}

TEST(Labels, LicencesAndDocuments) {
  expect_found({{"Lic. No. ", "K410-2207-9913", "licence"},
                {"CDL ", "B4410927", "licence"},
                {"korekort nr. ", "44109272", "licence"},
                {"patente B n. ", "U1K7LMZRTB", "licence"},
                {"", "MOREA657054SM9IJ", "licence"},
                {"", "K410-220-79-913-0", "licence"},
                {"ppt no ", "K4410927", "passport"},
                {"Pass-Nr.: ", "C4KLRT7PX", "passport"},
                {"číslo pasu: ", "44109273", "passport"},
                {"护照号码：", "E44109273", "passport"},
                {"Personalausweis ", "LPHCNYW4Z7", "other_id"},
                {"C.I. ", "CB20817KT", "other_id"},
                {"C.I. ", "AV 4410927", "other_id"}});
  EXPECT_EQ(shown("License: BSD, Copyright: 2013-2015, 2017-2019"), "");
}

TEST(Labels, NumbersOfStates) {
  expect_found({{"TNIN ", "1-1014-00234-56-2", "other_id"},
                {"my Thai ID is ", "1101400234562", "other_id"},
                {"Thai ID card number: ", "1101400234562", "other_id"},
                {"เลขประจำตัวประชาชน ", "1101400234562", "other_id"},
                {"주민등록번호 ", "8506152370981", "kr_rrn"},
                {"soc sec # ", "536228726", "us_ssn"},
                {"rod. č. ", "7103192745", "cz_rodne_cislo"},
                {"cod. fisc. ", "RSSMRA 85T10 A562S", "it_codice_fiscale"}});
  EXPECT_EQ(shown("my Thai ID is 1101400234565 so"), "");  // the check
}

TEST(Labels, Devices) {
  expect_found({{"IMEI1: ", "490154203237518", "device_id"},
                {"phone IMEI: ", "49-015420-323751-8", "device_id"},
                {"Phone2: ", "212-555-0187", "phone"}});
}

TEST(Labels, WhatIsSaidBehind) {
  for (const char* text : {"K44109273 - that is the passport number", "K44109273 is my passport", "021000021 (ABA)",
                           "44109273 ist meine Kundennummer", "K44109273 es mi pasaporte", "QWXZ-44109273 (passport)",
                           "QWXZ/44109273 - that is the passport number"})
    EXPECT_NE(shown(text).find(std::string(text).substr(0, 8)), std::string::npos) << text;
  EXPECT_EQ(shown("536.22.8726 is the social security number on file"), "us_ssn=536.22.8726");
  EXPECT_EQ(shown("order 44109273 is late, the passport office is closed (account closed)"), "");
}

TEST(Labels, Passwords) {
  expect_found({{"pw: ", "Meadow11$", "password"},
                {"PASS=", "Lt7vRqPzWd2K", "password"},
                {"DB_PASS=", "lt7wrqpz!", "password"},
                {"pass = ", "lt7wrqpz!", "password"},
                {"temp pass: ", "!kitten03", "password"},
                {"heslo: ", "lt7wrqpz", "password"},
                {"lösenord: ", "Meadow2805$", "password"},
                {"adgangskode: ", "meadow28", "password"},
                {"salasana: ", "meadow28", "password"},
                {"hasło to ", "Meadow28!", "password"},
                {"salasana on ", "Meadow28!", "password"},
                {"пароль: ", "meadow28", "password"},
                {"", "smtp://mailer:lt7WrqPz@mail.example.org:587", "password"},
                {"", "neo4j+s://app:lt7WrqPz@db.example.org", "password"}});
  EXPECT_EQ(shown("use Meadow14$ as the password", Profile::secrets), "password=Meadow14$");
  EXPECT_EQ(shown("utilise Meadow14$ comme mot de passe", Profile::secrets), "password=Meadow14$");
  EXPECT_EQ(shown("creds are mkovacs65:lT7wRqPz"), "other_id=mkovacs65 | password=lT7wRqPz");
  EXPECT_EQ(shown("login with mkovacs / lT7wRqPz"), "other_id=mkovacs | password=lT7wRqPz");
  EXPECT_EQ(shown("Zugangsdaten: anna@example.org / lT7wRqPz"), "email=anna@example.org | password=lT7wRqPz");
  EXPECT_EQ(shown("Failed password for mkovacs65 from 203.0.113.7"), "ip=203.0.113.7");
  for (const char* text :
       {"PASS: parser_test2 (0.02s)", "pass 2024 on to them", "login with SAML / OAuth2", "login.3 man3/logout.3",
        "use 4 threads as before", "sign in with GitHub/GitLab", "merge pw/p4-root later"})
    EXPECT_EQ(shown(text), "") << text;
}

TEST(Labels, SecretsFindWhatOthersDo) {
  EXPECT_EQ(shown("OTP 551904", Profile::secrets), "password=551904");
  EXPECT_EQ(shown("mongodb+srv://app:lT7wRqPz@cluster0.example.net/prod", Profile::secrets),
            "password=mongodb+srv://app:lT7wRqPz@cluster0.example.net/prod");
}

TEST(Labels, UsersOfLettersAlone) {
  EXPECT_EQ(shown("username kovacsb"), "other_id=kovacsb");
  EXPECT_EQ(shown("User ID jmoreau is locked"), "other_id=jmoreau");
  for (const char* text : {"username validation", "login screens", "to handle funky branches", "user id mapping"})
    EXPECT_EQ(shown(text), "") << text;
}

TEST(Labels, ShortCards) {
  EXPECT_EQ(shown("the balance on 630412345674"), "card=630412345674");
}

TEST(Labels, WhereverTheTextIsCut) {
  const std::string text =
      "Pat. Nr. 4410927, rod. č. 7103192745, Member #: W551209873; creds are mkovacs65:lT7wRqPz. K44109273 - that is "
      "the "
      "passport number. DB_PASS=lt7wrqpz! use Meadow14$ as the password; smtp://mailer:lt7WrqPz@mail.example.org:587 "
      "IMEI1: 490154203237518 número de paciente 5182331 Client № 441870";
  const std::vector<Finding> whole = scan(text, Profile::hipaa);
  EXPECT_GE(whole.size(), 11u);
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    std::vector<Finding> out;
    Scanner scanner(Profile::hipaa);
    scanner.feed(std::string_view(text).substr(0, cut), out);
    scanner.feed(std::string_view(text).substr(cut), out);
    scanner.finish(out);
    ASSERT_EQ(out.size(), whole.size()) << cut;
    for (std::size_t i = 0; i < out.size(); ++i) {
      EXPECT_EQ(out[i].begin, whole[i].begin) << cut;
      EXPECT_EQ(out[i].kind, whole[i].kind) << cut;
    }
  }
}

}  // namespace
}  // namespace freehold::pii
