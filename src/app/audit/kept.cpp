#include "app/audit/kept.h"

#include <fmt/format.h>

#include "app/json_writer.h"
#include "base/utf8.h"

namespace freehold::app {

namespace {

constexpr std::string_view kEarlier = "earlier-";

}  // namespace

Option master_key_option() {
  return {.name = "master-key",
          .type = OptionType::file,
          .value = "FILE",
          .help = "The key that what is kept is under; by default $FREEHOLD_HOME/keys/master.key."};
}

std::filesystem::path master_key_of(const Arguments& arguments, const std::filesystem::path& home) {
  return arguments.given("master-key") ? std::filesystem::path(arguments.text("master-key"))
                                       : audit::usual_master_key(home);
}

Result<std::unique_ptr<audit::Vault>> open_vault(const std::filesystem::path& home,
                                                 const std::filesystem::path& master_key, audit::MasterKey::Make make) {
  FH_TRY(audit::MasterKey master, audit::MasterKey::open(master_key, make));
  FH_TRY(audit::Subjects subjects, audit::Subjects::open(home, std::move(master), make));
  return std::make_unique<audit::Vault>(home, std::move(subjects));
}

Result<KeptContent> KeptContent::open(const std::filesystem::path& home, const std::filesystem::path& master_key) {
  FH_TRY(audit::MasterKey master, audit::MasterKey::open(master_key, audit::MasterKey::Make::never));
  FH_TRY(audit::Subjects subjects, audit::Subjects::open(home, std::move(master), audit::MasterKey::Make::never));
  return KeptContent(home, std::move(subjects));
}

Result<audit::Parts> KeptContent::of(const Members& entry) {
  const std::string place = member_of(entry, "content"), subject = member_of(entry, "subject");
  if (place.empty()) {
    return fail(Errc::not_found,
                fmt::format("nothing was kept of {}: the server ran without --keep-content, or its subject was "
                            "erased before it was answered",
                            printable(member_of(entry, "id"), 80)));
  }
  if (!listed_) {
    FH_TRY(auto all, subjects_.list());
    for (audit::Subject& one : all) {
      std::string id = one.id;
      by_id_.insert_or_assign(std::move(id), std::move(one));
    }
    listed_ = true;
  }
  const auto found = by_id_.find(subject);
  if (found == by_id_.end()) {
    return fail(Errc::not_found, fmt::format("what was kept of {} cannot be read any more: the key of its subject, {}, "
                                             "was destroyed",
                                             printable(member_of(entry, "id"), 80), printable(subject, 80)));
  }
  FH_TRY(const std::string sealed, audit::read_content(home_, {subject, place, member_of(entry, "content_digest")}));
  return audit::open_content(found->second, member_of(entry, "id"), sealed);
}

std::string content_json(const audit::Parts& parts) {
  const Asked asked = asked_of(parts);
  JsonWriter out;
  out.begin_object().member("address", asked.address).member("body", asked.body).key("answers").begin_array();
  for (const auto& [name, value] : parts) {
    if (name == "answer") out.value(value);
  }
  out.end_array();
  if (!asked.earlier.empty()) {
    out.key("earlier").begin_object();
    for (const auto& [name, value] : asked.earlier) out.member(name.substr(kEarlier.size()), value);
    out.end_object();
  }
  return out.end_object().take();
}

Asked asked_of(const audit::Parts& parts) {
  Asked out;
  for (const auto& [name, value] : parts) {
    if (name == "address") out.address = value;
    if (name == "body") out.body = value;
    if (name.starts_with(kEarlier)) out.earlier.emplace_back(name, value);
  }
  return out;
}

}  // namespace freehold::app
