#include "audit/log.h"

#include <utility>
#include <vector>

#include "base/group_commit.h"

namespace freehold::audit {
namespace {

constexpr std::size_t kMostWaiting = 65'536;  // entries; more are refused

}  // namespace

struct Log::State {
  using Commits = GroupCommit<std::string>;

  explicit State(Writer w) : writer(std::move(w)) {}
  Result<> commit(const std::vector<Commits::Waiting>& group) {
    std::vector<std::string_view> entries;
    entries.reserve(group.size());
    for (const Commits::Waiting& waiting : group) entries.push_back(waiting.item);
    return writer.commit(entries);
  }

  Writer writer;                     // the committing thread's
  std::unique_ptr<Commits> commits;  // ends before the writer does
};

Log::Log(std::unique_ptr<State> state) : state_(std::move(state)) {}
Log::Log(Log&&) noexcept = default;
Log& Log::operator=(Log&&) noexcept = default;
Log::~Log() = default;

Result<Log> Log::open(const std::filesystem::path& folder, WriterOptions options) {
  FH_TRY(Writer writer, Writer::open(folder, std::move(options)));
  auto state = std::make_unique<State>(std::move(writer));
  State::Commits::Options how;
  how.what = "the audit log";
  how.most_at_once = kLargestGroup;
  how.most_waiting = kMostWaiting;
  how.commit = [s = state.get()](std::vector<State::Commits::Waiting>& group) { return s->commit(group); };
  how.broken = [s = state.get()] { return s->writer.failed(); };
  how.behind = [s = state.get()] { return !s->writer.published() && !s->writer.failed(); };
  how.publish = [s = state.get()] { (void)s->writer.publish(); };  // a copy, for mirrors: what fails is tried again
  FH_TRY(state->commits, State::Commits::start(std::move(how)));
  return Log(std::move(state));
}

void Log::append(std::string entry, Stored stored) {
  state_->commits->append(std::move(entry), std::move(stored));
}

void Log::flush() {
  state_->commits->flush();
}

std::optional<Error> Log::failure() const {
  return state_->commits->failure();
}

GroupCommitCounts Log::counts() const {
  return state_->commits->counts();
}

Result<> append_one(const std::filesystem::path& folder, std::string_view entry) {
  FH_TRY(Writer writer, Writer::open(folder));
  return writer.commit({&entry, 1});
}

}  // namespace freehold::audit
