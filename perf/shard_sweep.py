#!/usr/bin/env python3
"""The bridge with 1..N shards: set-ups, echo and output at each number.

    cargo build --release --workspace
    python3 perf/shard_sweep.py

Shard n is pinned to CPU n; the generator and the sink have the machine's last CPU, and share it with a shard
when there are as many shards as CPUs: on a small machine the last line is then of three programs, not of one.
Writes a table, and with --csv the same as CSV.
"""

import argparse
import csv
import os
import pathlib
import tempfile

import generator
from loopback import Bridge, Sink, prepare, programs

COLUMNS = ("shards", "round", "sessions/s", "CPU us per set-up", "echo p50 ms", "echo p99 ms", "CPU us per key",
           "MiB/s", "CPU s per GiB")


def measure(options, sink, shards):
    bridge = Bridge(options.programs, sink, shards=shards)
    try:
        def load(scenario, **flags):
            return generator.run(options.programs, bridge, scenario, **flags)

        # All at once: as many a second as the bridge can.
        storm = load("connect-storm", sessions=options.sessions, rate=1e5)
        typing = load("typing", sessions=options.sessions, rate=10, warm_up="1s", duration=f"{options.seconds}s")
        bulk = load("bulk-output", sessions=4 * shards, mib=options.mib)
    finally:
        bridge.stop()
    return (
        storm["opened"] / storm["measured_s"], storm["bridge"]["cpu_us_per_answer"],
        typing["latency"]["p50"] / 1000, typing["latency"]["p99"] / 1000, typing["bridge"]["cpu_us_per_answer"],
        bulk["figures"]["MiB/s"], bulk["bridge"]["cpu_s_per_gib"],
    )


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    programs(parser)
    parser.add_argument("--most", type=int, default=len(os.sched_getaffinity(0)), help="shards")
    parser.add_argument("--rounds", type=int, default=3, help="up and down in turns")
    parser.add_argument("--sessions", type=int, default=200, help="that open at once, and type")
    parser.add_argument("--seconds", type=float, default=5, help="of typing")
    parser.add_argument("--mib", type=int, default=64, help="output of each of 4 sessions a shard")
    parser.add_argument("--csv", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true", help="see in seconds that it works; figures mean nothing")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.sessions, options.seconds, options.mib = 1, 5, 1, 1
    return options


def main():
    options = arguments()
    prepare()
    rows = []
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|")
    with tempfile.TemporaryDirectory() as folder:
        sink = Sink(options.programs, pathlib.Path(folder))
        try:
            for number in range(options.rounds):
                order = range(1, options.most + 1)
                for shards in order if number % 2 == 0 else reversed(order):
                    rows.append((shards, number + 1, *measure(options, sink, shards)))
                    print("| " + " | ".join(f"{cell:.4g}" for cell in rows[-1]) + " |", flush=True)
        finally:
            sink.stop()
    if options.csv:
        with options.csv.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(rows)


if __name__ == "__main__":
    main()
