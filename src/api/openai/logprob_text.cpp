#include "api/openai/logprob_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "api/fields.h"

namespace freehold::api::openai {
namespace {

void append_token(std::string& out, const engine::TokenLogprob& token) {
  out += R"({"token":)";
  append_string(out, token.bytes);
  out += R"(,"logprob":)";
  append_number(out, token.logprob);
  out += R"(,"bytes":[)";
  for (std::size_t i = 0; i < token.bytes.size(); ++i) {
    std::array<char, 4> digits{};
    if (i > 0) out += ',';
    const auto end = std::to_chars(digits.begin(), digits.end(), static_cast<unsigned char>(token.bytes[i])).ptr;
    out.append(digits.begin(), end);
  }
  out += ']';
}

}  // namespace

void append_string(std::string& out, std::string_view bytes) {
  const bool plain =
      std::all_of(bytes.begin(), bytes.end(), [](char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; });
  if (!plain) {
    out += dump(std::string(bytes));
    return;
  }
  out += '"';
  out += bytes;
  out += '"';
}

void append_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  std::array<char, 32> digits{};
  out.append(digits.begin(), std::to_chars(digits.begin(), digits.end(), value).ptr);
}

void append_entry(std::string& list, const engine::TokenLogprobs& token) {
  if (!list.empty()) list += ',';
  append_token(list, token.sampled);
  list += R"(,"top_logprobs":[)";
  for (std::size_t i = 0; i < token.top.size(); ++i) {
    if (i > 0) list += ',';
    append_token(list, token.top[i]);
    list += '}';
  }
  list += "]}";
}

}  // namespace freehold::api::openai
