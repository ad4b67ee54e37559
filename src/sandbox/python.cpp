#include "sandbox/python.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "base/utf8.h"
#include "sandbox/child.h"

namespace freehold::sandbox {
namespace {

namespace fs = std::filesystem;

// Its own words about itself, each behind a letter and before a zero.
constexpr const char* kQuestion = R"(
import posix, sys
def say(kind, text):
    sys.stdout.buffer.write((kind + text).encode("utf-8", "surrogateescape") + b"\0")
say("v", "%s %d.%d.%d" % ((sys.implementation.name,) + tuple(sys.version_info[:3])))
say("p", posix.readlink("/proc/self/exe"))
for folder in sys.path:
    if folder: say("f", folder)
with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
    for file in sorted({line.rstrip("\n").split(None, 5)[5] for line in maps if line.count("/") > 0}):
        if file.startswith("/"): say("m", file)
)";

Result<std::string> on_path() {
  const char* path = std::getenv("PATH");
  for (std::string_view rest = path == nullptr ? "/usr/bin:/bin" : path; !rest.empty();) {
    const std::size_t end = rest.find(':');
    const std::string_view folder = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (!folder.starts_with('/')) continue;  // what is found must not hang on where one stands
    const fs::path file = fs::path(folder) / "python3";
    std::error_code ec;
    if (fs::is_regular_file(file, ec) && ::access(file.c_str(), X_OK) == 0) return file.string();
  }
  return fail(Errc::not_found, "there is no python3 in PATH; programs that models write are run with it");
}

}  // namespace

Result<Python> find_python() {
  FH_TRY(const std::string file, on_path());
  Program asked{.path = file.c_str(), .words = {file.c_str(), "-I", "-S", "-c", kQuestion, nullptr}};
  for (char** variable = environ; *variable != nullptr; ++variable) asked.environment.push_back(*variable);
  asked.environment.push_back(nullptr);
  const auto dead = [&](std::string_view why) {
    return fail(Errc::unsupported, fmt::format("{}: {}", printable(file), why));
  };
  auto answer = run(asked, {});
  if (!answer) return dead(answer.error().what);
  if (answer->by != Ended::By::itself || answer->exit_code != 0)
    return dead("it does not start, or ends with an error when it is asked for its version and folders");
  Python python;
  for (std::string_view rest = answer->output; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    const std::string_view words = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (words.size() < 2) continue;
    const std::string text(words.substr(1));
    if (words[0] == 'v') python.version = text;
    if (words[0] == 'p') python.program = text;
    if (words[0] == 'f' || words[0] == 'm') python.reads.emplace_back(text);
    // The loader of programs (ld-linux-x86-64.so.2, ld-musl-x86_64.so.1) is executed, too.
    if (words[0] == 'm' && fs::path(text).filename().string().starts_with("ld")) python.runs.emplace_back(text);
  }
  if (python.version.empty() || !python.program.starts_with('/')) return dead("it does not say what it is");
  python.runs.emplace_back(python.program);
  return python;
}

}  // namespace freehold::sandbox
