// One answer under way: the events of its requests to the engine (one a prompt) become pieces, the pieces bytes. Held
// by the event sinks; after the start only the engine's thread touches it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/answer.h"
#include "app/serve/accounts.h"
#include "app/serve/answer_plan.h"
#include "app/serve/latencies.h"
#include "app/veil/exchange_veil.h"
#include "base/hash.h"
#include "engine/event.h"
#include "http/exchange.h"

namespace freehold::app {

class Generation {
 public:
  // Bytes of an answer in one piece, about. What becomes longer ends with an error that says so: all of it is in memory
  // until its end, and one request may ask for 128 answers with 21 log-probabilities a token.
  static constexpr std::uint64_t kMostWhole = std::uint64_t{256} << 20;

  // How many tokens a text has.
  using CountTokens = std::function<std::uint32_t(std::string_view)>;
  Generation(std::shared_ptr<http::Exchange> exchange, std::unique_ptr<api::Encoder> encoder, const api::Call& call,
             const AnswerPlan& plan, CountTokens count_tokens);

  // Headers of the answer beside the usual ones; before the first event.
  void add_header(std::string name, std::string value) { headers_.emplace_back(std::move(name), std::move(value)); }

  // Names in the header that says what is ignored, beside those that are there; before the first event.
  void name_ignored(const std::vector<std::string>& names);

  // What is done with personal data in it; `stop` ends what computes it, once nothing more may be given, or it is too
  // long. Before the first event.
  void veil(ExchangeVeil veil, std::function<void()> stop);

  // What it is to be recorded as, and the place it takes. Always given before the first event.
  struct Account {
    Accounts& accounts;
    ledger::Event event;
    audit::RequestEntry entry;  // what the event does not say
    Said said;                  // all but the answers
    guard::Lease lease;
    ledger::Reservation reservation;
    Latencies& latencies;
    std::string served;  // the model that answers
  };
  void account(Account account);

  // Ends it before the first event: nothing was computed, and the account is not charged.
  void refuse(const api::Failure& failure);

  // An event of the request whose first choice is `first`.
  void on(std::uint32_t first, const engine::Event& event);

 private:
  void begin();
  void add(const api::Piece& piece);
  void give(const api::Piece& piece);
  void add(std::uint32_t choice, std::string_view text);
  void add_pieces(std::uint32_t choice);
  void finish(std::uint32_t choice, const engine::Finished& finished);
  void fail(const Error& error);
  void end();
  void end_with(const api::Failure& failure, bool within);
  void record(ledger::Outcome outcome, int status, std::function<void(bool)> stored);
  void count(const Account& account) const;
  http::Response head() const;

  std::shared_ptr<http::Exchange> exchange_;
  std::shared_ptr<api::Encoder> encoder_;  // also what waits for the record has it
  const bool stream_;
  const std::uint32_t n_;
  std::vector<std::pair<std::string, std::string>> headers_;
  const CountTokens count_tokens_;
  struct Reading {
    text::tools::AnswerReader reader;
    std::string thinking;
  };
  std::vector<Reading> readings_;                 // one a choice; empty: answers are text and no more
  std::vector<text::tools::AnswerPiece> pieces_;  // scratch
  std::optional<Account> account_;
  ExchangeVeil veil_;
  std::function<void()> stop_;
  std::vector<Sha256> answers_;     // of the text of each choice
  std::vector<std::string> texts_;  // the same, where it is kept
  bool cancelled_ = true;           // every choice was
  const std::chrono::steady_clock::time_point arrived_;
  std::optional<double> first_token_;  // seconds after that
  std::uint32_t longest_ = 0;          // tokens of the choice that took longest
  std::uint32_t open_;                 // choices that have not ended
  std::uint32_t told_ = 0;             // of those that have, the last: what is recorded says how it ended
  bool begun_ = false, failed_ = false;
  std::string held_;         // of a stream: how its choices have ended, which goes out with its end
  std::uint64_t whole_ = 0;  // bytes so far of an answer in one piece
};

}  // namespace freehold::app
