#include "text/splitter.h"

#include <utility>

#include "base/utf8.h"

namespace freehold::text {

Result<Splitter> Splitter::create(std::span<const SplitStep> steps) {
  Splitter splitter;
  for (const SplitStep& step : steps) {
    FH_TRY(Regex regex, Regex::compile(step.pattern));
    splitter.steps_.push_back(Step{std::move(regex), step.behaviour, step.invert});
  }
  return splitter;
}

// Adds the pieces that `step` cuts `piece` into, moved by `offset`.
Result<> Splitter::apply(const Step& step, std::string_view piece, std::size_t offset, Matcher& matcher,
                         std::vector<Span>& out) {
  using Behaviour = SplitStep::Behaviour;
  const std::size_t first = out.size();
  bool last_was_match = false;
  std::size_t pending = SIZE_MAX;  // merged_with_next: where a match began that waits for what follows
  auto add = [&](std::size_t begin, std::size_t end, bool match) {
    match = match != step.invert;
    Span span{offset + begin, offset + end};
    switch (step.behaviour) {
      case Behaviour::isolated:
        break;
      case Behaviour::removed:
        if (match) return;
        break;
      case Behaviour::merged_with_previous:
        if (match && !last_was_match && out.size() > first) {
          out.back().end = span.end;
          last_was_match = true;
          return;
        }
        break;
      case Behaviour::contiguous:
        if (out.size() > first && match == last_was_match) {
          out.back().end = span.end;
          return;
        }
        break;
      case Behaviour::merged_with_next:
        // Of several matches in a row only the last joins what follows.
        if (match) {
          if (pending != SIZE_MAX) out.push_back({pending, span.begin});
          pending = span.begin;
          return;
        }
        if (pending != SIZE_MAX) span.begin = std::exchange(pending, SIZE_MAX);
        break;
    }
    last_was_match = match;
    if (span.size() > 0) out.push_back(span);
  };

  std::size_t done = 0;  // everything before is cut
  std::size_t from = 0;
  while (from <= piece.size()) {
    FH_TRY(auto hit, matcher.find(step.regex, piece, from));
    if (!hit) break;
    if (hit->begin > done) add(done, hit->begin, false);
    if (hit->size() > 0) {
      add(hit->begin, hit->end, true);
      done = from = hit->end;
    } else {
      // An empty match cuts here and the search goes on behind the next character.
      done = hit->begin;
      if (done >= piece.size()) break;
      from = done + std::max<std::size_t>(decode_utf8(piece.substr(done)).length, 1);
    }
    if (from >= piece.size()) break;
  }
  if (done < piece.size()) add(done, piece.size(), false);
  if (pending != SIZE_MAX) out.push_back({pending, offset + piece.size()});
  return {};
}

Result<> Splitter::split(std::string_view text, Matcher& matcher, std::vector<Span>& words,
                         std::vector<Span>& spare) const {
  words.clear();
  if (!text.empty()) words.push_back({0, text.size()});
  for (const Step& step : steps_) {
    spare.clear();
    for (const Span& word : words) {
      FH_TRY_VOID(apply(step, text.substr(word.begin, word.size()), word.begin, matcher, spare));
    }
    std::swap(words, spare);
  }
  return {};
}

}  // namespace freehold::text
