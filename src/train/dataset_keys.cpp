// The table of one data set's keys in a recipe.
#include <fmt/format.h>

#include "base/utf8.h"
#include "train/recipe_reader.h"

namespace freehold::train {
namespace {

using format::YamlNode;

constexpr std::string_view kTypes =
    "there are alpaca, chat_template, completion, input_output and, with rl: dpo, chat_template.default";

// `type` as a map: a prompt of one's own for alpaca's fields.
void read_own_prompt(DatasetSource& d, const Slot& s) {
  d.style = PromptStyle::alpaca;
  for (const auto& [key, value] : s.node().members) {
    if (value.is_null()) continue;
    if (!value.is_scalar()) return s.wrong(fmt::format("'{}' must be a text", printable(key)));
    if (key == "system_prompt") {
      d.system_prompt = value.text;
    } else if (key == "field_system") {
      d.field_system = value.text;
    } else if (key == "field_instruction") {
      d.field_instruction = value.text;
    } else if (key == "field_input") {
      d.field_input = value.text;
    } else if (key == "field_output") {
      d.field_output = value.text;
    } else if (key == "format") {
      d.format_with_input = value.text;
    } else if (key == "no_input_format") {
      d.format_without_input = value.text;
    } else if (key == "system_format" && value.text == "{system}") {
      continue;
    } else if (key == "field") {
      d.field = value.text;
    } else {
      s.unsupported(fmt::format("'{}'", printable(key)));
    }
  }
  if (d.format_with_input && !d.format_without_input) d.format_without_input = d.format_with_input;
}

void read_type(DatasetSource& d, const Slot& s) {
  if (s.node().is_map()) return read_own_prompt(d, s);
  std::string word;
  s.text(word);
  if (word == "alpaca") {
    d.style = PromptStyle::alpaca;
  } else if (word == "chat_template") {
    d.style = PromptStyle::chat_template;
  } else if (word == "completion") {
    d.style = PromptStyle::completion;
  } else if (word.starts_with("completion:")) {
    d.style = PromptStyle::completion;
    d.field = word.substr(word.find(':') + 1);
  } else if (word == "input_output") {
    d.style = PromptStyle::input_output;
  } else if (word == "chat_template.default") {
    d.style = PromptStyle::preference;
  } else if (word.starts_with("sharegpt")) {
    s.unsupported(
        "write 'type: chat_template' with 'field_messages: conversations' and "
        "'message_property_mappings: {role: from, content: value}'");
  } else {
    s.unsupported(kTypes);
  }
}

void read_format(DatasetSource& d, const Slot& s) {
  std::string word;
  s.text(word);
  if (word == "json") {
    d.format = DatasetSource::Format::json;
  } else if (word == "csv") {
    d.format = DatasetSource::Format::csv;
  } else if (word == "text") {
    d.format = DatasetSource::Format::text;
  } else {
    s.unsupported("files are json (a list, or one object a line), csv or text");
  }
}

void read_mappings(DatasetSource& d, const Slot& s) {
  if (!s.node().is_map()) return s.wrong("must be a map: {role: from, content: value}");
  for (const auto& [key, value] : s.node().members) {
    if (!value.is_scalar()) return s.wrong("must be a map of texts");
    if (key == "role") {
      d.property_role = value.text;
    } else if (key == "content") {
      d.property_content = value.text;
    } else if (key != value.text) {
      s.unsupported(fmt::format("'{}' (role and content can have other names)", printable(key)));
    }
  }
}

void read_roles(DatasetSource& d, const Slot& s) {
  if (!s.node().is_map()) return s.wrong("must be a map: {user: [human, user]}");
  d.roles.clear();
  for (const auto& [target, sources] : s.node().members) {
    if (!sources.is_list()) return s.wrong("must be a map of lists");
    for (const YamlNode& source : sources.items) {
      if (!source.is_scalar()) return s.wrong("must be a map of lists of texts");
      d.roles.emplace_back(source.text, target);
    }
  }
}

void read_eos(DatasetSource& d, const Slot& s) {
  std::string word;
  s.text(word);
  if (word == "turn") {
    d.train_on_eos = TrainOnEos::turn;
  } else if (word == "all") {
    d.train_on_eos = TrainOnEos::all;
  } else if (word == "last") {
    d.train_on_eos = TrainOnEos::last;
  } else {
    s.wrong("must be turn, all or last");
  }
}

void read_split(DatasetSource&, const Slot& s) {
  if (s.node().text != "train")
    s.unsupported("a local file has no parts: 'val_set_size' or 'test_datasets' set data aside");
}

void read_template(DatasetSource&, const Slot& s) {
  if (s.node().text != "tokenizer_default") s.unsupported("training uses the template that the model is served with");
}

void must_be_off(DatasetSource&, const Slot& s) {
  if (s.node().as_bool() != false) s.unsupported("it is not there");
}
void refuse(DatasetSource&, const Slot& s) {
  s.unsupported("it is not there");
}

constexpr DatasetEntry kDataset[] = {
    {"path", [](DatasetSource& d, const Slot& s) { s.text(d.path); }, "A local file: .jsonl, .json, .csv or .txt."},
    {"label", [](DatasetSource& d, const Slot& s) { s.text(d.label); },
     "The label of the data, which the result inherits (docs/policy.md)."},
    {"type", read_type, "alpaca, chat_template, completion, input_output, or a map with a prompt of your own."},
    {"ds_type", read_format, "json, csv or text, where the file's name does not say."},
    {"field", [](DatasetSource& d, const Slot& s) { s.text(d.field); }, "completion: the column (text)."},
    {"field_messages", [](DatasetSource& d, const Slot& s) { s.text(d.field_messages); },
     "chat_template: the column (messages)."},
    {"field_chosen", [](DatasetSource& d, const Slot& s) { s.text(d.field_chosen); },
     "rl: dpo: the better answer (chosen)."},
    {"field_rejected", [](DatasetSource& d, const Slot& s) { s.text(d.field_rejected); },
     "rl: dpo: the worse answer (rejected)."},
    {"field_system", [](DatasetSource& d, const Slot& s) { s.text(d.field_system); },
     "The column with a system prompt (system)."},
    {"field_instruction", [](DatasetSource& d, const Slot& s) { s.text(d.field_instruction); },
     "alpaca: the column (instruction)."},
    {"field_input", [](DatasetSource& d, const Slot& s) { s.text(d.field_input); }, "alpaca: the column (input)."},
    {"field_output", [](DatasetSource& d, const Slot& s) { s.text(d.field_output); }, "alpaca: the column (output)."},
    {"message_property_mappings", read_mappings, "The names of role and content in a message."},
    {"message_field_role", [](DatasetSource& d, const Slot& s) { s.text(d.property_role); },
     "The name of role in a message."},
    {"message_field_content", [](DatasetSource& d, const Slot& s) { s.text(d.property_content); },
     "The name of content in a message."},
    {"message_field_training", [](DatasetSource& d, const Slot& s) { s.text(d.property_training); },
     "The member of a message, true or false (or 1, 0), that says whether it is learned; without it, by its role."},
    {"roles", read_roles, "Roles of the data by the role that the template knows."},
    {"roles_to_train", [](DatasetSource& d, const Slot& s) { s.texts(d.roles_to_train); },
     "Whose turns are learned (assistant)."},
    {"train_on_eos", read_eos, "Learn the token that ends a turn: of the turns learned (turn), all, last."},
    {"split", read_split, "train."},
    {"chat_template", read_template, "tokenizer_default."},
    {"drop_system_message", must_be_off, ""},
    {"message_field_training_detail", refuse, ""},
    {"train_on_eot", refuse, ""},
    {"data_files", refuse, ""},
    {"name", refuse, ""},
    {"shards", refuse, ""},
    {"shards_idx", refuse, ""},
    {"preprocess_shards", refuse, ""},
    {"revision", refuse, ""},
    {"trust_remote_code", must_be_off, ""},
    {"conversation", refuse, ""},
    {"split_thinking", must_be_off, ""},
};

}  // namespace

std::span<const DatasetEntry> dataset_entries() {
  return kDataset;
}

}  // namespace freehold::train
