// What is recorded of a request as far as it is known before its answer.
#pragma once

#include <string>

#include "api/call.h"
#include "app/serve/audit_trail.h"
#include "app/serve/response_store.h"
#include "app/serve/served_model.h"
#include "engine/request.h"
#include "guard/principal.h"
#include "http/exchange.h"
#include "ledger/event.h"

namespace freehold::app {

// "temperature=0.7 top_p=0.9": what is not at its value without effect.
std::string sampling_summary(const engine::Sampling& sampling);
// What the client calls a request by, for reports: the header Freehold-Tag. Errors: invalid.
inline constexpr std::size_t kLongestTag = 64;  // bytes
api::Parsed<std::string> tag_of(const http::Request& request);
// `name`: as the client called the model.
ledger::Event event_of(const http::Exchange& exchange, const guard::Principal& principal, const ServedModel& model,
                       const std::string& name, std::string tag);

// What the audit log is to say of it besides: who, the digests of what was asked.
audit::RequestEntry audit_entry_of(const http::Exchange& exchange, const guard::Principal& principal,
                                   const ServedModel& model, const std::vector<text::Prompt>& prompts);
// Whom a request is for that names somebody or, if it names nobody, goes on from what was asked for these.
std::string subject_with(const std::string& named, const std::vector<std::string>& earlier);
// Whom a request of this dialect is for, that goes on from `earlier`, as a response that is kept knows them: of all
// that is in it. Where what is said is kept, it is under one subject's key, and a line of a batch goes with the subject
// that it names itself. Error then: invalid, naming `field` (it goes on from what was asked for somebody else, or, in a
// batch, for somebody whom it does not name).
api::Parsed<std::vector<std::string>> subjects_of(const http::Request& request, const std::vector<std::string>& earlier,
                                                  bool kept, std::string_view field);
// What is kept of it besides, before the answer: with what it goes on from, which is in memory only.
Said said_of(const http::Exchange& exchange, const std::string& tenant, const ResponseStore& responses,
             const ResponseStore& threads);

}  // namespace freehold::app
