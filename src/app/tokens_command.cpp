// `tokenize` and `inspect tokens`: text to token ids.
#include <fmt/format.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/console.h"
#include "app/input.h"
#include "app/json_writer.h"
#include "app/open_model.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

struct Tokens {
  std::vector<text::TokenId> ids;
  std::size_t dropped_bytes = 0;
};

Result<model::LoadedTokenizer> open_tokenizer(const Arguments& arguments, Console& console) {
  FH_TRY(OpenModel opened, open_model(arguments.text("MODEL"), console));
  auto loaded = model::load_tokenizer(*opened.checkpoint);
  if (!loaded) return in_context(loaded.error(), printable(opened.reference));
  return std::move(*loaded);
}

// The text of --text, --file or the positional TEXT; exactly one of them, or none and what is piped in.
Result<std::string> chosen_text(const Arguments& arguments, std::string_view direct) {
  bool file = arguments.given("file");
  if (!file && !arguments.given(direct) && ::isatty(STDIN_FILENO) == 0) return read_standard_input();
  if (arguments.given(direct) == file) {
    return fail(Errc::invalid, fmt::format("give either {}{} or --file", direct == "text" ? "--" : "", direct));
  }
  if (file) return read_input(arguments.text("file"));
  return std::string(arguments.text(direct));
}

Result<> check_special(const Arguments& arguments) {
  if (!arguments.flag("special") || !arguments.flag("no-special")) return {};
  return fail(Errc::invalid, "--special and --no-special exclude each other");
}

void note_dropped(const Tokens& tokens, Console& console) {
  if (tokens.dropped_bytes == 0) return;
  console.note(fmt::format("note: {} bytes of the text cannot be expressed in this vocabulary and are missing",
                           tokens.dropped_bytes));
}

Result<Tokens> encode(const text::Tokenizer& tokenizer, std::string_view text, bool special, bool bos,
                      Console& console) {
  FH_TRY(auto encoding, tokenizer.encode_with_offsets(text, {.parse_special = special, .add_special = bos}));
  Tokens tokens{std::move(encoding.ids), encoding.dropped_bytes};
  note_dropped(tokens, console);
  return tokens;
}

Result<> run_tokenize(const Arguments& arguments, Console& console) {
  FH_TRY(std::string text, chosen_text(arguments, "TEXT"));
  FH_TRY(auto loaded, open_tokenizer(arguments, console));
  FH_TRY_VOID(check_special(arguments));
  FH_TRY(Tokens tokens, encode(loaded.tokenizer, text, arguments.flag("special"), !arguments.flag("no-bos"), console));
  if (arguments.flag("count")) {
    console.write(fmt::format("{}\n", tokens.ids.size()));
  } else if (arguments.flag("json")) {
    JsonWriter w;
    w.begin_array();
    for (auto id : tokens.ids) w.value(id);
    w.end_array();
    console.write(w.take() + "\n");
  } else {
    console.write(fmt::format("{}\n", fmt::join(tokens.ids, " ")));
  }
  return {};
}

Result<> run_inspect(const Arguments& arguments, Console& console) {
  FH_TRY(std::string text, chosen_text(arguments, "text"));
  FH_TRY(auto loaded, open_tokenizer(arguments, console));
  const text::Tokenizer& tokenizer = loaded.tokenizer;
  FH_TRY_VOID(check_special(arguments));
  bool special = !arguments.flag("no-special");
  FH_TRY(Tokens tokens, encode(tokenizer, text, special, special && !arguments.flag("no-bos"), console));
  if (!arguments.flag("json")) {
    for (auto id : tokens.ids) console.write(fmt::format("{:>8}  {}\n", id, printable(tokenizer.token_text(id))));
    return {};
  }
  JsonWriter w;
  w.begin_object().key("ids").begin_array();
  for (auto id : tokens.ids) w.value(id);
  w.end_array().key("pieces").begin_array();
  for (auto id : tokens.ids) w.value(tokenizer.token_text(id));
  w.end_array().end_object();
  console.write(w.take() + "\n");
  return {};
}

}  // namespace

Command tokenize_command() {
  return {
      .name = "tokenize",
      .summary = "Turn text into the token ids of a model.",
      .details =
          "Prints the ids on one line, beginning with the token that the vocabulary puts before every text (bos), if "
          "any. "
          "Text that reads like a special token stays text unless --special is given.",
      .positionals = {model_positional(), {.name = "TEXT", .help = "The text.", .required = false, .is_file = false}},
      .options = {{.name = "file",
                   .type = OptionType::file,
                   .value = "FILE",
                   .help = "Read the text from a file (- is standard input)."},
                  {.name = "special", .help = "Text that reads like a special token becomes that token."},
                  {.name = "no-special", .help = "It stays text (the default here)."},
                  {.name = "no-bos", .help = "Do not put bos before the text."},
                  {.name = "count", .help = "Print only how many tokens there are."},
                  {.name = "json", .help = "Print a JSON array."}},
      .examples = {{"freehold tokenize model.gguf \"Hello world\"", "The ids of a text:"},
                   {"freehold tokenize model.gguf --file book.txt --count", "How long is a book?"}},
      .run = run_tokenize,
  };
}

Command inspect_tokens_command() {
  return {
      .name = "inspect tokens",
      .summary = "Show the tokens that a text becomes, with their spelling.",
      .details =
          "Special tokens are recognised in the text and bos is put before it, as for a prompt; --no-special takes the "
          "text as "
          "plain text, without either.",
      .positionals = {model_positional()},
      .options = {{.name = "text", .type = OptionType::text, .value = "TEXT", .help = "The text."},
                  {.name = "file",
                   .type = OptionType::file,
                   .value = "FILE",
                   .help = "Read the text from a file (- is standard input)."},
                  {.name = "special", .help = "Recognise special tokens in the text (the default here)."},
                  {.name = "no-special", .help = "Neither recognise special tokens nor add bos."},
                  {.name = "no-bos", .help = "Do not put bos before the text."},
                  {.name = "json", .help = "Print {\"ids\":[…],\"pieces\":[…]}."}},
      .examples = {{"freehold inspect tokens model.gguf --text \"Hello <s>\"", "One token a line:"},
                   {"freehold inspect tokens model.gguf --text Hello --no-special --json", "For programs:"}},
      .run = run_inspect,
  };
}

}  // namespace freehold::app
