// What the routes of every dialect stand on: the models, and the way of a request through one of them.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/answer.h"
#include "api/call.h"
#include "app/serve/accounts.h"
#include "app/serve/blob_uploads.h"
#include "app/serve/made_models.h"
#include "app/serve/random_id.h"
#include "app/serve/response_store.h"
#include "app/serve/running.h"
#include "app/serve/served_model.h"
#include "http/exchange.h"

namespace freehold::app {

using ExchangePtr = std::shared_ptr<http::Exchange>;

// Makes the encoder of an answer once its prompts are known.
using MakeEncoder =
    std::function<std::unique_ptr<api::Encoder>(const api::Call&, api::AnswerId, const std::vector<engine::Prompt>&)>;

// An answer whose event could not be written.
api::Failure unrecorded();

class Batches;

class Site {
 public:
  ~Site();
  Site(std::vector<std::unique_ptr<ServedModel>> models, Accounts accounts);

  const std::vector<std::unique_ptr<ServedModel>>& models() const { return models_; }
  // By the name that clients call it, with or without ":latest"; of a model made from another, the one that answers.
  // Error: not_found, naming it.
  api::Parsed<ServedModel*> find(std::string_view name) const;
  // The same, for somebody: who may not use it does not learn that it is there.
  api::Parsed<ServedModel*> find(std::string_view name, const guard::Principal& principal) const;
  // Nothing if the key is missing or wrong.
  std::optional<guard::Principal> principal_of(const http::Request& request) const {
    return accounts_.principal_of(request);
  }
  // Who asks: answers, caches and stored objects of one tenant are never seen by another.
  std::string tenant_of(const http::Request& request) const;
  ResponseStore& responses() { return responses_; }
  // Puts what the called model was made with into the conversation; once.
  api::Parsed<void> adopt(api::Call& call) const;
  MadeModels& made() { return made_; }
  const MadeModels& made() const { return made_; }
  BlobUploads& blobs() { return blobs_; }
  RunningRequests& running() const { return running_; }
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
  api::Parsed<guard::Principal> allowed(const ExchangePtr& exchange) const;

  std::vector<std::unique_ptr<ServedModel>> models_;
  mutable Accounts accounts_;
  std::int64_t started_ = 0;
  ResponseStore responses_;
  MadeModels made_;
  BlobUploads blobs_;
  mutable RunningRequests running_;
};

}  // namespace freehold::app
