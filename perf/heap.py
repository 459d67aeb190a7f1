#!/usr/bin/env python3
"""Heap of an idle session, by the functions that allocated it.

    cargo build --release --workspace
    python3 perf/heap.py

Runs the bridge under heaptrack (Debian: heaptrack; valgrind knows no io_uring) twice, with few and with many idle
sessions that have printed 1 KiB. The difference of the peaks over that of the sessions is the heap per session,
in all and for each place, largest first; what the process has once is thereby left out. What the allocator keeps
for itself, stacks and the kernel are not in it: `memory_slope.py` has the whole.
"""

import collections
import pathlib
import re
import shutil
import subprocess
import sys
import time

import generator
import loopback

LIBRARY = pathlib.Path("/usr/lib/heaptrack")
# KiB; smaller places are left out.
LEAST = 0.05
ESCAPES = {"$LT$": "<", "LT$": "<", "$GT$": ">", "$u20$": " ", "$u7b$": "{", "$u7d$": "}", "$C$": ",", "$RF$": "&",
           "..": "::"}


def run(options, sink, count):
    """Folded stacks at the peak, with their bytes, of a bridge with that many sessions."""
    raw, data, stacks = (sink.folder / f"{count}.{kind}" for kind in ("raw", "heaptrack", "folded"))
    # The preloaded library writes by itself, and the program keeps its process number.
    under = ["env", f"LD_PRELOAD={LIBRARY}/libheaptrack_preload.so", f"DUMP_HEAPTRACK_OUTPUT={raw}"]
    with loopback.BRIDGES["control" if options.control else "sshard"](options.programs, sink, under=under) as bridge:
        hold = generator.established(bridge, "idle-hold", count, user="burst-1", open_rate=50,
                                     warm_up="0s", duration=f"{options.settle}s")
        with hold as load:
            load.finish()
        time.sleep(0.5)
    with raw.open("rb") as source, data.open("wb") as target:
        subprocess.run([LIBRARY / "libexec/heaptrack_interpret"], stdin=source, stdout=target, check=True,
                       stderr=subprocess.DEVNULL)
    command = ["heaptrack_print", "--print-leaks", "0", "--print-allocators", "0", "--print-temporary", "0",
               "--print-peaks", "0", "-F", stacks, "--flamegraph-cost-type", "peak", "-f", data]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return stacks.read_text()


def places(text):
    """Bytes at the peak by allocating function. heaptrack's own summary merges different ones."""
    found = collections.Counter()
    for line in text.splitlines():
        stack, _, used = line.rpartition(" ")
        names = [readable(name.strip()) for name in reversed(stack.split(";"))]
        found[where(names)] += int(used)
    if not found:
        raise SystemExit(f"heaptrack_print is not understood:\n{text[:2000]}")
    return found


def readable(name):
    """Demangles a legacy Rust symbol that heaptrack leaves half mangled, and drops its file."""
    name = re.sub(r"::h[0-9a-f]{16}( \(.*\))?$", "", name).removeprefix("_$")
    for code, text in ESCAPES.items():
        name = name.replace(code, text)
    return name.removeprefix("_")


def where(names):
    """The allocating function, and the first caller outside of general libraries."""
    plumbing = ("alloc::", "<alloc::", "core::", "<core::", "std::", "<std::", "hashbrown::", "bytes::", "__rust",
                "<T as ", "RNv", "RINv", "malloc", "calloc", "realloc", "posix_memalign")
    telling = [name for name in names if name and not name.startswith(plumbing)]
    return " < ".join((telling or names)[:2])


def arguments():
    parser = loopback.arguments(__doc__)
    parser.add_argument("--few", type=int, default=20)
    parser.add_argument("--many", type=int, default=220)
    parser.add_argument("--settle", type=float, default=3, help="seconds that the sessions are held")
    parser.add_argument("--control", action="store_true", help="profile the control instead of sshard")
    options = parser.parse_args()
    if options.quick:
        options.few, options.many, options.settle = 2, 6, 0.5
    if not shutil.which("heaptrack_print"):
        sys.exit("heaptrack is missing: install the package of that name")
    return options


def main():
    options = arguments()
    loopback.prepare()
    with loopback.sink(options) as sink:
        few, many = (run(options, sink, count) for count in (options.few, options.many))
    kib = 1024 * (options.many - options.few)
    grown = places(many)
    grown.subtract(places(few))
    print(f"heap per idle session: {sum(grown.values()) / kib:.1f} KiB\n\n| KiB per session | where |\n|---|---|")
    for place, used in grown.most_common():
        if used / kib >= LEAST:
            print(f"| {used / kib:.2f} | `{place}` |")


if __name__ == "__main__":
    main()
