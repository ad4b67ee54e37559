// `freehold run`: one answer, or a chat.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "app/adapter_option.h"
#include "app/answer_json.h"
#include "app/chat.h"
#include "app/commands.h"
#include "app/constraint.h"
#include "app/conversation.h"
#include "app/input.h"
#include "app/interrupt.h"
#include "app/labelling.h"
#include "app/sealing.h"
#include "app/session.h"
#include "app/settings.h"
#include "app/starter.h"
#include "app/veil/asked_veil.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

constexpr int kWaitBeforeNote = 3000;  // ms

// Standard input, if it is a pipe or a file. Says what it waits for if nothing comes: a pipe that somebody forgot to
// close would otherwise look like a hang.
Result<std::string> piped_text(Console& console) {
  pollfd waiting = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  if (::poll(&waiting, 1, kWaitBeforeNote) == 0)
    console.note("note: reading standard input until it ends (</dev/null gives it nothing)");
  return read_standard_input();
}

struct RunQuestion {
  std::optional<std::string> text;  // none: a chat
};

// The prompt, and after it what is piped in.
Result<RunQuestion> read_question(const Arguments& arguments, Console& console) {
  RunQuestion question;
  if (arguments.given("PROMPT")) question.text = arguments.text("PROMPT");
  if (::isatty(STDIN_FILENO) == 1) return question;
  FH_TRY(std::string piped, piped_text(console));
  if (!question.text) {
    question.text = std::move(piped);
  } else if (!piped.empty()) {
    *question.text += (question.text->empty() ? "" : "\n") + piped;
  }
  return question;
}

Result<> answer_once(Session& session, Conversation& conversation, const Settings& settings, const Arguments& arguments,
                     std::string question, Console& console) {
  bool json = arguments.flag("json");
  conversation.add("user", std::move(question));
  FH_TRY(auto prompt, conversation.prompt(session.context()));
  if (prompt.tokens.empty())
    return fail(Errc::invalid, "the prompt is empty, and this vocabulary has no token to begin with");
  std::vector<std::string> digests;
  if (json) {
    FH_TRY(digests, weight_digests(session.loaded().opened, console));
  }
  if (arguments.flag("echo") && !json) console.write_untrusted(prompt.text);
  auto show = [&](std::string_view text) {
    if (json) return;
    console.write_untrusted(text);
    (void)console.flush();
  };
  FH_TRY(Generated answer, session.generate(prompt.tokens, settings, prompt.text_starts, show));
  console.write(json ? answer_json(session, conversation, settings, prompt, answer, digests) : "\n");
  if (answer.reason == engine::FinishReason::cancelled) return fail(Errc::cancelled, "interrupted");
  if (answer.steered) console.note("note: the answer was brought to its end by its limit; it might have been longer");
  if (arguments.flag("verbose")) console.note(speed_line(answer));
  return console.flush();
}

// The system prompt that was asked for, or the one that the model came with; what is not used is said.
std::string system_of(const OpenModel& opened, const Arguments& arguments, bool raw, Console& console) {
  const store::Defaults defaults = opened.manifest ? opened.manifest->model.defaults : store::Defaults{};
  if (!defaults.parameters.empty() || !defaults.messages.empty()) {
    console.note(fmt::format("note: the model came with {} of its own, which `serve` uses and `run` does not",
                             defaults.parameters.empty() ? "messages"
                             : defaults.messages.empty() ? "parameters"
                                                         : "parameters and messages"));
  }
  return arguments.given("system") || raw ? std::string(arguments.text("system")) : defaults.system;
}

// Without a MODEL there is the starter, if this build has one, whose answers should not be taken for what a model can
// do.
Result<std::string_view> model_named(const Arguments& arguments, Console& console) {
  if (arguments.given("MODEL")) return arguments.text("MODEL");
  if (starter_bytes().empty()) {
    console.hint("freehold run path/to/model.gguf; freehold models list shows what the store has");
    return fail(Errc::invalid, "MODEL is missing, and this build has no starter model");
  }
  console.note("note: this is the built-in starter model, a very small one; freehold run MODEL runs another");
  return std::string_view(kStarterName);
}

Result<> run_model(const Arguments& arguments, Console& console) {
  catch_interrupts();
  FH_TRY(Sealing sealing, Sealing::begin(arguments));
  for (const char* name : {"MODEL", "adapter", "draft-model"}) sealing.reads_model(arguments, name);
  for (const char* name : {"schema", "grammar"}) sealing.reads(arguments, name);
  FH_TRY(const guard::Policy policy, own_policy());
  FH_TRY_VOID(sealing.enter(console));
  FH_TRY(Settings settings, settings_from(arguments));
  FH_TRY(auto grammar, grammar_from(arguments));
  FH_TRY(const std::string_view model, model_named(arguments, console));
  auto found = open_and_check(model, console);
  if (!found) {
    if (found.error().code == Errc::not_found && model.find(' ') != std::string_view::npos)
      console.hint("the prompt comes after the model: freehold run starter \"…\"");
    return Unexpected(std::move(found).error());
  }
  CheckedModel checked = std::move(*found);
  FH_TRY_VOID(take_adapter(arguments, checked));
  FH_TRY(settings.constraint, constraint_for(std::move(grammar), checked.tokenizer.tokenizer, settings.max_tokens));
  bool raw = arguments.flag("raw");
  FH_TRY_VOID(
      Conversation::create(checked.tokenizer, raw).map([](auto&&) {}));  // a bad template is found before loading
  if (!raw && checked.tokenizer.chat_templates.empty()) {
    console.note("note: this model has no chat template, so the text goes to it as it is (--raw)");
    raw = true;
  }
  if (raw && arguments.given("system"))
    return fail(Errc::invalid, "--system needs a chat template, and there is none (or --raw)");
  FH_TRY(SpeculationChoice speculation, speculation_from(arguments, checked, console));
  FH_TRY(RunQuestion question, read_question(arguments, console));
  // A variable that is not set, more often than not. Without a template the model may be let go on from nothing.
  if (question.text && question.text->empty() && !raw) {
    return fail(Errc::invalid, "the prompt is empty: say something, or leave it out (in a terminal) to chat");
  }
  FH_TRY(Loaded loaded,
         load(std::move(checked), arguments, console, static_cast<std::uint32_t>(arguments.integer("context"))));
  FH_TRY(auto session, Session::start(std::move(loaded), std::move(speculation), arguments, console));
  FH_TRY(auto conversation, Conversation::create(session->loaded().tokenizer, raw, arguments.flag("special")));
  conversation.set_system(system_of(session->loaded().opened, arguments, raw, console));
  const auto rules = guard::treatments(policy, guard::Way::run, guard::Role::admin, {}, model);
  if (rules.any()) {
    conversation.set_reading(AskedVeil(rules, [&console](const std::string& line) { console.note(line); }));
  }
  if (question.text)
    return answer_once(*session, conversation, settings, arguments, std::move(*question.text), console);
  if (arguments.flag("json")) return fail(Errc::invalid, "--json needs a PROMPT or a pipe");
  return chat(*session, std::move(conversation), std::move(settings), !arguments.flag("no-history"), console);
}

}  // namespace

Command run_command() {
  return {
      .name = "run",
      .summary = "Answer a prompt, or chat.",
      .details =
          "With a PROMPT, or when something is piped in (it is put after the PROMPT), one answer goes to standard "
          "output, "
          "followed by a newline. Otherwise a chat begins: /help lists its commands, Ctrl-C stops an answer, Ctrl-D "
          "leaves.\n\n"
          "The prompt goes through the model's chat template. --raw sends it without one, and prints the continuation "
          "alone "
          "(--echo: the prompt before it); a model without a template is run so anyway, and says it. What the prompt "
          "spells "
          "never becomes a special token unless --special is given with --raw.\n\n"
          "Sampling is done in this order: bias, penalties, temperature, top-k, typical, top-p, min-p. The same model, "
          "prompt, options and seed give the same answer on every machine and with any number of threads. Nothing is "
          "cut: "
          "a prompt longer than the context is an error.\n\n"
          "With --schema, --regex, --grammar or --choice every answer is of that form, whatever the model would rather "
          "say, "
          "and is complete even when --max-tokens runs short: what could no longer be finished is not begun. A schema "
          "or "
          "a "
          "limit that no answer can keep to is an error before the model is loaded. Tell the model in the prompt what "
          "is "
          "wanted as well; it cannot see the schema.\n\n"
          "Decoding is speculative: what may come next is looked up in the text so far (or guessed by --draft-model) "
          "and checked in one pass of the model, which changes the time and never the answer. How much is guessed "
          "follows what has paid off; --verbose and --json say how many guesses were right.",
      .positionals = {{.name = "MODEL",
                       .help = "What to run, as elsewhere; without one, the starter model of a build that has one.",
                       .required = false},
                      {.name = "PROMPT", .help = "What to answer.", .required = false, .is_file = false}},
      .options = join(
          join({adapter_option(),
                {.name = "system",
                 .type = OptionType::text,
                 .value = "TEXT",
                 .help = "The system message.",
                 .letter = 's'},
                {.name = "raw", .help = "Send the text without a chat template."},
                {.name = "echo", .help = "Print the prompt before the answer."},
                {.name = "special", .help = "With --raw: text that reads like a special token becomes that token."},
                {.name = "json", .help = "Print the answer as JSON, with usage, timings, seed and digests."},
                {.name = "no-history",
                 .help = "Neither read nor write the chat's history of lines ($FREEHOLD_HOME/history)."},
                sealed_option()},
               settings_options()),
          join(constraint_options(), join(speculation_options(), run_options_with_context()))),
      .examples = {{"freehold run model.gguf", "Chat:"},
                   {"freehold run model.gguf \"Why is the sky blue?\"", "One answer:"},
                   {"cat report.txt | freehold run model.gguf \"Summarise this:\"", "About a file:"},
                   {"freehold run model.gguf --raw --temperature 0 --max-tokens 200 \"Once upon a time\"",
                    "Continue a text, greedily:"},
                   {"freehold run model.gguf --adapter my-lora \"Why is the sky blue?\"", "With a fine-tuned adapter:"},
                   {"freehold run model.gguf --schema person.json \"Who wrote Faust?\"", "JSON of a certain form:"},
                   {"freehold run model.gguf --choice yes --choice no \"Is the sky blue?\"", "One of several answers:"},
                   {"freehold run llama:8b --sealed \"$(cat letter.txt)\"",
                    "What is said stays here, and the kernel sees to it:"},
                   {"freehold run llama:8b --json --seed 7 \"Roll a die.\"", "For programs:"}},
      .run = run_model,
  };
}

}  // namespace freehold::app
