// `freehold guard seal-test`: does the seal hold on this machine?
#include "app/guard/seal_test_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "app/audit/act.h"
#include "app/console.h"
#include "app/json_writer.h"
#include "app/sealing.h"
#include "base/utf8.h"
#include "seal/attempts/trial.h"
#include "store/store.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

struct Profile {
  std::string_view name;
  seal::Network network;
};
constexpr Profile kProfiles[] = {{"serve", seal::Network::accept}, {"run", seal::Network::none}};

std::string_view word(seal::Verdict verdict) {
  switch (verdict) {
    case seal::Verdict::denied:
      return "denied";
    case seal::Verdict::allowed:
      return "ALLOWED";
    case seal::Verdict::absent:
      return "absent";
    case seal::Verdict::unclear:
      break;
  }
  return "UNCLEAR";
}

bool holds(seal::Verdict verdict) {
  return verdict == seal::Verdict::denied || verdict == seal::Verdict::absent;
}

// Where what stands outside may be: a folder for temporary files that is not the store's.
Result<fs::path> outside_the_store(const fs::path& home) {
  std::error_code ec;
  const fs::path temporary = fs::weakly_canonical(fs::temp_directory_path(ec), ec);
  if (ec) return fail(Errc::io, "there is no folder for temporary files: set TMPDIR");
  const fs::path store = fs::weakly_canonical(home, ec);
  if (std::mismatch(store.begin(), store.end(), temporary.begin(), temporary.end()).first == store.end()) {
    return fail(Errc::invalid, fmt::format("{} is in the store, which is inside the seal: set TMPDIR to another folder",
                                           printable(temporary.string())));
  }
  return temporary;
}

struct Sums {
  std::size_t denied = 0, absent = 0, leaks = 0;
  void add(const seal::Trial& trial) {
    ++(trial.verdict == seal::Verdict::denied ? denied : trial.verdict == seal::Verdict::absent ? absent : leaks);
  }
};

Result<> run_seal_test(const Arguments& arguments, Console& console) {
  const bool json = arguments.flag("json");
  const std::string_view as = arguments.text("as");
  const seal::Kernel offered = seal::kernel();
  if (!offered.filter) return fail(Errc::unsupported, seal::missing(offered));
  FH_TRY(const fs::path home, store::default_home());
  FH_TRY(const fs::path temporary, outside_the_store(home));
  Sums sums;
  JsonWriter w(true);
  w.begin_object().member("landlock", offered.landlock).member("missing", seal::missing(offered));
  w.key("attempts").begin_array();
  for (const Profile& profile : kProfiles) {
    if (as != "both" && as != profile.name) continue;
    seal::TrialOptions options;
    FH_TRY(options.policy, sealed_policy(profile.network));
    options.temporary = temporary;
    options.report = [&](const seal::Trial& trial) {
      sums.add(trial);
      if (json) {
        w.begin_object().member("as", profile.name).member("group", trial.group).member("attempt", trial.name);
        w.member("verdict", word(trial.verdict)).member("how", trial.how).end_object();
      } else if (!arguments.flag("quiet") || !holds(trial.verdict)) {
        console.write(fmt::format("{:<7}  {:<5}  {:<9}  {}: {}\n", word(trial.verdict), profile.name, trial.group,
                                  trial.name, printable(trial.how)));
        (void)console.flush();
      }
    };
    FH_TRY_VOID(seal::run_trials(options).map([](auto&&) {}));
  }
  w.end_array().member("denied", sums.denied).member("absent", sums.absent).member("leaks", sums.leaks).end_object();
  console.write(json ? w.take() + "\n"
                     : fmt::format("{} attempts denied, {} not possible on this machine, {} not denied\n", sums.denied,
                                   sums.absent, sums.leaks));
  FH_TRY_VOID(record_act("guard.seal-test", as,
                         audit::Object()
                             .add("denied", std::uint64_t{sums.denied})
                             .add("absent", std::uint64_t{sums.absent})
                             .add("leaks", std::uint64_t{sums.leaks})
                             .add("landlock", static_cast<std::uint64_t>(offered.landlock))));
  if (sums.leaks == 0) return {};
  if (const std::string missing = seal::missing(offered); !missing.empty())
    return fail(Errc::unsupported, fmt::format("{} attempts were not denied: {}", sums.leaks, missing));
  return fail(Errc::internal, fmt::format("{} attempts were not denied: the seal does not hold", sums.leaks));
}

}  // namespace

Command guard_seal_test_command() {
  return {
      .name = "guard seal-test",
      .summary = "Try to get data out of a sealed process, in every way that is known.",
      .details =
          "Each attempt runs in a process of its own, which is sealed as `serve --sealed` and `run --sealed` are: "
          "sockets of every family, names, other programs and processes, parts of the kernel that lead around other "
          "rules, files outside, what a parent left open, and the seal itself. Nothing is sent anywhere: what would be "
          "is refused before it has a socket. A line says what came of each: denied, and by what; absent, where this "
          "machine has no such thing; or ALLOWED. Afterwards it is looked whether anything that stood ready outside "
          "was reached. That the test was made, and its sums, is an entry of the log.\n\n"
          "The exit code is 0 if every attempt was denied, 5 if this kernel lacks what would deny it, 1 otherwise.",
      .options = {{.name = "as",
                   .type = OptionType::choice,
                   .value = "both|serve|run",
                   .fallback = "both",
                   .help = "Sealed as a server, which may accept connections, or as a command without any."},
                  {.name = "quiet", .help = "Show only what was not denied, and the sums.", .letter = 'q'},
                  {.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold guard seal-test", "Does the seal hold here?"},
                   {"freehold guard seal-test --quiet && freehold serve --sealed", "Serve only if it does:"}},
      .run = run_seal_test,
  };
}

}  // namespace freehold::app
