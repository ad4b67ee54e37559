// `usage` over a record of our own: sums, conditions and single requests, as text and as JSON.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "app/run_program.h"
#include "base/file.h"
#include "base/temporary_folder_testing.h"
#include "ledger/usage_log.h"

namespace freehold::app {
namespace {

class UsageCommand : public ::testing::Test {
 protected:
  UsageCommand() { ::setenv("FREEHOLD_HOME", folder_.path().c_str(), 1); }
  ~UsageCommand() override { ::unsetenv("FREEHOLD_HOME"); }

  void record() {
    auto log = ledger::UsageLog::open(folder_.path()).value();
    for (int i = 0; i < 5; ++i) {
      ledger::Event e;
      e.request_id = "req-" + std::to_string(i);
      e.time = i * std::int64_t{86'400'000'000};
      e.key_id = i < 2 ? "aaaaaaaa" : "bbbbbbbb";
      e.model = "\x1b[31mred";
      e.prompt_tokens = 10;
      e.completion_tokens = 100;
      e.decode_seconds = 1.5;
      e.outcome = i == 4 ? ledger::Outcome::refused : ledger::Outcome::completed;
      log.append(std::move(e), [](bool durable) { EXPECT_TRUE(durable); });
    }
  }

  // Standard output; `code` is what the program returned.
  std::string run(std::vector<std::string> words, ExitCode code = ExitCode::ok) {
    words.insert(words.begin(), "usage");
    const auto path = folder_.path() / "output";
    const int out = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const int err = ::open((folder_.path() / "error").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    {
      Console console(out, err);
      EXPECT_EQ(run_program(words, console), code);
    }
    ::close(out);
    ::close(err);
    return read_file(path).value();
  }
  std::string remarks() { return read_file(folder_.path() / "error").value(); }

  TemporaryFolder folder_;
};

TEST_F(UsageCommand, NothingRecorded) {
  EXPECT_EQ(run({}), "");
  EXPECT_NE(remarks().find("no requests"), std::string::npos);
  EXPECT_NE(run({"--json"}).find("\"requests\": 0"), std::string::npos) << run({"--json"});
  run({"--request", "x"}, ExitCode::not_found);
}

TEST_F(UsageCommand, SumsByKeyModelAndDay) {
  record();
  EXPECT_EQ(run({}),
            "KEY       REQUESTS  COMPLETED  PROMPT  CACHED  COMPLETION  SECONDS\n"
            "aaaaaaaa         2          2      20       0         200      3.0\n"
            "bbbbbbbb         3          2      30       0         300      4.5\n"
            "total            5          4      50       0         500      7.5\n");
  const std::string days = run({"--by", "day", "--since", "1970-01-02", "--until", "1970-01-03"});
  EXPECT_NE(days.find("1970-01-02"), std::string::npos) << days;
  EXPECT_EQ(days.find("total"), std::string::npos) << "one row is its own total";
  EXPECT_EQ(run({"--by", "model"}).find('\x1b'), std::string::npos) << "names are escaped";
  EXPECT_EQ(run({"--by", "model", "--json"}).find('\x1b'), std::string::npos);
  EXPECT_NE(run({"--key", "bbbbbbbb", "--json"}).find("\"completion_tokens\": 300"), std::string::npos);
  run({"--since", "1970-01-02", "--until", "1970-01-02"}, ExitCode::usage);
  run({"--since", "yesterday"}, ExitCode::usage);
}

TEST_F(UsageCommand, OneRequest) {
  record();
  const std::string text = run({"--request", "req-4"});
  EXPECT_NE(text.find("\"outcome\": \"refused\""), std::string::npos) << text;
  EXPECT_NE(text.find("1970-01-05T00:00:00Z"), std::string::npos) << text;
  run({"--request", "req-5"}, ExitCode::not_found);
}

}  // namespace
}  // namespace freehold::app
