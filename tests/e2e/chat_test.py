"""The chat as a person has it: in a terminal (a pseudo-terminal), with pastes, Ctrl-C, commands and Ctrl-D."""

import fcntl
import json
import os
import pty
import select
import signal
import stat
import struct
import termios
import time

import e2e
from tiny import Gguf


class Chat(e2e.Case):
    def setUp(self):
        super().setUp()
        self.model = self.put("tiny.gguf", Gguf().write())

    def begin(self, *options, **env):
        self.shown = b""
        pid, self.terminal = pty.fork()
        if pid == 0:
            kept = {k: v for k, v in os.environ.items() if not k.startswith("FREEHOLD")}
            os.execve(e2e.FREEHOLD, [e2e.FREEHOLD, "run", str(self.model), "--temperature", "0", *options],
                      {**kept, "TERM": "xterm", "FREEHOLD_HOME": str(self.home), **env})
        self.pid = pid
        self.addCleanup(self.end)
        self.sees(b">>> ")

    def end(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.terminal)

    def sees(self, text, seconds=20):
        """Waits until the terminal shows this behind what was seen before."""
        limit = time.monotonic() + seconds
        while text not in self.shown:
            ready, _, _ = select.select([self.terminal], [], [], max(0, limit - time.monotonic()))
            self.assertTrue(ready, f"{text!r} does not come; there is {self.shown!r}")
            try:
                self.shown += os.read(self.terminal, 65536)
            except OSError:
                self.fail(f"ended before {text!r}: {self.shown!r}")
        self.shown = self.shown[self.shown.index(text) + len(text):]

    def types(self, text):
        os.write(self.terminal, text)

    def leaves(self, code=0, seconds=20):
        while True:
            ready, _, _ = select.select([self.terminal], [], [], seconds)
            self.assertTrue(ready, f"does not leave; there is {self.shown!r}")
            try:
                part = os.read(self.terminal, 65536)
            except OSError:
                break
            self.shown += part
            if not part:
                break
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        self.assertEqual(os.waitstatus_to_exitcode(status), code)

    def saved(self):
        path = self.folder / "saved.json"
        self.types(b"/save " + str(path).encode() + b"\r")
        self.sees(b"written to")
        self.sees(b">>> ")
        return json.loads(path.read_text())["messages"]

    def test_several_pasted_lines_are_one_message(self):
        self.begin("-n", "3")
        self.types(b"\x1b[200~/the\tcat\rsat\n\n\xc3\xbc on\n\x1b[201~ the mat\r")
        self.sees(b">>> ")
        said = [m for m in self.saved() if m["role"] == "user"]
        self.assertEqual([m["content"] for m in said], ["/the\tcat\nsat\n\n\u00fc on the mat"])
        self.types(b"\x04")
        self.leaves()

    def test_commands_interrupts_and_the_end(self):
        self.begin("-n", "3")
        self.types(b"the cat\x03")  # Ctrl-C drops the line, not the program
        self.sees(b"leaves")
        self.sees(b">>> ")
        self.types(b"the\r")
        self.sees(b">>> ")
        for command, answer in ((b"/tokens", b"of context"), (b"/set seed 5", b"seed"), (b"/retry", b">>> "), (b"/nonsense", b"no command"),
                                (b"/set temperature x", b"error"), (b"/load /nonexistent", b"error"), (b"/clear", b"forgotten")):
            self.types(command + b"\r")
            self.sees(answer)
        self.assertEqual(self.saved(), [])
        self.types(b"/exit\r")
        self.leaves()
        history = self.home / "history"
        self.assertIn("the", history.read_text())
        self.assertEqual(stat.S_IMODE(history.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.home.stat().st_mode), 0o700)

    def test_a_service_manager_ends_it(self):
        self.begin("-n", "3")
        self.types(b"the")
        os.kill(self.pid, signal.SIGTERM)
        self.leaves(130)

    def test_a_service_manager_ends_it_while_it_answers(self):
        self.begin("-n", "100")
        self.types(b"the\r")
        self.sees(b"the\r\n")
        os.kill(self.pid, signal.SIGTERM)
        self.leaves(130)

    def test_saving_costs_no_file_of_another_kind(self):
        mine = self.folder / "notes.txt"
        mine.write_text("not to be lost")
        self.begin("-n", "3")
        self.types(b"  \r")  # nothing is said
        self.types(b"/save " + str(mine).encode() + b"\r")
        self.sees(b"no saved conversation")
        self.sees(b">>> ")
        self.assertEqual(mine.read_text(), "not to be lost")
        self.assertEqual(self.saved(), [])
        self.types(b"the\r")
        self.sees(b">>> ")
        self.assertEqual(len(self.saved()), 2)  # over its own older file
        self.types(b"/exit\r")
        self.leaves()

    def test_a_window_may_change_its_size(self):
        self.begin("-n", "3")
        self.types(b"the cat sat on the mat")
        self.sees(b"mat")
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 20, 0, 0))
        self.sees(b"mat")  # it is drawn again
        self.types(b"s\r")
        self.sees(b">>> ")
        self.assertEqual(self.saved()[0]["content"], "the cat sat on the mats")

    def test_a_dumb_terminal_gets_no_escapes(self):
        self.begin("-n", "3", TERM="dumb", LC_ALL="C")
        self.types(b"the\r")
        self.sees(b"the")
        self.types(b"/exit\r")
        self.leaves()
        self.assertNotIn(b"\x1b", self.shown)


if __name__ == "__main__":
    e2e.main()
