#include "train/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_set>

#include "base/hash.h"
#include "base/random.h"
#include "base/utf8.h"

namespace freehold::train {
namespace {

// Streams of the seed: the order of epoch e is kOrder + e, that of its packed rows kRows + e.
constexpr std::uint64_t kHeldOut = std::uint64_t{1} << 40;
constexpr std::uint64_t kOrder = (std::uint64_t{1} << 40) + 1;
constexpr std::uint64_t kRows = std::uint64_t{1} << 41;

std::vector<std::uint32_t> permutation(std::uint32_t count, std::uint64_t seed, std::uint64_t stream) {
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  for (std::uint32_t i = count; i > 1; --i) {
    const auto j = std::min(i - 1, static_cast<std::uint32_t>(uniform_draw(seed, stream, i) * i));
    std::swap(order[i - 1], order[j]);
  }
  return order;
}

std::string key_of(const std::vector<Example>& examples) {
  std::string bytes;
  for (const Example& e : examples) {
    bytes.append(reinterpret_cast<const char*>(e.tokens.data()), e.tokens.size() * sizeof(std::int32_t));
    bytes.append(reinterpret_cast<const char*>(e.labels.data()), e.labels.size() * sizeof(std::int32_t));
    bytes += '|';
  }
  return sha256(std::string_view(bytes)).hex();
}

class Loader {
 public:
  Loader(const Recipe& recipe, std::filesystem::path folder, const model::LoadedTokenizer& model,
         const DataProgress& progress, const RowChange& change)
      : recipe_(recipe), folder_(std::move(folder)), model_(model), progress_(progress), change_(change) {}

  Result<> read(const DatasetSource& source, std::vector<Example>& into, Dataset& dataset) {
    FH_TRY(const ExampleBuilder builder, ExampleBuilder::create(recipe_, source, model_));
    SourceFacts facts;
    const std::filesystem::path path = folder_ / source.path;
    facts.path = path.string();
    FH_TRY_VOID(read_rows(
        path, source.format,
        [&](Row row) -> Result<> {
          ++facts.rows;
          if (change_) change_(row);
          FH_TRY(Built built, builder.build(row));
          facts.straddled += built.straddled;
          take(std::move(built.examples), source, row.line, facts, into);
          return progress_ ? progress_(dataset.sources.size(), row.line) : Result<>();
        },
        &facts.sha256));
    dataset.sources.push_back(std::move(facts));
    return {};
  }

 private:
  // What one row gave: with preferences all or nothing, otherwise each by itself.
  void take(std::vector<Example> examples, const DatasetSource& source, std::size_t line, SourceFacts& facts,
            std::vector<Example>& into) {
    if (source.style == PromptStyle::preference) return take_together(std::move(examples), line, facts, into);
    for (Example& example : examples) {
      std::vector<Example> one;
      one.push_back(std::move(example));
      take_together(std::move(one), line, facts, into);
    }
  }

  void take_together(std::vector<Example> examples, std::size_t line, SourceFacts& facts, std::vector<Example>& into) {
    bool too_long = false;
    for (const Example& e : examples) {
      const auto length =
          static_cast<std::uint32_t>(std::min<std::size_t>(e.tokens.size(), std::numeric_limits<std::uint32_t>::max()));
      if (length > facts.longest) {
        facts.longest = length;
        facts.longest_line = line;
      }
      too_long |= length > recipe_.sequence_len;
    }
    facts.too_long += too_long ? 1 : 0;
    if (too_long && recipe_.too_long == TooLong::refuse) return;
    if (too_long && recipe_.too_long == TooLong::truncate) {
      ++facts.truncated;
      for (Example& e : examples) {
        e.tokens.resize(std::min<std::size_t>(e.tokens.size(), recipe_.sequence_len));
        e.labels.resize(e.tokens.size());
      }
    }
    const bool nothing =
        std::any_of(examples.begin(), examples.end(), [](const Example& e) { return e.scored() == 0; });
    if (nothing || (too_long && recipe_.too_long == TooLong::drop)) {
      ++facts.dropped;
      return;
    }
    if (recipe_.deduplicate && !seen_.insert(key_of(examples)).second) {
      ++facts.duplicates;
      return;
    }
    for (Example& e : examples) {
      ++facts.examples;
      facts.tokens += e.tokens.size();
      facts.learned += e.scored();
      into.push_back(std::move(e));
    }
  }

  const Recipe& recipe_;
  const std::filesystem::path folder_;
  const model::LoadedTokenizer& model_;
  const DataProgress& progress_;
  const RowChange& change_;
  std::unordered_set<std::string> seen_;
};

Result<> check_special_tokens(const Recipe& recipe, const model::LoadedTokenizer& model) {
  for (const auto& [name, text] : recipe.special_tokens) {
    std::optional<std::string> own = name == "bos_token" ? model.bos_token : model.eos_token;
    if (name == "unk_token") {
      const text::TokenId id = model.tokenizer.vocabulary().unknown;
      own = id != text::kNoToken ? std::optional<std::string>(model.tokenizer.token_text(id)) : std::nullopt;
    }
    if (own != text) {
      return fail(Errc::invalid,
                  fmt::format("special_tokens: the model's {} is {}, not '{}'; the vocabulary stays as it is", name,
                              own ? fmt::format("'{}'", printable(*own)) : "missing", printable(text)));
    }
  }
  return {};
}

// Moves val_set_size of the examples to held_out, keeping what belongs together and the order of both.
Result<> hold_out(const Recipe& recipe, Dataset& dataset) {
  const auto groups = static_cast<std::uint32_t>(dataset.train.size() / dataset.together);
  const double wanted =
      recipe.val_set_size < 1 ? std::ceil(recipe.val_set_size * groups) : std::floor(recipe.val_set_size);
  if (wanted >= groups) {
    return fail(Errc::invalid,
                fmt::format("val_set_size takes {:.0f} of {} examples: nothing is left to train on", wanted, groups));
  }
  const auto order = permutation(groups, recipe.seed, kHeldOut);
  std::vector<bool> held(groups);
  for (std::size_t i = 0; i < static_cast<std::size_t>(wanted); ++i) held[order[i]] = true;
  std::vector<Example> train;
  for (std::size_t i = 0; i < dataset.train.size(); ++i) {
    (held[i / dataset.together] ? dataset.held_out : train).push_back(std::move(dataset.train[i]));
  }
  dataset.train = std::move(train);
  return {};
}

}  // namespace

Result<Dataset> load_dataset(const Recipe& recipe, const std::filesystem::path& folder,
                             const model::LoadedTokenizer& model, const DataProgress& progress,
                             const RowChange& change) {
  FH_TRY_VOID(check_special_tokens(recipe, model));
  Dataset dataset;
  dataset.together = recipe.dpo ? 2 : 1;
  Loader loader(recipe, folder, model, progress, change);
  for (const DatasetSource& source : recipe.datasets) FH_TRY_VOID(loader.read(source, dataset.train, dataset));
  for (const DatasetSource& source : recipe.test_datasets) FH_TRY_VOID(loader.read(source, dataset.held_out, dataset));
  std::uint64_t too_long = 0;
  for (const SourceFacts& facts : dataset.sources) too_long += facts.too_long;
  if (dataset.train.empty() && too_long == 0) {
    return fail(Errc::invalid, "nothing is left to train on: no example has a token to learn");
  }
  if (recipe.val_set_size > 0 && !dataset.train.empty()) FH_TRY_VOID(hold_out(recipe, dataset));
  return dataset;
}

Result<> check_lengths(const Recipe& recipe, const Dataset& dataset) {
  std::uint64_t too_long = 0, all = 0;
  const SourceFacts* longest = nullptr;
  for (const SourceFacts& facts : dataset.sources) {
    too_long += facts.too_long;
    all +=
        facts.examples + facts.dropped + facts.duplicates + (recipe.too_long == TooLong::refuse ? facts.too_long : 0);
    if (longest == nullptr || facts.longest > longest->longest) longest = &facts;
  }
  if (too_long > 0 && recipe.too_long == TooLong::refuse) {
    return fail(Errc::invalid, fmt::format("{} of {} examples are longer than sequence_len {}: the longest has {} "
                                           "tokens ({} line {}). Set sequence_len "
                                           "to that, or 'excess_length_strategy' to drop or truncate",
                                           too_long, all, recipe.sequence_len, longest->longest,
                                           printable(longest->path), longest->longest_line));
  }
  if (dataset.train.empty()) return fail(Errc::invalid, "nothing is left to train on: every example was dropped");
  return {};
}

std::vector<std::uint32_t> epoch_order(std::uint32_t count, std::uint64_t seed, std::uint32_t epoch, bool shuffle) {
  if (shuffle) return permutation(count, seed, kOrder + epoch);
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  return order;
}

std::vector<std::uint32_t> row_order(std::uint32_t count, std::uint64_t seed, std::uint32_t epoch) {
  return permutation(count, seed, kRows + epoch);
}

}  // namespace freehold::train
