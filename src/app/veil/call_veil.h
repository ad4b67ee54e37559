// The texts of a request, whatever dialect it came in, without what the policy does not let pass: the one place where
// that happens, before a prompt is made of them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "api/call.h"
#include "app/veil/veil.h"

namespace freehold::app {

// What token ids spell.
using SpellTokens = std::function<std::string(const std::vector<std::int32_t>&)>;

// Messages of every role, calls of tools and their results, plain prompts, tools' descriptions, the template's
// variables. Not: names, schemas, stop strings. Errors: forbidden (blocked); invalid (token ids with what is not let
// pass: ids cannot be changed).
api::Parsed<void> veil_call(Veil& veil, api::Call& call, const SpellTokens& spell);
api::Parsed<void> veil_texts(Veil& veil, std::vector<api::PlainPrompt>& texts, const std::string& field,
                             const SpellTokens& spell);
// A body that is kept: its strings and numbers. Token ids spell what they stand for and cannot be looked at one by one,
// so all of them become 0; `token_ids` counts them.
std::string veil_kept_body(Veil& veil, std::string_view json, std::uint64_t& token_ids);

}  // namespace freehold::app
