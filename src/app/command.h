// Commands are data: a table a command, from which --help, validation, the man page and shell completions are
// generated. A command's file defines `Command xyz_command()` (the table) and its handler; commands.cpp lists them all.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freehold::app {

class Console;

// What the process returns. Below 126, which belongs to shells, but for the conventional 130.
enum class ExitCode : std::uint8_t {
  ok = 0,
  internal = 1,     // our own mistake
  usage = 2,        // wrong arguments, or invalid input
  not_found = 3,    // the named file, model or tensor does not exist
  corrupt = 4,      // damaged or hostile data
  unsupported = 5,  // well-formed, but not something this version does
  exhausted = 6,    // memory, disk, context or another limit
  io = 7,           // the operating system refused; also when the reader of our output went away
  found = 8,        // what was asked for went well and found what fails: guard scan --fail, audit replay, doctor
  cancelled = 130,  // interrupted
};
ExitCode exit_code(Errc code);
struct ExitCodeInfo {
  ExitCode code;
  std::string_view meaning;
};
const std::vector<ExitCodeInfo>& exit_codes();  // for --help and the man page

enum class OptionType : std::uint8_t {
  flag,     // no value
  integer,  // checked against [least, most]
  real,     // the same
  text,
  file,    // text that shells complete as a path
  choice,  // one of the words of Option::value, which is "a|b|c"
};

struct Option {
  std::string_view name;  // without dashes: "max-tokens"
  OptionType type = OptionType::flag;
  std::string_view value = {};     // what --help calls the value: "N"
  std::string_view fallback = {};  // the default, as one would write it; empty: absent unless given
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  std::string_view help = {};  // one sentence
  char letter = 0;             // -x, if any
  bool repeatable = false;     // may be given several times
  bool required = false;
};

struct Positional {
  std::string_view name;  // "MODEL"
  std::string_view help;
  bool required = true;
  bool repeatable = false;  // only the last one may be
  bool is_file = true;      // shells complete paths
};

struct Example {
  std::string_view line;  // a whole command line
  std::string_view what;
};

// The checked arguments of one call. Asking for a name that the command's table lacks is a mistake of ours (FH_CHECK).
class Arguments {
 public:
  // Whether the user gave it (options and positionals alike).
  bool given(std::string_view name) const;
  bool flag(std::string_view name) const { return given(name); }
  // The last value given, or the default; empty (0) if there is neither: ask given() first.
  std::string_view text(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  double real(std::string_view name) const;
  // All values given, in order, of a repeatable option or positional.
  const std::vector<std::string>& list(std::string_view name) const;

 private:
  friend class ArgumentsBuilder;
  struct Entry {
    bool given = false;
    std::vector<std::string> values;  // the default, if nothing was given
  };
  const Entry& entry(std::string_view name) const;
  std::map<std::string, Entry, std::less<>> entries_;
};

// Does the work, writing results with console.write(). An error becomes one line on stderr and the exit code; a handler
// that knows what would help calls console.hint() before it returns the error.
using Handler = Result<> (*)(const Arguments&, Console&);

struct Command {
  std::string_view name;          // "models import": words separated by one space
  std::string_view summary;       // one sentence
  std::string_view details = {};  // paragraphs separated by empty lines
  std::vector<Positional> positionals = {};
  std::vector<Option> options = {};
  std::vector<Example> examples = {};
  Handler run = nullptr;  // null: a group that only has subcommands
  bool hidden = false;
  bool acts = false;  // what it does becomes an entry of the audit log: it does not begin where none can be written
};

// The whole list, in the order --help shows it.
const std::vector<Command>& all_commands();
const Command* find_command(std::string_view name);

}  // namespace freehold::app
