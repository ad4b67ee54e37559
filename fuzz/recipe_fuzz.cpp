// Recipes and data sets from hostile bytes: YAML, its keys, CSV.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "format/csv.h"
#include "format/yaml.h"
#include "train/recipe.h"

using namespace freehold;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto tree = format::parse_yaml(text);
  const auto recipe = train::parse_recipe(text);
  if (recipe && (!tree || recipe->base_model.empty() || recipe->datasets.empty())) std::abort();
  if (!recipe && recipe.error().what.empty()) std::abort();
  format::CsvReader csv(text);
  std::vector<std::string> row;
  for (std::size_t line = 0;;) {
    const auto more = csv.next(row);
    if (!more || !*more) break;
    if (row.empty() || csv.line() <= line) std::abort();  // every row begins on a later line
    line = csv.line();
  }
  return 0;
}
