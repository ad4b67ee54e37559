// What the files behind operators.h share.
#pragma once

#include <cstdint>

#include "text/jinja/operators.h"

namespace freehold::text::jinja {

inline bool is_number(const Value& v) {
  return v.is(Type::integer) || v.is(Type::boolean) || v.is(Type::real);
}
inline bool is_integral(const Value& v) {
  return v.is(Type::integer) || v.is(Type::boolean);
}
inline std::int64_t integer_of(const Value& v) {
  return v.is(Type::boolean) ? v.as_bool() : v.as_integer();
}
inline double real_of(const Value& v) {
  return v.is(Type::real) ? v.as_real() : static_cast<double>(integer_of(v));
}
// Holds every 64-bit integer exactly, so that 1 << 60 and its neighbours compare as they are.
inline long double exact(const Value& v) {
  return v.is(Type::real) ? static_cast<long double>(v.as_real()) : static_cast<long double>(integer_of(v));
}
// "+", "<", …: as error messages name an operator.
const char* sign_of(Op op);

inline tl::unexpected<Failure> overflow() {
  return limit_error("an integer outside 64 bits");
}
inline bool is_sequence(const Value& v) {
  return v.is(Type::string) || v.is(Type::list) || v.is(Type::tuple);
}

}  // namespace freehold::text::jinja
