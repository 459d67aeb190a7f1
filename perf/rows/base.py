"""What a row of the table is, and what is running while it is measured."""

import contextlib
import dataclasses
import pathlib
import typing

import generator
from loopback import Bridge, Control, Sink, Sshd, usual_sessions

SSHARD, CONTROL, SSH = "sshard", "control", "ssh"
# The server that is a sink on no CPU in particular.
UNPINNED = "unpinned sink"
# For one session, all in all: bridge, generator, sink, and the kernel's part.
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
    # Of one measurement in full, about.
    seconds: int
    # More tell no more, or take too long.
    most_rounds: int = 100

    def order(self):
        """A B B A, so that a drift of the machine falls on all alike."""
        return self.who if len(self.who) == 1 else self.who + self.who[::-1]

    def rounds(self, wanted):
        return min(wanted, self.most_rounds)


class Setting:
    """Servers that are started when a row first needs them, and sizes cut to the machine."""

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
            self.servers[name] = server
            self.stack.callback(server.stop)
        return self.servers[name]

    @contextlib.contextmanager
    def bridge(self, who=SSHARD, server="sink", **kwargs):
        """A new process for each measurement: none begins with what another left in memory."""
        start = Control if who == CONTROL else Bridge
        bridge = start(self.options.programs, self.server(server), **kwargs)
        try:
            yield bridge
        finally:
            bridge.stop()

    def load(self, bridge, scenario, **flags):
        return generator.run(self.options.programs, bridge, scenario, **flags)

    def under_way(self, bridge, scenario, **flags):
        return generator.under_way(self.options.programs, bridge, scenario, **flags)

    def sessions(self, full, quick=5, fit=None):
        """How many to have where `full` are wanted; `fit`: what the bridge admits, if not the usual."""
        if self.options.quick:
            return quick
        fit = fit or usual_sessions()
        memory = pathlib.Path("/proc/meminfo").read_text().split("MemAvailable:")[1].split()[0]
        most = min(full, fit, int(memory) // KIB_PER_SESSION, self.options.sessions or full)
        if most < full:
            self.shrunk[self.row] = (most, full)
        return most

    def pick(self, full, quick):
        """Of lengths and sizes that the machine does not bound."""
        return quick if self.options.quick else full
