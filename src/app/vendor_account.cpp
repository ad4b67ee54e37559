#include "app/vendor_account.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>

#include "app/audit/act.h"
#include "base/random_id.h"
#include "base/utf8.h"
#include "ledger/cost_store.h"
#include "ledger/machine.h"
#include "ledger/price_book.h"
#include "store/store.h"
#include "upstream/wire.h"

namespace freehold::app {
namespace {

constexpr std::uint64_t kEnvelope = 64;         // tokens that a vendor puts around the messages
constexpr std::size_t kLongestModel = 200;      // as a name in the record
constexpr std::chrono::milliseconds kLook{50};  // whether others have given back what they had reserved

std::int64_t now_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

std::uint64_t bytes_of(const upstream::Call& call) {
  std::uint64_t bytes = call.schema.size();
  for (const upstream::Message& m : call.messages) bytes += m.text.size();
  return bytes;
}

}  // namespace

upstream::Tokens at_most(const upstream::Call& call) {
  upstream::Tokens most;
  most.input = bytes_of(call) + kEnvelope;
  most.output = call.max_tokens;
  return most;
}

Settled settled(const upstream::Attempt& attempt, const upstream::Call& call) {
  Settled out;
  if (attempt.free) return out;
  const upstream::Counted& said = attempt.counted;
  const upstream::Tokens most = at_most(call);
  // A prompt has tokens, and so has an answer with a text: 0 is no count of these.
  const bool input = said.input.value_or(0) > 0;
  const bool output = attempt.answered && said.output && (*said.output > 0 || attempt.answer_bytes == 0);
  ledger::Tokens& t = out.tokens;
  t.prompt = input ? *said.input : most.input;
  t.cached = input ? std::min(said.cached_input, t.prompt) : 0;
  t.cache_writes = input ? std::min(said.cache_writes, t.prompt - t.cached) : 0;
  t.completion = output ? *said.output : std::max(most.output, said.output.value_or(0));
  t.long_prompts = ledger::long_prompts(t.prompt);
  out.counted = input && output;
  return out;
}

std::string vendor_name(const upstream::Place& place) {
  const auto own = http::parse_url(place.wire->base);
  const bool itself = own && own->authority() == place.base.authority();
  return fmt::format("{}/{}", itself ? std::string(place.wire->provider) : place.base.authority(),
                     printable(place.model, kLongestModel));
}

Result<VendorAccount> VendorAccount::open(const upstream::Place& place, Options options) {
  VendorAccount out;
  out.options_ = std::move(options);
  out.vendor_ = vendor_name(place);
  out.dialect_ = place.wire->name;
  FH_TRY(const auto home, store::default_home());
  FH_TRY(auto log, ledger::UsageLog::open(home));
  out.log_ = std::make_unique<ledger::UsageLog>(std::move(log));
  FH_TRY(auto budgets, ledger::BudgetBook::open(home, ledger::PriceBook::built_in()));
  out.budgets_ = std::make_unique<ledger::BudgetBook>(std::move(budgets));
  FH_TRY(auto book, ledger::price_book(home));
  out.book_ = std::make_unique<ledger::PriceBook>(std::move(book));
  if (auto name = out.book_->resolve(out.vendor_)) out.prices_.emplace(*out.book_, std::move(*name));
  // Before anything is sent: without this entry nothing leaves.
  FH_TRY_VOID(record_act("vendor.use", out.vendor_,
                         audit::Object().add("reference", out.options_.reference).add("tag", out.options_.tag)));
  return out;
}

Result<ledger::Reservation> VendorAccount::reserve(const upstream::Call& call, std::int64_t now) const {
  const upstream::Tokens most = at_most(call);
  ledger::BudgetAsk ask;
  ask.time = now;
  ask.tag = options_.tag;
  ask.vendor = vendor_;
  ask.prompt_tokens = most.input;
  ask.completion_tokens = most.output;
  while (true) {
    FH_TRY(ledger::BudgetDecision decision, budgets_->reserve(ask));
    if (decision.ok) return std::move(decision.reservation);
    if (!decision.later) return fail(Errc::exhausted, decision.message);
    if (options_.stopped && options_.stopped()) return fail(Errc::cancelled, "interrupted");
    std::this_thread::sleep_for(kLook);
  }
}

Result<> VendorAccount::record(const upstream::Attempt& attempt, const upstream::Call& call, const Settled& settled,
                               std::int64_t begun) const {
  ledger::Event event;
  event.request_id = "out-" + random_id();
  event.time = begun;
  event.model = options_.reference;
  event.vendor = vendor_;
  event.tag = options_.tag;
  event.dialect = dialect_;
  event.endpoint = "gateway";
  event.decode_seconds = attempt.seconds;
  event.http_status = attempt.status;
  event.outcome = attempt.answered ? ledger::Outcome::completed
                  : attempt.free   ? ledger::Outcome::refused
                                   : ledger::Outcome::failed;
  if (call.temperature) event.sampling = fmt::format("temperature={:g}", *call.temperature);
  event.seed = call.seed;
  event.prompt_tokens = settled.tokens.prompt;
  event.cached_tokens = settled.tokens.cached;
  event.cache_write_tokens = settled.tokens.cache_writes;
  event.completion_tokens = settled.tokens.completion;
  if (!settled.counted) {
    event.finish_reason = ledger::kUncounted;
  } else if (attempt.answered) {
    event.finish_reason = upstream::name_of(attempt.ending);
  }
  std::promise<bool> stored;
  log_->append(std::move(event), [&](bool durable) { stored.set_value(durable); });
  if (stored.get_future().get()) return {};
  const auto why = log_->failure();
  return fail(Errc::io, fmt::format("the record of usage cannot be written{}, so nothing more is asked",
                                    why ? ": " + why->what : ""));
}

std::optional<ledger::Money> VendorAccount::price(const ledger::Tokens& tokens) const {
  if (!prices_) return std::nullopt;
  const ledger::VendorCost cost = prices_->cost(ledger::day_text(ledger::day_of(now_us())), tokens);
  return cost.priced() ? std::optional(cost.total) : std::nullopt;
}

Result<upstream::Reply> VendorAccount::ask(const upstream::Gateway& gateway, const upstream::Call& call,
                                           const Told& told) const {
  if (!options_.veil) return ask_as_it_is(gateway, call, told);
  FH_TRY(const VendorVeil::Outgoing sent, options_.veil->outgoing(call));
  FH_TRY(upstream::Reply reply, ask_as_it_is(gateway, sent.call, told));
  FH_TRY(reply.text, options_.veil->incoming(std::move(reply.text), sent.values));
  return reply;
}

Result<upstream::Reply> VendorAccount::ask_as_it_is(const upstream::Gateway& gateway, const upstream::Call& call,
                                                    const Told& told) const {
  std::int64_t begun = now_us();
  FH_TRY(ledger::Reservation held, reserve(call, begun));
  return gateway.ask(call, [&](const upstream::Attempt& attempt) -> Result<> {
    const Settled as = settled(attempt, call);
    FH_TRY_VOID(record(attempt, call, as, begun));
    held = {};
    auto next = told ? told(attempt, as, price(as.tokens)) : Result<>();
    if (next && attempt.again) {
      // The next one may cost as much again, beside what this one did.
      begun = now_us();
      auto reserved = reserve(call, begun);
      if (reserved) {
        held = std::move(*reserved);
      } else {
        next = Unexpected(std::move(reserved).error());
      }
    }
    if (next || attempt.what.empty()) return next;
    return in_context(std::move(next).error(), attempt.what);
  });
}

}  // namespace freehold::app
