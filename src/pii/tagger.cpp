#include "pii/tagger.h"

#include "pii/features.h"
#include "pii/looks.h"

namespace freehold::pii {
namespace {

Gap left_gap(const Text& text, const Word& word) {
  const unsigned char b1 = text.before(word.begin, 1), b2 = text.before(word.begin, 2);
  if (b1 == 0 || b1 == '\n') return Gap::line;
  if (b1 == '-') return Gap::hyphen;
  if (b1 == ':' || b1 == '=') return Gap::colon;
  if (b1 != ' ') return b1 == '"' || b1 == '\'' || b1 == '(' ? Gap::quote : Gap::other;
  if (is_alphanumeric(b2) || b2 >= 0x80) return is_digit(b2) ? Gap::number : Gap::blank;
  switch (b2) {
    case ',':
      return Gap::comma;
    case '.':
      return Gap::stop;
    case '\n':
      return Gap::line;
    case ':':
      return Gap::colon;
    case '"':
    case ')':
      return Gap::quote;
    default:
      return Gap::other;
  }
}

// What follows a word that ends at `end`; `at` is where the next word begins, if one does.
Gap right_gap(const Text& text, std::size_t end, std::size_t& at) {
  at = 0;
  const unsigned char c = text[end];
  if (c == '-' && letter_at(text, end + 1) != 0) {
    at = end + 1;
    return Gap::hyphen;
  }
  if (c == '\'' || (c == 0xE2 && text[end + 1] == 0x80 && text[end + 2] == 0x99)) {
    std::size_t i = end + (c == '\'' ? 1 : 3);
    if ((text[i] | 0x20) == 's' && !is_alphanumeric(text[i + 1])) {
      if (text[i + 1] == ' ' && letter_at(text, i + 2) != 0) at = i + 2;
      return Gap::genitive;
    }
    return Gap::quote;
  }
  Gap gap = Gap::blank;
  std::size_t i = end;
  if (c == ',' || c == '.' || c == ':' || c == ';' || c == ')' || c == '"' || c == '!' || c == '?') {
    gap = c == ','               ? Gap::comma
          : c == '.'             ? Gap::stop
          : c == ':'             ? Gap::colon
          : c == ')' || c == '"' ? Gap::quote
                                 : Gap::other;
    ++i;
  }
  const std::size_t n = blank_at(text, i);
  if (n == 0) return i == end ? (c == '\n' ? Gap::line : c == 0 ? Gap::end : Gap::other) : gap;
  i += n;
  if (letter_at(text, i) != 0) {
    at = i;
    return gap;
  }
  return is_digit(text[i]) && gap == Gap::blank ? Gap::number : gap == Gap::blank ? Gap::other : gap;
}

// The kinds of knowledge that tell names apart, without the common flag of very short words.
std::uint32_t known(const PastWord& word) {
  return word.letters == 0 ? 0x10000u : static_cast<std::uint32_t>(word.flags & ~kFiller);
}

// Of a word of which nothing is known, what it looks like.
constexpr std::uint32_t kLooksLike = 0x20000;

bool may_look(const Word& word) {
  return word.letters > 1 && (word.flags & ~kFiller) == 0 && word.shape != Shape::lower;
}

std::uint32_t form(const PastWord& word) {
  return word.letters == 0 ? 7u : static_cast<std::uint32_t>(word.shape);
}

}  // namespace

Window window_at(const Text& text, const Context& context, const Word& word) {
  Window window{.context = &context, .text = &text, .word = word, .left = left_gap(text, word)};
  std::size_t at = 0;
  window.right = right_gap(text, word.end, at);
  if (at != 0) {
    window.next = word_at(text, at);
    std::size_t further = 0;
    window.after_next = right_gap(text, window.next.end, further);
  }
  return window;
}

namespace {

// What each feature says of a window: three numbers that are hashed together with its own.
void keys_of(const Window& window, FeatureKeys& out) {
  const Context& context = *window.context;
  const Word& next = window.next;
  const PastWord &previous = context.previous, &before = context.before_previous;
  const Word& word = window.word;
  const auto left = static_cast<std::uint32_t>(window.left), right = static_cast<std::uint32_t>(window.right);
  const auto tag = static_cast<std::uint32_t>(context.tag),
             tags = tag * 4 + static_cast<std::uint32_t>(context.before_tag);
  const std::uint32_t start = context.sentence_start ? 1 : 0;
  const bool looks = may_look(word), next_looks = may_look(next);
  const Look look = looks ? look_of(*window.text, word) : Look();
  const Look next_look = next_looks ? look_of(*window.text, next) : Look();
  const std::uint32_t flags = looks ? kLooksLike | look.coarse() : known(word), shape = form(word);
  const std::uint32_t next_flags = next_looks ? kLooksLike | next_look.coarse() : known(next), next_form = form(next);
  const std::uint32_t previous_known = known(previous);
  const std::uint32_t previous_hash = previous.letters != 0 ? previous.hash : 1;
  const std::uint32_t before_hash = before.letters != 0 ? before.hash : 2;
  const std::uint32_t next_hash = next.letters != 0 ? next.hash : 3;
  // A name that the lexicon knows says by its flags what it is; its letters would only be learnt by heart.
  const bool by_heart = (word.flags & (kGiven | kSurname | kPlace | kPlacePart)) == 0 || (word.flags & kCommon) != 0;
  const std::uint32_t fine = looks ? look.fine() : 0;
  std::size_t n = 0;
  auto add = [&](std::uint32_t a, std::uint32_t b = 0, std::uint32_t c = 0) {
    out.a[n] = a;
    out.b[n] = b;
    out.c[n++] = c;
  };
  add(0);
  add(flags, shape);
  add(flags, shape, start);
  add(word.suffix);
  add(word.suffix & 0xFFFF, shape);
  add(previous_hash, left);
  add(previous_known, tag, flags);
  add(before_hash, previous_hash);
  add(next_hash, right);
  add(next_flags, next_form, right);
  add(flags, tag, next_flags);
  add(left, tag, shape);
  add(right, next_form, tag);
  add(tags, shape, left);
  add(flags, previous_hash, left);
  add(flags, next_hash, right);
  add(by_heart ? word.hash : 4);
  add(before_hash, left);
  add(start, flags, next_form);
  add(tags, flags, next_form);
  add(previous_hash, next_hash);
  add(flags, previous_known, static_cast<std::uint32_t>(previous.shape) * 16 + left);
  add(flags, tags, right);
  add(static_cast<std::uint32_t>(window.after_next), flags, next_hash);
  add(fine, shape, start);
  add(fine, left, right);
  add(fine, tags, next_form);
  add(fine, previous_known, left);
  add(fine, next_looks ? next_look.fine() : next_flags, right);
  while (n < kFeatureLanes) add(0);  // of no feature
}

constexpr std::int32_t kPlaceUnit = 1 << 16;

const auto kHasher = has_avx2() ? buckets_avx2 : buckets_plain;

}  // namespace

void buckets_plain(const FeatureKeys& keys, std::uint32_t* out) {
  for (std::uint32_t n = 0; n < kFeatures; ++n) {
    std::uint32_t h = (n + 1) * kFeatureStep;
    for (const std::uint32_t key : {keys.a[n], keys.b[n], keys.c[n]}) {
      h = (h ^ key) * kFeatureMix;
      h ^= h >> 15;
    }
    out[n] = h * kFeatureEnd >> 16;
  }
}

void features_of(const Window& window, Features& out) {
  FeatureKeys keys;
  keys_of(window, keys);
  buckets_plain(keys, out.data());
}

Tagger::Tagger(std::span<const signed char> weights) {
  weights_.reserve(weights.size() / kTags);
  for (std::size_t i = 0; i + 1 < weights.size(); i += kTags)
    weights_.push_back(weights[i + 1] * kPlaceUnit + weights[i]);
}

Tag Tagger::choose(const Window& window) {
  FeatureKeys keys;
  alignas(32) std::uint32_t buckets[kFeatureLanes];
  keys_of(window, keys);
  kHasher(keys, buckets);
  std::int32_t sum = 0;
  const std::int32_t* const weights = weights_.data();
  for (std::size_t n = 0; n < kFeatures; ++n) sum += weights[buckets[n]];
  const int person = static_cast<std::int16_t>(sum), place = (sum - person) / kPlaceUnit;
  // A miss costs more than a false alarm: what is a little less likely a name than not is taken for one, and more of it
  // by a profile that looks for recall.
  const bool recall = window.context->least < 50;
  const bool may_be_person = person > (recall ? -24 : -10), may_be_place = place > (recall ? -18 : -4);
  if (!may_be_place) return may_be_person ? Tag::person : Tag::none;
  return may_be_person && person >= place ? Tag::person : Tag::place;
}

}  // namespace freehold::pii
