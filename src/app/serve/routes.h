// What the server answers under which address. One file a dialect; each says whether the address was one of its own.
#pragma once

#include "app/serve/site.h"
#include "http/server.h"

namespace freehold::app {

// Every request. Handlers run on several threads; the models answer on theirs.
void handle(Site& site, const ExchangePtr& exchange);

// A dialect's addresses, once the key has been checked. False: there is nothing under this address.
bool handle_openai(Site& site, const ExchangePtr& exchange);
bool handle_responses(Site& site, const ExchangePtr& exchange);
bool handle_anthropic(Site& site, const ExchangePtr& exchange);
bool handle_gemini(Site& site, const ExchangePtr& exchange);
bool handle_ollama(Site& site, const ExchangePtr& exchange);
bool handle_native(Site& site, const ExchangePtr& exchange);

// What becomes of a request's body, once its head is known. On the I/O thread.
http::BodyPlan plan_body(Site& site, const http::Request& request);

// Whether the path's segments are these.
bool path_is(const http::Request& request, std::initializer_list<std::string_view> segments);

}  // namespace freehold::app
