// What reaches a terminal and what a pipe; errors of output; JSON; progress numbers; ids from files; saved
// conversations.
#include "app/console.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "app/input.h"
#include "app/json_writer.h"
#include "app/progress.h"
#include "app/run_program.h"
#include "format/json.h"

namespace freehold::app {
namespace {

struct Pipe {
  int read_end = -1, write_end = -1;
  Pipe() {
    int fds[2];
    EXPECT_EQ(::pipe(fds), 0);
    read_end = fds[0];
    write_end = fds[1];
  }
  ~Pipe() {
    close_read();
    close_write();
  }
  void close_read() {
    if (read_end >= 0) ::close(read_end);
    read_end = -1;
  }
  void close_write() {
    if (write_end >= 0) ::close(write_end);
    write_end = -1;
  }
  std::string drain() {
    close_write();
    std::string text;
    char part[4096];
    for (ssize_t n = 0; (n = ::read(read_end, part, sizeof part)) > 0;) text.append(part, static_cast<std::size_t>(n));
    return text;
  }
};

TEST(Console, NotesAreOneSafeLine) {
  Pipe out, err;
  {
    Console console(out.write_end, err.write_end);
    console.note("bad \x1b[31m name\nsecond \x9b");
  }
  EXPECT_EQ(err.drain(), "bad \\x1b[31m name\\nsecond \\x9b\n");
}

TEST(Console, PipesGetTheModelsOwnBytes) {
  Pipe out, err;
  {
    Console console(out.write_end, err.write_end);
    console.write_untrusted("a\x1b[1mb\n");
  }
  EXPECT_EQ(out.drain(), "a\x1b[1mb\n");
}

TEST(Console, TerminalsGetNoControlCharacters) {
  EXPECT_EQ(terminal_safe("a\tb\n\nc\x1b[2J\r\x07"), "a\tb\n\nc\\x1b[2J\\x0d\\x07");
  EXPECT_EQ(terminal_safe("Grüße 世界\n"), "Grüße 世界\n");
  EXPECT_EQ(terminal_safe("\xc2\x9b"
                          "31m\xe2\x80\xae"),
            "\\u009b31m\\u202e");
  EXPECT_EQ(terminal_safe(std::string(5000, 'x')).size(), 5000u);
  EXPECT_EQ(terminal_safe(""), "");
}

TEST(Console, AClosedPipeIsAnErrorAndNotADeath) {
  std::signal(SIGPIPE, SIG_IGN);
  Pipe out, err;
  out.close_read();
  Console console(out.write_end, err.write_end);
  EXPECT_EQ(run_program({"help"}, console), ExitCode::io);
  EXPECT_TRUE(console.reader_left());
  EXPECT_EQ(err.drain(), "");
}

TEST(Console, AFullDiskIsReported) {
  int full = ::open("/dev/full", O_WRONLY);
  if (full < 0) GTEST_SKIP() << "no /dev/full";
  Pipe err;
  {
    Console console(full, err.write_end);
    EXPECT_EQ(run_program({"help"}, console), ExitCode::exhausted);
  }
  ::close(full);
  EXPECT_NE(err.drain().find("freehold: write to standard output: No space left"), std::string::npos);
}

TEST(Program, SaysWhatIsWrongInOneLineAndAHint) {
  Pipe out, err;
  {
    Console console(out.write_end, err.write_end);
    EXPECT_EQ(run_program({"rum"}, console), ExitCode::usage);
  }
  EXPECT_EQ(err.drain(), "freehold: there is no command 'rum'\nhint: did you mean 'freehold run'?\n");
  EXPECT_EQ(out.drain(), "");
}

TEST(Program, AMissingModelIsNotFound) {
  Pipe out, err;
  {
    Console console(out.write_end, err.write_end);
    EXPECT_EQ(run_program({"inspect", "/nonexistent/m.gguf"}, console), ExitCode::not_found);
  }
  std::string message = err.drain();
  EXPECT_NE(message.find("/nonexistent/m.gguf"), std::string::npos);
  EXPECT_NE(message.find("\nhint: "), std::string::npos);
}

TEST(JsonWriter, WritesValidJsonWhateverComesIn) {
  JsonWriter w;
  w.begin_object()
      .member("a\"b", "x\n\x01\\\xff")
      .key("n")
      .begin_array()
      .value(1)
      .value(-2.5)
      .value(true)
      .null()
      .value(0.0 / 0.0);
  w.end_array().key("o").begin_object().end_object().end_object();
  EXPECT_EQ(w.text(), "{\"a\\\"b\":\"x\\n\\u0001\\\\\xef\xbf\xbd\",\"n\":[1,-2.5,true,null,null],\"o\":{}}");
  EXPECT_TRUE(format::parse_json(w.text()).has_value());
}

TEST(JsonWriter, NothingSteersATerminal) {
  JsonWriter w;
  w.value("\x1b[31m\x7f \u009b \u202e \u2028 é 🦙");
  EXPECT_EQ(w.take(), "\"\\u001b[31m\\u007f \\u009b \\u202e \\u2028 é 🦙\"");
}

TEST(Numbers, AreWrittenForPeople) {
  EXPECT_EQ(human_bytes(17), "17 bytes");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_bytes(std::uint64_t{5} << 30), "5.0 GiB");
  EXPECT_EQ(human_bytes(UINT64_MAX), "16.0 EiB");
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1234567), "1,234,567");
  EXPECT_EQ(human_seconds(200), "3 min 20 s");
}

TEST(Ids, AreReadInBothSpellingsAndChecked) {
  EXPECT_EQ(*parse_ids("[1, 2,3]\n", 10), (std::vector<std::int32_t>{1, 2, 3}));
  EXPECT_EQ(*parse_ids(" 1 2\n\t3 ", 10), (std::vector<std::int32_t>{1, 2, 3}));
  for (auto bad : {"", " ", "[]", "-1", "10", "4294967296", "99999999999999999999", "x", "1.5", "[1 2", "[1,]x", "1e3",
                   "1,,2", "[[1]]"}) {
    auto ids = parse_ids(bad, 10);
    EXPECT_FALSE(ids.has_value()) << bad;
    if (ids) continue;
    EXPECT_EQ(ids.error().code, Errc::invalid) << bad;
  }
}

}  // namespace
}  // namespace freehold::app
