"""What the measurements share: an OpenSSH server and a bridge of their own on loopback, and the least
WebSocket client that will do. Nothing but the standard library; needs root for the account of
tests/setup.sh."""

import base64
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
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ACCOUNT = "sshard-test"
DEADLINE = 120


class WebSocket:
    """The least of RFC 6455 that a measurement needs."""

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

    def recv(self):
        while (found := self.buffered()) is None:
            self.fill()
        return found

    def buffered(self):
        """The next whole message in the buffer, or None. sshard sends none in fragments."""
        buffer = self.buffer
        if len(buffer) < 2:
            return None
        size, start = buffer[1] & 0x7F, 2
        if size >= 126:
            start = 4 if size == 126 else 10
            if len(buffer) < start:
                return None
            size = int.from_bytes(buffer[2:start], "big")
        if len(buffer) < start + size:
            return None
        opcode, payload = buffer[0] & 0x0F, bytes(buffer[start : start + size])
        del buffer[: start + size]
        return opcode, payload


def frame(opcode, payload):
    """A client's frame. The mask is random, as it must be, from 4 bytes for all of it."""
    mask, size = os.urandom(4), len(payload)
    masked = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    else:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    return head + mask + masked


class Sshd:
    def __init__(self, folder):
        self.folder = folder
        keygen(folder / "host")
        keygen(folder / "user")
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
        know(self)
        wait_for_port(self.port)

    def ssh(self, command, **kwargs):
        return subprocess.Popen(
            ["ssh", "-tt", "-q", "-F", "none", "-i", self.folder / "user", "-p", str(self.port),
             "-c", "aes256-gcm@openssh.com", "-o", f"UserKnownHostsFile={self.folder}/known_hosts",
             f"{ACCOUNT}@127.0.0.1", command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, **kwargs,
        )

    def stop(self):
        stop(self.process)


class Bridge:
    def __init__(self, binary, sshd, more=(), tls=None):
        """`more`: flags of `serve`; `tls`: the ssl.SSLContext of its clients."""
        self.sshd = sshd
        self.tls = tls
        # As many as fit in the files it may open, two each, beside those for logins under way.
        sessions = min(50_000, (nofile() - 3000) // 2)
        self.process = subprocess.Popen(
            [binary, "serve", "--listen", "127.0.0.1:0", "--shards", "1", "--allow",
             f"127.0.0.1:{sshd.port}", "--set", f"ssh.known_hosts={sshd.folder}/known_hosts",
             "--set", f"limits.max_connections={sessions}",
             "--set", f"limits.max_connections_per_host={sessions}",
             "--admin-listen", "127.0.0.1:0", "--log-level", "warn", *more],
            stdout=subprocess.PIPE,
        )
        self.admin_port = self.announced(b"admin at ")
        self.port = self.announced(b"listening on ")

    def announced(self, words):
        return announced(self.process, words)

    def connect(self):
        return WebSocket(self.port, f"/ws/127.0.0.1/{self.sshd.port}", self.tls)

    def open(self, command):
        ws = self.connect()
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
        """CPU seconds of all its threads so far, user and system, in steps of 10 ms."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """Rss and Pss, in KiB."""
        rollup = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        rows = dict(line.split(":") for line in rollup.splitlines()[1:])
        return {name: int(rows[name].split()[0]) for name in ("Rss", "Pss")}

    def stop(self):
        stop(self.process)


class Control(Bridge):
    """The plain tokio bridge of perf/control, in the place of sshard."""

    def __init__(self, binary, sshd, threads=1):
        self.sshd = sshd
        self.tls = None
        # It complains of each session that ends without a close frame, as all here do.
        self.process = subprocess.Popen(
            [binary, "--threads", str(threads)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.port = self.announced(b"listening on ")


class Sink:
    """The SSH server of sink.py: thousands of sessions in one process, for what sshd is too large for."""

    def __init__(self, folder):
        self.folder = folder
        keygen(folder / "host")
        keygen(folder / "user")
        python = os.environ.get("SSHARD_TEST_PYTHON", "/opt/sshard-test-python/bin/python")
        script = pathlib.Path(__file__).with_name("sink.py")
        self.process = subprocess.Popen([python, script, folder / "host"], stdout=subprocess.PIPE)
        self.port = announced(self.process, b"listening on ")
        know(self)

    ssh = Sshd.ssh

    def stop(self):
        stop(self.process)


def announced(process, words):
    """The port at the end of the next line a process prints, which begins with `words`."""
    line = process.stdout.readline()
    if not line.startswith(words):
        stop(process)
        raise SystemExit(f"{process.args[0]} did not start: it said {line!r}, and more above")
    return int(line.rsplit(b":", 1)[1])


def keygen(path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)


def know(server):
    """Writes the server's key to the known_hosts of its folder."""
    key = (server.folder / "host.pub").read_text().split()
    (server.folder / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {key[0]} {key[1]}\n")


def stop(process):
    """Ends a process we started, and waits for it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def nofile():
    """The files a process may open at most."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 1 << 20 if hard == resource.RLIM_INFINITY else hard


def prepare():
    """For this process and those it starts, as many files as the machine allows; and an end by SIGTERM that
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
