#!/usr/bin/env python3
"""sshard with 1, 2, 4 ... shards beside the plain tokio bridge of perf/control with as many worker threads.

    cargo build --release --workspace
    python3 perf/scaling.py                # as far as a third of the cores
    python3 perf/scaling.py --most 16

Both are confined to the same cores, one for each shard; the sink has half of the other cores and the generator
the rest, and the output says so where there are too few. At each number, A B B A, each in a process of its own:
set-ups/s of a storm of connections; CPU per key at 20 keys/s of each session; the keys/s at which the echo's p99
reaches --p99, by doubling the distance and then halving it; GiB/s of output in large packets. Each is of so many
sessions per shard. `held by` says what was full when the p99 was above: where it is not the bridge, the figure is
no figure of the bridge's, but a lower bound. Writes scaling.csv, scaling.md, scaling.svg and environment.txt to
perf/results/DATE-COMMIT-scaling, or to --output.
"""

import math
import os
import pathlib
import resource
import statistics
import sys

import generator
from cores import cores, ranges
import loopback
from loopback import BRIDGES, Sink, most_in_sink, nofile, prepare, settings, temporary
from plot import lines_svg
from record import environment, folder_of, write_csv
from table import quotients, spread

KEYS, SET_UPS, OUTPUT = "keys/s", "set-ups/s", "GiB/s"
PER_KEY, PER_SET_UP, PER_GIB = "CPU us per key", "CPU us per set-up", "CPU s per GiB"
MEASURED = (KEYS, PER_KEY, SET_UPS, PER_SET_UP, OUTPUT, PER_GIB)
# Those of the highest rate within the bound; of the lowest above it; what stopped the rate.
SEARCHED = ("echo p99 ms", "echo p99 ms above", "bridge busy %", "sink busy %", "generator busy %", "held by")
# Keys per second and session of the first step, at which both bridges can be compared.
USUAL = 20
STEP = 1.5
# Share of their CPUs at which sink or generator counts as full, averaged over a whole run.
FULL = 80


def search(passes, first, most, least, halvings):
    """The highest rate found that passes and the lowest found that does not, or None for either.

    >>> tried = []
    >>> def below(limit):
    ...     tried.clear()
    ...     return lambda rate: tried.append(round(rate)) or rate < limit
    >>> [round(rate) for rate in search(below(260), 100, 1000, 10, 2)], tried
    ([249, 276], [100, 150, 225, 338, 276, 249])
    >>> [round(rate) for rate in search(below(60), 100, 1000, 10, 0)], tried
    ([44, 67], [100, 67, 44])
    >>> search(below(9999), 100, 200, 10, 2), search(below(0), 100, 200, 50, 2)
    ((150.0, None), (None, 66.66666666666667))
    """
    good = bad = None
    rate = first
    while least <= rate <= most and (good is None or bad is None):
        if passes(rate):
            good, rate = rate, rate * STEP
        else:
            bad, rate = rate, rate / STEP
    for _ in range(halvings if good and bad else 0):
        rate = (good * bad) ** 0.5
        if passes(rate):
            good = rate
        else:
            bad = rate
    return good, bad


class Run:
    """One bridge with that many shards, its sink and its generator."""

    def __init__(self, options, place, sink, bridge, shards):
        self.options, self.place, self.sink, self.bridge, self.shards = options, place, sink, bridge, shards
        self.sessions = sessions(options, shards)
        # Rate of each session to its latest report.
        self.reports = {}

    def load(self, scenario, tolerated=(), **flags):
        """Returns the report, with the CPU shares of sink and generator."""
        cpus = self.place.generator
        before = self.sink.cpu(), of_children()
        flags = {"threads": len(cpus), "open_rate": 200 * self.shards, **flags}
        with generator.under_way(self.bridge, scenario, cpus=cpus, **flags) as load:
            report = load.finish(tolerated)
        used = (self.sink.cpu() - before[0]) / len(self.place.sink), (of_children() - before[1]) / len(cpus)
        return {**report, "busy": [100 * seconds / report["whole_s"] for seconds in used]}

    def passes(self, rate):
        """Tells if the echo stays below the bound at that many keys per second and session."""
        # Of a bridge that is far from keeping up some keys are still without an echo when the run ends.
        report = self.load("typing", ("unanswered", "stuck"), sessions=self.sessions, rate=rate,
                           warm_up=f"{self.options.warm_up}s", duration=f"{self.options.seconds}s")
        self.reports[rate] = report
        return not report["failures"] and p99(report, "latency") <= self.options.p99

    def typed(self):
        """Tries a second time after a miss, so that other load of the machine does not lower the figure."""
        def passes(rate):
            return any(self.passes(rate) for _ in range(self.options.tries))

        reach = STEP ** self.options.steps * 1.01
        good, bad = search(passes, USUAL, USUAL * reach, USUAL / reach, self.options.halvings)
        at, above, usual = (self.reports.get(rate) for rate in (good, bad, USUAL))
        return {
            KEYS: at and at["rate"],
            PER_KEY: usual["bridge"]["cpu_us_per_answer"],
            "echo p99 ms": at and p99(at, "latency"),
            "echo p99 ms above": above and p99(above, "latency"),
            **self.held(above),
        }

    def held(self, report):
        """Names the program without idle CPU at the lowest rate that was too high."""
        if not report:
            return {"held by": "the search's end"}
        sink, load = report["busy"]
        busy = {"bridge busy %": report["bridge"]["cpu_percent"] / self.shards, "sink busy %": sink,
                "generator busy %": load}
        together = self.place.sink == self.place.generator
        if together and sink + load > FULL:
            return {**busy, "held by": "sink and generator"}
        if sink > FULL:
            return {**busy, "held by": "sink"}
        late = p99(report, "lateness") > self.options.p99 / 2
        return {**busy, "held by": "generator" if load > FULL or late else "bridge"}

    def measure(self):
        # All at once, at the rate of the bridge. The first storm also pays for fresh memory.
        for _ in range(2):
            storm = self.load("connect-storm", sessions=self.sessions, rate=1e5)
        typed = self.typed()
        bulk = self.load("bulk-output", sessions=4 * self.shards, mib=self.options.mib)
        return {
            **typed,
            SET_UPS: storm["opened"] / storm["measured_s"], PER_SET_UP: storm["bridge"]["cpu_us_per_answer"],
            OUTPUT: bulk["figures"]["MiB/s"] / 1024, PER_GIB: bulk["bridge"]["cpu_s_per_gib"],
        }


def p99(report, name):
    """Milliseconds; infinite without an answer."""
    return report[name]["p99"] / 1000 if report[name] else math.inf


def of_children():
    """CPU seconds of child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def sessions(options, shards):
    """Sessions per shard, limited by the sink and by open files, five for each at its start."""
    return min(options.sessions * shards, most_in_sink(), (nofile() - 100 - 32 * shards) // 5)


def bridge_of(options, place, sink, who, shards):
    more = {"shards": shards, "cpus": place.bridge[:shards]}
    if who == "sshard":
        # In a storm all sessions are in their start phase at once.
        count = sessions(options, shards) + 50
        limits = settings({"limits.max_unauthenticated": count, "server.max_handshakes": count})
        more = {**more, "sessions": count, "more": limits}
    return BRIDGES[who](options.programs, sink, **more)


def table(samples, options):
    """By figure and number of shards: medians, the ratio of each round's means, and the gain over the
    first number's figure."""
    def runs(who, shards, figure):
        """Round to its values."""
        found = {}
        for sample in samples:
            if (sample["who"], sample["shards"]) == (who, shards) and sample.get(figure) is not None:
                found.setdefault(sample["round"], []).append(sample[figure])
        return found

    def values(who, shards, figure):
        return [value for of_round in runs(who, shards, figure).values() for value in of_round]

    def ratios(shards, figure):
        ours, theirs = ({number: statistics.fmean(of) for number, of in runs(who, shards, figure).items()}
                        for who in BRIDGES)
        both = sorted(ours.keys() & theirs.keys())
        return quotients([ours[number] for number in both], [theirs[number] for number in both])

    def gain(shards, figure):
        pairs = [(values(who, shards, figure), values(who, counts[0], figure)) for who in BRIDGES]
        return " / ".join(f"{statistics.median(now) / statistics.median(one):.2f}" if now and one else "-"
                          for now, one in pairs)

    counts = sorted({sample["shards"] for sample in samples})
    lines = [f"| figure | shards | {' | '.join(BRIDGES)} | ratio | of one shard's, {' / '.join(BRIDGES)} | held by |",
             "|---|---|---|---|---|---|---|"]
    for figure in MEASURED:
        name = f"{figure} at an echo p99 of {options.p99:g} ms" if figure == KEYS else figure
        for shards in counts:
            held = " / ".join(", ".join(sorted(set(values(who, shards, "held by")))) for who in BRIDGES)
            cells = [name, shards, *(spread(values(who, shards, figure)) for who in BRIDGES),
                     spread(ratios(shards, figure)), gain(shards, figure), held if figure == KEYS else ""]
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def save(folder, samples, options, place, facts):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "environment.txt").write_text(facts + f"load_at_end: {os.getloadavg()}\ncpus: {place.text()}\n")
    head = ["shards", "round", "who", *MEASURED, *SEARCHED]
    rows = [[sample.get(name) for name in head] for sample in samples]
    write_csv(folder / "scaling.csv", head,
              [[f"{cell:.4g}" if isinstance(cell, float) else cell for cell in row] for row in rows])
    text = f"{place.text()}.\n\n{table(samples, options)}"
    (folder / "scaling.md").write_text(text)
    panels = {figure: {who: {} for who in BRIDGES} for figure in (KEYS, SET_UPS, OUTPUT, PER_KEY)}
    for sample in samples:
        for figure, lines in panels.items():
            if sample.get(figure) is not None:
                lines[sample["who"]].setdefault(sample["shards"], []).append(sample[figure])
    (folder / "scaling.svg").write_text(lines_svg(panels))
    return text


def arguments(found):
    parser = loopback.arguments(__doc__)
    parser.add_argument("--most", type=int, default=max(1, found // 3), help="most shards")
    parser.add_argument("--rounds", type=int, default=1, help="A B B A rounds per number of shards")
    parser.add_argument("--sessions", type=int, default=250, help="sessions per shard")
    parser.add_argument("--p99", type=float, default=5, help="bound on the echo p99, ms")
    parser.add_argument("--seconds", type=float, default=5, help="seconds of typing at each rate")
    parser.add_argument("--mib", type=int, default=128, help="output of each of 4 sessions a shard")
    parser.add_argument("--output", type=pathlib.Path, help="folder for the results")
    options = parser.parse_args()
    # From the usual rate up and down; then between the last two; at a rate that was too high.
    options.steps, options.halvings, options.tries, options.warm_up = 8, 3, 2, 1
    options.order = (*BRIDGES, *reversed(BRIDGES))
    if options.quick:
        options.rounds, options.sessions, options.seconds, options.mib = 1, 5, 1, 1
        options.steps, options.halvings, options.tries, options.warm_up = 1, 1, 1, 0.2
        options.order, options.most = tuple(BRIDGES), min(2, found)
    return options


def main():
    found = cores()
    options = arguments(len(found))
    counts = [1 << power for power in range(options.most.bit_length())]
    place = ranges(found, counts[-1])
    prepare()
    facts, samples, folder = environment(options), [], folder_of(options, "-scaling")
    print(place.text(), file=sys.stderr)
    with temporary() as place_of_sink, Sink(options.programs, place_of_sink, place.sink) as sink:
        for shards in counts:
            for number, who in enumerate(options.order * options.rounds):
                with bridge_of(options, place, sink, who, shards) as bridge:
                    measured = Run(options, place, sink, bridge, shards).measure()
                samples.append({"shards": shards, "round": number // len(options.order) + 1, "who": who, **measured})
                print(f"{who}, shards {shards}: {measured[KEYS] or 0:.0f} keys/s, held by {measured['held by']}",
                      file=sys.stderr, flush=True)
                # After each number, so that an error in a later one loses nothing.
                text = save(folder, samples, options, place, facts)
    print(text, end="")
    print(f"written to {folder}", file=sys.stderr)


if __name__ == "__main__":
    main()
