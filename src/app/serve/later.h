// Work that has waited for something and goes on when that is there, on threads of its own: whoever announces it is not
// held up.
#pragma once

#include <functional>
#include <memory>

namespace freehold::app {

// Any thread may call anything.
class Later {
 public:
  explicit Later(int threads);
  ~Later();  // as close()
  void run(std::function<void()> work);
  // When this returns nothing runs, and what comes afterwards is dropped.
  void close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace freehold::app
