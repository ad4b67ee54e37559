// The engine behind a thread of its own, for callers on other threads: a server's connections submit and cancel, events
// come back on the engine's thread.
//
// Any thread may call anything here but the destructor. A sink must be quick (it holds up every sequence) and must not
// call back into the service, except cancel().
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/turns.h"
#include "engine/engine.h"

namespace freehold::engine {

struct ServiceOptions {
  // Requests that wait or run at most; more are refused, so that a queue's length is bounded and callers learn at once.
  std::size_t max_pending = 256;
  // Of these, one tenant's at most: a queue that one can fill would hold up the others.
  std::size_t max_pending_of_tenant = 192;
  // Of several services that share their threads: each step is a turn. Null: the threads are this one's alone.
  std::shared_ptr<Turns> turns;
};

// What a metrics page shows. Counters and `engine` were taken between the last two steps.
struct ServiceStatus {
  EngineCounters counters;
  std::size_t pending = 0;  // waiting or running, now
  EngineStatus engine;
};

class Service {
 public:
  // Takes over the engine and starts its thread.
  explicit Service(std::unique_ptr<Engine> engine, ServiceOptions options = {});
  // Cancels what waits and runs (every request still gets its last event), then joins.
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Numbers of requests, never used twice.
  using Ticket = std::uint64_t;

  // Checks the request here and hands it over. Errors: as `validate`; exhausted when max_pending are pending, or the
  // tenant's own most ("busy").
  // What only the engine's thread can find comes as a Failed event.
  Result<Ticket> submit(Request request, EventSink sink);
  Result<Ticket> submit(EmbedRequest request, EventSink sink);
  // Ends a request within a step; its choices report FinishReason::cancelled. One that is over is no error.
  void cancel(Ticket ticket);
  // Forgets the kept sequences of a tenant, or all (nothing), before the next step. What runs goes on.
  void drop_cached(std::optional<std::string> tenant);

  const RequestLimits& limits() const;
  ServiceStatus status() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace freehold::engine
