// Numbers of states: examples that the states or their registers publish, each with a wrong digit, and in other
// company.
#include "pii/national_ids.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "pii/code.h"
#include "pii/scanner.h"

namespace freehold::pii {
namespace {

struct Example {
  Kind kind;
  std::string_view cue;
  std::string_view value;
};

constexpr Example kExamples[] = {
    {Kind::us_ssn, "SSN", "536-22-8726"},
    {Kind::us_ssn, "SSN", "536228726"},
    {Kind::us_itin, "ITIN", "912-70-1234"},
    {Kind::uk_nhs, "NHS number", "943 476 5919"},
    {Kind::uk_nhs, "NHS", "9434765919"},
    {Kind::uk_nino, "NI number", "AB 12 34 56 C"},
    {Kind::uk_nino, "National Insurance number", "AB123456C"},
    {Kind::de_tax_id, "Steuer-ID", "86095742719"},
    {Kind::de_tax_id, "IdNr", "47 036 892 816"},
    {Kind::fr_nir, "NIR", "2 55 08 14 168 025 38"},
    {Kind::fr_nir, "NIR", "255081416802538"},
    {Kind::es_dni, "DNI", "12345678Z"},
    {Kind::es_nie, "NIE", "X1234567L"},
    {Kind::es_nie, "NIE", "X-1234567-L"},
    {Kind::it_codice_fiscale, "Codice fiscale", "RSSMRA85T10A562S"},
    {Kind::nl_bsn, "BSN", "111222333"},
    {Kind::pl_pesel, "PESEL", "44051401359"},
    {Kind::be_national_number, "Rijksregisternummer", "85.07.30-033.28"},
    {Kind::pt_nif, "NIF", "123456789"},
    {Kind::se_personnummer, "Personnummer", "811228-9874"},
    {Kind::se_personnummer, "Personnummer", "19811228-9874"},
    {Kind::fi_hetu, "HETU", "131052-308T"},
    {Kind::dk_cpr, "CPR", "070761-4285"},
    {Kind::ch_ahv, "AHV", "756.9217.0769.85"},
    {Kind::at_svnr, "SVNR", "1237 010180"},
    {Kind::ie_pps, "PPS number", "1234567T"},
    {Kind::ie_pps, "PPSN", "1234567TW"},
    {Kind::cz_rodne_cislo, "Rodné číslo", "780123/3540"},
    {Kind::bg_egn, "EGN", "7523169263"},
    {Kind::hr_oib, "OIB", "33392005961"},
    {Kind::ee_isikukood, "Isikukood", "37605030299"},
    {Kind::tr_kimlik, "TC Kimlik", "10000000146"},
    {Kind::br_cpf, "CPF", "390.533.447-05"},
    {Kind::br_cpf, "CPF", "39053344705"},
    {Kind::br_cnpj, "CNPJ", "16.727.230/0001-97"},
    {Kind::mx_curp, "CURP", "BOXW310820HNERXN09"},
    {Kind::cl_rut, "RUT", "76.086.428-5"},
    {Kind::ar_cuit, "CUIT", "20-05536168-2"},
    {Kind::ca_sin, "SIN", "046 454 286"},
    {Kind::in_aadhaar, "Aadhaar", "2341 2341 2346"},
    {Kind::in_pan, "PAN", "ACUPA7085R"},
    {Kind::cn_resident_id, "ID card", "11010519491231002X"},
    {Kind::sg_nric, "NRIC", "S1234567D"},
    {Kind::il_id, "Teudat Zehut", "123456782"},
    {Kind::za_id, "South African ID", "8001015009087"},
    {Kind::au_tfn, "TFN", "123 456 782"},
    {Kind::au_medicare, "Medicare", "2123 45670 1"},
    {Kind::nz_ird, "IRD", "49-091-850"},
    {Kind::us_npi, "NPI", "1234567893"},
    {Kind::us_dea, "DEA", "AB1234563"},
    {Kind::other_id, "GSTIN", "27AAPFU0939F1ZV"},
    {Kind::other_id, "ABN", "51 824 753 556"},
    {Kind::other_id, "ACN", "004 085 616"},
    {Kind::other_id, "NIP", "106-00-00-062"},
    {Kind::other_id, "REGON", "123456785"},
    {Kind::other_id, "PIS", "120.44560.42-0"},
    {Kind::other_id, "Partita IVA", "12345670017"},
    {Kind::other_id, "Rentenversicherungsnummer", "15 070649 C 103"},
};

// And such as have no check, beside their words.
constexpr Example kFormsBesideWords[] = {
    {Kind::other_id, "RFC", "GODE561231GR8"},
    {Kind::other_id, "CNIC", "42201-1234567-1"},
    {Kind::other_id, "MyKad", "880704-10-5023"},
    {Kind::other_id, "Emirates ID", "784-1984-1234567-1"},
    {Kind::other_id, "HKID", "G123456"},
    {Kind::other_id, "UEN", "201912345D"},
    {Kind::other_id, "VAT no.", "GB 123456789"},
    {Kind::other_id, "USt-IdNr", "DE123456789"},
    {Kind::other_id, "EIN", "85-5449449"},
    {Kind::other_id, "Alien number", "A474956920"},
    {Kind::other_id, "Carta d'identita n.", "CA00968AP"},
};

bool finds(const std::string& text, Kind kind, std::string_view value) {
  for (const Finding& f : scan(text, Profile::gdpr)) {
    if (f.kind == kind && text.substr(f.begin, f.end - f.begin) == value) return true;
  }
  return false;
}

TEST(NationalIds, PublishedExamplesAreFoundBesideTheirWords) {
  for (const Example& e : kExamples) {
    const std::string value(e.value), cue(e.cue);
    EXPECT_TRUE(finds(cue + ": " + value, e.kind, value)) << cue << ' ' << value;
    EXPECT_TRUE(finds("my " + cue + " is " + value + ", thanks", e.kind, value)) << cue << ' ' << value;
    EXPECT_TRUE(finds("(" + cue + " " + value + ").", e.kind, value)) << cue << ' ' << value;
  }
}

TEST(NationalIds, FormsAreFoundBesideTheirWords) {
  for (const Example& e : kFormsBesideWords) {
    const std::string value(e.value);
    EXPECT_TRUE(finds(std::string(e.cue) + " " + value + ".", e.kind, value)) << e.cue << ' ' << value;
  }
  for (const char* text : {"RFC 2822 and RFC 5322", "VAT 19 percent of 1234567", "rg 4.5.6", "the EIN form"}) {
    EXPECT_TRUE(scan(text, Profile::gdpr).empty()) << text;
  }
}

TEST(NationalIds, NoWrongCheckDigitIsFound) {
  // What has no check digit, or where the last sign is none of it.
  const std::set<Kind> unchecked = {Kind::us_ssn, Kind::us_itin, Kind::uk_nino,
                                    Kind::in_pan, Kind::dk_cpr,  Kind::au_medicare};
  for (const Example& e : kExamples) {
    if (unchecked.contains(e.kind)) continue;
    int wrong = 0;
    std::string changed(e.value);
    char& last = e.kind == Kind::ie_pps && changed.size() == 9 ? changed[7] : changed.back();
    const bool letter = last >= 'A';
    const char right = last;
    for (int k = 0; k < (letter ? 26 : 10); ++k) {
      last = static_cast<char>((letter ? 'A' : '0') + k);
      if (last != right) wrong += finds(std::string(e.cue) + ": " + changed, e.kind, changed);
    }
    EXPECT_EQ(wrong, 0) << e.value;
  }
}

TEST(NationalIds, NeverAsPartOfSomethingLonger) {
  for (const Example& e : kExamples) {
    const std::string value(e.value), cue(e.cue);
    // An underscore is a border: "4111…_expired", "123-45-6789_1" (forms_test.cpp).
    for (const std::string& longer : {"7" + value, value + "7", "x" + value, value + "x"}) {
      EXPECT_FALSE(finds(cue + ": " + longer, e.kind, value)) << longer;
    }
  }
}

TEST(NationalIds, TheUnassignedAreNot) {
  for (const char* value : {"000-12-3456", "666-12-3456", "900-12-3456", "123-00-4567", "123-45-0000", "078-05-1120"}) {
    EXPECT_FALSE(finds(std::string("SSN ") + value, Kind::us_ssn, value)) << value;
  }
  for (const char* value : {"QQ 12 34 56 C", "BG 12 34 56 A", "AO 12 34 56 A", "AB 12 34 56 E"}) {
    EXPECT_FALSE(finds(std::string("NI number ") + value, Kind::uk_nino, value)) << value;
  }
}

TEST(NationalIds, StrongFormsNeedNoWord) {
  for (const Example& e :
       {Example{Kind::us_ssn, "", "536-22-8726"}, Example{Kind::br_cpf, "", "390.533.447-05"},
        Example{Kind::it_codice_fiscale, "", "RSSMRA85T10A562S"},
        Example{Kind::be_national_number, "", "85.07.30-033.28"}, Example{Kind::fi_hetu, "", "131052-308T"},
        Example{Kind::uk_nino, "", "AB 12 34 56 C"}, Example{Kind::ch_ahv, "", "756.9217.0769.85"},
        Example{Kind::es_dni, "", "12345678Z"}, Example{Kind::sg_nric, "", "S1234567D"}}) {
    const std::string value(e.value);
    EXPECT_TRUE(finds("it says " + value + " there", e.kind, value)) << value;
  }
  // Weak ones do: one of eleven nine-digit numbers is a BSN.
  EXPECT_FALSE(finds("it says 111222333 there", Kind::nl_bsn, "111222333"));
  EXPECT_FALSE(finds("order 536228726", Kind::us_ssn, "536228726"));
}

TEST(NationalIds, EveryRowSaysItsSourceAndIsWritable) {
  std::set<Kind> kinds;
  for (const auto table : {european_ids(), other_ids(), register_ids()}) {
    for (const NationalId& row : table) {
      kinds.insert(row.kind);
      EXPECT_GT(row.source.size(), 10u);
      ASSERT_FALSE(row.writings.empty());
      for (const Writing& w : row.writings) EXPECT_TRUE(w.score >= 0 && w.score <= 100);
    }
  }
  EXPECT_GE(kinds.size(), 40u);
}

// What a number's text says of how it is written is what the table's shape says.
TEST(NationalIds, ShapesAreReadAsTheyAreWritten) {
  std::set<std::string_view> shapes;
  for (const auto table : {european_ids(), other_ids()}) {
    for (const NationalId& row : table) {
      for (const Writing& w : row.writings) shapes.insert(w.shape);
    }
  }
  for (const std::string_view shape : shapes) {
    if (shape[0] == '*') continue;
    std::string number(shape);
    std::replace(number.begin(), number.end(), 'A', 'K');
    const Text text(number, true);
    const Code code = code_at(text, 0);
    const Plain plain = code.plain(text, code.count);
    const Written written{plain.size, code.form(code.count), plain.letters};
    for (const std::string_view other : shapes) {
      if (other[0] == '*') continue;
      EXPECT_EQ(written == written_as(other), shape == other) << shape << " and " << other;
    }
    EXPECT_EQ(code.digits_only(code.count), plain.letters == 0) << shape;
  }
}

}  // namespace
}  // namespace freehold::pii
