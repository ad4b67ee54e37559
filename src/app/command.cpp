#include "app/command.h"

#include <charconv>

#include "base/check.h"

namespace freehold::app {

ExitCode exit_code(Errc code) {
  switch (code) {
    case Errc::invalid:
      return ExitCode::usage;
    case Errc::not_found:
      return ExitCode::not_found;
    case Errc::corrupt:
      return ExitCode::corrupt;
    case Errc::unsupported:
      return ExitCode::unsupported;
    case Errc::exhausted:
      return ExitCode::exhausted;
    case Errc::io:
      return ExitCode::io;
    case Errc::cancelled:
      return ExitCode::cancelled;
    case Errc::internal:
      break;
  }
  return ExitCode::internal;
}

const std::vector<ExitCodeInfo>& exit_codes() {
  static const std::vector<ExitCodeInfo> codes = {
      {ExitCode::ok, "success"},
      {ExitCode::internal, "a mistake inside freehold: please report it; or lines of a batch failed"},
      {ExitCode::usage, "wrong arguments or invalid input"},
      {ExitCode::not_found, "a file, model or tensor does not exist"},
      {ExitCode::corrupt, "damaged or malicious data"},
      {ExitCode::unsupported, "well-formed, but not something this version can do"},
      {ExitCode::exhausted, "not enough memory, disk or context"},
      {ExitCode::io, "the operating system refused to read or write"},
      {ExitCode::found, "guard scan --fail, audit replay or doctor found something"},
      {ExitCode::cancelled, "interrupted"},
  };
  return codes;
}

const Arguments::Entry& Arguments::entry(std::string_view name) const {
  auto it = entries_.find(name);
  FH_CHECK(it != entries_.end(), "a handler asks only for what its command's table lists");
  return it->second;
}

bool Arguments::given(std::string_view name) const {
  return entry(name).given;
}

std::string_view Arguments::text(std::string_view name) const {
  const Entry& e = entry(name);
  return e.values.empty() ? std::string_view() : std::string_view(e.values.back());
}

std::int64_t Arguments::integer(std::string_view name) const {
  std::string_view word = text(name);
  std::int64_t n = 0;
  std::from_chars(word.data(), word.data() + word.size(), n);  // the parser has checked it
  return n;
}

double Arguments::real(std::string_view name) const {
  std::string_view word = text(name);
  double x = 0;
  std::from_chars(word.data(), word.data() + word.size(), x);
  return x;
}

const std::vector<std::string>& Arguments::list(std::string_view name) const {
  return entry(name).values;
}

const Command* find_command(std::string_view name) {
  for (const auto& command : all_commands()) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

}  // namespace freehold::app
