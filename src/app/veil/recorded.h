// What an entry of the audit log says was done with personal data, as rules to do the same again.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "guard/personal_data.h"

namespace freehold::app {

// `entry`: its members, nested ones with dots. Kinds that were not found are let pass: they would not be found again.
guard::Treatments recorded_treatments(const std::map<std::string, std::string>& entry, guard::Way way);

}  // namespace freehold::app
