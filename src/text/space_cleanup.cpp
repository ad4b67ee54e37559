#include "text/space_cleanup.h"

#include <span>

namespace freehold::text {
namespace {

// Three passes, each over the result of the one before; within a pass the first pattern that fits at the leftmost
// place. Each pattern loses its first byte, a space; " ' " also its last. Source: llama_detokenize in llama.cpp, and
// clean_up_tokenization in transformers, which alone has " n't".
constexpr std::string_view kPunctuation[] = {" ?", " !", " .", " ,"};
constexpr std::string_view kLoneApostrophe[] = {" ' "};
constexpr std::string_view kSpacedContractions[] = {" 's", " 'm", " 've", " 're", " n't"};

std::span<const std::string_view> patterns(std::size_t pass, SpaceCleanup cleanup) {
  switch (pass) {
    case 0:
      return kPunctuation;
    case 1:
      return kLoneApostrophe;
    default:
      return std::span(kSpacedContractions).first(cleanup == SpaceCleanup::hugging_face ? 5 : 4);
  }
}

void run_pass(std::span<const std::string_view> known, std::string& held, std::string_view in, bool end,
              std::string& out) {
  held.append(in);
  std::string_view rest = held;
  while (!rest.empty()) {
    std::size_t plain = rest.find(' ');
    if (plain != 0) {
      plain = plain == std::string_view::npos ? rest.size() : plain;
      out.append(rest.substr(0, plain));
      rest.remove_prefix(plain);
      continue;
    }
    bool wait = false;
    std::string_view hit;
    for (std::string_view pattern : known) {
      if (rest.starts_with(pattern)) hit = pattern;
      wait = wait || (!end && rest.size() < pattern.size() && pattern.starts_with(rest));
    }
    if (!hit.empty()) {
      std::string_view kept = hit.substr(1);
      if (kept.ends_with(' ')) kept.remove_suffix(1);
      out.append(kept);
      rest.remove_prefix(hit.size());
    } else if (wait) {
      break;
    } else {
      out += ' ';
      rest.remove_prefix(1);
    }
  }
  held.erase(0, held.size() - rest.size());
}

}  // namespace

void SpaceCleaner::push(std::string_view text, bool end, std::string& out) {
  if (cleanup_ == SpaceCleanup::none) {
    out.append(text);
    return;
  }
  std::string first;
  std::string second;
  run_pass(patterns(0, cleanup_), held_[0], text, end, first);
  run_pass(patterns(1, cleanup_), held_[1], first, end, second);
  run_pass(patterns(2, cleanup_), held_[2], second, end, out);
}

std::size_t SpaceCleaner::pending() const {
  return held_[0].size() + held_[1].size() + held_[2].size();
}

}  // namespace freehold::text
