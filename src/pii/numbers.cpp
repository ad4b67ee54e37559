// Numbers and codes: those with check digits by their rules, telephones by how they are written, the rest by the words
// before them.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <iterator>
#include <span>

#include "pii/cards.h"
#include "pii/check_digits.h"
#include "pii/plates.h"
#include "pii/recognisers.h"
#include "pii/writings.h"

namespace freehold::pii {
namespace {

using std::string_view;

struct Named {
  Cue cue;
  Kind kind;
  std::size_t least_digits;
  std::uint32_t words;  // at most so many counting words between
};

constexpr std::size_t kLeastPlain = 4;       // shorter is no code
constexpr std::size_t kLeastWhole = 8;       // characters of a passport in one piece that has fewer
constexpr std::size_t kLeastSaid = 3;        // digits, where only what is said behind it tells
constexpr std::size_t kLeastPaid = 6;        // characters, where it may be what was paid for something
constexpr int kByNumber = 72;                // a telephone that is none by its form: "mi numero de poliza 881300039-01"
constexpr int kSaid = 96;                    // more than what only looks like another's
constexpr std::size_t kMostPlain = 34;       // letters and digits: the longest IBAN that ISO 13616 allows
constexpr std::size_t kMostWideDigits = 19;  // the longest card

// What nothing but a word before it tells. The order decides where several fit.
constexpr Named kNamed[] = {
    {Cue::medical_record, Kind::medical_record, 4, 3},
    {Cue::health_plan, Kind::health_plan, 5, 3},
    {Cue::member, Kind::health_plan, 6, 0},
    {Cue::passport, Kind::passport, 1, 3},
    {Cue::vin, Kind::vin, 3, 3},
    {Cue::plate, Kind::plate, 1, 3},
    {Cue::registration, Kind::plate, 1, 2},
    {Cue::vehicle, Kind::plate, 1, 3},
    {Cue::licence, Kind::licence, 4, 3},
    {Cue::device, Kind::device_id, 4, 3},
    {Cue::routing, Kind::routing_number, 8, 3},
    {Cue::account, Kind::bank_account, 5, 3},
    {Cue::sort_code, Kind::bank_account, 6, 2},
    {Cue::other_id, Kind::other_id, 3, 2},
    {Cue::national, Kind::other_id, 6, 2},
};

// What is said behind a number tells of it, too: "97339 ist meine Postleitzahl".
constexpr auto kNamedBehind = [] {
  std::array<Named, std::size(kNamed) - 1> out{};
  std::size_t count = 0;
  for (const Named& row : kNamed) {
    if (row.cue != Cue::registration && row.cue != Cue::vehicle) out[count++] = row;
  }
  out[count] = {Cue::postcode, Kind::postcode, 4, 0};
  return out;
}();

constexpr std::size_t index_of(Cue cue) {
  return static_cast<std::size_t>(cue);
}

constexpr std::uint32_t kNamedReach = 3;  // the most of their words
static_assert(kNamedReach <= kOwnReach);
static_assert(std::all_of(std::begin(kNamed), std::end(kNamed),
                          [](const Named& row) { return row.words <= kNamedReach; }));

const std::array<bool, kCues> kNamesNumber = [] {
  std::array<bool, kCues> out{};
  for (const Named& row : kNamed) out[static_cast<std::size_t>(row.cue)] = true;
  for (const auto table : {european_ids(), other_ids(), register_ids()}) {
    for (const NationalId& id : table) out[static_cast<std::size_t>(id.cue)] = true;
  }
  return out;
}();

class Evaluation {
 public:
  Evaluation(const Text& text, const Context& context, const Code& code)
      : text_(text), context_(context), code_(code) {}

  // The best that the first `n` groups may be, of `characters` letters and digits; every call with fewer groups.
  Match at(std::size_t n, std::size_t characters) {
    if (all_.size == 0) {
      all_ = code_.plain(text_, n);
      all_form_ = code_.form(n);
    }
    // Fewer groups are written as these, but shorter.
    plain_ = all_.text().substr(0, characters);
    written_ = {.size = characters,
                .form = n > kMostSigns ? all_form_ : all_form_ & ((Form{1} << 8 * (n - 1)) - 1),
                .letters = all_.letters & ((std::uint64_t{1} << characters) - 1)};
    end_ = code_.end(n);
    follows_known_ = false;
    underscored_ = code_.underscored || text_[end_] == '_';
    best_ = {Kind::other_id, code_.groups[0].begin, end_, 0};
    own_distance_ = UINT32_MAX;
    said_ = {};
    if (is_said_of(text_, end_) && !code_.joined && !code_.hyphened && !code_.money && !underscored_) {
      said_ = said_of(text_, end_, context_.joined && is_saying(context_.previous.hash));
      if (!said_.as && is_claimed()) said_ = {};
    }
    digits_ = code_.digits_only(n);
    wide_ = code_.wide(n);
    broken_ = code_.broken(n);
    lower_ = code_.lower_case(n);
    iban();
    national();
    if (digits_) {
      card(n);
      equipment(n);
      if (plain_.size() >= 7) phone(n);
    } else if (bool checked = false; n == 1 && is_vin(plain_, checked)) {
      // A word of seventeen letters is none, but where its check is right and a word says so.
      const bool word = code_.groups[0].digits == 0;
      if (!word || (checked && context_.near(Cue::vin, 3)))
        offer(Kind::vin, context_.near(Cue::vin) ? 95 : checked && !lower_ ? 75 : 20, Cue::vin, 80);
    }
    if (!digits_ && !lower_) by_form(n);
    if (said_.as) named_behind(n);
    named(n);
    if (said_.cues.any() && !said_.as) named_behind(n);
    return best_;
  }

 private:
  // Whether a word right before it says what it is: then none that follows does.
  bool is_claimed() const {
    if (!context_.near_named(1)) return false;
    return std::any_of(std::begin(kNamed), std::end(kNamed),
                       [&](const Named& row) { return context_.near(row.cue, 1) && row.cue != Cue::national; });
  }

  // Whether a word after the code says that it is `cue`'s.
  bool is_followed_by(Cue cue) {
    if (!follows_known_) {
      if (is_claimed()) return false;
      follows_ = cues_after(text_, end_) | said_.cues;
      follows_known_ = true;
    }
    return follows_.test(static_cast<std::size_t>(cue));
  }

  // A word after the number can raise what is not sure enough.
  void offer(Kind kind, int score, Cue cue, int with_cue) {
    if (score > 0 && score < context_.least && with_cue >= context_.least && is_followed_by(cue)) score = with_cue;
    if (score > best_.score) {
      best_.kind = kind;
      best_.score = score;
    }
  }

  // What is written together with something before it, or is money, needs a word that says otherwise.
  int weakened(int score) const {
    if (code_.joined || code_.money) return 0;
    return (code_.hyphened || underscored_) && score < 85 ? score - 30 : score;
  }

  // What the form tells, though no word does; a part's or an order's number may look alike.
  void by_form(std::size_t n) {
    if (plain_.size() < 7 || plain_.size() > 18 || code_.hyphened || underscored_ || wide_) return;
    int score = 0;
    Kind kind = Kind::licence;
    if (is_indian_plate(plain_)) {
      score = n > 1 ? 72 : 62;
      kind = Kind::plate;
    } else if (n == 1) {
      score = is_british_licence(plain_) ? 88 : 0;
    } else {
      score = soundex_licence_score(written_);
    }
    if (score < 80 && (context_.near(Cue::order, 3) || context_.near(Cue::device, 3))) score -= 30;
    offer(kind, weakened(score), Cue::none, 0);
  }

  void iban() {
    if (plain_.size() >= 15 && plain_[0] >= 'A' && plain_[1] >= 'A' && is_iban(plain_))
      offer(Kind::iban, 97, Cue::none, 0);
  }

  void national() {
    constexpr int kFollowed = 90;  // at least what any profile asks for
    static constexpr std::uint32_t kSocial = hash_folded("social");
    if (plain_.size() >= kMostOfState) return;
    const std::uint32_t near_from = context_.earliest(8), right_from = context_.earliest(kOwnReach);
    const WritingRows& list = writings_of(plain_.size(), digits_);
    const bool any_form = context_.near_named(kOwnReach) || said_.cues.any();
    const std::span<const WritingRow> rows = any_form ? list.all : list.of_form(written_.form);
    for (const WritingRow& row : rows) {
      const Cue cue = row.cue;
      const std::uint32_t seen = context_.seen[static_cast<std::size_t>(cue)];
      // Where its own word stands before it, the signs between may be others.
      const bool written = row.written.form == written_.form;
      const bool said = said_.cues.test(index_of(cue)) && !wide_;
      if (!written && seen < right_from && !said) continue;
      if (row.any ? written_.form != 0 : row.written.letters != written_.letters) continue;
      // "last name Shen, social 536228726"
      const bool social = row.cue == Cue::ssn && context_.joined && context_.previous.hash == kSocial;
      const bool near = seen >= near_from || social;
      int score = written ? row.score : 0;
      if (wide_ && (broken_ || score < 85) && !near) continue;
      if (lower_) score -= 15;
      score = weakened(score);
      if (near) {
        score = score > 0 ? std::max(score + 3, row.score >= 60 ? 98 : 94) : written ? 80 : 90;
      } else if (said) {
        if (row.id->valid(plain_)) offer(row.id->kind, kSaid, cue, kFollowed);
        continue;
      } else if (info(row.id->kind).group == Group::medical && context_.near(Cue::national, 2)) {
        score -= 30;  // "identity card number": no doctor's
      } else if (context_.near(Cue::national, 5) || context_.near(Cue::tax, 5)) {
        score = score > 0 ? std::max(score + 2, 70) + row.score / 10 : 0;
      } else if (score < 80 && (context_.near(Cue::order, 3) || context_.near(Cue::money, 3))) {
        score -= 30;
      }
      // What is not sure enough needs no check, nor what is no better than another.
      if (score < context_.least && (score <= 0 || !is_followed_by(cue))) continue;
      if (!near && score >= context_.least && score <= best_.score) continue;
      if (!row.id->valid(plain_)) {
        if (cue == Cue::ssn && near && written && context_.near(cue, 0) && is_value()) offer(row.id->kind, 60, cue, 0);
        continue;
      }
      if (!near && score >= context_.least && score < kSaid && is_followed_by(cue)) score = kSaid;
      // Where the words of two states stand before it, the nearer one decides.
      if (near) {
        const std::uint32_t distance = seen >= near_from ? context_.distance(cue) : 0;
        if (score >= context_.least && distance < own_distance_ && best_.score <= 98) best_.score = 0;
        if (distance > own_distance_) continue;
        if (score >= context_.least) own_distance_ = distance;
      }
      offer(row.id->kind, score, cue, kFollowed);
    }
  }

  // "\"ssn\": \"078-05-1120\"": of a member of that name it is one, whatever it is like, but for what stands in its
  // place.
  bool is_value() const {
    const unsigned char left = text_.before(code_.groups[0].begin, 1);
    return (left == '"' || left == '\'' || left == '=' || left == ':' || left == '>') &&
           plain_.find_first_not_of(plain_[0]) != string_view::npos;
  }

  void card(std::size_t n) {
    if (plain_.size() < 12) return;
    // The card of "identity card" pays nothing.
    const bool identity = context_.seen[index_of(Cue::national)] == context_.seen[index_of(Cue::card)];
    const bool near = context_.near(Cue::card) && !identity, paid = context_.near(Cue::payment);
    const bool halves = near && broken_ && n == 2;  // one line was too short for it
    if (n > 1 && code_.groups[0].size() != 4 && !halves) return;
    bool plain = true;  // blanks or dashes, as everybody writes
    for (std::size_t g = 0; g + 1 < n; ++g) {
      const Code::Group &group = code_.groups[g], &first = code_.groups[0];
      if (group.separator != first.separator && !group.line && !first.line) return;
      plain = plain && (group.separator == ' ' || group.separator == '-');
    }
    if ((!plain || wide_) && !in_card_groups(code_, n) && !halves) return;
    if (wide_ && !near && in_row(text_, code_, n)) return;
    int score = card_score(plain_, n > 1);
    if (score == 0) return;
    if (!plain) score -= 20;
    // An underscore beside it is a programmer's, or Markdown's: what belongs to a scheme is a card all the same.
    const bool kept = underscored_ && !code_.joined && !code_.money && !code_.hyphened && score >= 60;
    score = kept ? score - 10 : weakened(score);
    // What was paid or expires is a card where it has a scheme's first digits and length, and no number else.
    if (score > 0 && near) score = score > 30 ? 97 : 75;
    if (score > 45 && paid) score = 97;
    if (score < 97 && n == 1 && (context_.near(Cue::order, 3) || context_.near(Cue::device, 3))) score -= 40;
    // "Thai ID card number": the word of a state's number, which fits, is as near.
    if (own_distance_ != UINT32_MAX && own_distance_ <= context_.distance(Cue::card)) score = std::min(score, 90);
    // A word behind it says nothing where one before it says that it is a state's.
    offer(Kind::card, score, own_distance_ == UINT32_MAX ? Cue::card : Cue::none, 95);
  }

  // 3GPP TS 23.003: an IMEI, 35-209900-176148-1 and in other groups, or with the number of its software.
  void equipment(std::size_t n) {
    if (plain_.size() != 15 && (plain_.size() != 16 || n != 4)) return;
    if (!context_.near(Cue::device, 4) || broken_ || code_.joined || context_.near(Cue::card, 1)) return;
    if (plain_.size() == 15 ? luhn(plain_) : code_.groups[0].size() == 2) offer(Kind::device_id, 96, Cue::none, 0);
  }

  void phone(std::size_t n) {
    // A line's end is within none but those with a '+' (phone.cpp).
    if (broken_ || (n > 1 && all_years(text_, code_, n))) return;
    int score = weakened(phone_score(written_, plain_, context_));
    if (score < 60 && n >= 3 && !wide_ && is_phone_label(text_, code_)) score = 60;
    // Columns of a table look like that too.
    if (score < 70 && !context_.near(Cue::phone) && in_row(text_, code_, n)) score = 0;
    if (wide_ && (score < 52 || !context_.near(Cue::phone, 4) || in_row(text_, code_, n) ||
                  (plain_[0] != '0' && in_range(code_, n, score))))
      score = 0;
    if (said_.cues.test(index_of(Cue::phone)) && !code_.joined && plain_.size() >= 8 && plain_.size() <= 13)
      score = std::max(score, 75);
    offer(Kind::phone, score, Cue::phone, 75);
  }

  void named(std::size_t n) {
    // "text: passport 012345678": the nearer word decides, unless it is written as telephones are.
    const bool by_word = best_.kind == Kind::phone && best_.score < 95 && context_.near(Cue::phone);
    // So it does where a check digit is all that speaks for a state's number: with its word the score would be higher.
    const Group group = info(best_.kind).group;
    const bool guessed = best_.score < 80 && (group == Group::national || group == Group::medical);
    // And a telephone that only its form makes one, right behind another word.
    const bool by_form = best_.kind == Kind::phone && best_.score < 70 && !context_.near(Cue::phone);
    if ((best_.score >= 60 && !by_word && !guessed && !by_form) || code_.joined || underscored_ || wide_) return;
    if (said_.as && best_.score >= context_.least) return;
    if (!context_.near_named(kNamedReach)) return;
    if (n > 1 && digits_ && all_years(text_, code_, n)) return;  // "Copyright 2013-2015"
    if (!names_known_) {
      names_known_ = true;
      const std::uint32_t from = context_.earliest(kNamedReach);
      for (std::size_t i = 0; i < std::size(kNamed); ++i) {
        if (context_.seen[static_cast<std::size_t>(kNamed[i].cue)] >= from &&
            context_.near(kNamed[i].cue, kNamed[i].words))
          named_ |= std::uint32_t{1} << i;
      }
    }
    if (named_ == 0) return;
    const std::size_t digits = plain_.size() - static_cast<std::size_t>(std::popcount(written_.letters));
    if (digits == 0 && (n > 1 || !is_unpronounceable(plain_))) return;
    // The nearest of the words that fit says what it is.
    const Named* nearest = nullptr;
    for (std::size_t i = 0; i < std::size(kNamed); ++i) {
      const Named& row = kNamed[i];
      if ((named_ >> i & 1) != 0 && fits(row, n, digits) &&
          (nearest == nullptr || context_.distance(row.cue) < context_.distance(nearest->cue)))
        nearest = &row;
    }
    if (nearest == nullptr) return;
    if (best_.score >= 60) {
      if (guessed && nearest->cue == Cue::national) return;
      if (by_form && !context_.near(nearest->cue, 1)) return;
      if (!guessed && !by_form &&
          ((n > 1 && best_.score > kByNumber) || context_.distance(nearest->cue) >= context_.distance(Cue::phone)))
        return;
      best_.score = 0;
    }
    offer(nearest->kind, context_.near(nearest->cue, 1) ? 78 : 64, Cue::none, 0);
  }

  // "C11119376 - that is the passport number", "109049357 (ABA)": what is said of a number behind it.
  void named_behind(std::size_t n) {
    if (wide_ || broken_) return;
    const Group group = info(best_.kind).group;
    const bool found = best_.score >= context_.least;
    // What only its form makes a state's number or a telephone is what the words say.
    const bool by_form = own_distance_ == UINT32_MAX && best_.score < kSaid &&
                         (group == Group::national || group == Group::medical ||
                          (best_.kind == Kind::phone && best_.score < 90 && !said_.cues.test(index_of(Cue::phone))));
    if (found && !by_form) return;
    const std::size_t digits = plain_.size() - static_cast<std::size_t>(std::popcount(written_.letters));
    const bool whole = n == 1 && !lower_ && plain_.size() >= kLeastWhole && digits > 1;
    for (const Named& row : kNamedBehind) {
      if (!said_.cues.test(index_of(row.cue)) || (found && row.cue == Cue::national)) continue;
      const bool plate = row.kind == Kind::plate && plate_look(code_, n, plain_) == 2;
      const bool enough = plate || digits >= std::max(row.least_digits, kLeastSaid);
      const bool serial = row.kind == Kind::device_id && digits > 0 && in_equal_groups(code_, n);
      const bool telling = serial || (whole && (row.kind == Kind::passport || row.kind == Kind::device_id ||
                                                (row.kind == Kind::licence && plain_.size() >= 9) ||
                                                (row.cue == Cue::national && digits >= 5)));
      if ((!enough && !telling) || !fits(row, n, digits, telling) || (said_.paid && !is_entered(row, n, digits)))
        continue;
      best_.score = 0;
      offer(row.kind, 62, Cue::none, 0);
      return;
    }
  }

  // "I entered K7720418 for the passport", and no amount that was paid for it.
  bool is_entered(const Named& row, std::size_t n, std::size_t digits) const {
    if (row.kind == Kind::postcode || row.kind == Kind::plate) return n > 1 || row.kind == Kind::plate || digits == 5;
    if (plain_.ends_with("000") || plain_.size() < kLeastPaid) return false;
    return n == 1 || code_.groups[0].separator != ' ' || code_.groups[0].digits == 0;
  }

  // Capitals with few digits, in one piece or behind a few letters ("SN-9ZKVY1JAX0"): right behind its word it is one.
  bool is_telling(const Named& row, std::size_t n, std::size_t digits) const {
    const bool may = row.kind == Kind::licence || row.kind == Kind::device_id || row.kind == Kind::passport ||
                     (row.cue == Cue::national && n == 1 && (digits >= 3 || is_german_document(plain_)));
    const Code::Group& first = code_.groups[0];
    const bool whole = n == 1 || (row.kind == Kind::device_id && digits > 0 && in_equal_groups(code_, n)) ||
                       (n == 2 && first.separator == '-' && first.size() <= 3);
    if (!may || !whole || lower_ || plain_.size() < 8 || plain_.size() > 20 ||
        !context_.near(row.cue, row.kind == Kind::licence ? 2 : 1))  // "patente B n. …"
      return false;
    if (row.kind == Kind::device_id) {
      const bool series = n > 1 && plain_.starts_with("SN");
      return plain_.size() >= (n > 1 ? 10u : 9u) &&
             (digits >= 2 || series || plain_.size() >= 12 || is_unpronounceable(plain_));
    }
    return plain_.size() >= 10 || digits >= 2 || digits == 0 || is_german_document(plain_);
  }

  bool fits(const Named& row, std::size_t n, std::size_t digits, bool telling = false) const {
    if ((digits < row.least_digits && !telling && !is_telling(row, n, digits)) || plain_.size() < 4) return false;
    if (row.kind == Kind::plate && !is_plate(plain_, digits)) return false;
    if (row.cue == Cue::registration && plate_look(code_, n, plain_) == 0) return false;
    if (row.cue == Cue::vehicle && plate_look(code_, n, plain_) < 2) return false;
    if (row.kind == Kind::vin && plain_.size() != 17) return false;
    const bool extended = n == 2 && code_.groups[0].size() == 5 && code_.groups[1].size() == 4;  // "60614-2201"
    if (row.kind == Kind::postcode && (!digits_ || (!extended && (n > 1 || plain_.size() > 6)))) return false;
    // "4640 28112 4 IRN 1": a word begins something else. "0.98231": an amount.
    for (std::size_t g = 1; g < n && row.kind != Kind::plate; ++g) {
      if (code_.groups[g].digits == 0 && code_.groups[g].size() >= 3 && code_.groups[g - 1].separator == ' ')
        return false;
    }
    if (n > 1 && code_.groups[n - 1].size() == 1 && ends_with_word(n)) return false;
    if (row.kind == Kind::bank_account && n == 2 && code_.groups[0].separator == '.' && code_.groups[0].size() <= 2)
      return false;
    // Passports have five digits and more, but for Germany's and others' codes of nine characters.
    if (row.kind == Kind::passport && digits < 5 && (n > 1 || plain_.size() != 9 || lower_)) return false;
    if (row.kind == Kind::routing_number && (plain_.size() > 9 || (plain_.size() == 9 && weighted_routing() % 10 != 0)))
      return false;
    if (lower_ && digits < 4) return false;  // "model t1000"
    // A year is nobody's.
    if (digits_ && plain_.size() == 4 && (plain_.starts_with("19") || plain_.starts_with("20"))) return false;
    // Groups that begin with a word ("Ford 2019") are no code, unless it is a plate, or a series before a number.
    const Code::Group& first = code_.groups[0];
    const bool series = (row.kind == Kind::passport || row.kind == Kind::licence || row.cue == Cue::national) &&
                        first.upper == first.size() && first.size() <= 5 && digits >= 5;
    if (n > 1 && row.kind != Kind::plate && !series && first.digits == 0 && first.separator == ' ') return false;
    return !code_.money && !context_.near(Cue::money, 1) && !(digits_ && n == code_.count && is_counted(text_, end_));
  }

  // "417-15-5210 I cannot", "770386644 A copy": a capital that is a word of what follows.
  bool ends_with_word(std::size_t n) const {
    static constexpr string_view kWords = "AEIOUY";
    const std::size_t blank = blank_at(text_, end_);
    return code_.groups[n - 2].separator == ' ' && blank != 0 && letter_at(text_, end_ + blank) != 0 &&
           kWords.find(plain_.back()) != string_view::npos && !is_upper(text_[end_ + blank]);
  }

  int weighted_routing() const { return digits_ ? weighted(plain_, {3, 7, 1, 3, 7, 1, 3, 7, 1}) : 1; }

  const Text& text_;
  const Context& context_;
  const Code& code_;
  Plain all_;  // of as many groups as were asked for first
  Form all_form_ = 0;
  string_view plain_;
  Written written_;
  std::size_t end_ = 0;
  CueSet follows_;           // cues in the next words
  Said said_;                // what is said of it behind it
  std::uint32_t named_ = 0;  // rows of kNamed whose word is near enough, as bits
  bool names_known_ = false, follows_known_ = false;
  std::uint32_t own_distance_ = UINT32_MAX;  // words since the nearest one that names a state's number that fits
  bool digits_ = false, lower_ = false, underscored_ = false, wide_ = false, broken_ = false;
  Match best_;
};

}  // namespace

bool names_number(Cue cue) {
  return kNamesNumber[static_cast<std::size_t>(cue)];
}

// Without a word only the country of an IBAN or a postal code, India's states and a licence's letter stand apart before
// digits, and what is written so.
bool may_lead_code(std::size_t letters) {
  return letters <= 2 || begins_writing(letters);
}

bool may_be_said(const Text& text, const Code& code) {
  std::size_t digits = 0;
  for (std::size_t n = 1; n <= code.count; ++n) {
    digits += code.groups[n - 1].digits;
    if ((digits >= kLeastSaid || (n == 3 && digits > 0)) && is_said_of(text, code.end(n))) return true;
  }
  return false;
}

Match match_code(const Text& text, const Context& context, const Code& code) {
  Evaluation evaluation(text, context, code);
  Match best;
  std::size_t characters = 0;
  for (std::size_t n = 0; n < code.count; ++n) characters += code.groups[n].size();
  for (std::size_t n = code.count; n > 0; characters -= code.groups[--n].size()) {
    if (characters < kLeastPlain) break;
    if (characters > kMostPlain || !code.may_end(text, n, true)) continue;
    // Rows of numbers: no digits alone that are wider apart are as many.
    if (characters > kMostWideDigits && code.digits_only(n) && code.wide(n)) continue;
    best = evaluation.at(n, characters);
    if (best.score >= context.least) break;
    best = {};
  }
  if (best && best.kind == Kind::phone) best.end = phone_extension(text, best.end);
  return best;
}

}  // namespace freehold::pii
