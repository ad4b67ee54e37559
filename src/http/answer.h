// The two ends of an answer under way: a handler fills it (Exchange, any thread), the connection empties it.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "http/exchange.h"

namespace freehold::http {

class Answer : public Exchange, public std::enable_shared_from_this<Answer> {
 public:
  // `wake` is called, from any thread, whenever there is something new for the connection; `held` is what the request
  // keeps others from having, and is let go with it.
  Answer(Request request, std::size_t most_unsent, std::function<void()> wake, std::shared_ptr<const void> held)
      : request_(std::move(request)), most_unsent_(most_unsent), held_(std::move(held)), wake_(std::move(wake)) {}

  const Request& request() const override { return request_; }
  void respond(Response response) override;
  void start(Response head) override;
  bool send(std::string piece) override;
  void finish() override;
  void abort() override;
  void on_gone(std::function<void()> callback) override;

  // For the connection, on the I/O thread.
  struct Taken {
    std::optional<Response> head;  // the first time: the head, with the body if it is whole
    bool whole = false;            // head.body is all there is
    std::string pieces;
    bool finished = false;
    bool aborted = false;  // or the reader of a stream has left
  };
  // What has come since the last call, at most about `most` bytes of pieces.
  Taken take(std::size_t most);
  // Something to take.
  bool ready() const;
  // Nobody will read the rest.
  void client_gone();
  bool begun() const;
  // The connection is done with this answer and may go away: `wake` is not called any more.
  void detach();
  // What a handler left unanswered becomes an error, what it left unfinished breaks off.
  void abandoned(Response error);

 private:
  const Request request_;
  const std::size_t most_unsent_;
  const std::shared_ptr<const void> held_;
  void wake();

  std::mutex wake_mutex_;  // guards wake_; taken alone
  std::function<void()> wake_;

  mutable std::mutex mutex_;  // guards everything below
  std::optional<Response> head_;
  bool begun_ = false, whole_ = false, finished_ = false, aborted_ = false, gone_ = false;
  std::deque<std::string> pieces_;
  std::size_t unsent_ = 0;
  std::function<void()> on_gone_;
};

// What the handler gets: when the last holder lets go, an unanswered request is answered with `error`.
std::shared_ptr<Exchange> guarded(std::shared_ptr<Answer> answer, Response error);

}  // namespace freehold::http
