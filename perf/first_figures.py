#!/usr/bin/env python3
"""The first line of the record: sshard beside the OpenSSH client, same minute, same sshd.

    cargo build --release && sudo python3 perf/first_figures.py

Measures (a) the echo round trip of one session, through the bridge and through `ssh -tt`, in turns;
(b) the bridge's memory per idle session; (c) CPU seconds per GiB of output of the bridge and of
`ssh -tt`, in turns. Needs root (it starts an sshd of its own for the account of tests/setup.sh),
nothing but the standard library, and no network but loopback. Prints a table and JSON.
"""

import argparse
import base64
import json
import os
import pathlib
import pwd
import resource
import shutil
import socket
import statistics
import struct
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ACCOUNT = "sshard-test"
DEADLINE = 120


class WebSocket:
    """The least of RFC 6455 that a measurement needs."""

    def __init__(self, port, path):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        self.sock.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: sshard.v1\r\n\r\n".encode()
        )
        self.file = self.sock.makefile("rb", buffering=256 * 1024)
        status = self.file.readline()
        assert b" 101 " in status, status
        while self.file.readline() not in (b"\r\n", b""):
            pass

    def send(self, opcode, payload):
        mask = os.urandom(4)
        masked = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
        size = len(payload)
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size) if size < 126 else struct.pack(
            "!BBH", 0x80 | opcode, 0x80 | 126, size
        )
        self.sock.sendall(head + mask + masked)

    def recv(self):
        first, second = self.file.read(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self.file.read(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self.file.read(8))
        return first & 0x0F, self.file.read(size)


class Sshd:
    def __init__(self, folder):
        self.folder = folder
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "host"], check=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "user"], check=True)
        shutil.copy(folder / "user.pub", folder / "authorized")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        (folder / "config").write_text(
            f"ListenAddress 127.0.0.1:{self.port}\nHostKey {folder}/host\nPidFile none\nStrictModes no\n"
            f"AuthorizedKeysFile {folder}/authorized\nPasswordAuthentication no\nUsePAM no\nPrintMotd no\n"
            "MaxStartups 2000\nPrintLastLog no\n"
        )
        folder.chmod(0o755)
        (folder / "authorized").chmod(0o644)
        self.process = subprocess.Popen(
            ["/usr/sbin/sshd", "-D", "-f", folder / "config", "-E", folder / "sshd.log"]
        )
        key = (folder / "host.pub").read_text().split()
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {key[0]} {key[1]}\n")
        wait_for_port(self.port)

    def ssh(self, command, **kwargs):
        return subprocess.Popen(
            ["ssh", "-tt", "-q", "-F", "none", "-i", self.folder / "user", "-p", str(self.port),
             "-c", "aes256-gcm@openssh.com", "-o", f"UserKnownHostsFile={self.folder}/known_hosts",
             f"{ACCOUNT}@127.0.0.1", command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, **kwargs,
        )


class Bridge:
    def __init__(self, binary, sshd):
        self.sshd = sshd
        self.process = subprocess.Popen(
            [binary, "serve", "--listen", "127.0.0.1:0", "--shards", "1", "--allow",
             f"127.0.0.1:{sshd.port}", "--set", f"ssh.known_hosts={sshd.folder}/known_hosts",
             "--set", "limits.max_connections_per_host=1000", "--log-level", "warn"],
            stdout=subprocess.PIPE,
        )
        self.port = int(self.process.stdout.readline().rsplit(b":", 1)[1])

    def open(self, command):
        ws = WebSocket(self.port, f"/ws/127.0.0.1/{self.sshd.port}")
        key = (self.sshd.folder / "user").read_text()
        auth = {"type": "auth", "username": ACCOUNT, "private_key": key, "command": command}
        ws.send(1, json.dumps(auth).encode())
        while True:
            opcode, payload = ws.recv()
            if opcode == 1:
                message = json.loads(payload)
                if message["type"] == "ready":
                    return ws
                assert message["type"] in ("hello", "banner"), message

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        rollup = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        rows = dict(line.split(":") for line in rollup.splitlines()[1:])
        return {name: int(rows[name].split()[0]) for name in ("Rss", "Pss")}


def wait_for_port(port):
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as probe:
                if probe.recv(4) == b"SSH-":
                    return
        except OSError:
            time.sleep(0.02)
    raise SystemExit("sshd did not start")


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
