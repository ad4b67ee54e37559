// String formats as patterns. Each is a subset that every common validator accepts, and wide enough for what is written
// in practice: no leap seconds, no "xn--" labels, no comments in addresses.
#include <string>

#include "text/grammar/schema_node.h"

namespace freehold::text::grammar {
namespace {

#define FH_YEAR "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
#define FH_LEAP "(?:(?:[0-9][0-9](?:0[48]|[2468][048]|[13579][26]))|(?:(?:0[48]|[2468][048]|[13579][26])00))"
#define FH_DATE                                                                                                        \
  "(?:" FH_YEAR                                                                                                        \
  "-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]" \
  "))|" FH_LEAP "-02-29)"
#define FH_TIME "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
#define FH_LABEL "[A-Za-z0-9]{1,15}(?:-[A-Za-z0-9]{1,15}){0,2}"
#define FH_HOST FH_LABEL "(?:\\." FH_LABEL "){0,3}"
#define FH_DOMAIN FH_LABEL "(?:\\." FH_LABEL "){0,2}\\.[A-Za-z]{2,15}"
#define FH_OCTET "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#define FH_IPV4 FH_OCTET "(?:\\." FH_OCTET "){3}"
#define FH_H16 "[0-9a-fA-F]{1,4}"
#define FH_IPV6                                                                                          \
  "(?:(?:" FH_H16 ":){7}" FH_H16 "|(?:" FH_H16 ":){1,7}:|(?:" FH_H16 ":){1,6}:" FH_H16 "|(?:" FH_H16     \
  ":){1,5}(?::" FH_H16 "){1,2}|(?:" FH_H16 ":){1,4}(?::" FH_H16 "){1,3}|(?:" FH_H16 ":){1,3}(?::" FH_H16 \
  "){1,4}|(?:" FH_H16 ":){1,2}(?::" FH_H16 "){1,5}|" FH_H16 ":(?::" FH_H16 "){1,6}|:(?::" FH_H16 "){1,7}|::)"
#define FH_BASE64 "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
#define FH_BASE64URL "(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2,3})?"
// Of Unicode's emoji-data.txt: ranges that are Extended_Pictographic throughout.
#define FH_PICTURES                                                                                                \
  "\\u{2600}-\\u{2605}\\u{2614}-\\u{2685}\\u{2690}-\\u{2705}\\u{2708}-\\u{2712}\\u{2763}-\\u{2767}\\u{1F300}-\\u{" \
  "1F3FA}"                                                                                                         \
  "\\u{1F400}-\\u{1F53D}\\u{1F546}-\\u{1F64F}\\u{1F680}-\\u{1F6FF}\\u{1F90C}-\\u{1F93A}\\u{1F947}-\\u{1FAFF}"
#define FH_PCHAR "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"

struct Format {
  std::string_view name;
  std::string_view pattern;
};

constexpr Format kFormats[] = {
    {"date", "^" FH_DATE "$"},
    {"time", "^" FH_TIME "$"},
    {"date-time", "^" FH_DATE "T" FH_TIME "$"},
    {"duration",
     "^P(?:[0-9]{1,4}W|(?:[0-9]{1,4}Y(?:[0-9]{1,4}M(?:[0-9]{1,4}D)?)?|[0-9]{1,4}M(?:[0-9]{1,4}D)?|[0-9]{1,4}D)"
     "(?:T(?:[0-9]{1,4}H(?:[0-9]{1,4}M(?:[0-9]{1,4}S)?)?|[0-9]{1,4}M(?:[0-9]{1,4}S)?|[0-9]{1,4}S))?"
     "|T(?:[0-9]{1,4}H(?:[0-9]{1,4}M(?:[0-9]{1,4}S)?)?|[0-9]{1,4}M(?:[0-9]{1,4}S)?|[0-9]{1,4}S))$"},
    {"uuid", "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"},
    {"email", "^[A-Za-z0-9_+-]{1,20}(?:\\.[A-Za-z0-9_+-]{1,20}){0,2}@" FH_DOMAIN "$"},
    {"hostname", "^" FH_HOST "$"},
    {"ipv4", "^" FH_IPV4 "$"},
    {"ipv6", "^" FH_IPV6 "$"},
    {"uri", "^[a-z][a-z0-9+.-]{1,15}://" FH_HOST "(?::[1-9][0-9]{0,3})?(?:/" FH_PCHAR "*)*(?:\\?(?:" FH_PCHAR
            "|[/?])*)?(?:#(?:" FH_PCHAR "|[/?])*)?$"},
    {"byte", "^" FH_BASE64 "$"},
    // Not JSON Schema's, but what validators in JavaScript call them.
    {"base64", "^" FH_BASE64 "$"},                                   // RFC 4648, section 4
    {"base64url", "^" FH_BASE64URL "$"},                             // section 5, without padding
    {"hex", "^[0-9a-fA-F]*$"},                                       // section 8
    {"e164", "^\\+[1-9][0-9]{6,14}$"},                               // ITU-T E.164: at most 15 digits
    {"cidrv4", "^" FH_IPV4 "/(?:3[0-2]|[12]?[0-9])$"},               // RFC 4632, section 3.1
    {"cidrv6", "^" FH_IPV6 "/(?:12[0-8]|1[01][0-9]|[1-9]?[0-9])$"},  // RFC 4291, section 2.3
    {"mac",
     "^(?:(?:[0-9A-F]{2}:){5}[0-9A-F]{2}|(?:[0-9a-f]{2}:){5}[0-9a-f]{2}|(?:[0-9A-F]{2}-){5}[0-9A-F]{2}|"
     "(?:[0-9a-f]{2}-){5}[0-9a-f]{2})$"},  // IEEE 802
    {"emoji", "^[" FH_PICTURES "][" FH_PICTURES "\\u{1F3FB}-\\u{1F3FF}\\u{FE0F}\\u{200D}]*$"},
    {"password", ""},  // it and what follows says how to show or store a value
    {"float", ""},
    {"double", ""},
    {"decimal", ""},
};

}  // namespace

std::optional<std::string_view> pattern_of_format(std::string_view format) {
  for (const Format& f : kFormats) {
    if (f.name == format) return f.pattern;
  }
  return std::nullopt;
}

}  // namespace freehold::text::grammar
