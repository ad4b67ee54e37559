// All that one exchange has to do with personal data, from its request to its entry in the audit log.
#pragma once

#include <memory>
#include <string>

#include "app/serve/audit_trail.h"
#include "app/veil/answer_veil.h"
#include "app/veil/veil.h"

namespace freehold::app {

struct ExchangeVeil {
  Veil request;                        // used already
  std::unique_ptr<AnswerVeil> answer;  // null: what is written is given as it is
  guard::Treatments log;               // of what is kept
  VeilCounters* counters = nullptr;

  bool blocked() const { return answer && answer->blocked(); }
  // Of the header Freehold-Personal-Data: "request: masked=1 kinds=email; answer: masked=2 kinds=card", where values
  // were put back in the place of pseudonyms "answer: restored=2". Before a stream has ended nobody knows of its
  // answer: "answer: watched". Empty: nothing was found.
  std::string header(bool stream) const;
  // Says it in the entry, counts it, and takes out of what is kept what the policy does not let be kept. Once.
  void record(audit::RequestEntry& entry, Said& said);
};

// An answer's veil; null if there is nothing to do. `call`: tells whether the answer is JSON.
std::unique_ptr<AnswerVeil> answer_veil(const guard::Treatments& answer, const Veil& request, const api::Call& call);
// What cannot be given beside an answer that something may be taken out of. Errors: invalid (tokens' probabilities).
api::Parsed<void> check_veiled(const guard::Treatments& answer, const api::Call& call);

}  // namespace freehold::app
