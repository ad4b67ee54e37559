#!/usr/bin/env python3
"""Shows that check_layers.py, check_files.py and check_docs.py can fail, and that test_all.py counts rightly: each rule is
broken once in a small tree made for it."""

import os
import pathlib
import signal
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import check_docs
import check_files
import check_layers
import test_all


class Tree(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        self.put("tools/layers.txt", "# comment\nbase:\ntext: base\nengine: base text\n")
        self.put("src/base/a.h", "// A.\n#include <vector>\n#include <tl/expected.hpp>\n")
        self.put("src/text/t.h", '// T.\n#include "base/a.h"\n#include "text/t.h"\n')
        self.put("src/engine/e.cpp", '#include <nlohmann/json.hpp>\n#include "text/t.h"\n')

    def tearDown(self):
        self.folder.cleanup()

    def put(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def layers(self):
        return check_layers.check(self.root)

    def test_a_tree_that_looks_down_is_accepted(self):
        self.assertEqual(self.layers(), [])
        self.assertEqual(check_files.check(self.root), ([], []))

    def test_looking_up_is_found(self):
        self.put("src/base/up.cpp", '\n#include "text/t.h"\n')
        self.assertEqual(self.layers(), ["src/base/up.cpp:2: base may not include text (tools/layers.txt)"])

    def test_tests_may_look_anywhere(self):
        self.put("src/base/up_test.cpp", '#include "engine/e.h"\n')
        self.assertEqual(self.layers(), [])

    def test_a_heavy_header_in_a_header_is_found(self):
        for name in ("nlohmann/json.hpp", "CLI/CLI.hpp", "pcre2.h", "gtest/gtest.h", "openssl/evp.h", "fmt/format.h"):
            self.put("src/text/t.h", f"// T.\n#include <{name}>\n")
            self.assertEqual(len(self.layers()), 1, name)

    def test_relative_and_unknown_includes_are_found(self):
        self.put("src/text/r.cpp", '#include "t.h"\n#include "../base/a.h"\n#include "base/none.h"\n')
        self.assertEqual(len(self.layers()), 3)

    def test_an_unlisted_folder_is_found(self):
        self.put("src/extra/x.h", "// X.\n")
        self.assertIn("'extra' is not in", self.layers()[0])

    def test_a_layer_above_cannot_be_listed_as_below(self):
        self.put("tools/layers.txt", "base: text\ntext: base\n")
        with self.assertRaises(SystemExit):
            self.layers()

    def test_long_files_and_headless_headers_are_found(self):
        self.put("src/base/a.h", "#pragma once\n")
        self.put("src/base/w.cpp", "int x;\n" * 501)
        self.put("src/base/f.cpp", "int x;\n" * 801)
        errors, warnings = check_files.check(self.root)
        self.assertEqual((len(errors), len(warnings)), (2, 1))

    def test_dead_paths_and_links_in_pages_are_found(self):
        good = "`text/t.h` `src/text/` `src/*/t.h` `x/y` [here](docs/a.md)\n```\n`src/none.h`\n```\n"
        self.put("docs/a.md", "`base/a.h`")
        self.put("README.md", good)
        self.assertEqual(check_docs.check(self.root), [])
        self.put("README.md", "`text/none.h` `src/*/none.h`\n[gone](docs/gone.md)")
        self.assertEqual(len(check_docs.check(self.root)), 3)

    def test_the_table_of_acts_is_what_is_written(self):
        self.put("src/text/a.cpp", 'FH_TRY_VOID(record_act("keys.create", id, audit::Object().add("role", "x.y")));\n'
                 'record_act(\n    undo ? "keys.unblock" : "keys.block", id);\ntrail_->act({}, "lock-out", address);\nrecord_act(act, name);\n')
        self.put("README.md", "")
        good = "| `act` | `keys.create`, `keys.block`, `keys.unblock`, `lock-out` (`attempts`) |\n"
        self.put("docs/formats/audit.md", good)
        self.assertEqual(check_docs.check(self.root), [])
        for changed in (good.replace("`keys.unblock`, ", ""), good.replace("`lock-out` (", "("), good.replace("(", "`models.fly` (")):
            self.put("docs/formats/audit.md", changed)
            self.assertEqual(len(check_docs.check(self.root)), 1, changed)

    def test_what_ctest_reports_is_counted_rightly(self):
        self.put("r.xml", """<testsuite>
            <testcase name="good" status="run"/>
            <testcase name="bad" status="fail"><failure message="Failed"/></testcase>
            <testcase name="skip" status="notrun"><skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/></testcase>
            <testcase name="code" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>
            <testcase name="absent" status="notrun"><skipped message="Unable to find executable"/></testcase>
            <testcase name="late" status="fail"><failure message="Timeout"/></testcase></testsuite>""")
        sums, failed, skipped = test_all.read_junit(self.root / "r.xml")
        self.assertEqual((sums.passed, failed, skipped), (1, ["bad", "absent", "late"], ["skip", "code"]))

    def test_a_suite_s_tests_count_one_each_unless_it_crashed(self):
        def case(name, status, text, more=""):
            return f'<testcase name="base.{name}" status="{status}">{more}<system-out>{text}</system-out></testcase>'
        skip = '<skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/>'
        self.put("r.xml", "<testsuite>" + case("Good", "run", "[  PASSED  ] 12 tests.\n") + case("One", "run", "[  PASSED  ] 1 test.\n")
                 + case("Some", "run", "[  SKIPPED ] Some.A (0 ms)\n[  PASSED  ] 2 tests.\n[  SKIPPED ] 1 test.\n")
                 + case("None", "notrun", "[  SKIPPED ] None.A\n[  SKIPPED ] None.B\n[  PASSED  ] 0 tests.\nALL TESTS SKIPPED\n", skip)
                 + case("Bad", "fail", "[  FAILED  ] Bad.A (1 ms)\n[  PASSED  ] 3 tests.\n[  FAILED  ] 1 test, listed below:\n[  FAILED  ] Bad.A\n")
                 + case("Leaks", "fail", "[  PASSED  ] 3 tests.\n") + case("Crashes", "fail", "") + case("Nothing", "run", "") + "</testsuite>")
        sums, failed, skipped = test_all.read_junit(self.root / "r.xml")
        self.assertEqual((sums, failed), (test_all.Sums(19, 3, 3), ["base.Bad.A", "base.Leaks", "base.Crashes"]))
        self.assertEqual(skipped, ["base.Some.A", "base.None.A", "base.None.B"])

    def test_a_program_s_own_sums_are_read_and_its_silence_is_a_failure(self):
        text = "passed: a\nskipped: b (not served: x)\nskipped: c (not served: x)\nfailed: d\n    failed: e\n1 passed, 1 failed, 2 skipped\n"
        sums, failed, skipped = test_all.read_sums(text, 1)
        self.assertEqual((sums, failed, skipped), (test_all.Sums(1, 1, 2), ["d"], ["2 tests: not served: x"]))
        self.assertEqual(test_all.read_sums("skipped: no npm\n0 passed, 0 failed, 1 skipped\n", 77)[0], test_all.Sums(skipped=1))
        self.assertEqual(test_all.read_sums("it crashed\n", 0)[0], test_all.Sums(failed=1))
        self.assertEqual(test_all.read_sums("3 passed, 0 failed\n", 1)[0], test_all.Sums(3, 1))

    def test_what_runs_beside_another_check_is_idle_until_it_is_waited_for(self):
        test_all.LOGS, logs = self.root, test_all.LOGS
        try:
            command = "import os, time; time.sleep(0.2); print(os.sched_getscheduler(0)); raise SystemExit(3)"
            running = test_all.Running(test_all.Check("x", ["sh", "-c", f"python3 -c '{command}'; exit $?"]), os.environ, idle=True)
            self.assertEqual({os.sched_getscheduler(pid) for pid in running.members()}, {os.SCHED_IDLE})
            self.assertEqual(running.wait(), 3)
            self.assertEqual((self.root / "x.log").read_text(), f"{os.SCHED_OTHER}\n")
            running = test_all.Running(test_all.Check("y", ["sleep", "60"]), os.environ, idle=True)
            running.end()
            self.assertEqual(running.process.returncode, -signal.SIGTERM)
        finally:
            test_all.LOGS = logs


if __name__ == "__main__":
    unittest.main()
