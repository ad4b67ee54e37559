#include "seal/attempts/attempt.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "seal/denials.h"

namespace freehold::seal {

Outcome judged(long result) {
  if (result >= 0) return {Verdict::allowed, "it worked"};
  const int error = errno;
  const std::string text = std::strerror(error);
  if (error == ENOSYS) return {Verdict::denied, text + " (filter)"};
  if (error == EPERM && denials() > 0) return {Verdict::denied, text + " (filter)"};
  if (error == EPERM || error == EACCES || error == EXDEV) return {Verdict::denied, text + " (file rules)"};
  return {Verdict::allowed, fmt::format("the kernel began with it: {}", text)};
}

Outcome judged_if_there(long result) {
  if (result < 0 && errno == ENOENT) return {Verdict::absent, "there is none on this machine"};
  return judged(result);
}

}  // namespace freehold::seal
