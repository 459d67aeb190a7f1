"""Runs `sshard-load`, on the CPU beside the bridge's if not elsewhere, and reads its report."""

import contextlib
import json
import pathlib
import subprocess
import tempfile
import time

from loopback import DEADLINE, LOAD_CPUS, pinned, stop


class Load:
    """One running scenario. `cpus`: CPUs to pin it to, or None; the other keyword arguments are its
    flags."""

    def __init__(self, bridge, scenario, cpus=LOAD_CPUS, **flags):
        self.name = scenario
        self.report = tempfile.NamedTemporaryFile("r", suffix=".json")
        flags = {"url": bridge.url(), "pid": bridge.process.pid, "json": self.report.name, **flags}
        words = [word for name, value in flags.items() for word in (f"--{name.replace('_', '-')}", value)]
        command = pinned(cpus, [bridge.programs / "sshard-load", scenario, "--quiet", *words])
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def finish(self, tolerated=()):
        """Returns the report. A run with failures of other kinds than those tolerated measured something
        else, and ends everything."""
        said = self.process.communicate()[0]
        report = json.loads(pathlib.Path(self.report.name).read_text() or "null")
        self.report.close()
        failed = not report or set(report["failures"]) - set(tolerated)
        if failed or (self.process.returncode and not report["failures"]):
            raise SystemExit(f"sshard-load {self.name} failed ({self.process.returncode}):\n{said}")
        return report


@contextlib.contextmanager
def under_way(bridge, scenario, **flags):
    """Runs the load during a block that reads the bridge; stops it when the block fails."""
    load = Load(bridge, scenario, **flags)
    try:
        yield load
    finally:
        stop(load.process)


def run(bridge, scenario, **flags):
    with under_way(bridge, scenario, **flags) as load:
        return load.finish()


@contextlib.contextmanager
def established(bridge, scenario, sessions, **flags):
    """As `under_way`, from when all of the sessions are there."""
    # Each takes two open files of the bridge.
    wanted = bridge.files() + 2 * sessions
    with under_way(bridge, scenario, sessions=sessions, **flags) as load:
        end = time.monotonic() + DEADLINE
        while bridge.files() < wanted:
            if time.monotonic() > end:
                raise SystemExit(f"{sessions} sessions were not there after {DEADLINE} s")
            time.sleep(0.05)
        yield load
