// The `audit` commands, and what they share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "app/command.h"
#include "audit/note.h"
#include "audit/reader.h"

namespace freehold::app {

Command audit_group();  // audit_commands.cpp, so the next four
Command audit_verify_command();
Command audit_prove_command();
Command audit_checkpoint_command();
Command audit_key_command();
Command audit_show_command();  // audit_entries.cpp, so the rest
Command audit_query_command();
Command audit_export_command();
Command audit_replay_command();  // replay_command.cpp
Command audit_report_command();  // report/report_command.cpp

inline constexpr std::uint64_t kLongestNote = 65'536;  // bytes of a checkpoint's or a key's file

// What to say to a log that is not what was written.
inline constexpr std::string_view kKeepAsItIs =
    "keep this folder as it is: it is evidence. A copy of the log from before, and the checkpoints that were kept, "
    "show "
    "what was changed";

// --folder, or the log of $FREEHOLD_HOME.
Option audit_folder_option();
Result<std::filesystem::path> audit_folder_of(const Arguments& arguments);
// --key: the text of a public key, or a file with one. Nothing if it is not given.
Option audit_key_option();
Result<std::optional<audit::VerifierKey>> audit_key_of(const Arguments& arguments);
// The number of the entry that ID names: an id, or a number. Error: not_found.
Result<std::uint64_t> entry_number(const audit::Reader& reader, std::string_view id);

}  // namespace freehold::app
