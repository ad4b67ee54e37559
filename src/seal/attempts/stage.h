// The stage of the trials: what stands outside the seal for an attempt to reach, and whether it was reached.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "seal/attempts/attempt.h"

namespace freehold::seal {

class StageKeeper {
 public:
  static Result<StageKeeper> make(const std::filesystem::path& temporary, const std::filesystem::path& inside);
  StageKeeper(StageKeeper&& other) noexcept;
  StageKeeper& operator=(StageKeeper&&) = delete;
  ~StageKeeper();  // deletes what was made

  const Stage& stage() const { return stage_; }
  // Puts back what an attempt without a seal has changed. Errors: io.
  Result<> restore();
  // What was reached or changed, in words; empty: nothing.
  std::string reached() const;

 private:
  StageKeeper() = default;
  Stage stage_;
  int tcp_ = -1, udp_ = -1, local_ = -1, pipe_ = -1;
};

// A TCP socket that listens on a free port of the loopback; -1 if there is none.
int listen_on_loopback();

}  // namespace freehold::seal
