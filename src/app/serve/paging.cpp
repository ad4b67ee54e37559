#include "app/serve/paging.h"

#include <fmt/format.h>
#include <soci/soci.h>

#include <climits>

#include "base/utf8.h"

namespace freehold::app {

Result<long long> number_behind(soci::session& s, std::string_view table, std::string_view owner_column,
                                const std::string& owner, const api::openai::Page& page) {
  if (page.after.empty()) return page.ascending ? 0 : LLONG_MAX;
  long long number = 0;
  s << fmt::format("SELECT number FROM {} WHERE {} = :owner AND id = :id", table, owner_column), soci::into(number),
      soci::use(owner), soci::use(page.after);
  if (!s.got_data()) {
    return fail(Errc::invalid, fmt::format("'after': there is no object '{}'", printable(page.after)));
  }
  return number;
}

}  // namespace freehold::app
