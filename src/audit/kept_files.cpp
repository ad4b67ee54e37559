#include "audit/kept_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <set>

#include "audit/content.h"
#include "audit/disk.h"
#include "audit/vault.h"
#include "base/file.h"

namespace freehold::audit {
namespace {

namespace fs = std::filesystem;

static_assert(kKeptMark.size() == kDroppedMark.size() && kLeavingMark.size() == kDroppedMark.size());
constexpr std::size_t kLongestLine = 256;
constexpr std::size_t kZeros = 65'536;

std::int64_t time_of(const fs::path& path) {
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0 ? about.st_mtim.tv_sec : 0;
}

std::string_view next_word(std::string_view& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

// The record whose line begins there; nothing if there is none, or not all of it.
Result<std::optional<KeptRecord>> record_at(const Fd& fd, std::uint64_t at, std::uint64_t size, const fs::path& path) {
  std::array<char, kLongestLine> buffer{};
  const ssize_t n = ::pread(fd.get(), buffer.data(), buffer.size(), static_cast<off_t>(at));
  if (n < 0) return fail(Errc::io, fmt::format("{}: {}", path.string(), std::strerror(errno)));
  const std::optional<KeptRecord> none;
  if (n == 0) return none;
  std::string_view text(buffer.data(), static_cast<std::size_t>(n));
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return none;
  text = text.substr(0, end);
  KeptRecord out;
  out.dropped = text.starts_with(kDroppedMark);
  out.leaving = text.starts_with(kLeavingMark);
  if (!out.dropped && !out.leaving && !text.starts_with(kKeptMark)) return none;
  text.remove_prefix(kKeptMark.size());
  out.id = next_word(text);
  out.subject = next_word(text);
  const auto number = std::from_chars(text.data(), text.data() + text.size(), out.length);
  if (number.ec != std::errc() || number.ptr != text.data() + text.size()) return none;
  out.line = at;
  out.offset = at + end + 1;
  if (out.offset >= size || out.length >= size - out.offset) return none;  // and a line feed behind it
  return std::optional(std::move(out));
}

std::vector<fs::path> in_order(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) out.push_back(it->path());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

std::string KeptRecord::place() const {
  return fmt::format("{}:{}:{}", file, offset, length);
}

KeptRecords::KeptRecords(fs::path home) : folder_(content_folder(home)) {}

Result<> KeptRecords::look(const std::function<bool()>& go_on) {
  for (const fs::path& path : in_order(folder_)) {
    const std::string name = path.filename().string();
    if (!name.starts_with(kRecordsName)) continue;
    auto opened = open_file(path, Make::never);
    if (!opened && opened.error().code == Errc::not_found) continue;  // removed meanwhile
    FH_TRY(const Fd fd, std::move(opened));
    FH_TRY(const std::uint64_t size, size_of(fd, path));
    std::uint64_t& end = ends_[name];
    while (!go_on || go_on()) {
      FH_TRY(auto record, record_at(fd, end, size, path));
      if (!record) break;
      end = record->offset + record->length + 1;
      record->file = name;
      records_.push_back(std::move(*record));
    }
  }
  return {};
}

std::int64_t KeptRecords::changed(const std::string& file) const {
  return time_of(folder_ / file);
}

Result<> KeptRecords::drop(std::span<const std::size_t> which) {
  std::map<std::string, std::vector<std::size_t>> by_file;
  for (const std::size_t i : which) by_file[records_[i].file].push_back(i);
  const std::string zeros(kZeros, '\0');
  for (const auto& [file, numbers] : by_file) {
    const fs::path path = folder_ / file;
    FH_TRY(const Fd fd, open_file(path, Make::never));
    const auto mark = [&, &of = numbers](std::string_view as) -> Result<> {
      for (const std::size_t i : of) FH_TRY_VOID(write_at(fd, records_[i].line, as, path));
      return sync_data(fd, path);
    };
    FH_TRY_VOID(mark(kLeavingMark));
    for (const std::size_t i : numbers) {
      for (std::uint64_t done = 0; done < records_[i].length; done += kZeros) {
        const auto piece = std::min<std::uint64_t>(kZeros, records_[i].length - done);
        FH_TRY_VOID(write_at(fd, records_[i].offset + done,
                             std::string_view(zeros).substr(0, static_cast<std::size_t>(piece)), path));
      }
    }
    FH_TRY_VOID(sync_data(fd, path));
    FH_TRY_VOID(mark(kDroppedMark));
    for (const std::size_t i : numbers) {
      records_[i].dropped = true;
      records_[i].leaving = false;
    }
  }
  return {};
}

Result<std::size_t> KeptRecords::remove_dropped(bool closed) {
  std::set<std::string> some, live;
  for (const KeptRecord& record : records_) (record.dropped ? some : live).insert(record.file);
  std::size_t removed = 0;
  for (const std::string& file : some) {
    std::error_code ec;
    const std::uint64_t size = fs::file_size(folder_ / file, ec);
    // One that is full may have got records that nobody has looked at.
    const bool whole = closed || (size >= ContentOptions().file_bytes && ends_[file] == size);
    if (ec || live.contains(file) || !whole) continue;
    FH_TRY_VOID(remove_file(folder_ / file));
    ++removed;
  }
  return removed;
}

std::vector<VaultFile> vault_files(const fs::path& home) {
  std::vector<VaultFile> out;
  for (const fs::path& subject : in_order(vault_folder(home))) {
    for (const fs::path& file : in_order(subject)) {
      if (!is_vault_name(file.filename().string())) continue;  // one that is being written
      out.push_back({subject.filename().string(), file, time_of(file)});
    }
  }
  return out;
}

std::vector<SubjectFile> subject_files(const fs::path& home) {
  std::vector<SubjectFile> out;
  for (const fs::path& path : in_order(content_folder(home) / "subjects")) {
    auto id = Subjects::id_in(path);
    if (id) out.push_back({std::move(*id), path, time_of(path)});
  }
  return out;
}

Result<> finish_removals(const fs::path& home) {
  std::vector<fs::path> folders = in_order(vault_folder(home));
  folders.push_back(content_folder(home) / "subjects");
  for (const fs::path& folder : folders) {
    for (const fs::path& file : in_order(folder)) {
      if (file.extension() == kLeavingSuffix) FH_TRY_VOID(overwrite_and_remove(file));
    }
  }
  return {};
}

Result<Unused> Unused::shut_out(const fs::path& home) {
  const fs::path folder = content_folder(home) / "subjects";
  FH_TRY_VOID(make_directories(folder));
  FH_TRY(FolderLock lock, FolderLock::open(folder, FolderLock::Mode::exclusive));
  FH_TRY_VOID(take(lock, kLockPatience));
  return Unused(home, std::move(lock));
}

Result<> Unused::remove(const VaultFile& file) {
  FH_TRY_VOID(overwrite_and_remove(file.path));
  std::error_code ec;
  fs::remove(file.path.parent_path(), ec);  // only if nothing is left in it
  return {};
}

Result<bool> Unused::destroy(const SubjectFile& subject, KeptRecords& records) {
  FH_TRY_VOID(records.look());
  const auto& all = records.all();
  const bool used = std::any_of(all.begin(), all.end(), [&](const KeptRecord& record) {
    return !record.dropped && record.subject == subject.id;
  });
  std::error_code ec;
  if (used || fs::exists(vault_folder(home_) / subject.id, ec)) return false;
  if (Subjects::id_in(subject.path) != subject.id) return false;  // erased meanwhile
  FH_TRY_VOID(overwrite_and_remove(subject.path));
  return true;
}

}  // namespace freehold::audit
