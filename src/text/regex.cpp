#include "text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>

#include "base/thread_time.h"
#include "base/utf8.h"
#include "text/regex_dialect.h"

namespace freehold::text {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* p) const {
    Free(p);
  }
};
using CodePtr = std::unique_ptr<pcre2_code, Deleter<pcre2_code_free>>;
using CompileContextPtr = std::unique_ptr<pcre2_compile_context, Deleter<pcre2_compile_context_free>>;
using MatchDataPtr = std::unique_ptr<pcre2_match_data, Deleter<pcre2_match_data_free>>;
using MatchContextPtr = std::unique_ptr<pcre2_match_context, Deleter<pcre2_match_context_free>>;
using JitStackPtr = std::unique_ptr<pcre2_jit_stack, Deleter<pcre2_jit_stack_free>>;

constexpr std::size_t kMaxPatternBytes = 16384;
// Backtracking steps from one starting point: real patterns back up at most a few times over a run of one class.
std::uint32_t match_limit(std::size_t bytes) {
  return static_cast<std::uint32_t>(std::min<std::size_t>(1'000'000 + 4 * bytes, 1'000'000'000));
}
constexpr std::uint32_t kHeapLimitKiB = 32768;
constexpr std::size_t kMaxJitStack = std::size_t{16} << 20;
// Starting points tried between two looks at the clock. A limit on steps alone does not bound the whole search: it
// counts anew at every starting point, so n points of n steps each would pass it.
constexpr std::size_t kStartsPerLook = 256;

std::string message_of(int code) {
  unsigned char buffer[256] = {};
  pcre2_get_error_message(code, buffer, sizeof buffer);
  return reinterpret_cast<const char*>(buffer);
}

}  // namespace

struct Regex::Code {
  CodePtr code;
  std::string pattern;
  Regex::Taken taken = Regex::Taken::match;
};

Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::compile(std::string_view pattern, Taken taken) {
  if (pattern.size() > kMaxPatternBytes) {
    return fail(Errc::unsupported,
                fmt::format("a regular expression of {} bytes (the limit is {})", pattern.size(), kMaxPatternBytes));
  }
  FH_TRY(std::string translated, to_pcre2(pattern));
  CompileContextPtr context(pcre2_compile_context_create(nullptr));
  if (!context) return fail(Errc::exhausted, "no memory for a regular expression");
  pcre2_set_parens_nest_limit(context.get(), 100);
  int error = 0;
  std::size_t where = 0;
  CodePtr code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                             PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY | PCRE2_USE_OFFSET_LIMIT |
                                 PCRE2_NEVER_BACKSLASH_C | (taken == Taken::match ? PCRE2_NO_AUTO_CAPTURE : 0),
                             &error, &where, context.get()));
  if (!code) {
    return fail(Errc::corrupt,
                fmt::format("the regular expression '{}': {}", printable(pattern, 120), message_of(error)));
  }
  // Without JIT (some hardened kernels refuse executable memory) the interpreter gives the same matches.
  (void)pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
  Regex regex;
  regex.code_ = std::make_unique<Code>(Code{std::move(code), std::string(pattern), taken});
  return regex;
}

struct Matcher::State {
  MatchDataPtr data;
  MatchContextPtr context;
  JitStackPtr stack;
  std::chrono::nanoseconds deadline{};
  unsigned calls = 0;

  bool late() { return ++calls % 16 == 0 && thread_time() > deadline; }
};

Matcher::Matcher(std::chrono::milliseconds time) : state_(std::make_unique<State>()) {
  state_->data.reset(pcre2_match_data_create(2, nullptr));
  state_->context.reset(pcre2_match_context_create(nullptr));
  if (state_->context) {
    pcre2_set_heap_limit(state_->context.get(), kHeapLimitKiB);
  }
  state_->deadline = thread_time() + time;
}

Matcher::~Matcher() = default;

Result<std::optional<Span>> Matcher::find(const Regex& regex, std::string_view text, std::size_t from) {
  State& s = *state_;
  if (!s.data || !s.context) return fail(Errc::exhausted, "no memory to match a regular expression");
  const pcre2_code* code = regex.code_->code.get();
  while (true) {
    if (s.late()) {
      return fail(Errc::exhausted, fmt::format("the regular expression '{}' takes too long on this text",
                                               printable(regex.code_->pattern, 120)));
    }
    // The limit must not fall inside a character: the search goes on from where it ended.
    std::size_t limit = std::min(from + kStartsPerLook, text.size());
    while (limit < text.size() && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) ++limit;
    pcre2_set_offset_limit(s.context.get(), limit);
    pcre2_set_match_limit(s.context.get(), match_limit(text.size()));
    int rc = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from, PCRE2_NO_UTF_CHECK,
                         s.data.get(), s.context.get());
    if (rc >= 0) {
      const std::size_t* ends = pcre2_get_ovector_pointer(s.data.get());
      // 0: more groups than there is room for, of which the first is there.
      if (regex.code_->taken == Regex::Taken::group && rc != 1 && ends[2] <= ends[3] && ends[3] <= text.size())
        return std::optional<Span>(Span{ends[2], ends[3]});
      if (ends[0] > ends[1] || ends[1] > text.size()) return fail(Errc::internal, "a match ends before it begins");
      return std::optional<Span>(Span{ends[0], ends[1]});
    }
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT && !s.stack) {
      s.stack.reset(pcre2_jit_stack_create(32768, kMaxJitStack, nullptr));
      if (!s.stack) return fail(Errc::exhausted, "no memory to match a regular expression");
      pcre2_jit_stack_assign(s.context.get(), nullptr, s.stack.get());
      continue;
    }
    if (rc != PCRE2_ERROR_NOMATCH) {
      return fail(Errc::exhausted, fmt::format("the regular expression '{}' on this text: {}",
                                               printable(regex.code_->pattern, 120), message_of(rc)));
    }
    if (limit >= text.size()) return std::optional<Span>();
    from = limit;
  }
}

}  // namespace freehold::text
