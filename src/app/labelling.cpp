#include "app/labelling.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "train/provenance.h"

namespace freehold::app {

Result<guard::Policy> own_policy() {
  FH_TRY(const std::filesystem::path home, store::default_home());
  return guard::load_policy(home);
}

guard::Principal owner(const guard::Policy& policy) {
  guard::Principal who;
  who.key_id = who.name = who.tenant = "local";
  who.role = guard::Role::admin;
  who.ceiling = policy.highest();
  return who;
}

Result<guard::LabelBook> label_book() {
  FH_TRY(std::filesystem::path home, store::default_home());
  return guard::LabelBook(std::move(home));
}

std::string content_of(const store::Manifest& manifest) {
  return store::is_adapter(manifest.model.kind) ? manifest.model.weights().name() : manifest.model.id().name();
}

std::vector<std::string> contents_of(const store::Manifest& manifest) {
  const store::ModelTuple& model = manifest.model;
  std::vector<std::string> out = {content_of(manifest), model.base().weights().name()};
  if (!store::is_adapter(model.kind)) out.push_back(model.base().id().name());
  if (model.adapter) out.push_back(model.adapter_alone().weights().name());
  return out;
}

Result<guard::Resource> labelled_model(const std::string& name) {
  guard::Resource out{guard::Resource::Kind::model, name, {}, {}};
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY(const store::Store store, store::Store::open(home));
  const auto found = store.resolve(name);
  if (!found || !found->manifest) return out;  // whoever opens it says why it cannot be found
  const auto parsed = store::ModelName::parse(name);
  FH_TRY(const guard::LabelBook book, label_book());
  FH_TRY(guard::Bounds bounds, book.bounds(parsed ? parsed->text() : "", contents_of(*found->manifest)));
  out.ceilings = std::move(bounds.ceilings);
  out.labels = std::move(bounds.labels);
  return out;
}

Result<std::string> label_option(const Arguments& arguments, std::string_view option, const guard::Policy& policy) {
  if (!arguments.given(option)) return std::string();
  std::string label(arguments.text(option));
  if (policy.rank(label)) return label;
  return fail(Errc::invalid,
              fmt::format("--{}: there is no label '{}': {}", option, printable(label, 40), policy.names()));
}

std::string higher_label(const guard::Policy& policy, const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return a.empty() ? b : a;
  // One that is not known is above all others.
  return policy.rank(a).value_or(SIZE_MAX) >= policy.rank(b).value_or(SIZE_MAX) ? a : b;
}

namespace {

std::vector<std::filesystem::path> weight_files(const std::filesystem::path& path) {
  std::error_code ec;
  if (!std::filesystem::is_directory(path, ec)) return {path};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path, ec)) {
    if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
  }
  return files;
}

}  // namespace

Result<std::vector<store::LearnedFrom>> learned_from_of(const std::string& reference) {
  const std::filesystem::path path(reference);
  std::error_code ec;
  if (!std::filesystem::exists(path, ec)) {
    FH_TRY(const std::filesystem::path home, store::default_home());
    FH_TRY(const store::Store store, store::Store::open(home));
    const auto found = store.resolve(reference);
    return found && found->manifest ? found->manifest->from.learned_from : std::vector<store::LearnedFrom>();
  }
  std::vector<store::LearnedFrom> out;
  for (const train::SourceFacts& file :
       train::provenance_data(std::filesystem::is_directory(path, ec) ? path : path.parent_path())) {
    out.push_back({std::filesystem::absolute(file.path, ec).lexically_normal().string(), file.sha256});
  }
  return out;
}

Result<guard::Bounds> bounds_of_reference(const std::string& reference) {
  FH_TRY(guard::Resource model, labelled_model(reference));
  guard::Bounds out{std::move(model.ceilings), std::move(model.labels)};
  const std::filesystem::path path(reference);
  std::error_code ec;
  if (!std::filesystem::exists(path, ec)) return out;
  FH_TRY(std::string papers,
         train::provenance_label(std::filesystem::is_directory(path, ec) ? path : path.parent_path()));
  if (!papers.empty()) out.labels.push_back(std::move(papers));
  FH_TRY(const guard::LabelBook book, label_book());
  FH_TRY(const auto all, book.all());
  if (all.empty()) return out;
  for (const auto& file : weight_files(path)) {
    FH_TRY(const MappedFile mapped, MappedFile::open(file));
    const guard::Bounds known = guard::bounds_of(all, "", {sha256(mapped.bytes()).name()});
    out.ceilings.insert(out.ceilings.end(), known.ceilings.begin(), known.ceilings.end());
    out.labels.insert(out.labels.end(), known.labels.begin(), known.labels.end());
  }
  return out;
}

Result<> carry_labels(const guard::Bounds& from, const std::string& to) {
  if (from.ceilings.empty() && from.labels.empty()) return {};
  FH_TRY(const guard::Policy policy, own_policy());
  FH_TRY(guard::LabelBook book, label_book());
  guard::Labelled row{to, std::nullopt, std::nullopt, {}};
  FH_TRY(const auto all, book.all());
  for (const guard::Labelled& before : all) {
    if (before.subject == to) row = before;
  }
  for (const std::string& ceiling : from.ceilings) {
    if (!row.ceiling || higher_label(policy, ceiling, *row.ceiling) == *row.ceiling) row.ceiling = ceiling;
  }
  for (const std::string& label : from.labels) row.label = higher_label(policy, row.label.value_or(""), label);
  return book.put(row);
}

Result<> carry_labels_to_files(const guard::Bounds& from, const std::filesystem::path& made) {
  if (from.ceilings.empty() && from.labels.empty()) return {};
  for (const auto& file : weight_files(made)) {
    FH_TRY(const MappedFile mapped, MappedFile::open(file));
    FH_TRY_VOID(carry_labels(from, sha256(mapped.bytes()).name()));
  }
  return {};
}

Result<> mark_content(const guard::Policy& policy, const std::string& content, const std::string& label) {
  if (label.empty() || label == policy.lowest()) return {};
  FH_TRY(guard::LabelBook book, label_book());
  return book.raise(content, label, [&](std::string_view a, std::string_view b) {
    return policy.rank(a).value_or(SIZE_MAX) > policy.rank(b).value_or(SIZE_MAX);
  });
}

}  // namespace freehold::app
