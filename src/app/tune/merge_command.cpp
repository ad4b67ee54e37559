// `freehold tune merge`: an adapter folded into its base model, and the proof that the result says the same.
#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "app/adapter_option.h"
#include "app/evaluator.h"
#include "app/json_writer.h"
#include "app/labelling.h"
#include "app/progress.h"
#include "app/session.h"
#include "app/tune/adapter_commands.h"
#include "app/tune/merge_files.h"
#include "base/file.h"
#include "base/utf8.h"
#include "text/prompt.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

// What base + adapter and the merged model are compared on. It is fixed, so that figures can be compared.
constexpr std::string_view kText =
    "The library opened at nine. A woman in a grey coat asked for the maps of the old harbour, and the clerk, who had "
    "been there for thirty years, brought three of them: 1874, 1902 and 1931. \"You will find,\" he said, \"that the "
    "quay was 240 metres long before the war, and 310 after it.\" She wrote both numbers down, thanked him, and "
    "asked whether the house on the corner had always been red.";

struct Rows {
  std::vector<std::int32_t> ids;
  std::vector<float> logits;  // (T, V)
};

Result<Rows> rows_of(CheckedModel checked, const Arguments& arguments, Console& console) {
  Rows out;
  FH_TRY(const auto prompt, text::prompt_from_text(checked.tokenizer.tokenizer, kText, true, false));
  out.ids = prompt.tokens;
  if (out.ids.size() > checked.plan.spec.context) out.ids.resize(checked.plan.spec.context);
  const auto context = static_cast<std::uint32_t>(out.ids.size());
  FH_TRY(const Loaded loaded, load(std::move(checked), arguments, console, context));
  FH_TRY(auto evaluator, Evaluator::create(loaded, context));
  FH_TRY_VOID(evaluator->run(out.ids, [&](std::size_t, std::size_t, std::span<const float> logits) -> Result<> {
    out.logits.insert(out.logits.end(), logits.begin(), logits.end());
    return {};
  }));
  return out;
}

struct MergeDifference {
  double mean_kl = 0, max_kl = 0, top_agree = 0;
  std::size_t tokens = 0;
};

MergeDifference difference(const Rows& expected, const Rows& merged) {
  MergeDifference d;
  d.tokens = expected.ids.size();
  const std::size_t V = expected.logits.size() / d.tokens;
  for (std::size_t t = 0; t < d.tokens; ++t) {
    const std::span<const float> p(expected.logits.data() + t * V, V), q(merged.logits.data() + t * V, V);
    const double of_p = log_sum_exp(p), of_q = log_sum_exp(q);
    double kl = 0;
    std::size_t best_p = 0, best_q = 0;
    for (std::size_t v = 0; v < V; ++v) {
      const double lp = static_cast<double>(p[v]) - of_p, lq = static_cast<double>(q[v]) - of_q;
      kl += std::exp(lp) * (lp - lq);
      if (p[v] > p[best_p]) best_p = v;
      if (q[v] > q[best_q]) best_q = v;
    }
    d.mean_kl += kl / static_cast<double>(d.tokens);
    d.max_kl = std::max(d.max_kl, kl);
    d.top_agree += (best_p == best_q ? 1.0 : 0.0) / static_cast<double>(d.tokens);
  }
  return d;
}

void print(const MergeDifference& d, bool json, Console& console) {
  if (json) {
    JsonWriter w;
    w.begin_object().member("mean_kl", d.mean_kl).member("max_kl", d.max_kl).member("top_agree", d.top_agree);
    w.member("tokens", static_cast<std::uint64_t>(d.tokens)).end_object();
    console.write(w.take() + "\n");
    return;
  }
  console.write(
      fmt::format("KL(base + adapter || merged)  mean {:.3g}, largest {:.3g} over {} tokens; same likeliest "
                  "token at {:.1f} %\n",
                  d.mean_kl, d.max_kl, d.tokens, 100 * d.top_agree));
}

Result<> run_merge(const Arguments& arguments, Console& console) {
  const fs::path out(std::string(arguments.text("OUT")));
  std::error_code ec;
  if (fs::exists(out, ec)) return fail(Errc::invalid, fmt::format("{} is there already", printable(out.string())));
  FH_TRY(CheckedModel base, open_and_check(arguments.text("BASE"), console));
  if (base.adapter) {
    return fail(Errc::invalid,
                fmt::format("{} has an adapter already: name the model without it", printable(arguments.text("BASE"))));
  }
  FH_TRY(base.adapter, open_adapter(arguments.text("ADAPTER"), base));
  ThreadPool pool(arguments.given("threads") ? static_cast<int>(arguments.integer("threads")) : 0);
  // Under its name only when it has been verified.
  fs::path unverified = out;
  unverified.replace_filename(".unverified-" + out.filename().string());
  fs::remove_all(unverified, ec);
  const auto work = [&]() -> Result<MergeDifference> {
    ProgressBar bar(console, "merging");
    MergeOptions options;
    if (arguments.given("type")) options.type = std::string(arguments.text("type"));
    options.requantize = arguments.flag("requantize");
    options.progress = [&](std::uint64_t done, std::uint64_t total) { bar.update(done, total); };
    options.note = [&](const std::string& line) { console.note(line); };
    FH_TRY_VOID(write_merged(unverified, base, pool, options));
    bar.clear();
    FH_TRY(const Rows expected, rows_of(std::move(base), arguments, console));
    FH_TRY(CheckedModel merged, open_and_check(unverified.string(), console));
    FH_TRY(const Rows got, rows_of(std::move(merged), arguments, console));
    if (got.ids != expected.ids || got.logits.size() != expected.logits.size()) {
      return fail(Errc::internal, "the merged model reads the text as other tokens");
    }
    return difference(expected, got);
  };
  auto compared = work();
  if (!compared) {
    fs::remove_all(unverified, ec);
    return Unexpected(std::move(compared).error());
  }
  print(*compared, arguments.flag("json"), console);
  const double most = arguments.real("max-kl");
  if (!(compared->mean_kl <= most)) {
    fs::remove_all(unverified, ec);
    console.hint("a type of more bits comes closer; --max-kl allows more");
    return fail(Errc::invalid, fmt::format("the merged model differs from base + adapter by a mean KL of {:.3g}, more "
                                           "than {:g}: nothing was written",
                                           compared->mean_kl, most));
  }
  // Marked before it has its name.
  for (const char* part : {"BASE", "ADAPTER"}) {
    FH_TRY(const guard::Bounds bounds, bounds_of_reference(std::string(arguments.text(part))));
    FH_TRY_VOID(carry_labels_to_files(bounds, unverified));
  }
  fs::rename(unverified, out, ec);
  if (ec) return fail(Errc::io, fmt::format("rename to {}: {}", printable(out.string()), ec.message()));
  return {};
}

}  // namespace

Command tune_merge_command() {
  return {
      .name = "tune merge",
      .summary = "Fold an adapter into its base model's weights.",
      .details =
          "OUT ending in .gguf becomes a GGUF in --type (by default the type of the base's weights); anything else "
          "becomes a Hugging Face folder of the base's own float type, for which the base must be such a folder. LoRA, "
          "rsLoRA and DoRA are merged. Where the output matrix is the embedding and the adapter sits on one of them, "
          "the "
          "merged model has both. The finished model then reads a fixed text, and its distribution is compared "
          "with that of base + adapter, token by token: the KL divergence is printed, and what differs by more than "
          "--max-kl on average is not kept. Serving needs no merge: an adapter on its base is served exactly as it was "
          "trained.",
      .positionals = {{.name = "BASE", .help = "The model that the adapter is for."},
                      {.name = "ADAPTER", .help = "A PEFT folder, a GGUF, or a name in the store."},
                      {.name = "OUT", .help = "NAME.gguf, or a folder; it must not be there."}},
      .options =
          join({{.name = "type",
                 .type = OptionType::text,
                 .value = "TYPE",
                 .help = "The weights' type in a GGUF, as for models quantize."},
                {.name = "requantize", .help = "Also weights that are quantised already (quality is lost twice)."},
                {.name = "max-kl",
                 .type = OptionType::real,
                 .value = "NATS",
                 .fallback = "0.05",
                 .least = 0,
                 .most = 100,
                 .help = "The largest mean KL divergence from base + adapter that is kept."},
                {.name = "json", .help = "Print JSON."}},
               run_options()),
      .examples = {{"freehold tune merge mistral-f16.gguf my-lora merged.gguf --type q8_0", "For other programs:"}},
      .run = run_merge,
  };
}

}  // namespace freehold::app
