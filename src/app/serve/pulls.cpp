#include "app/serve/pulls.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "api/ollama/ollama.h"
#include "app/models_commands.h"
#include "app/pulling.h"
#include "app/serve/reply.h"
#include "base/utf8.h"
#include "pull/pull.h"

namespace freehold::app {
namespace {

namespace ollama = api::ollama;
using api::Failure;
using api::Problem;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostJobs = 4;
constexpr std::chrono::milliseconds kBetweenLines{200};

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

// What went wrong, in the words of the protocol; our paths are not the client's to read.
Failure failure_of_pull(const Error& error, const std::filesystem::path& home) {
  std::string what = error.what;
  if (what.find(home.string()) != std::string::npos) {
    what = error.code == Errc::exhausted ? "the disk of this server is full" : "it could not be kept on disk";
  }
  const bool manifest = what.starts_with("manifest: ");
  what = (manifest ? "pull model " : "pull model: ") + what;
  switch (error.code) {
    case Errc::not_found:
      return {Problem::not_found, what, "model", {}};
    case Errc::invalid:
      return {what.find("leads to another model") != std::string::npos ? Problem::conflict : Problem::forbidden,
              what,
              "model",
              {}};
    case Errc::unsupported:
      return {Problem::invalid, what, "model", {}};
    case Errc::internal:
      return {Problem::internal, "internal error", {}, {}};
    default:
      return {Problem::unavailable, what, {}, {}};
  }
}

}  // namespace

// One pull and those who listen to it. Its thread holds it; so does Pulls.
class Pulls::Job : public std::enable_shared_from_this<Job> {
 public:
  Job(std::string model, std::vector<http::Url> servers, const Options& options)
      : model_(std::move(model)), servers_(std::move(servers)), options_(options) {}
  ~Job() {
    if (thread_.joinable()) thread_.join();
  }

  const std::string& model() const { return model_; }
  bool over() const { return over_; }
  void cancel() { cancelled_ = true; }
  void start() {
    thread_ = std::thread([this] { run(); });
  }

  // False: it is over already, or was given up.
  bool listen(const ExchangePtr& exchange, const ollama::Pull& asked) {
    {
      const std::lock_guard lock(mutex_);
      if (over_ || cancelled_) return false;
      listeners_.push_back({exchange, asked});
      if (begun_) begin(listeners_.back());
    }
    const std::weak_ptr<Job> weak = weak_from_this();
    const http::Exchange* who = exchange.get();
    exchange->on_gone([weak, who] {
      if (const auto job = weak.lock()) job->leave(who);
    });
    return true;
  }

 private:
  struct Listener {
    ExchangePtr exchange;
    ollama::Pull asked;
  };

  void leave(const http::Exchange* who) {
    const std::lock_guard lock(mutex_);
    std::erase_if(listeners_, [&](const Listener& l) { return l.exchange.get() == who; });
    if (listeners_.empty()) cancelled_ = true;
  }

  http::Response head(const ollama::Pull& asked) const {
    http::Response response = json_response(200, {});
    if (asked.stream) response.headers.set("content-type", "application/x-ndjson");
    if (!asked.ignored.empty()) {
      response.headers.set("freehold-ignored", fmt::format("{}", fmt::join(asked.ignored, ", ")));
    }
    return response;
  }

  // `mutex_` is held.
  void begin(Listener& listener) const {
    if (!listener.asked.stream) return;
    listener.exchange->start(head(listener.asked));
    listener.exchange->send(ollama::status_json("pulling manifest") + "\n");
  }

  // The first line makes it an answer: until then an error is an error of HTTP.
  void send(const std::string& line) {
    const std::lock_guard lock(mutex_);
    for (Listener& listener : listeners_) {
      if (!begun_) begin(listener);
      if (listener.asked.stream) listener.exchange->send(line + "\n");
    }
    begun_ = true;
  }

  bool on(const pull::Event& event) {
    const auto now = Clock::now();
    const bool due = now - last_ >= kBetweenLines;
    using Kind = pull::Event::Kind;
    switch (event.kind) {
      case Kind::file:
        if (due || event.done == event.total || event.name != file_) {
          file_ = event.name;
          last_ = now;
          send(ollama::progress_json("pulling " + event.digest->hex().substr(0, 12), event.digest->name(), event.total,
                                     event.done));
        }
        break;
      case Kind::verifying:
        send(ollama::status_json("verifying sha256 digest"));
        break;
      case Kind::step:
        if (due) {
          last_ = now;
          send(ollama::progress_json(event.name, {}, event.total, event.done));
        }
        break;
      case Kind::writing:
        send(ollama::status_json("writing manifest"));
        break;
      case Kind::note:
        send(ollama::status_json(event.name));
        break;
      default:
        break;
    }
    return !cancelled_;
  }

  void run() {
    auto pulled = fetch();
    if (pulled) {
      options_.arrived(pulled->name);
      if (pulled->name.text() != lower(model_)) {
        send(ollama::status_json(fmt::format("it is called {} here", pulled->name.text())));
      }
    }
    const std::lock_guard lock(mutex_);
    over_ = true;
    for (Listener& listener : listeners_) {
      if (pulled) {
        succeed(listener);
      } else {
        fail(listener, failure_of_pull(pulled.error(), options_.home));
      }
    }
    listeners_.clear();
  }

  void succeed(const Listener& listener) const {
    if (listener.asked.stream) {
      listener.exchange->send(ollama::status_json("success") + "\n");
      return listener.exchange->finish();
    }
    http::Response response = head(listener.asked);
    response.body = ollama::status_json("success");
    listener.exchange->respond(std::move(response));
  }

  void fail(const Listener& listener, const Failure& failure) const {
    if (!begun_ || !listener.asked.stream) return respond(*listener.exchange, failure);
    listener.exchange->send(ollama::error_json(failure) + "\n");
    listener.exchange->finish();
  }

  Result<store::Imported> fetch() {
    FH_TRY(store::Store store, store::Store::open(options_.home));
    pull::Options options;
    options.event = [this](const pull::Event& event) { return on(event); };
    options.check_defaults = check_defaults;
    options.client.ca_file = options_.ca_file;
    options.client.stopped = [this] { return cancelled_.load(); };
    options.write.validate = check_runnable;
    // One thread: those who are answered meanwhile come first.
    ThreadPool pool(1);
    options.write.prepare = panel_preparation([&pool]() -> ThreadPool& { return pool; });
    std::optional<store::ModelName> name;
    if (auto parsed = store::ModelName::parse_given(lower(model_))) name = std::move(*parsed);
    Result<store::Imported> out = freehold::fail(Errc::not_found, "there is no server");
    for (const http::Url& server : servers_) {
      auto reference = pull::parse_reference(model_, server.origin());
      if (!reference) return Unexpected(std::move(reference).error());
      options.client.trusted.clear();
      // Named by the owner of this server, with http: so be it.
      if (!server.tls) options.client.trusted.push_back(server.authority());
      out = pull::pull(store, *reference, name, options);
      if (out || out.error().code != Errc::not_found) break;
    }
    return out;
  }

  std::string model_;
  std::vector<http::Url> servers_;
  const Options& options_;  // owner: Pulls, which outlives its jobs
  std::thread thread_;
  std::atomic<bool> cancelled_{false};
  std::atomic<bool> over_{false};
  std::mutex mutex_;  // guards what follows
  std::vector<Listener> listeners_;
  bool begun_ = false;
  // The thread's own.
  std::string file_;
  Clock::time_point last_;
};

Pulls::Pulls(Options options) : options_(std::move(options)) {}
Pulls::~Pulls() {
  stop();
}

void Pulls::stop() {
  std::vector<std::shared_ptr<Job>> jobs;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    jobs.swap(jobs_);
  }
  for (const auto& job : jobs) job->cancel();
}

Result<std::vector<http::Url>> Pulls::parse_servers(const std::vector<std::string>& addresses) {
  std::vector<http::Url> out;
  for (const std::string& address : addresses) {
    auto url = http::parse_url(address.find("://") == std::string::npos ? "https://" + address : address);
    if (!url) return in_context(std::move(url).error(), "--pull-from");
    if (url->target != "/") {
      return freehold::fail(Errc::invalid, fmt::format("--pull-from: '{}': the address of a server has no path",
                                                       printable(address, 200)));
    }
    out.push_back(std::move(*url));
  }
  return out;
}

bool Pulls::fetches_from(std::string_view origin) const {
  return std::any_of(options_.servers.begin(), options_.servers.end(),
                     [&](const http::Url& server) { return server.origin() == origin; });
}

// A reference that names its server may only name one that is allowed.
api::Parsed<std::vector<http::Url>> Pulls::servers_for(const std::string& model) const {
  const auto reference = pull::parse_reference(model, options_.servers.front().origin());
  if (!reference) return api::refuse(Problem::invalid, "'model': " + reference.error().what, "model");
  if (!pull::names_server(model)) return options_.servers;
  const auto named = pull::parse_reference(model);
  if (!named) return api::refuse(Problem::invalid, "'model': " + named.error().what, "model");
  const bool scheme = model.find("://") != std::string::npos;
  for (const http::Url& server : options_.servers) {
    if (server.host != named->server.host) continue;
    // "127.0.0.1:5000/x" says no scheme, and so means the one that was allowed.
    const bool port = server.port == named->server.port ||
                      (!scheme && model.substr(0, model.find('/')).find(':') == std::string::npos);
    if (port && (!scheme || server.tls == named->server.tls)) return std::vector{server};
  }
  return api::refuse(
      Problem::forbidden,
      fmt::format("pull model manifest: this server does not fetch from {}: --pull-from {} would allow it",
                  named->server.authority(), named->server.origin()),
      "model");
}

void Pulls::pull(const ExchangePtr& exchange, const ollama::Pull& asked) {
  auto servers = servers_for(asked.model);
  if (!servers) return respond(*exchange, servers.error());
  const std::string model = ollama::with_tag(asked.model);
  std::vector<std::shared_ptr<Job>> ended;  // joined outside of the lock
  const std::lock_guard lock(mutex_);
  for (const auto& job : jobs_) {
    if (job->over()) ended.push_back(job);
  }
  std::erase_if(jobs_, [](const auto& job) { return job->over(); });
  if (stopped_) return respond(*exchange, Failure{Problem::unavailable, "the server is stopping", {}, {}});
  for (const auto& job : jobs_) {
    if (job->model() == model && job->listen(exchange, asked)) return;
  }
  if (jobs_.size() >= kMostJobs) {
    return respond(*exchange,
                   Failure{Problem::too_many, fmt::format("{} pulls are running already", kMostJobs), {}, {}});
  }
  auto job = std::make_shared<Job>(model, std::move(*servers), options_);
  jobs_.push_back(job);
  job->listen(exchange, asked);
  job->start();
}

}  // namespace freehold::app
