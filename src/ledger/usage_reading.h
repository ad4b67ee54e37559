// What the reading sides of usage.db share: the connection, and a filter as SQL.
#pragma once

#include <string>

#include "ledger/usage_query.h"
#include "sql/database.h"

namespace soci {
class statement;
}

namespace freehold::ledger {

struct UsageQuery::State {
  sql::Database database;
};

// The conditions of a filter as SQL, and the values bound to them: as long as the statement is executed.
struct UsageWhere {
  std::string sql = " WHERE 1";
  std::string key, model, adapter, vendor, tag;
  long long since = 0, until = 0;

  // Binds them to `statement`.
  UsageWhere(const Filter& filter, soci::statement& statement, bool with_time = true);
  UsageWhere(const UsageWhere&) = delete;
  UsageWhere& operator=(const UsageWhere&) = delete;
};

// Executes `sql` with what was exchanged before.
void execute(soci::statement& statement, const std::string& sql);

// The column or expression of events and days that a group has for its name.
std::string_view expression(GroupBy by);

}  // namespace freehold::ledger
