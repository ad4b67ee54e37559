#include "app/veil/exchange_veil.h"

#include <fmt/format.h>

#include "app/veil/call_veil.h"

namespace freehold::app {

std::string ExchangeVeil::header(bool stream) const {
  std::string out = request.summary();
  if (!out.empty()) out = "request: " + out;
  if (!answer || !(answer->veil().active() || answer->restores())) return out;
  std::string given = stream ? "watched" : answer->veil().summary();
  if (!stream && answer->restored() > 0) {
    given = fmt::format("restored={}{}{}", answer->restored(), given.empty() ? "" : " ", given);
  }
  if (given.empty()) return out;
  return fmt::format("{}{}answer: {}", out, out.empty() ? "" : "; ", given);
}

void ExchangeVeil::record(audit::RequestEntry& entry, Said& said) {
  audit::Object out;
  const audit::Object asked = request.entry();
  audit::Object given = answer ? answer->veil().entry() : audit::Object(), kept;
  if (answer && answer->restored() > 0) given.add("restored", answer->restored());
  if (log.any()) {
    Veil veil(guard::Way::log, log);
    std::uint64_t token_ids = 0;
    said.body = veil_kept_body(veil, said.body, token_ids);
    for (auto& [name, value] : said.earlier) value = veil_kept_body(veil, value, token_ids);
    for (std::string& text : said.answers) {
      if (auto other = veil.changed(text)) text = std::move(*other);
    }
    kept = veil.entry();
    if (token_ids > 0) kept.add("token_ids", token_ids);
    if (counters != nullptr) counters->add(guard::Way::log, veil);
  }
  if (counters != nullptr) {
    counters->add(guard::Way::request, request);
    if (answer) counters->add(guard::Way::answer, answer->veil());
  }
  if (asked.empty() && given.empty() && kept.empty()) return;
  const pii::Profile profile = request.active() ? request.treatments().profile
                               : answer         ? answer->veil().treatments().profile
                                                : log.profile;
  out.add("profile", pii::name_of(profile)).add("request", asked).add("answer", given).add("log", kept);
  entry.personal_data = std::move(out);
}

std::unique_ptr<AnswerVeil> answer_veil(const guard::Treatments& answer, const Veil& request, const api::Call& call) {
  audit::Pseudonyms restore;
  if (request.treatments().restore) restore = request.pseudonyms();
  if (!answer.any() && restore.empty()) return nullptr;
  const bool json =
      call.format.kind == api::Format::Kind::json_object || call.format.kind == api::Format::Kind::json_schema;
  return std::make_unique<AnswerVeil>(answer, std::move(restore), json);
}

api::Parsed<void> check_veiled(const guard::Treatments& answer, const api::Call& call) {
  if (!answer.any()) return {};
  const bool shown = call.request.logprobs.has_value() && call.logprobs_shown;
  if (!shown) return {};
  return api::refuse(api::Problem::invalid,
                     "the policy takes personal data out of answers, and the tokens would spell it: ask without "
                     "'logprobs'",
                     "logprobs");
}

}  // namespace freehold::app
