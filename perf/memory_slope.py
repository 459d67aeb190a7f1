#!/usr/bin/env python3
"""Memory per idle session: Pss of sshard and of the control at several numbers of sessions.

    cargo build --release --workspace
    python3 perf/memory_slope.py --steps 0,1000,2000,4000,8000

Every step is a process of its own. Its sessions have printed 1 KiB, as a shell does that greets, and then do
nothing but answer pings. The slope is by least squares over all steps. What the kernel holds for sockets is
taken from /proc/net/sockstat, apart: it counts the whole machine, both ends of every connection. Prints a
table, or JSON with --json.
"""

import json
import pathlib
import sys
import time

import generator
import loopback

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


def at(bridge, count, settle):
    """Memory of a new bridge with that many sessions, in KiB."""
    def look():
        time.sleep(settle)
        return {"sessions": count, "pss_kib": bridge.memory()["Pss"], "kernel_kib": kernel_kib()}

    if not count:
        return look()
    hold = generator.established(bridge, "idle-hold", count, user="burst-1", warm_up="0s",
                                 duration=f"{2 * settle + 1}s")
    with hold as load:
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
    with loopback.sink(options) as sink:
        for name, start in loopback.BRIDGES.items():
            rows = []
            for step in steps:
                with start(options.programs, sink) as bridge:
                    rows.append(at(bridge, step, options.settle))
                print(f"{name}: {rows[-1]}", file=sys.stderr)
            result[name] = slopes(rows)
    return result


def main():
    parser = loopback.arguments(__doc__)
    parser.add_argument("--steps", default="0,1000,2000,4000,8000", help="numbers of sessions, rising")
    parser.add_argument("--settle", type=float, default=3, help="seconds of rest before memory is read")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    if options.quick:
        options.steps, options.settle = "0,5,10", 0.5
    steps = [int(step) for step in options.steps.split(",")]
    loopback.prepare()
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
