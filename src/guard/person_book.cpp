#include "guard/person_book.h"

#include <fmt/format.h>
#include <soci/soci.h>

#include "base/utf8.h"
#include "guard/people.h"
#include "guard/schema.h"

namespace freehold::guard {

Result<PersonBook> PersonBook::open(const std::filesystem::path& home, OpenKeys how) {
  FH_TRY(sql::Database database,
         sql::Database::open(keys_path(home), keys_schema(),
                             how == OpenKeys::create ? sql::Open::create : sql::Open::existing, sql::Check::none));
  return PersonBook(std::move(database));
}

Result<std::vector<Person>> PersonBook::all() {
  return database_.run([&](soci::session& s) -> Result<std::vector<Person>> {
    std::string id, name, role;
    long long seen = 0, blocked = 0;
    soci::indicator has_seen = soci::i_null, has_blocked = soci::i_null;
    soci::statement statement =
        (s.prepare << "SELECT id, name, role, seen, blocked FROM people ORDER BY id", soci::into(id), soci::into(name),
         soci::into(role), soci::into(seen, has_seen), soci::into(blocked, has_blocked));
    statement.execute();
    std::vector<Person> out;
    while (statement.fetch()) {
      const auto known = role_from_name(role);
      if (!known || !is_person(id)) {
        return fail(Errc::corrupt, fmt::format("{} is damaged: the row of '{}' holds what was never written",
                                               printable(database_.path().string()), printable(id, 60)));
      }
      out.push_back({id, name, *known, has_seen == soci::i_ok ? std::optional<std::int64_t>(seen) : std::nullopt,
                     has_blocked == soci::i_ok ? std::optional<std::int64_t>(blocked) : std::nullopt});
    }
    return out;
  });
}

Result<> PersonBook::saw(const Principal& who, std::int64_t now) {
  return database_.transaction([&](soci::session& s) -> Result<> {
    const std::string role(name_of(who.role));
    const long long seen = now;
    s << "INSERT INTO people (id, name, role, seen) VALUES (:id, :name, :role, :seen) ON CONFLICT (id) DO UPDATE SET "
         "name = excluded.name, role = excluded.role, seen = excluded.seen",
        soci::use(who.key_id), soci::use(who.name), soci::use(role), soci::use(seen);
    return {};
  });
}

Result<> PersonBook::block(const std::string& id, std::optional<std::int64_t> since) {
  return database_.transaction([&](soci::session& s) -> Result<> {
    long long when = since.value_or(0);
    soci::indicator state = since ? soci::i_ok : soci::i_null;
    const std::string nothing, role(name_of(Role::user));
    s << "INSERT INTO people (id, name, role, blocked) VALUES (:id, :name, :role, :blocked) ON CONFLICT (id) DO UPDATE "
         "SET blocked = excluded.blocked",
        soci::use(id), soci::use(nothing), soci::use(role), soci::use(when, state);
    return {};
  });
}

Result<long long> PersonBook::data_version() {
  return database_.data_version();
}

}  // namespace freehold::guard
