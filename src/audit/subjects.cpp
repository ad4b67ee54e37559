#include "audit/subjects.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>

#include "audit/disk.h"
#include "audit/note.h"
#include "base/base64.h"
#include "base/file.h"
#include "base/file_mode.h"
#include "base/folder_lock.h"
#include "base/hash.h"
#include "base/random_id.h"
#include "base/utf8.h"

namespace freehold::audit {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSubjectHead = "freehold-subject 1 ";
constexpr std::uint64_t kLongestFile = 16'384;  // bytes

// Whoever makes or destroys a key holds it.
Result<FolderLock> locked(const fs::path& folder) {
  FH_TRY(FolderLock lock, FolderLock::open(folder, FolderLock::Mode::exclusive));
  FH_TRY_VOID(take(lock, kLockPatience));
  return lock;
}

// The id and what is sealed, of a subject's file; nothing if it is none.
std::optional<std::pair<std::string_view, std::string_view>> words_of(std::string_view line) {
  if (!line.starts_with(kSubjectHead) || !line.ends_with('\n')) return {};
  line = line.substr(kSubjectHead.size(), line.size() - kSubjectHead.size() - 1);
  const std::size_t blank = line.find(' ');
  if (blank == std::string_view::npos) return {};
  return std::pair(line.substr(0, blank), line.substr(blank + 1));
}

}  // namespace

std::string subject_name(std::string_view name) {
  return name.size() <= Subjects::kLongestName ? std::string(name) : sha256(name).name();
}

fs::path content_folder(const fs::path& home) {
  return home / "content";
}

Subjects::Subjects(fs::path folder, MasterKey master) : folder_(std::move(folder)), master_(std::move(master)) {}

Result<Subjects> Subjects::open(const fs::path& home, MasterKey master, MasterKey::Make make) {
  const fs::path folder = content_folder(home), subjects = folder / "subjects", known = folder / "master-id";
  std::error_code ec;
  if (make == MasterKey::Make::if_missing && !fs::exists(known, ec)) {
    FH_TRY_VOID(make_directories(subjects));
    set_mode(folder, 0700);
    set_mode(subjects, 0700);
    FH_TRY(const FolderLock lock, locked(folder));
    if (!fs::exists(known, ec)) FH_TRY_VOID(write_file_atomically(known, master.id() + "\n", FileAccess::owner));
  }
  if (!fs::exists(known, ec)) {
    return fail(Errc::not_found, fmt::format("nothing is kept in {}: freehold serve --keep-content does that",
                                             printable(folder.string())));
  }
  FH_TRY(const std::string id, read_file(known, 4096));
  if (id != master.id() + "\n") {
    return fail(Errc::invalid, fmt::format("what is kept in {} is under another master key: name its file with "
                                           "--master-key",
                                           printable(folder.string())));
  }
  return Subjects(folder, std::move(master));
}

std::string Subjects::file_name(std::string_view tenant, std::string_view name) const {
  return master_.blind(fmt::format("{} {}{}", tenant.size(), tenant, name));
}

Result<std::optional<Subject>> Subjects::read(const std::string& file) const {
  const fs::path path = folder_ / "subjects" / file;
  auto text = read_file(path, kLongestFile);
  if (!text && text.error().code == Errc::not_found) return std::optional<Subject>();
  if (!text) return tl::unexpected(std::move(text).error());
  const Error bad{Errc::corrupt, fmt::format("{} is no subject's key", printable(path.string()))};
  const auto words = words_of(*text);
  if (!words) return tl::unexpected(bad);
  Subject out;
  out.id = words->first;
  out.file = path;
  const auto sealed = from_base64(words->second);
  if (!sealed) return tl::unexpected(bad);
  auto opened = unseal(master_.wrapping(), *sealed, file + out.id);
  if (!opened) return in_context(std::move(opened).error(), printable(path.string()));
  const std::size_t end = opened->find('\0', Secret::kBytes);
  if (opened->size() < Secret::kBytes || end == std::string::npos) return tl::unexpected(bad);
  std::copy_n(opened->begin(), Secret::kBytes, out.key.data());
  out.tenant = opened->substr(Secret::kBytes, end - Secret::kBytes);
  out.name = opened->substr(end + 1);
  sodium_memzero(opened->data(), opened->size());
  return std::optional(std::move(out));
}

Result<FolderLock> Subjects::use() const {
  const fs::path folder = folder_ / "subjects";
  auto lock = FolderLock::open(folder, FolderLock::Mode::shared);
  if (!lock && lock.error().code == Errc::not_found) {
    FH_TRY(const FolderLock made, FolderLock::open(folder, FolderLock::Mode::exclusive));  // makes the file
    lock = FolderLock::open(folder, FolderLock::Mode::shared);
  }
  FH_TRY(FolderLock opened, std::move(lock));
  FH_TRY_VOID(take(opened, kLockPatience));
  return opened;
}

std::optional<std::string> Subjects::id_in(const fs::path& file) {
  if (file.filename().string().size() != 64) return {};
  const auto text = read_file(file, kLongestFile);
  const auto words = text ? words_of(*text) : std::nullopt;
  return words ? std::optional(std::string(words->first)) : std::nullopt;
}

Result<std::optional<Subject>> Subjects::find(std::string_view tenant, std::string_view name) const {
  return read(file_name(tenant, subject_name(name)));
}

Result<Subject> Subjects::find_or_make(std::string_view tenant, std::string_view name) const {
  const std::string kept = subject_name(name), file = file_name(tenant, kept);
  FH_TRY(auto found, read(file));
  if (found) return std::move(*found);
  FH_TRY(const FolderLock lock, locked(folder_));
  FH_TRY(found, read(file));  // another process was quicker
  if (found) return std::move(*found);
  Subject made{"sub_" + random_id(), std::string(tenant), kept, Secret::random(), folder_ / "subjects" / file};
  std::string plain = fmt::format("{}{}{}{}", made.key.text(), made.tenant, '\0', made.name);
  const std::string sealed = seal(master_.wrapping(), plain, file + made.id);
  sodium_memzero(plain.data(), plain.size());
  FH_TRY_VOID(write_file_atomically(made.file, fmt::format("{}{} {}\n", kSubjectHead, made.id, base64(sealed)),
                                    FileAccess::owner));
  return made;
}

Result<std::vector<Subject>> Subjects::list(std::vector<Error>* unreadable) const {
  std::vector<std::string> names;
  std::error_code ec;
  for (fs::directory_iterator it(folder_ / "subjects", ec), end; !ec && it != end; it.increment(ec)) {
    std::string name = it->path().filename().string();
    if (name.size() == 64) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  std::vector<Subject> out;
  for (const std::string& name : names) {
    auto one = read(name);
    if (!one && unreadable == nullptr) return tl::unexpected(std::move(one).error());
    if (!one) {
      unreadable->push_back(std::move(one).error());
    } else if (*one) {
      out.push_back(std::move(**one));
    }
  }
  return out;
}

Result<> Subjects::destroy(const Subject& subject) const {
  FH_TRY(const FolderLock lock, locked(folder_));
  return overwrite_and_remove(subject.file);
}

}  // namespace freehold::audit
