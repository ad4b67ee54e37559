#include "audit/content.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "audit/disk.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/random_id.h"
#include "base/utf8.h"

namespace freehold::audit {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargestContentGroup = 256;   // records
constexpr std::size_t kMostContentWaiting = 8'192;  // records; more are refused

// "NAME LENGTH\n" and so many bytes and "\n", for each.
std::string pack(const Parts& parts) {
  std::string out;
  for (const auto& [name, value] : parts) out += fmt::format("{} {}\n{}\n", name, value.size(), value);
  return out;
}

Result<Parts> unpack(std::string_view text) {
  const Error bad{Errc::corrupt, "what is kept does not fit together"};
  Parts out;
  while (!text.empty()) {
    const std::size_t blank = text.find(' '), end = text.find('\n');
    if (blank == std::string_view::npos || end == std::string_view::npos || end < blank) return tl::unexpected(bad);
    std::uint64_t length = 0;
    const auto number = std::from_chars(text.data() + blank + 1, text.data() + end, length);
    if (number.ec != std::errc() || number.ptr != text.data() + end) return tl::unexpected(bad);
    std::string name(text.substr(0, blank));
    text.remove_prefix(end + 1);
    if (length >= text.size() || text[length] != '\n') return tl::unexpected(bad);
    out.emplace_back(std::move(name), text.substr(0, length));
    text.remove_prefix(length + 1);
  }
  return out;
}

// The line that ends at `offset`; a record's is not longer.
std::string line_before(const Fd& fd, std::uint64_t offset) {
  std::string text(std::min<std::uint64_t>(offset, 256), '\0');
  const ssize_t n = ::pread(fd.get(), text.data(), text.size(), static_cast<off_t>(offset - text.size()));
  if (n < 2 || static_cast<std::size_t>(n) != text.size()) return {};
  const std::size_t begin = text.rfind('\n', text.size() - 2);
  return begin == std::string::npos ? text : text.substr(begin + 1);
}

struct Item {
  Content content;
  std::shared_ptr<ContentPlace> place;
};

}  // namespace

struct ContentLog::State {
  using Commits = GroupCommit<Item>;
  State(fs::path f, Subjects s, ContentOptions o) : folder(std::move(f)), subjects(std::move(s)), options(o) {}

  Result<> begin_file() {
    name = fmt::format("{}{}", kRecordsName, random_id());
    path = folder / name;
    FH_TRY(file, open_file(path, Make::if_missing));
    end = 0;
    return sync_folder(folder);
  }

  Result<> commit(std::vector<Commits::Waiting>& group) {
    FH_TRY(const FolderLock in_use, subjects.use());
    if (!file || end >= options.file_bytes) FH_TRY_VOID(begin_file());
    std::string bytes;
    for (Commits::Waiting& waiting : group) {
      const Content& content = waiting.item.content;
      if (content.erased && content.erased()) continue;
      FH_TRY(const Subject subject, subjects.find_or_make(content.tenant, content.subject));
      const std::string sealed = seal_content(subject, content.id, content.parts);
      bytes += fmt::format("{}{} {} {}\n", kKeptMark, content.id, subject.id, sealed.size());
      *waiting.item.place = {subject.id, fmt::format("{}:{}:{}", name, end + bytes.size(), sealed.size()),
                             sha256(std::string_view(sealed)).name()};
      bytes += sealed;
      bytes += '\n';
    }
    FH_TRY_VOID(write_at(file, end, bytes, path));
    FH_TRY_VOID(sync_data(file, path));
    end += bytes.size();
    return {};
  }

  const fs::path folder;
  const Subjects subjects;
  const ContentOptions options;
  std::string name;  // of the file that is written, and what follows: the committing thread's
  fs::path path;
  Fd file;
  std::uint64_t end = 0;
  std::unique_ptr<Commits> commits;  // last: its thread uses all of the above
};

ContentLog::ContentLog(std::unique_ptr<State> state) : state_(std::move(state)) {}
ContentLog::ContentLog(ContentLog&&) noexcept = default;
ContentLog& ContentLog::operator=(ContentLog&&) noexcept = default;
ContentLog::~ContentLog() = default;

Result<ContentLog> ContentLog::open(const fs::path& home, Subjects subjects, ContentOptions options) {
  auto state = std::make_unique<State>(content_folder(home), std::move(subjects), options);
  State::Commits::Options how;
  how.what = "the record of what was said";
  how.most_at_once = kLargestContentGroup;
  how.most_waiting = kMostContentWaiting;
  how.commit = [s = state.get()](std::vector<State::Commits::Waiting>& group) { return s->commit(group); };
  FH_TRY(state->commits, State::Commits::start(std::move(how)));
  return ContentLog(std::move(state));
}

void ContentLog::append(Content content, std::function<void(std::optional<ContentPlace>)> kept) {
  auto place = std::make_shared<ContentPlace>();
  state_->commits->append({std::move(content), place}, [place, kept = std::move(kept)](bool durable) {
    kept(durable ? std::optional(std::move(*place)) : std::nullopt);
  });
}

std::optional<Error> ContentLog::failure() const {
  return state_->commits->failure();
}

Result<std::string> read_content(const fs::path& home, const ContentPlace& place) {
  const std::string_view where = place.place;
  const std::size_t first = where.find(':'), second = where.find(':', first + 1);
  std::uint64_t offset = 0, length = 0;
  const Error bad{Errc::corrupt, "the entry says no place at which content is kept"};
  if (first == std::string_view::npos || second == std::string_view::npos) return tl::unexpected(bad);
  const std::string name(where.substr(0, first));
  const auto number = [](std::string_view text, std::uint64_t& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size();
  };
  if (!name.starts_with(kRecordsName) || name.find('/') != std::string::npos ||
      !number(where.substr(first + 1, second - first - 1), offset) || !number(where.substr(second + 1), length)) {
    return tl::unexpected(bad);
  }
  const fs::path path = content_folder(home) / name;
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) {
    const Errc code = errno == ENOENT ? Errc::not_found : Errc::io;
    return fail(code, fmt::format("what is kept of it should be in {}, which is not there", printable(path.string())));
  }
  FH_TRY(const std::uint64_t size, size_of(fd, path));
  const Error changed{Errc::corrupt, fmt::format("{} does not hold what the entry says", printable(path.string()))};
  if (offset > size || length > size - offset) return tl::unexpected(changed);
  std::string out(static_cast<std::size_t>(length), '\0');
  std::size_t read = 0;
  while (read < out.size()) {
    const ssize_t n = ::pread(fd.get(), out.data() + read, out.size() - read, static_cast<off_t>(offset + read));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return tl::unexpected(changed);
    read += static_cast<std::size_t>(n);
  }
  if (sha256(std::string_view(out)).name() != place.digest) {
    const std::string line = line_before(fd, offset);
    // Only zeros are what retention leaves.
    const bool dropped = line.starts_with(kDroppedMark) && out.find_first_not_of('\0') == std::string::npos;
    if (!dropped && !line.starts_with(kLeavingMark)) return tl::unexpected(changed);
    return fail(Errc::not_found, "what was kept of it is marked as gone by the policy's retention (guard retain)");
  }
  return out;
}

std::string seal_content(const Subject& subject, std::string_view id, const Parts& parts) {
  std::string plain = pack(parts);
  std::string sealed = seal(subject.key, plain, id);
  sodium_memzero(plain.data(), plain.size());
  return sealed;
}

Result<Parts> open_content(const Subject& subject, std::string_view id, std::string_view sealed) {
  FH_TRY(std::string plain, unseal(subject.key, sealed, id));
  auto parts = unpack(plain);
  sodium_memzero(plain.data(), plain.size());
  return parts;
}

}  // namespace freehold::audit
