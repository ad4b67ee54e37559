#include "api/call.h"

#include <fmt/format.h>

namespace freehold::api {

int status_of(Problem problem) {
  switch (problem) {
    case Problem::invalid:
    case Problem::context_length:
      return 400;
    case Problem::unauthorised:
      return 401;
    case Problem::forbidden:
      return 403;
    case Problem::not_found:
      return 404;
    case Problem::wrong_method:
      return 405;
    case Problem::conflict:
      return 409;
    case Problem::too_large:
      return 413;
    case Problem::media_type:
      return 415;
    case Problem::too_many:
    case Problem::budget:
      return 429;
    case Problem::internal:
      return 500;
    case Problem::unavailable:
      return 503;
  }
  return 500;
}

int status_of(const Failure& failure) {
  return failure.status != 0 ? failure.status : status_of(failure.problem);
}

Problem problem_of(int status) {
  switch (status) {
    case 401:
      return Problem::unauthorised;
    case 402:
      return Problem::budget;
    case 403:
      return Problem::forbidden;
    case 404:
      return Problem::not_found;
    case 405:
      return Problem::wrong_method;
    case 409:
      return Problem::conflict;
    case 413:
      return Problem::too_large;
    case 415:
      return Problem::media_type;
    case 429:
      return Problem::too_many;
    case 503:
      return Problem::unavailable;
    default:
      return status >= 500 ? Problem::internal : Problem::invalid;
  }
}

std::string named_message(const Failure& failure) {
  const bool named = failure.param.empty() || failure.message.find(failure.param) != std::string::npos;
  if (failure.problem != Problem::invalid || named) return failure.message;
  return fmt::format("'{}': {}", failure.param, failure.message);
}

}  // namespace freehold::api
