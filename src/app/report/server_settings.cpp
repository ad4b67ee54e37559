// How servers were started, as their entries in the log say.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

#include "app/report/audit_report.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

struct Row {
  std::string_view key, member, says;
};
constexpr Row kSettings[] = {
    {"address", "details.address", "address that the server listened on"},
    {"tls", "details.tls", "TLS"},
    {"asks-for-keys", "details.keys", "asks for keys"},
    {"sealed", "details.sealed", "sealed by the kernel at its last start"},
    {"keeps-content", "details.keeps_content", "keeps what is asked and answered, encrypted, since its last start"},
    {"policy", "details.policy", "digest of its policy"},
    {"mirror", "details.mirror", "checkpoints are mirrored to a folder"},
    {"version", "details.version", "version"}};

struct Start {
  std::uint64_t number = 0;
  audit::EntryMembers members;
  std::string value(const Row& row) const {
    const auto found = members.find(std::string(row.member));
    return found == members.end() ? std::string() : found->second;
  }
};

// Those from entry `first` on, and the last one before it, which may still have run.
Result<std::vector<Start>> starts_between(const audit::Reader& reader, std::uint64_t first, std::uint64_t until) {
  std::vector<Start> out;
  Result<> bad;
  FH_TRY_VOID(reader.each(0, [&](std::uint64_t number, std::string_view text) {
    if (number >= until) return false;
    if (text.find("\"serve.start\"") == std::string_view::npos) return true;
    auto entry = audit::members_of(text);
    if (!entry) {
      bad = in_context(std::move(entry).error(), fmt::format("entry {}", number));
      return false;
    }
    if ((*entry)["act"] != "serve.start") return true;
    if (!out.empty() && out.back().number < first) out.pop_back();
    out.push_back({number, *std::move(entry)});
    return true;
  }));
  FH_TRY_VOID(bad);
  return out;
}

// "false (entries 3, 5)": what other starts had in a row where the last one has `now`; empty if there are none.
std::string other_values(const std::vector<Start>& starts, const Row& row, const std::string& now) {
  constexpr std::size_t kMost = 4;  // values, and entries of one
  std::map<std::string, std::vector<std::uint64_t>> others;
  for (const Start& start : starts) {
    std::string value = start.value(row);
    if (value != now) others[std::move(value)].push_back(start.number);
  }
  std::vector<std::string> said;
  for (auto& [value, numbers] : others) {
    if (said.size() == kMost) {
      said.push_back("\u2026");
      break;
    }
    const bool more = numbers.size() > kMost;
    if (more) numbers.resize(kMost);
    said.push_back(fmt::format("{} ({} {}{})", value.empty() ? "not said" : printable(value, 80),
                               numbers.size() == 1 ? "entry" : "entries", fmt::join(numbers, ", "),
                               more ? ", \u2026" : ""));
  }
  return fmt::format("{}", fmt::join(said, ", "));
}

}  // namespace

Result<> add_server_settings(const audit::Reader& reader, std::uint64_t first, std::uint64_t until,
                             AuditReport& report) {
  FH_TRY(const std::vector<Start> starts, starts_between(reader, first, until));
  if (starts.empty()) {
    report.exceptions.push_back("The log has no start of a server: how it was set up is not known from it.");
    return {};
  }
  if (report.begin) {
    report.exceptions.push_back(
        starts.front().number < first
            ? fmt::format(
                  "Whether the server was sealed at the beginning of this period its start before it says, entry "
                  "{}, which is not counted here: of each request its entry says it.",
                  starts.front().number)
            : "The log has no start of a server before this period: how one was set up at its beginning is not known "
              "from it.");
  }
  const Start& last = starts.back();
  std::vector<std::string> otherwise;
  for (const Row& row : kSettings) {
    const std::string now = last.value(row);
    if (std::string others = other_values(starts, row, now); !others.empty()) {
      otherwise.push_back(fmt::format("{}: {}", row.member.substr(row.member.find('.') + 1), others));
    }
    if (now.empty()) continue;
    report.settings.push_back({{},
                               std::string(row.key),
                               std::string(row.says),
                               now,
                               fmt::format("entry {}", last.number),
                               last.number,
                               std::string(row.member)});
  }
  if (!otherwise.empty()) {
    report.exceptions.push_back(fmt::format(
        "The settings of a server are those of its last start, entry {}. Other starts in this period, or the last one "
        "before it, had others, and these servers may have run beside it: {}.",
        last.number, fmt::join(otherwise, "; ")));
  }
  return {};
}

}  // namespace freehold::app
