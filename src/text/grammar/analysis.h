// What lower() finds out about an automaton once its places are known: shortest texts, what can never be finished (and
// goes), left recursion, first bytes, tail calls.
#pragma once

#include "base/result.h"
#include "text/grammar/automaton.h"
#include "text/grammar/limits.h"

namespace freehold::text::grammar {

// Errors as lower().
Result<void> analyse(Automaton& automaton, const Limits& limits);

}  // namespace freehold::text::grammar
