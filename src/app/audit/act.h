// What a command has changed, written to the audit log of $FREEHOLD_HOME before the command says that it is done.
#pragma once

#include <filesystem>
#include <string_view>

#include "audit/entry.h"
#include "base/result.h"

namespace freehold::store {
struct Imported;
}

namespace freehold::guard {
struct Decision;
}

namespace freehold::app {

// The user of the operating system who runs this program. Looked up once: the C library may ask other processes for the
// name, so a program that will be sealed calls this before.
audit::Who local_user();
// Whether an act could be recorded now: asked before it is begun (Command::acts). Errors: audit/writer.h.
Result<> check_acts_are_recorded();
// Returns when it is durable. Errors: audit/writer.h; then the change itself is made all the same.
Result<> record_act(std::string_view act, std::string_view subject, audit::Object details = {});
// The same in another home's log.
Result<> record_act_in(const std::filesystem::path& home, std::string_view act, std::string_view subject,
                       audit::Object details = {});

// The same of something that the policy has denied. `what`: the command.
Result<> record_refusal(std::string_view what, std::string_view subject, const guard::Decision& decision);

// The same of a model that came into the store, or of a name that leads to another one now.
Result<> record_import(std::string_view act, const store::Imported& imported);

}  // namespace freehold::app
