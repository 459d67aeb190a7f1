"""A row of the table, and the servers that run while it is measured."""

import dataclasses
import pathlib
import typing

from loopback import BRIDGES, Sink, Sshd, usual_sessions

SSHARD, CONTROL, SSH = "sshard", "control", "ssh"
# Server: a sink that is not pinned.
UNPINNED = "unpinned sink"
# Per session, in bridge, generator, sink and kernel together.
KIB_PER_SESSION = 500


@dataclasses.dataclass(frozen=True)
class Budget:
    """`must` and `aim` bound the figure itself, or its ratio to that of `against`; from above, or with
    `least` from below."""

    must: float
    aim: float | None = None
    against: str | None = None
    least: bool = False


@dataclasses.dataclass(frozen=True)
class Figure:
    name: str
    unit: str
    budgets: tuple = ()


@dataclasses.dataclass(frozen=True)
class Row:
    """`measure(setting, who)` gives values by the names of `figures`, for one of `who` at a time. The first
    of `who` is what the budgets are for."""

    name: str
    what: str
    measure: typing.Callable
    who: tuple
    figures: tuple
    # Approximate duration of one full measurement.
    seconds: int
    # More rounds add nothing, or take too long.
    most_rounds: int = 100

    def order(self):
        """A B B A, so that a drift of the machine affects all equally."""
        return self.who if len(self.who) == 1 else self.who + self.who[::-1]

    def rounds(self, wanted):
        return min(wanted, self.most_rounds)


class Setting:
    """Servers, started when a row first needs them, and sizes limited to the machine."""

    def __init__(self, options, folder, stack):
        self.options, self.folder, self.stack = options, folder, stack
        self.servers = {}
        self.row = None
        # Row to the sessions it had and should have had.
        self.shrunk = {}

    def server(self, name):
        if name not in self.servers:
            place = self.folder / name
            place.mkdir(mode=0o755)
            if name == "sshd":
                server = Sshd(place)
            else:
                server = Sink(self.options.programs, place, **({"cpus": None} if name == UNPINNED else {}))
            self.servers[name] = self.stack.enter_context(server)
        return self.servers[name]

    def bridge(self, who=SSHARD, server="sink", **kwargs):
        """Starts a new process for each measurement, so that none inherits memory of another."""
        return BRIDGES[who](self.options.programs, self.server(server), **kwargs)

    def sessions(self, full, quick=5, fit=None):
        """Number of sessions where `full` are wanted; `fit`: number that the bridge admits, if not the default."""
        if self.options.quick:
            return quick
        fit = fit or usual_sessions()
        memory = pathlib.Path("/proc/meminfo").read_text().split("MemAvailable:")[1].split()[0]
        most = min(full, fit, int(memory) // KIB_PER_SESSION, self.options.sessions or full)
        if most < full:
            self.shrunk[self.row] = (most, full)
        return most

    def pick(self, full, quick):
        """Chooses lengths and sizes that do not depend on the machine."""
        return quick if self.options.quick else full
