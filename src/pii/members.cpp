#include "pii/members.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace freehold::pii {
namespace {

struct Names {
  Tag tag;
  bool sure;
  std::string_view words;  // folded, two words together as one
};

constexpr Names kMemberNames[] = {
    {Tag::person, true,
     "firstname givenname lastname familyname middlename maidenname fullname legalname realname preferredname "
     "birthname surname forename fname lname firstnames givennames cardholder cardholdername accountholder "
     "accountholdername nameoncard patientname doctorname vorname nachname familienname zuname geburtsname prenom "
     "prenoms nomdefamille apellido apellidos primerapellido segundoapellido cognome voornaam voornamen achternaam "
     "given family nomecompleto nombrecompleto mothersname mothersmaidenname"},
    {Tag::person, false,
     "name names patient customer client author authors owner contact doctor physician employee sender recipient "
     "holder "
     "beneficiary nom nombre nome naam kunde kundin patientin ansprechpartner person first last middle "
     "assignee reporter signatory tenant guest passenger driver teacher student nurse manager insured applicant "
     "candidate customername clientname employeename studentname contactname holdername ownername authorname "
     "physicianname recipientname sendername beneficiaryname personname insuredname applicantname candidatename "
     "tenantname passengername guestname membername subscribername drivername managername nursename teachername "
     "parentname spousename mothername fathername guardianname partnername buyername sellername payeename payername "
     "billingname shippingname displayname kundenname"},
    {Tag::place, true,
     "city town hometown birthplace placeofbirth birthcity birthcountry country ort wohnort stadt geburtsort ville "
     "commune lieudenaissance ciudad municipio lugardenacimiento citta comune luogodinascita plaats woonplaats "
     "geboorteplaats stad municipality locality county province pais pays paese provincia cityname cityofbirth"},
    {Tag::place, false, "state region location place destination origin district suburb land bundesland departement"},
};

struct NameRow {
  std::uint32_t hash;
  const Names* names;
};

const std::vector<NameRow>& name_rows() {
  static const auto table = [] {
    std::vector<NameRow> out;
    for (const Names& names : kMemberNames) {
      for (std::string_view rest = names.words; !rest.empty();) {
        const std::size_t end = std::min(rest.find(' '), rest.size());
        out.push_back({hash_folded(rest.substr(0, end)), &names});
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
    }
    std::sort(out.begin(), out.end(), [](const NameRow& a, const NameRow& b) { return a.hash < b.hash; });
    return out;
  }();
  return table;
}

// Which hashes may be names, by their lowest bits: most words are none.
const std::array<bool, 4096> kMayBeName = [] {
  std::array<bool, 4096> out{};
  for (const NameRow& row : name_rows()) out[row.hash % out.size()] = true;
  return out;
}();

const Names* names_of(std::uint32_t hash) {
  if (!kMayBeName[hash % kMayBeName.size()]) return nullptr;
  const auto at = std::lower_bound(name_rows().begin(), name_rows().end(), hash,
                                   [](const NameRow& row, std::uint32_t wanted) { return row.hash < wanted; });
  return at != name_rows().end() && at->hash == hash ? at->names : nullptr;
}

// The last `words` words of a name that is written "customerFirstName", of ASCII letters; 0 if it has not so many.
std::uint32_t last_humps(const Text& text, const Word& word, int words) {
  std::size_t begin = word.end;
  while (words > 0) {
    if (begin <= word.begin + 1) return 0;
    const unsigned char c = text[--begin];
    if (c >= 0x80) return 0;
    if (c >= 'A' && c <= 'Z') --words;
  }
  std::uint32_t hash = kHashStart;
  for (std::size_t i = begin; i < word.end; ++i) hash = hash_on(hash, text[i] | 0x20);
  return hash;
}

// The name of two words: "first_name", "first-name", "First name".
std::uint32_t with_previous(const Text& text, const Context& context, const Word& word) {
  const unsigned char left = text.before(word.begin, 1);
  if (context.previous.letters == 0 || (left != '_' && !context.joined)) return 0;
  // The hash of both together goes on from that of the first: FNV-1a, letter by letter.
  std::uint32_t hash = context.previous.hash;
  for (std::size_t i = word.begin; i < word.end; ++i) {
    if (text[i] >= 0x80) return 0;
    hash = hash_on(hash, text[i] | 0x20);
  }
  return hash;
}

std::size_t past(const Text& text, std::size_t i, unsigned char sign, std::size_t most) {
  const std::size_t end = i + most;
  while (i < end && text[i] == sign) ++i;
  return i;
}

bool is_quote(unsigned char c) {
  return c == '"' || c == '\'';
}

// "my", "the new": whose or which pass is spoken of, "my pass is …".
bool is_somebodys(std::uint32_t hash) {
  static constexpr std::uint32_t kWords[] = {
      hash_folded("my"),    hash_folded("your"), hash_folded("his"), hash_folded("her"),
      hash_folded("their"), hash_folded("our"),  hash_folded("new"), hash_folded("old"),
      hash_folded("temp"),  hash_folded("wifi"), hash_folded("fi"),  hash_folded("temporary"),
      hash_folded("mi"),    hash_folded("tu"),   hash_folded("su"),  hash_folded("login")};
  return std::find(std::begin(kWords), std::end(kWords), hash) != std::end(kWords);
}

}  // namespace

Member member_at(const Text& text, const Context& context, const Word& word) {
  constexpr std::size_t kMostBackslashes = 7, kMostBlanks = 4;
  Member out;
  const bool prefix = text.before(word.begin, 1) == '_' || context.joined;
  const std::uint32_t both = prefix ? with_previous(text, context, word) : 0;
  const Names* names = both != 0 ? names_of(both) : nullptr;
  if (names == nullptr) names = names_of(word.hash);
  for (int words = 2; names == nullptr && words > 0 && word.shape == Shape::mixed; --words) {
    if (const std::uint32_t hash = last_humps(text, word, words); hash != 0) names = names_of(hash);
  }
  if (names == nullptr) return out;
  // "file_name", "hostName": whose name it is, is said and not known.
  const bool prefixed = text.before(word.begin, 1) == '_' || word.shape == Shape::mixed;
  std::size_t i = past(text, word.end, '\\', kMostBackslashes);
  const bool named = is_quote(text[i]);
  if (named) ++i;
  i = past(text, i, ' ', kMostBlanks);
  const unsigned char sign = text[i];
  if (sign != ':' && sign != '=' && sign != '>') return out;
  ++i;
  out.element = sign == '>';
  if (sign == '>') {
    if (letter_at(text, i) == 0) return out;  // "<name> wrote", "</name><city>"
    out.close = '<';
    out.quoted = true;
  } else {
    if (text[i] == '=' || text[i] == '>') ++i;
    i = past(text, i, ' ', kMostBlanks);
    if (named && text[i] == '[') {
      out.close = ']';
      i = past(text, i + 1, ' ', kMostBlanks);
    }
    i = past(text, i, '\\', kMostBackslashes);
    out.quoted = is_quote(text[i]);
    if (out.quoted && out.close == 0) out.close = text[i];
    i += out.quoted;
    if (!out.quoted) out.close = 0;
  }
  out.sure = names->sure;
  if (prefixed && !out.sure && names->tag == Tag::person && both != 0 && names_of(both) == nullptr) return {};
  // Without quotation marks it may be prose.
  if (!out.quoted && !out.sure) return {};
  out.tag = names->tag;
  out.begin = i;
  return out;
}

Tag tag_in_member(const Member& member, const Window& window, Tag chosen) {
  constexpr unsigned kPerson = kGiven | kSurname, kAnywhere = kPlace | kPlacePart | kState;
  constexpr unsigned kOther = kOrganisation | kProper | kMonth | kWeekday | kTitle;
  const Word& word = window.word;
  const unsigned flags = word.flags;
  const bool goes_on = window.context->joined && window.context->tag == member.tag;
  const bool capital = word.shape == Shape::capital || word.shape == Shape::mixed ||
                       (word.shape == Shape::upper && word.letters > 2) || (goes_on && word.shape != Shape::lower);
  if (chosen == member.tag) return chosen;
  const bool is_known = (flags & (member.tag == Tag::person ? kPerson : kAnywhere)) != 0;
  if (word.shape == Shape::lower) {
    const bool name = member.sure && member.quoted && is_known && (flags & (kFiller | kParticle | kCommon)) == 0;
    return name ? member.tag : chosen;
  }
  if (!capital || (!is_known && (flags & kOther) != 0)) return chosen;
  const bool ordinary = (flags & (kCommon | kFiller)) != 0 && !is_known;
  if (member.sure) return ordinary && !goes_on ? chosen : member.tag;
  if (ordinary || (window.next.flags & kOrganisation) != 0) return chosen;
  if (is_known || goes_on) return chosen == Tag::none ? member.tag : chosen;
  if (word.shape != Shape::capital || flags != 0 || chosen != Tag::none) return chosen;
  // A word that nothing is known of: a place, or a person's name if another such word follows.
  const Word& next = window.next;
  const bool pair = next.shape == Shape::capital &&
                    ((window.right == Gap::blank && (next.flags == 0 || (next.flags & kPerson) != 0)) ||
                     (window.right == Gap::comma && (next.flags & (kGiven | kCommon)) == kGiven));
  return member.tag == Tag::place || pair ? member.tag : chosen;
}

Cue cue_of_name(const Text& text, const Word& w) {
  std::size_t end = w.end;
  if (text[end] == '"' || text[end] == '\'') ++end;
  if (text[end] == ' ') ++end;
  const bool element = text[end] == '>' && text.before(w.begin, 1) == '<';
  if ((text[end] != ':' && text[end] != '=' && !element) || text[end + 1] == '\n' || text[end + 1] == '\r')
    return Cue::none;
  std::size_t hump = w.end;
  while (hump > w.begin && text[hump - 1] >= 'a' && text[hump - 1] <= 'z') --hump;
  if (hump <= w.begin + 1 || hump == w.end) return Cue::none;
  if (hump > w.begin + 6 && text.has(hump - 7, "public")) return Cue::none;
  std::uint32_t hash = kHashStart;
  for (std::size_t i = hump - 1; i < w.end; ++i) hash = hash_on(hash, text[i] | 0x20);
  static constexpr std::uint32_t kSecret[] = {hash_folded("key"), hash_folded("secret"), hash_folded("token"),
                                              hash_folded("credential"), hash_folded("credentials")};
  static constexpr std::uint32_t kPassword[] = {hash_folded("password"), hash_folded("passwd"), hash_folded("pwd"),
                                                hash_folded("passphrase")};
  if (std::find(std::begin(kSecret), std::end(kSecret), hash) != std::end(kSecret)) return Cue::secret;
  return std::find(std::begin(kPassword), std::end(kPassword), hash) != std::end(kPassword) ? Cue::password : Cue::none;
}

bool is_pass(const Text& text, const Context& context, const Word& w) {
  if (is_somebodys(context.previous.hash) &&
      (text.has(w.end, " is ") || text.has(w.end, " es ") || text.has(w.end, " e ")))
    return true;
  std::size_t end = w.end;
  if (text[end] == '"' || text[end] == '\'') ++end;
  if (text[end] == ' ') ++end;
  if ((text[end] != '=' && text[end] != ':') || text[end + 1] == '\n' || text[end + 1] == '\r') return false;
  return w.shape != Shape::upper || text[end] == '=' || text.before(w.begin, 1) == '_' || text[end + 1] != ' ';
}

}  // namespace freehold::pii
