// The items that a request of responses brings.
#pragma once

#include <string_view>

#include "api/fields.h"

namespace freehold::api::openai {

// `input` as an array of items in their full form, with types and ids (made of `id`, random letters and digits).
// Failures name the item's field.
Parsed<Json> parse_items(Fields& fields, std::string_view id);

}  // namespace freehold::api::openai
