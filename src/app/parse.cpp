#include "app/parse.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <map>

#include "base/nearest.h"
#include "base/utf8.h"

namespace freehold::app {

class ArgumentsBuilder {
 public:
  static void set(Arguments& arguments, std::string_view name, bool given, std::vector<std::string> values) {
    arguments.entries_[std::string(name)] = {given, std::move(values)};
  }
};

namespace {

// "--type TYPE (the weights' new type, for example q4_k_m)"
std::string described(const Option& o) {
  std::string help(o.help);
  if (help.ends_with('.')) help.pop_back();
  if (help.size() > 1 && std::islower(static_cast<unsigned char>(help[1])) != 0)
    help[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(help[0])));
  return fmt::format("--{} {} ({})", o.name, o.value, help);
}

std::string number(double x) {
  return std::abs(x) < 1e15 && x == std::floor(x) ? fmt::format("{}", static_cast<long long>(x)) : fmt::format("{}", x);
}

std::string range_text(const Option& o) {
  bool low = std::isfinite(o.least), high = std::isfinite(o.most);
  if (low && high) return fmt::format("from {} to {}", number(o.least), number(o.most));
  if (low) return fmt::format("of at least {}", number(o.least));
  return fmt::format("of at most {}", number(o.most));
}

Result<> check_range(const Option& o, double x, std::string_view value, std::string_view kind) {
  if (x >= o.least && x <= o.most) return {};
  return fail(Errc::invalid, fmt::format("--{} needs {} {}, not {}", o.name, kind, range_text(o), printable(value)));
}

// How many of the first words are the longest command name, and that command.
const Command* spelled(const std::vector<std::string>& words, const std::vector<Command>& commands, std::size_t& used) {
  const Command* found = nullptr;
  std::string name;
  for (std::size_t i = 0; i < words.size() && i < 3; ++i) {
    if (words[i].empty() || words[i][0] == '-') break;
    name += (i ? " " : "") + words[i];
    for (const auto& command : commands) {
      if (command.name == name) {
        found = &command;
        used = i + 1;
      }
    }
  }
  return found;
}

// Names that may follow the first `used` words of `command` (all first words, if there is none).
std::vector<std::string> next_words(const Command* command, const std::vector<Command>& commands) {
  std::vector<std::string> names;
  std::string prefix = command ? std::string(command->name) + " " : "";
  for (const auto& c : commands) {
    if (c.hidden || !c.name.starts_with(prefix) || c.name == prefix) continue;
    std::string_view rest = c.name.substr(prefix.size());
    if (!rest.empty() && rest.find(' ') == std::string_view::npos) names.emplace_back(rest);
  }
  return names;
}

std::vector<std::string> option_names(const Command& command) {
  std::vector<std::string> names = {"--help"};
  for (const auto& o : command.options) names.push_back(fmt::format("--{}", o.name));
  return names;
}

// The words after the command's name, given to CLI11, which knows nothing of types: values arrive as text.
class Syntax {
 public:
  explicit Syntax(const Command& command) : command_(command) {
    app_.set_help_flag();
    app_.allow_extras();  // unknown options are ours to name
    help_ = app_.add_flag("-h,--help");
    for (const auto& o : command.options) {
      std::string names = o.letter ? fmt::format("-{},--{}", o.letter, o.name) : fmt::format("--{}", o.name);
      CLI::Option* added = o.type == OptionType::flag ? app_.add_flag(names) : app_.add_option(names);
      if (o.type != OptionType::flag) {
        added->type_size(1)->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->allow_extra_args(false);
      }
      options_.push_back(added);
    }
    for (const auto& p : command.positionals) {
      CLI::Option* added = app_.add_option(std::string(p.name));
      added->type_size(1)
          ->expected(1, p.repeatable ? 1 << 20 : 1)
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
          ->allow_extra_args(p.repeatable);
      positionals_.push_back(added);
    }
  }

  Result<Parsed> parse(std::vector<std::string> words, const std::vector<Command>& commands, std::string& hint) {
    Parsed parsed;
    parsed.command = &command_;
    // For CLI11 "--name=" has no value yet and takes the next word; whoever writes it means the empty one.
    for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
      if (!words[i].starts_with("--") || words[i].find('=') + 1 != words[i].size()) continue;
      const std::string_view name = std::string_view(words[i]).substr(2, words[i].size() - 3);
      const auto takes_value = [name](const Option& o) { return o.name == name && o.type != OptionType::flag; };
      if (std::none_of(command_.options.begin(), command_.options.end(), takes_value)) continue;
      words[i].pop_back();
      words.insert(words.begin() + static_cast<std::ptrdiff_t>(++i), std::string());
    }
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    try {
      app_.parse(words);
    } catch (const CLI::ArgumentMismatch& e) {
      return fail(Errc::invalid, missing_value(e.what()));
    } catch (const CLI::ParseError& e) {
      return fail(Errc::invalid, printable(e.what()));
    }
    if (help_->count() > 0) {
      parsed.help = true;
      return parsed;
    }
    FH_TRY_VOID(refuse_extras(commands, hint));
    FH_TRY_VOID(take_options(parsed.arguments));
    FH_TRY_VOID(take_positionals(parsed.arguments, commands, hint));
    return parsed;
  }

 private:
  static std::string missing_value(std::string_view what) {
    std::string_view name = what.substr(0, what.find_first_of(": "));
    return fmt::format("{} needs a value", printable(name));
  }

  Result<> refuse_extras(const std::vector<Command>& commands, std::string& hint) {
    std::vector<std::string> extras = app_.remaining();
    std::erase(extras, "--");  // CLI11 counts the mark itself as left over
    if (extras.empty()) return {};
    const std::string& word = extras.front();
    if (word.size() > 1 && word[0] == '-') {
      std::string name = word.substr(0, word.find('='));
      if (auto near = nearest(name, option_names(command_))) {
        hint = fmt::format("did you mean {}?", *near);
      } else {
        hint = fmt::format("freehold {} --help lists the options", command_.name);
      }
      return fail(Errc::invalid, fmt::format("'{}' has no option {}", command_.name, printable(name)));
    }
    suggest_subcommand(commands, hint);
    return fail(Errc::invalid,
                fmt::format("unexpected argument '{}' after 'freehold {}'", printable(word), command_.name));
  }

  void suggest_subcommand(const std::vector<Command>& commands, std::string& hint) const {
    for (const auto* p : positionals_) {
      if (p->count() == 0) continue;
      if (auto near = nearest(p->results().front(), next_words(&command_, commands))) {
        hint = fmt::format("did you mean 'freehold {} {}'?", command_.name, *near);
        return;
      }
      break;
    }
    hint = "a value of several words needs quotes";
  }

  Result<> take_options(Arguments& arguments) {
    for (std::size_t i = 0; i < options_.size(); ++i) {
      const Option& o = command_.options[i];
      CLI::Option& found = *options_[i];
      std::vector<std::string> values;
      bool given = found.count() > 0;
      if (o.type != OptionType::flag && given) {
        values = found.results();
        if (values.size() > 1 && !o.repeatable) {
          return fail(Errc::invalid, fmt::format("--{} is given {} times", o.name, values.size()));
        }
        for (const auto& value : values) FH_TRY_VOID(check_value(o, value));
      }
      if (o.type == OptionType::flag && given && found.results().back() != "true") {
        return fail(Errc::invalid, fmt::format("--{} takes no value", o.name));
      }
      if (o.required && !given) return fail(Errc::invalid, fmt::format("'{}' needs {}", command_.name, described(o)));
      if (!given && !o.fallback.empty()) values.emplace_back(o.fallback);
      ArgumentsBuilder::set(arguments, o.name, given, std::move(values));
    }
    return {};
  }

  Result<> take_positionals(Arguments& arguments, const std::vector<Command>& commands, std::string& hint) {
    for (std::size_t i = 0; i < positionals_.size(); ++i) {
      const Positional& p = command_.positionals[i];
      bool given = positionals_[i]->count() > 0;
      if (p.required && !given) {
        hint = fmt::format("freehold {} --help shows how to use it", command_.name);
        if (!next_words(&command_, commands).empty() && i > 0) suggest_subcommand(commands, hint);
        return fail(Errc::invalid, fmt::format("'{}' needs {}", command_.name, p.name));
      }
      ArgumentsBuilder::set(arguments, p.name, given, given ? positionals_[i]->results() : std::vector<std::string>());
    }
    return {};
  }

  const Command& command_;
  CLI::App app_;
  CLI::Option* help_ = nullptr;
  std::vector<CLI::Option*> options_;
  std::vector<CLI::Option*> positionals_;
};

Result<Parsed> parse_without_command(const std::vector<std::string>& words, const std::vector<Command>& commands,
                                     std::string& hint) {
  Parsed parsed;
  if (words.empty() || words[0] == "--help" || words[0] == "-h") {
    parsed.help = true;
    return parsed;
  }
  if (words[0] == "--version" || words[0] == "-V") {
    parsed.version = true;
    return parsed;
  }
  hint = "freehold --help lists the commands";
  if (words[0].starts_with('-')) {
    if (words[0].starts_with("--")) {
      if (auto near = nearest(words[0], {"--help", "--version"})) hint = fmt::format("did you mean {}?", *near);
    }
    return fail(Errc::invalid, fmt::format("there is no option {} before the command", printable(words[0])));
  }
  if (auto near = nearest(words[0], next_words(nullptr, commands)))
    hint = fmt::format("did you mean 'freehold {}'?", *near);
  return fail(Errc::invalid, fmt::format("there is no command '{}'", printable(words[0])));
}

}  // namespace

std::vector<std::string> choices_of(const Option& option) {
  std::vector<std::string> words;
  std::string_view rest = option.value;
  while (!rest.empty()) {
    std::size_t bar = rest.find('|');
    words.emplace_back(rest.substr(0, bar));
    rest.remove_prefix(bar == std::string_view::npos ? rest.size() : bar + 1);
  }
  return words;
}

Result<> check_value(const Option& o, std::string_view value) {
  const char* end = value.data() + value.size();
  switch (o.type) {
    case OptionType::integer: {
      std::int64_t n = 0;
      auto [stop, error] = std::from_chars(value.data(), end, n);
      if (error == std::errc::result_out_of_range && stop == end && std::isfinite(o.least)) {
        return fail(Errc::invalid,
                    fmt::format("--{} needs a whole number {}, not {}", o.name, range_text(o), printable(value)));
      }
      if (error != std::errc() || stop != end) {
        return fail(Errc::invalid, fmt::format("--{} needs a whole number, not '{}'", o.name, printable(value)));
      }
      return check_range(o, static_cast<double>(n), value, "a whole number");
    }
    case OptionType::real: {
      double x = 0;
      auto [stop, error] = std::from_chars(value.data(), end, x);
      if (error != std::errc() || stop != end || !std::isfinite(x)) {
        return fail(Errc::invalid, fmt::format("--{} needs a number, not '{}'", o.name, printable(value)));
      }
      return check_range(o, x, value, "a number");
    }
    case OptionType::choice: {
      std::vector<std::string> words = choices_of(o);
      for (const auto& word : words) {
        if (word == value) return {};
      }
      auto near = nearest(value, words);
      return fail(Errc::invalid, fmt::format("--{} needs one of {}, not '{}'{}", o.name, fmt::join(words, ", "),
                                             printable(value), near ? fmt::format(" (did you mean {}?)", *near) : ""));
    }
    case OptionType::flag:
    case OptionType::text:
    case OptionType::file:
      break;
  }
  return {};
}

Result<Parsed> parse_command_line(const std::vector<std::string>& words, const std::vector<Command>& commands,
                                  std::string& hint) {
  std::size_t used = 0;
  const Command* command = spelled(words, commands, used);
  if (command == nullptr) return parse_without_command(words, commands, hint);
  std::vector<std::string> rest(words.begin() + static_cast<std::ptrdiff_t>(used), words.end());
  if (command->run == nullptr) {
    Parsed parsed;
    parsed.command = command;
    parsed.help = true;
    if (rest.empty() || rest[0] == "--help" || rest[0] == "-h") return parsed;
    hint = fmt::format("freehold {} --help lists its commands", command->name);
    if (auto near = nearest(rest[0], next_words(command, commands))) {
      hint = fmt::format("did you mean 'freehold {} {}'?", command->name, *near);
    }
    return fail(Errc::invalid, fmt::format("'{}' has no command '{}'", command->name, printable(rest[0])));
  }
  return Syntax(*command).parse(std::move(rest), commands, hint);
}

}  // namespace freehold::app
