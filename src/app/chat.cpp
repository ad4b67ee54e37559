#include "app/chat.h"

#include <fmt/format.h>

#include "app/help.h"
#include "app/interrupt.h"
#include "app/line_editor.h"
#include "app/progress.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

constexpr std::string_view kPrompt = ">>> ";
constexpr std::string_view kMore = "... ";
// What is pasted may begin with a slash too (a path, a comment): a command is one line.
bool is_command(std::string_view text) {
  return text.starts_with('/') && !text.starts_with("//") && text.find('\n') == std::string_view::npos;
}

constexpr std::string_view kFence = "\"\"\"";  // begins and ends a message of several lines

class Chat {
 public:
  Chat(Session& session, Conversation conversation, Settings settings, LineEditor& editor, Console& console)
      : session_(session),
        conversation_(std::move(conversation)),
        settings_(std::move(settings)),
        editor_(editor),
        console_(console) {}

  Result<> run() {
    say(fmt::format("{}{}. /help lists the commands, Ctrl-C stops an answer, Ctrl-D leaves.\n",
                    printable(session_.loaded().opened.reference),
                    conversation_.raw() ? ", without a chat template: what you write is continued" : ""));
    while (!done_) {
      LineEditor::Input input = read_message();
      if (input.end == LineEditor::End::closed) break;
      if (terminated()) break;
      if (input.end == LineEditor::End::interrupted) {
        say("\n(Ctrl-D or /exit leaves)\n");
        continue;
      }
      if (input.text.find_first_not_of(" \t\n") == std::string::npos) continue;
      if (is_command(input.text)) {
        command(input.text);
      } else {
        if (input.text.starts_with("//") && input.text.find('\n') == std::string::npos)
          input.text.erase(0, 1);  // a message that begins with a slash
        conversation_.add("user", std::move(input.text));
        answer();
      }
      FH_TRY_VOID(console_.flush());
      if (terminated()) break;
    }
    say("\n");
    FH_TRY_VOID(console_.flush());
    if (terminated()) return fail(Errc::cancelled, "terminated");
    return {};
  }

 private:
  void say(std::string_view text) {
    console_.write(text);
    (void)console_.flush();
  }
  void complain(const Error& error) { say(fmt::format("error: {}\n", printable(error.what, 1000))); }

  LineEditor::Input read_message() {
    LineEditor::Input input = editor_.read(kPrompt);
    if (input.end != LineEditor::End::line) return input;
    if (input.text.starts_with(kFence)) {
      std::string text = input.text.substr(kFence.size());
      while (!text.ends_with(kFence)) {
        LineEditor::Input more = editor_.read(kMore);
        if (more.end != LineEditor::End::line) return more;
        text += (text.empty() ? "" : "\n") + more.text;
      }
      text.resize(text.size() - kFence.size());
      input.text = std::move(text);
    }
    if (!input.text.empty()) editor_.remember(input.text);
    return input;
  }

  // Runs the model on what has been said. What goes wrong takes the question back, so that the conversation stays
  // usable.
  void answer() {
    clear_interrupt();
    auto prompt = conversation_.prompt(session_.context());
    if (!prompt) {
      conversation_.pop();
      return complain(prompt.error());
    }
    auto generated = session_.generate(prompt->tokens, settings_, prompt->text_starts, [&](std::string_view text) {
      console_.write_untrusted(text);
      (void)console_.flush();
    });
    if (!generated) {
      conversation_.pop();
      complain(generated.error());
      if (generated.error().code == Errc::exhausted)
        say("hint: /clear forgets the conversation; --context sets its longest length\n");
      return;
    }
    say(generated->text.ends_with('\n') ? "\n" : "\n\n");
    if (generated->reason == engine::FinishReason::cancelled) say("(stopped)\n");
    if (generated->reason == engine::FinishReason::length)
      say("(the answer reached its longest length; /set max-tokens, or --context)\n");
    conversation_.add("assistant", generated->text);
    last_ = std::move(*generated);
    clear_interrupt();
  }

  void help(std::string_view);
  void set_system(std::string_view text);
  void set(std::string_view text);
  void save(std::string_view path);
  void load(std::string_view path);
  void retry(std::string_view);
  void tokens(std::string_view);
  void forget(std::string_view);
  void leave(std::string_view) { done_ = true; }
  void command(const std::string& line);

  struct Entry {
    std::string_view name;
    std::string_view argument;
    std::string_view help;
    void (Chat::*run)(std::string_view);
  };
  static const std::vector<Entry>& entries();

  Session& session_;
  Conversation conversation_;
  Settings settings_;
  LineEditor& editor_;
  Console& console_;
  std::optional<Generated> last_;
  bool done_ = false;
};

const std::vector<Chat::Entry>& Chat::entries() {
  static const std::vector<Entry> list = {
      {"help", "", "Show this.", &Chat::help},
      {"system", "[TEXT]", "Set the system message (\"\" for none), or show it.", &Chat::set_system},
      {"set", "[NAME VALUE]", "Change a setting (no VALUE: its default), or show all.", &Chat::set},
      {"save", "FILE", "Write the conversation as JSON, over an older one if you like.", &Chat::save},
      {"load", "FILE", "Go on with a conversation that was saved.", &Chat::load},
      {"retry", "", "Answer the last question again.", &Chat::retry},
      {"tokens", "", "Show how much of the context is used.", &Chat::tokens},
      {"clear", "", "Forget the conversation, but not the system message.", &Chat::forget},
      {"exit", "", "Leave.", &Chat::leave},
  };
  return list;
}

void Chat::command(const std::string& line) {
  std::string_view rest = std::string_view(line).substr(1);
  std::size_t space = rest.find_first_of(" \t");
  std::string_view name = rest.substr(0, space);
  std::string_view argument = space == std::string_view::npos ? std::string_view() : rest.substr(space);
  while (argument.starts_with(' ') || argument.starts_with('\t')) argument.remove_prefix(1);
  while (argument.ends_with(' ') || argument.ends_with('\t')) argument.remove_suffix(1);
  if (name == "quit" || name == "bye") name = "exit";
  std::vector<std::string> names;
  for (const auto& entry : entries()) {
    if (entry.name == name) return (this->*entry.run)(argument);
    names.emplace_back(entry.name);
  }
  auto near = nearest(name, names);
  say(fmt::format("there is no command /{}{}; a message that begins with a slash needs two\n", printable(name),
                  near ? fmt::format(" (did you mean /{}?)", *near) : ""));
}

void Chat::help(std::string_view) {
  for (const auto& entry : entries())
    say(fmt::format("  {:<22} {}\n", fmt::format("/{} {}", entry.name, entry.argument), entry.help));
  say("  \"\"\"                    Begins and ends a message of several lines.\n"
      "A paste of several lines is one message; Enter sends it.\n");
}

void Chat::set_system(std::string_view text) {
  if (conversation_.raw()) return say("this conversation has no chat template, so there is no system message\n");
  if (text.empty()) {
    say(conversation_.system().empty() ? "no system message\n" : printable(conversation_.system(), 4000) + "\n");
    return;
  }
  if (text == "\"\"") text = {};
  conversation_.set_system(std::string(text));
  say(text.empty() ? "no system message from now on\n" : "set\n");
}

void Chat::set(std::string_view text) {
  std::size_t space = text.find_first_of(" \t=");
  std::string_view name = text.substr(0, space);
  std::string_view value = space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
  while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
  if (!name.empty()) {
    while (name.starts_with('-')) name.remove_prefix(1);
    Settings changed = settings_;
    auto result = set_option(changed, name, value);
    if (!result) return complain(result.error());
    settings_ = std::move(changed);
  }
  for (const auto& [key, shown] : describe(settings_)) {
    if (name.empty() || key == name) say(fmt::format("  {:<20} {}\n", key, printable(shown)));
  }
}

void Chat::save(std::string_view path) {
  if (path.empty()) return say("/save needs a file name\n");
  // Only what reads as a conversation is replaced: a slip of the finger must not cost a file.
  std::error_code ec;
  if (std::filesystem::exists(std::filesystem::path(path), ec)) {
    auto old = read_file(std::filesystem::path(path));
    if (!old || !Conversation::read_json(*old)) {
      return say(fmt::format("error: {} is there already and is no saved conversation: choose another name\n",
                             printable(path)));
    }
  }
  auto written = write_file_atomically(std::filesystem::path(path), conversation_.to_json());
  if (!written) return complain(written.error());
  say(fmt::format("{} messages written to {}\n", conversation_.messages().size(), printable(path)));
}

void Chat::load(std::string_view path) {
  if (path.empty()) return say("/load needs a file name\n");
  auto text = read_file(std::filesystem::path(path));
  if (!text) return complain(text.error());
  auto loaded = conversation_.from_json(*text);
  if (!loaded) return complain(Error{Errc::invalid, fmt::format("{}: {}", printable(path), loaded.error().what)});
  say(fmt::format("{} messages read\n", conversation_.messages().size()));
}

void Chat::retry(std::string_view) {
  const auto& messages = conversation_.messages();
  if (!messages.empty() && messages.back().first == "assistant") conversation_.pop();
  if (messages.empty()) return say("there is nothing to answer yet\n");
  if (settings_.seed)
    say("note: the seed is fixed, so the answer will be the same (/set seed draws a new one each time)\n");
  answer();
}

void Chat::tokens(std::string_view) {
  auto prompt = conversation_.prompt(session_.context());
  if (!prompt) return complain(prompt.error());
  say(fmt::format("{} of {} tokens of context are used by {} messages\n", grouped(prompt->tokens.size()),
                  grouped(session_.context()), conversation_.messages().size()));
  if (last_) say(fmt::format("last answer: {}, seed {}\n", speed_line(*last_), last_->seed));
}

void Chat::forget(std::string_view) {
  conversation_.clear();
  last_.reset();
  say("forgotten\n");
}

}  // namespace

std::string speed_line(const Generated& answer) {
  const engine::Usage& u = answer.usage;
  auto speed = [](double count, double seconds) {
    return seconds > 0 ? fmt::format(" at {:.1f}/s", count / seconds) : std::string();
  };
  std::uint32_t read = u.prompt_tokens - u.cached_tokens;
  std::string guesses =
      u.drafted_tokens > 0 ? fmt::format(" ({} of {} guessed tokens right)", u.accepted_tokens, u.drafted_tokens) : "";
  return fmt::format("{} tokens read{} ({} cached), {} written{}{}", read, speed(read, u.prefill_seconds),
                     u.cached_tokens, u.completion_tokens,
                     speed(u.completion_tokens > 0 ? u.completion_tokens - 1.0 : 0.0, u.decode_seconds), guesses);
}

Result<> chat(Session& session, Conversation conversation, Settings settings, bool history, Console& console) {
  std::filesystem::path file;
  if (history) {
    FH_TRY(auto home, store::default_home());
    file = home / "history";
  }
  FH_TRY(auto editor, LineEditor::create(std::move(file)));
  return Chat(session, std::move(conversation), std::move(settings), *editor, console).run();
}

}  // namespace freehold::app
