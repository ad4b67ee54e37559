#include <fmt/format.h>

#include "app/commands.h"
#include "app/console.h"
#include "app/version.h"
#include "kernel/level.h"

namespace freehold::app {
namespace {

Result<> run_version(const Arguments& arguments, Console& console) {
  FH_TRY(kernel::Level level, kernel::chosen_level());
  if (arguments.flag("json")) {
    console.write(
        fmt::format("{{\"version\":\"{}\",\"commit\":\"{}\",\"numerics\":{},\"build\":\"{}\",\"compiler\":\"{}\","
                    "\"isa\":\"{}\"}}\n",
                    version(), commit(), kNumericsVersion, build_type(), compiler(), kernel::name_of(level)));
  } else {
    console.write(fmt::format("{}\n{} build, {}, kernels: {}\n", version_line(), build_type(), compiler(),
                              kernel::name_of(level)));
  }
  return {};
}

}  // namespace

Command version_command() {
  return {
      .name = "version",
      .summary = "Say which build this is.",
      .options = {{.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold version", "Version, commit, numerics version and instruction set:"}},
      .run = run_version,
  };
}

}  // namespace freehold::app
