"""Assignment of CPUs to bridge, sink and generator, by physical cores."""

import dataclasses
import os
import pathlib


@dataclasses.dataclass(frozen=True)
class Ranges:
    """`bridge`: a CPU for each shard, in the order they are taken. `short`: roles that share CPUs for lack of cores, or
    None."""

    bridge: tuple
    sink: tuple
    generator: tuple
    short: str | None

    def text(self):
        names = ("bridge", "sink", "generator")
        said = "; ".join(f"{name} on CPU {','.join(map(str, getattr(self, name)))}" for name in names)
        return said + (f". Too few cores: {self.short}" if self.short else "")


def numbers(text):
    """
    >>> numbers("0-2,8")
    [0, 1, 2, 8]
    """
    parts = [part.split("-") for part in text.strip().split(",")]
    return [cpu for part in parts for cpu in range(int(part[0]), int(part[-1]) + 1)]


def siblings(cpu):
    """Hardware threads of the core of a CPU; the CPU alone where the system does not report them."""
    topology = pathlib.Path(f"/sys/devices/system/cpu/cpu{cpu}/topology")
    for name in ("core_cpus_list", "thread_siblings_list"):
        try:
            return numbers((topology / name).read_text())
        except (OSError, ValueError):
            continue
    return [cpu]


def cores():
    """The CPUs that this process may use, by core."""
    allowed = os.sched_getaffinity(0)
    return sorted({tuple(sorted(allowed.intersection(siblings(cpu)) | {cpu})) for cpu in allowed})


def ranges(of, shards):
    """A core for each shard, of which it has the first hardware thread and nobody the others; the rest of the
    cores for sink and generator, half each.

    >>> eight = [(n, n + 8) for n in range(8)]
    >>> print(ranges(eight, 2).text())
    bridge on CPU 0,1; sink on CPU 2,10,3,11,4,12; generator on CPU 5,13,6,14,7,15
    >>> print(ranges(eight, 7).text())
    bridge on CPU 0,1,2,3,4,5,6; sink on CPU 7; generator on CPU 15. Too few cores: sink and generator share one
    >>> print(ranges([(0,), (1,)], 1).text())
    bridge on CPU 0; sink on CPU 1; generator on CPU 1. Too few cores: sink and generator share one
    >>> print(ranges([(0,), (1,)], 2).text())
    bridge on CPU 0,1; sink on CPU 1; generator on CPU 1. Too few cores: sink and generator are on a shard's CPU
    >>> print(ranges([(0, 1)], 1).text())
    bridge on CPU 0; sink on CPU 1; generator on CPU 1. Too few cores: sink and generator are on the bridge's cores
    """
    if shards > len(of):
        raise SystemExit(f"{shards} shards need as many cores, and this process has {len(of)}")
    bridge, rest = tuple(core[0] for core in of[:shards]), of[shards:]
    if len(rest) > 1:
        half = (len(rest) + 1) // 2
        return Ranges(bridge, sum(rest[:half], ()), sum(rest[half:], ()), None)
    if rest:
        return Ranges(bridge, rest[0][:1], rest[0][-1:], "sink and generator share one")
    if others := sum((core[1:] for core in of), ()):
        return Ranges(bridge, others[:1], others[-1:], "sink and generator are on the bridge's cores")
    return Ranges(bridge, bridge[-1:], bridge[-1:], "sink and generator are on a shard's CPU")
