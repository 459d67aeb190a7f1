#!/usr/bin/env python3
"""The first line of the record: sshard beside the OpenSSH client, same minute, same sshd.

    cargo build --release && sudo python3 perf/first_figures.py

Measures (a) the echo round trip of one session, through the bridge and through `ssh -tt`, in turns;
(b) the bridge's memory per idle session; (c) CPU seconds per GiB of output of the bridge and of
`ssh -tt`, in turns. Needs root (it starts an sshd of its own for the account of tests/setup.sh),
nothing but the standard library, and no network but loopback. Prints a table and JSON.
"""

import argparse
import json
import pathlib
import pwd
import resource
import statistics
import tempfile
import time

from loopback import ACCOUNT, ROOT, Bridge, Sshd

ECHO = "stty raw -echo; printf R; exec cat"


def echo(bridge, sshd, rounds, strokes):
    ws = bridge.open(ECHO)
    while ws.recv() != (2, b"R"):
        pass
    ssh = sshd.ssh(ECHO)
    assert ssh.stdout.read(1) == b"R"
    times = {"bridge": [], "ssh": []}
    for _ in range(rounds):
        for _ in range(strokes):
            start = time.perf_counter()
            ws.send(2, b"x")
            while ws.recv() != (2, b"x"):
                pass
            times["bridge"].append(time.perf_counter() - start)
        for _ in range(strokes):
            start = time.perf_counter()
            ssh.stdin.write(b"x")
            ssh.stdin.flush()
            assert ssh.stdout.read(1) == b"x"
            times["ssh"].append(time.perf_counter() - start)
    ssh.kill()
    result = {}
    for who, samples in times.items():
        cuts = statistics.quantiles(samples, n=100)
        result[who] = {"p50_us": round(cuts[49] * 1e6), "p99_us": round(cuts[98] * 1e6)}
    return result


def idle(bridge, count):
    """After the echo and bulk runs the process is warm: what is added is the sessions'."""
    before = bridge.memory()
    held = [bridge.open("exec cat") for _ in range(count)]
    time.sleep(2)
    after = bridge.memory()
    for ws in held:
        ws.sock.close()
    return {f"{name.lower()}_kib": round((after[name] - before[name]) / count, 1) for name in before}


def bulk(bridge, sshd, rounds, mib):
    command = f"stty raw; exec head -c {mib}M /dev/zero"
    cpu = {"bridge": [], "ssh": []}
    for _ in range(rounds):
        before = bridge.cpu()
        ws, got = bridge.open(command), 0
        while True:
            opcode, payload = ws.recv()
            if opcode == 2:
                got += len(payload)
            elif opcode == 8:
                break
        assert got == mib << 20, got
        cpu["bridge"].append((bridge.cpu() - before) * 1024 / mib)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ssh, got = sshd.ssh(command), 0
        while chunk := ssh.stdout.read(256 * 1024):
            got += len(chunk)
        ssh.wait()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert got == mib << 20, got
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        cpu["ssh"].append(used * 1024 / mib)
    ratios = [b / s for b, s in zip(cpu["bridge"], cpu["ssh"])]
    return {
        "bridge_cpu_s_per_gib": round(statistics.median(cpu["bridge"]), 2),
        "ssh_cpu_s_per_gib": round(statistics.median(cpu["ssh"]), 2),
        "ratio_median": round(statistics.median(ratios), 2),
        "ratio_min_max": [round(min(ratios), 2), round(max(ratios), 2)],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default=ROOT / "target/release/sshard")
    parser.add_argument("--sessions", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--strokes", type=int, default=400)
    parser.add_argument("--mib", type=int, default=256)
    options = parser.parse_args()
    pwd.getpwnam(ACCOUNT)
    with tempfile.TemporaryDirectory() as folder:
        sshd = Sshd(pathlib.Path(folder))
        bridge = Bridge(options.binary, sshd)
        try:
            result = {
                "echo": echo(bridge, sshd, options.rounds, options.strokes),
                "bulk": bulk(bridge, sshd, options.rounds, options.mib),
                "idle": idle(bridge, options.sessions),
            }
        finally:
            bridge.process.terminate()
            sshd.process.terminate()
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
