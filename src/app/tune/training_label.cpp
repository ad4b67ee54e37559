#include "app/tune/training_label.h"

#include <fmt/format.h>

#include "app/labelling.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/utf8.h"

namespace freehold::app {

Result<std::string> given_label(const Arguments& arguments) {
  FH_TRY(const guard::Policy policy, own_policy());
  return label_option(arguments, "label", policy);
}

Result<std::string> training_label(const ReadRecipe& read, const std::string& given) {
  FH_TRY(const guard::Policy policy, own_policy());
  std::string label = given;
  const auto raise = [&](const std::string& to, std::string_view where) -> Result<> {
    if (!to.empty() && !policy.rank(to)) {
      return fail(Errc::invalid,
                  fmt::format("{}: there is no label '{}': {}", where, printable(to, 40), policy.names()));
    }
    label = higher_label(policy, label, to);
    return {};
  };
  FH_TRY_VOID(raise(given, "the run"));
  for (const auto* sources : {&read.recipe.datasets, &read.recipe.test_datasets}) {
    for (const train::DatasetSource& source : *sources) {
      FH_TRY_VOID(raise(source.label, fmt::format("{}: line {}", printable(read.path.string()), source.line)));
    }
  }
  const std::string& start = read.recipe.lora_model_dir;
  if (!start.empty()) {
    FH_TRY(const std::string before, train::provenance_label(read.folder / start));
    FH_TRY_VOID(raise(before, "the adapter to go on from"));
    if (const auto file = MappedFile::open(read.folder / start / "adapter_model.safetensors")) {
      FH_TRY(const guard::LabelBook book, label_book());
      FH_TRY(const guard::Bounds known, book.bounds("", {sha256(file->bytes()).name()}));
      for (const std::string& of : known.labels) FH_TRY_VOID(raise(of, "the adapter to go on from"));
    }
  }
  const std::string base = model_reference(read);
  FH_TRY(const guard::Resource model, labelled_model(base));
  const guard::Decision decision = guard::decide(policy, owner(policy), guard::Action::ask, model, label);
  if (!decision.allowed) return fail(Errc::invalid, decision.message);
  return decision.label == policy.lowest() ? std::string() : decision.label;
}

Result<> mark_result(const std::vector<train::ResultFile>& files, const std::string& label) {
  if (label.empty()) return {};
  FH_TRY(const guard::Policy policy, own_policy());
  for (const train::ResultFile& file : files) {
    if (!file.name.ends_with(".safetensors") && !file.name.ends_with(".gguf")) continue;
    FH_TRY_VOID(mark_content(policy, "sha256:" + file.sha256, label));
  }
  return {};
}

}  // namespace freehold::app
