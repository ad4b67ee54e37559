// Tokenizer files write their splitting patterns for Oniguruma (Hugging Face's engine); we run them with PCRE2. Most of
// the two languages is the same; this translates the part that is not and refuses what could mean something else there.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace freehold::text {

// Accepted: literals, | ( ) (?: (?i: (?= (?! (?<= (?<! . ^ $, classes without nesting, * + ? {n,m} with lazy or
// possessive forms where both engines agree, \p{…} \P{…} \s \S \d \D \r \n \t \f \v \uXXXX \x{…}, escaped punctuation.
// \s becomes \p{White_Space}: PCRE2's \s also takes U+180E, which has not been white space since Unicode 6.3.
// Anything else: Errc::unsupported, naming it.
Result<std::string> to_pcre2(std::string_view pattern);

// A pattern that matches `text` literally.
std::string quote_regex(std::string_view text);

}  // namespace freehold::text
