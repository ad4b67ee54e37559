// Forms as clients send them, in pieces of every size; and forms that nobody should believe.
#include "http/multipart.h"

#include <gtest/gtest.h>

#include <vector>

namespace freehold::http {
namespace {

struct Collected : FormReceiver {
  struct Part {
    FormPart head;
    std::string content;
    bool ended = false;
  };
  std::vector<Part> parts;
  std::string refuse;  // begin() of a part of this name fails

  Result<> begin(FormPart part) override {
    if (part.name == refuse) return fail(Errc::io, "the disk is full");
    parts.push_back({std::move(part), {}, false});
    return {};
  }
  Result<> data(std::string_view piece) override {
    EXPECT_FALSE(piece.empty());
    parts.back().content += piece;
    return {};
  }
  Result<> end() override {
    parts.back().ended = true;
    return {};
  }
};

Result<> read(std::string_view body, Collected& into, std::size_t piece = SIZE_MAX) {
  FormReader reader("b", into);
  while (!body.empty()) {
    const std::size_t n = std::min(piece, body.size());
    FH_TRY_VOID(reader.feed(body.substr(0, n)));
    body.remove_prefix(n);
  }
  return reader.finish();
}

std::string part(std::string_view parameters, std::string_view content) {
  return "--b\r\nContent-Disposition: form-data" + std::string(parameters) + "\r\n\r\n" + std::string(content) + "\r\n";
}

// The error's text, or "" if there was none.
std::string refusal(std::string_view body) {
  Collected into;
  const auto whole = read(body, into);
  Collected bytewise;
  const auto pieces = read(body, bytewise, 1);
  EXPECT_EQ(bool(whole), bool(pieces)) << body;
  EXPECT_EQ(whole ? Errc::invalid : whole.error().code, Errc::invalid);
  return whole ? "" : whole.error().what;
}

TEST(Multipart, GivesTheSamePartsForPiecesOfEverySize) {
  const std::string content("a\r\n--\r\n--c\r\n\r\n-b\r--b\n\r\n\0\xff--b", 29);
  const std::string body =
      part("; name=\"purpose\"", "batch") +
      part("; name=\"file\"; filename=\"d\xc3\xbcnn.jsonl\"\r\nContent-Type: text/plain", content) +
      part("; name=\"empty\"", "") + "--b--\r\n";
  for (std::size_t piece = 1; piece <= body.size(); ++piece) {
    Collected c;
    const auto result = read(body, c, piece);
    ASSERT_TRUE(result) << piece << ": " << result.error().what;
    ASSERT_EQ(c.parts.size(), 3u);
    EXPECT_EQ(c.parts[0].head.name, "purpose");
    EXPECT_FALSE(c.parts[0].head.filename);
    EXPECT_EQ(c.parts[0].content, "batch");
    EXPECT_EQ(c.parts[1].head.filename, "d\xc3\xbcnn.jsonl");
    EXPECT_EQ(c.parts[1].head.content_type, "text/plain");
    EXPECT_EQ(c.parts[1].content, content);
    EXPECT_EQ(c.parts[2].content, "");
    for (const auto& p : c.parts) EXPECT_TRUE(p.ended);
  }
}

TEST(Multipart, ReadsWhatTheGrammarAllowsAndClientsSeldomSend) {
  EXPECT_EQ(refusal("\r\n" + part("; name=a", "x") + "--b--"), "") << "an empty line first, no line end last";
  EXPECT_EQ(refusal("--b \t\r\nContent-Disposition: form-data; name=a;\r\n\r\nx\r\n--b--  \r\n"), "");
  Collected c;
  ASSERT_TRUE(
      read("--b\r\ncontent-disposition: FORM-DATA; name=a\r\n\r\n--b\r\nContent-Disposition: form-data; "
           "name=c\r\n\r\n--b--",
           c));
  ASSERT_EQ(c.parts.size(), 2u) << "a part without content, not one whose content is a boundary";
  EXPECT_EQ(c.parts[0].content, "");
}

TEST(Multipart, RefusesWhatIsNoForm) {
  const std::string good = part("; name=a", "x");
  const std::pair<std::string, std::string> cases[] = {
      {"", "ends before its last boundary"},
      {good, "ends before its last boundary"},
      {"--b--\r\n", "no parts"},
      {"hello" + good + "--b--", "before its first boundary"},
      {good + "--b--\r\nhello", "behind its last boundary"},
      {good + "--bc\r\n", "begins like a boundary"},
      {"--b" + std::string(100, ' ') + "\r\n", "line does not end"},
      {"--b\r\n\r\nx\r\n--b--", "no header"},
      {"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--", "no Content-Disposition"},
      {"--b\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=c\r\n\r\nx\r\n--b--",
       "two Content-Dispositions"},
      {"--b\r\nContent-Disposition: form-data; name=a\r\n folded: x\r\n\r\nx\r\n--b--", "header line"},
      {"--b\r\nContent-Disposition: form-data; name=a\nX: y\r\n\r\nx\r\n--b--", "header line"},
      {"--b\r\nno colon\r\n\r\nx\r\n--b--", "header line"},
      {"--b\r\nX: " + std::string(9000, 'x') + "\r\n\r\nx\r\n--b--", "too long"},
      {"--b\r\nX: " + std::string(9000, 'x'), "too long"},
      {"--b\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\nx\r\n--b--",
       "base64"},
      {part("", "x") + "--b--", "no name"},
      {part("; name=a; name=c", "x") + "--b--", "twice"},
      {part("; name=\"a", "x") + "--b--", "closing quote"},
      {part("; name", "x") + "--b--", "no parameter"},
      {part("; name=", "x") + "--b--", "no value"},
      {part(" name=a", "x") + "--b--", "not form-data"},
      {part("; name=\"a\x01\"", "x") + "--b--", "control character"},
      {part("; name=a; filename=\"\xff\"", "x") + "--b--", "not UTF-8"},
      {part("; name=a; filename*=latin1''%e9", "x") + "--b--", "not in UTF-8"},
      {part("; name=a; filename*=utf-8''%zz", "x") + "--b--", "percent"},
      {part("; name=a; filename*=utf-8''%0a", "x") + "--b--", "control character"},
      {part("; name=a; filename=" + std::string(1100, 'x'), "x") + "--b--", "longer than"},
  };
  for (const auto& [body, word] : cases) EXPECT_NE(refusal(body).find(word), std::string::npos) << body << ": " << word;
  std::string many;
  for (int i = 0; i < 33; ++i) many += good;
  EXPECT_NE(refusal(many + "--b--").find("more than 32 parts"), std::string::npos);
}

TEST(Multipart, GivesTheReceiversErrorAndStops) {
  Collected c;
  c.refuse = "a";
  FormReader reader("b", c);
  const auto failed = reader.feed(part("; name=a", "x"));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Errc::io);
  EXPECT_FALSE(reader.feed(part("; name=c", "x")));
  EXPECT_FALSE(reader.finish());
  EXPECT_TRUE(c.parts.empty());
}

TEST(Multipart, NamesFiles) {
  const auto name = [](std::string_view parameters) {
    const auto p = parse_disposition("form-data; name=file; " + std::string(parameters));
    return p && p->filename ? *p->filename : "none";
  };
  EXPECT_EQ(name("filename=\"a \\\"b\\\" \\\\c.txt\""), "c.txt");
  EXPECT_EQ(name("filename=\"a %22b%22.txt\""), "a \"b\".txt");
  EXPECT_EQ(name("filename=plain.txt; filename*=UTF-8'de'%c3%bcber.txt"),
            "\xc3\xbc"
            "ber.txt");
  EXPECT_EQ(name("filename=\"../../etc/passwd\""), "passwd");
  EXPECT_EQ(name("filename=\"C:\\Users\\me\\x.jsonl\""), "x.jsonl");
  EXPECT_EQ(name("filename*=utf-8''..%2f..%2fpasswd"), "passwd");
  EXPECT_EQ(name("filename=\"\""), "");
}

TEST(Multipart, FindsTheBoundary) {
  EXPECT_EQ(*form_boundary("multipart/form-data; boundary=----Web'Kit"), "----Web'Kit");
  EXPECT_EQ(*form_boundary("Multipart/Form-Data; charset=utf-8; boundary=\"a b:c\""), "a b:c");
  for (const char* bad : {"", "application/json", "multipart/mixed; boundary=a", "multipart/form-data",
                          "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"",
                          "multipart/form-data; boundary=\"a \"", "multipart/form-data; boundary=a; boundary=b",
                          "multipart/form-data; boundary=\"a\xc3\xbc\"", "multipart/form-data boundary=a"}) {
    const auto boundary = form_boundary(bad);
    EXPECT_FALSE(boundary) << bad;
  }
  EXPECT_TRUE(form_boundary("multipart/form-data; boundary=" + std::string(70, 'x')));
  EXPECT_FALSE(form_boundary("multipart/form-data; boundary=" + std::string(71, 'x')));
}

}  // namespace
}  // namespace freehold::http
