#include "app/serve/compile_queue.h"

namespace freehold::app {

Result<> CompileQueue::add(const std::string& tenant, std::function<void()> job) {
  switch (threads_.add(tenant, std::move(job))) {
    case FairThreads::Added::yes:
      return {};
    case FairThreads::Added::too_many_of_share:
      return fail(Errc::exhausted, "busy: too many schemas, grammars and tools of this key wait to be compiled");
    default:
      return fail(Errc::exhausted, "busy: too many schemas, grammars and tools wait to be compiled");
  }
}

}  // namespace freehold::app
