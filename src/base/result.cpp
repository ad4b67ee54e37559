#include "base/result.h"

namespace freehold {

std::string_view name_of(Errc code) {
  switch (code) {
    case Errc::invalid:
      return "invalid";
    case Errc::not_found:
      return "not_found";
    case Errc::corrupt:
      return "corrupt";
    case Errc::unsupported:
      return "unsupported";
    case Errc::exhausted:
      return "exhausted";
    case Errc::io:
      return "io";
    case Errc::cancelled:
      return "cancelled";
    case Errc::internal:
      break;
  }
  return "internal";
}

}  // namespace freehold
