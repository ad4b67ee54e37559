// The table rows of `freehold backup`.
#pragma once

#include "app/command.h"

namespace freehold::app {

Command backup_group();
Command backup_create_command();
Command backup_keys_command();
Command backup_verify_command();
Command backup_restore_command();

}  // namespace freehold::app
