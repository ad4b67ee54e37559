// Passwords on command lines: behind an option of one letter, which a program's name before it explains.
#include "pii/recognisers.h"

namespace freehold::pii {
namespace {

struct Option {
  Cue program;
  unsigned char letter;
  bool glued;  // nothing or a blank between: "-psecret"
  bool apart;  // "-p secret"
  bool user;   // "-u name:secret"
};

constexpr Option kOptions[] = {
    {Cue::glued_password, 'p', true, false, false},   // mysql, 7z: "-p" alone asks for it
    {Cue::password_option, 'p', true, true, false},   // sshpass, docker login, mongosh
    {Cue::password_option, 'a', false, true, false},  // redis-cli
    {Cue::password_option, 'w', false, true, false},  // ldapsearch
    {Cue::password_option, 'P', true, true, false},   // sqlcmd, zip
    {Cue::user_option, 'u', true, true, true},        // curl
    {Cue::user_option, 'U', true, true, true},        // smbclient, proxies
};

bool is_shell_quote(unsigned char c) {
  return c == '"' || c == '\'';
}

}  // namespace

Match match_option(const Text& text, std::size_t i, const Context& context) {
  constexpr std::uint32_t kFar = 8;
  constexpr std::size_t kLeast = 4, kMost = 128;
  const unsigned char left = text.before(i, 2);
  if (text.before(i, 1) != '-' || (left != ' ' && left != '\t')) return {};
  for (const Option& option : kOptions) {
    if (text[i] != option.letter || !context.near(option.program, kFar)) continue;
    std::size_t begin = i + 1;
    const bool apart = text[begin] == ' ' || text[begin] == '=';
    if (apart ? !option.apart : !option.glued) continue;
    begin += apart;
    const unsigned char quote = is_shell_quote(text[begin]) ? text[begin] : 0;
    begin += quote != 0;
    std::size_t end = begin, colon = 0;
    while (end < begin + kMost) {
      const unsigned char c = text[end];
      if (!value_goes_on(text, end, Rest::argument, quote)) break;
      if (colon == 0 && (c == ':' || c == '%') && end > begin) colon = end + 1;
      ++end;
    }
    const Rest rest = end == begin + kMost ? Rest::argument : Rest::none;
    if (rest == Rest::none && quote == 0) end = value_end(text, begin, end, Rest::argument);
    if (option.user) {
      if (colon == 0) continue;
      begin = colon;
    }
    const unsigned char first = text[begin];
    // A variable's name, the next option, "<password>".
    if (end < begin + kLeast || first == '$' || first == '-' || first == '<' || first == '%' || first == '*') continue;
    return {Kind::password, begin, end, 85, rest, quote};
  }
  return {};
}

}  // namespace freehold::pii
