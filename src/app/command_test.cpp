// The option tables and what is made of them: every table is well-formed, every wrong command line is named, every
// generated page is current.
#include "app/command.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "app/help.h"
#include "app/parse.h"
#include "app/settings.h"
#include "ledger/price_book.h"

namespace freehold::app {
namespace {

Result<> nothing(const Arguments&, Console&) {
  return {};
}

std::vector<Command> small_table() {
  return {
      {.name = "cook",
       .summary = "Cook.",
       .positionals = {{.name = "DISH", .help = "What."}, {.name = "SIDE", .help = "Beside it.", .required = false}},
       .options = {{.name = "heat",
                    .type = OptionType::real,
                    .value = "X",
                    .fallback = "0.5",
                    .least = 0,
                    .most = 2,
                    .help = "Heat."},
                   {.name = "minutes",
                    .type = OptionType::integer,
                    .value = "N",
                    .least = 1,
                    .most = 90,
                    .help = "Time.",
                    .letter = 'm'},
                   {.name = "salt", .help = "Salted."},
                   {.name = "spice", .type = OptionType::text, .value = "NAME", .help = "Spice.", .repeatable = true},
                   {.name = "style",
                    .type = OptionType::choice,
                    .value = "boiled|fried",
                    .fallback = "boiled",
                    .help = "How."}},
       .run = nothing},
      {.name = "cook slowly", .summary = "Cook slowly.", .run = nothing},
      {.name = "wash", .summary = "Group."},
      {.name = "wash up", .summary = "Wash up.", .run = nothing},
  };
}

struct Outcome {
  std::string error;
  std::string hint;
};
Outcome refused(std::vector<std::string> words) {
  static const std::vector<Command> table = small_table();
  Outcome out;
  auto parsed = parse_command_line(words, table, out.hint);
  EXPECT_FALSE(parsed.has_value()) << "accepted";
  if (!parsed) {
    EXPECT_EQ(parsed.error().code, Errc::invalid);
    out.error = parsed.error().what;
  }
  return out;
}

Parsed accepted(std::vector<std::string> words) {
  static const std::vector<Command> table = small_table();
  std::string hint;
  auto parsed = parse_command_line(words, table, hint);
  EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().what);
  return parsed ? std::move(*parsed) : Parsed{};
}

TEST(CommandLine, GivesValuesDefaultsAndPositionals) {
  Parsed p = accepted({"cook", "rice", "--heat", "1.25", "-m", "12", "--spice", "a", "--spice=b c", "beans"});
  EXPECT_EQ(p.arguments.text("DISH"), "rice");
  EXPECT_EQ(p.arguments.text("SIDE"), "beans");
  EXPECT_EQ(p.arguments.real("heat"), 1.25);
  EXPECT_EQ(p.arguments.integer("minutes"), 12);
  EXPECT_FALSE(p.arguments.flag("salt"));
  EXPECT_EQ(p.arguments.text("style"), "boiled");
  EXPECT_FALSE(p.arguments.given("style"));
  EXPECT_EQ(p.arguments.list("spice"), (std::vector<std::string>{"a", "b c"}));
}

TEST(CommandLine, ValuesMayLookLikeOptions) {
  EXPECT_EQ(accepted({"cook", "--spice", "--salt", "rice"}).arguments.text("spice"), "--salt");
  EXPECT_EQ(accepted({"cook", "--", "--rice"}).arguments.text("DISH"), "--rice");
  EXPECT_EQ(accepted({"cook", ""}).arguments.text("DISH"), "");
  EXPECT_TRUE(accepted({"cook", ""}).arguments.given("DISH"));
  const Parsed empty = accepted({"cook", "--spice=", "rice"});  // the empty value, not the next word
  EXPECT_EQ(empty.arguments.list("spice"), (std::vector<std::string>{""}));
  EXPECT_EQ(empty.arguments.text("DISH"), "rice");
  EXPECT_EQ(accepted({"cook", "--", "--spice="}).arguments.text("DISH"), "--spice=");
}

TEST(CommandLine, TheLongestNameWins) {
  EXPECT_EQ(accepted({"cook", "slowly"}).command->name, "cook slowly");
  EXPECT_EQ(accepted({"cook", "./slowly"}).command->name, "cook");
}

TEST(CommandLine, HelpNeedsNothingElse) {
  EXPECT_TRUE(accepted({"cook", "--help"}).help);
  EXPECT_TRUE(accepted({"cook", "rice", "-h"}).help);
  EXPECT_TRUE(accepted({}).help);
  EXPECT_TRUE(accepted({"wash"}).help);
  EXPECT_TRUE(accepted({"--version"}).version);
}

TEST(CommandLine, WrongValuesAreNamedWithTheRange) {
  EXPECT_EQ(refused({"cook", "x", "--heat", "3"}).error, "--heat needs a number from 0 to 2, not 3");
  EXPECT_EQ(refused({"cook", "x", "--heat", "-1"}).error, "--heat needs a number from 0 to 2, not -1");
  EXPECT_EQ(refused({"cook", "x", "--heat", "nan"}).error, "--heat needs a number, not 'nan'");
  EXPECT_EQ(refused({"cook", "x", "--heat", ""}).error, "--heat needs a number, not ''");
  EXPECT_EQ(refused({"cook", "x", "-m", "0"}).error, "--minutes needs a whole number from 1 to 90, not 0");
  EXPECT_EQ(refused({"cook", "x", "-m", "1.5"}).error, "--minutes needs a whole number, not '1.5'");
  EXPECT_EQ(refused({"cook", "x", "-m", "99999999999999999999"}).error,
            "--minutes needs a whole number from 1 to 90, not 99999999999999999999");
  EXPECT_EQ(refused({"cook", "x", "--style", "fryed"}).error,
            "--style needs one of boiled, fried, not 'fryed' (did you mean fried?)");
  EXPECT_EQ(refused({"cook", "x", "--salt=3"}).error, "--salt takes no value");
  EXPECT_EQ(refused({"cook", "x", "-m", "1", "-m", "2"}).error, "--minutes is given 2 times");
  EXPECT_EQ(refused({"cook", "x", "--minutes"}).error, "--minutes needs a value");
}

TEST(CommandLine, UnknownNamesGetTheNearest) {
  EXPECT_EQ(refused({"cok", "x"}).hint, "did you mean 'freehold cook'?");
  EXPECT_EQ(refused({"cook", "x", "--haet", "1"}).hint, "did you mean --heat?");
  EXPECT_EQ(refused({"cook", "x", "--haet=1"}).error, "'cook' has no option --haet");
  EXPECT_EQ(refused({"wash", "pu"}).hint, "did you mean 'freehold wash up'?");
  EXPECT_EQ(refused({"cook", "slowyl", "a", "b"}).hint, "did you mean 'freehold cook slowly'?");
  EXPECT_EQ(refused({"--verion"}).hint, "did you mean --version?");
  EXPECT_EQ(refused({"cook"}).error, "'cook' needs DISH");
}

TEST(CommandLine, NothingUnsafeIsRepeatedRaw) {
  for (auto words : std::vector<std::vector<std::string>>{{"\x1b[31m"},
                                                          {"cook", "x", "--\x1b[31m"},
                                                          {"cook", "x", "y", "\x9b\x1b"},
                                                          {"cook", "x", "-m", "\x1b"},
                                                          {"-\x07"},
                                                          {"wash", "\x1b"}}) {
    Outcome out = refused(words);
    for (char c : out.error + out.hint) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << out.error;
  }
}

TEST(Tables, AreWellFormed) {
  std::set<std::string_view> names;
  for (const auto& c : all_commands()) {
    EXPECT_TRUE(names.insert(c.name).second) << c.name;
    EXPECT_TRUE(c.summary.ends_with('.')) << c.name;
    EXPECT_TRUE(c.run == nullptr || c.hidden || !c.examples.empty()) << c.name;
    std::set<std::string_view> options = {"help"};
    for (const auto& p : c.positionals) EXPECT_TRUE(options.insert(p.name).second) << c.name << " " << p.name;
    for (const auto& o : c.options) {
      EXPECT_TRUE(options.insert(o.name).second) << c.name << " " << o.name;
      EXPECT_TRUE(o.help.ends_with('.')) << c.name << " " << o.name;
      EXPECT_EQ(o.value.empty(), o.type == OptionType::flag) << c.name << " " << o.name;
      EXPECT_LE(o.least, o.most);
      EXPECT_TRUE(o.fallback.empty() || check_value(o, o.fallback).has_value()) << c.name << " " << o.name;
    }
  }
}

TEST(Tables, TheExamplesParse) {
  for (const auto& c : all_commands()) {
    for (const auto& e : c.examples) {
      // Words between quotes; pipes, redirections and other programs end the command line.
      std::vector<std::string> words;
      std::string word;
      bool quoted = false, any = false;
      std::string_view line = e.line;
      line = line.substr(std::min(line.find("freehold"), line.size()));
      for (char ch : line) {
        if (ch == '"') {
          quoted = !quoted;
          any = true;
        } else if (!quoted && (ch == ' ' || ch == ')' || ch == '|' || ch == '&' || ch == '>' || ch == '<')) {
          if (any) words.push_back(word);
          word.clear();
          any = false;
          if (ch != ' ') break;
        } else {
          word += ch;
          any = true;
        }
      }
      if (any) words.push_back(word);
      ASSERT_FALSE(words.empty()) << e.line;
      ASSERT_EQ(words[0], "freehold") << e.line;
      words.erase(words.begin());
      std::string hint;
      auto parsed = parse_command_line(words, all_commands(), hint);
      EXPECT_TRUE(parsed.has_value()) << e.line << ": " << (parsed ? "" : parsed.error().what);
    }
  }
}

TEST(Help, NamesEverything) {
  std::string overview = program_help(all_commands());
  for (const auto& c : all_commands()) {
    if (c.hidden) continue;
    EXPECT_NE(overview.find("  " + std::string(c.name)), std::string::npos) << c.name;
    std::string text = command_help(c, all_commands());
    EXPECT_NE(text.find("freehold " + std::string(c.name)), std::string::npos) << c.name;
    for (const auto& o : c.options)
      EXPECT_NE(text.find("--" + std::string(o.name)), std::string::npos) << c.name << " " << o.name;
  }
  for (const auto& e : exit_codes()) EXPECT_NE(overview.find(std::string(e.meaning)), std::string::npos);
}

TEST(Help, NamesEveryKindOfPrice) {
  const auto& commands = all_commands();
  const auto add =
      std::find_if(commands.begin(), commands.end(), [](const Command& c) { return c.name == "cost prices add"; });
  ASSERT_NE(add, commands.end());
  for (const std::string_view kind : ledger::price_kinds()) {
    const std::string name(kind);
    EXPECT_TRUE(add->details.find(" " + name + ",") != std::string::npos ||
                add->details.find(" " + name + ".") != std::string::npos)
        << name;
  }
}

TEST(Help, IsAsWideAsTheTerminal) {
  const auto widest = [](std::string_view text) {
    std::size_t most = 0;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      std::size_t characters = 0;
      for (const char c : text.substr(0, end)) characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
      // Lines to be copied stay whole.
      if (text.find("freehold ") >= end) most = std::max(most, characters);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return most;
  };
  for (const std::size_t width : {64, 80, 100}) {
    EXPECT_LE(widest(program_help(all_commands(), width)), width);
    for (const auto& c : all_commands()) EXPECT_LE(widest(command_help(c, all_commands(), width)), width) << c.name;
  }
}

TEST(Help, Wraps) {
  EXPECT_EQ(wrap("a bb ccc\n\ndd", 4, 0), "a bb\nccc\n\ndd\n");
  EXPECT_EQ(wrap("a\nb", 10, 2), "  a b\n");
  EXPECT_EQ(wrap("", 10, 2), "");
}

TEST(ManPage, InTheTreeIsCurrent) {
  std::ifstream file(FREEHOLD_SOURCE_DIR "/docs/man/freehold.1");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), man_page(all_commands())) << "write it anew: build/release/freehold man > docs/man/freehold.1";
}

TEST(Settings, HaveOneTableForRunAndSet) {
  Settings s;
  EXPECT_TRUE(set_option(s, "temperature", "0.25").has_value());
  EXPECT_EQ(s.sampling.temperature, 0.25);
  EXPECT_TRUE(set_option(s, "temperature", "").has_value());
  EXPECT_EQ(s.sampling.temperature, 0.7);
  EXPECT_TRUE(set_option(s, "seed", "7").has_value());
  EXPECT_EQ(s.seed, 7u);
  EXPECT_TRUE(set_option(s, "logit-bias", "5=-inf").has_value());
  EXPECT_TRUE(set_option(s, "logit-bias", "6=1.5").has_value());
  EXPECT_EQ(s.sampling.logit_bias.size(), 2u);
  for (auto bad : {"5", "=1", "5=", "x=1", "5=nan", "5=inf", "-1=2", "5=1x"}) {
    EXPECT_FALSE(set_option(s, "logit-bias", bad).has_value()) << bad;
  }
  auto unknown = set_option(s, "temprature", "1");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_NE(unknown.error().what.find("temperature"), std::string::npos);
  for (const auto& o : settings_options()) {
    if (o.type == OptionType::text || o.fallback.empty()) continue;
    EXPECT_TRUE(set_option(s, o.name, o.fallback).has_value()) << o.name;
  }
}

}  // namespace
}  // namespace freehold::app
