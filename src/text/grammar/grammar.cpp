#include "text/grammar/grammar.h"

#include "base/utf8.h"
#include "text/grammar/gbnf.h"
#include "text/grammar/regex_ast.h"
#include "text/grammar/schema_compiler.h"

namespace freehold::text::grammar {
namespace {

Result<GrammarPtr> lowered(const Ir& ir, RuleId root, std::uint32_t nesting) {
  FH_TRY(Automaton automaton, lower(ir, root, nesting));
  return std::make_shared<const Automaton>(std::move(automaton));
}

Result<GrammarPtr> finish(Ir& ir, NodeId body, std::uint32_t nesting) {
  RuleId root = ir.add_rule("root");
  ir.define(root, body);
  return lowered(ir, root, nesting);
}

// The schema's values, and a tree that the compiler's borrowed places lie in only while it runs.
Result<NodeId> add_schema(Ir& ir, std::string_view schema, const SchemaOptions& options) {
  FH_TRY(JsonTree tree, JsonTree::parse(schema, options.limits));
  if (options.dialect == SchemaDialect::gemini) FH_TRY_VOID(from_gemini(tree));
  return SchemaCompiler(ir, tree.root(), options).compile();
}

Result<NodeId> add_any_object(Ir& ir, const SchemaOptions& options) {
  Json nothing;
  return SchemaCompiler(ir, nothing, options).any_object();
}

Result<NodeId> add_regex(Ir& ir, std::string_view pattern) {
  FH_TRY(RegexAst ast, parse_regex(pattern, ir.limits()));
  return regex_to_ir(ir, ast, Reach::whole, Encoding::raw);
}

template <typename T>
Result<T> named(Result<T> result, std::string_view what) {
  if (!result) return tl::unexpected(in_context(std::move(result).error(), what).value());
  return result;
}

// One piece after the other. `bytes` counts all pieces of a grammar.
Result<NodeId> add_pieces(Ir& ir, std::span<const Piece> pieces, const SchemaOptions& schema, std::size_t& bytes) {
  std::vector<NodeId> sequence;
  for (const Piece& p : pieces) {
    if ((bytes += p.text.size() + 1) > schema.limits.source_bytes)
      return fail(Errc::exhausted, "the pieces are too long");
    NodeId node = 0;
    switch (p.kind) {
      case Piece::Kind::literal:
        if (!is_utf8(p.text)) return fail(Errc::invalid, "a literal is not UTF-8");
        node = ir.bytes(p.text);
        break;
      case Piece::Kind::json_schema: {
        SchemaOptions own = schema;
        if (p.dialect) own.dialect = *p.dialect;
        own.left_out = p.left_out;
        own.loose = p.loose;
        FH_TRY(node, named(add_schema(ir, p.text, own), "schema"));
        break;
      }
      case Piece::Kind::json_object: {
        FH_TRY(node, add_any_object(ir, schema));
        break;
      }
      case Piece::Kind::regex: {
        FH_TRY(node, named(add_regex(ir, p.text), "regular expression"));
        break;
      }
    }
    // A rule of its own: the pieces are used in several places.
    RuleId rule = ir.add_rule("piece");
    ir.define(rule, node);
    sequence.push_back(ir.call(rule));
  }
  return ir.concat(sequence);
}

}  // namespace

Result<GrammarPtr> compile_json_schema(std::string_view schema, const SchemaOptions& options) {
  Ir ir(options.limits);
  FH_TRY(NodeId node, named(add_schema(ir, schema, options), "schema"));
  return named(finish(ir, node, options.limits.nesting), "schema");
}

Result<GrammarPtr> compile_json_object(const SchemaOptions& options) {
  Ir ir(options.limits);
  FH_TRY(NodeId node, add_any_object(ir, options));
  return finish(ir, node, options.limits.nesting);
}

Result<GrammarPtr> compile_regex(std::string_view pattern, const Limits& limits) {
  Ir ir(limits);
  FH_TRY(NodeId node, named(add_regex(ir, pattern), "regular expression"));
  return named(finish(ir, node, limits.nesting), "regular expression");
}

Result<GrammarPtr> compile_gbnf(std::string_view grammar, const Limits& limits) {
  Ir ir(limits);
  FH_TRY(RuleId root, named(parse_gbnf(grammar, ir), "grammar"));
  return named(lowered(ir, root, 16 * limits.nesting), "grammar");
}

Result<GrammarPtr> compile_choice(std::span<const std::string> choices, const Limits& limits) {
  Ir ir(limits);
  std::size_t bytes = 0;
  std::vector<NodeId> nodes;
  for (const std::string& c : choices) {
    if ((bytes += c.size() + 1) > limits.source_bytes) return fail(Errc::exhausted, "choice: the choices are too long");
    if (!is_utf8(c)) return fail(Errc::invalid, "choice: not UTF-8");
    nodes.push_back(ir.bytes(c));
  }
  if (nodes.empty()) return fail(Errc::invalid, "choice: there is nothing to choose from");
  return named(finish(ir, ir.any_of(nodes), limits.nesting), "choice");
}

Result<GrammarPtr> compile_pieces(std::span<const std::vector<Piece>> alternatives, const PieceOptions& options) {
  Ir ir(options.schema.limits);
  std::size_t bytes = 0;
  std::vector<NodeId> choices;
  for (const auto& pieces : alternatives) {
    FH_TRY(NodeId node, add_pieces(ir, pieces, options.schema, bytes));
    choices.push_back(node);
  }
  FH_TRY(NodeId lead, add_pieces(ir, options.lead, options.schema, bytes));
  std::vector<NodeId> all;
  for (const auto& pieces : options.instead) {
    FH_TRY(NodeId node, add_pieces(ir, pieces, options.schema, bytes));
    all.push_back(node);
  }
  if (options.min > options.max || options.max == 0 || choices.empty())
    return fail(Errc::invalid, "there is nothing to choose from");
  RuleId one = ir.add_rule("alternatives");
  ir.define(one, ir.any_of(choices));
  std::uint32_t more = options.max == kNoMaximum ? kNoMaximum : options.max - 1;
  NodeId rest =
      ir.repeat(ir.concat({ir.bytes(options.between), ir.call(one)}), options.min == 0 ? 0 : options.min - 1, more);
  NodeId many = ir.concat({ir.call(one), rest});
  if (options.min == 0) many = ir.optional(many);
  all.push_back(ir.concat({lead, many, ir.bytes(options.after)}));
  return finish(ir, ir.concat({ir.bytes(options.before), ir.any_of(all)}), options.schema.limits.nesting);
}

}  // namespace freehold::text::grammar
