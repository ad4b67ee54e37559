// What the routes of every dialect stand on: the models, and the way of a request through one of them.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/answer.h"
#include "api/call.h"
#include "app/serve/random_id.h"
#include "app/serve/response_store.h"
#include "app/serve/served_model.h"
#include "http/exchange.h"

namespace freehold::app {

using ExchangePtr = std::shared_ptr<http::Exchange>;

// Makes the encoder of an answer once its prompts are known.
using MakeEncoder =
    std::function<std::unique_ptr<api::Encoder>(const api::Call&, api::AnswerId, const std::vector<engine::Prompt>&)>;

// The engine's refusals, as the client's faults that they are.
api::Failure failure_of(const Error& error);

class Batches;

class Site {
 public:
  ~Site();
  Site(std::vector<std::unique_ptr<ServedModel>> models, std::vector<std::string> keys);

  const std::vector<std::unique_ptr<ServedModel>>& models() const { return models_; }
  // By the name that clients call it, with or without ":latest". Error: not_found, naming it.
  api::Parsed<ServedModel*> find(std::string_view name) const;
  bool admits(const http::Request& request) const;
  // Who asks: answers, caches and stored objects of one tenant are never seen by another.
  std::string tenant_of(const http::Request& request) const;
  ResponseStore& responses() { return responses_; }
  std::int64_t started() const { return started_; }

  // Answers a generating request, streamed or in one piece; errors in the dialect of the request. Everything is checked
  // before the first byte: an error is a plain HTTP error, also for a stream.
  void generate(const ExchangePtr& exchange, api::Parsed<api::Call> call, const MakeEncoder& make_encoder) const;
  // Answers with vectors, in the words of `encode` (call, vectors in the order of the inputs, tokens of all inputs).
  using EncodeVectors =
      std::function<std::string(const api::EmbedCall&, const std::vector<std::vector<float>>&, std::uint64_t tokens)>;
  void embed(const ExchangePtr& exchange, api::Parsed<api::EmbedCall> call, const EncodeVectors& encode) const;
  // The token ids that a call's prompt becomes, counted.
  api::Parsed<std::size_t> count_tokens(const api::Call& call) const;

  std::atomic<bool> stopping{false};
  std::unique_ptr<Batches> batches;  // files and batches, if this server keeps any

 private:
  std::vector<std::unique_ptr<ServedModel>> models_;
  std::vector<std::string> keys_;  // any of these; empty: none is needed
  std::int64_t started_ = 0;
  ResponseStore responses_;
};

}  // namespace freehold::app
