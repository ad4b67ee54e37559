#include "app/serve/generation.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/serve/reply.h"
#include "app/serve/site.h"

namespace freehold::app {
namespace {

api::Reason reason_of(const engine::Finished& finished) {
  switch (finished.reason) {
    case engine::FinishReason::length:
      return api::Reason::length;
    case engine::FinishReason::cancelled:
      return api::Reason::cancelled;
    default:
      return finished.stop_string.empty() ? api::Reason::stop : api::Reason::stop_string;
  }
}

// What a piece adds to an answer in one piece.
std::uint64_t bytes_added_by(const api::Piece& piece) {
  constexpr std::uint64_t kLogprob = 80;  // as JSON
  if (const auto* text = std::get_if<api::Text>(&piece)) return text->text.size();
  if (const auto* thinking = std::get_if<api::Thinking>(&piece)) return thinking->text.size();
  if (const auto* arguments = std::get_if<api::ToolArguments>(&piece)) return arguments->fragment.size();
  if (const auto* token = std::get_if<api::Logprobs>(&piece)) return (1 + token->token->top.size()) * kLogprob;
  if (const auto* read = std::get_if<api::PromptLogprobs>(&piece)) return (1 + read->token->top.size()) * kLogprob;
  return 0;
}

api::Failure too_long_whole() {
  return {api::Problem::invalid,
          fmt::format("the answer would have more than {} MiB in one piece: ask for a stream, for fewer answers or for "
                      "fewer log-probabilities",
                      Generation::kMostWhole >> 20),
          {},
          {}};
}

}  // namespace

Generation::Generation(std::shared_ptr<http::Exchange> exchange, std::unique_ptr<api::Encoder> encoder,
                       const api::Call& call, const AnswerPlan& plan, CountTokens count_tokens)
    : exchange_(std::move(exchange)),
      encoder_(std::move(encoder)),
      stream_(call.stream),
      n_(call.request.n),
      count_tokens_(std::move(count_tokens)),
      arrived_(arrival_of(exchange_->request())),
      open_(call.request.n * static_cast<std::uint32_t>(plan.prompts.size())) {
  add_header("freehold-receipt", exchange_->request().id);
  add_header("freehold-seed", std::to_string(call.request.seed));
  answers_.resize(open_);
  name_ignored(call.ignored);
  if (!call.left_out.empty()) add_header("freehold-truncated", call.left_out);
  for (std::uint32_t i = 0; plan.reader && i < open_; ++i)
    readings_.push_back({text::tools::AnswerReader(*plan.reader), {}});
}

void Generation::name_ignored(const std::vector<std::string>& names) {
  if (names.empty()) return;
  const std::string list = fmt::format("{}", fmt::join(names, ", "));
  const auto there = std::ranges::find(headers_, "freehold-ignored", &std::pair<std::string, std::string>::first);
  if (there == headers_.end()) return add_header("freehold-ignored", list);
  there->second += ", " + list;
}

void Generation::account(Account account) {
  if (account.accounts.keeps()) texts_.resize(answers_.size());
  account_.emplace(std::move(account));
}

void Generation::veil(ExchangeVeil veil, std::function<void()> stop) {
  veil_ = std::move(veil);
  stop_ = std::move(stop);
}

http::Response Generation::head() const {
  http::Response response{200, {}, {}};
  response.headers.set("content-type", encoder_->content_type());
  if (stream_) response.headers.set("cache-control", "no-cache");
  for (const auto& [name, value] : headers_) response.headers.set(name, value);
  if (const std::string done = veil_.header(stream_); !done.empty()) {
    response.headers.set("freehold-personal-data", done);
  }
  return response;
}

void Generation::begin() {
  if (std::exchange(begun_, true) || !stream_) return;
  exchange_->start(head());
  std::string bytes = encoder_->begin();
  if (!bytes.empty()) exchange_->send(std::move(bytes));
}

void Generation::add(const api::Piece& piece) {
  if (!stream_) {
    if (whole_ > kMostWhole) return;
    const bool of_prompt = std::holds_alternative<api::PromptLogprobs>(piece);  // stands in each of its answers
    whole_ += bytes_added_by(piece) * (of_prompt ? n_ : 1);
    if (whole_ > kMostWhole) {
      if (stop_) stop_();
      return;
    }
  }
  if (!veil_.answer) return give(piece);
  if (veil_.blocked()) return;
  veil_.answer->add(piece, [this](const api::Piece& given) { give(given); });
  if (veil_.blocked() && stop_) stop_();
}

void Generation::give(const api::Piece& piece) {
  std::string bytes = encoder_->add(piece);
  if (!stream_ || bytes.empty()) return;
  // That a choice has come to its end is part of the answer's end, which waits for the record.
  if (std::holds_alternative<api::Ended>(piece)) {
    held_ += bytes;
  } else {
    exchange_->send(std::move(bytes));
  }
}

void Generation::add(std::uint32_t choice, std::string_view text) {
  if (readings_.empty()) return add(api::Text{choice, text});
  readings_[choice].reader.push(text, pieces_);
  add_pieces(choice);
}

void Generation::add_pieces(std::uint32_t choice) {
  using Kind = text::tools::AnswerPiece::Kind;
  for (const text::tools::AnswerPiece& piece : pieces_) {
    switch (piece.kind) {
      case Kind::text:
        add(api::Text{choice, piece.text});
        break;
      case Kind::thinking:
        readings_[choice].thinking += piece.text;
        add(api::Thinking{choice, piece.text});
        break;
      case Kind::tool_start:
        add(api::ToolStart{choice, piece.index, piece.text});
        break;
      case Kind::tool_arguments:
        add(api::ToolArguments{choice, piece.index, piece.text});
        break;
      case Kind::tool_end:
        add(api::ToolEnd{choice, piece.index});
        break;
    }
  }
  pieces_.clear();
}

void Generation::finish(std::uint32_t choice, const engine::Finished& finished) {
  api::Ended ended{choice, reason_of(finished), finished.stop_string, finished.usage, 0, finished.tokens};
  if (!readings_.empty()) {
    Reading& reading = readings_[choice];
    reading.reader.end(pieces_, ended.reason == api::Reason::length);
    add_pieces(choice);
    // Calls that the limit has brought to their end, or that end right at it, are whole and valid: clients throw away
    // what says `length`.
    const bool whole =
        ended.reason == api::Reason::stop ||
        (ended.reason == api::Reason::length && !finished.cannot_complete && !reading.reader.inside_call());
    if (reading.reader.calls() > 0 && whole) ended.reason = api::Reason::tool_calls;
    if (!reading.thinking.empty()) ended.thinking_tokens = count_tokens_(reading.thinking);
  }
  if (finished.steered) add_header("freehold-steered", "true");  // of use only to an answer in one piece
  add(ended);
  cancelled_ = cancelled_ && finished.reason == engine::FinishReason::cancelled;
  if (account_) {
    ledger::Event& event = account_->event;
    const engine::Usage& usage = finished.usage;
    if (choice % n_ == 0) {  // of each prompt
      event.prompt_tokens += usage.prompt_tokens;
      event.cached_tokens += usage.cached_tokens;
      event.queue_seconds += usage.queue_seconds;
      event.prefill_seconds += usage.prefill_seconds;
    }
    event.completion_tokens += usage.completion_tokens;
    event.compute_us = event.compute_us.value_or(0) + usage.compute_us;
    if (usage.energy_nwh) event.energy_nwh = event.energy_nwh.value_or(0) + *usage.energy_nwh;
    if (usage.completion_tokens > 0) {
      const double first = seconds_since(arrived_) - usage.decode_seconds;
      first_token_ = std::min(first_token_.value_or(first), first);
    }
    if (usage.decode_seconds >= event.decode_seconds) longest_ = usage.completion_tokens;
    event.decode_seconds = std::max(event.decode_seconds, usage.decode_seconds);
    if (choice >= told_) {  // of the last choice, in whatever order they end
      told_ = choice;
      event.finish_reason = engine::name_of(finished.reason);
    }
    event.steered = event.steered || finished.steered;
  }
  if (--open_ == 0) end();
}

void Generation::count(const Account& account) const {
  const ledger::Event& event = account.event;
  RequestTimes times;
  times.total = seconds_since(arrived_);
  times.queue = event.queue_seconds;
  times.finished = cancelled_ ? std::string_view("abort") : std::string_view(event.finish_reason);
  if (first_token_) {
    times.first_token = first_token_;
    times.prefill = event.prefill_seconds;
    times.decode = event.decode_seconds;
    times.completion_tokens = longest_;
  }
  account.latencies.add(event.key_id, account.served, times);
}

// The account is settled once.
void Generation::record(ledger::Outcome outcome, int status, std::function<void(bool)> stored) {
  if (!account_) return stored(true);
  Account account = std::move(*account_);
  account_.reset();
  account.lease.settle(account.event.prompt_tokens + account.event.completion_tokens);
  if (outcome != ledger::Outcome::failed) count(account);
  account.event.outcome = outcome;
  account.event.http_status = status;
  std::vector<Digest> digests;
  for (Sha256& answer : answers_) digests.push_back(answer.finish());
  account.entry.answer_digest = digest_of(digests);
  account.said.answers = std::move(texts_);
  veil_.record(account.entry, account.said);
  account.accounts.record(std::move(account.event), std::move(account.entry), std::move(account.said),
                          std::move(account.reservation), std::move(stored));
}

void Generation::refuse(const api::Failure& failure) {
  failed_ = true;
  if (account_) account_->lease.settle(0);
  account_.reset();
  respond(*exchange_, failure);
}

void Generation::fail(const Error& error) {
  failed_ = true;
  end_with(failure_of(error), begun_ && stream_);
}

// What was computed is recorded, whoever may have it; then the client is told, within the stream if there is one.
void Generation::end_with(const api::Failure& failure, bool within) {
  std::string broken = within ? encoder_->broken(failure) : std::string();
  record(ledger::Outcome::failed, within ? 200 : api::status_of(failure),
         [exchange = exchange_, failure, within, broken = std::move(broken)](bool durable) {
           if (!within) return respond(*exchange, durable ? failure : unrecorded());
           exchange->send(broken);
           exchange->finish();
         });
}

// The answer's end goes out when its event is on disk.
void Generation::end() {
  if (veil_.blocked()) return end_with(veil_.answer->veil().refusal(), stream_);
  if (whole_ > kMostWhole) return end_with(too_long_whole(), stream_);
  std::string bytes = std::move(held_) + encoder_->end();
  const auto outcome = cancelled_ ? ledger::Outcome::cancelled : ledger::Outcome::completed;
  if (stream_) {
    std::string broken = encoder_->broken(unrecorded());
    record(
        outcome, 200,
        [exchange = exchange_, encoder = encoder_, bytes = std::move(bytes), broken = std::move(broken)](bool durable) {
          if (durable) encoder->recorded();
          exchange->send(durable ? bytes : broken);
          exchange->finish();
        });
    return;
  }
  http::Response response = head();
  response.body = std::move(bytes);
  record(outcome, 200,
         [exchange = exchange_, encoder = encoder_, response = std::move(response)](bool durable) mutable {
           if (!durable) return respond(*exchange, unrecorded());
           encoder->recorded();
           exchange->respond(std::move(response));
         });
}

void Generation::on(std::uint32_t first, const engine::Event& event) {
  if (failed_) return;
  if (const auto* broken = std::get_if<engine::Failed>(&event)) return fail(broken->error);
  begin();
  const bool whole_prompt = first % n_ == 0;  // not the later part of a prompt's answers
  if (const auto* started = std::get_if<engine::Started>(&event)) {
    if (whole_prompt) add(api::Begun{started->prompt_tokens, started->cached_tokens});
  } else if (const auto* delta = std::get_if<engine::TextDelta>(&event)) {
    answers_[first + delta->choice].update(as_bytes(delta->text));
    if (!texts_.empty()) texts_[first + delta->choice] += delta->text;
    add(first + delta->choice, delta->text);
  } else if (const auto* read = std::get_if<engine::PromptLogprobs>(&event)) {
    if (whole_prompt) add(api::PromptLogprobs{first / n_, read});
  } else if (const auto* token = std::get_if<engine::TokenLogprobs>(&event)) {
    add(api::Logprobs{first + token->choice, token});
  } else if (const auto* finished = std::get_if<engine::Finished>(&event)) {
    finish(first + finished->choice, *finished);
  }
}

}  // namespace freehold::app
