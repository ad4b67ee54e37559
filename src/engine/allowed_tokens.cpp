#include "engine/allowed_tokens.h"

#include <algorithm>
#include <utility>

namespace freehold::engine {
namespace {

void set_bit(std::span<std::uint64_t> bits, std::int32_t token) {
  bits[static_cast<std::size_t>(token) / 64] |= std::uint64_t{1} << (token % 64);
}
void clear_bit(std::span<std::uint64_t> bits, std::int32_t token) {
  bits[static_cast<std::size_t>(token) / 64] &= ~(std::uint64_t{1} << (token % 64));
}

}  // namespace

AllowedTokens::AllowedTokens(const Request& request, const text::Tokenizer& tokenizer)
    : min_tokens_(request.min_tokens), tokenizer_(&tokenizer), shown_(request.shown_tokens) {
  if (request.constraint) matcher_ = std::make_unique<text::grammar::Matcher>(request.constraint);
  if (request.constraint_start) start_.emplace(*request.constraint_start);
  if (!matcher_ && min_tokens_ == 0) return;
  enders_ = request.stop_tokens;
  if (matcher_) {
    mask_.resize(vocabulary().mask_words());
    const auto has_no_bit = [&](std::int32_t t) { return static_cast<std::size_t>(t) >= vocabulary().size(); };
    std::erase_if(enders_, has_no_bit);
    for (std::int32_t t : enders_) {
      if (vocabulary().bytes_of(t).empty()) end_marks_.push_back(t);
    }
    enders_.insert(enders_.end(), vocabulary().ends().begin(), vocabulary().ends().end());
  } else if (request.stop_at_end_of_generation) {
    for (std::size_t i = 0; i < tokenizer.size(); ++i) {
      if (tokenizer.ends_generation(static_cast<text::TokenId>(i))) enders_.push_back(static_cast<std::int32_t>(i));
    }
  }
}

bool AllowedTokens::is_end(std::int32_t token) const {
  return constrained() && vocabulary().ends_generation(token);
}

// `start` moves behind the token. If the constraint begins with it, the matcher has its text.
bool AllowedTokens::admits(std::int32_t token, text::tools::LazyStart& start) {
  if (!tokenizer_->contains(token)) return true;
  const std::int32_t ids[] = {token};
  const auto text = tokenizer_->decode(ids, {.shown = shown_, .at_start = false});
  const auto begun = start.push(text ? *text : std::string());
  begins_ = begun.has_value();
  return !begins_ || matcher_->accept_bytes(*begun);
}

bool AllowedTokens::admits(std::int32_t token) {
  if (!start_) return true;
  next_start_ = start_;
  if (admits(token, *next_start_)) return true;
  refuse(token);
  return false;
}

void AllowedTokens::refuse(std::int32_t token) {
  // What is refused is drawn again with the same number: a model that insists is asked a few times, then everything
  // that would be refused is.
  constexpr std::size_t kPatience = 16;
  refused_.push_back(token);
  if (refused_.size() != kPatience) return;
  refused_.clear();
  for (std::size_t i = 0; i < tokenizer_->size(); ++i) {
    const auto id = static_cast<std::int32_t>(i);
    text::tools::LazyStart trial = *start_;
    if (!admits(id, trial)) {
      refused_.push_back(id);
    } else if (begins_) {
      matcher_->rollback(1);
    }
  }
}

Result<bool> AllowedTokens::narrow(SamplerInput& input, std::uint32_t sampled, std::uint32_t left) {
  if (!constrained()) {
    forbidden_ = refused_;
    if (sampled < min_tokens_) forbidden_.insert(forbidden_.end(), enders_.begin(), enders_.end());
    input.forbidden = forbidden_;
    return true;
  }
  FH_TRY(auto kind, matcher_->fill_mask(mask_, left));
  steered_ |= kind == text::grammar::MaskKind::steered;
  if (sampled < min_tokens_) {
    for (std::int32_t t : enders_) clear_bit(mask_, t);
  } else if (matcher_->accepting()) {
    for (std::int32_t t : end_marks_) set_bit(mask_, t);
  }
  input.allowed = mask_;
  return std::any_of(mask_.begin(), mask_.end(), [](std::uint64_t word) { return word != 0; });
}

Result<> AllowedTokens::accept(std::int32_t token) {
  if (start_) {
    refused_.clear();
    if (std::exchange(begins_, false)) {
      start_.reset();
    } else {
      start_ = next_start_;
    }
    return {};
  }
  if (!matcher_ || matcher_->accept(token)) return {};
  return fail(Errc::exhausted, "the grammar is too ambiguous at this point of the text");
}

Result<std::uint32_t> fewest_tokens(const std::shared_ptr<text::grammar::MaskCache>& constraint) {
  const std::uint32_t fewest = text::grammar::Matcher(constraint).min_tokens();
  if (fewest != text::grammar::kNoBudget) return fewest;
  return fail(Errc::unsupported, "the model's vocabulary cannot write the shortest text that the constraint allows");
}

}  // namespace freehold::engine
