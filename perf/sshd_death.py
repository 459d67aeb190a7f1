#!/usr/bin/env python3
"""Time from the death of a target's sshd until its last client is notified.

    cargo build --release && sudo python3 perf/sshd_death.py --sessions 1000

Opens the sessions through a bridge with one shard, kills sshd and everything below it with SIGKILL,
and takes the time from just before the first kill to each client's close frame, which must be 4503.
The time the kernel needs to end the processes is in it; it is printed apart.
"""

import json
import os
import pathlib
import pwd
import selectors
import signal
import statistics
import struct
import time

from loopback import ACCOUNT, CLOSE, Bridge, Sshd, arguments, prepare, temporary


def descendants(ancestor):
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
    family = [ancestor]
    for pid in family:
        family += [child for child, parent in parents.items() if parent == pid]
    return family[1:]


def kill(sshd):
    os.kill(sshd.process.pid, signal.SIGSTOP)
    for pid in descendants(sshd.process.pid) + [sshd.process.pid]:
        os.kill(pid, signal.SIGKILL)
    sshd.process.wait()


def measure(bridge, sshd, count):
    clients = [bridge.open("exec sleep 1000") for _ in range(count)]
    watch = selectors.DefaultSelector()
    for ws in clients:
        watch.register(ws.sock, selectors.EVENT_READ, ws)
    start = time.perf_counter()
    kill(sshd)
    killed = time.perf_counter() - start
    told = []
    while len(told) < count:
        ready = watch.select(timeout=60)
        assert ready, f"{count - len(told)} clients were not told within 60 s"
        for key, _ in ready:
            # Output, the `error` text, the close frame: all of it is on its way by now.
            while (message := key.data.recv())[0] != CLOSE:
                pass
            told.append(time.perf_counter() - start)
            assert struct.unpack("!H", message[1][:2])[0] == 4503, message
            watch.unregister(key.fileobj)
    return {
        "sessions": count,
        "killing_took_s": round(killed, 3),
        "first_told_s": round(min(told), 3),
        "median_told_s": round(statistics.median(told), 3),
        "last_told_s": round(max(told), 3),
    }


def main():
    parser = arguments(__doc__)
    parser.add_argument("--sessions", type=int, default=1000)
    options = parser.parse_args()
    if options.quick:
        options.sessions = 5
    prepare()
    pwd.getpwnam(ACCOUNT)
    with temporary() as folder, Sshd(folder) as sshd, Bridge(options.programs, sshd) as bridge:
        print(json.dumps(measure(bridge, sshd, options.sessions), indent=2))


if __name__ == "__main__":
    main()
