// What the server answers under which address. One file a dialect; each says whether the address was one of its own.
#pragma once

#include "app/serve/site.h"
#include "http/server.h"

namespace freehold::app {

// What must be answered while all handlers are busy, and costs next to nothing: the pages of health, /metrics. On the
// I/O thread. Nothing: everything else.
std::optional<http::Response> answer_at_once(const Site& site, const http::Request& request);
// Every request. Handlers run on several threads; the models answer on theirs.
void handle(Site& site, const ExchangePtr& exchange);
// One that the server makes by itself, for somebody whose key was checked: a line of a batch.
void handle_own(Site& site, const ExchangePtr& exchange);

// A dialect's addresses, for whoever the key belongs to. False: there is nothing under this address. What somebody may
// not use (a model outside the key's list, what belongs to another key) is answered as if it were not there.
bool handle_openai(Site& site, const ExchangePtr& exchange, const guard::Principal& who);
bool handle_responses(Site& site, const ExchangePtr& exchange, const guard::Principal& who);
bool handle_anthropic(Site& site, const ExchangePtr& exchange, const guard::Principal& who);
bool handle_gemini(Site& site, const ExchangePtr& exchange, const guard::Principal& who);
bool handle_ollama(Site& site, const ExchangePtr& exchange, const guard::Principal& who);
bool handle_adapters(const Site& site, const ExchangePtr& exchange, const guard::Principal& who);
bool handle_native(Site& site, const ExchangePtr& exchange, const guard::Principal& who);
bool handle_files_and_batches(Site& site, const ExchangePtr& exchange, const guard::Principal& who);
bool handle_tuning(Site& site, const ExchangePtr& exchange, const guard::Principal& who);
// Deletes a model that this key has tuned; false: there is none of the name. Errors: conflict (it is held), those of
// the jobs.
api::Parsed<bool> delete_tuned(Site& site, const guard::Principal& who, const std::string& name);
// OpenAI's DELETE of a model, answered.
void delete_tuned_model(Site& site, const ExchangePtr& exchange, const guard::Principal& who, const std::string& name);

// Whether a request may be answered at all, as far as its head tells: fields sent twice, the key, the method, a coded
// body.
api::Parsed<void> check_head(const Site& site, const http::Request& request);

// Where the body of a request goes, once its head is known: an upload to the disk, everything else into memory, up to
// `usual` bytes; or the refusal, if the head is enough for it. plan_upload and plan_blob: nothing if it is not theirs.
http::BodyPlan plan_body(Site& site, const http::Request& request, std::uint64_t usual);
std::optional<http::BodyPlan> plan_upload(Site& site, const http::Request& request, const guard::Principal& who);
std::optional<http::BodyPlan> plan_blob(Site& site, const http::Request& request, const guard::Principal& who);

// Whether the path's segments are these.
bool path_is(const http::Request& request, std::initializer_list<std::string_view> segments);

}  // namespace freehold::app
