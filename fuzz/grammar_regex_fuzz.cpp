// A regular expression from hostile bytes, as an automaton over code points and as a grammar: both must agree about the
// text behind a NUL byte.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/utf8.h"
#include "text/grammar/grammar.h"
#include "text/grammar/regex_ast.h"
#include "text/grammar/stacks.h"

using namespace freehold;
using namespace freehold::text::grammar;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::size_t nul = bytes.find('\0');
  Limits limits;
  limits.steps = 500'000;
  limits.nfa_states = 20'000;
  limits.dfa_states = 8'000;
  limits.shortest = 4'000;
  auto ast = parse_regex(bytes.substr(0, nul), limits);
  if (!ast) return ast.error().what.empty() ? std::abort(), 0 : 0;
  auto dfa = regex_to_dfa(*ast, Reach::whole, 2000);
  auto grammar = compile_regex(bytes.substr(0, nul), limits);
  if (!dfa || nul == std::string_view::npos) return 0;
  std::string_view text = bytes.substr(nul + 1, 64);
  if (!is_utf8(text)) return 0;
  bool matches = dfa->matches(text);
  // A grammar may be refused for its size, or because no text matches.
  if (!grammar) return matches && grammar.error().code == Errc::invalid ? std::abort(), 0 : 0;
  Stacks stacks(**grammar);
  Config now = stacks.initial();
  Config next;
  for (char c : text) {
    if (!stacks.step(now, static_cast<std::uint8_t>(c), next)) return 0;
    std::swap(now, next);
    if (now.empty()) break;
  }
  if ((!now.empty() && stacks.accepting(now)) != matches) std::abort();
  return 0;
}
