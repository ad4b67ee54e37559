// The life of a connection, in coroutines on the one I/O thread:
//
//   reader      reads ahead into `input_` (at most kReadAhead bytes) for as long as the connection lives. So the end of
//               the connection is noticed while an answer is computed, and pipelined requests wait in `input_`.
//   run         head -> checks -> body -> handler -> answer, again and again. It waits on `signal_`, which the reader,
//               the answer and the server raise; what has happened is in plain fields.
//
// 1. Whatever can be understood in two ways ends the connection after its error (head.h, chunks.h).
// 2. Every wait has a deadline. A write that does not move for Limits::stall closes the socket.
// 3. A connection is closed in order (RFC 9112 section 9.6): our end is shut down and what arrives is thrown away for a
//    bounded time and amount, because closing at once would make the system discard the error that a client which still
//    sends should read.
// 4. A request whose head is enough for its answer (no key, say) is answered before its body is read.
// 5. The end of what a client sends says either that it is gone or that it only reads from now on (`nc -N`), and only
//    its answer to something sent tells which: see is_probed.
#include "http/connection.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <exception>

#include "base/scrub.h"
#include "http/answer.h"
#include "http/body.h"
#include "http/channel_asio.h"
#include "http/held.h"
#include "http/wire.h"

namespace freehold::http {
namespace {

constexpr std::chrono::seconds kProbe{1};

template <typename Stream>
class Connection : public AnyConnection, public Channel<Stream> {
 public:
  Connection(Common& common, Stream stream, std::string address, std::function<void()> closed)
      : Channel<Stream>(common, std::move(stream)), address_(std::move(address)), closed_(std::move(closed)) {}

  void start() {
    asio::co_spawn(
        stream_.get_executor(), [this, self = this->shared_from_this()] { return run(); },
        [this, self = this->shared_from_this()](std::exception_ptr) { ended(); });
  }

  void stop_when_idle() override { this->raise(); }
  void close_now() override { this->shut(); }

 private:
  using Base = Channel<Stream>;
  using Base::broken_, Base::certificate_, Base::common_, Base::end_of_input_, Base::gone_, Base::input_, Base::kTls;
  using Base::consume, Base::given, Base::leaves, Base::socket, Base::stream_, Base::wait, Base::waker, Base::write;

  bool answering() const override { return answer_ && answer_->begun(); }
  void client_left() override {
    if (answer_) answer_->client_gone();
  }

  void ended() {
    close_now();
    if (answer_) {
      answer_->client_gone();
      answer_->detach();
    }
    if (closed_) std::exchange(closed_, nullptr)();
  }

  // A client of HTTP/1.1 that closed its end before its answer began is sent an interim one, which it has to skip (RFC
  // 9110 section 15.2), at once and every second: if it is gone, its system resets the connection.
  bool is_probed(bool old) const { return end_of_input_ && !gone_ && !old && !answer_->begun(); }

  awaitable<void> run() {
    boost::system::error_code ignored;
    socket().set_option(tcp::no_delay(true), ignored);
    if (!co_await this->handshake()) co_return;
    this->start_reading();
    const std::size_t most = common_.options.limits.requests_per_connection;
    bool more = true;
    for (std::size_t served = 0; more && served < most; ++served) {
      more = co_await one_request(served, served + 1 == most);
      scrub_stack();
    }
    co_await this->close_in_order();
  }

  // Tells of an answer, and waits until it may go out. False: the connection is gone.
  awaitable<bool> told(const Request& request, int status) {
    if (!common_.hooks.answered) co_return true;
    const GoAhead go_ahead(waker());
    common_.hooks.answered(request, status, go_ahead.giver());
    co_return co_await given(go_ahead);
  }

  // Answers without a handler. True: the connection goes on.
  awaitable<bool> respond(const Request& request, Response response, bool keep) {
    add_cors(common_.options.origins, request, response.headers);
    if (!co_await told(request, response.status)) co_return false;
    std::string text = head_text(response, request.id, BodyFraming::length, keep);
    if (request.method != "HEAD") text += response.body;
    co_return co_await write(text) && keep;
  }
  // Answers with an error of this layer and ends the connection.
  awaitable<bool> refuse(const Request& request, int status, const std::string& message) {
    co_return co_await respond(request, common_.error(request, status, message), false);
  }

  // Takes the next head out of `input_`. False if there is none (and, if that is the client's fault, it has been told).
  awaitable<bool> read_head(HeadReader& reader, std::size_t served) {
    const Limits& limits = common_.options.limits;
    Request& request = reader.head().request;
    request.id = new_request_id();
    request.remote_address = address_;
    request.tls = kTls;
    request.certificate = certificate_;
    auto deadline = Clock::now() + (served == 0 ? limits.first_byte : limits.idle);
    bool begun = false;
    while (true) {
      const HeadReader::State state = reader.read(input_);
      if (state == HeadReader::State::wrong) {
        co_return co_await refuse(request, reader.error().status, reader.error().message);
      }
      if (state == HeadReader::State::done) {
        consume(reader.size());
        co_return true;
      }
      if (reader.begun() && !std::exchange(begun, true)) deadline = Clock::now() + limits.head_time;
      // It may have closed its end only, and still read.
      if (end_of_input_ && begun) co_return co_await refuse(request, 400, "the request's head ends in the middle");
      if (end_of_input_ || (!begun && common_.stopping)) co_return false;
      if (!co_await wait(deadline)) {
        if (begun) co_await refuse(request, 408, "the head of the request did not arrive in time");
        co_return false;
      }
    }
  }

  awaitable<bool> one_request(std::size_t served, bool last) {
    HeadReader reader(common_.options.limits.head);
    if (!co_await read_head(reader, served)) co_return false;
    Head head = std::move(reader.head());
    head.keep_alive = head.keep_alive && !last;
    if (!head.request.target.scheme.empty() && head.request.target.scheme != (kTls ? "https" : "http")) {
      co_return co_await refuse(head.request, 421, "the address has another scheme than this connection");
    }
    switch (check_origin(common_.options.origins, head.request, common_.port)) {
      case OriginVerdict::allowed:
        break;
      case OriginVerdict::foreign_host:
        co_return co_await refuse(head.request, 403, "this server does not answer under the name in Host");
      case OriginVerdict::foreign_origin:
        co_return co_await refuse(head.request, 403, "pages of this origin may not use this server");
    }
    BodyPlan plan{common_.options.limits.body_bytes, {}};
    if (!co_await ask_plan(head.request, plan)) co_return false;
    if (plan.refusal) {
      const bool whole = !head.chunked && head.content_length <= input_.size();
      if (whole) consume(static_cast<std::size_t>(head.content_length));
      co_return co_await respond(head.request, std::move(*plan.refusal), whole && head.keep_alive && !common_.stopping);
    }
    auto held = std::make_shared<Held>(common_.held, common_.options.limits.held_bytes);
    std::string share = std::move(plan.share);
    if (!co_await read_body(head, std::move(plan), *held)) co_return false;
    co_return co_await answer(std::move(head), std::move(held), std::move(share));
  }

  // Runs `work`, which must own what it uses, on one of these threads. False: the connection is gone, and it may still
  // be running. (By reference: g++ 12 destroys a lambda twice that is made inside of an expression with co_await.)
  awaitable<bool> elsewhere(asio::thread_pool& threads, std::function<void()>& work) {
    const GoAhead done(waker());
    asio::post(threads, [work = std::move(work), then = done.giver()] {
      work();
      then();
    });
    co_return co_await given(done);
  }

  // What the program wants to do with the body. False: the connection is gone.
  awaitable<bool> ask_plan(const Request& request, BodyPlan& plan) {
    if (!common_.hooks.plan_body) co_return true;
    auto asked = std::make_shared<std::pair<Request, BodyPlan>>(request, BodyPlan());
    std::function<void()> work = [asked, &common = common_] {
      try {
        asked->second = common.hooks.plan_body(asked->first);
      } catch (const std::exception&) {
        asked->second.refusal = common.error(asked->first, 500, "internal error");
      }
    };
    if (!co_await elsewhere(*common_.door, work)) co_return false;
    plan = std::move(asked->second);
    co_return true;
  }

  // What has arrived of a body, to its sink: what that does (hash, write to the disk) holds up nobody else.
  awaitable<bool> pass_on(BodyReader& body) {
    auto passing = std::make_shared<BodyReader::Passing>(body.passing());
    std::function<void()> work = [passing] { passing->write(); };
    if (!co_await elsewhere(*common_.writers, work)) co_return false;
    body.passed(*passing);
    co_return true;
  }

  // Fills request.body (or the sink) from `input_`. False: the connection ends.
  awaitable<bool> read_body(Head& head, BodyPlan plan, Held& held) {
    const Limits& limits = common_.options.limits;
    head.request.begun = Clock::now();
    const bool in_memory = plan.sink == nullptr;
    const std::string too_large = fmt::format("the body is larger than the {} bytes that are allowed here", plan.limit);
    if (head.content_length > plan.limit) co_return co_await refuse(head.request, 413, too_large);
    if (head.expects_continue && input_.empty() && (head.chunked || head.content_length > 0)) {
      if (!co_await write(kContinue)) co_return false;
    }
    BodyPace pace(limits.body_time, in_memory, plan.least_rate);
    BodyReader body(head, std::move(plan));
    while (true) {
      const std::size_t used = body.feed(input_);
      consume(used);
      pace.arrived(used, body.size());
      if (body.status() == 0 && body.has_to_pass()) {
        const auto begun = Clock::now();
        if (!co_await pass_on(body)) co_return false;
        pace.held_up(Clock::now() - begun);
      }
      if (body.status() != 0) {
        co_return co_await refuse(head.request, body.status(), body.message().empty() ? too_large : body.message());
      }
      if (body.done()) break;
      if (in_memory && !held.grow(body.size())) {
        co_return co_await refuse(head.request, 503, "too many large requests at once: try again");
      }
      if (!input_.empty()) continue;  // it came while the last was passed on
      if (end_of_input_) co_return co_await refuse(head.request, 400, "the request's body ends in the middle");
      if (!co_await wait(pace.deadline()))
        co_return co_await refuse(head.request, 408, "the body did not arrive in time");
    }
    head.request.body = body.take();
    co_return true;
  }

  awaitable<bool> answer(Head head, std::shared_ptr<const void> held, std::string share) {
    const bool is_head = head.request.method == "HEAD", keep = head.keep_alive, old = head.http_1_0;
    const std::string id = head.request.id;
    head.request.arrived = Clock::now();
    answer_ = std::make_shared<Answer>(std::move(head.request), common_.options.limits.unsent_bytes, waker(),
                                       std::move(held));
    if (gone_) answer_->client_gone();
    std::optional<Response> at_once;
    if (common_.hooks.at_once) at_once = common_.hooks.at_once(answer_->request());
    if (at_once) {
      answer_->respond(std::move(*at_once));
    } else {
      hand_over(share);
    }
    const bool more = co_await write_answer(id, is_head, keep, old);
    if (!more) answer_->client_gone();
    answer_->detach();
    answer_.reset();
    co_return more;
  }

  // The request to a handler.
  void hand_over(const std::string& share) {
    Response unanswered = common_.error(answer_->request(), 500, "the request was not answered");
    common_.handle(guarded(answer_, std::move(unanswered)), share);
  }

  awaitable<bool> write_answer(const std::string& id, bool is_head, bool keep, bool old) {
    BodyFraming framing = BodyFraming::length;
    while (true) {
      if (!answer_->ready()) {
        if (!socket().is_open()) co_return false;
        if (end_of_input_ && old) leaves();
        const bool probed = is_probed(old);
        if (!probed || Clock::now() < next_probe_) {
          co_await wait(probed ? next_probe_ : Clock::time_point::max());
        } else {
          next_probe_ = Clock::now() + kProbe;
          if (!co_await write(kContinue)) leaves();
        }
        continue;
      }
      Answer::Taken taken = answer_->take(kWritePiece);
      std::string text;
      if (taken.head) {
        framing = taken.whole ? BodyFraming::length : old ? BodyFraming::until_end : BodyFraming::chunked;
        if (framing == BodyFraming::until_end) keep = false;
        keep = keep && !common_.stopping;
        add_cors(common_.options.origins, answer_->request(), taken.head->headers);
        if (!co_await told(answer_->request(), taken.head->status)) co_return false;
        text = head_text(*taken.head, id, framing, keep);
        if (taken.whole && !is_head) text += taken.head->body;
      }
      if (taken.aborted) {
        if (!text.empty()) co_await write(text);
        broken_ = true;
        co_return false;
      }
      if (!is_head) text += framing == BodyFraming::chunked ? chunk_text(taken.pieces) : taken.pieces;
      if (taken.finished && framing == BodyFraming::chunked && !is_head) text += kLastChunk;
      if (!co_await write(text)) co_return false;
      if (taken.finished) co_return keep;
    }
  }

  std::string address_;
  std::function<void()> closed_;
  Clock::time_point next_probe_;  // of a client that has closed its end
  std::shared_ptr<Answer> answer_;
};

}  // namespace

std::shared_ptr<AnyConnection> serve(Common& common, asio::io_context& io, asio::ssl::context* tls, int socket,
                                     bool ipv6, std::string address, std::function<void()> closed) {
  tcp::socket connected(io);
  boost::system::error_code error;
  connected.assign(ipv6 ? tcp::v6() : tcp::v4(), socket, error);
  if (error) {
    ::close(socket);
    return nullptr;
  }
  const auto started = [&](auto stream) -> std::shared_ptr<AnyConnection> {
    auto connection = std::make_shared<Connection<decltype(stream)>>(common, std::move(stream), std::move(address),
                                                                     std::move(closed));
    connection->start();
    return connection;
  };
  return tls != nullptr ? started(TlsStream(std::move(connected), *tls)) : started(std::move(connected));
}

}  // namespace freehold::http
