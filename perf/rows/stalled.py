"""Ctrl-C, and output in flight, with a reader that is slow or has stopped."""

import contextlib
import pathlib
import re
import time

import generator
from loopback import BINARY

from .base import SSHARD, Budget, Figure, Row

CTRL_C = b"\x03"
MARK = re.compile(rb"\r\n\^C at \d+\n")
SECOND = 1_000_000
MBIT = 125_000


def to_remote(setting, who):
    """Returns the worst of all sessions."""
    with setting.bridge(who) as bridge:
        report = generator.run(bridge, "slow-reader", sessions=setting.sessions(10, 2), bytes_per_second=0,
                               warm_up="0s", duration=f"{setting.pick(5, 1)}s")
    return {"Ctrl-C to remote": report["named"]["ctrl-c to remote"]["max"] / SECOND}


def to_silence(setting, who):
    """Returns the worst of several moments: the amount in flight varies with each opening of the SSH window.

    Output in the reader's own buffer cannot be discarded: at 1 Mbit/s each 64 KiB of it are half a second. So
    beside the figure with the system's buffer there is one with a small buffer, as on a slow link, and one with
    the protocol's acknowledgements."""
    return {
        name: worst_silence(setting, who, more)
        for name, more in (
            ("Ctrl-C to silence", {}),
            ("the same, 16 KiB receive buffer", {"receive_buffer": 16 << 10}),
            ("the same, flow_window 32 KiB", {"flow_window": 32 << 10}),
        )
    }


def worst_silence(setting, who, flags):
    """Returns seconds, the worst of readers that type Ctrl-C at different times after their start."""
    moments = setting.pick(range(4000, 6600, 200), (1000, 1100))
    with setting.bridge(who) as bridge, contextlib.ExitStack() as stack:
        readers = [
            stack.enter_context(generator.under_way(
                bridge, "slow-reader", sessions=1, bytes_per_second=setting.pick(MBIT, 40 * MBIT), warm_up="0s",
                duration=f"{moment}ms", **flags))
            for moment in moments
        ]
        reports = [reader.finish() for reader in readers]
    return max(report["named"]["ctrl-c to silence"]["max"] for report in reports) / SECOND


def in_flight(setting, who):
    """A reader stops for good, and types Ctrl-C. What it then reads up to the sink's marker was in flight: in
    the bridge, in the buffers of four sockets, and not more than a packet in the sink."""
    with setting.bridge(who) as bridge:
        ws = bridge.open(username="flood", password="load")
        already = len(ws.buffer)
        time.sleep(setting.pick(10, 1))
        queued = in_kernel(bridge.port, bridge.sshd.port)
        ws.send(BINARY, CTRL_C)
        time.sleep(1)
        output = bytearray()
        while not (mark := MARK.search(output)):
            opcode, payload = ws.recv()
            if opcode == BINARY:
                output += payload
        ws.sock.close()
    return {"bytes in flight": (mark.start() - already) / 1000, "of them in the kernel": queued / 1000}


def in_kernel(*ports):
    """Bytes in the queues of all connections to or from these ports, sent and not yet read."""
    total = 0
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if {int(address.split(":")[1], 16) for address in words[1:3]} & {*ports} and words[3] == "01":
            total += sum(int(queue, 16) for queue in words[4].split(":"))
    return total


ROWS = (
    Row("ctrl-c", "Ctrl-C to the remote, reader stopped", to_remote, (SSHARD,),
        (Figure("Ctrl-C to remote", "s", (Budget(0.2, 0.02),)),), 10),
    Row("silence", "Ctrl-C to silence under a flood, reader at 1 Mbit/s", to_silence, (SSHARD,),
        (Figure("Ctrl-C to silence", "s", (Budget(1.5, 0.5),)), Figure("the same, 16 KiB receive buffer", "s"),
         Figure("the same, flow_window 32 KiB", "s")), 24),
    Row("in-flight", "towards a stalled reader, kernel buffers included", in_flight, (SSHARD,),
        (Figure("bytes in flight", "kB", (Budget(1000, 256),)), Figure("of them in the kernel", "kB")), 14),
)
