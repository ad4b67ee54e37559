// Plain styles: alpaca, completion, input_output. Those with messages are in chat_examples.cpp.
#include "train/examples.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "text/prompt.h"

namespace freehold::train {
namespace {

using format::Value;

constexpr std::string_view kWithInput =
    "Below is an instruction that describes a task, paired with an input that provides further context. Write a "
    "response that "
    "appropriately completes the request.";
constexpr std::string_view kWithoutInput =
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.";

void append(Example& example, const std::vector<std::int32_t>& tokens, bool learned) {
  example.tokens.insert(example.tokens.end(), tokens.begin(), tokens.end());
  for (const std::int32_t token : tokens) example.labels.push_back(learned ? token : kIgnored);
}

}  // namespace

std::size_t Example::scored() const {
  std::size_t count = 0;
  for (std::size_t i = 1; i < labels.size(); ++i) count += learns(i) ? 1 : 0;
  return count;
}

std::string alpaca_prompt(const DatasetSource& source, std::string_view system, std::string_view instruction,
                          std::string_view input) {
  const bool has_input = !input.empty();
  if (const auto& own = has_input ? source.format_with_input : source.format_without_input) {
    // In one pass over the format, so that what people wrote is not taken for a placeholder.
    std::string out(system);
    std::string_view rest = *own;
    while (!rest.empty()) {
      if (rest.starts_with("{instruction}")) {
        out += instruction;
        rest.remove_prefix(13);
      } else if (rest.starts_with("{input}")) {
        out += input;
        rest.remove_prefix(7);
      } else {
        out += rest.front();
        rest.remove_prefix(1);
      }
    }
    return out;
  }
  std::string_view intro = has_input ? kWithInput : kWithoutInput;
  if (!system.empty()) intro = system;
  if (has_input)
    return fmt::format("{}\n\n### Instruction:\n{}\n\n### Input:\n{}\n\n### Response:\n", intro, instruction, input);
  return fmt::format("{}\n\n### Instruction:\n{}\n\n### Response:\n", intro, instruction);
}

Result<ExampleBuilder> ExampleBuilder::create(const Recipe& recipe, const DatasetSource& source,
                                              const model::LoadedTokenizer& model) {
  ExampleBuilder builder(recipe, source, model);
  if (source.style == PromptStyle::chat_template || source.style == PromptStyle::preference) {
    if (model.chat_templates.empty()) {
      return fail(
          Errc::not_found,
          fmt::format(
              "'type: {}' needs a chat template, and the model has none: use alpaca, input_output or completion",
              name_of(source.style)));
    }
    FH_TRY(builder.template_, text::ChatTemplate::parse(model.chat_templates.front().source));
  }
  return builder;
}

Result<Built> ExampleBuilder::build(const Row& row) const {
  switch (source_->style) {
    case PromptStyle::alpaca:
      return alpaca(row);
    case PromptStyle::completion:
      return completion(row);
    case PromptStyle::input_output:
      return input_output(row);
    case PromptStyle::chat_template:
      return chat(row);
    case PromptStyle::preference:
      return preference(row);
  }
  return fail(Errc::internal, "a style without a builder");
}

Result<Built> ExampleBuilder::alpaca(const Row& row) const {
  FH_TRY(const std::string instruction, text_member(row, source_->field_instruction));
  FH_TRY(const std::string input, optional_text_member(row, source_->field_input));
  FH_TRY(const std::string output, text_member(row, source_->field_output));
  FH_TRY(std::string system, optional_text_member(row, source_->field_system));
  if (system.empty()) system = source_->system_prompt;
  if (output.empty())
    return fail(Errc::invalid,
                fmt::format("'{}' is empty: there is nothing to learn", printable(source_->field_output)));
  const std::string prompt = alpaca_prompt(*source_, system, instruction, input);
  const text::Tokenizer& tokenizer = model_->tokenizer;
  // In one piece, so that the tokens are those of serving the prompt and reading on.
  text::EncodeOptions options;
  options.add_special = true;
  FH_TRY(const text::Encoding whole, tokenizer.encode_with_offsets(prompt + output, options));
  Built built;
  Example example;
  const text::TokenId eos = tokenizer.vocabulary().eos;
  for (std::size_t t = 0; t < whole.ids.size(); ++t) {
    const text::TokenSpan& span = whole.spans[t];
    const bool answer = span.end > prompt.size();
    if (answer && span.begin < prompt.size()) ++built.straddled;
    append(example, {whole.ids[t]}, answer || recipe_->train_on_inputs);
  }
  if (eos != text::kNoToken && (example.tokens.empty() || example.tokens.back() != eos)) append(example, {eos}, true);
  built.examples.push_back(std::move(example));
  return built;
}

Result<Built> ExampleBuilder::completion(const Row& row) const {
  FH_TRY(const std::string text, text_member(row, source_->field));
  if (text.empty())
    return fail(Errc::invalid, fmt::format("'{}' is empty: there is nothing to learn", printable(source_->field)));
  text::EncodeOptions options;
  options.add_special = true;
  FH_TRY(std::vector<std::int32_t> tokens, model_->tokenizer.encode(text, options));
  const text::TokenId eos = model_->tokenizer.vocabulary().eos;
  if (eos != text::kNoToken && (tokens.empty() || tokens.back() != eos)) tokens.push_back(eos);
  // A text longer than a sequence is learned in pieces: nothing of it is lost.
  Built built;
  for (std::size_t begin = 0; begin < tokens.size(); begin += recipe_->sequence_len) {
    const std::size_t end = std::min<std::size_t>(begin + recipe_->sequence_len, tokens.size());
    Example piece;
    append(piece,
           {tokens.begin() + static_cast<std::ptrdiff_t>(begin), tokens.begin() + static_cast<std::ptrdiff_t>(end)},
           true);
    if (piece.tokens.size() > 1) built.examples.push_back(std::move(piece));
  }
  return built;
}

Result<Built> ExampleBuilder::input_output(const Row& row) const {
  const Value* segments = row.object.member("segments");
  if (segments == nullptr || !segments->is_array()) return fail(Errc::invalid, "there is no list 'segments'");
  Example example;
  for (const Value& segment : segments->items()) {
    const Value* label = segment.member("label");
    const Value* content = segment.member("text");
    const auto learned = label != nullptr ? label->as_bool() : std::nullopt;
    const auto text = content != nullptr ? content->as_string() : std::nullopt;
    if (!learned || !text) return fail(Errc::invalid, "a segment has 'label', true or false, and 'text'");
    // Whoever writes segments writes the control tokens too.
    text::EncodeOptions options;
    options.parse_special = true;
    FH_TRY(const std::vector<std::int32_t> tokens, model_->tokenizer.encode(*text, options));
    append(example, tokens, *learned);
  }
  if (example.tokens.empty()) return fail(Errc::invalid, "'segments' is empty");
  Built built;
  built.examples.push_back(std::move(example));
  return built;
}

}  // namespace freehold::train
