#include "pii/context.h"

#include <algorithm>
#include <iterator>

#include "pii/lexicon.h"

namespace freehold::pii {

namespace {

// "mi numero" is a telephone's where it is of nothing else, "mi numero de cuenta": taken away from `here`, and told.
bool take_phone(CueSet& here, const Word& word) {
  constexpr auto kPhone = static_cast<std::size_t>(Cue::phone);
  if ((word.flags & kFiller) == 0 || !here.test(kPhone)) return false;
  here.reset(kPhone);
  return true;
}

}  // namespace

CueSet cues_after(const Text& text, std::size_t end) {
  constexpr std::size_t kFar = 32;
  CueSet out;
  std::uint32_t previous = 0;
  int words = 0;
  bool number = false, named = false;
  for (std::size_t i = end; i < end + kFar && words < 4;) {
    if (letter_at(text, i) == 0) {
      const unsigned char c = text[i];
      if (c == 0 || c == '\n' || c == ';' || is_digit(c)) break;
      if (c == '.' && text[i + 1] == ' ') break;
      ++i;
      continue;
    }
    const Word word = word_at(text, i);
    CueSet here;
    lexicon().each_cue(previous, word, [&](Cue cue) { here.set(static_cast<std::size_t>(cue)); });
    number = take_phone(here, word) || number;
    named = named || here.any();
    out |= here;
    previous = word.hash;
    i = word.end;
    ++words;
  }
  if (number && !named) out.set(static_cast<std::size_t>(Cue::phone));
  return out;
}

// "as account number", "als Kennzeichen": only what it is follows.
bool is_as_word(std::uint32_t hash) {
  static constexpr std::uint32_t kWords[] = {hash_folded("as"),   hash_folded("als"),  hash_folded("comme"),
                                             hash_folded("como"), hash_folded("come"), hash_folded("som"),
                                             hash_folded("jako"), hash_folded("qua"),  hash_folded("kuin"),
                                             hash_folded("mint"), hash_folded("ca"),   hash_folded("olarak")};
  return std::find(std::begin(kWords), std::end(kWords), hash) != std::end(kWords);
}

bool is_saying(std::uint32_t hash) {
  static constexpr std::uint32_t kWords[] = {
      hash_folded("is"),     hash_folded("was"),    hash_folded("that"), hash_folded("ist"),  hash_folded("war"),
      hash_folded("est"),    hash_folded("es"),     hash_folded("era"),  hash_folded("e"),    hash_folded("er"),
      hash_folded("ar"),     hash_folded("jest"),   hash_folded("to"),   hash_folded("je"),   hash_folded("on"),
      hash_folded("das"),    hash_folded("eto"),    hash_folded("cest"), hash_folded("dit"),  hash_folded("dat"),
      hash_folded("det"),    hash_folded("isso"),   hash_folded("eso"),  hash_folded("este"), hash_folded("esto"),
      hash_folded("questo"), hash_folded("questa"), hash_folded("esta")};
  return std::find(std::begin(kWords), std::end(kWords), hash) != std::end(kWords);
}

namespace {

// Where the words begin that stand behind `end`: past blanks, a comma or a dash.
std::size_t past_pause(const Text& text, std::size_t end) {
  std::size_t i = end + (text[end] == ',');
  i += blank_at(text, i);
  if (const std::size_t dash = dash_at(text, i); dash != 0) {
    i += dash;
    i += blank_at(text, i);
  }
  return i;
}

// "a", "still my": what may begin the words that say what something is of which it was asked.
bool is_article(std::uint32_t hash) {
  static constexpr std::uint32_t kWords[] = {
      hash_folded("a"),     hash_folded("an"),    hash_folded("the"), hash_folded("my"),   hash_folded("your"),
      hash_folded("his"),   hash_folded("her"),   hash_folded("ein"), hash_folded("eine"), hash_folded("meine"),
      hash_folded("mein"),  hash_folded("un"),    hash_folded("une"), hash_folded("una"),  hash_folded("mon"),
      hash_folded("mi"),    hash_folded("een"),   hash_folded("um"),  hash_folded("uma"),  hash_folded("mijn"),
      hash_folded("still"), hash_folded("really")};
  return std::find(std::begin(kWords), std::end(kWords), hash) != std::end(kWords);
}

}  // namespace

namespace {

// "for the Indian passport": what it was entered for, or what was paid for.
bool is_for(std::uint32_t hash) {
  static constexpr std::uint32_t kWords[] = {
      hash_folded("for"),  hash_folded("fur"), hash_folded("pour"), hash_folded("para"), hash_folded("per"),
      hash_folded("voor"), hash_folded("dla"), hash_folded("pro"),  hash_folded("till"), hash_folded("til")};
  return std::find(std::begin(kWords), std::end(kWords), hash) != std::end(kWords);
}

// "it's", "it is", "looks like": two words that say what something is. The end of the second, 0 if they do not.
std::size_t saying_of_two(const Text& text, const Word& word) {
  static constexpr std::uint32_t kIt = hash_folded("it"), kIts = hash_folded("its"), kLook = hash_folded("look"),
                                 kLooks = hash_folded("looks"), kLike = hash_folded("like");
  if (word.hash == kIts) return word.end;
  const std::size_t blank = blank_at(text, word.end);
  if (word.hash == kIt && text[word.end] == '\'' && (text[word.end + 1] | 0x20) == 's') return word.end + 2;
  if (blank == 0 || letter_at(text, word.end + blank) == 0) return 0;
  if (word.hash != kIt && word.hash != kLook && word.hash != kLooks) return 0;
  const Word second = word_at(text, word.end + blank);
  return (word.hash == kIt ? is_saying(second.hash) : second.hash == kLike) ? second.end : 0;
}

}  // namespace

bool is_said_of(const Text& text, std::size_t end) {
  const std::size_t blank = blank_at(text, end);
  if (blank == 0 && text[end] != ',') return false;
  const unsigned char next = text[end + std::max<std::size_t>(blank, 1)];
  return next == '(' || next == ' ' || next == '-' || next >= 0x80 || (next >= 'a' && next <= 'z');
}

bool is_counted(const Text& text, std::size_t end) {
  const std::size_t n = blank_at(text, end);
  if (n == 0 || letter_at(text, end + n) == 0) return false;
  static constexpr std::uint32_t kUnits[] = {
      hash_folded("baud"),   hash_folded("bit"),  hash_folded("bits"),  hash_folded("byte"),    hash_folded("bytes"),
      hash_folded("kb"),     hash_folded("mb"),   hash_folded("gb"),    hash_folded("ms"),      hash_folded("hz"),
      hash_folded("khz"),    hash_folded("mhz"),  hash_folded("times"), hash_folded("percent"), hash_folded("euro"),
      hash_folded("euros"),  hash_folded("eur"),  hash_folded("usd"),   hash_folded("dollars"), hash_folded("pounds"),
      hash_folded("km"),     hash_folded("kg"),   hash_folded("btu"),   hash_folded("days"),    hash_folded("hours"),
      hash_folded("people"), hash_folded("rows"), hash_folded("items"), hash_folded("units")};
  return std::find(std::begin(kUnits), std::end(kUnits), word_at(text, end + n).hash) != std::end(kUnits);
}

namespace {

// "pasaport numarası olarak": Turkish says behind it that it is that.
bool is_before_olarak(const Text& text, const Word& word) {
  static constexpr std::uint32_t kOlarak = hash_folded("olarak");
  std::size_t i = word.end;
  for (int words = 0; words < 2 && word.cue != Cue::none; ++words) {
    i += blank_at(text, i);
    if (letter_at(text, i) == 0) return false;
    const Word next = word_at(text, i);
    if (next.hash == kOlarak) return true;
    i = next.end;
  }
  return false;
}

}  // namespace

Said said_of(const Text& text, std::size_t end, bool asked) {
  constexpr std::size_t kMost = 8;
  Said said;
  CueSet& out = said.cues;
  std::size_t i = past_pause(text, end);
  const bool bracket = text[i] == '(';
  i += bracket;
  std::uint32_t previous = 0;
  bool linked = false, number = false;
  auto whole = [&] {
    if (number && out.none()) out.set(static_cast<std::size_t>(Cue::phone));
    return said;
  };
  for (std::size_t words = 0; words < kMost; ++words) {
    if (letter_at(text, i) == 0) return bracket ? Said() : whole();
    const Word word = word_at(text, i);
    std::size_t word_end = word.end;
    if (!bracket && words == 0) {
      const std::size_t two = saying_of_two(text, word);
      said.as = two == 0 && (is_as_word(word.hash) || is_before_olarak(text, word));
      said.paid = is_for(word.hash);
      if (two != 0) {
        word_end = two;
      } else if (!said.as && !said.paid && !is_saying(word.hash) && !(asked && is_article(word.hash))) {
        return {};
      }
    }
    CueSet here;
    lexicon().each_cue(previous, word, [&](Cue cue) { here.set(static_cast<std::size_t>(cue)); });
    if (here.none() && words > 0 && !linked && (word.flags & (kFiller | kParticle)) == 0 && !is_saying(word.hash) &&
        out.any()) {
      // "for the passport office" is for something else; "für den Ausweis angegeben" is not.
      return bracket || (said.paid && !text.part(word.begin, word.end).ends_with("en")) ? Said() : whole();
    }
    linked = (word.flags & kParticle) != 0;  // "numero di partita IVA"
    number = take_phone(here, word) || number;
    out |= here;
    // "social insurance" is another state's than "social".
    if (here.test(static_cast<std::size_t>(Cue::sin))) out.reset(static_cast<std::size_t>(Cue::ssn));
    previous = word.hash;
    i = word_end;
    if (text[i] == '\'' && (text[i + 1] | 0x20) == 's') i += 2;  // "driver's license"
    if (bracket && text[i] == ')') return whole();
    if (text[i] == '-' || text[i] == '.') ++i;
    i += blank_at(text, i);
  }
  return bracket ? Said() : whole();
}

CueSet cues_said_of(const Text& text, std::size_t end, bool asked) {
  return said_of(text, end, asked).cues;
}

}  // namespace freehold::pii
