#include "app/tune/prepare.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "app/interrupt.h"
#include "app/labelling.h"
#include "app/progress.h"
#include "app/version.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "model/adapter_values.h"
#include "store/identity.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

Result<std::string> file_digest(const fs::path& path) {
  FH_TRY(const MappedFile file, MappedFile::open(path));
  return sha256(file.bytes()).name();
}

// What a recipe asks for and the model, being a mixture of experts or none, has not.
Result<> check_experts(const train::Recipe& recipe, const CheckedModel& checked) {
  const bool mixture = checked.plan.spec.experts != 0;
  const auto sites = model::sites_of(checked.plan.spec.experts);
  for (const std::string& name : recipe.lora.targets) {
    const bool known = std::any_of(sites.begin(), sites.end(),
                                   [&](model::Site site) { return name == model::name_of(site, mixture); });
    if (known || name == model::name_of(model::Site::head) || name == model::name_of(model::Site::embedding)) continue;
    std::vector<std::string_view> names;
    for (const model::Site site : sites) names.push_back(model::name_of(site, mixture));
    for (const model::Site site : model::kEnds) names.push_back(model::name_of(site));
    return fail(Errc::invalid, fmt::format("lora_target_modules: '{}' is none of the layers of {}: {}", printable(name),
                                           printable(recipe.base_model), fmt::join(names, ", ")));
  }
  if (!mixture) return {};
  // What would make training another one than what is computed here.
  const format::Metadata& config = checked.opened.checkpoint->metadata();
  const format::Value* asked = config.find("output_router_logits");
  if (asked != nullptr && asked->as_bool() == true) {
    return fail(Errc::unsupported, fmt::format("{}: config.json asks for an auxiliary loss of the router "
                                               "(output_router_logits: true), which is not computed: say false there",
                                               printable(recipe.base_model)));
  }
  const format::Value* noise = config.find("router_jitter_noise");
  if (noise != nullptr && !noise->is_null() && noise->as_f64() != 0.0) {
    return fail(Errc::unsupported, fmt::format("{}: config.json asks for noise before the router "
                                               "(router_jitter_noise), which is not added: say 0 there",
                                               printable(recipe.base_model)));
  }
  return {};
}

}  // namespace

std::string model_reference(const ReadRecipe& read) {
  const fs::path beside = read.folder / read.recipe.base_model;
  std::error_code ec;
  return !read.recipe.base_model.empty() && fs::exists(beside, ec) ? beside.string() : read.recipe.base_model;
}

Result<ReadRecipe> read_recipe(const Arguments& arguments, Console& console) {
  ReadRecipe read;
  read.path = fs::path(arguments.text("RECIPE"));
  FH_TRY(read.text, read_file(read.path));
  auto recipe = train::parse_recipe(read.text);
  if (recipe) {
    read.recipe = std::move(*recipe);
    read.folder = read.path.parent_path();
    read.output = read.folder / read.recipe.output_dir;
    return read;
  }
  const std::string name = printable(read.path.string());
  std::string_view rest = recipe.error().what;
  const auto wrong = std::count(rest.begin(), rest.end(), '\n') + 1;
  if (wrong == 1) return in_context(recipe.error(), name);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    console.note(fmt::format("{}: {}", name, rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return fail(recipe.error().code, fmt::format("{}: {} things are wrong", name, wrong));
}

Result<Prepared> prepare(ReadRecipe read, const std::string& label, Console& console) {
  FH_TRY(OpenModel opened, open_model(model_reference(read), console));
  FH_TRY(CheckedModel checked, check_model(std::move(opened)));
  FH_TRY_VOID(check_experts(read.recipe, checked));
  ProgressBar bar(console, "reading", false);
  std::uint64_t rows = 0;
  const std::size_t files = read.recipe.datasets.size() + read.recipe.test_datasets.size();
  const auto progress = [&](std::size_t source, std::size_t) -> Result<> {
    if (interrupted()) return fail(Errc::cancelled, "interrupted");
    if (++rows % 64 == 0) {
      bar.rename(fmt::format("{} rows, file", grouped(rows)));
      bar.update(source, files);
    }
    return {};
  };
  FH_TRY(const guard::Policy policy, own_policy());
  DataVeil veil(guard::treatments(policy, guard::Way::training, guard::Role::admin, label, read.recipe.base_model));
  FH_TRY(train::Dataset dataset,
         train::load_dataset(read.recipe, read.folder, checked.tokenizer, progress, veil.change()));
  bar.clear();
  return Prepared{std::move(read), std::move(checked), std::move(dataset), std::move(veil)};
}

std::string method_of(const train::Recipe& recipe) {
  std::string name;
  switch (recipe.method) {
    case train::Method::full:
      name = "all weights";
      break;
    case train::Method::lora:
      name = recipe.lora.dora ? "DoRA" : "LoRA";
      break;
    case train::Method::qlora:
      name = recipe.lora.dora ? "QDoRA" : "QLoRA";
      break;
  }
  return recipe.dpo ? "DPO with " + name : name;
}

Result<train::Beginning> beginning_of(const Prepared& prepared, Console& console) {
  const OpenModel& opened = prepared.checked.opened;
  train::Beginning b;
  b.recipe_text = prepared.read.text;
  b.base_model = prepared.read.recipe.base_model;
  FH_TRY(b.base_digests, weight_digests(opened, console));
  if (const auto* folder = opened.checkpoint->hf()) {  // a GGUF's are in the same file
    FH_TRY(std::string config, file_digest(folder->path / "config.json"));
    b.base_digests.push_back(std::move(config));
  }
  FH_TRY(const auto tokenizer, store::tokenizer_digest(*opened.checkpoint));
  if (tokenizer) b.tokenizer = tokenizer->name();
  FH_TRY(const auto chat_template, store::chat_template_of(*opened.checkpoint));
  if (chat_template) b.chat_template = sha256(std::string_view(*chat_template)).name();
  if (!prepared.read.recipe.lora_model_dir.empty()) {
    const fs::path adapter = prepared.read.folder / prepared.read.recipe.lora_model_dir;
    FH_TRY(const std::string config, file_digest(adapter / "adapter_config.json"));
    FH_TRY(const std::string tensors, file_digest(adapter / "adapter_model.safetensors"));
    b.adapter = config + " " + tensors;
  }
  b.data = prepared.dataset.sources;
  b.treatment = prepared.veil.identity();
  b.numerics = kNumericsVersion;
  b.program = version_line();
  return b;
}

Result<train::RunFolder> run_folder_of(const Arguments& arguments, Console& console) {
  const fs::path path(arguments.text("RECIPE"));
  std::error_code ec;
  if (fs::is_directory(path, ec)) return train::RunFolder(path);
  FH_TRY(const ReadRecipe read, read_recipe(arguments, console));
  return train::RunFolder(read.output);
}

Positional recipe_positional() {
  return {.name = "RECIPE", .help = "The recipe that the run was started with, or the run's folder (output_dir)."};
}

}  // namespace freehold::app
