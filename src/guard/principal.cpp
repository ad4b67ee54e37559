#include "guard/principal.h"

#include <array>
#include <utility>

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
