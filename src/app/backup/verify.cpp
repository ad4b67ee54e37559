#include "app/backup/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "audit/folder.h"
#include "audit/verify.h"
#include "base/file.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLongestManifest = std::uint64_t{256} << 20;

std::string damage_of_file(const fs::path& path, const BackupManifest::File& file, const CopyProgress& progress,
                           Result<>& ended) {
  std::error_code ec;
  if (fs::is_symlink(fs::symlink_status(path, ec))) return "it is a link";
  auto read = hash_of_file(path, [&](std::uint64_t bytes) {
    if (progress && ended) ended = progress(bytes);
    return ended;
  });
  if (!read && !ended) return {};
  if (!read) return read.error().code == Errc::not_found ? "it is missing" : read.error().what;
  if (read->size != file.size) return fmt::format("it has {} bytes, and {} were written", read->size, file.size);
  if (read->digest != file.digest) {
    return fmt::format("its content has another digest: {}, and {} was written", read->digest.name(),
                       file.digest.name());
  }
  return {};
}

std::string damage_of_link(const fs::path& path, const std::string& target) {
  std::error_code ec;
  const fs::path found = fs::read_symlink(path, ec);
  if (ec) return "it is missing, or no link";
  return found.generic_string() == target ? "" : fmt::format("it leads to {}", printable(found.string(), 200));
}

void find_strangers(const fs::path& backup, const std::set<std::string>& known, std::vector<BackupDamage>& out) {
  std::error_code ec;
  for (fs::recursive_directory_iterator it(backup, ec), end; !ec && it != end; it.increment(ec)) {
    if (it->is_directory(ec) && !it->is_symlink(ec)) continue;
    std::string path = it->path().lexically_relative(backup).generic_string();
    if (!known.contains(path)) out.push_back({std::move(path), "it is not in the manifest"});
  }
}

}  // namespace

Result<ReadBackup> read_backup(const fs::path& backup, const std::optional<audit::VerifierKey>& key) {
  std::error_code ec;
  if (!fs::exists(backup / kManifestName, ec) && !fs::exists(backup / kManifestNoteName, ec)) {
    return fail(Errc::not_found, fmt::format("there is no backup at {}", printable(backup.string())));
  }
  FH_TRY(const std::string text, read_file(backup / kManifestName, kLongestManifest));
  FH_TRY(const std::string note, read_file(backup / kManifestNoteName, 65'536));
  ReadBackup out;
  out.digest = sha256(text);
  out.is_signed = note.find("\n\n") != std::string::npos;
  if (!out.is_signed) {
    if (key) return fail(Errc::corrupt, fmt::format("{} has no signature", kManifestNoteName));
    FH_TRY_VOID(check_backup_note(note, text, nullptr));
  }
  FH_TRY(out.manifest, parse_backup_manifest(text));
  const BackupManifest& m = out.manifest;
  std::optional<audit::VerifierKey> own = key;
  if (!own && !m.log_key.empty()) {
    auto parsed = audit::VerifierKey::parse(m.log_key);
    if (!parsed) return in_context(std::move(parsed).error(), kManifestName);
    own = std::move(*parsed);
  }
  if (out.is_signed) {
    if (!own) return fail(Errc::corrupt, fmt::format("{} does not name the key that has signed it", kManifestName));
    FH_TRY_VOID(check_backup_note(note, text, &*own));
  } else if (!m.log_key.empty() && std::find(m.secrets.begin(), m.secrets.end(), "audit/key") != m.secrets.end()) {
    return fail(Errc::corrupt, fmt::format("{} has lost its signature", kManifestNoteName));
  }
  return out;
}

Result<std::vector<BackupDamage>> damages_of(const fs::path& backup, const BackupManifest& m,
                                             const CopyProgress& progress) {
  std::vector<BackupDamage> out;
  std::set<std::string> known = {std::string(kManifestName), std::string(kManifestNoteName)};
  Result<> ended;
  for (const auto& file : m.files) {
    std::string path = fmt::format("{}/{}", kBackupData, file.path);
    std::string what = damage_of_file(backup / path, file, progress, ended);
    if (!ended) return tl::unexpected(std::move(ended).error());
    known.insert(path);
    if (!what.empty()) out.push_back({std::move(path), std::move(what)});
  }
  for (const auto& link : m.links) {
    std::string path = fmt::format("{}/{}", kBackupData, link.path);
    std::string what = damage_of_link(backup / path, link.target);
    known.insert(path);
    if (!what.empty()) out.push_back({std::move(path), std::move(what)});
  }
  find_strangers(backup, known, out);
  if (auto log = check_restored_log(backup / kBackupData, m); !log) {
    out.push_back({fmt::format("{}/audit", kBackupData), log.error().what});
  }
  return out;
}

Result<> check_restored_log(const fs::path& home, const BackupManifest& m) {
  if (m.log_key.empty()) return {};
  audit::VerifyOptions options;
  FH_TRY(options.key, audit::VerifierKey::parse(m.log_key));
  if (!m.log_checkpoint.empty()) options.against.emplace_back(m.log_checkpoint);
  FH_TRY(const auto verified, audit::verify_log(audit::audit_folder(home), options));
  (void)verified;
  return {};
}

}  // namespace freehold::app
