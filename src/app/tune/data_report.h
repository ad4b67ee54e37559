// What `tune plan` shows of the data: files and counts, the lengths as a histogram, examples with what is learned
// marked.
#pragma once

#include <string>

#include "app/json_writer.h"
#include "model/tokenizer_loader.h"
#include "train/dataset.h"
#include "train/recipe.h"

namespace freehold::app {

// Learned parts stand between these; on a terminal they are underlined.
struct LearnedMarks {
  std::string begin, end;
};

std::string data_table(const train::Dataset& dataset);
// One line a bin, at most twelve, of the training examples' lengths up to sequence_len; bars of at most `width`
// characters.
std::string length_histogram(const train::Dataset& dataset, std::uint32_t sequence_len, int width);
// `count` training examples, spread over all of them: control tokens as their text, the rest as it will be read.
std::string rendered_examples(const train::Dataset& dataset, const text::Tokenizer& tokenizer, std::size_t count,
                              const LearnedMarks& marks);
void write_data(JsonWriter& w, const train::Dataset& dataset);

}  // namespace freehold::app
