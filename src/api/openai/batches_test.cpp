// Files, pages and batches as OpenAI's clients read them; and the states of a batch.
#include "api/openai/batches.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/openai/files.h"

namespace freehold::api::openai {
namespace {

using nlohmann::json;

TEST(Batch, GoesFromStateToStateAndNeverBack) {
  using enum BatchStatus;
  const std::pair<BatchStatus, std::vector<BatchStatus>> ways[] = {
      {validating, {in_progress, failed, expired, cancelling}},
      {in_progress, {finalizing, failed, expired, cancelling}},
      {finalizing, {completed, failed, cancelling}},
      {completed, {}},
      {failed, {}},
      {expired, {}},
      {cancelling, {cancelled}},
      {cancelled, {}},
  };
  for (const auto& [from, to] : ways) {
    EXPECT_EQ(is_over(from), to.empty());
    for (std::size_t i = 0; i < kBatchStatuses; ++i) {
      const auto next = static_cast<BatchStatus>(i);
      const bool may = std::find(to.begin(), to.end(), next) != to.end();
      EXPECT_EQ(may_become(from, next), may) << name_of(from) << " -> " << name_of(next);
      Batch b;
      b.status = from;
      EXPECT_EQ(b.become(next, 77), may);
      EXPECT_EQ(b.status, may ? next : from);
      EXPECT_EQ(b.reached[i], may ? 77 : 0);
    }
    EXPECT_EQ(batch_status(name_of(from)), from);
  }
  EXPECT_FALSE(batch_status("done"));
}

TEST(Batch, IsReadAsItWasWritten) {
  Batch b;
  b.id = "batch_1";
  b.endpoint = "/v1/completions";
  b.input_file_id = "file-1";
  b.created_at = 5;
  b.expires_at = 9;
  b.metadata = R"({"a":"ü"})";
  ASSERT_TRUE(b.become(BatchStatus::in_progress, 6));
  ASSERT_TRUE(b.become(BatchStatus::failed, 7));
  b.errors = {{"code", "message", "param", 3}, {"other", "text", "", {}}};
  b.total = 10, b.completed = 4, b.failed = 2;
  const std::string text = batch_json(b);
  const auto again = read_batch(text);
  ASSERT_TRUE(again);
  EXPECT_EQ(batch_json(*again), text);
  const json j = json::parse(text);
  EXPECT_EQ(j["status"], "failed");
  EXPECT_EQ(j["in_progress_at"], 6);
  EXPECT_TRUE(j["completed_at"].is_null());
  EXPECT_TRUE(j["output_file_id"].is_null());
  EXPECT_EQ(j["errors"]["data"][0]["line"], 3);
  EXPECT_TRUE(j["errors"]["data"][1]["line"].is_null());
  EXPECT_EQ(j["metadata"]["a"], "ü");
  for (const char* bad : {"", "{}", R"({"status":"done"})", R"({"status":"failed","request_counts":7})"}) {
    EXPECT_FALSE(read_batch(bad)) << bad;
  }
}

TEST(Batch, NamesWhatIsWrongWithALine) {
  const auto code = [](std::string_view line) {
    const auto parsed = parse_batch_line(line, 12);
    if (parsed) return std::string("none");
    EXPECT_EQ(parsed.error().line, 12u);
    return parsed.error().code + ":" + parsed.error().param;
  };
  EXPECT_EQ(code(R"({"custom_id":"a","method":"POST","url":"/v1/completions","body":{}})"), "none");
  EXPECT_EQ(code("{"), "invalid_json_line:");
  EXPECT_EQ(code("[]"), "invalid_json_line:");
  EXPECT_EQ(code("\xff"), "invalid_json_line:");
  EXPECT_EQ(code(R"({"custom_id":7})"), "invalid_type:custom_id");
  EXPECT_EQ(code(R"({"method":"POST","url":"u","body":{}})"), "missing_required_parameter:custom_id");
  EXPECT_EQ(code(R"({"custom_id":"","method":"POST","url":"u","body":{}})"), "missing_required_parameter:custom_id");
  EXPECT_EQ(code(R"({"custom_id":"a","method":"GET","url":"u","body":{}})"), "invalid_method:method");
  EXPECT_EQ(code(R"({"custom_id":"a","method":"POST","body":{}})"), "missing_required_parameter:url");
  EXPECT_EQ(code(R"({"custom_id":"a","method":"POST","url":"u"})"), "missing_required_parameter:body");
  EXPECT_EQ(code(R"({"custom_id":"a","method":"POST","url":"u","body":[]})"), "invalid_type:body");
}

TEST(Batch, WritesLines) {
  EXPECT_EQ(json::parse(answered_line("i", "c", 200, "r", "{}", "tools[0]#/a"))["response"]["freehold_ignored"],
            "tools[0]#/a");
  EXPECT_EQ(json::parse(answered_line("i", "a\n\"", 200, "r", R"({"x":1})")),
            json({{"id", "i"},
                  {"custom_id", "a\n\""},
                  {"response", {{"status_code", 200}, {"request_id", "r"}, {"body", {{"x", 1}}}}},
                  {"error", nullptr}}));
  const json j = json::parse(unanswered_line("i", "c", {"batch_expired", "late", {}, {}}));
  EXPECT_TRUE(j["response"].is_null());
  EXPECT_EQ(j["error"]["code"], "batch_expired");
}

TEST(Batch, IsAskedForInFull) {
  const std::string good = R"({"input_file_id":"f","endpoint":"/v1/completions","completion_window":"24h"})";
  EXPECT_TRUE(parse_batch(good));
  const auto param = [&](std::string_view key, json value) {
    json j = json::parse(good);
    j[std::string(key)] = std::move(value);
    const auto parsed = parse_batch(j.dump());
    return parsed ? "none" : parsed.error().param;
  };
  EXPECT_EQ(param("input_file_id", nullptr), "input_file_id");
  EXPECT_EQ(param("endpoint", "/v1/files"), "endpoint");
  EXPECT_EQ(param("completion_window", "1h"), "completion_window");
  EXPECT_EQ(param("metadata", {{"a", 1}}), "metadata");
  EXPECT_EQ(param("metadata", {{std::string(65, 'k'), "v"}}), "metadata");
  EXPECT_EQ(param("metadata", {{std::string(64, 'k'), std::string(512, 'v')}}), "none");
  EXPECT_EQ(param("output_expires_after", {{"anchor", "now"}, {"seconds", 3600}}), "output_expires_after.anchor");
  EXPECT_EQ(param("output_expires_after", {{"anchor", "created_at"}, {"seconds", 1}}), "output_expires_after.seconds");
}

TEST(Pages, AreAskedForStrictly) {
  const auto param = [](Query query) {
    const auto page = parse_page(query, 20, 100);
    return page ? "none" : page.error().param;
  };
  EXPECT_EQ(parse_page({}, 20, 100)->limit, 20u);
  const auto page = parse_page({{"limit", "100"}, {"after", "x"}, {"order", "asc"}, {"purpose", "batch"}}, 20, 100);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->limit, 100u);
  EXPECT_EQ(page->after, "x");
  EXPECT_TRUE(page->ascending);
  EXPECT_EQ(page->purpose, "batch");
  for (const char* bad : {"0", "101", "-1", "1x", "", "99999999999999999999"})
    EXPECT_EQ(param({{"limit", bad}}), "limit");
  EXPECT_EQ(param({{"order", "up"}}), "order");
}

TEST(Pages, SayWhereTheyEnd) {
  const json j = json::parse(list_json({{"a", R"({"id":"a"})"}, {"b", R"({"id":"b"})"}}, true));
  EXPECT_EQ(j["first_id"], "a");
  EXPECT_EQ(j["last_id"], "b");
  EXPECT_EQ(j["has_more"], true);
  EXPECT_EQ(j["data"].size(), 2u);
  const json none = json::parse(list_json({}, false));
  EXPECT_TRUE(none["first_id"].is_null());
  EXPECT_EQ(none["data"], json::array());
}

TEST(Files, NeedAPurposeAndAFile) {
  using Fields = std::vector<std::pair<std::string, std::string>>;
  const auto param = [](Fields fields, std::optional<std::string> name = "f") {
    const auto form = parse_file_form(fields, std::move(name));
    return form ? "none" : form.error().param;
  };
  for (const char* purpose : {"fine-tune", "batch", "assistants", "vision", "user_data", "evals"}) {
    EXPECT_EQ(param({{"purpose", purpose}, {"other", "x"}}), "none");
  }
  EXPECT_EQ(param({{"purpose", "batch_output"}}), "purpose");
  EXPECT_EQ(param({}), "purpose");
  EXPECT_EQ(param({{"purpose", "batch"}, {"purpose", "batch"}}), "purpose");
  EXPECT_EQ(param({{"purpose", "batch"}}, std::nullopt), "file");
  const std::pair<std::string, std::string> anchor{"expires_after[anchor]", "created_at"};
  const auto seconds = [](const char* n) { return std::pair<std::string, std::string>{"expires_after[seconds]", n}; };
  const auto form = parse_file_form({{"purpose", "batch"}, anchor, seconds("3600")}, "");
  ASSERT_TRUE(form);
  EXPECT_EQ(form->expires_after, 3600u);
  EXPECT_FALSE(form->filename.empty());
  EXPECT_EQ(param({{"purpose", "batch"}, anchor}), "expires_after");
  EXPECT_EQ(param({{"purpose", "batch"}, seconds("3600")}), "expires_after");
  for (const char* bad : {"3599", "2592001", "x", ""}) {
    EXPECT_EQ(param({{"purpose", "batch"}, anchor, seconds(bad)}), "expires_after.seconds");
  }
}

}  // namespace
}  // namespace freehold::api::openai
