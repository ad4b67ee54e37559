// Landlock's rules for files, ports and scopes. Its interface is that of three system calls, which glibc has no names
// for, and of constants that are newer than the headers of Debian 12.
#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "seal/policy.h"

namespace freehold::seal {

// The version of the interface, 0 if there is none.
int landlock_version();

// The rules, which bind whoever enters them (landlock_restrict_self). `version` as below.
Result<Fd> make_ruleset(const Policy& policy, int version);

// Binds this thread and those that it starts. `version`: use no more than what this one has; at least 2.
Result<> restrict_with_landlock(const Policy& policy, int version);

}  // namespace freehold::seal
