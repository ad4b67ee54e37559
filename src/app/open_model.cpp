#include "app/open_model.h"

#include <fmt/format.h>

#include "app/interrupt.h"
#include "app/progress.h"
#include "app/starter.h"
#include "base/hash.h"
#include "base/thread_pool.h"
#include "base/utf8.h"
#include "model/adapter_file.h"
#include "store/way_back.h"

namespace freehold::app {
namespace {

constexpr std::size_t kHashPiece = std::size_t{4} << 20;

Result<std::string> hash_map(const MappedFile& file, std::uint64_t& done, std::uint64_t total, ProgressBar& bar) {
  Sha256 hash;
  Bytes bytes = file.bytes();
  while (!bytes.empty()) {
    if (interrupted()) return fail(Errc::cancelled, "interrupted");
    Bytes piece = bytes.first(std::min(kHashPiece, bytes.size()));
    hash.update(piece);
    bytes = bytes.subspan(piece.size());
    done += piece.size();
    bar.update(done, total);
  }
  return hash.finish().name();
}

}  // namespace

Result<OpenModel> open_model(std::string_view reference, Console& console) {
  auto opened = open_model(reference);
  if (opened) return opened;
  Error error = std::move(opened).error();
  if (error.code == Errc::not_found) {
    console.hint("MODEL is a .gguf file, a Hugging Face folder, or a name that 'freehold models list' shows");
  }
  // A name whose files are absent, as after a restored backup without them, is not damaged: they can be brought back.
  if (error.what.find(store::kNotInStore) != std::string::npos) error.code = Errc::not_found;
  return Unexpected(std::move(error));
}

Result<OpenModel> open_model(std::string_view reference) {
  FH_TRY(auto home, store::default_home());
  FH_TRY(auto store, store::Store::open(home));
  auto resolved = store.resolve(reference);
  if (resolved) return open_model(reference, std::move(*resolved));
  if (resolved.error().code == Errc::not_found && means_starter(reference)) return open_starter();
  return Unexpected(std::move(resolved).error());
}

Result<OpenModel> open_model(std::string_view reference, store::Resolved resolved) {
  OpenModel opened;
  opened.reference = reference;
  opened.path = resolved.path;
  opened.manifest = std::move(resolved.manifest);
  opened.prepared = std::move(resolved.prepared);
  opened.adapter = std::move(resolved.adapter);
  if ((opened.manifest && store::is_adapter(opened.manifest->model.kind)) ||
      (!opened.manifest && model::adapter_kind(opened.path) != model::AdapterKind::none)) {
    return fail(Errc::invalid, fmt::format("{} is an adapter, which runs only on a model: --adapter {}, or freehold "
                                           "models alias NAME = MODEL + ADAPTER",
                                           printable(reference), printable(reference)));
  }
  auto checkpoint = format::open_checkpoint(opened.path);
  if (!checkpoint) {
    // The error names the path; what the user has typed is another word only for a model in the store.
    if (!opened.manifest) return Unexpected(std::move(checkpoint).error());
    return in_context(std::move(checkpoint).error(), printable(reference));
  }
  opened.checkpoint = std::make_shared<const format::Checkpoint>(std::move(*checkpoint));
  return opened;
}

Result<CheckedModel> open_and_check(std::string_view reference, Console& console) {
  FH_TRY(OpenModel opened, open_model(reference, console));
  return check_model(std::move(opened));
}

Result<CheckedModel> check_model(OpenModel opened) {
  std::string where = printable(opened.reference);
  auto plan = model::plan(*opened.checkpoint);
  if (!plan) return in_context(plan.error(), where);
  auto tokenizer = model::load_tokenizer(*opened.checkpoint);
  if (!tokenizer) return in_context(tokenizer.error(), where);
  if (tokenizer->tokenizer.size() > plan->spec.vocab) {
    return fail(Errc::corrupt, fmt::format("{}: the tokenizer has {} tokens, the embedding only {} rows", where,
                                           tokenizer->tokenizer.size(), plan->spec.vocab));
  }
  CheckedModel checked{std::move(opened), std::move(*plan), std::move(*tokenizer), {}};
  if (!checked.opened.adapter.empty()) {
    auto adapter = model::read_adapter(checked.opened.adapter, *checked.opened.checkpoint, checked.plan.spec);
    if (!adapter) return in_context(std::move(adapter).error(), where);
    checked.adapter = std::move(*adapter);
  }
  return checked;
}

Result<std::vector<std::string>> weight_digests(const OpenModel& opened, Console& console) {
  std::vector<std::string> digests;
  if (opened.manifest) {
    for (const auto& file : opened.manifest->model.files) {
      if (file.weights) digests.push_back(file.digest.name());
    }
    return digests;
  }
  if (is_starter(opened)) return std::vector{sha256(starter_bytes()).name()};
  std::vector<const MappedFile*> files;
  if (const auto* gguf = opened.checkpoint->gguf()) {
    for (const auto& file : gguf->files) files.push_back(&file);
  } else if (const auto* folder = opened.checkpoint->hf()) {
    for (const auto& shard : folder->shards) files.push_back(&shard.file);
  }
  std::uint64_t total = 0, done = 0;
  for (const auto* file : files) total += file->size();
  ProgressBar bar(console, "hashing the weights");
  for (const auto* file : files) {
    FH_TRY(auto digest, hash_map(*file, done, total, bar));
    digests.push_back(std::move(digest));
  }
  return digests;
}

int threads_of(const Arguments& arguments) {
  return arguments.given("threads") ? static_cast<int>(arguments.integer("threads")) : available_cpus();
}

Option threads_option() {
  return {.name = "threads",
          .type = OptionType::integer,
          .value = "N",
          .least = 1,
          .most = 1024,
          .help = "Threads; by default as many as this process may use CPUs. The answer does not depend on it."};
}

std::vector<Option> run_options() {
  return {
      threads_option(),
      {.name = "kv-cache",
       .type = OptionType::choice,
       .value = "auto|f32|f16|q8_0",
       .fallback = "auto",
       .help = "How keys and values are kept. auto: f16 for quantised models, f32 for others. Part of what determines "
               "the answer."},
      {.name = "verbose", .help = "Say on standard error how much memory is needed and what is done.", .letter = 'v'},
  };
}

std::vector<Option> run_options_with_context() {
  return join({{.name = "context",
                .type = OptionType::integer,
                .value = "N",
                .least = 1,
                .most = 16777216,
                .help = "Longest sequence in tokens; by default as long as the model allows and memory holds.",
                .letter = 'c'}},
              run_options());
}

model::KvChoice kv_choice(const Arguments& arguments) {
  return model::kv_choice_from_name(arguments.text("kv-cache")).value_or(model::KvChoice::automatic);
}

Positional model_positional() {
  return {.name = "MODEL",
          .help =
              "A .gguf file, a Hugging Face folder, a name in the store (name:tag or sha256:…), or 'starter', which is "
              "built in."};
}

std::vector<Option> join(std::vector<Option> base, std::vector<Option> more) {
  base.insert(base.end(), more.begin(), more.end());
  return base;
}

}  // namespace freehold::app
