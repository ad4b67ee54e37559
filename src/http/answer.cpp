#include "http/answer.h"

namespace freehold::http {

void Answer::respond(Response response) {
  {
    const std::lock_guard lock(mutex_);
    if (begun_) return;
    begun_ = whole_ = finished_ = true;
    head_ = std::move(response);
    on_gone_ = nullptr;
  }
  wake();
}

void Answer::start(Response head) {
  {
    const std::lock_guard lock(mutex_);
    if (begun_) return;
    begun_ = true;
    head_ = std::move(head);
  }
  wake();
}

bool Answer::send(std::string piece) {
  bool overflow = false;
  {
    const std::lock_guard lock(mutex_);
    if (gone_ || aborted_ || finished_ || !begun_) return false;
    if (piece.empty()) return true;
    unsent_ += piece.size();
    overflow = unsent_ > most_unsent_;
    if (!overflow) pieces_.push_back(std::move(piece));
  }
  if (overflow) {
    abort();  // the client does not keep up
    client_gone();
    return false;
  }
  wake();
  return true;
}

void Answer::finish() {
  {
    const std::lock_guard lock(mutex_);
    if (finished_ || !begun_) return;
    finished_ = true;
    on_gone_ = nullptr;
  }
  wake();
}

void Answer::abort() {
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    aborted_ = true;
  }
  wake();
}

void Answer::on_gone(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    if (!gone_) {
      on_gone_ = std::move(callback);
      return;
    }
  }
  callback();
}

Answer::Taken Answer::take(std::size_t most) {
  const std::lock_guard lock(mutex_);
  Taken taken;
  if (head_) {
    taken.head = std::move(head_);
    head_.reset();
    taken.whole = whole_;
  }
  while (!pieces_.empty() && taken.pieces.size() < most) {
    unsent_ -= pieces_.front().size();
    taken.pieces += pieces_.front();
    pieces_.pop_front();
  }
  taken.aborted = aborted_ || (gone_ && begun_ && !whole_);
  taken.finished = finished_ && pieces_.empty();
  return taken;
}

bool Answer::ready() const {
  const std::lock_guard lock(mutex_);
  return head_.has_value() || !pieces_.empty() || finished_ || aborted_ || (gone_ && begun_);
}

bool Answer::begun() const {
  const std::lock_guard lock(mutex_);
  return begun_;
}

void Answer::wake() {
  const std::lock_guard lock(wake_mutex_);
  if (wake_) wake_();
}

void Answer::detach() {
  const std::lock_guard lock(wake_mutex_);
  wake_ = nullptr;
}

void Answer::client_gone() {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    if (gone_) return;
    gone_ = true;
    callback = std::move(on_gone_);
    on_gone_ = nullptr;
  }
  if (callback) callback();
}

void Answer::abandoned(Response error) {
  if (begun()) {
    abort();
  } else {
    respond(std::move(error));
  }
}

std::shared_ptr<Exchange> guarded(std::shared_ptr<Answer> answer, Response error) {
  Answer* plain = answer.get();
  return {plain, [answer = std::move(answer), error = std::move(error)](Answer*) mutable {
            answer->abandoned(std::move(error));
            answer.reset();
          }};
}

}  // namespace freehold::http
