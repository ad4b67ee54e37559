// Pages of rows that are numbered as they come, in OpenAI's way: "after" names the last one of the page before.
#pragma once

#include <string>
#include <string_view>

#include "api/openai/files.h"
#include "sql/database.h"

namespace freehold::app {

// The number that a page begins behind, in the direction of the page, among an owner's rows of a table with the columns
// number, id and `owner_column`. Error: invalid (`page.after` is no id of them).
Result<long long> number_behind(soci::session& s, std::string_view table, std::string_view owner_column,
                                const std::string& owner, const api::openai::Page& page);

}  // namespace freehold::app
