// Legal holds, in $FREEHOLD_HOME/freehold.db: what somebody has said must stay, whatever the policy's retention, an
// erasure or its owner would have gone. A hold is on people (the random ids under which the log knows subjects, keys'
// ids) or on a label; it is never deleted, only released (docs/adr/0050).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/folder_lock.h"
#include "base/result.h"

namespace freehold::guard {

struct Hold {
  std::string id;                     // "hold_…"
  std::vector<std::string> subjects;  // "sub_…" and ids of keys: what is of one of them; empty: by label
  std::string label;                  // what carries it; empty: by subjects
  std::string reason, by;             // why, and which user of the operating system said so
  std::int64_t since = 0;             // seconds since 1970
  std::optional<std::int64_t> released;
  std::string release_reason, released_by;
  bool operator==(const Hold&) const = default;
};

// Something that might be held. What cannot be told of it is held by every hold that it might fall under.
struct Holdable {
  std::optional<std::string_view> label;    // nothing: nobody knows
  std::optional<std::string_view> key;      // whose it is: a key's id; "": no key's
  std::optional<std::string_view> subject;  // "sub_…"; "": of nobody in particular
};
// The oldest hold that it is under; null: none. Released ones hold nothing.
const Hold* hold_on(const std::vector<Hold>& holds, const Holdable& thing);
// The same of a model, which is nobody's, by the labels that it carries beside the policy's lowest.
const Hold* hold_on_model(const std::vector<Hold>& holds, std::string_view lowest,
                          const std::vector<std::string>& labels);
// Seconds: who adds a hold gives up after the first, so that whoever waits behind it for the second gets through.
inline constexpr double kAddPatience = 60, kStandPatience = 90;

// The holds as they stand as long as the lock lives.
struct StandingHolds {
  std::shared_ptr<const FolderLock> still;
  std::vector<Hold> holds;
};
// "it is held (hold_…, since 2027-01-31, \"…\"): freehold guard release hold_… --reason TEXT lets it go"
std::string why_held(const Hold& hold);

// Thread-safe. Several processes may have the file open; what another one has changed is seen at once.
class HoldBook {
 public:
  // Opens nothing yet, and makes the file when something is written.
  explicit HoldBook(std::filesystem::path home);
  HoldBook(HoldBook&&) noexcept;
  HoldBook& operator=(HoldBook&&) noexcept;
  ~HoldBook();

  // All, also those that were released, the oldest first. Errors: those of reading the database; whoever cannot tell
  // what is held must leave everything as it is.
  Result<std::vector<Hold>> all() const;
  // As long as this lives no hold is added, by whatever process: whoever lets something go asks for one before looking
  // at the holds, and keeps it until that has gone. So nothing goes that was held when `add` returned. Several at once.
  // Errors: io, also if a hold is being added, or waits to be, for `patience` seconds.
  Result<FolderLock> stand(double patience = kStandPatience) const;
  // The holds, and the lock that keeps them as they are. Errors: those of both.
  Result<StandingHolds> standing(double patience = kStandPatience) const;
  // Writes it under a new id; on return it is on disk. Waits for those who let something go by what was held before;
  // who comes after waits for it.
  // `waiting` is called when that takes a moment. Errors: those of writing; io if they do not end within a minute.
  Result<Hold> add(Hold hold, const std::function<void()>& waiting = {});
  // Errors: not_found; invalid (it was released already).
  Result<Hold> release(const std::string& id, const std::string& reason, const std::string& by, std::int64_t now);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace freehold::guard
