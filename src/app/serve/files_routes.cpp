// /v1/files and /v1/batches.
#include <fmt/format.h>

#include "app/erase/left_behind.h"
#include "app/serve/batches.h"
#include "app/serve/reply.h"
#include "app/serve/routes.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

namespace openai = api::openai;
using api::Failure;
using api::Problem;

Failure no_such(std::string_view what, std::string_view id, std::string param) {
  return {Problem::not_found, fmt::format("No such {} object: {}", what, printable(id)), std::move(param), {}};
}

// What the store or an upload refuses.
Failure failure(const Error& error, std::string param = {}) {
  switch (error.code) {
    case Errc::invalid:
      return {Problem::invalid, error.what, std::move(param), {}};
    case Errc::exhausted:
      if (error.what.starts_with("batches")) return {Problem::too_many, error.what, {}, {}};
      return {error.what.starts_with("the file") ? Problem::too_large : Problem::unavailable, error.what, {}, {}};
    case Errc::io:
      return {Problem::unavailable, error.what, {}, {}};
    default:
      return {Problem::internal, error.what, {}, {}};
  }
}

// The label of what is brought, or made of what is here, and whether they may have it here.
api::Parsed<std::string> label_for(const Site& site, const guard::Principal& who, const std::string& of = {}) {
  auto decision = site.permissions().decide(who, guard::Action::keep, {guard::Resource::Kind::data, {}, {}, {}}, of);
  FH_TRY_VOID(site.permit(who, decision));
  return std::move(decision.label);
}

void upload(Site& site, FileStore& store, const guard::Principal& who, const ExchangePtr& exchange) {
  const std::string& tenant = who.tenant;
  Batches& batches = *site.batches;
  const auto received = batches.uploads().take(exchange->request().id, tenant);
  if (!received) {
    const auto boundary = http::form_boundary(exchange->request().headers.get("content-type"));
    return respond(*exchange, Failure{boundary ? Problem::unavailable : Problem::media_type,
                                      boundary ? "the upload was not kept: try again" : boundary.error().what,
                                      {},
                                      {}});
  }
  auto form = received->finish();
  if (!form) return respond(*exchange, failure(form.error(), "file"));
  auto parsed = openai::parse_file_form(form->fields, std::move(form->filename));
  if (!parsed) return respond(*exchange, parsed.error());
  const auto label = label_for(site, who);
  if (!label) return respond(*exchange, label.error());
  const auto leave = site.may_keep(exchange->request(), who);
  if (!leave) return respond(*exchange, leave.error());
  auto added = store.add(tenant, *parsed, std::move(*form->file), *label);
  if (!added) return respond(*exchange, failure(added.error()));
  // Lines about somebody who was erased while they were on their way.
  for (const ErasureOrder& order : site.erasures().orders_since(exchange->request().begun)) {
    std::uint64_t lines = 0;
    if (auto erased = store.erase_lines(lines_of(order), lines); !erased) {
      return respond(*exchange, failure(erased.error()));
    }
  }
  exchange->respond(json_response(200, openai::file_json(*added)));
}

void list_files(FileStore& store, const std::string& tenant, const ExchangePtr& exchange) {
  const auto page = openai::parse_page(exchange->request().target.query, 10'000, 10'000);
  if (!page) return respond(*exchange, page.error());
  const auto found = store.list(tenant, *page);
  if (!found) return respond(*exchange, failure(found.error(), "after"));
  std::vector<std::pair<std::string, std::string>> objects;
  for (const auto& file : found->items) objects.emplace_back(file.id, openai::file_json(file));
  exchange->respond(json_response(200, openai::list_json(objects, found->has_more)));
}

void send_content(FileStore& store, const openai::FileObject& file, const ExchangePtr& exchange) {
  auto content = read_file(store.path_of(file.id), UINT64_MAX);
  if (!content) return respond(*exchange, failure(content.error()));
  http::Response response{200, {}, std::move(*content)};
  response.headers.set("content-type", "application/octet-stream");
  exchange->respond(std::move(response));
}

// What is in a file may not be read with a key, or in a role, that may not touch it any more.
api::Parsed<void> may_read(const Site& site, const guard::Principal& who, const openai::FileObject& file) {
  return site.permit(
      who, site.permissions().decide(who, guard::Action::read, {guard::Resource::Kind::data, {}, {}, {}}, file.label));
}

bool handle_files(Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  const std::string& tenant = who.tenant;
  const http::Request& request = exchange->request();
  const auto& path = request.target.segments;
  auto store = site.batches->store();
  if (!store) {
    respond(*exchange, failure(store.error()));
    return true;
  }
  if (path.size() == 2 && request.method == "POST") {
    upload(site, **store, who, exchange);
    return true;
  }
  if (path.size() == 2) {
    if (wants(*exchange, "GET")) list_files(**store, tenant, exchange);
    return true;
  }
  if (path.size() == 4 && path[3] != "content") return false;
  const bool erase = path.size() == 3 && request.method == "DELETE";
  if (!erase && !wants(*exchange, "GET")) return true;
  const auto file = (*store)->find(tenant, path[2]);
  if (!file) {
    respond(*exchange, failure(file.error()));
  } else if (!*file) {
    respond(*exchange, no_such("File", path[2], "id"));
  } else if (path.size() == 4) {
    const auto may = may_read(site, who, **file);
    may ? send_content(**store, **file, exchange) : respond(*exchange, may.error());
  } else if (!erase) {
    exchange->respond(json_response(200, openai::file_json(**file)));
  } else if (const auto leave = site.may_go(who, (*file)->label); !leave) {
    respond(*exchange, leave.error());
  } else if (const auto erased = (*store)->erase(tenant, path[2]); !erased) {
    respond(*exchange, failure(erased.error()));
  } else {
    exchange->respond(json_response(200, openai::file_deleted_json(path[2])));
  }
  return true;
}

void create_batch(Site& site, FileStore& store, const guard::Principal& who, const ExchangePtr& exchange) {
  Batches& batches = *site.batches;
  const auto wanted = openai::parse_batch(exchange->request().body);
  if (!wanted) return respond(*exchange, wanted.error());
  const auto no_input = [&] {
    Failure none = no_such("File", wanted->input_file_id, "input_file_id");
    none.problem = Problem::invalid;
    respond(*exchange, none);
  };
  const auto input = store.find(who.tenant, wanted->input_file_id);
  if (!input) return respond(*exchange, failure(input.error()));
  if (!*input) return no_input();
  const auto label = label_for(site, who, (*input)->label);
  if (!label) return respond(*exchange, label.error());
  const auto leave = site.may_keep(exchange->request(), who);
  if (!leave) return respond(*exchange, leave.error());
  const auto added = store.add_batch(who.tenant, *wanted, *label);
  if (!added) return respond(*exchange, failure(added.error()));
  if (!*added) return no_input();
  batches.wake();
  exchange->respond(json_response(200, openai::batch_json(**added)));
}

void list_batches(FileStore& store, const std::string& tenant, const ExchangePtr& exchange) {
  const auto page = openai::parse_page(exchange->request().target.query, 20, 100);
  if (!page) return respond(*exchange, page.error());
  const auto found = store.list_batches(tenant, *page);
  if (!found) return respond(*exchange, failure(found.error(), "after"));
  std::vector<std::pair<std::string, std::string>> objects;
  for (const auto& batch : found->items) objects.emplace_back(batch.id, openai::batch_json(batch));
  exchange->respond(json_response(200, openai::list_json(objects, found->has_more)));
}

void cancel_batch(FileStore& store, Batches& batches, const openai::Batch& batch, const ExchangePtr& exchange) {
  bool changed = false;
  const auto updated = store.update_batch(batch.id, [&](BatchRecord& record) {
    const bool waits = record.batch.status == openai::BatchStatus::validating;
    changed = record.batch.become(openai::BatchStatus::cancelling, store.now());
    // Nothing of it has been asked, and its turn may be far away.
    if (changed && waits) record.batch.become(openai::BatchStatus::cancelled, store.now());
  });
  if (!updated) return respond(*exchange, failure(updated.error()));
  if (!changed && updated->batch.status != openai::BatchStatus::cancelling) {
    return respond(*exchange, Failure{Problem::invalid,
                                      fmt::format("Cannot cancel a batch with status '{}'.",
                                                  openai::name_of(updated->batch.status)),
                                      "batch_id",
                                      {}});
  }
  batches.wake();
  exchange->respond(json_response(200, openai::batch_json(updated->batch)));
}

bool handle_batches(Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  const std::string& tenant = who.tenant;
  const http::Request& request = exchange->request();
  const auto& path = request.target.segments;
  auto store = site.batches->store();
  if (!store) {
    respond(*exchange, failure(store.error()));
    return true;
  }
  if (path.size() == 2 && request.method == "POST") {
    if (wants(*exchange, "POST")) create_batch(site, **store, who, exchange);
    return true;
  }
  if (path.size() == 2) {
    if (wants(*exchange, "GET")) list_batches(**store, tenant, exchange);
    return true;
  }
  const bool cancel = path.size() == 4 && path[3] == "cancel";
  if (path.size() == 4 && !cancel) return false;
  // A client's cancel has no body, so no type either.
  if (cancel ? request.method != "POST" : !wants(*exchange, "GET")) {
    if (cancel) (void)wants(*exchange, "POST");
    return true;
  }
  const auto batch = (*store)->find_batch(tenant, path[2]);
  if (!batch) {
    respond(*exchange, failure(batch.error()));
  } else if (!*batch) {
    respond(*exchange, no_such("Batch", path[2], "batch_id"));
  } else if (cancel) {
    cancel_batch(**store, *site.batches, **batch, exchange);
  } else {
    exchange->respond(json_response(200, openai::batch_json(**batch)));
  }
  return true;
}

}  // namespace

bool handle_files_and_batches(Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  const auto& path = exchange->request().target.segments;
  if (!site.batches || path.size() < 2 || path.size() > 4 || path[0] != "v1") return false;
  if (path[1] == "files") return handle_files(site, exchange, who);
  if (path[1] == "batches") return handle_batches(site, exchange, who);
  return false;
}

std::optional<http::BodyPlan> plan_upload(Site& site, const http::Request& request, const guard::Principal& who) {
  if (!site.batches || request.method != "POST" || !path_is(request, {"v1", "files"})) return std::nullopt;
  auto store = site.batches->store();
  if (!store) return std::nullopt;
  auto plan = site.batches->uploads().plan(request, **store, who.tenant);
  if (!plan) return std::nullopt;
  return std::move(*plan);
}

}  // namespace freehold::app
