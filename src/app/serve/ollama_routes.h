// What Ollama's two files of routes share.
#pragma once

#include "app/serve/routes.h"

namespace freehold::app {

// As `wants`; also without a content type, or with that of a form, if the request is not a page's.
bool wants_ollama(http::Exchange& exchange, std::string_view method);
// Lists, descriptions, making, copying, deleting, fetching.
bool handle_ollama_models(Site& site, const ExchangePtr& exchange, const guard::Principal& who);

}  // namespace freehold::app
