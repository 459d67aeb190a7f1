#!/usr/bin/env python3
"""System calls per keystroke and echo, of sshard and of the control.

    cargo build --release -p sshard -p sshard-control
    sudo python3 perf/syscalls.py

Two loads: one session, whose every key is a turn of its own, and many, whose keys share turns. Counted by
`perf stat` on tracepoints, which delays a call by well under a microsecond; with --strace by `strace -c`, which
slows the bridge so much that turns grow, but knows every call by name. Prints a table, or JSON with --json.
"""

import argparse
import collections
import contextlib
import json
import pathlib
import re
import signal
import subprocess
import tempfile
import time

from load import Crowd
from loopback import Sink, prepare
from memory_slope import binaries, peers

TOTAL = "raw_syscalls:sys_enter"
# Those a bridge may make per keystroke; what else there is shows as `other`.
NAMED = [
    "io_uring_enter", "read", "write", "readv", "writev", "recvfrom", "sendto", "recvmsg", "sendmsg",
    "epoll_wait", "epoll_pwait", "futex", "mmap", "munmap", "madvise", "brk", "sched_yield",
]


def counted_by_perf(pid, work):
    events = [TOTAL, *(f"syscalls:sys_enter_{name}" for name in NAMED)]
    with tempfile.NamedTemporaryFile("r") as output:
        command = ["perf", "stat", "-x", ",", "-o", output.name, "-e", ",".join(events), "-p", str(pid)]
        with attached(command):
            work()
        counts = {}
        for line in output.read().splitlines():
            cells = line.split(",")
            if len(cells) > 2 and cells[0].isdigit():
                counts[cells[2].removeprefix("syscalls:sys_enter_")] = int(cells[0])
    if TOTAL not in counts:
        raise SystemExit("perf stat counted nothing: it needs root and tracefs; or use --strace")
    total = counts.pop(TOTAL)
    counts["other"] = total - sum(counts.values())
    return total, counts


def counted_by_strace(pid, work):
    with tempfile.NamedTemporaryFile("r") as output:
        with attached(["strace", "-c", "-f", "-q", "-o", output.name, "-p", str(pid)]):
            work()
        counts = collections.Counter()
        for line in output.read().splitlines():
            row = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
            if row and row[2] != "total":
                counts[row[2]] += int(row[1])
    return sum(counts.values()), dict(counts)


@contextlib.contextmanager
def attached(command):
    """The counter runs while the body does, and writes its output when it is interrupted."""
    counter = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        # It says nothing when it has attached; the typing that follows is longer than that takes.
        time.sleep(0.5)
        yield
    finally:
        counter.send_signal(signal.SIGINT)
        words = counter.communicate(timeout=30)[1]
    if counter.returncode not in (0, -signal.SIGINT, 128 + signal.SIGINT):
        raise SystemExit(f"{command[0]} failed: {words.decode(errors='replace')}")


def measure(bridge, count, sessions, rate, seconds):
    with Crowd(bridge) as crowd:
        crowd.grow(sessions)
        crowd.type_keys(rate, 0.5)
        typed = []
        total, counts = count(bridge.process.pid, lambda: typed.append(crowd.type_keys(rate, seconds)[0].total))
    keys = typed[0]
    shares = {name: round(number / keys, 3) for name, number in counts.items()}
    return {
        "keystrokes": keys,
        "per_keystroke": round(total / keys, 2),
        "by_name": dict(sorted(((n, s) for n, s in shares.items() if s), key=lambda item: -item[1])),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    binaries(parser)
    parser.add_argument("--strace", action="store_true", help="count by strace")
    parser.add_argument("--sessions", type=int, default=100, help="of the busy load")
    parser.add_argument("--rate", type=float, default=20, help="keys a second and session")
    parser.add_argument("--seconds", type=float, default=5, help="length of each run")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    prepare()
    count = counted_by_strace if options.strace else counted_by_perf
    loads = {"one session": 1, f"{options.sessions} sessions": options.sessions}
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        sink = Sink(pathlib.Path(folder))
        try:
            for name, start in peers(options, sink):
                bridge = start()
                try:
                    for load, sessions in loads.items():
                        found = measure(bridge, count, sessions, options.rate, options.seconds)
                        result.setdefault(name, {})[load] = found
                finally:
                    bridge.stop()
        finally:
            sink.stop()
    if options.json:
        print(json.dumps(result, indent=2))
        return
    print(f"| | load, {options.rate:g} keys/s each | calls per keystroke | by name |\n|---|---|---|---|")
    for name, found in result.items():
        for load, row in found.items():
            names = ", ".join(f"{call} {share:g}" for call, share in row["by_name"].items())
            print(f"| {name} | {load} | {row['per_keystroke']} | {names} |")


if __name__ == "__main__":
    main()
