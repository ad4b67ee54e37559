// How each vendor spells a call and its answer. One row of kWires a dialect; another vendor with one of these is an
// address, another dialect is a file here.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "format/json.h"
#include "http/message.h"
#include "http/url.h"
#include "upstream/call.h"

namespace freehold::upstream {

// What goes over the line, without the key.
struct Outgoing {
  std::string target;  // appended to the base address's path: "/chat/completions"
  http::Headers headers;
  std::string body;
};

// The answer of one request as its events come. What it says of tokens is what was said last: some vendors count along
// the way, and some after the answer's end.
class Reading {
 public:
  virtual ~Reading() = default;
  // Errors: corrupt (not what the dialect says), io (the vendor reports that it broke off).
  virtual Result<> event(std::string_view name, std::string_view data) = 0;
  // The whole answer as one JSON text, as vendors and what stands before them give it to those who asked for no stream,
  // and sometimes to those who did. Errors: corrupt (no JSON, an error, no complete answer).
  Result<> whole(std::string_view json);
  // Whether the vendor has said that this is all: nothing that follows counts.
  bool complete() const { return complete_; }
  // Whether the answer's text has ended. Counts may still follow, until the stream is complete or closed.
  bool ended() const { return ended_ || complete_; }
  const Counted& counted() const { return counted_; }
  Reply& reply() { return reply_; }

 protected:
  // What the dialect answers without a stream; it is no error.
  virtual Result<> take_whole(const format::Value& answer) = 0;

  Reply reply_;
  Counted counted_;
  bool ended_ = false;
  bool complete_ = false;
};

struct Wire {
  std::string_view name;           // "openai"
  std::string_view provider;       // as price lists call it: "google" where the dialect is "gemini"
  std::string_view base;           // where the vendor itself is
  std::string_view base_variable;  // the environment variables that the vendor's own client reads
  std::string_view key_variable;
  std::string_view key_header;
  std::string_view key_prefix;  // before the key in that header: "Bearer "
  // Errors: unsupported, naming the field that this dialect cannot say.
  Result<Outgoing> (*outgoing)(const Call& call, const http::Url& base);
  std::unique_ptr<Reading> (*reading)();
};

const Wire* wire_of(std::string_view name);  // null if there is none
std::string wire_names();                    // "openai, anthropic, gemini"

// What the body of a vendor's error says: its message and its code; the beginning of the body if it is no JSON.
struct Complaint {
  std::string message;
  std::string code;  // "insufficient_quota"; may be empty
};
Complaint complaint_of(std::string_view body);

// The rows, for wire.cpp.
extern const Wire kOpenAi, kAnthropic, kGemini;

}  // namespace freehold::upstream
