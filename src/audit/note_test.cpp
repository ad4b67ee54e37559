#include "audit/note.h"

#include <gtest/gtest.h>

#include <cstring>

namespace freehold::audit {
namespace {

Checkpoint example(const SigningKey& key) {
  return {key.verifier().name(), 1234, leaf_hash("root"), leaf_hash("previous"), 1'801'396'800};
}

TEST(Note, ACheckpointIsTextAndReadsBack) {
  const SigningKey key = SigningKey::create().value();
  const Checkpoint c = example(key);
  const std::string text = text_of(c);
  EXPECT_EQ(text.substr(0, text.find('\n')), key.verifier().name());
  EXPECT_NE(text.find("\n1234\n"), std::string::npos);
  EXPECT_NE(text.find("\ntime 2027-01-31T12:00:00Z\n"), std::string::npos);
  EXPECT_EQ(parse_checkpoint(text).value(), c);
  for (const char* bad : {"", "\n", "a\n1\n", "a\n01\n"}) EXPECT_EQ(parse_checkpoint(bad).error().code, Errc::corrupt);
  EXPECT_FALSE(parse_checkpoint(text + "more\n"));
  EXPECT_FALSE(parse_checkpoint(text.substr(0, text.size() - 1)));
}

TEST(Note, OnlyTheKeyThatSignedOpensItAndOnlyAsItWas) {
  const SigningKey key = SigningKey::create().value();
  const std::string note = key.sign(example(key));
  EXPECT_EQ(key.verifier().open(note).value(), example(key));
  EXPECT_EQ(note.find("\n\n\xE2\x80\x94 " + key.verifier().name() + " "), note.find("\n\n"));
  for (std::size_t i = 0; i < note.size(); ++i) {
    for (const int bit : {1, 64}) {
      std::string other = note;
      other[i] = static_cast<char>(other[i] ^ bit);
      EXPECT_FALSE(key.verifier().open(other)) << i;
    }
    EXPECT_FALSE(key.verifier().open(note.substr(0, i)));
  }
  EXPECT_FALSE(SigningKey::create().value().verifier().open(note));
  // A witness's signature beside ours is nobody's business here.
  const std::string witnessed = note + "\xE2\x80\x94 witness.example AAAAAA==\n";
  EXPECT_EQ(key.verifier().open(witnessed).value(), example(key));
}

TEST(Note, KeysAreTextAsSignedNotesWriteThem) {
  const SigningKey key = SigningKey::create().value();
  EXPECT_EQ(SigningKey::parse(key.text()).value().text(), key.text());
  EXPECT_EQ(SigningKey::parse(key.text() + "\n").value().verifier().text(), key.verifier().text());
  EXPECT_EQ(VerifierKey::parse(key.verifier().text()).value().name(), key.verifier().name());
  EXPECT_EQ(VerifierKey::parse(key.text()).error().code, Errc::invalid) << "a private key is no public one";
  EXPECT_EQ(SigningKey::parse(key.verifier().text()).error().code, Errc::corrupt);
  std::string other = key.verifier().text();
  other[20] = other[20] == '0' ? '1' : '0';  // of the name
  EXPECT_EQ(VerifierKey::parse(other).error().code, Errc::invalid);
  for (const char* bad : {"", "+", "++", "a+b+c", "a+00000000+AA=="}) EXPECT_FALSE(VerifierKey::parse(bad)) << bad;
}

// The key of the examples in Go's golang.org/x/mod/sumdb/note:
// PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW
TEST(Note, TheKeyIdIsThatOfSignedNotes) {
  const Hash bytes = hash_from_base64("GlzZBxQ8OExB6DDFvOEqqIF+xWSaqr8sMTiLNbLXRNY=").value();
  std::array<unsigned char, 32> key{};
  std::memcpy(key.data(), bytes.bytes.data(), key.size());
  EXPECT_EQ(key_id("PeterNeumann", key), (std::array<unsigned char, 4>{0xc7, 0x4f, 0x20, 0xa3}));
  // Which is no log's key: those are named by themselves.
  const auto other = VerifierKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().what, "the public key and the name that it has do not belong together");
}

TEST(Note, Times) {
  EXPECT_EQ(utc_text(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_text_us(1'801'396'800'000'042), "2027-01-31T12:00:00.000042Z");
  for (const std::int64_t t : {0ll, 951'782'400ll, 1'801'396'799ll, 253'402'300'799ll})
    EXPECT_EQ(utc_from_text(utc_text(t)), t);
  for (const char* bad :
       {"", "2027-02-30T12:00:00Z", "2027-01-31T24:00:00Z", "2027-01-31 12:00:00Z", "1969-12-31T23:59:59Z"}) {
    EXPECT_EQ(utc_from_text(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace freehold::audit
