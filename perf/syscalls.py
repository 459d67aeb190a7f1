#!/usr/bin/env python3
"""System calls per keystroke and echo, of sshard and of the control.

    cargo build --release --workspace
    sudo python3 perf/syscalls.py

Two loads: one session, whose every key is a tick of its own, and many, whose keys share ticks; the keys are
evenly spread, and counted is a window in the middle of the typing. Counted by `perf stat` on tracepoints, which
delays a call by well under a microsecond; with --strace by `strace -c`, which slows the bridge so much that ticks
grow, but knows every call by name. Prints a table, or JSON with --json.
"""

import collections
import json
import re
import signal
import subprocess
import sys
import tempfile
import time

import generator
import loopback

TOTAL = "raw_syscalls:sys_enter"
# Calls of a bridge per keystroke; all others are summed as `other`.
NAMED = [
    "io_uring_enter", "read", "write", "readv", "writev", "recvfrom", "sendto", "recvmsg", "sendmsg",
    "epoll_wait", "epoll_pwait", "futex", "mmap", "munmap", "madvise", "brk", "sched_yield",
]
# Typing covers more than the measured window, because a counter may take long to attach.
MARGIN = 2


def counted_by_perf(pid, seconds):
    events = ",".join([TOTAL, *(f"syscalls:sys_enter_{name}" for name in NAMED)])
    with tempfile.NamedTemporaryFile("r") as output:
        # It counts from when all is attached, which takes long, until its command ends.
        command = ["perf", "stat", "-x", ",", "-o", output.name, "-e", events, "-p", str(pid)]
        subprocess.run([*command, "--", "sleep", str(seconds)], check=True, stdout=subprocess.DEVNULL)
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


def counted_by_strace(pid, seconds):
    with tempfile.NamedTemporaryFile("r") as output:
        traced(["strace", "-c", "-f", "-q", "-o", output.name, "-p", str(pid)], seconds)
        counts = collections.Counter()
        for line in output.read().splitlines():
            row = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
            if row and row[2] != "total":
                counts[row[2]] += int(row[1])
    return sum(counts.values()), dict(counts)


def traced(command, seconds):
    """Runs the tracer for the given time; it writes its output when interrupted."""
    tracer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        time.sleep(seconds)
    finally:
        tracer.send_signal(signal.SIGINT)
        words = tracer.communicate(timeout=30)[1]
    if tracer.returncode not in (0, -signal.SIGINT, 128 + signal.SIGINT):
        raise SystemExit(f"{command[0]} failed: {words.decode(errors='replace')}")


def measure(options, bridge, count, sessions):
    typing = generator.established(
        bridge, "typing", sessions, rate=options.rate, arrival="constant",
        warm_up=f"{MARGIN}s", duration=f"{options.seconds + MARGIN}s")
    with typing as load:
        time.sleep(1)
        total, counts = count(bridge.process.pid, options.seconds)
        load.finish()
    keys = sessions * options.rate * options.seconds
    shares = {name: round(number / keys, 3) for name, number in counts.items()}
    return {
        "keystrokes": round(keys),
        "per_keystroke": round(total / keys, 2),
        "by_name": dict(sorted(((n, s) for n, s in shares.items() if s), key=lambda item: -item[1])),
    }


def arguments():
    parser = loopback.arguments(__doc__)
    parser.add_argument("--strace", action="store_true", help="count by strace")
    parser.add_argument("--sessions", type=int, default=100, help="of the busy load")
    parser.add_argument("--rate", type=float, default=20, help="keys a second and session")
    parser.add_argument("--seconds", type=float, default=5, help="length of each run")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    if options.quick:
        options.sessions, options.seconds = 5, 1
    return options


def main():
    options = arguments()
    loopback.prepare()
    count = counted_by_strace if options.strace else counted_by_perf
    loads = {"one session": 1, f"{options.sessions} sessions": options.sessions}
    result = {}
    with loopback.sink(options) as sink:
        for name, start in loopback.BRIDGES.items():
            with start(options.programs, sink) as bridge:
                result[name] = {load: measure(options, bridge, count, sessions) for load, sessions in loads.items()}
    if options.json:
        json.dump(result, sys.stdout, indent=2)
        print()
        return
    print(f"| | load, {options.rate:g} keys/s each | calls per keystroke | by name |\n|---|---|---|---|")
    for name, found in result.items():
        for load, row in found.items():
            names = ", ".join(f"{call} {share:g}" for call, share in row["by_name"].items())
            print(f"| {name} | {load} | {row['per_keystroke']} | {names} |")


if __name__ == "__main__":
    main()
