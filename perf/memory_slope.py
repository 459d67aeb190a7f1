#!/usr/bin/env python3
"""Memory per idle session: Pss of sshard and of the control at several numbers of sessions.

    cargo build --release --workspace
    python3 perf/memory_slope.py --steps 0,1000,2000,4000,8000

Every step is a process of its own. Its sessions have printed 1 KiB, as a shell does that greets, and then do
nothing but answer pings. The slope is by least squares over all steps. What the kernel holds for sockets is
taken from /proc/net/sockstat, apart: it counts the whole machine, both ends of every connection. Prints a
table, or JSON with --json.
"""

import argparse
import json
import pathlib
import sys
import tempfile
import time

import generator
from loopback import Bridge, Control, Sink, prepare, programs

PAGE = 4


def slope(points):
    """Slope of the least squares line through (x, y) pairs."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


def kernel_kib():
    """KiB that the kernel holds for all TCP sockets of the machine."""
    line = next(l for l in pathlib.Path("/proc/net/sockstat").read_text().splitlines() if l.startswith("TCP:"))
    words = line.split()
    return int(words[words.index("mem") + 1]) * PAGE


def at(folder, bridge, count, settle):
    """Memory of a new bridge with that many sessions, in KiB."""
    def look():
        time.sleep(settle)
        return {"sessions": count, "pss_kib": bridge.memory()["Pss"], "kernel_kib": kernel_kib()}

    if not count:
        return look()
    before = bridge.files()
    hold = generator.under_way(folder, bridge, "idle-hold", user="burst-1", sessions=count, warm_up="0s",
                               duration=f"{2 * settle + 1}s")
    with hold as load:
        generator.wait_for_sessions(bridge, before, count)
        found = look()
        load.finish()
    return found


def slopes(rows):
    return {
        "rows": rows,
        "pss_kib_per_session": round(slope([(r["sessions"], r["pss_kib"]) for r in rows]), 2),
        "kernel_kib_per_session": round(slope([(r["sessions"], r["kernel_kib"]) for r in rows]), 2),
    }


def run(options, steps):
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        sink = Sink(options.programs, pathlib.Path(folder))
        try:
            for name, start in (("sshard", Bridge), ("control", Control)):
                rows = []
                for step in steps:
                    bridge = start(options.programs, sink)
                    try:
                        rows.append(at(options.programs, bridge, step, options.settle))
                    finally:
                        bridge.stop()
                    print(f"{name}: {rows[-1]}", file=sys.stderr)
                result[name] = slopes(rows)
        finally:
            sink.stop()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    programs(parser)
    parser.add_argument("--steps", default="0,1000,2000,4000,8000", help="numbers of sessions, rising")
    parser.add_argument("--settle", type=float, default=3, help="seconds of rest before memory is read")
    parser.add_argument("--quick", action="store_true", help="see in seconds that it works; figures mean nothing")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    if options.quick:
        options.steps, options.settle = "0,5,10", 0.5
    steps = [int(step) for step in options.steps.split(",")]
    prepare()
    result = run(options, steps)
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
