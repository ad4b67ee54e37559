// From the log and the home to what a report says.
#include "app/report/audit_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "app/moment.h"
#include "app/version.h"
#include "audit/entry.h"
#include "audit/verify.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

using audit::Claim;

std::vector<std::string> split_at(std::string_view text, char mark) {
  std::vector<std::string> out;
  while (true) {
    const std::size_t end = text.find(mark);
    out.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

std::vector<audit::Condition> conditions_of(std::string_view where) {
  std::vector<audit::Condition> out;
  if (where.empty()) return out;
  for (const std::string& one : split_at(where, ',')) {
    const std::size_t begin = one.find_first_not_of(' '), equal = one.find('=');
    out.push_back({one.substr(begin, equal - begin), split_at(std::string_view(one).substr(equal + 1), '|')});
  }
  return out;
}

// The claims, not answered yet: those of questions(), and whether entries say times outside of the period.
std::vector<Claim> unanswered(const AuditReport& report) {
  std::vector<Claim> out;
  const auto add = [&](Claim claim) {
    claim.id = fmt::format("C{}", out.size() + 1);
    out.push_back(std::move(claim));
  };
  for (const Question& q : questions()) {
    add({.says = std::string(q.says), .op = q.op, .member = std::string(q.member), .where = conditions_of(q.where)});
  }
  add({.says = "entries that say a time after the checkpoint that ends the period",
       .after = audit::utc_text_us(report.end.checkpoint.time * 1'000'000 + 999'999)});
  add({.says = "entries that say a time before the period (a request's is its arrival)",
       .before = audit::utc_text_us(report.from * 1'000'000)});
  return out;
}

struct Notes {
  std::uint64_t count = 0, backwards = 0;  // in the period
  std::optional<std::int64_t> first;       // when the first of the log was signed
};

// The two checkpoints that bound the period. Where a clock was set back, the latest time so far counts: what was signed
// later does not belong to an earlier period.
Result<Notes> find_bounds(const audit::Reader& reader, AuditReport& to) {
  Notes notes;
  std::int64_t before = 0, latest = 0;
  FH_TRY_VOID(reader.each_checkpoint([&](const audit::Checkpoint& checkpoint, std::string_view note) {
    latest = std::max(latest, checkpoint.time);
    if (!notes.first) notes.first = checkpoint.time;
    if (latest >= to.to) return false;
    if (latest < to.from) {
      to.begin = {std::string(note), checkpoint};
    } else {
      ++notes.count;
      if (checkpoint.time < before) ++notes.backwards;
    }
    before = checkpoint.time;
    to.end = {std::string(note), checkpoint};
    return true;
  }));
  if (to.end.note.empty()) {
    return fail(Errc::not_found, fmt::format("the log has no checkpoint from before {}", show_moment(to.to)));
  }
  return notes;
}

void add_facts(const Notes& notes, AuditReport& report) {
  const std::uint64_t first = report.begin ? report.begin->checkpoint.size : 0;
  const auto fact = [&](std::string says, std::string value) {
    report.facts.push_back({fmt::format("L{}", report.facts.size() + 1), std::move(says), std::move(value)});
  };
  fact("entries before the period", std::to_string(first));
  fact("entries until its end", std::to_string(report.end.checkpoint.size));
  fact("entries of the period", std::to_string(report.end.checkpoint.size - first));
  fact("root of the tree at its end", audit::base64_of(report.end.checkpoint.root));
  fact("when that was signed", audit::utc_text(report.end.checkpoint.time));
  fact("checkpoints of the period", std::to_string(notes.count));
  fact("checkpoints signed with an earlier time than the one before", std::to_string(notes.backwards));
  fact("when the first checkpoint of the log was signed", audit::utc_text(notes.first.value_or(0)));
}

Result<> add_noted(const audit::Reader& reader, AuditReport& report) {
  std::set<std::uint64_t> numbers;
  for (const Claim& claim : report.claims) numbers.insert(claim.entries.begin(), claim.entries.end());
  for (const std::uint64_t number : numbers) {
    NotedEntry noted{.number = number};
    FH_TRY(noted.text, reader.entry(number));
    FH_TRY(noted.members, audit::members_of(noted.text));
    if (report.noted.size() < kMostProofs) {
      FH_TRY(noted.path, reader.inclusion(number, noted.text, report.end.checkpoint));
      noted.proven = true;
    }
    report.noted.push_back(std::move(noted));
  }
  return {};
}

std::string plural(std::uint64_t n, std::string_view one, std::string_view many) {
  return n == 1 ? fmt::format("1 {}", one) : fmt::format("{} {}", n, many);
}

// "entries 3, 17": where a list of the report begins.
std::string numbers_of(const Claim& list) {
  constexpr std::size_t kMost = 8;
  std::string out = list.entries.size() == 1 ? "entry " : "entries ";
  for (std::size_t i = 0; i < std::min(list.entries.size(), kMost); ++i) {
    out += fmt::format("{}{}", i > 0 ? ", " : "", list.entries[i]);
  }
  return list.entries.size() > kMost ? out + ", \u2026" : out;
}

// Days of the period without any request or refusal; of a log that begins in it, from the first of these on.
std::vector<std::string> silent_days(const AuditReport& report) {
  const auto& requests = report.claim("requests.day")->values;
  const auto& refusals = report.claim("refusals.day")->values;
  std::string first = audit::utc_text(report.from).substr(0, 10);
  if (!report.begin) {
    first = "9999-12-31";
    for (const auto* values : {&requests, &refusals}) {
      if (!values->empty()) first = std::min(first, values->begin()->first);
    }
  }
  std::vector<std::string> out;
  for (auto day = audit::utc_from_text(first + "T00:00:00Z"); day && *day <= report.end.checkpoint.time;
       *day += 86'400) {
    const std::string text = audit::utc_text(*day).substr(0, 10);
    if (!requests.contains(text) && !refusals.contains(text)) out.push_back(text);
  }
  return out;
}

void add_exceptions(const Notes& notes, AuditReport& report) {
  const auto value = [&](std::string_view key) { return report.claim(key)->value; };
  const auto say = [&](std::string text) { report.exceptions.push_back(std::move(text)); };
  const auto id = [&](std::string_view key) { return report.claim(key)->id; };
  if (!report.begin && report.facts[0].value == "0") {
    say("The log begins in this period: there is no earlier checkpoint that it could be seen to continue.");
  }
  say("Times are those of this machine's clock: no other authority has signed them. A checkpoint kept elsewhere shows "
      "that the log is not younger than that.");
  if (report.end.checkpoint.time < report.from) {
    say("All that is in the log was signed before this period began: nothing can be said of the period from it.");
  }
  if (report.to > report.made + 1) {
    say("The period goes on after this report was made: what is still to come is not in it.");
  }
  if (notes.backwards > 0) {
    say(fmt::format("The clock was set back: {} an earlier time than the one before (L7).",
                    plural(notes.backwards, "checkpoint says", "checkpoints say")));
  }
  const Claim& late = report.claims[report.claims.size() - 2];
  if (late.value > 0)
    say(fmt::format("{} a time after the period's end ({}).", plural(late.value, "entry says", "entries say"),
                    late.id));
  if (const std::uint64_t n = value("breakglass"); n > 0) {
    say(fmt::format("{} under break-glass ({}): each names its reason.", plural(n, "access", "accesses"),
                    id("breakglass")));
  }
  if (const std::uint64_t n = value("reveals"); n > 0) {
    say(fmt::format("What pseudonyms stand for was looked up: {} ({}), each with its reason.",
                    plural(n, "look", "looks"), id("reveals")));
  }
  if (const std::uint64_t n = value("content.shown"); n > 0) {
    say(fmt::format("What requests asked and were answered was read: {} ({}), with the reason where one was given.",
                    plural(n, "look", "looks"), id("content.shown")));
  }
  if (const std::uint64_t n = value("vendors"); n > 0) {
    say(fmt::format("A vendor's model was used: {} ({}). What was sent there is no longer in our hands.",
                    plural(n, "act", "acts"), id("vendors")));
  }
  if (const std::uint64_t n = value("replays.different"); n > 0) {
    say(fmt::format("An answer came out differently when it was computed again, {} ({}).", plural(n, "time", "times"),
                    id("replays.different")));
  }
  if (value("replays") == 0) say(fmt::format("No answer was computed again in this period ({}).", id("replays")));
  if (const std::uint64_t n = value("sealtests.leaks"); n > 0) {
    say(fmt::format("{} to get out of a sealed process not denied ({}).", plural(n, "attempt was", "attempts were"),
                    id("sealtests.leaks")));
  }
  if (value("sealtests") == 0) say(fmt::format("The seal was not tested in this period ({}).", id("sealtests")));
  if (const std::uint64_t n = value("starts.unsealed"); n > 0) {
    say(value("starts.sealed") == 0
            ? fmt::format("The server was not sealed at any of its {} in this period ({}).",
                          plural(n, "start", "starts"), id("starts.unsealed"))
            : fmt::format(
                  "The server was sealed at {} ({}: {}) and not sealed at {} ({}: {}): what is said of the seal "
                  "holds for the former only.",
                  plural(value("starts.sealed"), "start", "starts"), id("starts.sealed"),
                  numbers_of(*report.claim("starts.sealed")), plural(n, "start", "starts"), id("starts.unsealed"),
                  numbers_of(*report.claim("starts.unsealed"))));
  }
  if (const std::uint64_t n = value("requests.unsealed"); n > 0 && value("starts.sealed") > 0) {
    say(fmt::format("{} a process that was not sealed, or {} entry does not say it ({}).",
                    plural(n, "request was to", "requests were to"), n == 1 ? "its" : "their",
                    id("requests.unsealed")));
  }
  if (const std::uint64_t n = value("starts.open"); n > 0) {
    say(fmt::format("The server was started {} without keys ({}): who asked is then not known.",
                    plural(n, "time", "times"), id("starts.open")));
  }
  if (const std::uint64_t n = value("requests.nobody"); n > 0) {
    say(fmt::format("{} no key ({}).", plural(n, "request has", "requests have"), id("requests.nobody")));
  }
  if (const std::uint64_t n = value("requests.unpinned"); n > 0) {
    say(fmt::format("{} of models served from a path, without a digest ({}): they cannot be pinned.",
                    plural(n, "answer is", "answers are"), id("requests.unpinned")));
  }
  if (const std::uint64_t n = value("refusals.left-out"); n > 0) {
    say(fmt::format("{} in a flood, counted only ({}).", plural(n, "refusal of a stranger", "refusals of strangers"),
                    id("refusals.left-out")));
  }
  if (value("starts") > value("stops") + 1) {
    say(fmt::format(
        "The server was started {} and stopped in order {} ({}, {}): the other times it was killed, the power "
        "went, or several ran, and still run.",
        plural(value("starts"), "time", "times"), plural(value("stops"), "time", "times"), id("starts"), id("stops")));
  }
  if (const auto silent = silent_days(report); !silent.empty()) {
    std::string some;
    for (std::size_t i = 0; i < std::min<std::size_t>(silent.size(), 8); ++i) some += (i > 0 ? ", " : "") + silent[i];
    say(fmt::format("Nothing was asked on {} of the period: {}{} ({}, {}).", plural(silent.size(), "day", "days"), some,
                    silent.size() > 8 ? ", \u2026" : "", id("requests.day"), id("refusals.day")));
  }
}

}  // namespace

const Claim* AuditReport::claim(std::string_view key) const {
  for (std::size_t i = 0; i < questions().size(); ++i) {
    if (questions()[i].key == key) return &claims[i];
  }
  return nullptr;
}

const Setting* AuditReport::setting(std::string_view key) const {
  for (const Setting& setting : settings) {
    if (setting.key == key) return &setting;
  }
  return nullptr;
}

Result<AuditReport> make_report(const ReportOptions& options) {
  FH_TRY_VOID(audit::verify_log(options.log, {}).map([](auto&&) {}));
  FH_TRY(const audit::Reader reader, audit::Reader::open(options.log));
  AuditReport out;
  out.framework = options.framework;
  out.from = options.from;
  out.to = options.to;
  out.made = options.now;
  out.program = version_line();
  out.public_key = reader.key().text();
  FH_TRY(const Notes notes, find_bounds(reader, out));
  FH_TRY_VOID(reader.key().open(out.end.note).map([](auto&&) {}));
  if (out.begin) {
    FH_TRY(out.consistency, reader.consistency(out.begin->checkpoint, out.end.checkpoint));
  }
  add_facts(notes, out);
  out.claims = unanswered(out);
  Result<> bad;
  const std::uint64_t first = out.begin ? out.begin->checkpoint.size : 0;
  FH_TRY_VOID(reader.each(first, [&](std::uint64_t number, std::string_view text) {
    if (number >= out.end.checkpoint.size) return false;
    if (number < first) return true;
    const auto entry = audit::members_of(text);
    if (!entry) {
      bad = in_context(entry.error(), fmt::format("entry {}", number));
      return false;
    }
    for (Claim& claim : out.claims) claim.add(number, *entry);
    return true;
  }));
  FH_TRY_VOID(bad);
  FH_TRY_VOID(add_noted(reader, out));
  add_exceptions(notes, out);
  FH_TRY_VOID(add_server_settings(reader, first, out.end.checkpoint.size, out));
  if (options.own_log) add_home_settings(options.home, options.now, out);
  for (std::size_t i = 0; i < out.settings.size(); ++i) out.settings[i].id = fmt::format("S{}", i + 1);
  return out;
}

}  // namespace freehold::app
