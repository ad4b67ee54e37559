#include "text/jinja/template.h"

#include "base/result.h"
#include "base/utf8.h"
#include "text/jinja/ast.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/parser.h"

namespace freehold::text::jinja {

Template::Template(std::unique_ptr<const Ast> ast, const Limits& limits) : ast_(std::move(ast)), limits_(limits) {}
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;
Template::~Template() = default;

Outcome<Template> Template::parse(std::string_view source, const Limits& limits) {
  if (source.size() > limits.source_bytes)
    return limit_error("the template has " + std::to_string(source.size()) + " bytes, more than " +
                       std::to_string(limits.source_bytes));
  if (!is_utf8(source)) return refuse(FailureKind::syntax, "the template is not UTF-8");
  FH_TRY(Ast ast, jinja::parse(source, limits.parse_depth));
  return Template(std::make_unique<const Ast>(std::move(ast)), limits);
}

Outcome<std::string> Template::render(const Variables& variables, std::function<std::tm()> clock) const {
  Interpreter interpreter(*ast_, limits_, std::move(clock));
  for (const auto& [name, value] : variables) interpreter.set_global(name, value);
  return interpreter.render();
}

}  // namespace freehold::text::jinja
