#include "guard/principal.h"

#include <utf8proc.h>

#include <array>
#include <utility>

#include "base/utf8.h"

namespace freehold::guard {
namespace {

constexpr std::array<std::pair<Role, std::string_view>, kRoles> kRoleNames = {{{Role::admin, "admin"},
                                                                               {Role::user, "user"},
                                                                               {Role::auditor, "auditor"},
                                                                               {Role::operator_, "operator"},
                                                                               {Role::break_glass, "break-glass"}}};

}  // namespace

std::string_view name_of(Role role) {
  for (const auto& [r, name] : kRoleNames) {
    if (r == role) return name;
  }
  return {};
}

std::optional<Role> role_from_name(std::string_view name) {
  for (const auto& [role, n] : kRoleNames) {
    if (n == name) return role;
  }
  return std::nullopt;
}

bool says_something(std::string_view reason) {
  while (!reason.empty()) {
    const CodePoint c = decode_utf8(reason);
    if (c.length == 0) return false;
    reason.remove_prefix(c.length);
    // Letters for Unicode, but drawn as nothing: the fillers of Hangul.
    if (c.value == 0x115F || c.value == 0x1160 || c.value == 0x3164 || c.value == 0xFFA0) continue;
    switch (utf8proc_category(static_cast<utf8proc_int32_t>(c.value))) {
      case UTF8PROC_CATEGORY_LU:
      case UTF8PROC_CATEGORY_LL:
      case UTF8PROC_CATEGORY_LT:
      case UTF8PROC_CATEGORY_LM:
      case UTF8PROC_CATEGORY_LO:
      case UTF8PROC_CATEGORY_ND:
      case UTF8PROC_CATEGORY_NL:
      case UTF8PROC_CATEGORY_NO:
        return true;
      default:
        break;
    }
  }
  return false;
}

bool allows(const Models& models, std::string_view name) {
  if (!models) return true;
  for (const std::string& model : *models) {
    if (name == model) return true;
    const bool tagless = model.find(':') == std::string::npos;
    if (tagless && name.size() > model.size() && name.starts_with(model) && name[model.size()] == ':') return true;
  }
  return false;
}

}  // namespace freehold::guard
