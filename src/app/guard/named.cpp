#include "app/guard/named.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/erase/left_behind.h"
#include "app/serve/job_store.h"
#include "base/utf8.h"
#include "guard/keys.h"

namespace freehold::app {
namespace {

constexpr std::string_view kNotInThis = "it is not in what is written here, and belongs to what they are told";

void note_file(const Mention& file, Right right, std::string_view times, Console& console) {
  if (file.lines == 0) {
    console.note(fmt::format("whether {} names the subject cannot be told: {}", file.file, file.unknown));
    return;
  }
  console.note(fmt::format(
      "{} names the subject {}, and nothing in it says that it is about them: {}", file.file, times,
      right == Right::of_access ? kNotInThis
                                : "it stays until the key that brought it deletes it, or is erased itself"));
}

void note_model_of_a_server(const std::string& name, bool of_key, Right right, Console& console) {
  const std::string shown = printable(name, 200);
  const std::string what = fmt::format("'{}' learned from files {}, and may say what it learned", shown,
                                       of_key ? "of this key" : "that name the subject");
  console.note(right == Right::of_access
                   ? fmt::format("{}: {}", what, kNotInThis)
                   : fmt::format("{}: delete it (DELETE /v1/models/{}; a job is cancelled) and tune again without them",
                                 what, shown));
}

// What a model's run has written is no part of the store.
std::string outside_of_the_store(const Lesson& lesson) {
  if (lesson.folder.empty()) {
    return "what its run wrote outside of the store goes by hand: the run's folder with adapter and checkpoints, and "
           "models made of them";
  }
  return fmt::format("what its run wrote goes by hand: {} with adapter and checkpoints, and models made of them",
                     printable(lesson.folder, 1000));
}

void note_lesson(const Lesson& lesson, Right right, std::string_view times, Console& console) {
  const std::string model = printable(lesson.model);
  const std::string what = fmt::format("'{}' learned from {}", model, printable(lesson.file, 1000));
  const std::string remedy = lesson.of_server ? fmt::format("delete the model (DELETE /v1/models/{})", model)
                                              : fmt::format("remove the model (freehold models rm {}); {}", model,
                                                            outside_of_the_store(lesson));
  if (lesson.lines == 0) {
    const std::string unsure =
        fmt::format("{}; whether that names the subject cannot be told: {}", what, lesson.unknown);
    console.note(right == Right::of_access
                     ? unsure
                     : fmt::format("{}. If it did, tune again without them and {}", unsure, remedy));
    return;
  }
  console.note(
      right == Right::of_access
          ? fmt::format("{}, which names the subject {}, and may say what it learned: {}", what, times, kNotInThis)
          : fmt::format("{}, which names the subject {}: take these out, tune again, and {}", what, times, remedy));
}

}  // namespace

bool Named::anywhere() const {
  const auto names = [](const auto& one) { return one.lines > 0; };
  return !learned.empty() || std::any_of(files.begin(), files.end(), names) ||
         std::any_of(lessons.begin(), lessons.end(), names);
}

NameFinder finder_of(const Person& person, const std::vector<audit::Subject>& subjects, bool of_key) {
  std::vector<std::string> names;
  if (of_key) return NameFinder(names);
  for (const audit::Subject& subject : subjects) names.push_back(subject.name);
  if (!person.name.starts_with("sub_")) names.push_back(person.name);
  return NameFinder(names);
}

Result<> add_lessons(const std::filesystem::path& home, const std::vector<store::Listed>& models,
                     const NameFinder& finder, Named& named) {
  named.lessons = lessons_about(models, finder);
  if (finder.empty() || !JobStore::exists(home)) return {};
  FH_TRY(const auto jobs, JobStore::look(home, [] { return guard::wall_seconds(); }));
  FH_TRY(const auto gone, lessons_of_gone_files(home, *jobs));
  named.lessons.insert(named.lessons.end(), gone.begin(), gone.end());
  return {};
}

void note_who_is_named(const Named& named, Right right, Console& console) {
  const auto times = [](std::uint64_t lines) { return fmt::format("in {} line{}", lines, lines == 1 ? "" : "s"); };
  for (const Mention& file : named.files) note_file(file, right, times(file.lines), console);
  for (const std::string& name : named.learned) note_model_of_a_server(name, named.of_key, right, console);
  for (const Lesson& lesson : named.lessons) note_lesson(lesson, right, times(lesson.lines), console);
}

std::string_view what_is_unsure(const Named& named) {
  const bool sure = named.files.empty() && named.lessons.empty();
  return sure || named.anywhere() ? "" : "; of some files, named above, it cannot be told";
}

}  // namespace freehold::app
