// Europe's numbers of people.
#include <array>
#include <string>

#include "pii/check_digits.h"
#include "pii/national_ids.h"

namespace freehold::pii {
namespace {

using std::string_view;

int digit(string_view id, std::size_t i) {
  return id[i] - '0';
}
bool is_numeral(char c) {
  return c >= '0' && c <= '9';
}
bool all_same(string_view id) {
  return id.find_first_not_of(id[0]) == string_view::npos;
}

bool uk_nhs(string_view id) {
  const int check = 11 - weighted(id, {10, 9, 8, 7, 6, 5, 4, 3, 2}) % 11;
  return check != 10 && check % 11 == digit(id, 9) && !all_same(id);
}

bool uk_nino(string_view id) {
  static constexpr string_view kNever = "DFIQUV";
  if (kNever.find(id[0]) != string_view::npos || kNever.find(id[1]) != string_view::npos || id[1] == 'O') return false;
  for (const string_view pair : {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}) {
    if (id.starts_with(pair)) return false;
  }
  return id.size() == 8 || (id[8] >= 'A' && id[8] <= 'D');
}

bool de_tax_id(string_view id) {
  if (id[0] == '0') return false;
  int count[10] = {};
  for (std::size_t i = 0; i < 10; ++i) ++count[digit(id, i)];
  int missing = 0, twice = 0, thrice = 0;
  for (const int n : count) {
    missing += n == 0;
    twice += n == 2;
    thrice += n == 3;
    if (n > 3) return false;
  }
  // Up to 2015 exactly one digit twice; since then one may stand three times, but not in a row.
  const bool shaped = (missing == 1 && twice == 1) || (missing == 2 && thrice == 1 && twice == 0);
  for (std::size_t i = 0; i + 2 < 10; ++i) {
    if (id[i] == id[i + 1] && id[i] == id[i + 2]) return false;
  }
  return shaped && iso7064_mod11_10(id);
}

bool fr_nir(string_view id) {
  if (id[0] != '1' && id[0] != '2' && id[0] != '3' && id[0] != '4' && id[0] != '7' && id[0] != '8') return false;
  if (!is_numeral(id[3]) || !is_numeral(id[4])) return false;
  const int month = number_at(id, 3, 2);
  if (month < 1 || (month > 12 && month < 20) || month == 99) return false;
  std::string digits(id.substr(0, 13));
  if (digits[5] == '2' && (digits[6] == 'A' || digits[6] == 'B'))
    digits[6] = digits[6] == 'A' ? '9' : '8';  // Corsica: 19 and 18
  if (digits[5] == '2' && !is_numeral(id[6])) digits[5] = '1';
  for (const char c : digits) {
    if (!is_numeral(c)) return false;
  }
  return 97 - static_cast<int>(modulo(digits, 97)) == number_at(id, 13, 2);
}

constexpr string_view kDniLetters = "TRWAGMYFPDXBNJZSQVHLCKE";

bool es_dni(string_view id) {
  return kDniLetters[modulo(id.substr(0, 8), 23)] == id[8];
}
bool es_nie(string_view id) {
  if (id[0] < 'X' || id[0] > 'Z') return false;
  const std::string digits = static_cast<char>('0' + (id[0] - 'X')) + std::string(id.substr(1, 7));
  return kDniLetters[modulo(digits, 23)] == id[8];
}

bool it_codice_fiscale(string_view id) {
  // Odd places (from 1) count by this table, the same for a digit and its letter (0 = A …); even places by their value.
  static constexpr int kOdd[] = {1,  0,  5, 7, 9, 13, 15, 17, 19, 21, 2,  4,  18,
                                 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};
  static constexpr string_view kMonths = "ABCDEHLMPRST", kOmocodia = "LMNPQRSTUV";
  for (const int i : {0, 1, 2, 3, 4, 5, 8, 11, 15}) {
    if (is_numeral(id[static_cast<std::size_t>(i)])) return false;
  }
  for (const int i : {6, 7, 9, 10, 12, 13, 14}) {
    const char c = id[static_cast<std::size_t>(i)];
    if (!is_numeral(c) && kOmocodia.find(c) == string_view::npos) return false;
  }
  if (kMonths.find(id[8]) == string_view::npos) return false;
  int sum = 0;
  for (std::size_t i = 0; i < 15; ++i) {
    const int value = is_numeral(id[i]) ? id[i] - '0' : id[i] - 'A';
    sum += i % 2 == 0 ? kOdd[value] : value;
  }
  return 'A' + sum % 26 == id[15];
}

bool nl_bsn(string_view id) {
  return weighted(id, {9, 8, 7, 6, 5, 4, 3, 2, -1}) % 11 == 0 && !all_same(id) && !id.starts_with("00");
}

bool pl_pesel(string_view id) {
  const int month = number_at(id, 2, 2);
  if (!is_day(0, month % 20, number_at(id, 4, 2))) return false;
  return (10 - weighted(id, {1, 3, 7, 9, 1, 3, 7, 9, 1, 3}) % 10) % 10 == digit(id, 10);
}

bool be_national_number(string_view id) {
  const int month = number_at(id, 2, 2) % 20, day = number_at(id, 4, 2), check = number_at(id, 9, 2);
  if (month > 12 || day > 31 || number_at(id, 6, 3) == 0) return false;
  const string_view body = id.substr(0, 9);
  const std::string since_2000 = "2" + std::string(body);
  return 97 - static_cast<int>(modulo(body, 97)) == check || 97 - static_cast<int>(modulo(since_2000, 97)) == check;
}

bool pt_nif(string_view id) {
  if (id[0] == '0' || id[0] == '4' || all_same(id)) return false;
  const int rest = weighted(id, {9, 8, 7, 6, 5, 4, 3, 2}) % 11;
  return (rest < 2 ? 0 : 11 - rest) == digit(id, 8);
}

bool se_personnummer(string_view id) {
  if (id.size() == 12) {
    const int century = number_at(id, 0, 2);
    if (century < 18 || century > 20) return false;
    id.remove_prefix(2);
  }
  const int day = number_at(id, 4, 2);
  return is_day(0, number_at(id, 2, 2), day > 60 ? day - 60 : day) && luhn(id);  // + 60: coordination number
}

bool fi_hetu(string_view id) {  // the sign between is no letter of the id: six digits, the century's sign if a letter,
                                // three, check
  static constexpr string_view kCheck = "0123456789ABCDEFHJKLMNPRSTUVWXY";
  const std::string digits = std::string(id.substr(0, 6)) + std::string(id.substr(id.size() - 4, 3));
  for (const char c : digits) {
    if (!is_numeral(c)) return false;
  }
  if (id.size() == 11 && string_view("ABCDEFUVWXY").find(id[6]) == string_view::npos) return false;
  return is_day(0, number_at(digits, 2, 2), number_at(digits, 0, 2)) && number_at(digits, 6, 3) >= 2 &&
         kCheck[modulo(digits, 31)] == id.back();
}

bool dk_cpr(string_view id) {  // since 2007 numbers without a check digit are given out: the date is all there is
  return is_day(0, number_at(id, 2, 2), number_at(id, 0, 2));
}
bool dk_cpr_checked(string_view id) {
  return dk_cpr(id) && weighted(id, {4, 3, 2, 7, 6, 5, 4, 3, 2, 1}) % 11 == 0;
}

bool no_fodselsnummer(string_view id) {
  int day = number_at(id, 0, 2), month = number_at(id, 2, 2);
  if (day > 40) day -= 40;      // D number
  if (month > 40) month -= 40;  // H number
  if (!is_day(0, month, day)) return false;
  const int first = (11 - weighted(id, {3, 7, 6, 1, 8, 9, 4, 5, 2}) % 11) % 11;
  const int second = (11 - weighted(id, {5, 4, 3, 2, 7, 6, 5, 4, 3, 2}) % 11) % 11;
  return first == digit(id, 9) && second == digit(id, 10);
}

bool ean13(string_view id) {
  return (10 - weighted(id, {1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3}) % 10) % 10 == digit(id, 12);
}
bool ch_ahv(string_view id) {
  return id.starts_with("756") && ean13(id);
}

bool at_svnr(string_view id) {
  if (id[0] == '0') return false;
  const int rest = (weighted(id, {3, 7, 9, 0, 5, 8, 4, 2, 1, 6})) % 11;
  const int month = number_at(id, 6, 2);
  return rest != 10 && rest == digit(id, 3) && month >= 1 && month <= 15 && number_at(id, 4, 2) >= 1 &&
         number_at(id, 4, 2) <= 31;
}

bool ie_pps(string_view id) {
  int sum = weighted(id, {8, 7, 6, 5, 4, 3, 2});
  if (id.size() == 9 && id[8] != 'W') {
    if (id[8] < 'A' || id[8] > 'I') return false;
    sum += (id[8] - '@') * 9;
  }
  return string_view("WABCDEFGHIJKLMNOPQRSTUV")[static_cast<std::size_t>(sum % 23)] == id[7];
}

bool cz_rodne_cislo(string_view id) {  // ten digits (since 1954); the older nine have no check digit
  int month = number_at(id, 2, 2);
  if (month > 50) month -= 50;
  if (month > 20) month -= 20;
  return is_day(0, month, number_at(id, 4, 2)) &&
         (modulo(id, 11) == 0 || (modulo(id.substr(0, 9), 11) == 10 && id[9] == '0'));
}

bool ro_cnp(string_view id) {
  if (id[0] == '0' || !is_day(0, number_at(id, 3, 2), number_at(id, 5, 2))) return false;
  // Counties 1 to 48, the sectors of Bucharest that were, and 70: given out without one.
  const int county = number_at(id, 7, 2);
  if (county == 0 || (county > 48 && county != 51 && county != 52 && county != 70)) return false;
  const int rest = weighted(id, {2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9}) % 11;
  return (rest == 10 ? 1 : rest) == digit(id, 12);
}

bool bg_egn(string_view id) {
  if (!is_day(0, number_at(id, 2, 2) % 20, number_at(id, 4, 2))) return false;
  return weighted(id, {2, 4, 8, 5, 10, 9, 7, 3, 6}) % 11 % 10 == digit(id, 9);
}

bool hr_oib(string_view id) {
  return iso7064_mod11_10(id) && !all_same(id);
}

bool ee_isikukood(string_view id) {
  if (id[0] == '0' || id[0] > '8' || !is_day(0, number_at(id, 3, 2), number_at(id, 5, 2))) return false;
  int rest = weighted(id, {1, 2, 3, 4, 5, 6, 7, 8, 9, 1}) % 11;
  if (rest == 10) rest = weighted(id, {3, 4, 5, 6, 7, 8, 9, 1, 2, 3}) % 11;
  return rest % 10 == digit(id, 10);
}

bool gr_amka(string_view id) {
  return is_day(0, number_at(id, 2, 2), number_at(id, 0, 2)) && luhn(id);
}

bool tr_kimlik(string_view id) {
  if (id[0] == '0') return false;
  const int odd = digit(id, 0) + digit(id, 2) + digit(id, 4) + digit(id, 6) + digit(id, 8);
  const int even = digit(id, 1) + digit(id, 3) + digit(id, 5) + digit(id, 7);
  if (((odd * 7 - even) % 10 + 10) % 10 != digit(id, 9)) return false;
  return weighted(id, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}) % 10 == digit(id, 10);
}

constexpr Writing kNhs[] = {{"999 999 9999", 60}, {"999-999-9999", 45}, {"9999999999", 30}};
constexpr Writing kNino[] = {{"AA999999A", 75},   {"AA 99 99 99 A", 90}, {"AA-99-99-99-A", 90},
                             {"AA 999999 A", 85}, {"AA999999 A", 75},    {"AA99 99 99A", 75}};
constexpr Writing kDeTax[] = {
    {"99999999999", 52}, {"99 999 999 999", 80}, {"999 999 999 99", 60}, {"99 99999999 9", 70}};
constexpr Writing kNir[] = {{"999999999999999", 75},       {"9 99 99 99 999 999 99", 95}, {"9999999999999 99", 85},
                            {"9 99 99 9A 999 999 99", 95}, {"999999A99999999", 85},       {"9 99 99 99 999 999-99", 95},
                            {"9-99-99-99-999-999-99", 95}};
constexpr Writing kDni[] = {
    {"99999999A", 75}, {"99999999-A", 85}, {"99.999.999-A", 90}, {"99999999 A", 60}, {"99.999.999A", 90}};
constexpr Writing kNie[] = {
    {"A9999999A", 80}, {"A-9999999-A", 90}, {"A9999999-A", 85}, {"A-9999999A", 85}, {"A 9999999 A", 80}};
constexpr Writing kCodice[] = {{"*16", 90},
                               {"AAA AAA 99A99 A999A", 95},
                               {"AAAAAA 99A99 A999A", 95},
                               {"AAAAAA-99A99-A999A", 95},
                               {"AAA AAA 99A99 A999 A", 95},
                               {"AAAAAA99A99 A999A", 90}};
constexpr Writing kBsn[] = {{"999999999", 25}, {"9999.99.999", 70}, {"999 999 999", 30}, {"9999 99 999", 45}};
constexpr Writing kPesel[] = {{"99999999999", 55}};
constexpr Writing kBe[] = {{"99.99.99-999.99", 95}, {"99999999999", 45},  {"999999-999-99", 85},
                           {"99.99.99 999.99", 85}, {"999999-99999", 75}, {"999999 999 99", 75},
                           {"99 99 99 999 99", 75}};
constexpr Writing kNif[] = {{"999999999", 20}, {"999 999 999", 25}};
constexpr Writing kSwedish[] = {
    {"999999-9999", 75}, {"99999999-9999", 90}, {"9999999999", 32}, {"999999999999", 60}, {"999999+9999", 90}};
constexpr Writing kHetu[] = {{"999999-999A", 92}, {"999999A999A", 92}, {"999999-9999", 78},
                             {"999999A9999", 88}, {"999999+999A", 92}, {"999999+9999", 80}};
constexpr Writing kCpr[] = {{"999999-9999", 62}};
constexpr Writing kCprPlain[] = {{"9999999999", 30}, {"999999 9999", 40}};
constexpr Writing kNorway[] = {{"99999999999", 70}, {"999999 99999", 85}, {"999999-99999", 85}};
constexpr Writing kAhv[] = {{"999.9999.9999.99", 97}, {"9999999999999", 75}, {"999 9999 9999 99", 90}};
constexpr Writing kAustria[] = {{"9999 999999", 55}, {"9999999999", 30}, {"9999-999999", 55}};
constexpr Writing kPps[] = {{"9999999A", 62}, {"9999999AA", 62}};
constexpr Writing kRodne[] = {{"999999/9999", 90}, {"9999999999", 32}};
constexpr Writing kCnp[] = {{"9999999999999", 60}};
constexpr Writing kEgn[] = {{"9999999999", 32}};
constexpr Writing kOib[] = {{"99999999999", 30}};
constexpr Writing kEstonia[] = {{"99999999999", 52}};
constexpr Writing kAmka[] = {{"99999999999", 45}};
constexpr Writing kKimlik[] = {{"99999999999", 55}};

constexpr auto kEuropeTable = std::to_array<NationalId>({
    {Kind::uk_nhs, Cue::nhs, uk_nhs, kNhs, "NHS Data Dictionary, NHS NUMBER: modulus 11"},
    {Kind::uk_nino, Cue::nino, uk_nino, kNino,
     "HMRC, National Insurance Manual NIM39110: format and prefixes not used"},
    {Kind::de_tax_id, Cue::steuer, de_tax_id, kDeTax,
     "section 139b AO; BZSt, Steueridentifikationsnummer: ISO 7064 MOD 11,10"},
    {Kind::fr_nir, Cue::nir, fr_nir, kNir,
     "INSEE, definition c1409 (NIR): key 97 - n mod 97; decret 82-103 for Corsica"},
    {Kind::es_dni, Cue::dni, es_dni, kDni,
     "Ministerio del Interior, calculo del digito de control del NIF/NIE: n mod 23"},
    {Kind::es_nie, Cue::nie, es_nie, kNie,
     "Ministerio del Interior, calculo del digito de control del NIF/NIE: X, Y, Z as 0, 1, 2"},
    {Kind::it_codice_fiscale, Cue::codice_fiscale, it_codice_fiscale, kCodice,
     "Decreto Ministeriale 23 December 1976, 13813"},
    {Kind::nl_bsn, Cue::bsn, nl_bsn, kBsn, "Logisch Ontwerp BSN (RvIG): elfproef"},
    {Kind::pl_pesel, Cue::pesel, pl_pesel, kPesel, "gov.pl, Czym jest numer PESEL: weights 1 3 7 9"},
    {Kind::be_national_number, Cue::be_register, be_national_number, kBe,
     "IBZ, Instructions for the National Register: 97 - n mod 97"},
    {Kind::pt_nif, Cue::nif, pt_nif, kNif, "Decreto-Lei 14/2013; check digit modulus 11"},
    {Kind::fi_hetu, Cue::hetu, fi_hetu, kHetu, "Digital and Population Data Services Agency (dvv.fi): n mod 31"},
    {Kind::se_personnummer, Cue::personnummer, se_personnummer, kSwedish, "Skatteverket SKV 704: Luhn"},
    {Kind::dk_cpr, Cue::cpr, dk_cpr, kCpr, "cpr.dk, Personnummeret i CPR: date; modulus 11 until 2007"},
    {Kind::dk_cpr, Cue::cpr, dk_cpr_checked, kCprPlain, "cpr.dk, Personnummeret i CPR"},
    {Kind::no_fodselsnummer, Cue::fodselsnummer, no_fodselsnummer, kNorway,
     "Skatteetaten, forskrift om folkeregistrering 2-2: two checks modulus 11"},
    {Kind::ch_ahv, Cue::ahv, ch_ahv, kAhv, "ZAS/CdC, AHV number: 756 and EAN-13"},
    {Kind::at_svnr, Cue::svnr, at_svnr, kAustria,
     "Dachverband der Sozialversicherungstraeger, Aufbau der SVNR: weights 3 7 9 5 8 4 2 1 6"},
    {Kind::ie_pps, Cue::pps, ie_pps, kPps, "Department of Social Protection (gov.ie), PPS number: modulus 23"},
    {Kind::cz_rodne_cislo, Cue::rodne_cislo, cz_rodne_cislo, kRodne, "Act 133/2000 Coll., section 13: divisible by 11"},
    {Kind::ro_cnp, Cue::cnp, ro_cnp, kCnp, "OUG 97/2005; weights 279146358279"},
    {Kind::bg_egn, Cue::egn, bg_egn, kEgn, "Ordinance RD-02-20-9 (GRAO): weights 2 4 8 5 10 9 7 3 6"},
    {Kind::hr_oib, Cue::oib, hr_oib, kOib, "Zakon o osobnom identifikacijskom broju, NN 60/2008: ISO 7064 MOD 11,10"},
    {Kind::ee_isikukood, Cue::isikukood, ee_isikukood, kEstonia,
     "EVS 585:2007; Lithuanian law on the population register: the same check"},
    {Kind::gr_amka, Cue::amka, gr_amka, kAmka, "amka.gr: date of birth and Luhn"},
    {Kind::tr_kimlik, Cue::kimlik, tr_kimlik, kKimlik, "NVI (nvi.gov.tr): two check digits"},
});

}  // namespace

std::span<const NationalId> european_ids() {
  return kEuropeTable;
}

}  // namespace freehold::pii
