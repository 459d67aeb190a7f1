"""Environment of a measurement, and the folder of its results."""

import contextlib
import csv
import datetime
import os
import pathlib
import platform
import subprocess
import sys

from loopback import ROOT, nofile


def said(*command):
    """First line of a command's output."""
    with contextlib.suppress(OSError, IndexError):
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        return (done.stdout + done.stderr).strip().splitlines()[0]
    return "unknown"


def environment(options):
    """Facts that figures depend on besides the commit, one per line."""
    cpu = next((line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), "unknown")
    facts = {
        "command": " ".join([f"perf/{pathlib.Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": said("git", "describe", "--always", "--dirty", "--abbrev=12"),
        "kernel": platform.release(),
        "cpu": f"{os.cpu_count()} x {cpu}",
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "files_per_process": nofile(),
        "load_at_start": os.getloadavg(),
        "openssh": said("ssh", "-V"),
        "rustc": said("rustc", "-V"),
        "sshard": said(options.programs / "sshard", "--version"),
    }
    return "".join(f"{name}: {value}\n" for name, value in facts.items())


def folder_of(options, more=""):
    """Folder of the results: the given one, or DATE-COMMIT and `more`."""
    if options.output:
        return options.output
    commit = said("git", "rev-parse", "--short=10", "HEAD")
    return ROOT / "perf/results" / f"{datetime.date.today().isoformat()}-{commit}{more}"


def write_csv(path, head, rows):
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)
