#include "ledger/cost_store.h"

#include <fmt/format.h>
#include <soci/soci.h>

#include <optional>

#include "base/utf8.h"
#include "ledger/price_book.h"

namespace freehold::ledger {

std::filesystem::path costs_path(const std::filesystem::path& home) {
  return home / "costs.db";
}

// Amounts are texts: exact decimals.
const sql::Schema& costs_schema() {
  static const sql::Schema kept = {
      "costs",
      {{"CREATE TABLE machine (id INTEGER PRIMARY KEY, recorded INTEGER NOT NULL, from_day TEXT NOT NULL, "
        "price TEXT NOT NULL, residual TEXT NOT NULL, life_days INTEGER NOT NULL, rent_per_hour TEXT NOT NULL, "
        "hosting_per_month TEXT NOT NULL, tariff TEXT NOT NULL, idle_milliwatts INTEGER NOT NULL, "
        "load_milliwatts INTEGER NOT NULL, overhead_permille INTEGER NOT NULL, note TEXT NOT NULL) STRICT",
        "CREATE TABLE budgets (id INTEGER PRIMARY KEY, recorded INTEGER NOT NULL, scope TEXT NOT NULL, "
        "subject TEXT NOT NULL, measure TEXT NOT NULL, counts TEXT NOT NULL, period TEXT NOT NULL, "
        "amount TEXT NOT NULL, soft_percent INTEGER NOT NULL, hard INTEGER NOT NULL, removed INTEGER NOT NULL) STRICT",
        "CREATE TABLE prices (id INTEGER PRIMARY KEY, recorded INTEGER NOT NULL, provider TEXT NOT NULL, "
        "model TEXT NOT NULL, kind TEXT NOT NULL, usd_per_million TEXT NOT NULL, from_day TEXT NOT NULL, "
        "basis TEXT NOT NULL, source TEXT NOT NULL, retrieved TEXT NOT NULL, confidence TEXT NOT NULL, "
        "note TEXT NOT NULL) STRICT",
        // Of requests under way; amounts in picodollars, rounded up. A row whose owner's lock is free is nobody's.
        "CREATE TABLE reservations (id INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, time INTEGER NOT NULL, "
        "key_id TEXT NOT NULL, tag TEXT NOT NULL, vendor TEXT NOT NULL, tokens INTEGER NOT NULL, "
        "picodollars INTEGER NOT NULL) STRICT"},
       {"CREATE TABLE token_ratios (id INTEGER PRIMARY KEY, recorded INTEGER NOT NULL, vendor TEXT NOT NULL, "
        "model TEXT NOT NULL, millionths INTEGER NOT NULL, error_millionths INTEGER NOT NULL, "
        "sample_tokens INTEGER NOT NULL, tokenizer TEXT NOT NULL) STRICT"}}};
  return kept;
}

Result<CostStore> CostStore::open(const std::filesystem::path& home, sql::Open how) {
  FH_TRY(sql::Database database, sql::Database::open(costs_path(home), costs_schema(), how, sql::Check::whole));
  return CostStore(std::move(database));
}

Result<> CostStore::add(const Machine& m, std::int64_t recorded) {
  FH_TRY_VOID(check(m));
  return database_.transaction([&](soci::session& s) -> Result<> {
    const std::string price = m.price.text(), residual = m.residual.text(), rent = m.rent_per_hour.text(),
                      hosting = m.hosting_per_month.text(), tariff = m.tariff.text();
    const long long when = recorded, life = m.life_days, idle = m.idle_milliwatts, load = m.load_milliwatts,
                    overhead = m.overhead_permille;
    s << "INSERT INTO machine (recorded, from_day, price, residual, life_days, rent_per_hour, hosting_per_month, "
         "tariff, idle_milliwatts, load_milliwatts, overhead_permille, note) VALUES (:recorded, :from, :price, "
         ":residual, :life, :rent, :hosting, :tariff, :idle, :load, :overhead, :note)",
        soci::use(when), soci::use(m.from), soci::use(price), soci::use(residual), soci::use(life), soci::use(rent),
        soci::use(hosting), soci::use(tariff), soci::use(idle), soci::use(load), soci::use(overhead), soci::use(m.note);
    return {};
  });
}

Result<std::vector<MachineRow>> CostStore::machines() {
  return database_.run([&](soci::session& s) -> Result<std::vector<MachineRow>> {
    std::vector<MachineRow> out;
    long long id = 0, recorded = 0, life = 0, idle = 0, load = 0, overhead = 0;
    std::string from, price, residual, rent, hosting, tariff, note;
    soci::statement rows =
        (s.prepare << "SELECT id, recorded, from_day, price, residual, life_days, rent_per_hour, hosting_per_month, "
                      "tariff, idle_milliwatts, load_milliwatts, overhead_permille, note FROM machine ORDER BY id",
         soci::into(id), soci::into(recorded), soci::into(from), soci::into(price), soci::into(residual),
         soci::into(life), soci::into(rent), soci::into(hosting), soci::into(tariff), soci::into(idle),
         soci::into(load), soci::into(overhead), soci::into(note));
    rows.execute();
    while (rows.fetch()) {
      Machine m;
      m.from = from, m.note = note, m.life_days = life, m.idle_milliwatts = idle, m.load_milliwatts = load;
      m.overhead_permille = overhead;
      Result<> good;
      for (const auto& [text, amount] :
           {std::pair(&price, &m.price), std::pair(&residual, &m.residual), std::pair(&rent, &m.rent_per_hour),
            std::pair(&hosting, &m.hosting_per_month), std::pair(&tariff, &m.tariff)}) {
        auto parsed = Money::parse(*text);
        if (!parsed) good = Unexpected(parsed.error());
        if (parsed) *amount = *parsed;
      }
      if (good) good = check(m);
      if (!good) {
        return fail(Errc::corrupt, fmt::format("{} is damaged: row {} of machine: {}",
                                               printable(database_.path().string()), id, good.error().what));
      }
      out.push_back({id, recorded, std::move(m)});
    }
    return out;
  });
}

namespace {

template <typename Name>
std::optional<Name> named(std::string_view text, int count) {
  for (int i = 0; i < count; ++i) {
    if (name_of(static_cast<Name>(i)) == text) return static_cast<Name>(i);
  }
  return std::nullopt;
}

void insert(soci::session& s, const Budget& b, std::int64_t recorded, bool gone) {
  const std::string scope(name_of(b.scope)), measure(name_of(b.measure)), counts(name_of(b.counts)),
      period(name_of(b.period)),
      amount = b.measure == BudgetMeasure::usd ? Money::attodollars(b.limit).text()
                                               : std::to_string(static_cast<std::int64_t>(b.limit));
  const long long when = recorded, soft = b.soft_percent, hard = b.hard ? 1 : 0, removed = gone ? 1 : 0;
  s << "INSERT INTO budgets (recorded, scope, subject, measure, counts, period, amount, soft_percent, hard, removed) "
       "VALUES (:recorded, :scope, :subject, :measure, :counts, :period, :amount, :soft, :hard, :removed)",
      soci::use(when), soci::use(scope), soci::use(b.subject), soci::use(measure), soci::use(counts), soci::use(period),
      soci::use(amount), soci::use(soft), soci::use(hard), soci::use(removed);
}

}  // namespace

Result<> CostStore::set(const Budget& budget, std::int64_t recorded) {
  FH_TRY_VOID(check(budget));
  return database_.transaction([&](soci::session& s) -> Result<> {
    insert(s, budget, recorded, false);
    return {};
  });
}

Result<> CostStore::remove(const Budget& budget, std::int64_t recorded) {
  FH_TRY(const std::vector<Budget> all, budgets());
  for (const Budget& b : all) {
    if (!b.same_as(budget)) continue;
    return database_.transaction([&](soci::session& s) -> Result<> {
      insert(s, b, recorded, true);
      return {};
    });
  }
  return fail(Errc::not_found, "there is no such budget: see freehold cost budget list");
}

Result<std::vector<Budget>> CostStore::budgets() {
  return database_.run([&](soci::session& s) -> Result<std::vector<Budget>> {
    std::vector<Budget> out;
    long long id = 0, soft = 0, hard = 0, removed = 0;
    std::string scope, subject, measure, counts, period, amount;
    soci::statement rows =
        (s.prepare << "SELECT id, scope, subject, measure, counts, period, amount, soft_percent, "
                      "hard, removed FROM budgets ORDER BY id",
         soci::into(id), soci::into(scope), soci::into(subject), soci::into(measure), soci::into(counts),
         soci::into(period), soci::into(amount), soci::into(soft), soci::into(hard), soci::into(removed));
    rows.execute();
    while (rows.fetch()) {
      const auto of_scope = named<BudgetScope>(scope, 3);
      const auto of_measure = named<BudgetMeasure>(measure, 2);
      const auto of_counts = named<BudgetCounts>(counts, 3);
      const auto of_period = named<BudgetPeriod>(period, 4);
      const auto limit = Money::parse(amount);
      Budget b;
      bool good = of_scope && of_measure && of_counts && of_period && limit;
      if (good) {
        b = {*of_scope, subject, *of_measure, *of_counts, *of_period, limit->units(), static_cast<int>(soft),
             hard != 0};
        if (b.measure == BudgetMeasure::tokens) b.limit /= Money::picodollars(1'000'000'000'000).units();
        good = check(b).has_value();
      }
      if (!good) {
        return fail(Errc::corrupt, fmt::format("{} is damaged: row {} of budgets holds what was never written",
                                               printable(database_.path().string()), id));
      }
      std::erase_if(out, [&](const Budget& other) { return other.same_as(b); });
      if (removed == 0) out.push_back(std::move(b));
    }
    return out;
  });
}

Result<> CostStore::add(const std::vector<Price>& prices, std::int64_t recorded) {
  const std::string today = day_text(recorded / 86'400);
  for (const Price& p : prices) {
    const auto good = PriceBook::check_new(p, today);
    if (good) continue;
    if (prices.size() == 1) return good;
    return in_context(good.error(), fmt::format("{}/{} {}", printable(p.provider, 60), printable(p.model, 60),
                                                printable(p.kind, 60)));
  }
  return database_.transaction([&](soci::session& s) -> Result<> {
    for (const Price& p : prices) {
      const std::string usd = p.usd_per_million.text();
      const long long when = recorded;
      s << "INSERT INTO prices (recorded, provider, model, kind, usd_per_million, from_day, basis, source, retrieved, "
           "confidence, note) VALUES (:recorded, :provider, :model, :kind, :usd, :from, :basis, :source, :retrieved, "
           ":confidence, :note)",
          soci::use(when), soci::use(p.provider), soci::use(p.model), soci::use(p.kind), soci::use(usd),
          soci::use(p.from), soci::use(p.basis), soci::use(p.source), soci::use(p.retrieved), soci::use(p.confidence),
          soci::use(p.note);
    }
    return {};
  });
}

Result<std::vector<Price>> CostStore::prices() {
  return database_.run([&](soci::session& s) -> Result<std::vector<Price>> {
    std::vector<Price> out;
    Price p;
    std::string usd;
    soci::statement rows = (s.prepare << "SELECT provider, model, kind, usd_per_million, from_day, basis, source, "
                                         "retrieved, confidence, note FROM prices ORDER BY id",
                            soci::into(p.provider), soci::into(p.model), soci::into(p.kind), soci::into(usd),
                            soci::into(p.from), soci::into(p.basis), soci::into(p.source), soci::into(p.retrieved),
                            soci::into(p.confidence), soci::into(p.note));
    rows.execute();
    while (rows.fetch()) {
      const auto price = Money::parse(usd);
      if (price) p.usd_per_million = *price;
      if (!price || !PriceBook::check(p)) {
        return fail(Errc::corrupt, fmt::format("{} is damaged: a row of prices holds what was never written",
                                               printable(database_.path().string())));
      }
      out.push_back(p);
    }
    return out;
  });
}

Result<> CostStore::add(const TokenRatio& r) {
  FH_TRY_VOID(check(r));
  return database_.transaction([&](soci::session& s) -> Result<> {
    const long long recorded = r.recorded, ratio = r.millionths, error = r.error_millionths;
    const auto tokens = static_cast<long long>(r.sample_tokens);
    s << "INSERT INTO token_ratios (recorded, vendor, model, millionths, error_millionths, sample_tokens, tokenizer) "
         "VALUES (:recorded, :vendor, :model, :ratio, :error, :tokens, :tokenizer)",
        soci::use(recorded), soci::use(r.vendor), soci::use(r.model), soci::use(ratio), soci::use(error),
        soci::use(tokens), soci::use(r.tokenizer);
    return {};
  });
}

Result<std::vector<TokenRatio>> CostStore::token_ratios() {
  return database_.run([&](soci::session& s) -> Result<std::vector<TokenRatio>> {
    std::vector<TokenRatio> out;
    TokenRatio r;
    long long recorded = 0, ratio = 0, error = 0, tokens = 0;
    soci::statement rows = (s.prepare << "SELECT recorded, vendor, model, millionths, error_millionths, sample_tokens, "
                                         "tokenizer FROM token_ratios ORDER BY id",
                            soci::into(recorded), soci::into(r.vendor), soci::into(r.model), soci::into(ratio),
                            soci::into(error), soci::into(tokens), soci::into(r.tokenizer));
    rows.execute();
    while (rows.fetch()) {
      r.recorded = recorded, r.millionths = ratio, r.error_millionths = error;
      r.sample_tokens = static_cast<std::uint64_t>(tokens);
      if (!check(r)) {
        return fail(Errc::corrupt, fmt::format("{} is damaged: a row of token_ratios holds what was never written",
                                               printable(database_.path().string())));
      }
      std::erase_if(out, [&](const TokenRatio& other) { return other.vendor == r.vendor && other.model == r.model; });
      out.push_back(r);
    }
    return out;
  });
}

Result<PriceBook> price_book(const std::filesystem::path& home) {
  auto store = CostStore::open(home, sql::Open::existing);
  if (!store && store.error().code == Errc::not_found) return PriceBook::built_in();
  if (!store) return Unexpected(std::move(store).error());
  FH_TRY(const std::vector<Price> own, store->prices());
  return PriceBook::built_in().with(own);
}

Result<std::vector<TokenRatio>> token_ratios(const std::filesystem::path& home) {
  auto store = CostStore::open(home, sql::Open::existing);
  if (!store && store.error().code == Errc::not_found) return std::vector<TokenRatio>();
  if (!store) return Unexpected(std::move(store).error());
  return store->token_ratios();
}

Result<MachineHistory> machine_history(const std::filesystem::path& home) {
  auto store = CostStore::open(home, sql::Open::existing);
  if (!store && store.error().code == Errc::not_found) return MachineHistory();
  if (!store) return Unexpected(std::move(store).error());
  FH_TRY(std::vector<MachineRow> rows, store->machines());
  return MachineHistory(std::move(rows));
}

}  // namespace freehold::ledger
