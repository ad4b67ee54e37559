// `inspect logits`, `inspect next` and `inspect tensor`: numbers from inside the model.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "app/adapter_option.h"
#include "app/commands.h"
#include "app/console.h"
#include "app/evaluator.h"
#include "app/input.h"
#include "app/interrupt.h"
#include "app/json_writer.h"
#include "app/output.h"
#include "app/progress.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "kernel/blocks/dequantise.h"
#include "text/prompt.h"

namespace freehold::app {
namespace {

Bytes bytes_of(std::span<const float> numbers) {
  return std::as_bytes(numbers);
}

// The context that `needed` tokens take; refuses before loading what the model cannot hold.
Result<std::uint32_t> context_for(const CheckedModel& checked, std::size_t needed) {
  if (needed > checked.plan.spec.context) {
    return fail(Errc::exhausted,
                fmt::format("{} tokens are more than the model's context of {}", needed, checked.plan.spec.context));
  }
  return static_cast<std::uint32_t>(needed);
}

Result<> run_logits(const Arguments& arguments, Console& console) {
  catch_interrupts();
  FH_TRY(std::string text, read_input(arguments.text("ids")));
  FH_TRY(CheckedModel checked, open_and_check(arguments.text("MODEL"), console));
  FH_TRY_VOID(take_adapter(arguments, checked));
  FH_TRY(auto ids, parse_ids(text, checked.plan.spec.vocab));
  FH_TRY(std::uint32_t context, context_for(checked, ids.size()));
  FH_TRY(Loaded loaded, load(std::move(checked), arguments, console, context));
  FH_TRY(auto evaluator, Evaluator::create(loaded, context));
  FH_TRY(auto out, Output::create(arguments.text("out"), console));
  ProgressBar bar(console, "evaluating", false);
  auto write_rows = [&](std::size_t first, std::size_t rows, std::span<const float> logits) -> Result<> {
    FH_TRY_VOID(out.write(bytes_of(logits)));
    bar.update(first + rows, ids.size());
    return {};
  };
  FH_TRY_VOID(evaluator->run(ids, write_rows));
  return out.commit();
}

Result<> run_next(const Arguments& arguments, Console& console) {
  catch_interrupts();
  FH_TRY(CheckedModel checked, open_and_check(arguments.text("MODEL"), console));
  FH_TRY_VOID(take_adapter(arguments, checked));
  FH_TRY(auto prompt,
         text::prompt_from_text(checked.tokenizer.tokenizer, arguments.text("text"), true, arguments.flag("special")));
  if (prompt.tokens.empty())
    return fail(Errc::invalid, "--text is empty and this vocabulary has no token to begin with");
  FH_TRY(std::uint32_t context, context_for(checked, prompt.tokens.size()));
  FH_TRY(Loaded loaded, load(std::move(checked), arguments, console, context));
  FH_TRY(auto evaluator, Evaluator::create(loaded, context));
  FH_TRY(auto logits, evaluator->last(prompt.tokens));
  const text::Tokenizer& tokenizer = loaded.tokenizer.tokenizer;
  double total = log_sum_exp(logits);
  std::vector<std::int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  auto top = std::min<std::size_t>(static_cast<std::size_t>(arguments.integer("top")), order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(top), order.end(), [&](auto a, auto b) {
    float x = logits[static_cast<std::size_t>(a)], y = logits[static_cast<std::size_t>(b)];
    return x != y ? x > y : a < b;
  });
  JsonWriter w;
  w.begin_object().key("ids").begin_array();
  for (auto id : prompt.tokens) w.value(id);
  w.end_array().key("next").begin_array();
  for (std::size_t i = 0; i < top; ++i) {
    std::int32_t id = order[i];
    double logprob = static_cast<double>(logits[static_cast<std::size_t>(id)]) - total;
    std::string piece = tokenizer.contains(id) ? tokenizer.token_bytes(id) : "";
    if (arguments.flag("json")) {
      w.begin_object().member("id", id).member("text", piece).member("probability", std::exp(logprob));
      w.member("logprob", logprob).end_object();
    } else {
      console.write(fmt::format("{:8.4f} %  {:>7}  '{}'\n", std::exp(logprob) * 100, id, printable(piece)));
    }
  }
  w.end_array().end_object();
  if (arguments.flag("json")) console.write(w.take() + "\n");
  return {};
}

Result<const tensor::View*> find_tensor(const OpenModel& opened, std::string_view name, Console& console) {
  if (const auto* view = opened.checkpoint->find(name)) return view;
  std::vector<std::string> names;
  for (const auto& view : opened.checkpoint->tensors()) names.push_back(view.name);
  if (auto near = nearest(name, names)) console.hint(fmt::format("did you mean {}?", printable(*near)));
  return fail(Errc::not_found, fmt::format("{} has no tensor '{}'", printable(opened.reference), printable(name)));
}

Result<> run_tensor(const Arguments& arguments, Console& console) {
  catch_interrupts();
  if (arguments.flag("json") && arguments.text("out") == "-")
    return fail(Errc::invalid, "--json describes the tensor on standard output: --out must name a file");
  FH_TRY(OpenModel opened, open_model(arguments.text("MODEL"), console));
  FH_TRY(const tensor::View* view, find_tensor(opened, arguments.text("NAME"), console));
  const tensor::DTypeInfo& type = tensor::info(view->type);
  const std::uint64_t piece = 64 * 1024;  // elements at a time: a multiple of every block size
  std::vector<float> out(std::min<std::uint64_t>(piece, view->elems()));
  FH_TRY(auto file, Output::create(arguments.text("out"), console));
  ProgressBar bar(console, "writing", false);
  for (std::uint64_t done = 0; done < view->elems(); done += piece) {
    if (interrupted()) return fail(Errc::cancelled, "interrupted");
    std::uint64_t count = std::min(piece, view->elems() - done);
    kernel::dequantise(view->type, view->bytes.data() + done / type.block_elems * type.block_bytes, out.data(), count);
    FH_TRY_VOID(file.write(bytes_of(std::span<const float>(out).first(count))));
    bar.update(done + count, view->elems());
  }
  FH_TRY_VOID(file.commit());
  if (arguments.flag("json")) {
    JsonWriter w;
    w.begin_object().member("name", view->name).member("type", type.name).key("shape").begin_array();
    for (auto d : view->shape) w.value(d);
    w.end_array().end_object();
    console.write(w.take() + "\n");
  }
  return {};
}

}  // namespace

Command inspect_logits_command() {
  return {
      .name = "inspect logits",
      .summary = "Write the logits of every position of a token sequence.",
      .details =
          "The ids are taken as they are: nothing is put before them. The output is raw little-endian float32 of shape "
          "(T, V), "
          "T ids and V tokens of the vocabulary, without a header; it appears only when it is complete.",
      .positionals = {model_positional()},
      .options = join({{.name = "ids",
                        .type = OptionType::file,
                        .value = "FILE",
                        .help = "Token ids: a JSON array, or separated by white space (- is standard input).",
                        .required = true},
                       {.name = "out",
                        .type = OptionType::file,
                        .value = "FILE",
                        .help = "Where to write (- is standard output).",
                        .required = true},
                       adapter_option()},
                      run_options()),
      .examples = {{"freehold inspect logits model.gguf --ids ids.json --out logits.f32",
                    "The logits of the ids in a file:"}},
      .run = run_logits,
  };
}

Command inspect_next_command() {
  return {
      .name = "inspect next",
      .summary = "Show the likeliest continuations of a text with their probabilities.",
      .details = "The probabilities are the model's own, before temperature and any filter.",
      .positionals = {model_positional()},
      .options =
          join({{.name = "text", .type = OptionType::text, .value = "TEXT", .help = "The text.", .required = true},
                {.name = "top",
                 .type = OptionType::integer,
                 .value = "N",
                 .fallback = "10",
                 .least = 1,
                 .most = 1e6,
                 .help = "How many to show."},
                {.name = "special", .help = "Text that reads like a special token becomes that token."},
                adapter_option(),
                {.name = "json", .help = "Print JSON."}},
               run_options()),
      .examples = {{"freehold inspect next model.gguf --text \"The sky is\" --top 5",
                    "What would the model say next?"}},
      .run = run_next,
  };
}

Command inspect_tensor_command() {
  return {
      .name = "inspect tensor",
      .summary = "Write one tensor as float32, dequantised exactly.",
      .details =
          "The output is raw little-endian float32, row-major, without a header; it appears only when it is complete.",
      .positionals = {model_positional(), {.name = "NAME", .help = "The tensor's name in the file.", .is_file = false}},
      .options = {{.name = "out",
                   .type = OptionType::file,
                   .value = "FILE",
                   .help = "Where to write (- is standard output).",
                   .required = true},
                  {.name = "json", .help = "Print its name, type and shape as JSON."}},
      .examples = {{"freehold inspect tensor model.gguf blk.0.attn_q.weight --out q.f32",
                    "Take one matrix out of a model:"}},
      .run = run_tensor,
  };
}

}  // namespace freehold::app
