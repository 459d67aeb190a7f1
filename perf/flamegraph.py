#!/usr/bin/env python3
"""Flame graph of the CPU time of the bridge under load.

    cargo build --release --workspace
    sudo python3 perf/flamegraph.py --scenario typing --output typing.svg

Samples by `perf record` (Debian: linux-perf) with stacks unwound by DWARF, because release builds have no frame
pointers. Writes the folded stacks (one line each, with a count: what inferno and flamegraph.pl take) beside the
SVG, which needs no other tool: widths are shares of the samples, and pointing at a box shows its name.
"""

import collections
import itertools
import pathlib
import re
import subprocess
import sys
import time
from html import escape

import generator
import loopback
import plot

WIDTH, LINE = 1200, 17
# Boxes narrower than this many pixels are left out.
NARROW = 0.4
SCENARIOS = {
    "typing": {"rate": 20},
    "bulk-output": {"mib": 4096},
    "connect-storm": {"rate": 100},
    "idle-hold": {},
}


def record(options, bridge, data):
    """Records samples while the load runs."""
    flags = dict(SCENARIOS[options.scenario], sessions=options.sessions)
    if options.scenario in ("typing", "idle-hold"):
        flags.update(warm_up="0s", duration=f"{options.seconds + 2}s")
    start = generator.under_way if options.scenario == "connect-storm" else generator.established
    # A load that outlasts the samples need not finish.
    with start(bridge, options.scenario, **flags):
        command = ["perf", "record", "-q", "-F", str(options.frequency), "--call-graph", "dwarf,16384",
                   "-p", str(bridge.process.pid), "-o", data, "--", "sleep", str(options.seconds)]
        if subprocess.run(command).returncode:
            raise SystemExit("perf record failed: it needs root, or kernel.perf_event_paranoid at most 1")


def folded(data):
    """Stacks from the outermost function inwards, with their counts."""
    command = ["perf", "script", "-i", data, "--no-inline", "-F", "comm,ip,sym"]
    script = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace")
    stacks, frames, thread = collections.Counter(), [], ""
    # A blank line ends each stack, and also the last one.
    for line in itertools.chain(script.stdout, [""]):
        line = line.strip()
        if not line:
            if thread:
                stacks[(thread, *reversed(frames))] += 1
            frames, thread = [], ""
        elif not thread:
            thread = line
        else:
            frames.append(plain(line.split(" ", 1)[-1]))
    script.wait()
    return stacks


def plain(symbol):
    """Removes the hash that the compiler adds."""
    return re.sub(r"::h[0-9a-f]{16}$", "", symbol).replace(";", ":")


def svg(stacks, title):
    total = sum(stacks.values())
    boxes, deepest = [], 0

    def place(part, depth, left):
        """Draws a box for each function at this depth, and the boxes above it."""
        nonlocal deepest
        groups = {}
        for stack, count in part:
            if len(stack) > depth:
                groups.setdefault(stack[depth], []).append((stack, count))
        for name, group in sorted(groups.items()):
            count = sum(number for _, number in group)
            width = WIDTH * count / total
            if width >= NARROW:
                deepest = max(deepest, depth)
                boxes.append((name, depth, left, width, count))
                place(group, depth + 1, left)
            left += width

    place(list(stacks.items()), 0, 0)
    height = LINE * (deepest + 3)
    parts = [f'<text x="4" y="{LINE - 4}">{escape(title)}: {total} samples</text>']
    for name, depth, left, width, count in boxes:
        y = height - LINE * (depth + 1)
        # The same name has the same colour.
        hue = sum(map(ord, name)) % 50
        label = escape(name[: int(width / 6.8)]) if width > 30 else ""
        parts.append(f'<g><title>{escape(name)}: {count} ({100 * count / total:.1f} %)</title>'
                     f'<rect x="{left:.1f}" y="{y}" width="{width:.1f}" height="{LINE - 1}" fill="hsl({hue},80%,65%)"/>'
                     f'<text x="{left + 2:.1f}" y="{y + LINE - 5}">{label}</text></g>')
    return plot.svg(WIDTH, height, parts, "monospace", 11)


def arguments():
    parser = loopback.arguments(__doc__)
    parser.add_argument("--scenario", choices=SCENARIOS, default="typing", help="scenario of sshard-load")
    parser.add_argument("--control", action="store_true", help="profile the control instead of sshard")
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10, help="seconds to sample")
    parser.add_argument("--frequency", type=int, default=499, help="samples a second")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("flamegraph.svg"))
    options = parser.parse_args()
    if options.quick:
        options.sessions, options.seconds, options.frequency = 5, 1, 99
    return options


def main():
    options = arguments()
    loopback.prepare()
    # The depth of a stack has no bound.
    sys.setrecursionlimit(10_000)
    who = "control" if options.control else "sshard"
    with loopback.sink(options) as sink, loopback.BRIDGES[who](options.programs, sink) as bridge:
        time.sleep(0.2)
        record(options, bridge, sink.folder / "perf.data")
        stacks = folded(sink.folder / "perf.data")
    if not stacks:
        raise SystemExit("no samples: was there any load?")
    lines = [f"{';'.join(stack)} {count}" for stack, count in sorted(stacks.items())]
    options.output.with_suffix(".folded").write_text("\n".join(lines) + "\n")
    options.output.write_text(svg(stacks, f"{who}, {options.scenario}, {options.sessions} sessions"))
    print(f"{sum(stacks.values())} samples, {options.output} and {options.output.with_suffix('.folded')}")


if __name__ == "__main__":
    main()
