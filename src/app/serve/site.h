// What the routes of every dialect stand on: the models, and the way of a request through one of them.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/answer.h"
#include "api/call.h"
#include "app/serve/accounts.h"
#include "app/serve/answer_id.h"
#include "app/serve/blob_uploads.h"
#include "app/serve/checkpoint_mirror.h"
#include "app/serve/compile_queue.h"
#include "app/serve/erasures.h"
#include "app/serve/latencies.h"
#include "app/serve/made_models.h"
#include "app/serve/models.h"
#include "app/serve/response_store.h"
#include "app/serve/running.h"
#include "app/veil/exchange_veil.h"
#include "base/fair_threads.h"
#include "http/exchange.h"

namespace freehold::app {

using ExchangePtr = std::shared_ptr<http::Exchange>;

// Makes the encoder of an answer once its prompts are known.
using MakeEncoder =
    std::function<std::unique_ptr<api::Encoder>(const api::Call&, api::AnswerId, const std::vector<text::Prompt>&)>;

// An answer whose event could not be written.
api::Failure unrecorded();

class Batches;
class Pulls;
class Site;
class TuningJobs;

// A model under a name by which somebody may call it.
struct NamedModel {
  std::string name;
  FactsPtr model;
  std::optional<api::ollama::MadeModel> made;  // what it was made with; nothing: it is served under this name
  std::int64_t since(const Site& site) const;  // Unix seconds
  // What it is asked with unless its user says otherwise: what it was made with, or came with.
  const api::ollama::Preset& preset() const { return made ? made->preset : model->preset; }
};

class Site {
 public:
  ~Site();
  // `erasures`: those that the accounts' trail heeds, if it keeps what is said.
  Site(std::unique_ptr<Models> models, Accounts accounts,
       std::shared_ptr<Erasures> erasures = std::make_shared<Erasures>());

  Models& pool() const { return *models_; }
  // What somebody may use of what can be asked for, in memory or not.
  std::vector<FactsPtr> served_to(const guard::Principal& who) const;
  // By the name that clients call it, with or without ":latest": a served model, or one that this key has made from
  // one. Errors: not_found, naming it; who may not use a model does not learn that it is there; internal, if its files
  // cannot be read.
  api::Parsed<NamedModel> named(std::string_view name, const guard::Principal& who) const;
  // The model that answers under the name.
  api::Parsed<FactsPtr> facts(std::string_view name, const guard::Principal& who) const;
  // The same, if it is in memory, which it is where `when_loaded` has seen to it. Error: also unavailable.
  // `action`: asking needs all that the policy says of this model; reading its state, that it may be seen. Error: also
  // forbidden.
  api::Parsed<ModelLease> find(std::string_view name, const guard::Principal& who,
                               guard::Action action = guard::Action::ask) const;
  // A model that may be asked, with all that its name stood for at one moment: what is permitted is what answers, also
  // where the name is moved meanwhile. Errors: as find.
  struct Permitted {
    NamedModel named;
    ModelLease model;
    Models::AdapterHandle adapter;  // that the name puts on the model; null if it puts none
    std::string label;              // of the exchange
  };
  api::Parsed<Permitted> permitted(std::string_view name, const guard::Principal& who) const;
  // All that `named` finds: those that are served, those that were tuned, those that were made.
  std::vector<NamedModel> named_models(const guard::Principal& who) const;
  // The name of the only model that somebody can ask for; empty if there are more, or none.
  std::string only_model(const guard::Principal& who) const;
  // Calls `then` once the model is in memory, at once or on another thread, and keeps it there meanwhile; answers with
  // the error if it cannot be loaded. What is no model's name is `then`'s to refuse.
  void when_loaded(const ExchangePtr& exchange, std::string_view name, const guard::Principal& who,
                   std::function<void()> then) const;
  // Whose request this is; first, and once a request (accounts.h). Errors: unauthorised, too_many.
  api::Parsed<guard::Principal> enter(const http::Request& request) const { return accounts_.enter(request); }
  // The same afterwards. Nothing if the key is missing or wrong.
  std::optional<guard::Principal> principal_of(const http::Request& request) const {
    return accounts_.principal_of(request);
  }
  // Whether this is the one key by hand of a server that knows no other.
  bool is_only_key(const guard::Principal& who) const { return accounts_.is_only_key(who); }
  ResponseStore& responses() { return responses_; }
  ResponseStore& threads() { return threads_; }  // Anthropic's
  const ResponseStore& threads() const { return threads_; }
  // Puts what the called model was made with into the conversation; once.
  api::Parsed<void> adopt(api::Call& call, const guard::Principal& who) const;
  MadeModels& made() { return made_; }
  const MadeModels& made() const { return made_; }
  BlobUploads& blobs() { return blobs_; }
  RunningRequests& running() const { return running_; }
  std::int64_t started() const { return started_; }

  // What the policy says. `permit`: a refusal is told to the audit log; error: forbidden.
  const Permissions& permissions() const { return accounts_.permissions(); }
  Permissions& permissions() { return accounts_.permissions(); }
  api::Parsed<void> permit(const guard::Principal& who, const guard::Decision& decision) const {
    return accounts_.permit(who, decision);
  }
  // Leave to let go what this key has left here (Permissions::may_go); that something is held is told to the audit log.
  api::Parsed<Permissions::Leave> may_go(const guard::Principal& who, const std::string& label) const;
  api::Parsed<Permissions::Leave> may_go(const guard::Principal& who, const ModelFacts& model,
                                         const Permissions::Leave& beside = {}) const;
  bool may(const guard::Principal& who, guard::Action action) const { return permissions().may(who, action); }
  // Asking a model under the name by which it was found.
  guard::Decision to_ask(const NamedModel& named, const guard::Principal& who) const;
  // Somebody whose role needs a reason is let in: the audit log and whoever looks after the server are told.
  void tell_of_use(const http::Request& request, const guard::Principal& who) const;

  // Whether this key may ask a model for anything now: its role, and its limits as far as they are known before a
  // request is worked out.
  api::Parsed<void> may_ask(const guard::Principal& who) const;
  // How long requests took; and what was answered, which the server counts.
  const Latencies& latencies() const { return latencies_; }
  StatusCounts& statuses() { return statuses_; }
  const StatusCounts& statuses() const { return statuses_; }
  // What the audit log is told of a request that has been answered.
  void answered(const http::Request& request, int status, const std::function<void()>& then) const {
    accounts_.answered(request, status, then);
  }
  AuditTrail* trail() const { return accounts_.trail(); }
  // Why what is asked cannot be recorded any more; whoever looks after the server is told once.
  std::optional<Error> unrecordable() const;
  // What is recorded of a request, if it is this key's to know: its own, or any for admins and auditors.
  Result<std::optional<ledger::Event>> recorded(std::string_view request_id, const guard::Principal& who) const;
  // What the audit log has of it, for who may see the records of all.
  auto logged(std::string_view request_id) const { return accounts_.logged(request_id); }

  // Whether what is asked and answered is kept.
  bool keeps_content() const { return accounts_.keeps(); }
  Erasures& erasures() const { return *erasures_; }
  // Leave for a key to have kept what a request of its brings or makes, as long as it is held: nobody erases the key
  // meanwhile. Errors: conflict (it has been erased since the request began); invalid
  // (it names somebody whom it is for).
  using KeepLeave = std::shared_lock<std::shared_mutex>;
  api::Parsed<KeepLeave> may_keep(const http::Request& request, const guard::Principal& who) const;

  // Counts a request that only has texts turned into tokens, or back, against the key's requests per minute.
  api::Parsed<void> count_request(const guard::Principal& who) const { return accounts_.count_request(who); }
  // Forgets what is kept in memory for keys that are not valid any more. Now and then, on any one thread.
  void forget_the_gone();

  // Answers a generating request, streamed or in one piece; errors in the dialect of the request. Everything is checked
  // before the first byte: an error is a plain HTTP error, also for a stream. Limits are checked before a constraint is
  // compiled, and that happens in the queue: this may return before the request is answered or handed over.
  void generate(const ExchangePtr& exchange, const guard::Principal& who, api::Parsed<api::Call> call,
                const MakeEncoder& make_encoder) const;
  // Answers with vectors, in the words of `encode` (call, vectors in the order of the inputs, tokens of all inputs).
  using EncodeVectors =
      std::function<std::string(const api::EmbedCall&, const std::vector<std::vector<float>>&, std::uint64_t tokens)>;
  void embed(const ExchangePtr& exchange, const guard::Principal& who, api::Parsed<api::EmbedCall> call,
             const EncodeVectors& encode) const;
  // The token ids that a call's prompt becomes, counted. That is a request of the key's.
  api::Parsed<std::size_t> count_tokens(const api::Call& call, const guard::Principal& who) const;

  // What answers are drawn with whose clients name no seed; by default a random number for each. Before the first
  // request.
  void draw_seeds(std::function<std::uint64_t()> source) { seeds_ = std::move(source); }

  // What is done on each way with the personal data of an exchange of this label. Its request has not been used yet.
  struct Ways {
    guard::Treatments request, answer, log;
  };
  Ways ways(const guard::Principal& who, const NamedModel& named, const std::string& label) const;
  const VeilCounters& veiled() const { return veiled_; }
  // A replay does what was recorded instead of what the policy says. Before the first request.
  void treat_as(std::function<Ways()> recorded) { recorded_ = std::move(recorded); }

  std::atomic<bool> stopping{false};
  std::atomic<bool> waits{false};                // a replay: what its client did not wait for is waited for
  std::atomic<bool> starting{false};             // the models it was given are being loaded
  std::unique_ptr<Batches> batches;              // files and batches, if this server keeps any
  std::unique_ptr<TuningJobs> jobs;              // fine-tuning, if this server does any
  std::unique_ptr<CheckpointMirror> mirror;      // of the audit log's checkpoints, if they are mirrored
  std::unique_ptr<Pulls> pulls;                  // what is fetched from elsewhere, if this server may
  std::unique_ptr<audit::Vault> vault;           // of pseudonyms, if the policy makes any
  std::function<void(const std::string&)> warn;  // whoever looks after the server, a line; set before it is served

 private:
  struct Beginning;
  Result<FactsPtr> facts_to(std::string_view name, const guard::Principal& who) const;
  // Takes out of a request what the policy does not let it have (`use`), and keeps what pseudonyms stand for. Errors:
  // forbidden, which the audit log is told; invalid; unavailable (there is no vault, or it cannot be written).
  api::Parsed<ExchangeVeil> veil(const http::Request& request, const guard::Principal& who, const Ways& ways,
                                 const std::string& label, const std::function<api::Parsed<void>(Veil&)>& use) const;
  Veil::Token tokens_of(const guard::Principal& who) const;
  void note_policy(audit::RequestEntry& entry, const std::string& label, const guard::Principal& who) const;
  static api::Parsed<void> look_ahead(const http::Exchange& exchange, const ServedModel& model, Beginning& work);
  void begin(const ExchangePtr& exchange, const ModelLease& model, Beginning& work) const;

  // What waited for a model, and goes on when it is loaded: whoever announces it is not held up.
  mutable FairThreads later_{{.threads = 4}};
  std::shared_ptr<Erasures> erasures_;
  std::unique_ptr<Models> models_;
  ResponseStore responses_, threads_;  // answers come here when they are recorded, the last ones as the accounts end
  mutable Accounts accounts_;
  mutable std::once_flag told_;  // that nothing can be recorded
  std::int64_t started_ = 0;
  std::function<std::uint64_t()> seeds_;
  MadeModels made_;
  BlobUploads blobs_;
  mutable RunningRequests running_;
  mutable Latencies latencies_;
  StatusCounts statuses_;
  mutable VeilCounters veiled_;
  std::function<Ways()> recorded_;
  std::vector<std::string> leaving_;  // tenants whose keys are not valid any more, while answers of theirs run
  std::unique_ptr<CompileQueue> compiling_ = std::make_unique<CompileQueue>(CompileQueue::Options{});
};

}  // namespace freehold::app
