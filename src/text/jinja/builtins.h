// The functions that templates can name: filters, tests, globals and methods.
#pragma once

#include <array>
#include <string_view>

#include "text/jinja/interpreter.h"

namespace freehold::text::jinja {

// A filter or test gets its input as `self`. Null: there is none of this name.
Native find_filter(std::string_view name);
Native find_test(std::string_view name);
Native find_global(std::string_view name);
Outcome<Value> call_filter(Interpreter& in, const Value& name, const Value& input, Args args);
Outcome<bool> call_test(Interpreter& in, const Value& name, const Value& input, Args args);

// Tables that find_filter and the method lookups search, one a source file.
struct NamedNative {
  std::string_view name;
  Native native;
};
Native find_string_filter(std::string_view name);
Native find_sequence_filter(std::string_view name);
Native find_lazy_filter(std::string_view name);  // map, select …
Native find_string_method(std::string_view name);
Native find_text_query(std::string_view name);  // the methods that ask about a string or cut it
Native find_list_method(std::string_view name);
Native find_dict_method(std::string_view name);
// append, pop, update …: they exist, and the sandbox refuses them.
bool is_mutating_method(Type type, std::string_view name);

// Binds arguments to parameter names, the first `required` of which must be given; absent ones stay missing.
template <std::size_t N>
Outcome<std::array<Value, N>> bind_args(const char* function, Args& args, const std::array<const char*, N>& names,
                                        std::size_t required);
// A function that takes no arguments besides its input.
template <Native function>
Outcome<Value> plain(Interpreter& in, const Value& self, Args& args) {
  if (!args.positional.empty() || !args.named.empty()) return runtime_error("unexpected arguments");
  return function(in, self, args);
}
// The value of an integer argument.
Outcome<std::int64_t> to_index(const Value& value);

// Implementation.
Done bind_into(const char* function, Args& args, const char* const* names, std::size_t count, std::size_t required,
               Value* out);
template <std::size_t N>
Outcome<std::array<Value, N>> bind_args(const char* function, Args& args, const std::array<const char*, N>& names,
                                        std::size_t required) {
  std::array<Value, N> out;
  FH_TRY_VOID(bind_into(function, args, names.data(), N, required, out.data()));
  return out;
}

}  // namespace freehold::text::jinja
