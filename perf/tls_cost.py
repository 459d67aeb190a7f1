#!/usr/bin/env python3
"""Cost of TLS: bridges with and without it, alternating within minutes on one sshd.

    cargo build --release && sudo python3 perf/tls_cost.py

Measures (a) the bridge's CPU (user and system) per connection from accept to `hello` and its end, with a
certificate of each kind, (b) per GiB of output, and (c) its memory per idle session. Needs root and
openssl, and no network but loopback. Prints JSON.
"""

import contextlib
import json
import pwd
import ssl
import statistics
import subprocess
import time

from loopback import ACCOUNT, BINARY, CLOSE, Bridge, Sshd, arguments, temporary

KINDS = {
    "plain": None,
    "ecdsa-p256": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    "rsa-2048": ["-newkey", "rsa:2048"],
}


def bridges(programs, sshd):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for kind, new in KINDS.items():
        if new is None:
            yield kind, Bridge(programs, sshd)
            continue
        cert, key = sshd.folder / f"{kind}.pem", sshd.folder / f"{kind}.key"
        subprocess.run(["openssl", "req", "-x509", "-nodes", "-subj", "/CN=x", *new, "-keyout", key, "-out", cert],
                       check=True, capture_output=True)
        key.chmod(0o600)
        yield kind, Bridge(programs, sshd, ["--tls-cert", cert, "--tls-key", key], context)


def setups(bridge, count):
    before = bridge.cpu()
    for _ in range(count):
        ws = bridge.connect()
        assert b"hello" in ws.recv()[1]
        ws.sock.close()
    time.sleep(0.2)
    return (bridge.cpu() - before) / count * 1e6


def bulk(bridge, mib):
    before = bridge.cpu()
    ws, got = bridge.open(f"stty raw; exec head -c {mib}M /dev/zero"), 0
    while (message := ws.recv())[0] != CLOSE:
        got += len(message[1]) if message[0] == BINARY else 0
    ws.sock.close()
    assert got == mib << 20, got
    return (bridge.cpu() - before) * 1024 / mib


def idle(bridge, count):
    before = bridge.memory()["Pss"]
    held = [bridge.open("exec cat") for _ in range(count)]
    time.sleep(2)
    grown = (bridge.memory()["Pss"] - before) / count
    for ws in held:
        ws.sock.close()
    return grown


def main():
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--setups", type=int, default=1000)
    parser.add_argument("--mib", type=int, default=128)
    parser.add_argument("--idle", type=int, default=200)
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.setups, args.mib, args.idle = 1, 10, 2, 5
    with contextlib.ExitStack() as stack:
        sshd = stack.enter_context(Sshd(stack.enter_context(temporary())))
        running = {kind: stack.enter_context(bridge) for kind, bridge in bridges(args.programs, sshd)}
        result = {kind: {"setup_us": [], "cpu_s_per_gib": []} for kind in running}
        for _ in range(args.rounds):
            for kind, bridge in running.items():
                result[kind]["setup_us"].append(round(setups(bridge, args.setups)))
                if kind != "rsa-2048":
                    result[kind]["cpu_s_per_gib"].append(round(bulk(bridge, args.mib), 2))
        for kind in ("plain", "ecdsa-p256"):
            result[kind]["pss_kib_per_idle"] = round(idle(running[kind], args.idle), 1)
    for kind, figures in result.items():
        for name in ("setup_us", "cpu_s_per_gib"):
            if figures[name]:
                figures[name + "_median"] = statistics.median(figures[name])
        print(kind, json.dumps(figures))


if __name__ == "__main__":
    pwd.getpwnam(ACCOUNT)
    main()
