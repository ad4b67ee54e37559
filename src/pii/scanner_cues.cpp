// What the words that go by say of what follows them: when each cue was seen.
#include "pii/lexicon.h"
#include "pii/scanner_state.h"

namespace freehold::pii {

// "Member #" is "member number".
void Scanner::State::see_number_sign() {
  static constexpr std::uint32_t kNumber = hash_folded("number");
  if (context.previous.letters == 0 || newlines > 0 || blanks > 1) return;
  Word number;
  number.hash = kNumber;
  lexicon().each_cue(context.previous.hash, number, [&](Cue cue) { see(cue); });
}

// What the word names, alone or with the one before it: "client no", and past a little word "numero de cliente".
void Scanner::State::see_cues(const Text& text, const Word& w) {
  const PastWord &previous = context.previous, &before = context.before_previous;
  const bool parted = w.letters == 1 && text.before(w.begin, 1) == '/';
  // "GET /account HTTP/1.1" names nobody's.
  const unsigned char left = text.before(w.begin, 2);
  const bool path = text.before(w.begin, 1) == '/' &&
                    ((left == ' ' || left == '\t' || left == '\r' || left == '\n') || left == '"' || left == '\'') &&
                    text[w.end] != ':' && text[w.end] != '=';
  // "Ann's number"
  static constexpr std::uint32_t kNumber = hash_folded("number"), kCaller = hash_folded("caller");
  if (w.hash == kNumber && (context.tag == Tag::person ||
                            (previous.letters == 1 && (context.before_tag == Tag::person || before.hash == kCaller))))
    see(Cue::phone);
  lexicon().each_cue(previous.letters != 0 ? previous.hash : context.abbreviated, w, [&](Cue cue) {
    if (path && names_number(cue)) return;
    // "a/c", but not "a C program"
    const bool letter = cue == Cue::account || cue == Cue::sort_code || cue == Cue::licence;
    if (!letter || w.letters > 1 || parted) see(cue);
  });
  if ((previous.flags & kParticle) == 0 || before.letters == 0) return;
  Word linked;
  linked.hash = w.hash;
  lexicon().each_cue(before.hash, linked, [&](Cue cue) { see(cue); });
}

// Letters with full stops are the word that they make: "N.A.S.", "S.S.N.".
[[gnu::noinline]] void Scanner::State::see_abbreviation(const Text& text, const Word& w) {
  if (w.end != w.begin + 1) return;
  const bool goes_on = abbreviated > 0 && context.previous.letters == 1 && text.before(w.begin, 1) == '.' &&
                       is_alphanumeric(text.before(w.begin, 2));
  abbreviated = goes_on ? abbreviated + 1 : 1;
  if (goes_on && (w.flags & kFiller) == 0) --context.index;  // "S.p.A." is one word
  spelled = hash_on(goes_on ? spelled : kHashStart, text[w.begin] | 0x20);
  if (abbreviated < 3) return;
  Word whole = w;
  whole.hash = spelled;
  whole.cue = Cue::national;  // whichever it is
  lexicon().each_cue(0, whole, [&](Cue cue) { see(cue); });
}

// Another one follows what was found, or one that was given: the words that said what it is are as near to that.
void Scanner::State::see_again() {
  const std::uint32_t from = context.earliest(kGivenReach + 1);
  if (seen[kCues] < from) return;
  for (std::size_t i = 0; i < kCues; ++i) {
    if (const auto cue = static_cast<Cue>(i); seen[i] >= from && seen[i] > context.floor && names_number(cue)) see(cue);
  }
}

// What the word gives that was spoken of before, "has been changed to …", "you gave me (…)".
Given Scanner::State::given_behind(const Text& text, const Word& w) const {
  if (context.near(Cue::password, kGivenReach) && gives_value(text, w.end, true)) return Given::password;
  if (context.near(Cue::secret, kGivenReach) && gives_value(text, w.end, true)) return Given::secret;
  if (context.near(Cue::user, kGivenReach) && gives_value(text, w.end, false)) return Given::user;
  return context.near_named(kGivenReach) && gives_value(text, w.end, false) ? Given::number : Given::nothing;
}

void Scanner::State::see_given(Given given) {
  if (given == Given::number) return see_again();
  see(given == Given::user ? Cue::user : given == Given::secret ? Cue::secret : Cue::password);
}

}  // namespace freehold::pii
