#include "http/chunks.h"

#include <gtest/gtest.h>

namespace freehold::http {
namespace {

struct Read {
  int status = 0;
  bool done = false;
  std::string body;
  std::size_t used = 0;
};

// In pieces of `step` bytes; what is not taken stays for the next, as in a connection.
Read read(std::string_view text, std::size_t step = 1, std::uint64_t limit = 1000) {
  ChunkReader reader(limit);
  Read out;
  for (std::size_t end = step; out.used < text.size(); end += step) {
    out.used += reader.feed(text.substr(out.used, std::max(end, out.used + 1) - out.used), [&](std::string_view piece) {
      out.body += piece;
      return true;
    });
    if (reader.status() != 0 || reader.done()) break;
  }
  out.status = reader.status();
  out.done = reader.done();
  return out;
}

TEST(Chunks, AreReadHoweverTheyArrive) {
  const std::string good =
      "3\r\nabc\r\n00A ; x = y;z=\"q\\\"\t;\"\r\n0123456789\r\n1;e\r\n\n\r\n000\r\nA: b\r\nC:\r\n\r\n";
  for (std::size_t step = 1; step <= good.size() + 5; ++step) {
    const Read got = read(good + "GET /", step);
    EXPECT_EQ(got.status, 0) << step;
    EXPECT_TRUE(got.done) << step;
    EXPECT_EQ(got.body, "abc0123456789\n") << step;
    EXPECT_EQ(got.used, good.size()) << step;  // what follows is the next request's
  }
}

// Each is wrong at its last byte: nobody waits for more.
TEST(Chunks, AreRefusedAtTheByteThatIsWrong) {
  for (const char* wrong : {"\n",
                            "\r",
                            "g",
                            "-",
                            "+",
                            " ",
                            ";",
                            "0x",
                            "3\n",
                            "3\r\r",
                            "3;a\n",
                            "3 \r\n",
                            "3;\r\n",
                            "3;=a\r\n",
                            "3;a=\r\n",
                            "3;a=\"b\r\n",
                            "3;a b\r\n",
                            "3;a\x01",
                            "3a;b\x7f",
                            "3,",
                            "3_",
                            "3.",
                            "00000000000000000",
                            "3\r\nabcd",
                            "3\r\nabc\n",
                            "3\r\nabc\r3",
                            "3\r\nabc\rd",
                            "0\r\n\n",
                            "0\r\n\r\r",
                            "0\r\n ",
                            "0\r\n\t",
                            "0\r\nA: b\n",
                            "0\r\nA: b\r\n ",
                            "0\r\nA b\r\n",
                            "0\r\nA : b\r\n",
                            "0\r\n: b\r\n",
                            "0\r\nContent-Length: 3\r\n",
                            "0\r\ntransfer-encoding: chunked\r\n",
                            "0\r\nHost: a\r\n"}) {
    const Read got = read(wrong);
    EXPECT_EQ(got.status, 400) << wrong;
    EXPECT_EQ(got.used, std::string_view(wrong).size()) << wrong;
    const std::string cut(wrong, std::string_view(wrong).size() - 1);
    EXPECT_EQ(read(cut).status, 0) << wrong;
  }
}

TEST(Chunks, HaveLimits) {
  EXPECT_EQ(read("3e8\r\n").status, 0);
  EXPECT_EQ(read("3e9\r\n").status, 413);
  EXPECT_EQ(read("ffffffffffffffff\r\n").status, 413);
  EXPECT_EQ(read("3e8\r\n" + std::string(1000, 'a') + "\r\n1\r\n").status, 413);
  std::string extensions, trailers = "0\r\n";
  for (int i = 0; i < 1000; ++i) extensions += "1;" + std::string(100, 'a') + "\r\na\r\n", trailers += "A: b\r\n";
  EXPECT_EQ(read(extensions).status, 400);
  EXPECT_LT(read(extensions).used, 20'000u);
  EXPECT_EQ(read(trailers).status, 431);
  EXPECT_EQ(read("0\r\nA: " + std::string(100'000, 'a')).status, 431);
}

// Every beginning of a good body is unfinished, and every byte of it changed ends in a value.
TEST(Chunks, SurviveMutants) {
  const std::string good = "3;a=b\r\nabc\r\n0\r\nA: b\r\n\r\n";
  int accepted = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    EXPECT_FALSE(read(good.substr(0, i)).done) << i;
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = good;
      changed[i] = static_cast<char>(byte);
      accepted += read(changed, 7).done;
    }
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace freehold::http
