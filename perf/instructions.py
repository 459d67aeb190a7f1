#!/usr/bin/env python3
"""Instructions per step of each pure part of a session, counted by valgrind's callgrind.

    cargo bench --no-run --bench instructions && python3 perf/instructions.py

Each part runs twice, with few and with many steps; the difference, divided by the steps between, has the
start of the program in it no more. The figure does not depend on what else the machine does, so two commits
can be compared by it: write one run with --json FILE, and give it to the next with --compare FILE.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys

from loopback import ROOT

FEW = 100


def built():
    """Path of the newest build of the bench."""
    command = ["cargo", "bench", "--no-run", "--bench", "instructions", "--message-format=json"]
    lines = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    for message in map(json.loads, lines):
        if message.get("executable") and message["target"]["name"] == "instructions":
            return message["executable"]
    raise SystemExit("cargo named no executable")


def count(binary, part, steps):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", binary, part, str(steps)]
    done = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"Collected\s*:\s*(\d+)", done.stderr)
    if done.returncode or not found:
        raise SystemExit(f"{part}: valgrind failed\n{done.stderr}")
    return int(found[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", help="the bench `instructions`; without it cargo builds it")
    parser.add_argument("--steps", type=int, default=1000, help="steps that are counted")
    parser.add_argument("--quick", action="store_true", help="see in seconds that it works; figures mean little")
    parser.add_argument("--only", default="", help="parts whose name has this in it")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures to this file as well")
    parser.add_argument("--compare", type=pathlib.Path, help="figures of an earlier run, written by --json")
    options = parser.parse_args()
    if options.quick:
        options.steps = 10
    if not shutil.which("valgrind"):
        sys.exit("valgrind is missing: install the package of that name")
    binary = options.binary or built()
    names = subprocess.run([binary, "list"], check=True, capture_output=True, text=True).stdout.splitlines()
    before = json.loads(options.compare.read_text()) if options.compare else {}
    figures = {}
    print("| part | instructions per step |" + (" before | change |" if before else ""))
    print("|---|---|" + ("---|---|" if before else ""))
    for part in (name for name in names if options.only in name):
        many = count(binary, part, FEW + options.steps)
        figures[part] = round((many - count(binary, part, FEW)) / options.steps, 1)
        line = f"| {part} | {figures[part]:,.0f} |"
        if before:
            old = before.get(part)
            line += f" {old:,.0f} | {(figures[part] / old - 1) * 100:+.1f} % |" if old else " | new |"
        print(line, flush=True)
    if not figures:
        sys.exit("no part has that name")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
