#include "pii/writings.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "pii/check_digits.h"

namespace freehold::pii {
namespace {

struct OfSize {
  WritingRows digits, mixed;
};

const std::array<OfSize, kMostOfState> kWritings = [] {
  std::array<OfSize, kMostOfState> out;
  for (const auto table : {european_ids(), other_ids(), register_ids()}) {
    for (const NationalId& id : table) {
      for (const Writing& writing : id.writings) {
        const bool any = writing.shape[0] == '*';
        Written written = written_as(writing.shape);
        if (any) written = {.size = static_cast<std::size_t>(number_at(writing.shape, 1, writing.shape.size() - 1))};
        OfSize& rows = out[written.size];
        (any || written.letters != 0 ? rows.mixed : rows.digits).add({written, id.cue, any, writing.score, &id});
      }
    }
  }
  return out;
}();

// The numbers of letters before a sign, as bits.
const std::uint32_t kLeadingLetters = [] {
  std::uint32_t out = 0;
  for (const OfSize& rows : kWritings) {
    for (const WritingRow& row : rows.mixed.all) {
      const auto letters = static_cast<std::uint32_t>(std::countr_one(row.written.letters));
      if (row.written.form != 0 && (row.written.form & 31) == letters) out |= std::uint32_t{1} << letters;
    }
  }
  return out;
}();

}  // namespace

bool begins_writing(std::size_t letters) {
  return letters < 32 && (kLeadingLetters >> letters & 1) != 0;
}

void WritingRows::add(const WritingRow& row) {
  all.push_back(row);
  auto same =
      std::find_if(by_form.begin(), by_form.end(), [&](const auto& rows) { return rows.first == row.written.form; });
  if (same == by_form.end()) same = by_form.insert(same, {row.written.form, {}});
  same->second.push_back(row);
}

const WritingRows& writings_of(std::size_t size, bool digits) {
  return digits ? kWritings[size].digits : kWritings[size].mixed;
}

}  // namespace freehold::pii
