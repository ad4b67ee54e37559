// What is asked of a vendor and what it answers, as plain data and the same for every vendor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace freehold::upstream {

struct Message {
  enum class Role : std::uint8_t { system, user, assistant };
  Role role = Role::user;
  std::string text;  // UTF-8
};

// One request for one answer.
struct Call {
  std::string model;  // as the vendor calls it
  std::vector<Message> messages;
  std::uint32_t max_tokens = 1024;    // of the answer, those of thinking included; at least 1
  std::optional<double> temperature;  // nothing: what the vendor does then
  std::optional<double> top_p;        // the same
  std::optional<std::uint64_t> seed;  // not every vendor takes one (Errc::unsupported)
  std::vector<std::string> stop;
  std::string schema;  // a JSON Schema that the answer must be of; empty: any text
};

// Why an answer ended, in the words of all vendors together.
enum class Ending : std::uint8_t {
  stop,      // by itself, or before a stop string
  length,    // max_tokens, or the model's context
  filtered,  // the vendor refused to say it
  other,
};
std::string_view name_of(Ending ending);

// Tokens as the vendor counts and bills them.
struct Tokens {
  std::uint64_t input = 0;         // all of the prompt's
  std::uint64_t cached_input = 0;  // of these, read from the vendor's cache
  std::uint64_t cache_writes = 0;  // of these, written to it (Anthropic bills them apart)
  std::uint64_t output = 0;        // those of thinking included
  bool operator==(const Tokens&) const = default;
};

struct Reply {
  std::string text;
  Ending ending = Ending::stop;
  std::string model;             // the one that answered, as the vendor names it: an alias may have moved
  std::string id;                // the vendor's, for talking to its support
  std::optional<Tokens> tokens;  // nothing: it did not count them, or in no way that could be
};

// What a vendor said of a request's tokens, as far as it can be: `input` is nothing where it said nothing of the
// prompt, or no number that can be one (whole, from 0 to kMostTokens), and `output` so of the answer.
struct Counted {
  std::optional<std::uint64_t> input, output;
  std::uint64_t cached_input = 0, cache_writes = 0;  // as in Tokens; 0 where it said nothing
};
// No request has more, whatever a vendor says.
inline constexpr std::uint64_t kMostTokens = 1'000'000'000'000;

// One request, whatever became of it. A call that is repeated has several: each may be billed.
struct Attempt {
  int status = 0;                  // of HTTP; 0: none arrived
  Counted counted;                 // what the vendor said that it counted
  std::uint64_t answer_bytes = 0;  // of the answer's text that arrived
  bool answered = false;           // the answer came whole
  Ending ending = Ending::stop;    // why it ended, if it did
  // It was refused before anything was computed, as its status says, or never left this machine: it costs nothing.
  bool free = false;
  // The vendor will not answer this request for what is in it, and may answer another one: 400, 413 and 422. `code` is
  // its word for why ("content_filter"), and may be empty.
  bool refused = false;
  std::string code;
  bool again = false;  // another one follows
  double seconds = 0;
  std::string what;  // what went wrong; empty if it answered
};

}  // namespace freehold::upstream
