// The program `freehold`.
#include <csignal>

#include "app/run_program.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error of write(), not a death
  freehold::app::Console console;
  std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  return static_cast<int>(freehold::app::run_program(words, console));
}
