// Answers computed again: a request goes through the very code that served it (app/serve/), with the model, the seed
// and the limits that its entry in the audit log pins, and the entry that comes of it is compared with the one in the
// log (docs/adr/0044).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/audit/replay_model.h"
#include "audit/vault.h"
#include "base/result.h"

namespace freehold::app {

struct ReplayOptions {
  std::filesystem::path home;
  int threads = 1;
  std::uint64_t limit = UINT64_MAX;  // bytes of memory
  std::optional<std::string> model;  // instead of what the entry pins
  std::function<void(const std::string&)> report;
  // The vault, whose key makes the same pseudonyms again; null: it cannot be opened.
  std::function<std::unique_ptr<audit::Vault>()> vault;
};

// What was asked: the body as it came, and where it went (path and query; empty: the entry's endpoint).
struct Asked {
  std::string address, body;
  std::vector<std::pair<std::string, std::string>> earlier = {};  // what it goes on from, where that was kept (Said)
};

struct Difference {
  std::string member, logged, computed;  // empty: not there
};

struct Replayed {
  enum class Verdict : std::uint8_t {
    equal,      // every member that tells of the prompt and the answer
    beginning,  // the client had left: what was given to it is the beginning of what is computed
    different,
    impossible,  // nothing to compare: `reason`
  };
  Verdict verdict = Verdict::impossible;
  std::vector<Difference> differences;
  std::string reason;
  double seconds = 0;  // loading not counted
  bool good() const { return verdict == Verdict::equal || verdict == Verdict::beginning; }
};
std::string_view name_of(Replayed::Verdict verdict);

// Whether an entry is of a request, which alone was answered. Error: invalid, saying what it is instead.
Result<> check_is_answer(const Members& entry);
// Whether the request failed: it has no answer, whatever was asked.
bool has_failed(const Members& entry);

class ReplayStage;  // replay_stage.h

// One thread. A model stays in memory for the next entry that pins the same.
class Replayer {
 public:
  explicit Replayer(ReplayOptions options);
  ~Replayer();

  // Errors: invalid (the entry is of no request, or `asked` is not what it is of), not_found (what it pins is missing),
  // unsupported (another numerics version), cancelled, and those of loading the model.
  Result<Replayed> replay(const Members& entry, const Asked& asked);

 private:
  const ReplayOptions options_;
  std::string staged_;   // what the stage was made for
  std::string weights_;  // of the files of options_.model, if they are not in the store
  std::unique_ptr<ReplayStage> stage_;
};

}  // namespace freehold::app
