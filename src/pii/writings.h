// All ways of writing numbers of states (national_ids.h), sorted by what a code is compared with.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "pii/code.h"
#include "pii/national_ids.h"

namespace freehold::pii {

struct WritingRow {
  Written written;
  Cue cue;
  bool any;  // "*16": letters among the characters, wherever
  int score;
  const NationalId* id;
};

// Ways of writing, in the order of their tables; and the same by their signs: only these matter where no word says what
// the number is.
struct WritingRows {
  std::vector<WritingRow> all;
  std::vector<std::pair<Form, std::vector<WritingRow>>> by_form;

  void add(const WritingRow& row);
  std::span<const WritingRow> of_form(Form form) const {
    for (const auto& rows : by_form) {
      if (rows.first == form) return rows.second;
    }
    return {};
  }
};

inline constexpr std::size_t kMostOfState = 24;  // letters and digits: fewer
// Those of `size` letters and digits: of digits alone, or the others.
const WritingRows& writings_of(std::size_t size, bool digits);

// Whether one of them begins with so many letters and a sign.
bool begins_writing(std::size_t letters);

}  // namespace freehold::pii
