#include "app/help.h"

#include <fmt/format.h>

#include <cmath>

namespace freehold::app {
namespace {

std::string number(double x) {
  return std::abs(x) < 1e15 && x == std::floor(x) ? fmt::format("{}", static_cast<long long>(x)) : fmt::format("{}", x);
}

// Columns of UTF-8 text in which every character takes one.
std::size_t columns(std::string_view text) {
  std::size_t n = 0;
  for (char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return n;
}

// Two columns: headings and wrapped explanations.
std::string table(const std::vector<std::pair<std::string, std::string>>& rows, std::size_t width) {
  std::size_t left = 0;
  for (const auto& [heading, text] : rows) {
    if (columns(heading) <= 3 * width / 10) left = std::max(left, columns(heading));
  }
  std::string out;
  for (const auto& [heading, text] : rows) {
    std::string body = wrap(text, width, left + 4);
    out += "  " + heading;
    if (columns(heading) > left) {
      out += "\n" + body;
    } else {
      out += std::string(left - columns(heading) + 2, ' ') + body.substr(std::min(body.size(), left + 4));
    }
  }
  return out;
}

bool is_child(const Command& child, std::string_view parent) {
  return child.name.size() > parent.size() + 1 && child.name.starts_with(parent) && child.name[parent.size()] == ' ';
}

}  // namespace

std::string wrap(std::string_view text, std::size_t width, std::size_t indent) {
  std::string out;
  std::string line;
  auto end_line = [&] {
    if (!line.empty()) out += std::string(indent, ' ') + line + "\n";
    line.clear();
  };
  while (!text.empty()) {
    if (text[0] == '\n') {
      end_line();
      out += "\n";
      text.remove_prefix(1);
      continue;
    }
    if (text[0] == ' ') {
      text.remove_prefix(1);
      continue;
    }
    std::string_view word = text.substr(0, text.find_first_of(" \n"));
    if (!line.empty() && indent + columns(line) + 1 + columns(word) > width) end_line();
    if (!line.empty()) line += ' ';
    line += word;
    text.remove_prefix(word.size());
    if (text.starts_with("\n\n")) {
      end_line();
      text.remove_prefix(1);
    } else if (text.starts_with("\n")) {
      text.remove_prefix(1);  // a single line break is a space
    }
  }
  end_line();
  return out;
}

std::string option_heading(const Option& o) {
  std::string heading = o.letter ? fmt::format("-{}, --{}", o.letter, o.name) : fmt::format("--{}", o.name);
  if (o.type != OptionType::flag) heading += fmt::format(" {}", o.value);
  return heading;
}

std::string option_text(const Option& o) {
  std::vector<std::string> remarks;
  if (o.required) remarks.emplace_back("required");
  bool low = std::isfinite(o.least), high = std::isfinite(o.most);
  if (low && high && o.most < 1e9) {
    remarks.push_back(fmt::format("{} to {}", number(o.least), number(o.most)));
  } else if (low) {
    remarks.push_back(fmt::format("at least {}", number(o.least)));
  }
  if (o.repeatable) remarks.emplace_back("may be given several times");
  if (!o.fallback.empty()) remarks.push_back(fmt::format("default {}", o.fallback));
  if (remarks.empty()) return std::string(o.help);
  return fmt::format("{} ({})", o.help, fmt::join(remarks, "; "));
}

std::string usage_line(const Command& command) {
  std::string line = fmt::format("freehold {}", command.name);
  if (command.run == nullptr) return line + " COMMAND …";
  for (const auto& o : command.options) {
    if (o.required) line += fmt::format(" --{} {}", o.name, o.value);
  }
  for (const auto& p : command.positionals) {
    std::string name = fmt::format("{}{}", p.name, p.repeatable ? "…" : "");
    line += p.required ? " " + name : fmt::format(" [{}]", name);
  }
  if (!command.options.empty()) line += " [OPTIONS]";
  return line;
}

std::string command_help(const Command& command, const std::vector<Command>& commands, std::size_t width) {
  std::string out = wrap(command.summary, width, 0) + "\nUsage: " + usage_line(command) + "\n";
  if (!command.details.empty()) out += "\n" + wrap(command.details, width, 0);
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& p : command.positionals) rows.emplace_back(p.name, p.help);
  if (!rows.empty()) out += "\nArguments:\n" + table(rows, width);
  rows.clear();
  for (const auto& o : command.options) rows.emplace_back(option_heading(o), option_text(o));
  if (command.run != nullptr) rows.emplace_back("-h, --help", "Show this help.");
  if (!rows.empty()) out += "\nOptions:\n" + table(rows, width);
  rows.clear();
  for (const auto& c : commands) {
    if (!c.hidden && is_child(c, command.name)) rows.emplace_back(c.name, c.summary);
  }
  if (!rows.empty()) out += "\nCommands:\n" + table(rows, width);
  if (!command.examples.empty()) {
    out += "\nExamples:\n";
    for (const auto& e : command.examples) out += wrap(e.what, width, 2) + fmt::format("    {}\n", e.line);
  }
  return out;
}

std::string program_help(const std::vector<Command>& commands, std::size_t width) {
  std::string out = fmt::format("{}\n\nUsage: freehold COMMAND …\n\nCommands:\n", kTagline);
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& c : commands) {
    if (!c.hidden) rows.emplace_back(c.name, c.summary);
  }
  out += table(rows, width);
  out += "\n" + wrap("A MODEL is a .gguf file, a Hugging Face folder, or what the store knows: name:tag or sha256:….",
                     width, 0);
  out +=
      "\nExamples:\n    freehold run model.gguf \"Why is the sky blue?\"\n    freehold run model.gguf\n    freehold "
      "doctor\n";
  rows.clear();
  for (const auto& v : environment_variables()) rows.emplace_back(v.name, v.help);
  out += "\nEnvironment:\n" + table(rows, width);
  rows.clear();
  for (const auto& e : exit_codes()) rows.emplace_back(fmt::format("{}", static_cast<int>(e.code)), e.meaning);
  out += "\nExit codes:\n" + table(rows, width);
  out += "\nfreehold COMMAND --help explains one command.\n";
  return out;
}

const std::vector<EnvironmentVariable>& environment_variables() {
  static const std::vector<EnvironmentVariable> variables = {
      {"FREEHOLD_HOME", "Where models, keys, usage and history are kept (default ~/.freehold)."},
      {"FREEHOLD_ISA",
       "Caps the instruction set: scalar, avx2, avx512 or amx; one that this CPU lacks is an error. The answers stay "
       "the same to the bit."},
  };
  return variables;
}

}  // namespace freehold::app
