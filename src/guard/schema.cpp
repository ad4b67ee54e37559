#include "guard/schema.h"

namespace freehold::guard {

const sql::Schema& keys_schema() {
  // models: names, one a line (they have no control characters); NULL: all models.
  static const sql::Schema kept = {
      "keys",
      {{"CREATE TABLE keys ("
        "id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL, hash TEXT NOT NULL, created INTEGER NOT "
        "NULL, expires INTEGER, revoked INTEGER, requests_per_minute INTEGER, tokens_per_minute INTEGER, concurrency "
        "INTEGER, models TEXT) STRICT"},
       {"ALTER TABLE keys ADD COLUMN label TEXT NOT NULL DEFAULT ''", "ALTER TABLE keys ADD COLUMN ceiling TEXT",
        "CREATE TABLE labels (subject TEXT NOT NULL UNIQUE, ceiling TEXT, label TEXT, content TEXT NOT NULL) STRICT"},
       {"CREATE TABLE people (id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL, seen INTEGER, blocked "
        "INTEGER) STRICT"},
       {"CREATE TABLE holds (id TEXT NOT NULL UNIQUE, subjects TEXT NOT NULL, label TEXT NOT NULL, reason TEXT NOT "
        "NULL, "
        "held_by TEXT NOT NULL, since INTEGER NOT NULL, released INTEGER, release_reason TEXT NOT NULL, released_by "
        "TEXT "
        "NOT NULL) STRICT"}}};
  return kept;
}

}  // namespace freehold::guard
