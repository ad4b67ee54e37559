// docs/man/freehold.1 in the man(7) macros.
#include <fmt/format.h>

#include "app/help.h"
#include "app/version.h"

namespace freehold::app {
namespace {

// Text for roff: backslashes, hyphens and a leading dot or quote have meanings there; non-ASCII becomes \[uXXXX].
std::string roff(std::string_view text) {
  std::string out;
  bool line_start = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    line_start = c == '\n';
    if (text.substr(i).starts_with("…")) {
      out += "...";
      i += std::string_view("…").size() - 1;
    } else if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '"') {
      out += "\\(dq";
    } else if (c == '\'') {
      out += "\\(aq";
    } else {
      out += c;
    }
  }
  return out;
}

std::string paragraphs(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::size_t end = text.find("\n\n");
    out += roff(text.substr(0, end)) + "\n";
    if (end == std::string_view::npos) break;
    out += ".PP\n";
    text.remove_prefix(end + 2);
  }
  return out;
}

std::string tagged(std::string_view heading, std::string_view text) {
  return fmt::format(".TP\n.B {}\n{}\n", roff(heading), roff(text));
}

std::string one_command(const Command& c) {
  std::string out = fmt::format(".SS {}\n{}.PP\n.B {}\n", roff(c.name), paragraphs(c.summary), roff(usage_line(c)));
  if (!c.details.empty()) out += ".PP\n" + paragraphs(c.details);
  for (const auto& p : c.positionals) out += tagged(p.name, p.help);
  for (const auto& o : c.options) out += tagged(option_heading(o), option_text(o));
  for (const auto& e : c.examples) {
    out += fmt::format(".PP\n{}\n.PP\n.RS\n.nf\n{}\n.fi\n.RE\n", roff(e.what), roff(e.line));
  }
  return out;
}

}  // namespace

std::string man_page(const std::vector<Command>& commands) {
  std::string out = fmt::format(
      ".\\\" Written by `freehold man`; do not edit.\n.TH FREEHOLD 1 \"\" \"freehold {}\" \"User Commands\"\n",
      version());
  out += ".SH NAME\nfreehold \\- run open\\-weight language models on your own machine\n";
  out += ".SH SYNOPSIS\n.B freehold\n.I COMMAND\n[\\fIARGUMENTS\\fR] [\\fIOPTIONS\\fR]\n.SH DESCRIPTION\n";
  out += roff(kTagline) + "\n";
  out += roff("A MODEL is a .gguf file, a Hugging Face folder, or what the store knows: name:tag or sha256:….") + "\n";
  out += ".SH COMMANDS\n";
  for (const auto& c : commands) {
    if (!c.hidden) out += one_command(c);
  }
  out += ".SH ENVIRONMENT\n";
  for (const auto& v : environment_variables()) out += tagged(v.name, v.help);
  out += ".SH EXIT STATUS\n";
  for (const auto& e : exit_codes()) out += tagged(fmt::format("{}", static_cast<int>(e.code)), e.meaning);
  return out;
}

}  // namespace freehold::app
