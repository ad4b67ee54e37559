// A GBNF grammar from hostile bytes; behind a NUL byte may stand a text to run through it. What is accepted byte by
// byte must be accepted again after a rollback, and a mask must hold what is accepted.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "text/grammar/grammar.h"
#include "text/grammar/matcher.h"

using namespace freehold;
using namespace freehold::text::grammar;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::size_t nul = bytes.find('\0');
  Limits limits;
  limits.steps = 500'000;
  limits.nfa_states = 20'000;
  limits.dfa_states = 8'000;
  limits.nodes = 50'000;
  limits.shortest = 4'000;
  auto grammar = compile_gbnf(bytes.substr(0, nul), limits);
  if (!grammar) return grammar.error().what.empty() ? std::abort(), 0 : 0;
  static const auto vocabulary = [] {
    std::vector<std::string> tokens;
    for (int b = 0; b < 256; ++b) tokens.emplace_back(1, static_cast<char>(b));
    tokens.insert(tokens.end(), {"ab", "abc", "\n\n", "((", "))", ""});
    text::TokenId end = 261;
    return VocabularyIndex::create(tokens, {&end, 1});
  }();
  auto cache = std::make_shared<MaskCache>(*grammar, vocabulary);
  Matcher matcher(cache);
  std::string_view text = nul == std::string_view::npos ? "" : bytes.substr(nul + 1, 64);
  std::vector<std::uint64_t> mask(vocabulary->mask_words());
  for (char c : text) {
    auto t = static_cast<std::size_t>(static_cast<unsigned char>(c));
    if (!matcher.fill_mask(mask)) return 0;
    bool in = (mask[t / 64] >> (t % 64) & 1) != 0;
    bool takes = matcher.accept(static_cast<text::TokenId>(t));
    if (in != takes) std::abort();
    if (!takes) break;
  }
  std::size_t depth = matcher.depth();
  bool complete = matcher.accepting();
  matcher.reset();
  if (!matcher.accept_bytes(text.substr(0, depth)) || matcher.accepting() != complete) std::abort();
  return 0;
}
