// From a row of a data set to what the model learns: its tokens, and which of them count in the loss. The tokens are
// those that serving would have seen and written: the same template, the same marks against control tokens in what
// people wrote.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/tokenizer_loader.h"
#include "text/chat_template.h"
#include "train/example.h"
#include "train/recipe.h"
#include "train/rows.h"

namespace freehold::train {

// What one row gave: one example; several for a long text of completion; a chosen and a rejected one for preferences.
struct Built {
  std::vector<Example> examples;
  std::size_t straddled = 0;  // turns that begin inside of a token (text::LearnedPrompt)
};

class ExampleBuilder {
 public:
  // Borrows all (owner: the caller). Errors: not_found (the style needs a chat template and the model has none), and
  // those of ChatTemplate::parse.
  static Result<ExampleBuilder> create(const Recipe& recipe, const DatasetSource& source,
                                       const model::LoadedTokenizer& model);

  // Errors: invalid (a member is missing or of another type, an empty answer, nothing to learn), and those of
  // text::learned_from_messages. What is too long is the caller's to judge.
  Result<Built> build(const Row& row) const;

 private:
  ExampleBuilder(const Recipe& recipe, const DatasetSource& source, const model::LoadedTokenizer& model)
      : recipe_(&recipe), source_(&source), model_(&model) {}
  Result<Built> alpaca(const Row& row) const;
  Result<Built> completion(const Row& row) const;
  Result<Built> input_output(const Row& row) const;
  Result<Built> chat(const Row& row) const;
  Result<Built> preference(const Row& row) const;
  // The messages of a row in the template's terms, and whether each is learned.
  Result<text::jinja::Value> messages_of(const Row& row, std::vector<bool>& learn) const;
  Result<text::jinja::Value> message_of(const format::Value& from, std::string& role) const;
  // What a message itself says of that; nothing if it does not.
  Result<std::optional<bool>> training_of(const format::Value& message) const;
  Result<Example> learn(text::jinja::Value messages, const Row& row, const std::vector<bool>& learned,
                        std::size_t& straddled) const;

  const Recipe* recipe_;
  const DatasetSource* source_;
  const model::LoadedTokenizer* model_;
  std::optional<text::ChatTemplate> template_;
};

// Alpaca's prompt (Taori et al. 2023, github.com/tatsu-lab/stanford_alpaca, README "Data Release"), up to where the
// answer begins.
std::string alpaca_prompt(const DatasetSource& source, std::string_view system, std::string_view instruction,
                          std::string_view input);

}  // namespace freehold::train
