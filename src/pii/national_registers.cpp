// Numbers of registers that are no state's one number of a person: of those who pay taxes, are insured, drive or came
// from elsewhere.
#include <array>

#include "pii/check_digits.h"
#include "pii/national_ids.h"

namespace freehold::pii {
namespace {

using std::string_view;

int figure(string_view id, std::size_t i) {
  return id[i] - '0';
}
bool is_figure(char c) {
  return c >= '0' && c <= '9';
}
// '9' a digit, 'A' a letter, '*' either.
bool is_like(string_view id, string_view shape) {
  if (id.size() != shape.size()) return false;
  for (std::size_t i = 0; i < id.size(); ++i) {
    if (shape[i] != '*' && (shape[i] == '9') != is_figure(id[i])) return false;
  }
  return true;
}
bool any(string_view) {
  return true;
}

bool in_gstin(string_view id) {
  static constexpr string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  if (!is_like(id, "99AAAAA9999A*A*") || id[13] != 'Z') return false;
  std::size_t sum = 0;
  for (std::size_t i = 0; i < 14; ++i) {
    const std::size_t product = kDigits.find(id[i]) * (1 + i % 2);
    sum += product / 36 + product % 36;
  }
  return kDigits[(36 - sum % 36) % 36] == id[14];
}

bool au_abn(string_view id) {
  return id[0] != '0' && (weighted(id, {10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19}) - 10) % 89 == 0;
}
bool au_acn(string_view id) {
  return (10 - weighted(id, {8, 7, 6, 5, 4, 3, 2, 1}) % 10) % 10 == figure(id, 8);
}

bool pl_nip(string_view id) {
  return id[0] != '0' && weighted(id, {6, 5, 7, 2, 3, 4, 5, 6, 7}) % 11 == figure(id, 9);
}
bool pl_regon(string_view id) {
  return weighted(id, {8, 9, 2, 3, 4, 5, 6, 7}) % 11 % 10 == figure(id, 8) &&
         (id.size() == 9 || weighted(id, {2, 4, 8, 5, 0, 9, 7, 3, 6, 1, 2, 4, 8}) % 11 % 10 == figure(id, 13));
}
bool hu_taj(string_view id) {
  return weighted(id, {3, 7, 3, 7, 3, 7, 3, 7}) % 10 == figure(id, 8);
}

bool br_pis(string_view id) {
  const int check = 11 - weighted(id, {3, 2, 9, 8, 7, 6, 5, 4, 3, 2}) % 11;
  return (check >= 10 ? 0 : check) == figure(id, 10);
}
bool br_cnh(string_view id) {
  const int first = weighted(id, {9, 8, 7, 6, 5, 4, 3, 2, 1}) % 11,
            second = weighted(id, {1, 2, 3, 4, 5, 6, 7, 8, 9}) % 11;
  const int less = first >= 10 ? 2 : 0;
  int last = second >= 10 ? 0 : second - less;
  if (last < 0) last += 11;
  return (first >= 10 ? 0 : first) == figure(id, 9) && (last >= 10 ? 0 : last) == figure(id, 10);
}

bool mx_rfc(string_view id) {
  const std::size_t name = id.size() - 9;
  if (!is_like(id, name == 4 ? "AAAA999999***" : "AAA999999***")) return false;
  return is_day(0, number_at(id, name + 2, 2), number_at(id, name + 4, 2)) &&
         (is_figure(id.back()) || id.back() == 'A');
}

bool my_kad(string_view id) {
  return is_day(0, number_at(id, 2, 2), number_at(id, 4, 2));
}
bool ae_emirates(string_view id) {
  const int year = number_at(id, 3, 4);
  return id.starts_with("784") && year >= 1900 && year <= 2100;
}
bool ae_emirates_checked(string_view id) {
  return ae_emirates(id) && luhn(id);
}
bool hk_id(string_view id) {
  // "A123456" with its check behind, in brackets or not.
  if (id.size() < 8) return true;
  if (!is_like(id, "A9999999")) return is_like(id, "A999999A") ? id[7] == 'A' : is_like(id, "AA999999");
  int sum = 36 * 9 + (id[0] - 'A' + 10) * 8;
  for (std::size_t i = 1; i < 8; ++i) sum += figure(id, i) * static_cast<int>(8 - i);
  return sum % 11 == 0;
}

// The letter counts as two digits, 01 to 26; the digits of each product are added.
bool de_pension(string_view id) {
  static constexpr int kWeights[] = {2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1};
  int digits[12] = {}, n = 0, sum = 0;
  for (std::size_t i = 0; i < 11; ++i) {
    if (i == 8) {
      const int letter = id[i] - 'A' + 1;
      digits[n++] = letter / 10;
      digits[n++] = letter % 10;
    } else {
      digits[n++] = figure(id, i);
    }
  }
  for (int i = 0; i < 12; ++i) {
    const int product = digits[i] * kWeights[i];
    sum += product / 10 + product % 10;
  }
  return sum % 10 == figure(id, 11);
}

// A member state's letters, or Britain's, Norway's and Switzerland's, and mostly digits.
bool eu_vat(string_view id) {
  static constexpr string_view kStates =
      "AT BE BG CY CZ DE DK EE EL ES FI FR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK XI GB ";
  const std::size_t at = kStates.find(id.substr(0, 2));
  std::size_t digits = 0;
  for (const char c : id.substr(2)) digits += is_figure(c);
  return at != string_view::npos && at % 3 == 0 && digits >= 7;
}

bool th_citizen(string_view id) {
  return id[0] != '0' && (11 - weighted(id, {13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2}) % 11) % 10 == figure(id, 12);
}

constexpr Writing kThai[] = {{"9-9999-99999-99-9", 92}, {"9 9999 99999 99 9", 90}, {"9999999999999", 30}};
constexpr Writing kGstin[] = {{"*15", 90}};
constexpr Writing kAbn[] = {{"99 999 999 999", 50}, {"99999999999", 10}};
constexpr Writing kAcn[] = {{"999 999 999", 10}, {"999999999", 5}};
constexpr Writing kNip[] = {{"999-999-99-99", 60}, {"999-99-99-999", 60}, {"9999999999", 10}};
constexpr Writing kRegon[] = {{"999999999", 5}, {"99999999999999", 10}};
constexpr Writing kTaj[] = {{"999 999 999", 10}, {"999999999", 5}, {"999-999-999", 10}};
constexpr Writing kPis[] = {{"999.99999.99-9", 90}, {"99999999999", 5}};
constexpr Writing kCnh[] = {{"99999999999", 5}};
constexpr Writing kRg[] = {
    {"99.999.999-9", 0}, {"99.999.999-A", 0}, {"9.999.999", 0}, {"999999999", 0}, {"99999999A", 0}};
constexpr Writing kRfc[] = {{"*13", 0}, {"*12", 0}};
constexpr Writing kCnic[] = {{"99999-9999999-9", 70}, {"9999999999999", 0}};
constexpr Writing kMyKad[] = {{"999999-99-9999", 70}, {"999999999999", 0}};
constexpr Writing kEmirates[] = {{"999-9999-9999999-9", 85}};
constexpr Writing kEmiratesPlain[] = {{"999999999999999", 60}};
constexpr Writing kHongKong[] = {{"A999999", 0}, {"A9999999", 0}, {"A999999A", 0}, {"AA999999", 0}};
constexpr Writing kUen[] = {{"99999999A", 0}, {"999999999A", 0}, {"A99AA9999A", 0}};
constexpr Writing kVat[] = {{"*10", 0},
                            {"*11", 0},
                            {"*12", 0},
                            {"*13", 0},
                            {"*14", 0},
                            {"AA 99999999", 0},
                            {"AA 999999999", 0},
                            {"AA 9999999999", 0},
                            {"AA 99999999999", 0},
                            {"AA 999 9999 99", 0},
                            {"AA 9999 999 999", 0}};
constexpr Writing kPartitaIva[] = {{"99999999999", 0}};
constexpr Writing kEin[] = {{"99-9999999", 0}, {"999999999", 0}};
constexpr Writing kAlien[] = {{"A999999999", 0},  {"A99999999", 0}, {"A-999999999", 0},  {"A-99999999", 0},
                              {"999-999-999", 0}, {"999999999", 0}, {"A 999 999 999", 0}};
constexpr Writing kPension[] = {{"99999999A999", 60}, {"99 999999 A 999", 85}, {"99-999999-A-999", 85}};
constexpr Writing kCarta[] = {{"AA99999AA", 0}, {"AA9999999", 0}, {"AA 9999999", 0}};

constexpr auto kRegisterTable = std::to_array<NationalId>({
    {Kind::other_id, Cue::gstin, in_gstin, kGstin, "CBIC, GSTIN: the holder's PAN and a check character modulus 36"},
    {Kind::other_id, Cue::abn, au_abn, kAbn, "Australian Business Register, format of the ABN: modulus 89"},
    {Kind::other_id, Cue::abn, au_acn, kAcn, "ASIC, Australian Company Number digit check: modulus 10"},
    {Kind::other_id, Cue::nip, pl_nip, kNip, "ustawa o zasadach ewidencji podatnikow; weights 6 5 7 2 3 4 5 6 7"},
    {Kind::other_id, Cue::nip, pl_regon, kRegon, "GUS, REGON: modulus 11"},
    {Kind::other_id, Cue::taj, hu_taj, kTaj, "1996. evi XX. torveny: weights 3 7"},
    {Kind::other_id, Cue::pis, br_pis, kPis, "Caixa, NIS/PIS/PASEP: modulus 11"},
    {Kind::licence, Cue::cnh, br_cnh, kCnh, "Denatran, registro da CNH: two check digits modulus 11"},
    {Kind::other_id, Cue::rg, any, kRg, "Registro Geral of Brazil's states, as printed"},
    {Kind::other_id, Cue::rfc, mx_rfc, kRfc, "SAT, Registro Federal de Contribuyentes: letters, date, homoclave"},
    {Kind::other_id, Cue::cnic, any, kCnic, "NADRA, CNIC: five, seven and one digit"},
    {Kind::other_id, Cue::mykad, my_kad, kMyKad, "Jabatan Pendaftaran Negara, MyKad: date of birth, place, number"},
    {Kind::other_id, Cue::emirates, ae_emirates, kEmirates, "ICP, Emirates ID: 784 and year of birth"},
    {Kind::other_id, Cue::emirates, ae_emirates_checked, kEmiratesPlain, "ICP, Emirates ID: Luhn"},
    {Kind::other_id, Cue::hkid, hk_id, kHongKong, "Registration of Persons Regulations, Cap. 177A: modulus 11"},
    {Kind::other_id, Cue::uen, any, kUen, "ACRA, Unique Entity Number"},
    {Kind::other_id, Cue::thai, th_citizen, kThai, "Department of Provincial Administration: modulus 11"},
    {Kind::other_id, Cue::vat, eu_vat, kVat, "Council Directive 2006/112/EC, article 215, and the VIES formats"},
    {Kind::other_id, Cue::vat, luhn, kPartitaIva, "Agenzia delle Entrate, partita IVA: Luhn"},
    {Kind::other_id, Cue::ein, any, kEin, "IRS, Employer Identification Number"},
    {Kind::other_id, Cue::alien, any, kAlien, "USCIS, Alien Registration Number"},
    {Kind::other_id, Cue::pension, de_pension, kPension, "section 147 SGB VI, VKVV: weights 2 1 2 5 7 1 2 1 2 1 2 1"},
    {Kind::other_id, Cue::carta, any, kCarta, "Ministero dell'Interno, carta d'identita"},
});

}  // namespace

std::span<const NationalId> register_ids() {
  return kRegisterTable;
}

}  // namespace freehold::pii
