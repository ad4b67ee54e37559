// What every command of `freehold tune` that works on a recipe reads first: the recipe, its model's files and
// tokenizer, its data; and where the run's folder is.
#pragma once

#include <filesystem>
#include <string>

#include "app/command.h"
#include "app/console.h"
#include "app/open_model.h"
#include "app/veil/data_veil.h"
#include "base/result.h"
#include "train/dataset.h"
#include "train/provenance.h"
#include "train/recipe.h"
#include "train/run_folder.h"

namespace freehold::app {

struct ReadRecipe {
  std::filesystem::path path;
  std::string text;
  train::Recipe recipe;
  std::filesystem::path folder;  // of the recipe: relative paths in it begin there
  std::filesystem::path output;  // output_dir
};
// Of several things that are wrong each gets a line.
Result<ReadRecipe> read_recipe(const Arguments& arguments, Console& console);

// What the recipe's base_model means: beside the recipe if it is there, else anywhere.
std::string model_reference(const ReadRecipe& read);

struct Prepared {
  ReadRecipe read;
  CheckedModel checked;
  train::Dataset dataset;
  DataVeil veil;  // what the policy's rules for personal data found and did
};
// The model's files (no weights) and all data, with a progress bar. What is too long is the caller's to judge, and so
// are personal data that no model may learn (veil.check()). `label`: of the data; empty: the lowest.
Result<Prepared> prepare(ReadRecipe read, const std::string& label, Console& console);

// "LoRA", "DoRA", "QLoRA", "all weights", "DPO with LoRA".
std::string method_of(const train::Recipe& recipe);

// Digests of all that decides what a run computes. Reads the weights, with a progress bar.
Result<train::Beginning> beginning_of(const Prepared& prepared, Console& console);

// The folder of the run that the argument RECIPE means: a recipe's output_dir, or the folder itself.
Result<train::RunFolder> run_folder_of(const Arguments& arguments, Console& console);

// The recipe or the run's folder, as the commands' only positional.
Positional recipe_positional();

}  // namespace freehold::app
