// Numbers that states give to people, as a table: how they are written, how they are checked, which words stand near
// them, and where that is published. national_europe.cpp, national_world.cpp and national_registers.cpp hold the
// rows.
#pragma once

#include <span>
#include <string_view>

#include "pii/cues.h"
#include "pii/kinds.h"

namespace freehold::pii {

// A way of writing: '9' a digit, 'A' a capital letter, ' ' stands for any blank, '-' for any dash, others for
// themselves. `score`: what a number written so, that passes the check, is worth without a word near it: from how many
// random numbers do; 0: nothing, as without a check.
struct Writing {
  std::string_view shape;
  int score;
};

struct NationalId {
  Kind kind;
  Cue cue;                             // the word that names it; `national` and `tax` count too
  bool (*valid)(std::string_view id);  // upper-case letters and digits only, of one of the shapes
  std::span<const Writing> writings;
  std::string_view source;  // where the rule is published
};

std::span<const NationalId> european_ids();
std::span<const NationalId> other_ids();
std::span<const NationalId> register_ids();  // of taxes, insurances and the like

}  // namespace freehold::pii
