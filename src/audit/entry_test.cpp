#include "audit/entry.h"

#include <gtest/gtest.h>

namespace freehold::audit {
namespace {

TEST(Entry, ObjectsAreCanonicalJson) {
  Object inner;
  inner.add("b", true).add("a", std::uint64_t{3});
  Object object;
  object.add("z", "last")
      .add("name", "a \"quoted\"\\ \n\t\r\b\f\x01 \x7f Ω")
      .add("details", inner)
      .add("empty", "")
      .add("none", Object());
  EXPECT_EQ(object.text(),
            "{\"details\":{\"a\":3,\"b\":true},\"name\":\"a \\\"quoted\\\"\\\\ \\n\\t\\r\\b\\f\\u0001 \x7f "
            "Ω\",\"z\":\"last\"}");
  EXPECT_EQ(Object().add("x", "\xff").text(), "{\"x\":\"\xEF\xBF\xBD\"}") << "what is no UTF-8 is replaced";
}

TEST(Entry, ARequestSaysWhoWhatAndHow) {
  RequestEntry r;
  r.id = "req_1";
  r.time = 1'801'396'800'000'042;
  r.who = {"k7m2xw9q", "alice", "user"};
  r.dialect = "openai";
  r.endpoint = "/v1/chat/completions";
  r.model = "m";
  r.model_digest = "sha256:00";
  r.seed = 18'446'744'073'709'551'615u;
  r.prompt_tokens = 5;
  r.outcome = "completed";
  r.status = 200;
  const std::string text = entry_of(r);
  EXPECT_EQ(
      text,
      R"({"cached_tokens":0,"completion_tokens":0,"dialect":"openai","endpoint":"/v1/chat/completions","id":"req_1",)"
      R"("key":"k7m2xw9q","kind":"request","model":"m","model_digest":"sha256:00","name":"alice","numerics":1,)"
      R"("outcome":"completed","prompt_tokens":5,"role":"user","seed":"18446744073709551615","status":200,)"
      R"("time":"2027-01-31T12:00:00.000042Z","usage":"req_1"})");
  const EntryFacts facts = facts_of(text).value();
  EXPECT_EQ(facts.id, "req_1");
  EXPECT_EQ(facts.kind, "request");
  EXPECT_EQ(facts.key, "k7m2xw9q");
  EXPECT_EQ(facts.model, "m");
  EXPECT_EQ(facts.time, 1'801'396'800'000'000);
}

TEST(Entry, ActsAndRefusals) {
  AdminEntry act{"adm_1", 0, {"", "root", "local"}, "keys.create", "k7m2xw9q", Object().add("role", "user")};
  EXPECT_EQ(
      entry_of(act),
      R"({"act":"keys.create","details":{"role":"user"},"id":"adm_1","kind":"admin","name":"root","role":"local",)"
      R"("subject":"k7m2xw9q","time":"1970-01-01T00:00:00.000000Z"})");
  EXPECT_EQ(members_of(entry_of(act)).value().at("details.role"), "user");
  RefusalEntry refusal{
      .id = "req_2", .method = "POST", .endpoint = "/v1/x", .reason = "no key", .status = 401, .more = 7};
  EXPECT_EQ(members_of(entry_of(refusal)).value().at("more"), "7");
  EXPECT_EQ(facts_of("[]").error().code, Errc::corrupt);
}

}  // namespace
}  // namespace freehold::audit
