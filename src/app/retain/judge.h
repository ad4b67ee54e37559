// What becomes of one thing that is kept, by the policy's retention and the holds on it, and the counts of a run.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "guard/hold_book.h"
#include "guard/policy.h"

namespace freehold::app {

// Something that holds what people said. Its texts are the caller's.
struct KeptThing {
  std::string_view place;                 // "files"
  std::optional<std::string_view> label;  // "": the policy's lowest; nothing: it never had one, and `default` holds
  std::int64_t since = 0;                 // seconds since 1970
  std::optional<std::string_view> key, subject = "";  // as Holdable has them
  bool busy = false;                                  // something is being made of it: it stays for now
  bool leaving = false;                               // an earlier run was ended while it let it go
  bool words = true;  // false: it holds none (any more), so there is nothing to drop before all of it goes
};

struct RetainCounts {
  std::uint64_t items = 0;                 // that were there
  std::uint64_t dropped = 0, deleted = 0;  // of these, or would be in a dry run
  std::uint64_t held = 0;                  // that are due, but for a hold
  std::uint64_t unknown = 0;               // with a label that the policy does not know: they stay
  std::int64_t oldest = 0;                 // of those that were there: seconds since 1970
};

// One thread.
class RetentionJudge {
 public:
  // Both are the caller's; of the holds each judgement reads what is in force then.
  RetentionJudge(const guard::Policy& policy, const guard::HoldBook& holds, std::int64_t now)
      : policy_(policy), holds_(holds), now_(now) {}

  // What is to become of it; it is counted as there. If it is to go, no hold is added until `gone` or the next
  // judgement. Errors: the holds cannot be read, so nothing may go.
  Result<guard::Fate> judge(const KeptThing& thing);
  // Whether a hold holds it at this moment: to be asked again of what was judged earlier; no hold is added from here
  // on, until the same.
  Result<bool> held(const KeptThing& thing);
  // What was judged stays after all: holds may be added again.
  void stays() { standing_.reset(); }
  // It has gone as judged.
  void gone(const KeptThing& thing, guard::Fate fate);
  std::int64_t now() const { return now_; }

  // By place and label ("": it has none).
  using Rows = std::map<std::pair<std::string, std::string>, RetainCounts>;
  const Rows& rows() const { return rows_; }

 private:
  RetainCounts& row(const KeptThing& thing);
  std::string_view label_of(const KeptThing& thing) const;

  const guard::Policy& policy_;
  const guard::HoldBook& holds_;
  const std::int64_t now_;
  std::optional<FolderLock> standing_;  // the holds, while something goes
  Rows rows_;
};

}  // namespace freehold::app
