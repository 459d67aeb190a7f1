#!/usr/bin/env python3
"""Measures the budgets: sshard, alternating with the plain tokio bridge of perf/control and with `ssh`.

    cargo build --release --workspace
    sudo python3 perf/budgets.py                  # every row
    python3 perf/budgets.py --row typing20        # one; --list names them and how long they take

A round of a row runs A B B A within minutes (A alone where there is nothing to compare with), each in a
process of its own. The table has the median, least and greatest of the rounds; ratios are of one round's means.
One shard against one worker thread on the first CPU; sink (`sshard-load sink`) and generator (`sshard-load`) on
the last. The row `pty` needs root, for sshd and its account of tests/setup.sh.
Writes table.md, samples.csv, ratios.svg and environment.txt to perf/results/DATE-COMMIT, or to --output.
"""

import contextlib
import os
import pathlib
import sys
import time

import loopback
from plot import ratios_svg
from record import environment, folder_of, write_csv
from rows import ROWS, Setting
from table import Table


def measure(setting, row, rounds):
    """Returns all samples: row, figure, round, who, value."""
    setting.row = row.name
    samples = []
    for number in range(rounds):
        began = time.monotonic()
        for who in row.order():
            for figure, value in row.measure(setting, who).items():
                samples.append((row.name, figure, number, who, value))
        took = time.monotonic() - began
        print(f"{row.name}: round {number + 1} of {rounds}, {took:.0f} s", file=sys.stderr, flush=True)
    return samples


def save(folder, table, samples, facts):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "environment.txt").write_text(facts + f"load_at_end: {os.getloadavg()}\n")
    (folder / "table.md").write_text(table.text())
    write_csv(folder / "samples.csv", ["row", "figure", "round", "who", "value"],
              [(*sample[:4], f"{sample[4]:.3f}") for sample in samples])
    (folder / "ratios.svg").write_text(ratios_svg(table.ratios))


def cost(row, options):
    """Returns the seconds that a full run of the row takes."""
    return row.seconds * len(row.order()) * row.rounds(options.rounds)


def arguments():
    parser = loopback.arguments(__doc__)
    parser.add_argument("--row", action="append", choices=ROWS, metavar="NAME", help="row, repeatable; default: all")
    parser.add_argument("--list", action="store_true", help="name the rows and how long each takes")
    parser.add_argument("--rounds", type=int, default=5, help="rounds; some long rows have fewer")
    parser.add_argument("--sessions", type=int, help="most sessions in any row")
    parser.add_argument("--output", type=pathlib.Path, help="folder for the results")
    options = parser.parse_args()
    if options.quick:
        options.rounds = 1
    return options


def main():
    options = arguments()
    chosen = [row for name, row in ROWS.items() if not options.row or name in options.row]
    if options.list:
        for row in chosen:
            print(f"{row.name:14}{cost(row, options) / 60:6.1f} min  {row.what}")
        print(f"{'':14}{sum(cost(row, options) for row in chosen) / 60:6.1f} min")
        return
    loopback.prepare()
    facts, samples = environment(options), []
    folder = folder_of(options)
    with contextlib.ExitStack() as stack:
        setting = Setting(options, stack.enter_context(loopback.temporary()), stack)
        table = Table(samples, setting.shrunk, options.quick)
        for row in chosen:
            samples += measure(setting, row, row.rounds(options.rounds))
            table.add(row)
            # After each row, so that an error in a later one loses nothing.
            save(folder, table, samples, facts)
    print(table.text(), end="")
    print(f"written to {folder}", file=sys.stderr)


if __name__ == "__main__":
    main()
