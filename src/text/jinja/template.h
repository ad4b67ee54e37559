// A parsed template of our own Jinja: what it can do and where it stops is in docs/adr/0004-chat-templates.md.
#pragma once

#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/failure.h"
#include "text/jinja/limits.h"
#include "text/jinja/value.h"

namespace freehold::text::jinja {

struct Ast;

// Immutable; may be rendered by several threads at once.
class Template {
 public:
  using Variables = std::vector<std::pair<std::string, Value>>;

  // Kinds of failure: syntax, limit.
  static Outcome<Template> parse(std::string_view source, const Limits& limits = {});
  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;
  ~Template();

  // `clock` is the civil time that strftime_now shows.
  Outcome<std::string> render(const Variables& variables, std::function<std::tm()> clock) const;

 private:
  Template(std::unique_ptr<const Ast> ast, const Limits& limits);
  std::unique_ptr<const Ast> ast_;
  Limits limits_;
};

}  // namespace freehold::text::jinja
