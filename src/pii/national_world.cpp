// Numbers of people outside Europe.
#include <array>
#include <string>

#include "pii/check_digits.h"
#include "pii/national_ids.h"

namespace freehold::pii {
namespace {

using std::string_view;

int digit_of(string_view id, std::size_t i) {
  return id[i] - '0';
}
bool one_digit_only(string_view id) {
  return id.find_first_not_of(id[0]) == string_view::npos;
}

bool us_ssn(string_view id) {
  const int area = number_at(id, 0, 3);
  if (area == 0 || area == 666 || area >= 900 || number_at(id, 3, 2) == 0 || number_at(id, 5, 4) == 0) return false;
  // Numbers that were printed on cards and in advertisements and are nobody's.
  return id != "078051120" && id != "219099999" && !one_digit_only(id);
}

bool us_itin(string_view id) {
  const int group = number_at(id, 3, 2);
  return id[0] == '9' && ((group >= 50 && group <= 65) || (group >= 70 && group <= 88) ||
                          (group >= 90 && group <= 92) || (group >= 94));
}

bool br_cpf(string_view id) {
  if (one_digit_only(id)) return false;
  const int first = weighted(id, {10, 9, 8, 7, 6, 5, 4, 3, 2}) * 10 % 11 % 10;
  const int second = weighted(id, {11, 10, 9, 8, 7, 6, 5, 4, 3, 2}) * 10 % 11 % 10;
  return first == digit_of(id, 9) && second == digit_of(id, 10);
}

bool br_cnpj(string_view id) {
  if (one_digit_only(id)) return false;
  const int first = weighted(id, {5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2}) % 11;
  const int second = weighted(id, {6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2}) % 11;
  return (first < 2 ? 0 : 11 - first) == digit_of(id, 12) && (second < 2 ? 0 : 11 - second) == digit_of(id, 13);
}

bool mx_curp(string_view id) {
  // Ñ counts 24 and does not occur in ASCII: letters after N are one higher.
  int sum = 0;
  for (std::size_t i = 0; i < 17; ++i) {
    const char c = id[i];
    const int value = c <= '9' ? c - '0' : c - 'A' + 10 + (c > 'N' ? 1 : 0);
    sum += value * (18 - static_cast<int>(i));
  }
  return (id[10] == 'H' || id[10] == 'M' || id[10] == 'X') && (10 - sum % 10) % 10 == digit_of(id, 17) &&
         is_day(0, number_at(id, 6, 2), number_at(id, 8, 2));
}

bool cl_rut(string_view id) {
  int sum = 0, weight = 2;
  for (std::size_t i = id.size() - 1; i-- > 0; weight = weight == 7 ? 2 : weight + 1) sum += digit_of(id, i) * weight;
  const int check = 11 - sum % 11;
  const char wanted = check == 11 ? '0' : check == 10 ? 'K' : static_cast<char>('0' + check);
  return id.back() == wanted && id[0] != '0';
}

bool ar_cuit(string_view id) {
  static constexpr int kTypes[] = {20, 23, 24, 25, 26, 27, 30, 33, 34};
  bool known = false;
  for (const int type : kTypes) known = known || number_at(id, 0, 2) == type;
  const int check = (11 - weighted(id, {5, 4, 3, 2, 7, 6, 5, 4, 3, 2}) % 11) % 11;
  return known && check != 10 && check == digit_of(id, 10);
}

bool ca_sin(string_view id) {
  return luhn(id) &&
         !one_digit_only(id);  // first digits 0 and 8 are not given to people, but stand in forms all the same
}

bool in_aadhaar(string_view id) {
  return id[0] >= '2' && verhoeff(id) && !one_digit_only(id);
}

bool in_pan(string_view id) {
  return string_view("ABCFGHJLPT").find(id[3]) != string_view::npos;
}

bool cn_resident_id(string_view id) {
  const int year = number_at(id, 6, 4);
  if (id[0] == '0' || year < 1900 || year > 2100 || !is_day(year, number_at(id, 10, 2), number_at(id, 12, 2)))
    return false;
  const int rest = weighted(id, {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}) % 11;
  return string_view("10X98765432")[static_cast<std::size_t>(rest)] == id[17];
}

bool kr_rrn(string_view id) {  // since October 2020 the last digits are random: date and sex are what is left to check
  return is_day(0, number_at(id, 2, 2), number_at(id, 4, 2)) && id[6] != '0';
}
bool kr_rrn_checked(string_view id) {
  return kr_rrn(id) && (11 - weighted(id, {2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5}) % 11) % 10 == digit_of(id, 12);
}

bool sg_nric(string_view id) {
  int sum = weighted(id.substr(1), {2, 7, 6, 5, 4, 3, 2});
  switch (id[0]) {
    case 'S':
      return string_view("JZIHGFEDCBA")[static_cast<std::size_t>(sum % 11)] == id[8];
    case 'T':
      return string_view("JZIHGFEDCBA")[static_cast<std::size_t>((sum + 4) % 11)] == id[8];
    case 'F':
      return string_view("XWUTRQPNMLK")[static_cast<std::size_t>(sum % 11)] == id[8];
    case 'G':
      return string_view("XWUTRQPNMLK")[static_cast<std::size_t>((sum + 4) % 11)] == id[8];
    case 'M':
      return string_view("KLJNPQRTUWX")[static_cast<std::size_t>(10 - (sum + 3) % 11)] == id[8];
    default:
      return false;
  }
}

bool il_id(string_view id) {
  return luhn(id) && !one_digit_only(id);
}

bool za_id(string_view id) {
  return is_day(0, number_at(id, 2, 2), number_at(id, 4, 2)) && id[10] <= '2' && id[11] >= '8' && luhn(id);
}

bool au_tfn(string_view id) {
  return weighted(id, {1, 4, 3, 7, 5, 8, 6, 9, 10}) % 11 == 0 && !one_digit_only(id);
}

bool au_medicare(string_view id) {
  return id[0] >= '2' && id[0] <= '6' && id[9] != '0' && weighted(id, {1, 3, 7, 9, 1, 3, 7, 9}) % 10 == digit_of(id, 8);
}

bool nz_ird(string_view id) {
  std::string padded = id.size() == 8 ? "0" + std::string(id) : std::string(id);
  const int n = number_at(padded, 0, 9);
  if (n < 10'000'000 || n > 150'000'000) return false;
  auto check = [](int sum) { return sum % 11 == 0 ? 0 : 11 - sum % 11; };
  int c = check(weighted(padded, {3, 2, 7, 6, 5, 4, 3, 2}));
  if (c == 10) c = check(weighted(padded, {7, 4, 3, 2, 5, 2, 7, 6}));
  return c != 10 && c == digit_of(padded, 8);
}

bool us_npi(string_view id) {
  return (id[0] == '1' || id[0] == '2') && luhn("80840" + std::string(id));
}

bool us_dea(string_view id) {
  static constexpr string_view kTypes = "ABCDEFGHJKLMPRSTUX";
  if (kTypes.find(id[0]) == string_view::npos) return false;
  const int sum =
      digit_of(id, 2) + digit_of(id, 4) + digit_of(id, 6) + 2 * (digit_of(id, 3) + digit_of(id, 5) + digit_of(id, 7));
  return sum % 10 == digit_of(id, 8);
}

constexpr Writing kSsn[] = {{"999-99-9999", 90}, {"999 99 9999", 70}, {"999.99.9999", 55}, {"999999999", 25}};
constexpr Writing kItin[] = {{"999-99-9999", 90}, {"999 99 9999", 70}, {"999999999", 25}};
constexpr Writing kCpf[] = {{"999.999.999-99", 97}, {"99999999999", 52}, {"999999999-99", 80}, {"999 999 999 99", 60}};
constexpr Writing kCnpj[] = {{"99.999.999/9999-99", 97}, {"99999999999999", 55}};
constexpr Writing kCurp[] = {{"*18", 92}};
constexpr Writing kRut[] = {{"99.999.999-9", 92}, {"9.999.999-9", 92}, {"99.999.999-A", 92}, {"9.999.999-A", 92},
                            {"99999999-9", 65},   {"9999999-9", 45},   {"99999999-A", 65},   {"9999999-A", 45}};
constexpr Writing kCuit[] = {{"99-99999999-9", 92}, {"99999999999", 45}};
constexpr Writing kSin[] = {{"999-999-999", 65}, {"999 999 999", 45}, {"999999999", 25}};
constexpr Writing kAadhaar[] = {{"9999 9999 9999", 80}, {"9999-9999-9999", 75}, {"999999999999", 32}};
constexpr Writing kPan[] = {{"AAAAA9999A", 85}};
constexpr Writing kChina[] = {{"999999999999999999", 85}, {"99999999999999999A", 95}};
constexpr Writing kKorea[] = {{"999999-9999999", 92}, {"9999999999999", 0}};
constexpr Writing kKoreaPlain[] = {{"9999999999999", 45}};
constexpr Writing kNric[] = {{"A9999999A", 90}};
constexpr Writing kIsrael[] = {{"999999999", 15}, {"99999999-9", 30}};
constexpr Writing kSouthAfrica[] = {{"9999999999999", 65}, {"999999 9999 999", 85}, {"999999 9999 99 9", 85}};
constexpr Writing kTfn[] = {{"999 999 999", 45}, {"999-999-999", 50}, {"999999999", 20}};
constexpr Writing kMedicare[] = {
    {"9999 99999 9", 85}, {"9999999999", 25}, {"9999-99999-9", 85}, {"9999 99999 9/9", 90}};
constexpr Writing kIrd[] = {{"99-999-999", 60}, {"999-999-999", 52}, {"99999999", 15},
                            {"999999999", 15},  {"99 999 999", 30},  {"999 999 999", 30}};
constexpr Writing kNpi[] = {{"9999999999", 15}};
constexpr Writing kDea[] = {{"AA9999999", 75}, {"A99999999", 40}};

constexpr auto kWorldTable = std::to_array<NationalId>({
    {Kind::us_ssn, Cue::ssn, us_ssn, kSsn,
     "SSA, Social Security Number Randomization: areas 000, 666, 9xx are not used"},
    {Kind::us_itin, Cue::itin, us_itin, kItin,
     "IRS Publication 1915; IRM 3.21.263: 9xx, groups 50-65, 70-88, 90-92, 94-99"},
    {Kind::br_cpf, Cue::cpf, br_cpf, kCpf, "Receita Federal, IN RFB 1548/2015: two check digits modulus 11"},
    {Kind::br_cnpj, Cue::cnpj, br_cnpj, kCnpj, "Receita Federal, IN RFB 1863/2018: two check digits modulus 11"},
    {Kind::mx_curp, Cue::curp, mx_curp, kCurp,
     "RENAPO, Instructivo normativo para la asignacion de la CURP (DOF 18/10/2021)"},
    {Kind::cl_rut, Cue::rut, cl_rut, kRut, "Servicio de Impuestos Internos: modulus 11"},
    {Kind::ar_cuit, Cue::cuit, ar_cuit, kCuit, "AFIP, Resolucion General 10/97: modulus 11"},
    {Kind::ca_sin, Cue::sin, ca_sin, kSin, "Employment and Social Development Canada, SIN Code of Practice; Luhn"},
    {Kind::in_aadhaar, Cue::aadhaar, in_aadhaar, kAadhaar, "UIDAI, A UID Numbering Scheme (2010): Verhoeff"},
    {Kind::in_pan, Cue::pan, in_pan, kPan,
     "Income Tax Department of India, structure of PAN: fourth letter is the holder's status"},
    {Kind::cn_resident_id, Cue::resident, cn_resident_id, kChina, "GB 11643-1999: ISO 7064 MOD 11-2"},
    {Kind::kr_rrn, Cue::rrn, kr_rrn, kKorea, "Resident Registration Act, Enforcement Rule art. 2"},
    {Kind::kr_rrn, Cue::rrn, kr_rrn_checked, kKoreaPlain, "Resident Registration Act, Enforcement Rule art. 2"},
    {Kind::sg_nric, Cue::nric, sg_nric, kNric, "ICA (ica.gov.sg), NRIC and FIN; weights 2 7 6 5 4 3 2"},
    {Kind::il_id, Cue::teudat, il_id, kIsrael, "Population and Immigration Authority; Luhn over nine digits"},
    {Kind::za_id, Cue::za_id, za_id, kSouthAfrica, "Department of Home Affairs, Identification Act 68 of 1997: Luhn"},
    {Kind::au_tfn, Cue::tfn, au_tfn, kTfn, "ATO, TFN algorithm: weights 1 4 3 7 5 8 6 9 10 modulus 11"},
    {Kind::au_medicare, Cue::medicare, au_medicare, kMedicare,
     "Services Australia, Medicare card number: weights 1 3 7 9"},
    {Kind::nz_ird, Cue::ird, nz_ird, kIrd,
     "Inland Revenue, IRD number validation: modulus 11 with two sets of weights"},
    {Kind::us_npi, Cue::npi, us_npi, kNpi, "CMS, NPI check digit: Luhn over 80840 and the number"},
    {Kind::us_dea, Cue::dea, us_dea, kDea, "DEA Diversion Control, registration number: sums of alternate digits"},
});

}  // namespace

std::span<const NationalId> other_ids() {
  return kWorldTable;
}

}  // namespace freehold::pii
