#include "engine/service.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/scrub.h"

namespace freehold::engine {

struct Service::State {
  using AnyRequest = std::variant<Request, EmbedRequest>;
  struct Arrival {
    Ticket ticket;
    AnyRequest request;
    EventSink sink;
  };
  static const std::string& tenant_of(const AnyRequest& request) {
    return std::visit([](const auto& r) -> const std::string& { return r.tenant; }, request);
  }

  std::unique_ptr<Engine> engine;  // used by `thread` alone, but for its limits, which never change
  const ServiceOptions options;

  std::mutex mutex;  // guards what follows, up to `thread`
  std::condition_variable something;
  std::vector<Arrival> arrivals;
  std::vector<Ticket> cancellations;
  std::vector<std::optional<std::string>> dropped;  // tenants whose kept sequences are to go
  bool stopping = false;
  Ticket next = 1;
  std::size_t pending = 0;                                  // submitted and not over
  std::unordered_map<std::string, std::size_t> pending_of;  // by tenant; never 0
  EngineCounters counters;
  EngineStatus status;

  std::unordered_map<Ticket, RequestId> ids;  // of those under way; `thread` alone
  std::thread thread;

  State(std::unique_ptr<Engine> e, ServiceOptions o)
      : engine(std::move(e)), options(std::move(o)), status(engine->status()) {}

  void over(Ticket ticket, const std::string& tenant) {
    ids.erase(ticket);
    const std::lock_guard lock(mutex);
    --pending;
    if (auto found = pending_of.find(tenant); --found->second == 0) pending_of.erase(found);
  }

  void hand_over(Arrival arrival) {
    const Ticket ticket = arrival.ticket;
    const Request* answers = std::get_if<Request>(&arrival.request);
    const std::string tenant = tenant_of(arrival.request);
    // Counts the choices, to know when the last event has come.
    auto sink = [this, ticket, tenant, open = answers == nullptr ? 1 : answers->n,
                 sink = arrival.sink](const Event& event) mutable {
      if (std::holds_alternative<Finished>(event)) --open;
      if (std::holds_alternative<Failed>(event) || std::holds_alternative<Embedded>(event)) open = 0;
      sink(event);
      if (open == 0) over(ticket, tenant);
    };
    auto id =
        std::visit([&](auto& request) { return engine->submit(std::move(request), std::move(sink)); }, arrival.request);
    if (id) {
      ids[ticket] = *id;
    } else {
      arrival.sink(Failed{std::move(id).error()});
      over(ticket, tenant);
    }
  }

  Result<Ticket> accept(AnyRequest request, EventSink sink) {
    Ticket ticket = 0;
    {
      const std::lock_guard lock(mutex);
      if (stopping) return fail(Errc::cancelled, "the engine is stopping");
      if (pending >= options.max_pending) {
        return fail(Errc::exhausted, fmt::format("busy: {} requests are waiting or running already", pending));
      }
      std::size_t& own = pending_of[tenant_of(request)];
      if (own >= options.max_pending_of_tenant) {
        return fail(Errc::exhausted,
                    fmt::format("busy: {} requests of this tenant are waiting or running already", own));
      }
      ticket = next++;
      ++pending;
      ++own;
      arrivals.push_back({ticket, std::move(request), std::move(sink)});
    }
    something.notify_one();
    return ticket;
  }

  void run() {
    std::vector<Arrival> arrived;
    std::vector<Ticket> cancelled;
    std::vector<std::optional<std::string>> forgotten;
    while (true) {
      bool stop = false;
      {
        std::unique_lock lock(mutex);
        counters = engine->counters();
        status = engine->status();
        something.wait(lock, [&] {
          return stopping || !arrivals.empty() || !cancellations.empty() || !dropped.empty() || engine->pending() > 0;
        });
        arrived.swap(arrivals);
        cancelled.swap(cancellations);
        forgotten.swap(dropped);
        stop = stopping;
      }
      for (Arrival& a : arrived) hand_over(std::move(a));
      arrived.clear();
      for (Ticket ticket : cancelled) {
        if (auto found = ids.find(ticket); found != ids.end()) engine->cancel(found->second);
      }
      cancelled.clear();
      for (const auto& tenant : forgotten) tenant ? engine->drop_cached(*tenant) : engine->drop_cached();
      forgotten.clear();
      if (stop) {
        for (const auto& [ticket, id] : ids) engine->cancel(id);
      }
      if (engine->pending() > 0) {
        const Turn turn(options.turns.get());
        engine->step();
      }
      if (engine->pending() == 0) scrub_stack();
      if (stop && engine->pending() == 0) return;
    }
  }
};

Service::Service(std::unique_ptr<Engine> engine, ServiceOptions options)
    : state_(std::make_unique<State>(std::move(engine), std::move(options))) {
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

Service::~Service() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->something.notify_one();
  state_->thread.join();
}

Result<Service::Ticket> Service::submit(Request request, EventSink sink) {
  FH_TRY_VOID(validate(request, state_->engine->limits()));
  return state_->accept(std::move(request), std::move(sink));
}

Result<Service::Ticket> Service::submit(EmbedRequest request, EventSink sink) {
  FH_TRY_VOID(validate(request, state_->engine->limits()));
  return state_->accept(std::move(request), std::move(sink));
}

void Service::cancel(Ticket ticket) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->cancellations.push_back(ticket);
  }
  state_->something.notify_one();
}

void Service::drop_cached(std::optional<std::string> tenant) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->dropped.push_back(std::move(tenant));
  }
  state_->something.notify_one();
}

const RequestLimits& Service::limits() const {
  return state_->engine->limits();
}

ServiceStatus Service::status() const {
  const std::lock_guard lock(state_->mutex);
  return {state_->counters, state_->pending, state_->status};
}

}  // namespace freehold::engine
