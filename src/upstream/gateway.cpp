#include "upstream/gateway.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "base/random.h"
#include "base/utf8.h"
#include "format/json.h"
#include "http/client.h"
#include "http/network_address.h"
#include "upstream/event_stream.h"
#include "upstream/wire.h"

namespace freehold::upstream {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kSlice{50};
constexpr std::size_t kMaxAnswer = std::size_t{64} << 20;
constexpr std::size_t kMaxComplaint = std::size_t{64} << 10;

struct Family {
  std::string_view prefix, vendor;
};
// How the vendors name their models.
constexpr Family kFamilies[] = {{"gpt-", "openai"},    {"chatgpt-", "openai"}, {"o1", "openai"},
                                {"o3", "openai"},      {"o4", "openai"},       {"claude-", "anthropic"},
                                {"gemini-", "gemini"}, {"gemma-", "gemini"}};

bool is_loopback(const http::Url& url) {
  return url.host == "localhost" || http::is_loopback_address(url.host);
}

// Takes an answer: an error's body as text, one that begins as JSON does as that, anything else as a stream of events.
class Taker : public http::Receiver {
 public:
  // `silence` and `left`: how long it may say nothing, and go on.
  Taker(Reading& reading, std::chrono::milliseconds silence, std::chrono::milliseconds left)
      : reading_(reading),
        stream_([this](std::string_view name, std::string_view data) { return event(name, data); }),
        silence_(silence),
        left_(left) {}

  void sending() override { sent_ = true; }
  Result<bool> head(const http::Answered& answered) override {
    status_ = answered.status;
    headers_ = answered.headers;
    return true;
  }
  Result<> body(Bytes piece) override {
    const auto now = Clock::now();
    if (now - begun_ > left_) {
      return fail(Errc::io, fmt::format("the answer had not ended in the {:g} s that were left for it",
                                        std::chrono::duration<double>(left_).count()));
    }
    if (status_ != 200) {
      complaint_ += as_text(piece).substr(0, kMaxComplaint - complaint_.size());
      return {};
    }
    FH_TRY_VOID(take(as_text(piece)));
    if (reading_.complete()) return fail(Errc::cancelled, "nothing more is wanted");
    if (now - heard_ > silence_) {
      return fail(Errc::io,
                  fmt::format("the answer did not go on for {:g} s", std::chrono::duration<double>(silence_).count()));
    }
    if (reading_.reply().text.size() > kMaxAnswer) {
      return fail(Errc::corrupt, fmt::format("its answer has more than {} bytes", kMaxAnswer));
    }
    return {};
  }

  // When all of it has come. Errors: corrupt (a whole answer that is none: asked again it would be the same).
  Result<> finish() {
    if (form_ == Form::json) return reading_.whole(json_);
    const std::string_view type = headers_.get("content-type");
    if (told_ || form_ == Form::unknown || type.empty() || type.starts_with("text/event-stream")) return {};
    return fail(Errc::corrupt, fmt::format("its answer is {}, not a stream of events", printable(type, 60)));
  }

  bool sent() const { return sent_; }
  int status() const { return status_; }
  const http::Headers& headers() const { return headers_; }
  const std::string& complaint() const { return complaint_; }

 private:
  enum class Form : std::uint8_t { unknown, events, json };

  Result<> take(std::string_view piece) {
    if (form_ == Form::unknown) {
      const std::size_t first = piece.find_first_not_of(" \t\r\n");
      if (first == std::string_view::npos) return stream_.feed(piece);
      // No field of an event begins like this.
      form_ = piece[first] == '{' || piece[first] == '[' ? Form::json : Form::events;
    }
    if (form_ == Form::events) return stream_.feed(piece);
    heard_ = Clock::now();
    if (json_.size() + piece.size() > EventStream::kMaxBytes)
      return fail(Errc::corrupt, fmt::format("its answer has more than {} bytes", EventStream::kMaxBytes));
    json_ += piece;
    return {};
  }

  Result<> event(std::string_view name, std::string_view data) {
    told_ = true;
    if (reading_.complete()) return {};  // whatever follows the end
    if (name != "ping") heard_ = Clock::now();
    return reading_.event(name, data);
  }

  Reading& reading_;
  EventStream stream_;
  const std::chrono::milliseconds silence_, left_;
  const Clock::time_point begun_ = Clock::now();
  Clock::time_point heard_ = begun_;
  bool sent_ = false;
  bool told_ = false;  // an event came
  Form form_ = Form::unknown;
  std::string json_;
  int status_ = 0;
  http::Headers headers_;
  std::string complaint_;
};

Errc code_of(int status) {
  if (status == 404) return Errc::not_found;
  if (status == 408 || status == 409 || status == 429 || status >= 500) return Errc::exhausted;
  if (status >= 400) return Errc::invalid;
  return Errc::corrupt;
}

// Whether this request is refused for what is in it, and another one need not be.
bool is_about_the_request(int status) {
  return status == 400 || status == 413 || status == 422;
}

}  // namespace

struct Gateway::State {
  Place place;
  std::string key;
  GatewayOptions options;
  std::optional<http::Client> client;
  std::mutex mutex;
  Clock::time_point not_before{};  // guarded by mutex
  std::atomic<std::uint64_t> draws{0};

  bool stopped() const { return options.stopped && options.stopped(); }

  void hold_up(Clock::time_point until) {
    const std::lock_guard lock(mutex);
    not_before = std::max(not_before, until);
  }

  // Until nobody has to wait any more. False: stopped meanwhile.
  bool wait(Clock::time_point until) {
    for (;;) {
      if (stopped()) return false;
      {
        const std::lock_guard lock(mutex);
        until = std::max(until, not_before);
      }
      const auto now = Clock::now();
      if (now >= until) return true;
      std::this_thread::sleep_for(std::min<Clock::duration>(kSlice, until - now));
    }
  }
};

Gateway::Gateway(std::unique_ptr<State> state) : state_(std::move(state)) {}
Gateway::Gateway(Gateway&&) noexcept = default;
Gateway& Gateway::operator=(Gateway&&) noexcept = default;
Gateway::~Gateway() = default;

const Place& Gateway::place() const {
  return state_->place;
}

Result<Place> find_place(std::string_view reference, const std::function<std::string(std::string_view)>& variable) {
  const std::string shown = printable(reference, 200);
  const std::string_view name = is_gateway(reference) ? reference.substr(kGatewayPrefix.size()) : reference;
  Place place;
  const std::size_t slash = name.find('/');
  if (slash != std::string_view::npos && wire_of(name.substr(0, slash)) != nullptr) {
    place.wire = wire_of(name.substr(0, slash));
    place.model = name.substr(slash + 1);
  } else {
    const auto* family = std::find_if(std::begin(kFamilies), std::end(kFamilies),
                                      [&](const Family& f) { return name.starts_with(f.prefix); });
    if (family == std::end(kFamilies)) {
      return fail(Errc::invalid, fmt::format("'{}': whose model that is cannot be told from its name; write "
                                             "gateway:VENDOR/MODEL, with one of {}",
                                             shown, wire_names()));
    }
    place.wire = wire_of(family->vendor);
    place.model = name;
  }
  if (place.model.empty() || place.model.size() > 200 || printable(place.model, 200) != place.model) {
    return fail(Errc::invalid, fmt::format("'{}' names no model: gateway:VENDOR/MODEL", shown));
  }
  std::string base = variable(place.wire->base_variable);
  if (base.empty()) base = place.wire->base;
  auto url = http::parse_url(base);
  if (!url) return in_context(std::move(url).error(), fmt::format("${}", place.wire->base_variable));
  if (url->target.find('?') != std::string::npos) {
    return fail(Errc::invalid,
                fmt::format("${}: an address with a query cannot be added to", place.wire->base_variable));
  }
  while (url->target.ends_with('/')) url->target.pop_back();
  place.base = std::move(*url);
  return place;
}

bool can_be_key(std::string_view text) {
  return text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=:") ==
         std::string_view::npos;
}

Result<Gateway> Gateway::create(Place place, std::string key, GatewayOptions options) {
  const std::string authority = place.base.authority();
  const auto named = [&](const std::string& name) {
    return std::find(options.allowed.begin(), options.allowed.end(), name) != options.allowed.end();
  };
  if (!is_loopback(place.base) && !named(authority) && !named(place.base.host)) {
    return fail(Errc::invalid, fmt::format("nothing leaves this machine unless you say where to: {} is not among the "
                                           "hosts allowed with --allow-egress",
                                           authority));
  }
  if (options.key_from.empty()) options.key_from = fmt::format("${}", place.wire->key_variable);
  if (!can_be_key(key)) {
    return fail(Errc::invalid, fmt::format("{}: a key of letters, digits and -._~+/=: was expected", options.key_from));
  }
  http::ClientOptions client;
  client.ca_file = options.ca_file;
  client.connect = options.connect;
  client.head = options.first_byte;
  client.stall = options.stall;
  client.least_rate = 1;
  client.trusted = options.allowed;
  client.stopped = options.stopped;
  FH_TRY(http::Client made, http::Client::create(std::move(client)));
  auto state = std::make_unique<State>();
  state->place = std::move(place);
  state->key = std::move(key);
  state->options = std::move(options);
  state->client.emplace(std::move(made));
  return Gateway(std::move(state));
}

Result<Reply> Gateway::ask(const Call& call, const Report& report) const {
  const Place& place = state_->place;
  const Wire& wire = *place.wire;
  const RetryPolicy& policy = state_->options.retry;
  if (!call.schema.empty() && !format::parse_json(call.schema)) return fail(Errc::invalid, "schema: this is no JSON");
  FH_TRY(Outgoing outgoing, wire.outgoing(call, place.base));
  http::Url url = place.base;
  url.target += outgoing.target;
  http::Headers headers = std::move(outgoing.headers);
  headers.add("content-type", "application/json");
  headers.add("accept", "text/event-stream");
  if (!state_->key.empty()) headers.add(std::string(wire.key_header), std::string(wire.key_prefix) + state_->key);

  Clock::time_point next = Clock::now();
  Clock::duration left = state_->options.longest;
  for (int attempt = 1;; ++attempt) {
    if (!state_->wait(next)) return fail(Errc::cancelled, "cancelled");
    const std::unique_ptr<Reading> reading = wire.reading();
    Taker taker(*reading, state_->options.silence, std::chrono::duration_cast<std::chrono::milliseconds>(left));
    const auto begin = Clock::now();
    auto sent = state_->client->post(url, headers, outgoing.body, taker);
    if (sent && taker.status() == 200) {
      if (auto whole = taker.finish(); !whole) sent = in_context(std::move(whole).error(), place.base.origin());
    }
    const Clock::duration taken = Clock::now() - begin;
    left -= taken;

    Attempt told;
    told.status = taker.status();
    told.seconds = std::chrono::duration<double>(taken).count();
    told.counted = reading->counted();
    told.answer_bytes = reading->reply().text.size();
    told.answered = reading->ended();
    told.ending = reading->reply().ending;
    // The last count of the answer may have been lost with the connection.
    if (!sent && !reading->complete()) told.counted.output.reset();
    told.free = !taker.sent() || (told.status >= 300 && told.status < 500);
    Error error{Errc::io, {}};
    bool again = false;
    std::optional<std::chrono::milliseconds> pause;
    if (told.answered) {
      // Whatever happened to the connection after the end.
    } else if (!sent) {
      error = sent.error();
      again = error.code == Errc::io;
    } else if (told.status != 200) {
      const Complaint complaint = complaint_of(taker.complaint());
      error = {code_of(told.status),
               fmt::format("{} answers with status {}: {}", place.base.origin(), told.status,
                           complaint.message.empty() ? http::reason_phrase(told.status) : complaint.message)};
      if (told.status == 401 || told.status == 403) {
        error.what +=
            state_->key.empty()
                ? fmt::format(" (there is no key: neither ${} nor freehold keys vendor has one)", wire.key_variable)
                : fmt::format(" (the key comes from {})", state_->options.key_from);
      }
      again = may_help(told.status, taker.headers(), complaint.code);
      told.refused = is_about_the_request(told.status);
      told.code = complaint.code;
      pause = wished_pause(taker.headers(), std::chrono::system_clock::now());
    } else {
      error = {Errc::io, fmt::format("{}: the answer broke off", place.base.origin())};
      again = true;
    }
    told.what = error.what;
    const bool last = attempt >= policy.attempts, patient = !pause || *pause <= policy.patience;
    const bool in_time = left > Clock::duration::zero();
    told.again = again && !last && patient && in_time;
    if (report) FH_TRY_VOID(report(told));
    if (told.answered) {
      Reply reply = std::move(reading->reply());
      const Counted& c = told.counted;
      if (c.input && c.output) reply.tokens = Tokens{*c.input, c.cached_input, c.cache_writes, *c.output};
      return reply;
    }
    if (!told.again) {
      if (again && last) error.what += fmt::format("; after {} attempts", attempt);
      if (again && !last && !in_time) {
        error.what += fmt::format("; no more is asked after {:g} s",
                                  std::chrono::duration<double>(state_->options.longest).count());
      }
      if (again && !last && !patient)
        error.what += fmt::format("; it wants to be left alone for {} s", pause->count() / 1000);
      return Unexpected(std::move(error));
    }
    const std::chrono::milliseconds own =
        backoff(policy, attempt + 1, uniform_draw(state_->options.seed, 0, state_->draws++));
    next = Clock::now() + std::max(own, pause.value_or(std::chrono::milliseconds{0}));
    if (pause) state_->hold_up(Clock::now() + *pause);
  }
}

}  // namespace freehold::upstream
