// The parsed form of a template. Immutable after parsing and shared by all renders.
//
// Chains that people write at any length (a + b + c …, a ~ b …, a and b …, elif … elif …) are flat vectors; everything
// that nests is limited by the parser, so walking and destroying a tree may recurse.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/value.h"

namespace freehold::text::jinja {

struct Expr;
struct Stmt;
using ExprPtr = std::unique_ptr<Expr>;
using Body = std::vector<std::unique_ptr<Stmt>>;
using Name = std::uint32_t;  // index into Ast::names
// The names with a meaning of their own are the first ones of every Ast.
inline constexpr Name kLoop = 0;
inline constexpr Name kCaller = 1;
inline constexpr Name kKwargs = 2;
inline constexpr Name kVarargs = 3;

enum class ExprKind : std::uint8_t {
  literal,      // value
  name,         // name
  list,         // kids
  tuple,        // kids
  dict,         // kids: key, value, key, value …
  negate,       // kids[0]
  plus,         // kids[0]
  invert,       // not kids[0]
  arithmetic,   // kids[0] ops[0] kids[1] ops[1] …, from the left
  concat,       // kids[0] ~ kids[1] …
  compare,      // kids[0] ops[0] kids[1] and kids[1] ops[1] kids[2] …
  all,          // kids[0] and kids[1] …
  any,          // kids[0] or kids[1] …
  conditional,  // kids[1] if kids[0] else kids[2] (may be null)
  attribute,    // kids[0].value
  subscript,    // kids[0][kids[1]]
  slice,        // kids[0]:kids[1]:kids[2], each may be null
  call,         // kids[0](arguments)
  filter,       // kids[0] | value(arguments); kids[0] is null where a block's text is filtered
  test,         // kids[0] is value(arguments)
};

enum class Op : std::uint8_t { add, sub, mul, div, floordiv, mod, pow, eq, ne, lt, le, gt, ge, in, not_in };

struct Arguments {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr star;         // *args
  ExprPtr double_star;  // **kwargs
};

struct Expr {
  ExprKind kind = ExprKind::literal;
  std::uint16_t depth = 1;  // of this subtree
  std::uint32_t line = 1;
  Name name = 0;
  Value value;  // the literal, or the name of an attribute, a filter or a test
  std::vector<ExprPtr> kids;
  std::vector<Op> ops;
  std::unique_ptr<Arguments> arguments;
};

// What stands left of "=" or between "for" and "in".
struct Target {
  enum class Kind : std::uint8_t { name, attribute, tuple } kind = Kind::name;
  Name name = 0;
  std::string attribute;  // of a namespace
  std::vector<Target> parts;
};

struct Parameter {
  Name name = 0;
  ExprPtr fallback;  // null: none
};

// A macro, or the body of a call block.
struct MacroDef {
  std::string name;
  std::vector<Parameter> parameters;
  Body body;
  bool uses_caller = false;  // the body mentions the special names
  bool uses_kwargs = false;
  bool uses_varargs = false;
};

enum class StmtKind : std::uint8_t {
  data,          // text
  output,        // expr
  condition,     // branches, otherwise
  loop,          // for target in expr if test: body, otherwise
  set,           // target = expr
  set_block,     // target = body, through expr if it is not null (a filter)
  macro,         // macro
  call_block,    // expr is the call, macro the caller
  filter_block,  // expr is the filter, body
  with,          // bindings, body
  scope,         // body with names of its own: block, generation, autoescape
  stop,          // break
  next,          // continue
  no_loader,     // include, import, from, extends
};

struct Stmt {
  StmtKind kind = StmtKind::data;
  bool recursive = false;
  std::uint32_t line = 1;
  std::string text;
  ExprPtr expr;
  ExprPtr test;
  Target target;
  std::vector<std::pair<ExprPtr, Body>> branches;
  std::vector<std::pair<Target, ExprPtr>> bindings;
  Body body;
  Body otherwise;
  std::unique_ptr<MacroDef> macro;
};

struct Ast {
  Body body;
  std::vector<std::string> names;
};

}  // namespace freehold::text::jinja
