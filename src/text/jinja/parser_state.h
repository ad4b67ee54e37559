// The recursive-descent parser behind parser.h; its members are defined in parse_expression.cpp and
// parse_statement.cpp.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "text/jinja/ast.h"
#include "text/jinja/failure.h"
#include "text/jinja/token.h"

namespace freehold::text::jinja {

// Keyword arguments of one call and parameters of one macro: they are searched one by one.
inline constexpr std::size_t kMaxNamed = 500;

class Parser {
 public:
  Parser(std::vector<Token> tokens, std::size_t max_depth) : tokens_(std::move(tokens)), max_depth_(max_depth) {
    for (const char* name : {"loop", "caller", "kwargs", "varargs"}) intern(name);  // the order of kLoop …
  }
  Outcome<Ast> run();

 private:
  using Parsed = Outcome<ExprPtr>;
  using Ends = std::initializer_list<const char*>;

  // Tokens.
  const Token& current() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  void skip() {
    if (at_ + 1 < tokens_.size()) ++at_;
  }
  bool skip_name(const char* name);
  bool skip_op(const char* op);
  Done expect_op(const char* op);
  Done expect(TokenType type, const char* what);
  Outcome<std::string> expect_name();
  tl::unexpected<Failure> fail(std::string what, std::size_t line = 0) const;
  std::string describe(const Token& token) const;

  // Counts how deep the parser is; refuses past the limit.
  struct Depth {
    explicit Depth(Parser& p) : parser(p) { ++parser.depth_; }
    ~Depth() { --parser.depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    bool ok() const { return parser.depth_ <= parser.max_depth_; }
    Parser& parser;
  };
  tl::unexpected<Failure> too_deep() const;

  // Expressions, loosest binding first.
  Parsed expression(bool with_conditional = true);
  Parsed conditional();
  Parsed any();
  Parsed all();
  Parsed inverted();
  Parsed compare();
  Parsed sum();
  Parsed concat();
  Parsed product();
  Parsed power();
  Parsed unary(bool with_filter);
  Parsed primary();
  Parsed list();
  Parsed dict();
  Parsed postfix(ExprPtr node);
  Parsed filter_chain(ExprPtr node);
  Parsed subscript(ExprPtr node);
  Parsed subscript_item();
  Parsed call(ExprPtr node);
  Parsed filter(ExprPtr node, bool first_is_inline);
  Parsed test(ExprPtr node);
  // Comma-separated expressions make a tuple; one without a comma is itself.
  Parsed tuple(bool with_conditional, bool in_parentheses, const char* end_name = nullptr);
  Outcome<std::unique_ptr<Arguments>> arguments();
  Outcome<std::string> dotted_name();
  ExprPtr node(ExprKind kind, std::uint32_t line) const;
  // Sets the depth of a node whose kids are complete.
  Parsed finish(ExprPtr node) const;
  Name intern(const std::string& name);

  // Statements.
  using ParsedStmt = Outcome<std::unique_ptr<Stmt>>;
  // Until a tag named in `ends` (left as the current token) or, where it is empty, the end of the template.
  Outcome<Body> body(Ends ends);
  // The rest of a tag, then its body, then the name of the tag that ended it is consumed and returned.
  Outcome<Body> block(Ends ends, std::string* end = nullptr);
  ParsedStmt statement();
  ParsedStmt parse_if();
  ParsedStmt parse_for();
  ParsedStmt parse_set();
  ParsedStmt parse_macro();
  ParsedStmt parse_call();
  ParsedStmt parse_filter_block();
  ParsedStmt parse_with();
  ParsedStmt parse_scope(const char* end);
  ParsedStmt parse_block();
  ParsedStmt parse_unloadable();
  Done parse_print(Body& out);
  Done signature(MacroDef& macro);
  Outcome<Target> target(bool with_namespace, bool with_tuple, const char* end_name);
  Outcome<Target> single_target(bool with_namespace);

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::size_t max_depth_;
  std::size_t depth_ = 0;
  std::size_t loops_ = 0;          // for loops around the current place
  std::vector<MacroDef*> macros_;  // macro bodies around the current place
  std::unordered_map<std::string, Name> ids_;
  Ast ast_;
};

}  // namespace freehold::text::jinja
