"""A small process that starts others, so that the memory measured is theirs: a process begun by a large one is charged for the large
one's memory until it has become the program. Reads length-prefixed requests on standard input, answers in lines."""

import os
import signal
import sys
import time


def read(size):
    data = b""
    while len(data) < size:
        piece = os.read(0, size - len(data))
        if not piece:
            sys.exit(0)
        data += piece
    return data


def serve():
    null = os.open("/dev/null", os.O_RDONLY)
    while True:
        words = read(int(read(8))).split(b"\0")
        out, err, limit, count = words[0], words[1], int(words[2]), int(words[3])
        environment, command = words[4 : 4 + count], words[4 + count :]
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        actions = [
            (os.POSIX_SPAWN_DUP2, null, 0),
            (os.POSIX_SPAWN_OPEN, 1, out, flags, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, err, flags, 0o600),
        ]
        begin = time.monotonic()
        pid = os.posix_spawn(command[0], command, dict(w.split(b"=", 1) for w in environment), file_actions=actions)
        signal.signal(signal.SIGALRM, lambda *_: os.kill(pid, signal.SIGKILL))
        signal.alarm(limit)
        _, status, usage = os.wait4(pid, 0)
        signal.alarm(0)
        seconds = time.monotonic() - begin
        cpu = usage.ru_utime + usage.ru_stime
        os.write(1, b"%d %.6f %.6f %d\n" % (os.waitstatus_to_exitcode(status), seconds, cpu, usage.ru_maxrss))


serve()
