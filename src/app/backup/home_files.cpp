#include "app/backup/home_files.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "audit/disk.h"
#include "base/file.h"
#include "base/utf8.h"
#include "sql/copy.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

struct HomeRule {
  std::string_view begins;  // the path: a folder with its '/', or all of a name
  HomePart part;
};

// The first that fits holds.
constexpr std::array kHomeRules = {
    HomeRule{"tmp/", HomePart::left_out},            // of sealed processes
    HomeRule{"pulls/", HomePart::left_out},          // what is being fetched
    HomeRule{"uploads/", HomePart::left_out},        // what clients sent for models; a day old at most
    HomeRule{"bench/", HomePart::left_out},          // published data of evaluations: eval fetch
    HomeRule{"quantization-", HomePart::left_out},   // work of eval quantization
    HomeRule{"budget-owners/", HomePart::left_out},  // of processes that live
    HomeRule{"servers/", HomePart::left_out},        // that run
    HomeRule{"erasures/", HomePart::left_out},       // what they are asked to let go of
    HomeRule{"history", HomePart::left_out},         // lines that somebody typed into a chat
    HomeRule{"audit/key.pub", HomePart::log},
    HomeRule{"audit/key", HomePart::secret},
    HomeRule{"audit/", HomePart::log},
    HomeRule{"content/subjects/", HomePart::subject},
    HomeRule{"content/records-", HomePart::records},
    HomeRule{"content/vault/", HomePart::records},
    HomeRule{"keys/", HomePart::secret},
    HomeRule{"tls/", HomePart::secret},
    HomeRule{"blobs/", HomePart::model},
    HomeRule{"trees/", HomePart::model},
};

// How keys of this program begin.
constexpr std::array<std::string_view, 2> kSecretHeads = {"freehold-master-key ", "PRIVATE+KEY+"};
constexpr std::uint64_t kLongestPem = std::uint64_t{1} << 20;

bool rule_fits(const HomeRule& rule, std::string_view path) {
  const bool open_end = rule.begins.ends_with('/') || rule.begins.ends_with('-');
  return open_end ? path.starts_with(rule.begins) : path == rule.begins;
}

bool begins_as_secret(const fs::path& path) {
  auto file = InputFile::open(path);
  if (!file) return false;
  std::array<std::byte, 64> head{};
  const auto n = file->read(head);
  if (!n) return false;
  const std::string_view text = as_text(Bytes(head).first(*n));
  // In a PEM the key may come after certificates. What is too long to tell is not risked.
  if (text.starts_with("-----BEGIN ") || text.starts_with("Bag Attributes")) {
    const auto whole = read_file(path, kLongestPem);
    return !whole || whole->find("PRIVATE KEY-----") != std::string::npos;
  }
  return std::any_of(kSecretHeads.begin(), kSecretHeads.end(),
                     [&](std::string_view begin) { return text.starts_with(begin); });
}

HomePart part_of(std::string_view name, const fs::path& path) {
  const HomePart part = part_by_name(name);
  if (part != HomePart::file) return part;
  if (sql::is_database(path)) return HomePart::database;
  return begins_as_secret(path) ? HomePart::secret : HomePart::file;
}

}  // namespace

HomePart part_by_name(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  // What is being let go of (audit/disk.h: kLeavingSuffix) is half overwritten, or will be.
  if (name == "lock" || name.ends_with(audit::kLeavingSuffix) || name.starts_with(".tmp-") ||
      name.ends_with(".db-wal") || name.ends_with(".db-shm") || name.ends_with(".db-journal")) {
    return HomePart::left_out;
  }
  for (const HomeRule& rule : kHomeRules) {
    if (rule_fits(rule, path)) return rule.part;
  }
  return path == "key" || name.ends_with(".key") ? HomePart::secret : HomePart::file;
}

Result<std::map<std::string, HomeFile>> files_of_home(const fs::path& home) {
  std::map<std::string, HomeFile> out;
  std::error_code ec;
  if (!fs::is_directory(home, ec)) {
    return fail(Errc::not_found, fmt::format("there is no home at {}", printable(home.string())));
  }
  // Folders that are moved to another disk have a link in the home itself; deeper ones lead to blobs (store/tree.h).
  const auto visit = [&](const auto& self, const fs::path& folder, const std::string& name) -> Result<> {
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      const std::string path = name + it->path().filename().string();
      if (part_by_name(path + "/") == HomePart::left_out) continue;
      struct stat about {};
      const bool link = ::lstat(it->path().c_str(), &about) == 0 && S_ISLNK(about.st_mode);
      if (::stat(it->path().c_str(), &about) != 0) continue;  // gone meanwhile, or a link to nothing
      if (S_ISDIR(about.st_mode) && (!link || name.empty())) {
        FH_TRY_VOID(self(self, it->path(), path + "/"));
        continue;
      }
      if (!S_ISREG(about.st_mode) || part_by_name(path) == HomePart::left_out) continue;
      out.emplace(path, HomeFile{it->path(), part_of(path, it->path()), static_cast<std::uint64_t>(about.st_size),
                                 std::int64_t{about.st_mtim.tv_sec} * 1'000'000'000 + about.st_mtim.tv_nsec,
                                 static_cast<std::uint64_t>(about.st_ino)});
    }
    // A folder that goes meanwhile is as if it had never been there.
    if (error && error.value() != ENOENT) {
      return fail(Errc::io, fmt::format("read {}: {}", printable(folder.string()), error.message()));
    }
    return {};
  };
  FH_TRY_VOID(visit(visit, home, ""));
  return out;
}

std::vector<std::string> left_out_of_home(const fs::path& home) {
  std::vector<std::string> out;
  std::error_code ec;
  for (fs::directory_iterator it(home, ec), end; !ec && it != end; it.increment(ec)) {
    const std::string name = it->path().filename().string();
    const bool folder = it->is_directory(ec);
    if (name == "lock" || name == "tmp" || name.find(".db-") != std::string::npos || name.starts_with(".tmp-"))
      continue;
    if (part_by_name(folder ? name + "/" : name) == HomePart::left_out) out.push_back(name);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace freehold::app
