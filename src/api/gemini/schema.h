// Schemas in the OpenAPI dialect that Gemini's clients send (ai.google.dev/api/caching#Schema).
#pragma once

#include <string>

#include "api/fields.h"

namespace freehold::api::gemini {

// The same in JSON Schema: types in lower case, nullable as a type (and value) of its own, counts as numbers,
// properties in the order that propertyOrdering asks for. Keywords may be in snake_case. Failure: invalid, naming the
// place.
Parsed<Json> json_schema_of(const Json& schema, const std::string& where);

}  // namespace freehold::api::gemini
