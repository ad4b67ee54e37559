#include "app/audit/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "app/audit/replay_stage.h"
#include "app/interrupt.h"
#include "app/open_model.h"
#include "app/starter.h"
#include "audit/entry.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

// Members that must be the same: what decides the answer, and what came of it. Not what hangs on the hour and on other
// requests: times, cached tokens, the status that a client was told.
constexpr std::array kCompared = {
    "model_digest",      "adapter",       "template_digest", "sampling",       "seed",          "numerics",
    "context",           "kv_cache",      "clock",           "request_digest", "prompt_digest", "prompt_tokens",
    "completion_tokens", "answer_digest", "finish",          "outcome"};
// Of an answer that its client did not wait for, the rest cannot be the same.
constexpr std::array kOfTheEnd = {"completion_tokens", "answer_digest", "finish", "outcome"};

// Entries that were written before these were told.
bool is_younger(std::string_view member) {
  return member == "context" || member == "kv_cache" || member == "clock";
}

// Whether `text` begins with something that has this digest.
bool begins_with(const std::string& text, const std::string& digest) {
  Sha256 hash;
  std::size_t hashed = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;  // inside a character
    hash.update(as_bytes(std::string_view(text).substr(hashed, i - hashed)));
    hashed = i;
    if (hash.copy().finish().name() == digest) return true;
  }
  return false;
}

Result<> check(const Members& entry, const Asked& asked) {
  if (const std::string numerics = member_of(entry, "numerics"); numerics != "1") {
    return fail(Errc::unsupported, fmt::format("the answer was computed with numerics version {}, which this program "
                                               "does not have: it computes version 1",
                                               printable(numerics, 40)));
  }
  const std::string digest = sha256(std::string_view(asked.body)).name();
  if (const std::string logged = member_of(entry, "request_digest"); digest != logged) {
    if (const auto kept = entry.lower_bound("personal_data.log.");
        kept != entry.end() && kept->first.starts_with("personal_data.log.")) {
      return fail(Errc::invalid,
                  "what is kept of it had its personal data taken out (the policy's rules for `where: "
                  "log`), so nothing can be computed from it: give the body as it was sent, with "
                  "--request");
    }
    return fail(Errc::invalid, fmt::format("this is not the request that the entry is of: it has the digest {}, the "
                                           "entry {}; it must be the body byte for byte as it was sent",
                                           digest, logged));
  }
  return {};
}

// What was done with personal data, kind by kind.
void compare_personal(const Members& logged, const Members& computed, std::string_view prefix, Replayed& out) {
  const auto each = [&](const Members& in, const auto& visit) {
    for (auto it = in.lower_bound(std::string(prefix)); it != in.end() && it->first.starts_with(prefix); ++it)
      visit(*it);
  };
  each(logged, [&](const auto& member) {
    std::string is = member_of(computed, member.first);
    if (is != member.second) out.differences.push_back({member.first, member.second, std::move(is)});
  });
  each(computed, [&](const auto& member) {
    if (!logged.contains(member.first)) out.differences.push_back({member.first, {}, member.second});
  });
}

Replayed compare(const Members& logged, const Members& computed, const std::vector<std::string>& answers) {
  Replayed out;
  const bool left = member_of(logged, "outcome") == "cancelled";
  for (const char* member : kCompared) {
    if (left && std::find(kOfTheEnd.begin(), kOfTheEnd.end(), std::string_view(member)) != kOfTheEnd.end()) continue;
    std::string was = member_of(logged, member), is = member_of(computed, member);
    if (was.empty() && is_younger(member)) continue;
    if (was != is) out.differences.push_back({member, std::move(was), std::move(is)});
  }
  compare_personal(logged, computed, "personal_data.request.", out);
  if (!left) compare_personal(logged, computed, "personal_data.answer.", out);
  out.verdict = out.differences.empty() ? Replayed::Verdict::equal : Replayed::Verdict::different;
  if (!left || !out.differences.empty()) return out;
  if (answers.size() != 1) {
    out.verdict = Replayed::Verdict::impossible;
    out.reason = "the client left before the end, and of several answers it cannot be told how much was given of each";
    return out;
  }
  const std::string digest = member_of(logged, "answer_digest");
  out.verdict = Replayed::Verdict::beginning;
  if (begins_with(answers[0], digest)) return out;
  out.verdict = Replayed::Verdict::different;
  out.differences.push_back({"answer_digest", digest, "of no beginning of the answer"});
  return out;
}

std::string_view of_weights(std::string_view digests) {
  return digests.substr(0, digests.find('+'));
}

// A model outside of the store has no digest there; of its files there is one, `weights`. Of a model of which the log
// pins none, since it was served from a path, there is nothing to compare.
void name_weights(const Members& logged, const std::string& weights, Members& computed) {
  std::string& both = computed["model_digest"];
  if (of_weights(member_of(logged, "model_digest")).empty()) {
    both.erase(0, of_weights(both).size());
  } else if (of_weights(both).empty()) {
    both.insert(0, weights);
  }
}

// Of files that are not in the store; empty for what is, which has its digest with it. Error: cancelled.
Result<std::string> weights_given(const std::string& reference) {
  FH_TRY(const OpenModel opened, open_model(reference));
  if (opened.manifest || is_starter(opened)) return std::string();
  FH_TRY(const Digest digest, store::weights_of_path(opened.path, []() -> Result<> {
           return interrupted() ? fail(Errc::cancelled, "interrupted") : Result<>();
         }));
  return digest.name();
}

}  // namespace

Result<> check_is_answer(const Members& entry) {
  const std::string kind = member_of(entry, "kind");
  if (kind == "request") return {};
  const std::string what = kind == "admin"     ? fmt::format("an act ({})", printable(member_of(entry, "act"), 60))
                           : kind == "refusal" ? "a refusal, which no model has answered"
                                               : fmt::format("of the kind '{}'", printable(kind, 40));
  return fail(Errc::invalid, fmt::format("{} is {}: there is no answer to compute again (freehold audit query --kind "
                                         "request lists the answers)",
                                         printable(member_of(entry, "id"), 80), what));
}

std::string_view name_of(Replayed::Verdict verdict) {
  constexpr std::array<std::string_view, 4> kNames = {"equal", "beginning", "different", "impossible"};
  return kNames[static_cast<std::size_t>(verdict)];
}

bool has_failed(const Members& entry) {
  return member_of(entry, "outcome") == "failed";
}

Replayer::Replayer(ReplayOptions options) : options_(std::move(options)) {}
Replayer::~Replayer() = default;

Result<Replayed> Replayer::replay(const Members& entry, const Asked& asked) {
  FH_TRY_VOID(check_is_answer(entry));
  Replayed out;
  if (has_failed(entry)) {
    out.reason = fmt::format("it failed when it was asked (status {}), so there is no answer to compare",
                             member_of(entry, "status"));
    return out;
  }
  FH_TRY_VOID(check(entry, asked));
  FH_TRY(const StageSetup setup, setup_of(options_, entry));
  if (stage_ == nullptr || staged_ != setup.key()) {
    stage_.reset();  // its memory first
    weights_.clear();
    if (options_.model) {
      FH_TRY(weights_, weights_given(*options_.model));
    }
    FH_TRY(stage_, ReplayStage::open(options_, setup));
    staged_ = setup.key();
  }
  const auto begin = std::chrono::steady_clock::now();
  FH_TRY(const ReplayStage::Played played, stage_->play(entry, asked));
  if (played.entry.empty()) {
    out.reason = "this program refuses the request now: " + printable(played.refusal, 400);
  } else {
    FH_TRY(Members computed, audit::members_of(played.entry));
    name_weights(entry, weights_, computed);
    out = compare(entry, computed, played.answers);
  }
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return out;
}

}  // namespace freehold::app
