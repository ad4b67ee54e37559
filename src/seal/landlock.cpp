#include "seal/landlock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/fd.h"
#include "base/utf8.h"

namespace freehold::seal {
namespace {

namespace fs = std::filesystem;

// Linux 6.2, 6.7, 6.10 and 6.12 (include/uapi/linux/landlock.h).
constexpr std::uint64_t kTruncate = 1ULL << 14;
constexpr std::uint64_t kIoctlDevice = 1ULL << 15;
constexpr std::uint64_t kBindTcp = 1ULL << 0, kConnectTcp = 1ULL << 1;
constexpr std::uint64_t kAbstractSockets = 1ULL << 0, kSignals = 1ULL << 1;

struct RulesetAttributes {
  std::uint64_t files = 0;
  std::uint64_t ports = 0;   // from version 4
  std::uint64_t scopes = 0;  // from version 6
};

constexpr std::uint64_t kReadFile = LANDLOCK_ACCESS_FS_READ_FILE;
constexpr std::uint64_t kReadFolder = LANDLOCK_ACCESS_FS_READ_DIR;
// Rights that a rule for a single file may have.
constexpr std::uint64_t kOfFiles = kReadFile | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE | kTruncate;
constexpr std::uint64_t kDeposit = LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate | LANDLOCK_ACCESS_FS_MAKE_REG |
                                   LANDLOCK_ACCESS_FS_REMOVE_FILE | kReadFolder;
constexpr std::uint64_t kWrite = kDeposit | kReadFile | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                 LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER;

std::uint64_t handled_files(int version) {
  std::uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;  // every right of version 1
  rights |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3) rights |= kTruncate;
  if (version >= 5) rights |= kIoctlDevice;
  return rights;
}

// Files of /proc come into being when they are looked up: the rule binds the one that is held here, so it stays open.
bool must_stay_open(const fs::path& path) {
  return path.string().starts_with("/proc/");
}

Result<> allow(int ruleset, const fs::path& path, std::uint64_t rights) {
  Fd file(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (file.get() < 0) {
    if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) return {};  // nothing that could be allowed
    return fail(Errc::io, fmt::format("open {}: {}", printable(path.string()), std::strerror(errno)));
  }
  struct stat about {};
  if (::fstat(file.get(), &about) == 0 && !S_ISDIR(about.st_mode)) rights &= kOfFiles;
  const landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = file.get()};
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
    if (errno == EBADFD) return {};  // /dev/stdin that is a pipe: it is no file, and no rule is needed for it
    return fail(Errc::io, fmt::format("allow {}: {}", printable(path.string()), std::strerror(errno)));
  }
  if (must_stay_open(path)) file.release();
  return {};
}

}  // namespace

int landlock_version() {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version > 0 ? static_cast<int>(version) : 0;
}

Result<Fd> make_ruleset(const Policy& policy, int version) {
  RulesetAttributes attributes;
  attributes.files = handled_files(version);
  std::size_t size = sizeof(attributes.files);
  if (version >= 4) {
    attributes.ports = kBindTcp | kConnectTcp;  // no rule allows any
    size += sizeof(attributes.ports);
  }
  if (version >= 6) {
    attributes.scopes = kAbstractSockets | kSignals;
    size += sizeof(attributes.scopes);
  }
  Fd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (ruleset.get() < 0) return fail(Errc::io, fmt::format("Landlock: {}", std::strerror(errno)));
  const auto allow_all = [&](const std::vector<fs::path>& paths, std::uint64_t rights) -> Result<> {
    for (const fs::path& path : paths) FH_TRY_VOID(allow(ruleset.get(), path, rights & attributes.files));
    return {};
  };
  FH_TRY_VOID(allow_all(policy.read, kReadFile | kReadFolder));
  FH_TRY_VOID(allow_all(policy.write, kWrite));
  FH_TRY_VOID(allow_all(policy.deposit, kDeposit));
  FH_TRY_VOID(allow_all(policy.run, kReadFile | LANDLOCK_ACCESS_FS_EXECUTE));
  FH_TRY_VOID(allow_all({"/dev/null"}, kReadFile | LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate));
  return ruleset;
}

Result<> restrict_with_landlock(const Policy& policy, int version) {
  FH_TRY(const Fd ruleset, make_ruleset(policy, version));
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
    return fail(Errc::io, fmt::format("Landlock: {}", std::strerror(errno)));
  return {};
}

}  // namespace freehold::seal
