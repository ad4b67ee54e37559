#include "app/run_program.h"

#include <fmt/format.h>

#include <new>

#include "app/audit/act.h"
#include "app/help.h"
#include "app/parse.h"
#include "app/sealing.h"
#include "app/version.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

Result<> run_words(const std::vector<std::string>& words, Console& console) {
  std::string hint;
  auto parsed = parse_command_line(words, all_commands(), hint);
  if (!parsed) {
    if (!hint.empty()) console.hint(hint);
    return Unexpected(parsed.error());
  }
  if (parsed->version) {
    console.write(version_line() + "\n");
  } else if (parsed->help) {
    console.write(parsed->command ? command_help(*parsed->command, all_commands(), console.help_width())
                                  : program_help(all_commands(), console.help_width()));
    if (words.empty()) return fail(Errc::invalid, "no command given");
  } else {
    if (parsed->command->acts) FH_TRY_VOID(check_acts_are_recorded());
    return parsed->command->run(parsed->arguments, console);
  }
  return {};
}

// What libraries (and the allocator) throw ends here.
Result<> run_guarded(const std::vector<std::string>& words, Console& console) {
  try {
    return run_words(words, console);
  } catch (const std::bad_alloc&) {
    return fail(Errc::exhausted, "not enough memory");
  } catch (const std::length_error&) {
    return fail(Errc::exhausted, "not enough memory");
  } catch (const std::exception& e) {
    return fail(Errc::internal, fmt::format("unexpected: {}", e.what()));
  }
}

}  // namespace

ExitCode run_program(const std::vector<std::string>& words, Console& console) {
  Result<> result = run_guarded(words, console);
  note_denials(console);
  Result<> flushed = console.flush();
  if (result && !flushed) result = std::move(flushed);
  if (result) return static_cast<ExitCode>(console.status());
  if (console.reader_left()) return ExitCode::io;  // `freehold … | head` is no reason for a message
  console.note(fmt::format("freehold: {}", result.error().what));
  if (seal::status().sealed && console.hint().empty() &&
      result.error().what.find("Permission denied") != std::string::npos)
    console.hint("with --sealed only files that the command line names, and the store, can be opened");
  if (!console.hint().empty()) console.note(fmt::format("hint: {}", console.hint()));
  return exit_code(result.error().code);
}

}  // namespace freehold::app
