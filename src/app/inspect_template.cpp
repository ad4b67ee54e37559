// `inspect template`: the exact text and ids that a conversation becomes.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "app/commands.h"
#include "app/console.h"
#include "app/input.h"
#include "app/json_writer.h"
#include "app/open_model.h"
#include "base/file.h"
#include "base/utf8.h"
#include "format/gguf.h"
#include "text/chat_template.h"
#include "text/prompt.h"

namespace freehold::app {
namespace {

constexpr std::uint64_t kMessagesLimit = std::uint64_t{16} << 20;

// A plain file that is no GGUF is taken as a bare template.
bool is_bare_template(const std::string& path) {
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
  auto file = MappedFile::open(path);
  return file && !format::looks_like_gguf(file->bytes().first(std::min<std::size_t>(4, file->size())));
}

Result<text::ChatInput> read_conversation(const Arguments& arguments) {
  std::string path(arguments.text("messages"));
  FH_TRY(std::string json, read_input(path, kMessagesLimit));
  auto input = text::chat_input_from_json(json);
  if (!input) return in_context(input.error(), printable(path));
  // What /save of a chat writes has the system message beside the others.
  const auto beside = std::find_if(input->extras.begin(), input->extras.end(), [](const auto& extra) {
    return extra.first == "system" && extra.second.is(text::jinja::Type::string);
  });
  if (beside != input->extras.end()) {
    std::vector<text::jinja::Value> all = input->messages.as_sequence().items;
    if (!beside->second.as_text().empty()) {
      all.insert(
          all.begin(),
          text::messages_from_pairs({{"system", std::string(beside->second.as_text())}}).as_sequence().items.front());
    }
    input->messages = text::jinja::Value::list(std::move(all));
    input->extras.erase(beside);
  }
  if (arguments.given("tools")) {
    std::string tools_path(arguments.text("tools"));
    FH_TRY(std::string tools_json, read_input(tools_path, kMessagesLimit));
    auto tools = text::tools_from_json(tools_json);
    if (!tools) return in_context(tools.error(), printable(tools_path));
    input->tools = std::move(*tools);
  }
  if (arguments.flag("no-generation-prompt")) input->add_generation_prompt = false;
  if (arguments.given("bos")) input->bos_token = std::string(arguments.text("bos"));
  if (arguments.given("eos")) input->eos_token = std::string(arguments.text("eos"));
  return std::move(*input);
}

Result<std::string> chosen_template(const model::LoadedTokenizer& loaded, const Arguments& arguments) {
  if (loaded.chat_templates.empty()) return fail(Errc::not_found, "the model has no chat template");
  if (!arguments.given("name")) return loaded.chat_templates.front().source;
  std::string names;
  for (const auto& t : loaded.chat_templates) {
    if (t.name == arguments.text("name")) return t.source;
    names += (names.empty() ? "" : ", ") + t.name;
  }
  return fail(Errc::not_found, fmt::format("the model has no template '{}'; it has {}",
                                           printable(arguments.text("name")), printable(names)));
}

void print(const Arguments& arguments, Console& console, const std::string& text, const std::string& digest,
           const std::vector<std::int32_t>* ids) {
  if (arguments.flag("json")) {
    JsonWriter w;
    w.begin_object().member("text", text);
    if (ids != nullptr) {
      w.key("ids").begin_array();
      for (auto id : *ids) w.value(id);
      w.end_array();
    }
    w.member("template", "sha256:" + digest).end_object();
    console.write(w.take() + "\n");
    return;
  }
  console.write_untrusted(text);
  if (ids != nullptr) console.write(fmt::format("\n\nids: {}\n", fmt::join(*ids, " ")));
  if (ids == nullptr && console.out_is_terminal()) console.write("\n");
}

// A template by itself has no vocabulary to take a special token from: it gets an empty one, and the user is told.
void give_empty(std::optional<std::string>& token, bool wanted, std::string_view name, Console& console) {
  if (token || !wanted) return;
  token.emplace();
  console.note(fmt::format("note: the template uses {0}_token, which is empty here; --{0} TEXT says what it is", name));
}

Result<> render_bare(const Arguments& arguments, Console& console, const std::string& path) {
  FH_TRY(std::string source, read_file(path));
  const bool wants_bos = source.find("bos_token") != std::string::npos;
  const bool wants_eos = source.find("eos_token") != std::string::npos;
  auto parsed = text::ChatTemplate::parse(std::move(source));
  if (!parsed) return in_context(parsed.error(), printable(path));
  FH_TRY(auto input, read_conversation(arguments));
  give_empty(input.bos_token, wants_bos, "bos", console);
  give_empty(input.eos_token, wants_eos, "eos", console);
  auto text = parsed->render(input);
  if (!text) return in_context(text.error(), printable(path));
  print(arguments, console, *text, parsed->digest(), nullptr);
  return {};
}

Result<> run_inspect_template(const Arguments& arguments, Console& console) {
  std::string reference(arguments.text("MODEL"));
  if (is_bare_template(reference)) return render_bare(arguments, console, reference);
  FH_TRY(OpenModel opened, open_model(reference, console));
  auto loaded = model::load_tokenizer(*opened.checkpoint);
  if (!loaded) return in_context(loaded.error(), printable(reference));
  FH_TRY(std::string source, chosen_template(*loaded, arguments));
  auto parsed = text::ChatTemplate::parse(std::move(source));
  if (!parsed) return in_context(parsed.error(), fmt::format("{}: chat template", printable(reference)));
  FH_TRY(auto input, read_conversation(arguments));
  if (!input.bos_token) input.bos_token = loaded->bos_token;
  if (!input.eos_token) input.eos_token = loaded->eos_token;
  auto prompt = text::prompt_from_messages(loaded->tokenizer, *parsed, std::move(input));
  if (!prompt) return in_context(prompt.error(), fmt::format("{}: chat template", printable(reference)));
  print(arguments, console, prompt->text, parsed->digest(), &prompt->tokens);
  return {};
}

}  // namespace

Command inspect_template_command() {
  return {
      .name = "inspect template",
      .summary = "Show the exact text and token ids that a conversation becomes.",
      .details =
          "MODEL may also be a file with a bare Jinja template: then there is no vocabulary, and only the text is "
          "shown, without a newline of ours behind it; bos_token and eos_token are empty unless --bos and --eos, or "
          "the "
          "file of messages, say what they are. What people wrote in a message never becomes a special token, whatever "
          "it "
          "spells.",
      .positionals = {{.name = "MODEL", .help = "A model, or a file with a Jinja template."}},
      .options =
          {{.name = "messages",
            .type = OptionType::file,
            .value = "FILE",
            .help = "JSON: an array of messages, or an object with messages, tools and other variables (- is standard "
                    "input).",
            .required = true},
           {.name = "tools", .type = OptionType::file, .value = "FILE", .help = "JSON: an array of tool definitions."},
           {.name = "name",
            .type = OptionType::text,
            .value = "NAME",
            .help = "Which of the model's templates; by default the default one."},
           {.name = "no-generation-prompt", .help = "Do not open the assistant's turn at the end."},
           {.name = "bos", .type = OptionType::text, .value = "TEXT", .help = "What the template sees as bos_token."},
           {.name = "eos", .type = OptionType::text, .value = "TEXT", .help = "What the template sees as eos_token."},
           {.name = "json", .help = "Print {\"text\":…,\"ids\":[…],\"template\":…}."}},
      .examples = {{"freehold inspect template model.gguf --messages chat.json", "What does the model really see?"},
                   {"freehold inspect template template.jinja --messages chat.json --bos \"<s>\"",
                    "A template by itself:"}},
      .run = run_inspect_template,
  };
}

}  // namespace freehold::app
