// `models init`: a model of a chosen shape with a tokenizer of one's own and weights that are to be trained.
#include <fmt/format.h>

#include "app/models_commands.h"
#include "app/models_write.h"
#include "app/open_model.h"
#include "base/file.h"
#include "base/utf8.h"
#include "model/tokenizer_metadata.h"
#include "store/synth/synth.h"

namespace freehold::app {
namespace {

// OpenAI's ChatML, as the models of the field write it.
constexpr std::string_view kChatMl =
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + "
    "'\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

Result<store::Shape> shape_of(const Arguments& arguments, std::uint32_t tokens) {
  store::Shape s{"", store::SynthFamily::llama, store::Vocabulary::spm, tokens, 0, 0, 0, 0, 0, 0, 0, 1e4, 1e-5};
  const auto number = [&](const char* name) { return static_cast<std::uint32_t>(arguments.integer(name)); };
  s.layers = number("layers");
  s.C = number("width");
  s.D = number("head-size");
  s.H = arguments.given("heads") ? number("heads") : s.C / s.D;
  s.K = arguments.given("kv-heads") ? number("kv-heads") : s.H;
  // Two thirds of four times the width, in whole blocks of 32 (Shazeer 2020, "GLU Variants Improve Transformer").
  s.F = arguments.given("feed-forward") ? number("feed-forward") : (s.C * 8 / 3 + 31) / 32 * 32;
  s.context = number("context");
  s.theta = arguments.real("rope-theta");
  s.extra.tied = arguments.flag("tied");
  if (s.H == 0 || s.H * s.D != s.C) {
    return fail(Errc::invalid, fmt::format("--width {} is not --heads {} times --head-size {}", s.C, s.H, s.D));
  }
  if (s.K == 0 || s.H % s.K != 0)
    return fail(Errc::invalid, fmt::format("--heads {} is no multiple of --kv-heads {}", s.H, s.K));
  if (s.C % 32 != 0 || s.F % 32 != 0 || s.D % 2 != 0) {
    return fail(Errc::invalid, "--width and --feed-forward are multiples of 32, and --head-size of 2");
  }
  return s;
}

Result<> run_init(const Arguments& arguments, Console& console) {
  const std::filesystem::path tokenizer(arguments.text("tokenizer"));
  FH_TRY(const std::uint32_t tokens, model::count_tokens(tokenizer));
  FH_TRY(const store::Shape shape, shape_of(arguments, tokens));
  std::string chat;
  if (arguments.given("chat-template")) {
    if (arguments.text("chat-template") == "chatml") {
      chat = kChatMl;
    } else {
      FH_TRY(chat, read_file(arguments.text("chat-template")));
    }
  }
  store::Fresh fresh;
  fresh.name = arguments.text(!arguments.given("title") && arguments.given("name") ? "name" : "title");
  fresh.description = arguments.text("description");
  fresh.add_tokenizer = [&](format::Metadata& out) { return model::add_tokenizer(tokenizer, chat, out); };
  FH_TRY(const kernel::Mix type, store::weight_type_from_name("f32"));
  const auto seed = static_cast<std::uint64_t>(arguments.integer("seed"));
  ThreadPool pool(arguments.given("threads") ? static_cast<int>(arguments.integer("threads")) : 0);
  console.note(fmt::format(
      "{} weights: {} layers of {}, {} heads ({} for keys and values), feed-forward {}, vocabulary {}",
      human_parameters(store::parameters(shape)), shape.layers, shape.C, shape.H, shape.K, shape.F, shape.V));
  return write_model(arguments, console, fmt::format("freshly initialised with seed {}", seed),
                     [&](const format::Sink& sink, const store::Progress& progress, const store::Expect& expect) {
                       return store::synthesise({shape, type, seed, fresh}, pool, sink, progress, expect);
                     });
}

Option count(std::string_view name, std::string_view fallback, std::string_view help, double most) {
  return {.name = name,
          .type = OptionType::integer,
          .value = "N",
          .fallback = fallback,
          .least = 1,
          .most = most,
          .help = help};
}

}  // namespace

Command models_init_command() {
  return {
      .name = "models init",
      .summary = "Make a model that has learned nothing yet, for training from scratch.",
      .details =
          "A Llama of the shape that you say, with your tokenizer: norms of one, matrices of random numbers (deviation "
          "0.02), in F32. "
          "The same options give the same bytes on every machine.",
      .positionals = {{.name = "OUT", .help = "The .gguf file to write.", .required = false}},
      .options =
          join({{.name = "tokenizer",
                 .type = OptionType::file,
                 .value = "FILE",
                 .help = "A tokenizer.model of SentencePiece, as freehold tokenizer train makes it.",
                 .required = true},
                {.name = "chat-template",
                 .type = OptionType::file,
                 .value = "chatml|FILE",
                 .help = "How conversations are written; without one the model has no chat."},
                count("layers", "6", "Blocks.", 1000),
                count("width", "384", "Elements of a token's state.", 65536),
                count("head-size", "64", "Elements of an attention head.", 1024),
                count("heads", "", "Attention heads; width over head-size unless given.", 65536),
                count("kv-heads", "", "Heads of keys and values; as many as heads unless given.", 65536),
                count("feed-forward", "", "Width of the feed-forward layer; 8/3 of the width unless given.", 1048576),
                count("context", "1024", "The longest text.", 1048576),
                {.name = "rope-theta",
                 .type = OptionType::real,
                 .value = "X",
                 .fallback = "10000",
                 .least = 1,
                 .most = 1e9,
                 .help = "Base of the rotary positions."},
                {.name = "tied", .help = "Use the embedding as output matrix too."},
                {.name = "title",
                 .type = OptionType::text,
                 .value = "TEXT",
                 .fallback = "fresh model",
                 .help = "What the file calls the model, also when it has been trained."},
                {.name = "description",
                 .type = OptionType::text,
                 .value = "TEXT",
                 .fallback = "Freshly initialised: it says nothing sensible before it is trained",
                 .help = "What the file says of it; the same."},
                {.name = "seed",
                 .type = OptionType::integer,
                 .value = "N",
                 .fallback = "0",
                 .least = 0,
                 .most = 9e15,
                 .help = "Other seeds give other weights."}},
               write_options()),
      .examples = {{"freehold models init --tokenizer tok.model --layers 8 --width 384 --tied --chat-template chatml "
                    "--name mine:0",
                    "Fifteen million weights:"}},
      .run = run_init,
  };
}

}  // namespace freehold::app
