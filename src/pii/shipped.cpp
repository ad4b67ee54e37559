#include "pii/shipped.h"

// NOLINTBEGIN
asm(".section .rodata\n"
    ".balign 1\n"
    "freehold_pii_lexicon_begin:\n"
    ".incbin \"" FREEHOLD_PII_DATA
    "/lexicon.txt\"\n"
    "freehold_pii_lexicon_end:\n"
    "freehold_pii_tagger_begin:\n"
    ".incbin \"" FREEHOLD_PII_DATA
    "/tagger.bin\"\n"
    "freehold_pii_tagger_end:\n"
    "freehold_pii_looks_begin:\n"
    ".incbin \"" FREEHOLD_PII_DATA
    "/looks.bin\"\n"
    "freehold_pii_looks_end:\n"
    ".previous\n");
extern "C" const char freehold_pii_lexicon_begin[];
extern "C" const char freehold_pii_lexicon_end[];
extern "C" const signed char freehold_pii_tagger_begin[];
extern "C" const signed char freehold_pii_tagger_end[];
extern "C" const signed char freehold_pii_looks_begin[];
extern "C" const signed char freehold_pii_looks_end[];
// NOLINTEND

namespace freehold::pii {

std::string_view shipped_lexicon() {
  return {freehold_pii_lexicon_begin, static_cast<std::size_t>(freehold_pii_lexicon_end - freehold_pii_lexicon_begin)};
}

std::span<const signed char> shipped_tagger() {
  return {freehold_pii_tagger_begin, static_cast<std::size_t>(freehold_pii_tagger_end - freehold_pii_tagger_begin)};
}

std::span<const signed char> shipped_looks() {
  return {freehold_pii_looks_begin, static_cast<std::size_t>(freehold_pii_looks_end - freehold_pii_looks_begin)};
}

}  // namespace freehold::pii
