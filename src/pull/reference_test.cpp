#include "pull/reference.h"

#include <gtest/gtest.h>

namespace freehold::pull {
namespace {

TEST(Reference, NamesItsServer) {
  const Reference r = parse_reference("registry.example:5000/library/llama3:8b").value();
  EXPECT_EQ(r.server.text(), "https://registry.example:5000/");
  EXPECT_EQ(r.path, "library/llama3");
  EXPECT_EQ(r.tag, "8b");
  EXPECT_EQ(r.protocol, Protocol::unknown);
  EXPECT_EQ(r.text(), "library/llama3:8b");
  EXPECT_EQ(parse_reference("http://127.0.0.1:5000/x").value().server.text(), "http://127.0.0.1:5000/");
  const std::string digest = "sha256:" + std::string(64, 'a');
  EXPECT_EQ(parse_reference("https://h/a/b@" + digest).value().digest, digest);
}

TEST(Reference, OfAHub) {
  const Reference r = parse_reference("hf.co/Org/Repo-GGUF:Q4_K_M").value();
  EXPECT_EQ(r.protocol, Protocol::hub);
  EXPECT_EQ(r.server.text(), "https://hf.co/");
  EXPECT_EQ(r.path, "Org/Repo-GGUF");
  EXPECT_EQ(r.tag, "Q4_K_M");
  EXPECT_EQ(r.revision, "main");
  const Reference file = parse_reference("https://hub.example/Org/Repo/blob/v1/sub/x-Q8_0.gguf?download=true").value();
  EXPECT_EQ(file.protocol, Protocol::hub);
  EXPECT_EQ(file.path, "Org/Repo");
  EXPECT_EQ(file.revision, "v1");
  EXPECT_EQ(file.file, "sub/x-Q8_0.gguf");
  const Reference pinned = parse_reference("https://hub.example/Org/Repo@v2:Q8_0").value();
  EXPECT_EQ(pinned.revision, "v2");
  EXPECT_EQ(pinned.tag, "Q8_0");
}

TEST(Reference, FromAnAddressTheHostIsANameOnly) {
  const Reference r = parse_reference("hf.co/Org/Repo:Q8_0", "http://127.0.0.1:9000").value();
  EXPECT_EQ(r.server.text(), "http://127.0.0.1:9000/");
  EXPECT_EQ(r.protocol, Protocol::hub);
  EXPECT_EQ(parse_reference("llama3", "https://h").value().path, "llama3");
  EXPECT_FALSE(parse_reference("llama3", "https://h/with/path"));
  EXPECT_FALSE(parse_reference("llama3", "h"));
}

TEST(Reference, WithoutAnAddressNothingIsAsked) {
  for (const char* text : {"llama3", "llama3:8b", "library/llama3", "Org/Repo"}) {
    const auto r = parse_reference(text);
    ASSERT_FALSE(r) << text;
    EXPECT_NE(r.error().what.find("no server is asked"), std::string::npos);
  }
}

TEST(Reference, HostileOnesAreRefused) {
  for (const char* text : {"",
                           "/",
                           "https://",
                           "https://h/",
                           "h.example/../x",
                           "https://h/a/../b",
                           "https://h/a//b",
                           "h.example/a b",
                           "https://u:p@h/a",
                           "ftp://h/a",
                           "file:///etc/passwd",
                           "https://h/a:",
                           "https://h/a:b/c",
                           "https://h/a@sha256:12",
                           "https://h/a@sha256:../../x",
                           "https://h/a/b/resolve/main/../../x",
                           "https://h/a/b/resolve/../x.gguf",
                           "https://h/a%2f..",
                           "https://h/a\\b",
                           "https://h/a\n",
                           "https://h/a?b=1",
                           "https://h/a#b",
                           "https://h/1/2/3/4/5/6/7/8/9"}) {
    const auto r = parse_reference(text, "https://h");
    EXPECT_FALSE(r && parse_reference(text)) << text;
  }
}

TEST(Reference, HasANameInTheStore) {
  EXPECT_EQ(default_name(parse_reference("https://h/library/llama3:8b").value())->text(), "llama3:8b");
  EXPECT_EQ(default_name(parse_reference("https://h/me/llama3").value())->text(), "me/llama3:latest");
  EXPECT_EQ(default_name(parse_reference("hf.co/Org/Repo-GGUF:Q4_K_M").value())->text(), "org/repo-gguf:q4_k_m");
  EXPECT_FALSE(default_name(parse_reference("https://h/me/llama3:8b.pending").value())) << "a promotion's";
}

}  // namespace
}  // namespace freehold::pull
