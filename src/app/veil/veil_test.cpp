// What is done with personal data in requests and answers: every text of a request, every cut of an answer.
#include "app/veil/veil.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "app/veil/answer_veil.h"
#include "app/veil/call_veil.h"
#include "app/veil/exchange_veil.h"
#include "app/veil/owner_veil.h"
#include "app/veil/recorded.h"
#include "app/veil/vendor_veil.h"
#include "base/file.h"
#include "base/temporary_folder_testing.h"
#include "guard/policy.h"

namespace freehold::app {
namespace {

using guard::Treatment;
using guard::Way;
using pii::Kind;

guard::Treatments treating(std::initializer_list<std::pair<Kind, Treatment>> kinds) {
  guard::Treatments out;
  out.restore = true;
  for (const auto& [kind, treatment] : kinds) {
    out.of[static_cast<std::size_t>(kind)] = treatment;
    out.rule[static_cast<std::size_t>(kind)] = 2;
  }
  return out;
}

// Letters that hang on the value alone, as the vault makes them.
std::string token(std::string_view kind, std::string_view value) {
  std::string out;
  for (const char c : kind) out += c == '_' ? '_' : static_cast<char>(c - 'a' + 'A');
  out += '_';
  std::uint64_t hash = 14695981039346656037u;
  for (const char c : value) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  for (int i = 0; i < 12; ++i, hash >>= 4) out += static_cast<char>('a' + (hash & 15));
  return out;
}

std::string spelled(const std::vector<std::int32_t>& ids) {
  return ids.size() > 1 ? "mail ann@example.org" : "nothing";
}

const auto kMaskAll = treating({{Kind::email, Treatment::mask}, {Kind::card, Treatment::mask}});

TEST(Veil, EveryTextOfAConversation) {
  api::Call call;
  api::Conversation chat;
  chat.messages =
      R"([{"role":"system","content":"of ann@example.org"},{"role":"user","content":"4111 1111 1111 1111 \"x\"\n","name":"ann@example.org"},)"
      R"({"role":"assistant","content":null,"reasoning_content":"ann@example.org?","tool_calls":[{"id":"ann@example.org","type":"function","function":{"name":"f","arguments":{"to":["ann@example.org"],"id":"ann@example.org","card":4111111111111111,"n":4111}}}]},)"
      R"({"role":"tool","tool_call_id":"ann@example.org","content":"{\"to\": \"ann@example.org\"}"}])";
  chat.extras = R"({"documents":[{"text":"ann@example.org","id":"ann@example.org"}]})";
  call.input = chat;
  call.tool_use.tools.push_back({"f", "writes to ann@example.org", "{}", false});
  Veil veil(Way::request, kMaskAll);
  ASSERT_TRUE(veil_call(veil, call, spelled));
  const auto& after = std::get<api::Conversation>(call.input);
  EXPECT_EQ(
      after.messages,
      R"([{"role":"system","content":"of [email]"},{"role":"user","content":"[card] \"x\"\n","name":"[email]"},)"
      R"({"role":"assistant","content":null,"reasoning_content":"[email]?","tool_calls":[{"id":"ann@example.org","type":"function","function":{"name":"f","arguments":{"to":["[email]"],"id":"[email]","card":0,"n":4111}}}]},)"
      R"({"role":"tool","tool_call_id":"ann@example.org","content":"{\"to\": \"[email]\"}"}])");
  EXPECT_EQ(after.extras, R"({"documents":[{"text":"[email]","id":"[email]"}]})");
  EXPECT_EQ(call.tool_use.tools[0].description, "writes to [email]");
  EXPECT_EQ(veil.count(Treatment::mask), 11u);
  EXPECT_EQ(veil.summary(), "masked=11 kinds=card,email");
  EXPECT_EQ(veil.entry().text(), R"({"mask":{"card":2,"email":9}})");
  // What was masked stays as it is.
  Veil again(Way::request, kMaskAll);
  const std::string once = after.messages;
  ASSERT_TRUE(veil_call(again, call, spelled));
  EXPECT_EQ(std::get<api::Conversation>(call.input).messages, once);
  EXPECT_EQ(again.found(), 0u);
}

TEST(Veil, WithoutRulesNothingChanges) {
  api::Call call;
  call.input = std::vector<api::PlainPrompt>{std::string("ann@example.org")};
  Veil veil;
  ASSERT_TRUE(veil_call(veil, call, spelled));
  EXPECT_EQ(std::get<std::string>(std::get<std::vector<api::PlainPrompt>>(call.input)[0]), "ann@example.org");
  EXPECT_TRUE(veil.summary().empty() && veil.entry().empty());
}

TEST(Veil, PlainPromptsAndTokenIds) {
  api::Call call;
  call.input = std::vector<api::PlainPrompt>{std::string("to ann@example.org"), std::vector<std::int32_t>{1}};
  Veil veil(Way::request, kMaskAll);
  ASSERT_TRUE(veil_call(veil, call, spelled));
  EXPECT_EQ(std::get<std::string>(std::get<std::vector<api::PlainPrompt>>(call.input)[0]), "to [email]");
  for (const bool earlier : {false, true}) {
    call.input =
        std::vector<api::PlainPrompt>{earlier ? std::vector<std::int32_t>{1} : std::vector<std::int32_t>{1, 2}};
    if (earlier) call.earlier = {1, 2};
    Veil of_ids(Way::request, kMaskAll);
    const auto refused = veil_call(of_ids, call, spelled);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().problem, api::Problem::invalid);
    EXPECT_NE(refused.error().message.find("send text"), std::string::npos);
  }
}

TEST(Veil, BlocksWithKindsAndWithoutValues) {
  api::Call call;
  call.input = std::vector<api::PlainPrompt>{std::string("ann@example.org, 4111 1111 1111 1111")};
  Veil veil(Way::request, treating({{Kind::card, Treatment::block}, {Kind::email, Treatment::mask}}));
  const auto refused = veil_call(veil, call, spelled);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().problem, api::Problem::forbidden);
  EXPECT_EQ(refused.error().message, "the request holds personal data that may not be asked here: card (1)");
  EXPECT_EQ(veil.rule(), "personal_data.2");
}

TEST(Veil, LocalOnlyIsRefusedOnTheWayToAVendor) {
  const auto local = treating({{Kind::email, Treatment::local_only}});
  Veil here(Way::request, local);
  EXPECT_EQ(here.changed("ann@example.org"), std::nullopt);
  EXPECT_FALSE(here.blocked());
  EXPECT_EQ(here.summary(), "local=1 kinds=email");
  Veil there(Way::vendor, local);
  (void)there.changed("ann@example.org");
  EXPECT_TRUE(there.blocked());
  EXPECT_EQ(there.refused_kinds(), "email (1)");
}

TEST(Veil, PseudonymsAreNotFoundAgain) {
  guard::Treatments all;
  for (auto& treatment : all.of) treatment = Treatment::pseudonymise;
  for (const pii::Profile profile : {pii::Profile::gdpr, pii::Profile::hipaa}) {
    all.profile = profile;
    for (const pii::KindInfo& row : pii::all_kinds()) {
      for (int i = 0; i < 25; ++i) {
        const std::string made = "[" + token(row.name, std::to_string(i)) + "]";
        ASSERT_LE(made.size(), audit::Vault::kLongestToken);
        ASSERT_EQ(audit::token_at(made), made.substr(1, made.size() - 2));
        for (const char* text : {"{}", "Write to {} now, {} said.", "My key: {}", "Dr {} lives in {}.", "id={}"}) {
          std::string filled = text;
          for (std::size_t at = 0; (at = filled.find("{}")) != std::string::npos;) filled.replace(at, 2, made);
          Veil veil(Way::request, all, token);
          const auto changed = veil.changed(filled);
          ASSERT_EQ(changed, std::nullopt) << filled << " -> " << *changed;
        }
      }
    }
  }
}

// An answer as it was given: text, thinking and arguments by choice.
struct Given {
  std::string text, thinking, arguments;
  std::size_t ended = 0, tokens = 0;
  void take(const api::Piece& piece) {
    if (const auto* t = std::get_if<api::Text>(&piece)) text += t->text;
    if (const auto* t = std::get_if<api::Thinking>(&piece)) thinking += t->text;
    if (const auto* t = std::get_if<api::ToolArguments>(&piece)) arguments += t->fragment;
    if (const auto* t = std::get_if<api::Ended>(&piece)) ++ended, tokens += t->tokens.size();
  }
  bool operator==(const Given&) const = default;
};

Given answered(AnswerVeil& veil, std::string_view thinking, std::string_view text, std::string_view arguments,
               std::size_t step, std::size_t shift = 0) {
  Given out;
  const auto give = [&](const api::Piece& piece) { out.take(piece); };
  const auto cut = [&](std::string_view whole, const auto& piece) {
    std::size_t at = 0, take = shift % step == 0 ? step : shift % step;
    while (at < whole.size()) {
      veil.add(piece(whole.substr(at, take)), give);
      at += std::min(take, whole.size() - at);
      take = step;
    }
  };
  const std::int32_t ids[] = {1, 2, 3};
  veil.add(api::Begun{3, 0}, give);
  cut(thinking, [](std::string_view part) { return api::Piece(api::Thinking{0, part}); });
  cut(text, [](std::string_view part) { return api::Piece(api::Text{0, part}); });
  if (!arguments.empty()) {
    veil.add(api::ToolStart{0, 0, "f"}, give);
    cut(arguments, [](std::string_view part) { return api::Piece(api::ToolArguments{0, 0, part}); });
    veil.add(api::ToolEnd{0, 0}, give);
  }
  veil.add(api::Ended{0, api::Reason::stop, {}, {}, 0, ids}, give);
  return out;
}

TEST(AnswerVeil, TheSameHoweverItIsCut) {
  const std::string name = token("person", "Ann"), other = token("person", "Bob");
  const audit::Pseudonyms known = {{name, "Ann \"A\" Doe"}};
  const std::string thinking = "so [" + name + "] has ann@example.org",
                    text = "[" + name + "] or [" + other +
                           "] or [x] [ [EMAIL_ write to ann@example.org or pay with 4111 1111 1111 1111. Done [" +
                           name + "]";
  const std::string arguments =
      R"({"to": "[)" + name + R"(] <ann@example.org>", "card": 4111111111111111, "n": [1, 2]})";
  const auto veil = [&] { return AnswerVeil(kMaskAll, known, false); };
  AnswerVeil whole = veil();
  const Given expected = answered(whole, thinking, text, arguments, 10'000);
  EXPECT_EQ(expected.thinking, "so Ann \"A\" Doe has [email]");
  EXPECT_EQ(expected.text, "Ann \"A\" Doe or [" + other +
                               "] or [x] [ [EMAIL_ write to [email] or pay with [card]. Done Ann \"A\" Doe");
  EXPECT_EQ(expected.arguments, R"({"to": "Ann \"A\" Doe <[email]>", "card": 0, "n": [1, 2]})");
  EXPECT_EQ(expected.ended, 1u);
  EXPECT_EQ(expected.tokens, 0u);  // they would spell it
  EXPECT_EQ(whole.veil().count(Treatment::mask), 5u);
  EXPECT_EQ(whole.restored(), 4u);
  for (std::size_t step = 1; step < 40; ++step) {
    for (std::size_t shift = 0; shift < step; ++shift) {
      AnswerVeil cut = veil();
      ASSERT_EQ(answered(cut, thinking, text, arguments, step, shift), expected) << step << " " << shift;
      ASSERT_EQ(cut.veil().summary(), whole.veil().summary());
      ASSERT_EQ(cut.restored(), 4u);
    }
  }
}

TEST(AnswerVeil, JsonStaysJson) {
  const std::string name = token("person", "Ann");
  const std::string text = R"({"name": "[)" + name + R"(]", "mail": "ann@example.org", "card": 4111111111111111})";
  for (std::size_t step = 1; step < 60; ++step) {
    AnswerVeil veil(kMaskAll, {{name, "Ann \"A\""}}, true);
    EXPECT_EQ(answered(veil, "", text, "", step).text, R"({"name": "Ann \"A\"", "mail": "[email]", "card": 0})");
    EXPECT_EQ(veil.restored(), 1u);
  }
}

TEST(AnswerVeil, NothingIsGivenAfterABlock) {
  for (std::size_t step = 1; step < 40; ++step) {
    AnswerVeil veil(treating({{Kind::card, Treatment::block}}), {}, false);
    const Given given = answered(veil, "", "pay with 4111 1111 1111 1111 and more", "", step);
    EXPECT_TRUE(veil.blocked());
    EXPECT_EQ(given.text.find("41"), std::string::npos) << given.text;
    EXPECT_EQ(given.text.find("more"), std::string::npos);
    EXPECT_EQ(given.ended, 0u);
    EXPECT_EQ(veil.veil().refusal().message, "the answer holds personal data that may not be given: card (1)");
  }
}

TEST(ExchangeVeil, SaysWhatWasPutBack) {
  const std::string mail = token("email", "ann@example.org");
  ExchangeVeil exchange;
  exchange.answer =
      std::make_unique<AnswerVeil>(guard::Treatments{}, audit::Pseudonyms{{mail, "ann@example.org"}}, false);
  EXPECT_EQ(exchange.header(true), "answer: watched");
  EXPECT_EQ(exchange.header(false), "");
  EXPECT_EQ(answered(*exchange.answer, "", "to [" + mail + "]", "", 5).text, "to ann@example.org");
  EXPECT_EQ(exchange.header(false), "answer: restored=1");
  audit::RequestEntry entry;
  Said said;
  exchange.record(entry, said);
  EXPECT_NE(entry.personal_data.text().find(R"("answer":{"restored":1})"), std::string::npos)
      << entry.personal_data.text();
}

TEST(AnswerVeil, IsThereOnlyIfThereIsSomethingToDo) {
  api::Call call;
  Veil asked(Way::request, treating({{Kind::email, Treatment::pseudonymise}}), token);
  EXPECT_EQ(answer_veil({}, asked, call), nullptr);
  (void)asked.changed("ann@example.org");
  EXPECT_NE(answer_veil({}, asked, call), nullptr);
  auto secretive = treating({{Kind::email, Treatment::pseudonymise}});
  secretive.restore = false;
  Veil kept(Way::request, secretive, token);
  (void)kept.changed("ann@example.org");
  EXPECT_EQ(answer_veil({}, kept, call), nullptr);
  EXPECT_NE(answer_veil(kMaskAll, {}, call), nullptr);
  call.request.logprobs = 2;
  EXPECT_TRUE(check_veiled({}, call));
  EXPECT_FALSE(check_veiled(kMaskAll, call));
}

class CommandVeils : public ::testing::Test {
 protected:
  static guard::Policy policy(const std::string& rules) {
    auto read = guard::parse_policy("version: 1\npersonal_data: [" + rules + "]", "p");
    EXPECT_TRUE(read);
    return *read;
  }
  static upstream::Call asking(std::string text) {
    upstream::Call call;
    call.messages = {{upstream::Message::Role::user, std::move(text)}};
    return call;
  }
  TemporaryFolder home_;
};

TEST_F(CommandVeils, AVendorSeesPseudonymsAndWhoAsksSeesValues) {
  const auto rules =
      policy("{where: vendor, kinds: [email], do: pseudonymise}, {where: answer, kinds: [card], do: mask}");
  auto veil = VendorVeil::open(home_.path(), rules, "openai/gpt-4o", "");
  ASSERT_TRUE(veil && *veil);
  const auto sent = (*veil)->outgoing(asking("write to ann@example.org"));
  ASSERT_TRUE(sent) << sent.error().what;
  const std::string& text = sent->call.messages[0].text;
  EXPECT_EQ(text.find("ann@"), std::string::npos);
  const std::string_view pseudonym = audit::token_at(std::string_view(text).substr(9));
  ASSERT_FALSE(pseudonym.empty()) << text;
  const auto read =
      (*veil)->incoming(fmt::format("sent to [{}], paid with 4111 1111 1111 1111", pseudonym), sent->values);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, "sent to ann@example.org, paid with [card]");
  EXPECT_EQ((*veil)->entry().text(), R"({"answer":{"mask":{"card":1}},"vendor":{"pseudonymise":{"email":1}}})");
  EXPECT_EQ((*veil)->summary(), "sent: pseudonymised=1 kinds=email; answers: masked=1 kinds=card");
  // The next run says the same, from the vault's key.
  auto again = VendorVeil::open(home_.path(), rules, "openai/gpt-4o", "");
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->outgoing(asking("write to ann@example.org"))->call.messages[0].text, text);
}

TEST_F(CommandVeils, WhatMayNotLeaveDoesNot) {
  for (const char* treatment : {"block", "local_only"}) {
    auto veil = VendorVeil::open(
        home_.path(), policy(fmt::format("{{where: vendor, kinds: [email], do: {}}}", treatment)), "v/m", "");
    ASSERT_TRUE(veil && *veil);
    const auto sent = (*veil)->outgoing(asking("write to ann@example.org"));
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().what, "nothing was sent: this holds personal data that may not go to a vendor: email (1)");
    EXPECT_TRUE((*veil)->outgoing(asking("write to nobody")));
  }
  EXPECT_EQ(*VendorVeil::open(home_.path(), policy("{where: log, kinds: [email], do: mask}"), "v/m", ""), nullptr);
}

TEST_F(CommandVeils, TheOwnersRulesAreThoseOfTheHome) {
  auto none = OwnerVeil::open(home_.path(), "m");
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->active());
  EXPECT_EQ(none->identity(), "");
  ASSERT_TRUE(write_file_atomically(guard::policy_path(home_.path()),
                                    "version: 1\npersonal_data: [{where: request, kinds: [email], do: mask}]\n"));
  auto veil = OwnerVeil::open(home_.path(), "m");
  ASSERT_TRUE(veil && veil->active());
  EXPECT_NE(veil->identity(), "");
  api::Call call;
  call.input = std::vector<api::PlainPrompt>{std::string("ann@example.org")};
  const auto used = veil->use(call, spelled);
  ASSERT_TRUE(used);
  EXPECT_EQ(std::get<std::string>(std::get<std::vector<api::PlainPrompt>>(call.input)[0]), "[email]");
  EXPECT_EQ(used->header(false), "request: masked=1 kinds=email");
}

TEST(ExchangeVeil, IsToldAndRecordedAndTakenOutOfWhatIsKept) {
  ExchangeVeil all;
  VeilCounters counters;
  all.counters = &counters;
  all.request = Veil(Way::request, kMaskAll);
  (void)all.request.changed("ann@example.org");
  all.answer = answer_veil(kMaskAll, all.request, {});
  all.log = treating({{Kind::email, Treatment::mask}});
  EXPECT_EQ(all.header(true), "request: masked=1 kinds=email; answer: watched");
  EXPECT_EQ(all.header(false), "request: masked=1 kinds=email");
  (void)answered(*all.answer, "", "4111 1111 1111 1111", "", 3);
  EXPECT_EQ(all.header(false), "request: masked=1 kinds=email; answer: masked=1 kinds=card");
  audit::RequestEntry entry;
  Said said{"/v1", R"({"messages":[{"content":"ann@example.org"}]})", {}, {}, {"for ann@example.org"}};
  all.record(entry, said);
  EXPECT_EQ(
      entry.personal_data.text(),
      R"({"answer":{"mask":{"card":1}},"log":{"mask":{"email":2}},"profile":"gdpr","request":{"mask":{"email":1}}})");
  EXPECT_EQ(said.body, R"({"messages":[{"content":"[email]"}]})");
  EXPECT_EQ(said.answers[0], "for [email]");
  EXPECT_EQ(counters.of(Way::request, Treatment::mask), 1u);
  EXPECT_EQ(counters.of(Way::log, Treatment::mask), 2u);
  // A replay does the same again.
  const auto members = audit::members_of(audit::entry_of(entry));
  ASSERT_TRUE(members);
  const guard::Treatments again = recorded_treatments(*members, Way::request);
  EXPECT_EQ(again.at(Kind::email), Treatment::mask);
  EXPECT_EQ(again.at(Kind::card), Treatment::allow);
  EXPECT_EQ(recorded_treatments(*members, Way::answer).at(Kind::card), Treatment::mask);
}

TEST(ExchangeVeil, KeepsNoTokenIds) {
  ExchangeVeil all;
  all.log = treating({{Kind::email, Treatment::mask}});
  audit::RequestEntry entry;
  Said said{"/v1", R"({"prompt":[[17,4],[99]],"n":2})", {}, {}, {}};
  all.record(entry, said);
  EXPECT_EQ(said.body, R"({"prompt":[[0,0],[0]],"n":2})");
  EXPECT_EQ(entry.personal_data.text(), R"({"log":{"token_ids":3},"profile":"gdpr"})");
}

}  // namespace
}  // namespace freehold::app
