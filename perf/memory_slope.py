#!/usr/bin/env python3
"""Memory per idle session: Pss of sshard and of the control at several numbers of sessions.

    cargo build --release -p sshard -p sshard-control
    python3 perf/memory_slope.py --steps 0,1000,2000,4000,8000

Every session runs an echoing command of sink.py, has echoed one byte, and then does nothing but answer
pings. The slope is by least squares over all steps. What the kernel holds for sockets is taken from
/proc/net/sockstat, apart: it counts the whole machine, both ends of every connection. Needs the AsyncSSH of
tests/setup.sh. Prints a table, or JSON with --json.
"""

import argparse
import json
import pathlib
import sys
import tempfile
import time

from load import Crowd
from loopback import ROOT, Bridge, Control, Sink, prepare

PAGE = 4


def slope(points):
    """Of the least squares line through (x, y) pairs."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


def kernel_kib():
    """KiB the kernel holds for TCP sockets, all of the machine's."""
    line = next(l for l in pathlib.Path("/proc/net/sockstat").read_text().splitlines() if l.startswith("TCP:"))
    words = line.split()
    return int(words[words.index("mem") + 1]) * PAGE


def measure(bridge, steps, settle, say=lambda text: None):
    """Rows of sessions, Pss and kernel memory, in KiB; one more session is open from the start, so that
    what the first one costs alone is in no slope."""
    rows = []
    with Crowd(bridge, parallel=8) as crowd:
        crowd.hold()
        for step in steps:
            crowd.grow(step + 1)
            crowd.pause()
            # One key each, at most 400 a second.
            seconds = max(1, step / 400)
            crowd.type_keys(1 / seconds, seconds)
            crowd.hold()
            time.sleep(settle)
            rows.append({"sessions": step, "pss_kib": bridge.memory()["Pss"], "kernel_kib": kernel_kib()})
            say(f"{rows[-1]}")
        crowd.pause()
        if crowd.lost:
            raise SystemExit(f"{crowd.lost} sessions were lost")
    return {
        "rows": rows,
        "pss_kib_per_session": round(slope([(r["sessions"], r["pss_kib"]) for r in rows]), 2),
        "kernel_kib_per_session": round(slope([(r["sessions"], r["kernel_kib"]) for r in rows]), 2),
    }


def peers(options, server):
    """What is measured, each started when its turn comes."""
    yield "sshard", lambda: Bridge(options.binary, server)
    yield "control", lambda: Control(options.control, server)


def run(options, steps, say=lambda text: None):
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        sink = Sink(pathlib.Path(folder))
        try:
            for name, start in peers(options, sink):
                bridge = start()
                try:
                    say(name)
                    result[name] = measure(bridge, steps, options.settle, say)
                finally:
                    bridge.stop()
        finally:
            sink.stop()
    return result


def binaries(parser):
    """The options every script here has."""
    parser.add_argument("--binary", default=ROOT / "target/release/sshard")
    parser.add_argument("--control", default=ROOT / "target/release/sshard-control")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    binaries(parser)
    parser.add_argument("--steps", default="0,1000,2000,4000,8000", help="numbers of sessions, rising")
    parser.add_argument("--settle", type=float, default=3, help="seconds of rest before memory is read")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    steps = [int(step) for step in options.steps.split(",")]
    prepare()
    result = run(options, steps, lambda text: print(text, file=sys.stderr))
    if options.json:
        print(json.dumps(result, indent=2))
        return
    print("| | " + " | ".join(f"Pss at {step}, MiB" for step in steps) + " | KiB per session | kernel, KiB |")
    print("|---" * (len(steps) + 3) + "|")
    for name, found in result.items():
        cells = " | ".join(f"{row['pss_kib'] / 1024:.1f}" for row in found["rows"])
        print(f"| {name} | {cells} | {found['pss_kib_per_session']} | {found['kernel_kib_per_session']} |")


if __name__ == "__main__":
    main()
