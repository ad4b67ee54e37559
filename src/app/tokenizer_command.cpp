// `tokenizer train`: a vocabulary from one's own text.
#include <fmt/format.h>

#include <filesystem>

#include "app/commands.h"
#include "app/console.h"
#include "app/progress.h"
#include "base/file.h"
#include "base/utf8.h"
#include "train/tokenizer_training.h"

namespace freehold::app {
namespace {

Result<> run_train(const Arguments& arguments, Console& console) {
  const std::filesystem::path out(std::string(arguments.text("out")));
  std::error_code ec;
  if (std::filesystem::exists(out, ec) && !arguments.flag("force")) {
    console.hint("choose another file, or replace this one with --force");
    return fail(Errc::invalid, fmt::format("{} exists already", printable(out.string())));
  }
  train::TokenizerTraining training;
  for (const std::string& path : arguments.list("TEXT")) training.inputs.emplace_back(path);
  training.vocab_size = static_cast<std::uint32_t>(arguments.integer("vocab-size"));
  training.most_bytes = static_cast<std::uint64_t>(arguments.integer("most-megabytes")) << 20;
  if (arguments.given("control")) training.control = arguments.list("control");
  if (arguments.flag("chatml")) {
    for (const char* token : {"<|im_start|>", "<|im_end|>"}) training.control.emplace_back(token);
  }
  if (console.err_is_terminal()) console.note("learning merges; some ten seconds for every 10 MB of text");
  FH_TRY(const std::string model, train::train_tokenizer(training));
  FH_TRY(AtomicFile file, AtomicFile::create(out));
  FH_TRY_VOID(file.write(as_bytes(model)));
  FH_TRY_VOID(file.commit());
  console.write(fmt::format("{}  {} tokens, {}\n", printable(out.string(), 4096), training.vocab_size,
                            human_bytes(model.size())));
  return {};
}

}  // namespace

Command tokenizer_group() {
  return {.name = "tokenizer",
          .summary = "Make tokenizers.",
          .details = "freehold tokenize and inspect tokens use those of models."};
}

Command tokenizer_train_command() {
  return {
      .name = "tokenizer train",
      .summary = "Learn a vocabulary from text.",
      .details =
          "Byte-pair merges over characters, bytes for what the text lacks, digits one by one: the tokenizer.model "
          "that Llama 2 has, made by "
          "SentencePiece. The same text gives the same bytes. freehold models init makes a model for it.",
      .positionals = {{.name = "TEXT", .help = "UTF-8 text; a line is a sentence.", .repeatable = true}},
      .options = {{.name = "out",
                   .type = OptionType::file,
                   .value = "FILE",
                   .fallback = "tokenizer.model",
                   .help = "The file to write.",
                   .letter = 'o'},
                  {.name = "vocab-size",
                   .type = OptionType::integer,
                   .value = "N",
                   .fallback = "4096",
                   .least = 300,
                   .most = 262144,
                   .help = "Tokens in all."},
                  {.name = "control",
                   .type = OptionType::text,
                   .value = "TOKEN",
                   .help = "A token that text never becomes.",
                   .repeatable = true},
                  {.name = "chatml", .help = "Add the control tokens of ChatML, <|im_start|> and <|im_end|>."},
                  {.name = "most-megabytes",
                   .type = OptionType::integer,
                   .value = "N",
                   .fallback = "0",
                   .least = 0,
                   .most = 1048576,
                   .help = "Read no more than this; 0: all."},
                  {.name = "force", .help = "Replace the file if it exists."}},
      .examples = {{"freehold tokenizer train stories.txt facts.txt --vocab-size 4096 --chatml -o tok.model",
                    "For a model of your own:"}},
      .run = run_train,
  };
}

}  // namespace freehold::app
