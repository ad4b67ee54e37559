// What begins with a letter or a digit: which recognisers look there, and words as parts of names.
#include <algorithm>
#include <iterator>
#include <string_view>

#include "pii/addresses.h"
#include "pii/lexicon.h"
#include "pii/names.h"
#include "pii/neighbours.h"
#include "pii/plates.h"
#include "pii/scanner_state.h"
#include "pii/syllables.h"

namespace freehold::pii {
namespace {

constexpr std::size_t kUuid = 36;           // characters, with their hyphens
constexpr std::size_t kLongestPlain = 256;  // what is longer and no secret is skipped unread

bool is_blank_byte(unsigned char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// What may follow a word that is nothing else: more is looked at behind what only may.
enum class End : unsigned char { no, plain, maybe };

constexpr auto kEnds = [] {
  std::array<End, 256> out{};
  for (const char c : std::string_view(" \n\r\t,;!?)\"(]")) out[static_cast<unsigned char>(c)] = End::plain;
  for (const unsigned char c : {'.', ':', '\0'}) out[c] = End::maybe;
  return out;
}();

// Behind a lower-case word: nothing that could make it the beginning of an address or a key.
bool is_plain_end(const Text& text, std::size_t end) {
  const unsigned char c = text[end];
  if (kEnds[c] != End::maybe) return kEnds[c] == End::plain;
  if (c == 0) return text.final() || end < text.size();
  const unsigned char next = text[end + 1];
  return is_blank_byte(next) || next == '"' || (c == ':' && !is_alphanumeric(next) && next != '/' && next != ':');
}

// What may stand right before a password.
bool is_left_of_password(unsigned char c) {
  return c == 0 || c == '"' || c == '\'' || c == '(' || c == '`' || c == ':' || is_blank_byte(c);
}

// "2FA code 315110", "2FA: 315110"
bool is_second_factor(const Text& text, std::size_t begin, std::size_t end) {
  if (end != begin + 3 || !(text.has(begin, "2fa") || text.has(begin, "2sv"))) return false;
  static constexpr std::string_view kCodes[] = {" code", "-code", " pin", " token", ":", " kod"};
  return std::any_of(std::begin(kCodes), std::end(kCodes), [&](std::string_view code) { return text.has(end, code); });
}

bool is_hex_word(const Text& text, const Word& w) {
  for (std::size_t i = w.begin; i < w.end; ++i) {
    if (!is_hex(text[i])) return false;
  }
  return true;
}

}  // namespace

bool Scanner::State::found(const Text& text, const Match& match) {
  const Group group = info(match.kind).group;
  const bool number = group != Group::contact && group != Group::place && group != Group::secret &&
                      (group != Group::time || match.kind == Kind::birth_date);
  const bool another =
      match.kind == Kind::password ? gives_another(text, match.end) : number && gives_another_number(text, match.end);
  if (text.starved()) return false;
  if (match.rest != Rest::none) [[unlikely]] {
    follow(match);
    return true;
  }
  arrive(context);
  close_name();
  emit(match.kind, match.begin, match.end, match.score);
  past_other(match.end);
  // Behind a date of birth only another one right beside it is one too: "DOB 03/03/1980, seen 05/06/2020".
  if (match.kind == Kind::birth_date) {
    seen[static_cast<std::size_t>(Cue::birth)] = context.index - kBirthReach;
    seen[static_cast<std::size_t>(Cue::birth_found)] = context.index;
  }
  if (another && match.kind == Kind::birth_date) see(Cue::birth);
  if (another) match.kind == Kind::password ? see(Cue::password) : see_again();
  // What follows a street is its town.
  if (match.kind == Kind::address) seen[static_cast<std::size_t>(Cue::address)] = context.index;
  return true;
}

// "MRN 06-20-26", "chart #25-12-87", "Sort Code: 26-10-12": hospitals and banks number in twos, right behind the word
// for it; in full it is a date.
bool Scanner::State::is_record(const Text& text, const Context& now, const Code& code) const {
  if (code.count < 3) return false;
  if (!now.near(Cue::medical_record, 0) && !now.near(Cue::sort_code, 0)) {
    const bool asked = now.joined && is_saying(now.previous.hash);
    if (!is_said_of(text, code.end(3)) ||
        !cues_said_of(text, code.end(3), asked).test(static_cast<std::size_t>(Cue::sort_code)))
      return false;
  }
  for (std::size_t g = 0; g < 3; ++g) {
    if (code.groups[g].size() != 2 || (g < 2 && code.groups[g].separator != '-') || code.groups[g].digits != 2)
      return false;
  }
  static constexpr std::uint32_t kVisits[] = {hash_folded("encounter"), hash_folded("specimen"),
                                              hash_folded("accession")};
  return code.may_end(text, 3) &&
         std::find(std::begin(kVisits), std::end(kVisits), now.previous.hash) == std::end(kVisits);
}

// What a code at this place may be besides a word; `rest`: where to go on if it is nothing.
Match Scanner::State::at_number(const Text& text, const Context& now, std::size_t begin, std::size_t& rest) {
  const Code code = code_at(text, begin);
  rest = code.rest();
  // A UUID is nobody's number, whatever its last group looks like, but for a device's.
  if (code.count >= 5 && code.groups[0].size() == 8 && code.groups[1].size() == 4 && code.groups[2].size() == 4 &&
      code.groups[3].size() == 4 && code.groups[4].size() == 12 && code.groups[0].separator == '-' &&
      code.groups[3].separator == '-') {
    rest = code.groups[4].end;
    const bool whole = rest == begin + kUuid && !code.joined && code.may_end(text, 5);
    if (whole && now.near(Cue::device, 3)) return {Kind::device_id, begin, rest, 85};
    return {};
  }
  auto sure = [&](const Match& match) { return match.score >= now.least; };
  if (code.underscored) return match_code(text, now, code);  // part of a name: only what is telling of itself
  if (code.groups[0].digits == code.groups[0].size()) {
    if (may_be_position(now)) {
      if (const Match match = match_position(text, begin, now); sure(match)) return match;
    }
    if (may_be_date(text, code)) {
      if (const Match match = match_date(text, now, code); sure(match) && !is_record(text, now, code)) return match;
    }
    if (may_be_age(text, code)) {
      if (const Match match = match_age(text, now, code); sure(match)) return match;
    }
    if (may_be_check(now)) {
      if (const Match match = match_check(text, now, code); sure(match)) return match;
    }
    if (may_be_address(text, code)) {
      if (const Match match = match_address(text, now, code); sure(match)) return match;
    }
    if (code.groups[0].size() <= 3 && (text[code.end(1)] == '(' || text[code.end(1) + 1] == '(')) {  // 1 (555) 123-4567
      if (const Match match = match_phone(text, begin, now); sure(match)) return match;
    }
  } else {
    const Code::Group& first = code.groups[0];
    if (may_be_age(text, code)) {  // "93yo"
      if (const Match match = match_age(text, now, code); sure(match)) return match;
    }
    // "3rd of March", "21MAR1961"
    if (first.digits > 0 && (first.size() <= 4 ? first.digits <= 2 : is_digit(text[begin]) && first.digits >= 3)) {
      if (const Match match = match_date(text, now, code); sure(match)) return match;
    }
    if (may_be_address(text, code)) {
      if (const Match match = match_address(text, now, code); sure(match)) return match;
    }
  }
  if (may_be_postcode(code, now)) {
    if (const Match match = match_postcode(text, now, code); sure(match)) return match;
  }
  return match_code(text, now, code);
}

Match Scanner::State::at_word(const Text& text, const Context& now, const Word& w, std::size_t& rest) {
  const unsigned char next = text[w.end];
  auto sure = [&](const Match& match) { return match.score >= now.least; };
  if (is_digit(next)) {  // a token of letters and digits
    if (const Match match = match_wallet(text, at, now); sure(match)) return match;
    if (const Match match = at_number(text, now, at, rest); sure(match)) return match;
  } else if (w.letters == 17 && w.shape == Shape::upper && now.near(Cue::vin, 3)) {
    std::size_t ignored = 0;
    if (const Match match = at_number(text, now, at, ignored); sure(match)) return match;
  } else if ((w.letters == 8 && next == '-' && now.near(Cue::device, 3) && is_hex_word(text, w)) ||  // a UUID
             (w.letters >= 8 && w.shape == Shape::upper && w.flags == 0 &&
              (now.near(Cue::licence, 1) || now.near(Cue::passport, 1) ||
               now.near(Cue::national, 1)))) {  // "Passport FYZVRZFXR"
    if (const Match match = at_number(text, now, at, rest); sure(match)) return match;
  } else if (w.letters <= 3 && w.shape == Shape::upper && w.end - w.begin > w.letters) {
    if (const Match match = match_umlaut_plate(text, now, w); sure(match)) return match;
  } else if (w.letters <= 6 && w.shape != Shape::lower) {
    const std::size_t gap = gap_at(text, w.end);
    if (gap == 0 || (w.flags & kMonth) != 0) return {};
    const bool code = is_alphanumeric(text[w.end + gap]), number = is_digit(text[w.end + gap]);
    // Letters go on with letters where a word before it says so, "plate HA-KM 44", or what is said behind.
    const bool told = now.near(Cue::plate, 3) || now.near(Cue::registration, 2) || now.near(Cue::vehicle, 3) ||
                      (next == '-' && now.near(Cue::device, 1));
    const bool form = number || (code && told);
    if ((form && (now.near_named(kOwnReach) || may_lead_code(w.end - w.begin))) ||
        ((form || (code && next == '-' && w.letters <= 4)) && may_be_said(text, code_at(text, at)))) {
      std::size_t ignored = 0;
      if (const Match match = at_number(text, now, at, ignored); sure(match)) return match;
    }
  }
  return {};
}

// A word, which is part of a name if `tag` says so, is behind us.
inline void Scanner::State::past_word(const Text& text, const Word& w, Tag tag, std::size_t end) {
  Context& now = context;
  if ((w.flags & kFiller) == 0) ++now.index;
  if (w.letters == 1) [[unlikely]]
    see_abbreviation(text, w);
  if (w.cue != Cue::none) see_cues(text, w);
  now.listed = now.listed_here;
  now.option = now.option_here;
  now.before_previous = now.previous;
  now.before_tag = now.tag;
  now.previous = w;
  now.tag = tag;
  now.sentence_start = false;
  past(end);
}

// A word of small letters outside of all names, phrases and values that none of them and no street begins with: what
// word() does with most; false where it is none.
inline bool Scanner::State::ordinary_word(const Text& text, const Word& w) {
  const Given gives = w.cue == Cue::given ? given_behind(text, w) : Given::nothing;
  if (w.shape != Shape::lower || open != Tag::none || member.tag != Tag::none || w.begin < phrase.end ||
      (w.flags & kParticle) != 0 || w.cue == Cue::pass || (w.cue != Cue::none && opens_element(text, w)) ||
      kSmallLeads.has(w) || is_member(text, w) || text.starved())
    return false;
  lead = kNoLead;
  past_word(text, w, Tag::none, w.end);
  if (gives != Given::nothing) [[unlikely]]
    see_given(gives);
  return true;
}

bool Scanner::State::word(const Text& text, const Word& w) {
  Context& now = context;
  Tag tag = Tag::none;
  Phrase said = w.begin < phrase.end ? phrase : Phrase();
  const bool inside_phrase = said.end != 0;
  if (!inside_phrase && profile != Profile::secrets && may_begin_phrase(text, w)) said = phrase_at(text, now, w);
  const bool names = profile != Profile::secrets, upright = names && w.shape != Shape::lower;
  if (upright) {
    if (const Match match = match_month(text, now, w); match.score >= now.least) return found(text, match);
  }
  if (upright || (names && kSmallLeads.has(w))) {
    if (const Match match = match_street(text, now, w); match.score >= now.least) return found(text, match);
  }
  if (upright) {
    constexpr unsigned kNames = kGiven | kSurname | kPlace | kPlacePart;
    // The first word of a sentence that is an ordinary one; letters that stand for something; "IBAN", "Konto".
    const bool in_name =
        open == Tag::person && now.joined &&  // "Anna De Luca", "Bui Thi Lan"
        ((w.roles & kCapitalParticle) != 0 || goes_on_vietnamese(now.before_previous, now.previous, w));
    const bool ordinary = ((w.flags & kNames) == 0 && !in_name &&
                           ((w.cue != Cue::none && w.letters > 1) || (w.flags & kProper) != 0 ||
                            (w.shape == Shape::upper && w.letters <= 5 && !(now.joined && open == Tag::person)) ||
                            is_written_together(text, w) ||
                            ((w.flags & (kCommon | kFiller)) != 0 && now.sentence_start && w.shape == Shape::capital &&
                             !begins_korean(text, w)))) ||
                          (w.cue != Cue::none && w.shape == Shape::upper && w.letters <= 5) || is_contraction(text, w);
    const bool in_member = member.tag != Tag::none && w.begin >= member.begin;
    if ((!ordinary || in_member) && w.end - w.begin < kLongestWord) {
      const Window window = window_at(text, now, w);
      if (!ordinary) tag = tag_by_neighbours(window, open, tag_beside(window, open, chooser->choose(window)));
      if (tag != Tag::none && said.end == 0 && !(now.joined && tag == open))
        said.end = firm_at(text, now.previous, w, tag);
      if (in_member) tag = tag_in_member(member, window, tag);
    }
    if (is_state_code(text, now, w)) tag = Tag::place;
  } else if (member.tag != Tag::none && w.begin >= member.begin && profile != Profile::secrets) {
    tag = tag_in_member(member, {.context = &now, .word = w}, tag);
  }
  if (said.end != 0) tag = said.tag;
  const bool names_value = profile != Profile::secrets && is_member(text, w);
  const Member value = names_value ? member_at(text, now, w) : Member();
  if (value.element) tag = Tag::none;
  Cue ending = Cue::none;
  if (w.shape == Shape::mixed && w.cue == Cue::none) [[unlikely]]
    ending = cue_of_name(text, w);
  if (w.cue == Cue::pass && is_pass(text, now, w)) ending = Cue::password;
  const Given gives = w.cue == Cue::given ? given_behind(text, w) : Given::nothing;
  std::size_t value_at = 0;
  if (w.cue != Cue::none || ending == Cue::password) [[unlikely]]
    value_at = element_value(text, w, ending == Cue::password);
  if (text.starved()) return false;
  // Names: one word after the other.
  const bool goes_on = open != Tag::none && (now.joined || (inside_phrase && tag == open));
  if (goes_on && tag == Tag::none && open == Tag::person && is_second_half(text, now.previous, w)) tag = open;
  // "van der Meer" alone
  if (tag == Tag::none && lead != kNoLead && now.joined && follows_particle(now, w)) tag = Tag::person;
  const std::size_t whole = tag == Tag::person ? name_suffix(text, w.end) : w.end;
  const bool leads = profile != Profile::secrets && leads_name(text, now.previous, w);
  const bool within = goes_on && w.shape == Shape::lower && joins(text, open, w);
  if (text.starved()) return false;
  phrase = said;
  if (goes_on && open == Tag::place && tag == Tag::person) {
    if (is_one_person(now.previous)) {
      open = tag;
    } else if ((now.previous.flags & kPlacePart) != 0) {
      tag = open;  // "Fort Wayne"
    }
  }
  // "Anna und Jonas" are two; "Ortega y Gasset" is one.
  const bool another = goes_on && (now.previous.roles & kAnd) != 0 && now.previous.shape == Shape::lower &&
                       ((w.flags & kGiven) != 0 || (w.flags & kSurname) == 0);
  if (goes_on && tag == open && !another) {
    open_end = whole;
    open_word = open_word || w.letters > 1 || said.end != 0;
  } else if (!(within && tag == Tag::none)) {
    close_name();
    if (tag != Tag::none) {
      open = tag;
      open_begin = now.joined && tag == Tag::person ? std::min(lead, w.begin) : w.begin;
      open_end = whole;
      open_word = w.letters > 1 || said.end != 0;
    }
  }
  if (tag != Tag::none || open != Tag::none || !leads) {
    lead = kNoLead;
  } else if (lead == kNoLead || !now.joined) {
    lead = w.begin;
  }
  past_word(text, w, tag, whole);
  if (ending != Cue::none) [[unlikely]]
    see(ending);
  if (gives != Given::nothing) [[unlikely]]
    see_given(gives);
  if (value_at != 0) [[unlikely]] {
    element = value_at;  // what stands between are attributes
    seen[static_cast<std::size_t>(Cue::password)] = 0;
  }
  // The value's own colons and quotation marks name nothing.
  if (names_value && (value.tag != Tag::none || member.tag == Tag::none)) member = value;
  return true;
}

// What begins with a letter.
bool Scanner::State::letters(const Text& text) {
  Context& now = context;
  arrive(now);
  if (hyphen && blanks > 0) {
    if (const Match match = match_option(text, at, now); match.score >= now.least) {
      if (!found(text, match)) return false;
      forget_programs();  // what follows is another program's: "sshpass -p … ssh -p 22"
      return true;
    }
  }
  const Word* const ahead = memo.find(at);
  const Word w = ahead != nullptr ? *ahead : read_word(text, at);
  const bool plain = is_plain_end(text, w.end);
  // A word that no list has may be a user's name of which that is said behind it.
  if (plain && w.flags == 0 && w.cue == Cue::none && w.letters > 3 && text[w.end] == ' ' && text[w.end + 1] == 'i' &&
      profile != Profile::secrets) {
    if (const Match match = match_said_login(text, at, w.end, now); match.score >= now.least) return found(text, match);
  }
  if (plain && w.shape == Shape::lower && telling < now.earliest(kSecretReach) && !is_users() && !follows_user(w))
    return ordinary_word(text, w) || word(text, w);
  return token(text, w, plain);
}

// What begins with a digit.
bool Scanner::State::digits(const Text& text) {
  arrive(context);
  return token(text, Word(), false);
}

// A token that began with `w`, or with a digit if that is empty; `plain`: nothing follows that could make it more
// than a word.
bool Scanner::State::token(const Text& text, const Word& w, bool plain) {
  const std::size_t begin = at;
  const bool letter = w.end != 0;  // marks without a letter are a word as well
  Context& now = context;
  const bool told = telling >= now.earliest(kSecretReach);  // the farthest of what is_telling
  const bool near_secret = told && (now.near(Cue::password, 1) || now.near(Cue::secret, 2));
  const bool near_user =
      ((told && now.near(Cue::user, 0)) || is_users() || follows_user(w)) && profile != Profile::secrets;
  if (letter && told && now.near(Cue::login, 2)) {
    if (const Match match = match_login(text, begin); match.score >= now.least) {
      if (!found(text, match)) return false;
      see(Cue::password);
      return true;
    }
  }
  if (plain && w.shape == Shape::lower && !near_secret && !near_user) return word(text, w);
  auto sure = [&](const Match& match) { return match.score >= now.least; };
  if (told && (!plain || w.shape == Shape::mixed) && now.near(Cue::use, 0)) {
    if (const Match match = match_used(text, begin); sure(match)) return found(text, match);
  }
  const unsigned char left = escaped ? ' ' : text.before(begin, 1);
  const bool inside = is_cut_here(left);  // behind '_', or behind letters that a word did not take
  // A word alone is no key: those have a digit or a sign in them, or are long.
  const bool alone = plain && !near_secret && w.letters < 16;
  if (near_secret && begin == element) {
    if (const Match match = match_element(text, begin); sure(match)) return found(text, match);
  }
  if (!alone && (told || may_be_secret_alone(text, begin))) {
    if (const Match match = match_secret(text, begin, now); sure(match)) return found(text, match);
  }
  // Where what is written together ends: letters and digits.
  std::size_t run = plain || (letter && w.letters == w.end - begin) ? w.end : begin;  // of letters of one byte each
  const std::size_t most = std::min(begin + kLongestPlain, text.size());
  while (run < most && is_alphanumeric(text.data()[run])) ++run;
  if (run == text.size()) static_cast<void>(text[run]);  // more may belong to it
  std::size_t rest = 0;
  if (profile == Profile::secrets && !letter && (now.near(Cue::one_time, 1) || now.near(Cue::code, 0))) {
    if (const Match match = match_check(text, now, code_at(text, begin)); sure(match)) return found(text, match);
  }
  if (profile == Profile::secrets && letter &&
      (text[run] == ':' || text[run] == '+')) {  // an address with a password or a key in it
    if (const Match match = match_url(text, begin); info(match.kind).group == Group::secret && sure(match))
      return found(text, match);
  }
  if (profile != Profile::secrets && (!inside || left == '_')) {
    const unsigned char next = letter ? text[w.end] : 0;
    // "_name@example.org_" and "__name@example.org__", but not the rest of "first_name@example.org"
    const bool fresh = left != '_' || !is_alphanumeric(before_underscores(text, begin));
    if (fresh && !plain) {
      if (may_be_email(begin) || (letter && may_be_coded_email(text, run) && is_coded_email(text, run))) {
        if (const Match match = match_email(text, begin); sure(match)) return found(text, match);
      }
      if (may_be_url(text, begin, run)) {
        if (const Match match = match_url(text, begin); sure(match)) return found(text, match);
      }
    }
    if (near_user || (letter && (now.previous.roles & kUserWord) != 0)) {
      if (const Match match = match_user(text, begin, now); sure(match)) return found(text, match);
    }
    if (told && now.near(Cue::docket, 1)) {
      if (const Match match = match_docket(text, begin, now); sure(match)) return found(text, match);
    }
    if (left != '_' || fresh) {
      const bool hex = is_hex(text[begin]);
      if (hex && (!letter || is_digit(next) || next == ':' || next == '-' || next == '.')) {
        if (may_be_mac(text, begin, now)) {
          if (const Match match = match_mac(text, begin, now); sure(match)) return found(text, match);
        }
        // Its first number has four digits at most.
        const unsigned char sign = text[run];
        if (run <= begin + 4 && (sign == '.' || sign == ':')) {
          if (const Match match = match_ip(text, begin, now); sure(match)) return found(text, match);
        }
      }
    }
    if (letter) {
      if (const Match match = at_word(text, now, w, rest); sure(match)) return found(text, match);
    } else {
      if (run >= begin + kShortestWallet) {
        if (const Match match = match_wallet(text, begin, now); sure(match)) return found(text, match);
      }
      if (const Match match = at_number(text, now, at, rest); sure(match)) return found(text, match);
    }
  }
  if ((!plain || (text[run] > ' ' && text[run + 1] > ' ')) && is_left_of_password(left)) {
    if (const Match match = match_said_login(text, begin, run, now); sure(match)) return found(text, match);
  }
  if (letter && !is_digit(text[w.end])) return word(text, w);
  const bool second_factor = !letter && is_second_factor(text, begin, run);
  // "CVC2 123", "IMEI1: …", "Phone 2" in one
  const bool numbered = letter && w.cue != Cue::none && w.letters > 1 && is_digit(text[w.end]) && text[w.end] != '0' &&
                        text[w.end + 1] != '.' && text[w.end + 1] != '(' && !is_alphanumeric(text[w.end + 1]) &&
                        text[w.end + 1] != '_';
  // Digits, or letters and digits together, that are nothing: go on behind them.
  std::size_t end = run;
  if (end == begin) end = begin + 1;
  if (rest > end && (!letter || rest == begin + kUuid)) end = rest;
  if (text.starved()) return false;
  skipping = end >= begin + kLongestPlain;
  past_other(end);
  if (second_factor) see(Cue::one_time);
  if (numbered) {
    lexicon().each_cue(0, w, [&](Cue cue) {
      if (cue < Cue::version) see(cue);
    });
  }
  return true;
}

}  // namespace freehold::pii
