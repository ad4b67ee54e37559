// The tables of $FREEHOLD_HOME/freehold.db (docs/formats/databases.md), for those who open it.
#pragma once

#include "sql/database.h"

namespace freehold::guard {

const sql::Schema& keys_schema();

}  // namespace freehold::guard
