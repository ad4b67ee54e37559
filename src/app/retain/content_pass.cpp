// Kept content, pseudonyms and subjects' keys, by what the audit log says of them.
#include <algorithm>

#include "app/audit/replay_model.h"
#include "app/retain/places.h"
#include "audit/entry.h"
#include "audit/folder.h"
#include "audit/note.h"
#include "audit/reader.h"

namespace freehold::app {
namespace {

using guard::Fate;

constexpr std::size_t kDropAtOnce = 256;    // records
constexpr std::int64_t kYoungKey = 86'400;  // seconds: of whom the key was made lately, something may be under way
constexpr std::string_view kTimeMember = ",\"time\":\"", kSubjectMember = ",\"subject\":\"sub_";

// When it happened: of canonical JSON, whose strings have no bare quotation mark, the last member of this name is the
// entry's own.
std::int64_t time_in(std::string_view entry) {
  const std::size_t at = entry.rfind(kTimeMember);
  if (at == std::string_view::npos) return 0;
  const std::string_view text = entry.substr(at + kTimeMember.size(), 19);
  return audit::utc_from_text(std::string(text) + "Z").value_or(0);
}

}  // namespace

ContentPass::ContentPass(const RetainOptions& options, RetentionJudge& judge, const GoOn& go_on)
    : options_(options), judge_(judge), go_on_(go_on), records_(options.home) {}

// The log is opened first: its newest entry is of before this run, whose time it is compared with. A record without an
// entry is a crash's or so new that the time of its file keeps it.
Result<> ContentPass::read_log() {
  auto reader = audit::Reader::open(audit::audit_folder(options_.home));
  FH_TRY_VOID(audit::finish_removals(options_.home));
  FH_TRY_VOID(records_.look(go_on_));
  for (std::size_t i = 0; i < records_.all().size(); ++i) {
    if (!records_.all()[i].dropped) at_.emplace(records_.all()[i].place(), i);
  }
  if (!reader && reader.error().code == Errc::not_found) return {};
  if (!reader) return tl::unexpected(std::move(reader).error());
  return reader->each(0, [&](std::uint64_t, std::string_view entry) {
    // Never before an entry that it follows: a clock that was behind makes nothing older than it is.
    times_.add(time_in(entry));
    const std::int64_t since = times_.newest();
    if (entry.find(kSubjectMember) != std::string_view::npos) take(entry, since);
    return go_on_();
  });
}

void ContentPass::take(std::string_view entry, std::int64_t since) {
  const auto members = audit::members_of(entry);
  if (!members || member_of(*members, "kind") != "request") return;
  const std::string subject = member_of(*members, "subject"), key = member_of(*members, "key"),
                    label = member_of(*members, "label");
  key_of_[subject] = key;
  const guard::Policy& policy = *options_.policy;
  const std::string_view carries = label.empty() ? std::string_view(policy.lowest()) : label;
  if (!policy.rank(carries) || fate_of(policy.retention.of(carries), since, judge_.now()) != Fate::remove) {
    lasting_.insert(subject);
  }
  const auto record = at_.find(member_of(*members, "content"));
  if (record != at_.end()) facts_[record->second] = {label, key, since};
}

Result<> ContentPass::run(bool dry) {
  FH_TRY_VOID(drop_records(dry));
  FH_TRY_VOID(remove_pseudonyms(dry));
  return dry || !go_on_() ? Result<>() : destroy_keys();
}

Result<> ContentPass::drop_records(bool dry) {
  std::vector<std::size_t> due;
  std::vector<KeptThing> things;
  const auto drop = [&]() -> Result<> {
    std::vector<std::size_t> still;
    for (std::size_t i = 0; i < due.size(); ++i) {
      FH_TRY(const bool held, judge_.held(things[i]));  // since it was judged
      if (!held) still.push_back(i);
    }
    std::vector<std::size_t> going;
    for (const std::size_t i : still) going.push_back(due[i]);
    if (!dry) FH_TRY_VOID(records_.drop(going));
    for (const std::size_t i : still) judge_.gone(things[i], Fate::drop_content);
    judge_.stays();  // whatever of it is held by now
    due.clear();
    things.clear();
    return {};
  };
  for (std::size_t i = 0; i < records_.all().size() && go_on_(); ++i) {
    const audit::KeptRecord& record = records_.all()[i];
    if (record.dropped) continue;
    KeptThing thing{.place = "content", .subject = record.subject, .leaving = record.leaving};
    if (const auto facts = facts_.find(i); facts != facts_.end()) {
      thing.label = facts->second.label;
      thing.since = facts->second.since;
      thing.key = facts->second.key;
    } else {
      thing.since = records_.changed(record.file);  // no entry points to it: what a crash has left
    }
    FH_TRY(const Fate fate, judge_.judge(thing));
    if (fate == Fate::keep) continue;
    due.push_back(i);
    things.push_back(thing);
    if (due.size() >= kDropAtOnce) FH_TRY_VOID(drop());
  }
  FH_TRY_VOID(drop());
  if (dry) return {};
  // Without a server nobody writes to any of these files again.
  FH_TRY_VOID(records_.remove_dropped(!options_.in_server && !options_.served).map([](auto) {}));
  return {};
}

Result<> ContentPass::remove_pseudonyms(bool dry) {
  for (const audit::VaultFile& file : audit::vault_files(options_.home)) {
    if (!go_on_()) return {};
    KeptThing thing{.place = "pseudonyms", .since = file.time, .subject = file.subject};
    if (const auto key = key_of_.find(file.subject); key != key_of_.end()) thing.key = key->second;
    FH_TRY(const Fate fate, judge_.judge(thing));
    if (fate == Fate::keep) continue;
    if (!dry) {
      // One at a time: who wants to write under a subject's key waits meanwhile.
      FH_TRY(audit::Unused unused, audit::Unused::shut_out(options_.home));
      FH_TRY_VOID(unused.remove(file));
    }
    judge_.gone(thing, Fate::remove);
  }
  return {};
}

// A key is what ties entries of the log to somebody's name: it stays as long as one of them has not reached the time at
// which all of it is to go.
Result<> ContentPass::destroy_keys() {
  const guard::Policy& policy = *options_.policy;
  std::set<std::string> used;
  for (const audit::KeptRecord& record : records_.all()) {
    if (!record.dropped) used.insert(record.subject);
  }
  for (const audit::SubjectFile& subject : audit::subject_files(options_.home)) {
    if (!go_on_()) return {};
    if (used.contains(subject.id) || lasting_.contains(subject.id) || subject.time > judge_.now() - kYoungKey) continue;
    const auto key = key_of_.find(subject.id);
    const bool known = key != key_of_.end();  // it has entries, and the time of each is over
    if (!known && fate_of(policy.retention.otherwise, subject.time, judge_.now()) != Fate::remove) continue;
    FH_TRY(const FolderLock standing, options_.holds->stand());
    FH_TRY(const auto holds, options_.holds->all());
    const guard::Holdable holdable{std::nullopt, known ? std::optional<std::string_view>(key->second) : std::nullopt,
                                   subject.id};
    if (hold_on(holds, holdable) != nullptr) continue;
    FH_TRY(audit::Unused unused, audit::Unused::shut_out(options_.home));
    FH_TRY(const bool destroyed, unused.destroy(subject, records_));
    if (destroyed) ++keys_destroyed_;
  }
  return {};
}

}  // namespace freehold::app
