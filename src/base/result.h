// Errors as values: Result<T> is what every function that can fail returns; the caller adds context on the way up.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace freehold {

// Chosen by what the caller can do about it.
enum class Errc {
  invalid,      // the caller's input is wrong: correct it
  not_found,    // the named thing does not exist: name another
  corrupt,      // stored bytes are damaged or hostile: get them again
  unsupported,  // well-formed, but not something we can do
  exhausted,    // memory, context or another limit: ask for less
  io,           // the operating system refused: look at the disk, the permissions
  cancelled,    // somebody asked us to stop
  internal,     // our own mistake: report it
};

struct Error {
  Errc code = Errc::internal;
  std::string what;
};

// "corrupt", "not_found", …: the name used in messages and JSON.
std::string_view name_of(Errc code);

template <typename T = void>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

using Unexpected = tl::unexpected<Error>;

// return fail(Errc::corrupt, "tensor table: short read");
inline Unexpected fail(Errc code, std::string what) {
  return Unexpected(Error{code, std::move(what)});
}

// The same error with "where: " put before it.
inline Unexpected in_context(Error error, std::string_view where) {
  std::string what(where);
  what += ": ";
  what += error.what;
  return Unexpected(Error{error.code, std::move(what)});
}

}  // namespace freehold

#define FH_TRY_JOIN_(a, b) a##b
#define FH_TRY_NAME_(line) FH_TRY_JOIN_(fh_try_, line)
#define FH_TRY_IMPL_(tmp, target, expression)              \
  auto tmp = (expression);                                 \
  if (!tmp) return tl::unexpected(std::move(tmp).error()); \
  target = std::move(*tmp)
// FH_TRY(auto file, File::open(path)); declares or assigns `file`, or returns the error to our caller.
#define FH_TRY(target, ...) FH_TRY_IMPL_(FH_TRY_NAME_(__LINE__), target, (__VA_ARGS__))
// The same for Result<void>: FH_TRY_VOID(file.sync());
#define FH_TRY_VOID(...)                                                     \
  do {                                                                       \
    auto fh_try_void = (__VA_ARGS__);                                        \
    if (!fh_try_void) return tl::unexpected(std::move(fh_try_void).error()); \
  } while (false)
