#!/usr/bin/env python3
"""Measures the budgets: sshard (A), the plain tokio bridge of perf/control (B) and `ssh` (S), in turns.

    cargo build --release -p sshard -p sshard-control
    sudo python3 perf/budgets.py --rounds 5

Every round of a row runs A B B A (A S B B S A where `ssh` has a part) within a minute or so; its ratio is that
of the means of each. The table has the median of the rounds, and the least and greatest beside it. One shard
against one worker thread. What is compared in each row stands in `ROWS`. Needs root (sshd's account of
tests/setup.sh) and the AsyncSSH of tests/setup.sh. Writes table.md, samples.csv, ratios.svg and
environment.txt to perf/results/DATE-COMMIT, or to --output.
"""

import argparse
import contextlib
import csv
import dataclasses
import datetime
import os
import pathlib
import platform
import pwd
import resource
import statistics
import subprocess
import sys
import tempfile

import memory_slope
from load import Crowd, receive_all
from loopback import ACCOUNT, ROOT, Bridge, Control, Sink, Sshd, prepare
from plot import ratios_svg

A, B, S = "sshard", "control", "ssh"


@dataclasses.dataclass
class Row:
    """One line of the table. `measure(setting, who)` gives figures by name; the names are those of `figures`,
    with the unit, the budget against the control, and that against ssh (must, aim)."""

    what: str
    measure: callable
    who: tuple
    figures: dict


@dataclasses.dataclass
class Setting:
    """What is running."""

    options: argparse.Namespace
    sshd: Sshd
    sink: Sink
    # By server, then by who.
    bridges: dict

    def bridge(self, server, who):
        return self.bridges[server][who]


def typing(rate):
    def measure(setting, who):
        options = setting.options
        bridge = setting.bridge(options.typing_on, who)
        with Crowd(bridge) as crowd:
            crowd.grow(options.typists)
            crowd.type_keys(rate, options.warm_up)
            run, before, after = crowd.type_keys(rate, options.seconds, bridge.cpu)
        found = run.figures()
        return {
            "CPU per keystroke": (after - before) * 1e6 / run.total,
            "echo p50": found["intended_p50"],
            "echo p99": found["intended_p99"],
            "echo p50 from the sending": found["service_p50"],
            "echo p99 from the sending": found["service_p99"],
            "generator late p99": found["late_p99"],
        }

    return measure


def bulk(server, command):
    def measure(setting, who):
        mib = setting.options.mib
        text = command.format(mib=mib)
        if who == S:
            used = ssh_cpu(setting, server, text, mib << 20)
        else:
            bridge = setting.bridge(server, who)
            before = bridge.cpu()
            got = receive_all(bridge, text)
            used = bridge.cpu() - before
            assert got == mib << 20, f"{got} bytes instead of {mib} MiB"
        return {"CPU per GiB": used * 1024 / mib}

    return measure


def ssh_cpu(setting, server, command, expected):
    """CPU seconds of an `ssh` that receives the output of `command`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ssh = getattr(setting, server).ssh(command)
    got = 0
    while chunk := ssh.stdout.read(256 * 1024):
        got += len(chunk)
    ssh.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert got == expected, f"{got} bytes through ssh instead of {expected}"
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def set_up(setting, who):
    """From the TCP connection to `ready` and the first byte of output. The end of the sessions is in no figure."""
    count = setting.options.set_ups
    bridge = setting.bridge("sink", who)
    before = bridge.cpu()
    with Crowd(bridge) as crowd:
        crowd.grow(count)
        used = bridge.cpu() - before
    return {"CPU per set-up": used * 1e6 / count}


ECHO_FIGURES = {
    "echo p50": ("us", (1.0, 0.8), None),
    "echo p99": ("us", (1.0, 0.8), None),
    "echo p50 from the sending": ("us", None, None),
    "echo p99 from the sending": ("us", None, None),
    "generator late p99": ("us", None, None),
}
ROWS = {
    "typing20": Row("{typists} sessions x 20 keys/s", typing(20), (A, B), {
        "CPU per keystroke": ("us", (1.0, 0.8), None), **ECHO_FIGURES}),
    "typing4": Row("{typists} sessions x 4 keys/s", typing(4), (A, B), {
        "CPU per keystroke": ("us", (1.2, 1.0), None), **ECHO_FIGURES}),
    "bulk": Row("output, one session, large packets", bulk("sink", "head {mib}"), (A, B, S), {
        "CPU per GiB": ("s", (0.9, None), (1.0, 0.7))}),
    "pty": Row("output, one session, PTY of sshd", bulk("sshd", "stty raw; exec head -c {mib}M /dev/zero"),
               (A, B, S), {"CPU per GiB": ("s", None, (0.9, 0.6))}),
    "setup": Row("{set_ups} set-ups", set_up, (A, B), {"CPU per set-up": ("us", (1.0, 0.8), None)}),
}
# Measured once for each, by memory_slope.py: memory has no noise that rounds would take out.
SLOPE = "slope"


def rounds_of(setting, key, samples):
    row = ROWS[key]
    order = (A, S, B, B, S, A) if S in row.who else (A, B, B, A)
    for number in range(setting.options.rounds):
        for who in order:
            for figure, value in row.measure(setting, who).items():
                samples.append((key, figure, number, who, value))
        print(f"{key}: round {number + 1} of {setting.options.rounds}", file=sys.stderr)


def by_round(samples, key, figure, who):
    """The mean of each round."""
    rounds = {}
    for row, name, number, whose, value in samples:
        if (row, name, whose) == (key, figure, who):
            rounds.setdefault(number, []).append(value)
    return [statistics.fmean(values) for _, values in sorted(rounds.items())]


def spread(values, digits=2):
    """Median (least to greatest)."""
    if not values:
        return ""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def quotients(ours, theirs):
    return [a / b for a, b in zip(ours, theirs) if b]


def budget(to_control, to_ssh):
    parts = [f"{must} x {whose}{f', aim {aim}' if aim else ''}"
             for pair, whose in ((to_control, "C"), (to_ssh, "S")) if pair for must, aim in [pair]]
    return "; ".join(parts)


def table(setting, samples):
    lines = ["| what | sshard | control | ssh | sshard / control | sshard / ssh | at most |",
             "|---|---|---|---|---|---|---|"]
    ratios = {}
    wanted = [(key, row.what.format(**vars(setting.options)), name, figure)
              for key, row in ROWS.items() for name, figure in row.figures.items()]
    wanted.append((SLOPE, "idle sessions", "Pss per session", ("KiB", (1.0, 0.6), None)))
    wanted.append((SLOPE, "idle sessions", "kernel, machine, per session", ("KiB", None, None)))
    for key, what, name, (unit, to_control, to_ssh) in wanted:
        a, b, s = (by_round(samples, key, name, who) for who in (A, B, S))
        if not a:
            continue
        to_b, to_s = quotients(a, b), quotients(a, s)
        for whose, values in (("control", to_b), ("ssh", to_s)):
            if values and (to_control if whose == "control" else to_ssh):
                ratios[f"{key}: {name} / {whose}"] = values
        lines.append(f"| {what}: {name}, {unit} | {spread(a)} | {spread(b)} | {spread(s)} | {spread(to_b)} | "
                     f"{spread(to_s)} | {budget(to_control, to_ssh)} |")
    return "\n".join(lines) + "\n", ratios


def said(*command):
    """The first line that a command prints."""
    with contextlib.suppress(OSError, IndexError):
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        return (done.stdout + done.stderr).strip().splitlines()[0]
    return "unknown"


def environment(options):
    cpu = next((line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), "unknown")
    facts = {
        "command": " ".join(["perf/budgets.py", *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": said("git", "describe", "--always", "--dirty", "--abbrev=12"),
        "kernel": platform.release(),
        "cpu": f"{os.cpu_count()} x {cpu}",
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "load_at_start": os.getloadavg(),
        "openssh": said("ssh", "-V"),
        "rustc": said("rustc", "-V"),
        "sshard": said(options.binary, "--version"),
    }
    return "".join(f"{name}: {value}\n" for name, value in facts.items())


def folder_of(options):
    if options.output:
        return pathlib.Path(options.output)
    commit = said("git", "rev-parse", "--short=10", "HEAD")
    return ROOT / "perf/results" / f"{datetime.date.today().isoformat()}-{commit}"


def save(options, text, samples, ratios, facts):
    folder = folder_of(options)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "environment.txt").write_text(facts + f"load_at_end: {os.getloadavg()}\n")
    (folder / "table.md").write_text(text)
    with (folder / "samples.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["row", "figure", "round", "who", "value"])
        writer.writerows((*sample[:4], f"{sample[4]:.3f}") for sample in samples)
    (folder / "ratios.svg").write_text(ratios_svg(ratios))
    print(f"written to {folder}", file=sys.stderr)


@contextlib.contextmanager
def running(options, folder):
    """An sshd, a sink, and for each a bridge and a control; all ended with the block."""
    with contextlib.ExitStack() as stack:
        servers, bridges = {}, {}
        for name, start in (("sshd", Sshd), ("sink", Sink)):
            place = folder / name
            place.mkdir(mode=0o755)
            server = servers[name] = start(place)
            stack.callback(server.stop)
            bridges[name] = {A: Bridge(options.binary, server), B: Control(options.control, server)}
            for bridge in bridges[name].values():
                stack.callback(bridge.stop)
        yield Setting(options, servers["sshd"], servers["sink"], bridges)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    memory_slope.binaries(parser)
    add = parser.add_argument
    add("--rows", default=",".join([*ROWS, SLOPE]), help="those to measure, of: %(default)s")
    add("--rounds", type=int, default=5)
    add("--typists", type=int, default=100, help="sessions that type")
    add("--typing-on", choices=["sink", "sshd"], default="sink", help="the server that echoes what is typed")
    add("--seconds", type=float, default=10, help="of typing in each run")
    add("--warm-up", type=float, default=2, help="seconds of typing before each run")
    add("--mib", type=int, default=256, help="output of each run")
    add("--set-ups", type=int, default=200, help="of each run")
    add("--steps", default="0,500,1000,2000", help="numbers of idle sessions for the slope")
    add("--settle", type=float, default=3, help="seconds of rest before memory is read")
    add("--output", help="folder for the results")
    options = parser.parse_args()
    options.rows = options.rows.split(",")
    if unknown := set(options.rows) - {*ROWS, SLOPE}:
        parser.error(f"no such rows: {', '.join(sorted(unknown))}")
    return options


def main():
    options = arguments()
    pwd.getpwnam(ACCOUNT)
    prepare()
    facts, samples = environment(options), []
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        with running(options, pathlib.Path(folder)) as setting:
            for key in (key for key in ROWS if key in options.rows):
                rounds_of(setting, key, samples)
            if SLOPE in options.rows:
                steps = [int(step) for step in options.steps.split(",")]
                for who, found in memory_slope.run(options, steps).items():
                    samples.append((SLOPE, "Pss per session", 0, who, found["pss_kib_per_session"]))
                    kernel = found["kernel_kib_per_session"]
                    samples.append((SLOPE, "kernel, machine, per session", 0, who, kernel))
            text, ratios = table(setting, samples)
    print(text, end="")
    save(options, text, samples, ratios, facts)


if __name__ == "__main__":
    main()
