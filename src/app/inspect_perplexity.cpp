// `inspect perplexity`: how well a model predicts a text.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/adapter_option.h"
#include "app/commands.h"
#include "app/console.h"
#include "app/evaluator.h"
#include "app/input.h"
#include "app/interrupt.h"
#include "app/json_writer.h"
#include "app/progress.h"

namespace freehold::app {
namespace {

struct Score {
  double nats = 0;  // sum of -log p
  std::uint64_t tokens = 0;
  std::uint64_t bytes = 0;  // of text that the scored tokens stand for
  std::uint64_t chunks = 0;
  double perplexity() const { return std::exp(nats / static_cast<double>(tokens)); }
  double bits_per_byte() const { return nats / std::log(2.0) / static_cast<double>(bytes); }
};

// One window: `prefix` (bos), then the tokens to score. Without a prefix the first token has nothing to be predicted
// from.
Result<> score_chunk(Evaluator& evaluator, std::size_t V, const std::vector<std::int32_t>& prefix,
                     std::span<const std::int32_t> chunk, Score& score, std::span<const std::uint32_t> bytes) {
  std::vector<std::int32_t> window(prefix);
  window.insert(window.end(), chunk.begin(), chunk.end());
  ++score.chunks;
  return evaluator.run(window, [&](std::size_t first, std::size_t rows, std::span<const float> logits) -> Result<> {
    for (std::size_t r = 0; r < rows; ++r) {
      std::size_t next = first + r + 1;  // the position that this row predicts
      if (next < prefix.size() || next >= window.size() || next == 0) continue;
      auto row = logits.subspan(r * V, V);
      score.nats += log_sum_exp(row) - static_cast<double>(row[static_cast<std::size_t>(window[next])]);
      ++score.tokens;
      score.bytes += bytes[next - prefix.size()];
    }
    return {};
  });
}

Result<> measure(const Arguments& arguments, Console& console) {
  catch_interrupts();
  FH_TRY(std::string text, read_input(arguments.text("TEXTFILE")));
  if (text.empty()) return fail(Errc::invalid, "the text is empty");
  FH_TRY(CheckedModel checked, open_and_check(arguments.text("MODEL"), console));
  FH_TRY_VOID(take_adapter(arguments, checked));
  const text::Vocabulary& vocabulary = checked.tokenizer.tokenizer.vocabulary();
  std::vector<std::int32_t> prefix;
  if (vocabulary.bos != text::kNoToken && !vocabulary.prefix.empty()) prefix.push_back(vocabulary.bos);
  FH_TRY(auto encoding, checked.tokenizer.tokenizer.encode_with_offsets(text));
  std::vector<std::uint32_t> bytes;
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    // Tokens that share a character's bytes share its range: count it once.
    bool same = i > 0 && encoding.spans[i].begin == encoding.spans[i - 1].begin &&
                encoding.spans[i].end == encoding.spans[i - 1].end;
    bytes.push_back(same ? 0 : static_cast<std::uint32_t>(encoding.spans[i].end - encoding.spans[i].begin));
  }
  std::uint32_t room = checked.plan.spec.context - static_cast<std::uint32_t>(prefix.size());
  auto size = static_cast<std::uint32_t>(arguments.given("chunk") ? arguments.integer("chunk")
                                                                  : std::min<std::int64_t>(512, room));
  if (size > room) {
    return fail(Errc::exhausted, fmt::format("--chunk {} and bos are more than the model's context of {}", size,
                                             checked.plan.spec.context));
  }
  if (prefix.empty() && size < 2) return fail(Errc::invalid, "--chunk must be at least 2 for a vocabulary without bos");
  if (prefix.empty()) console.note("note: this vocabulary has no bos, so the first token of every chunk is not scored");
  auto longest = static_cast<std::uint32_t>(std::min<std::size_t>(size, encoding.ids.size()) + prefix.size());
  FH_TRY(Loaded loaded, load(std::move(checked), arguments, console, longest));
  FH_TRY(auto evaluator, Evaluator::create(loaded, longest));
  Score score;
  ProgressBar bar(console, "scoring", false);
  std::span<const std::int32_t> ids(encoding.ids);
  for (std::size_t at = 0; at < ids.size(); at += size) {
    std::size_t count = std::min<std::size_t>(size, ids.size() - at);
    FH_TRY_VOID(score_chunk(*evaluator, loaded.spec.vocab, prefix, ids.subspan(at, count), score,
                            std::span<const std::uint32_t>(bytes).subspan(at, count)));
    bar.update(at + count, ids.size());
  }
  bar.clear();
  if (score.tokens == 0) return fail(Errc::invalid, "the text is too short: no token can be scored");
  if (arguments.flag("json")) {
    JsonWriter w;
    w.begin_object().member("perplexity", score.perplexity()).member("bits_per_byte", score.bits_per_byte());
    w.member("mean_nll", score.nats / static_cast<double>(score.tokens)).member("tokens", score.tokens);
    w.member("bytes", score.bytes).member("chunks", score.chunks).member("chunk", size).end_object();
    console.write(w.take() + "\n");
  } else {
    console.write(fmt::format("perplexity     {:.4f}\nbits per byte  {:.4f}\n{} tokens, {} bytes in {} chunks of {}\n",
                              score.perplexity(), score.bits_per_byte(), grouped(score.tokens), grouped(score.bytes),
                              score.chunks, size));
  }
  return {};
}

}  // namespace

Command inspect_perplexity_command() {
  return {
      .name = "inspect perplexity",
      .summary = "Measure how well a model predicts a text: perplexity and bits per byte.",
      .details =
          "The text is tokenized once, as plain text, and cut into chunks that do not overlap. Each is run on its own "
          "with bos "
          "before it, and every token is scored (some tools score only the second half of each window, which gives "
          "lower "
          "figures). Perplexity depends on the vocabulary; bits per byte can be compared between models.",
      .positionals = {model_positional(), {.name = "TEXTFILE", .help = "The text (- is standard input)."}},
      .options = join({{.name = "chunk",
                        .type = OptionType::integer,
                        .value = "N",
                        .least = 1,
                        .most = 1e7,
                        .help = "Tokens a chunk, without bos; by default 512, or what the context holds."},
                       adapter_option(),
                       {.name = "json", .help = "Print JSON."}},
                      run_options()),
      .examples = {{"freehold inspect perplexity model.gguf book.txt", "Compare two quantisations on the same text:"}},
      .run = measure,
  };
}

}  // namespace freehold::app
