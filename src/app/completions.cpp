// Completion scripts: plain tables of words that the shell filters, so that pressing Tab never starts the program.
#include <fmt/format.h>

#include "app/help.h"
#include "app/parse.h"

namespace freehold::app {
namespace {

// 'text' as one word of a shell, whatever is in it.
std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::vector<std::string_view> children(std::string_view parent, const std::vector<Command>& commands) {
  std::vector<std::string_view> words;
  std::string prefix = parent.empty() ? "" : std::string(parent) + " ";
  for (const auto& c : commands) {
    if (c.hidden || !c.name.starts_with(prefix)) continue;
    std::string_view rest = c.name.substr(prefix.size());
    if (!rest.empty() && rest.find(' ') == std::string_view::npos) words.push_back(rest);
  }
  return words;
}

std::string option_words(const Command& c) {
  std::string words;
  for (const auto& o : c.options) words += fmt::format("--{} ", o.name);
  return words + "--help";
}

// One line of a `case` for each option with choices: COMMAND:--option) variable='its words'.
std::string choice_cases(const std::vector<Command>& commands, std::string_view variable) {
  std::string out;
  for (const auto& c : commands) {
    for (const auto& o : c.options) {
      if (c.hidden || o.type != OptionType::choice) continue;
      out += fmt::format("    {}) {}={} ;;\n", shell_quoted(fmt::format("{}:--{}", c.name, o.name)), variable,
                         shell_quoted(fmt::format("{}", fmt::join(choices_of(o), " "))));
    }
  }
  return out;
}

std::string bash_script(const std::vector<Command>& commands) {
  std::string names, options;
  for (const auto& c : commands) {
    if (c.hidden) continue;
    names += " " + shell_quoted(c.name);
    auto next = children(c.name, commands);
    options += fmt::format(
        "    {}) words={} ;;\n", shell_quoted(c.name),
        shell_quoted(fmt::format("{}{}{}", fmt::join(next, " "), next.empty() ? "" : " ", option_words(c))));
  }
  return fmt::format(R"(# bash completion for freehold, made by `freehold completions bash`.
_freehold() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} command= words= i name try=
  local names=({})
  for ((i = 1; i < COMP_CWORD && i < 4; ++i)); do
    try=${{try:+$try }}${{COMP_WORDS[i]}}
    for name in "${{names[@]}}"; do
      [ "$name" = "$try" ] && command=$name
    done
  done
  case "$command:$prev" in
{}  esac
  if [ -z "$words" ]; then
    case $command in
    '') words={} ;;
{}    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  if [ -n "$command" ] && [[ $cur != -* ]]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY+=($(compgen -f -- "$cur"))
  fi
}}
complete -F _freehold freehold
)",
                     names, choice_cases(commands, "words"),
                     shell_quoted(fmt::format("{} --help --version", fmt::join(children("", commands), " "))), options);
}

// zsh describes its words: each is 'name:what it does'.
std::string described(std::string_view name, std::string_view what) {
  return " " + shell_quoted(fmt::format("{}:{}", name, what));
}

std::string zsh_script(const std::vector<Command>& commands) {
  std::string names, cases, top;
  for (const auto& c : commands) {
    if (c.hidden) continue;
    names += " " + shell_quoted(c.name);
    std::string next, options;
    for (const auto& child : commands) {
      std::string prefix = fmt::format("{} ", c.name);
      if (!child.hidden && child.name.starts_with(prefix))
        next += described(child.name.substr(prefix.size()), child.summary);
    }
    for (const auto& o : c.options) options += described(fmt::format("--{}", o.name), o.help);
    cases +=
        fmt::format("    {}) next=({}) options=({} '--help:Show help.') ;;\n", shell_quoted(c.name), next, options);
    if (c.name.find(' ') == std::string_view::npos) top += described(c.name, c.summary);
  }
  return fmt::format(R"(#compdef freehold
# zsh completion for freehold, made by `freehold completions zsh`.
_freehold() {{
  local command='' try='' name='' values=''
  local -a names next options
  integer i
  names=({})
  for ((i = 2; i < CURRENT && i < 5; ++i)); do
    try="${{try:+$try }}${{words[i]}}"
    for name in $names; do
      [[ $name == $try ]] && command=$name
    done
  done
  case "$command:${{words[CURRENT-1]}}" in
{}  esac
  if [[ -n $values ]]; then
    compadd -- ${{=values}}
    return
  fi
  case $command in
    '') next=({}) options=('--help:Show help.' '--version:Say which build this is.') ;;
{}  esac
  (( $#next )) && _describe command next
  if [[ $PREFIX == -* ]]; then
    _describe -o option options
  elif [[ -n $command ]]; then
    _files
  fi
}}
_freehold "$@"
)",
                     names, choice_cases(commands, "values"), top, cases);
}

std::string fish_script(const std::vector<Command>& commands) {
  std::string out =
      "# fish completion for freehold, made by `freehold completions fish`.\n"
      "function __freehold_at\n"
      "  set -l typed (commandline -opc)\n"
      "  set -e typed[1]\n"
      "  set -l want (string split ' ' -- $argv[1])\n"
      "  test (count $typed) -ge (count $want); or return 1\n"
      "  for i in (seq (count $want))\n"
      "    test \"$typed[$i]\" = \"$want[$i]\"; or return 1\n"
      "  end\n"
      "end\n";
  for (const auto& c : commands) {
    if (c.hidden) continue;
    std::size_t space = c.name.rfind(' ');
    std::string condition = space == std::string_view::npos
                                ? std::string("__fish_use_subcommand")
                                : fmt::format("__freehold_at \"{}\"", c.name.substr(0, space));
    std::string_view word = space == std::string_view::npos ? c.name : c.name.substr(space + 1);
    out +=
        fmt::format("complete -c freehold -n {} -a {} -d {}\n", shell_quoted(condition), word, shell_quoted(c.summary));
    for (const auto& o : c.options) {
      out += fmt::format("complete -c freehold -n {} -l {}", shell_quoted(fmt::format("__freehold_at \"{}\"", c.name)),
                         o.name);
      if (o.letter) out += fmt::format(" -s {}", o.letter);
      if (o.type != OptionType::flag) out += o.type == OptionType::file ? " -rF" : " -x";
      if (o.type == OptionType::choice)
        out += fmt::format(" -a {}", shell_quoted(fmt::format("{}", fmt::join(choices_of(o), " "))));
      out += fmt::format(" -d {}\n", shell_quoted(o.help));
    }
  }
  return out;
}

}  // namespace

std::string completion_script(Shell shell, const std::vector<Command>& commands) {
  switch (shell) {
    case Shell::bash:
      return bash_script(commands);
    case Shell::zsh:
      return zsh_script(commands);
    case Shell::fish:
      break;
  }
  return fish_script(commands);
}

}  // namespace freehold::app
