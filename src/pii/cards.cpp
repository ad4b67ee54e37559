// Cards and accounts by their own checks.
#include "pii/cards.h"

#include <cstddef>

#include "pii/check_digits.h"
#include "pii/context.h"

namespace freehold::pii {
namespace {

using std::string_view;

// ISO 13616: the country's length of an IBAN (SWIFT, IBAN Registry release 96), two letters and two digits each.
constexpr string_view kIbanLengths =
    "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18FR27GB22GE"
    "22GI23GL18GR27GT28"
    "HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO"
    "15OM23PK24PL28PS29"
    "PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30";

}  // namespace

bool is_iban(string_view plain) {
  if (plain.size() < 15) return false;
  for (std::size_t i = 0; i < kIbanLengths.size(); i += 4) {
    if (plain.substr(0, 2) != kIbanLengths.substr(i, 2)) continue;
    const auto length = static_cast<std::size_t>(number_at(kIbanLengths, i + 2, 2));
    if (plain.size() != length || !is_digit(static_cast<unsigned char>(plain[2])) ||
        !is_digit(static_cast<unsigned char>(plain[3])))
      return false;
    return modulo(plain.substr(0, 4), 97, modulo(plain.substr(4), 97)) == 1;
  }
  return false;
}

// ISO/IEC 7812 ranges of the schemes (issuer identification numbers), and the lengths that they give out.
int card_score(string_view digits, bool grouped) {
  const std::size_t n = digits.size();
  if (n < 12 || n > 19 || !luhn(digits) || digits.find_first_not_of(digits[0]) == string_view::npos) return 0;
  const int two = number_at(digits, 0, 2), four = number_at(digits, 0, 4);
  const bool visa = digits[0] == '4' && (n == 13 || n == 16 || n == 19);
  const bool mastercard = n == 16 && ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720));
  const bool amex = n == 15 && (two == 34 || two == 37);
  const bool discover =
      (n == 16 || n == 19) && (four == 6011 || two == 65 || (four >= 6440 && four <= 6499) || two == 62);
  const bool jcb = (n >= 16 && four >= 3528 && four <= 3589) || (n == 15 && (four == 2131 || four == 1800));
  const bool diners =
      (n == 14 || n == 16) && ((four >= 3000 && four <= 3059) || two == 36 || two == 38 || two == 39 || four == 3095);
  const bool maestro = two == 50 || (two >= 56 && two <= 58) || two == 63 || two == 67 || two == 60 || two == 61 ||
                       four == 639 || four == 604;
  const bool other = n == 16 && (four == 2200 || four == 2201 || four == 2202 || four == 2203 || four == 2204 ||
                                 two == 81 || four == 9792);
  if (visa || mastercard || amex || discover || jcb || diners || other)
    return n >= 15 && n <= 16 ? (grouped ? 97 : 86) : grouped ? 80 : n == 13 ? 52 : 66;
  // Maestro's own: what a word of paying makes one, though it is short.
  const bool sure_maestro = four == 5018 || four == 5020 || four == 5038 || four == 5893 || four == 6304 ||
                            four == 6759 || (four >= 6761 && four <= 6763);
  if (sure_maestro && !grouped && n < 16) return 46;
  if (maestro) return n >= 16 ? (grouped ? 85 : 62) : grouped ? 62 : 40;
  return grouped && n == 16 ? 45 : 30;
}

}  // namespace freehold::pii
