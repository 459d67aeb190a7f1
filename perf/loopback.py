"""Shared by the measurements: SSH servers and bridges of their own on loopback, and a minimal WebSocket
client that will do. Bridges run on the first CPU this process may use, everything else on the last,
where a measurement does not say otherwise.
Nothing but the standard library; an `Sshd` needs root, for the account of tests/setup.sh."""

import argparse
import base64
import contextlib
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ACCOUNT = "sshard-test"
DEADLINE = 120
# Opcodes of WebSocket messages.
TEXT, BINARY, CLOSE = 1, 2, 8
# Any will do for `sshard-load sink`.
PASSWORD = "load"
CPUS = sorted(os.sched_getaffinity(0))
BRIDGE_CPUS, LOAD_CPUS = CPUS[:1], CPUS[-1:]


class WebSocket:
    """The part of RFC 6455 that the measurements need."""

    def __init__(self, port, path, tls=None):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.sock = tls.wrap_socket(self.sock)
        self.buffer = bytearray()
        key = base64.b64encode(os.urandom(16)).decode()
        self.sock.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: sshard.v1\r\n\r\n".encode()
        )
        while (end := self.buffer.find(b"\r\n\r\n")) < 0:
            self.fill()
        head = bytes(self.buffer[:end])
        assert b" 101 " in head.split(b"\r\n", 1)[0], head
        del self.buffer[: end + 4]

    def fill(self):
        data = self.sock.recv(256 * 1024)
        if not data:
            raise ConnectionError("the server closed the connection without a close frame")
        self.buffer += data

    def send(self, opcode, payload):
        self.sock.sendall(frame(opcode, payload))

    def take(self, size):
        while len(self.buffer) < size:
            self.fill()
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def recv(self):
        """Opcode and payload of the next message. sshard sends none in fragments."""
        first, size = self.take(2)
        size &= 0x7F
        if size >= 126:
            size = int.from_bytes(self.take(2 if size == 126 else 8), "big")
        return first & 0x0F, self.take(size)


def frame(opcode, payload):
    """Builds a client's frame, masked with 4 random bytes."""
    mask, size = os.urandom(4), len(payload)
    masked = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    else:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    return head + mask + masked


class Server:
    """Wraps the running program `process`."""

    def cpu(self):
        """CPU seconds of all its threads so far, user and system, in steps of 10 ms."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        stop(self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Sshd(Server):
    def __init__(self, folder):
        self.folder = folder
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
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
        sshd = ["/usr/sbin/sshd", "-D", "-f", folder / "config", "-E", folder / "sshd.log"]
        self.process = subprocess.Popen(pinned(LOAD_CPUS, sshd))
        key = (folder / "host.pub").read_text().split()
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {key[0]} {key[1]}\n")
        wait_for_port(self.port)

    def ssh(self, command):
        """Starts an `ssh` that runs `command` in a terminal, on the bridges' CPU."""
        return ssh(self, [f"{ACCOUNT}@127.0.0.1", command], ["-i", self.folder / "user"])

    def auth(self):
        return {"username": ACCOUNT, "private_key": (self.folder / "user").read_text()}


class Bridge(Server):
    """`sshard serve`."""

    def __init__(self, programs, server, more=(), tls=None, shards=1, cpus=None, sessions=None, under=()):
        """`more`: flags of `serve`; `tls`: the ssl.SSLContext of its clients; `cpus`: those of the shards, to
        which then all of the process is confined, as it is by default for one shard and not for more;
        `sessions`: how many it must admit, by default as many as fit beside a full pool of logins; `under`: a
        command that becomes it."""
        self.programs, self.sshd, self.tls = programs, server, tls
        sessions = sessions or usual_sessions(shards)
        # Descriptors left for logins and upgrades under way.
        room = nofile() - 64 - 32 * shards
        logins = max(1, min(1000, (room - 2 * sessions) // 3))
        self.process = subprocess.Popen(
            pinned(confined(cpus, shards), [
                *under, programs / "sshard", "serve", "--listen", "127.0.0.1:0", "--shards", shards,
                "--cpus", ",".join(map(str, cpus or CPUS[:shards])), "--allow", f"127.0.0.1:{server.port}",
                *settings({
                    "ssh.known_hosts": server.folder / "known_hosts",
                    "limits.max_connections": sessions,
                    "limits.max_connections_per_host": sessions,
                    "limits.max_unauthenticated": logins,
                    "server.max_handshakes": min(512, logins),
                }),
                "--admin-listen", "127.0.0.1:0", "--log-level", "warn", *more,
            ]),
            stdout=subprocess.PIPE,
        )
        self.admin_port = announced(self.process, b"admin at ")
        self.port = announced(self.process, b"listening on ")

    def connect(self):
        return WebSocket(self.port, f"/ws/127.0.0.1/{self.sshd.port}", self.tls)

    def url(self):
        return f"ws://127.0.0.1:{self.port}/ws/127.0.0.1/{self.sshd.port}"

    def open(self, command=None, **auth):
        """Opens a session and waits for `ready`. `auth`: credentials other than the server's default user."""
        ws = self.connect()
        auth = {"type": "auth", "command": command, **(auth or self.sshd.auth())}
        ws.send(TEXT, json.dumps(auth).encode())
        while True:
            opcode, payload = ws.recv()
            if opcode == TEXT:
                message = json.loads(payload)
                if message["type"] == "ready":
                    return ws
                assert message["type"] in ("hello", "banner"), message

    def memory(self):
        """Rss and Pss, in KiB."""
        rollup = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        rows = dict(line.split(":") for line in rollup.splitlines()[1:])
        return {name: int(rows[name].split()[0]) for name in ("Rss", "Pss")}

    def files(self):
        """Its open descriptors."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class Control(Bridge):
    """The plain tokio bridge of perf/control, with a worker thread for each shard that sshard would have."""

    def __init__(self, programs, server, shards=1, cpus=None, under=()):
        self.programs, self.sshd, self.tls = programs, server, None
        command = pinned(confined(cpus, shards), [*under, programs / "sshard-control", "--threads", shards])
        # It logs each session that ends without a close frame.
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.port = announced(self.process, b"listening on ")


# What the measurements compare.
BRIDGES = {"sshard": Bridge, "control": Control}


class Sink(Server):
    """`sshard-load sink`: thousands of sessions in one process, where sshd would need too much memory. The user's
    name says what a session does."""

    def __init__(self, programs, folder, cpus=LOAD_CPUS):
        """Starts it with a thread per CPU; with `cpus` None, one thread that is not pinned."""
        self.folder = folder
        askpass = folder / "askpass"
        askpass.write_text(f"#!/bin/sh\necho {PASSWORD}\n")
        askpass.chmod(0o755)
        command = [programs / "sshard-load", "sink", "--known-hosts", folder / "known_hosts",
                   "--max-sessions", most_in_sink(), "--threads", len(cpus or [0])]
        self.process = subprocess.Popen(pinned(cpus, command), stdout=subprocess.PIPE)
        # The line before is the one it wrote to the file.
        self.process.stdout.readline()
        self.port = announced(self.process, b"sink listening on ")

    def ssh(self, user):
        """An `ssh` as this user, on the bridges' CPU."""
        asks = {"SSH_ASKPASS": self.folder / "askpass", "SSH_ASKPASS_REQUIRE": "force"}
        more = ["-o", "PreferredAuthentications=password"]
        return ssh(self, [f"{user}@127.0.0.1"], more, env={**os.environ, **asks})

    def auth(self):
        return {"username": "echo", "password": PASSWORD}


def ssh(server, what, more, **kwargs):
    command = ["ssh", "-tt", "-q", "-F", "none", "-p", server.port, "-c", "aes256-gcm@openssh.com",
               "-o", f"UserKnownHostsFile={server.folder}/known_hosts", *more, *what]
    return subprocess.Popen(pinned(BRIDGE_CPUS, command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, **kwargs)


def pinned(cpus, command):
    """Prefixes the command with taskset if CPUs are given."""
    words = [str(word) for word in command]
    return ["taskset", "-c", ",".join(map(str, cpus)), *words] if cpus else words


def confined(cpus, shards):
    """The CPUs that a bridge is confined to, if any."""
    return cpus or (BRIDGE_CPUS if shards == 1 else None)


def settings(values):
    """Returns the settings as flags of `serve`."""
    return [word for name, value in values.items() for word in ("--set", f"{name}={value}")]


def announced(process, words):
    """The port at the end of the next line a process prints, which begins with `words`."""
    line = process.stdout.readline()
    if not line.startswith(words):
        stop(process)
        raise SystemExit(f"{process.args[0]} did not start: it said {line!r}, and more above")
    return int(line.rsplit(b":", 1)[1])


def stop(process):
    """Ends a process of ours, and waits for it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def nofile():
    """Limit of open files of a process."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 1 << 20 if hard == resource.RLIM_INFINITY else hard


def arguments(doc):
    """Parser with the options that all scripts share."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("SSHARD_PROGRAMS", ROOT / "target/release")
    parser.add_argument("--programs", type=pathlib.Path, default=default,
                        help="folder of sshard, sshard-load and sshard-control; also SSHARD_PROGRAMS")
    parser.add_argument("--quick", action="store_true", help="see in seconds that it works; figures mean nothing")
    return parser


def usual_sessions(shards=1):
    """Sessions that a bridge admits here beside a full pool of logins."""
    room = nofile() - 64 - 32 * shards
    return max(room // 4, min(50_000, (room - 512 * shards) // 2 - 1000))


def most_sessions():
    """The same with a small pool of logins."""
    return (nofile() - 700) // 2


def most_in_sink():
    """Concurrent sessions that a sink takes."""
    return min(9_900, nofile() - 100)


@contextlib.contextmanager
def temporary():
    """A folder that the account of an `Sshd` can read, too."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        yield folder


@contextlib.contextmanager
def sink(options):
    """A sink with a folder of its own."""
    with temporary() as folder, Sink(options.programs, folder) as server:
        yield server


def prepare():
    """Raises the limit of open files to the maximum, for child processes too; makes SIGTERM an exit that
    ends what was started too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    resource.setrlimit(resource.RLIMIT_NOFILE, (nofile(), resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


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
