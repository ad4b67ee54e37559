#include "audit/vault.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "audit/content.h"
#include "base/file.h"
#include "base/file_mode.h"
#include "base/random_id.h"
#include "base/utf8.h"

namespace freehold::audit {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestVaultFile = std::uint64_t{64} << 20;
constexpr std::size_t kMostKnownSubjects = 1'000;

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> out;
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    std::string name = it->path().filename().string();
    if (is_vault_name(name)) out.push_back(std::move(name));
  }
  std::sort(out.begin(), out.end());
  return out;
}

bool is_token_name(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

fs::file_time_type changed_at(const fs::path& folder) {
  std::error_code ec;
  return fs::last_write_time(folder, ec);  // the smallest there is, if it is not there
}

}  // namespace

fs::path vault_folder(const fs::path& home) {
  return content_folder(home) / "vault";
}

bool is_vault_name(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Vault::Vault(fs::path home, Subjects subjects) : home_(std::move(home)), subjects_(std::move(subjects)) {}

std::string Vault::token(std::string_view tenant, std::string_view kind, std::string_view value) const {
  const std::string digits =
      subjects_.blind(fmt::format("freehold pseudonym {} {}{} {}{}", tenant.size(), tenant, kind.size(), kind, value));
  std::string out;
  for (const char c : kind) out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  out += '_';
  for (const char c : std::string_view(digits).substr(0, kTokenLetters)) {
    out += static_cast<char>('a' + (c <= '9' ? c - '0' : c - 'a' + 10));
  }
  return out;
}

// Tells values apart without holding them.
std::string Vault::mark_of(const std::string& token, const std::string& value) const {
  return subjects_.blind(fmt::format("freehold vault {} {}", token, value));
}

Result<> Vault::keep(std::string_view tenant, std::string_view subject, const Pseudonyms& values) {
  if (values.empty()) return {};
  const std::lock_guard lock(mutex_);
  FH_TRY(const FolderLock in_use, subjects_.use());
  // Read each time: somebody who was erased and comes back is another one.
  FH_TRY(const Subject whose, subjects_.find_or_make(tenant, subject));
  const fs::path folder = vault_folder(home_) / whose.id;
  if (known_.size() > kMostKnownSubjects) known_.clear();
  auto known = known_.find(whose.id);
  // What another process has removed because its time was over has to be kept again.
  if (known == known_.end() || known->second.changed != changed_at(folder)) {
    Known read{changed_at(folder), {}};
    FH_TRY(const auto before, entries_of(whose));
    for (const VaultEntry& entry : before) read.marks.emplace(entry.token, mark_of(entry.token, entry.value));
    known = known_.insert_or_assign(whose.id, std::move(read)).first;
  }
  Parts fresh;
  for (const auto& [token, value] : values) {
    const auto found = known->second.marks.find(token);
    if (found == known->second.marks.end()) {
      fresh.emplace_back(token, value);
    } else if (found->second != mark_of(token, value)) {
      return fail(Errc::corrupt, fmt::format("the pseudonym {} stands for another value already", token));
    }
  }
  if (fresh.empty()) return {};
  const std::string name = random_id();
  FH_TRY_VOID(make_directories(folder));
  set_mode(vault_folder(home_), 0700);
  set_mode(folder, 0700);
  FH_TRY_VOID(write_file_atomically(folder / name, seal_content(whose, name, fresh), FileAccess::owner));
  for (const auto& [token, value] : fresh) known->second.marks.emplace(token, mark_of(token, value));
  known->second.changed = changed_at(folder);
  return {};
}

Result<std::vector<VaultEntry>> Vault::entries_of(const Subject& subject) const {
  std::vector<VaultEntry> out;
  std::set<std::string> seen;
  const fs::path folder = vault_folder(home_) / subject.id;
  for (const std::string& name : names_in(folder)) {
    FH_TRY(const std::string sealed, read_file(folder / name, kLargestVaultFile));
    auto parts = open_content(subject, name, sealed);
    if (!parts) return in_context(std::move(parts).error(), printable((folder / name).string()));
    for (auto& [token, value] : *parts) {
      if (!seen.insert(token + " " + value).second) continue;
      out.push_back({token, std::move(value), subject.tenant, subject.name, subject.id});
    }
  }
  return out;
}

Result<std::vector<VaultEntry>> Vault::find(std::string_view token, std::string_view tenant) const {
  FH_TRY(const auto all, subjects_.list());
  std::vector<VaultEntry> out;
  for (const Subject& subject : all) {
    if (!tenant.empty() && subject.tenant != tenant) continue;
    FH_TRY(auto entries, entries_of(subject));
    for (VaultEntry& entry : entries) {
      if (entry.token == token) out.push_back(std::move(entry));
    }
  }
  return out;
}

Result<std::size_t> Vault::remove(const fs::path& home, const std::string& subject_id) {
  const fs::path folder = vault_folder(home) / subject_id;
  std::size_t removed = 0;
  for (const std::string& name : names_in(folder)) {
    FH_TRY_VOID(remove_file(folder / name));
    ++removed;
  }
  std::error_code ec;
  fs::remove(folder, ec);
  return removed;
}

std::string_view token_at(std::string_view text) {
  if (text.empty() || text.front() != '[') return {};
  std::size_t end = 1;
  while (end < text.size() && is_token_name(text[end])) ++end;
  const std::size_t letters = end;
  while (end < text.size() && text[end] >= 'a' && text[end] <= 'p') ++end;
  const bool good = letters > 2 && text[letters - 1] == '_' && end - letters == Vault::kTokenLetters &&
                    end < text.size() && text[end] == ']' && end + 1 <= Vault::kLongestToken;
  return good ? text.substr(1, end - 1) : std::string_view();
}

}  // namespace freehold::audit
