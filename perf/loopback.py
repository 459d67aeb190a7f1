"""What the measurements share: an OpenSSH server and a bridge of their own on loopback, and the least
WebSocket client that will do. Nothing but the standard library; needs root for the account of
tests/setup.sh."""

import base64
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
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
    def __init__(self, binary, sshd, more=(), tls=None):
        """`more`: flags of `serve`; `tls`: the ssl.SSLContext of its clients."""
        self.sshd = sshd
        self.tls = tls
        self.process = subprocess.Popen(
            [binary, "serve", "--listen", "127.0.0.1:0", "--shards", "1", "--allow",
             f"127.0.0.1:{sshd.port}", "--set", f"ssh.known_hosts={sshd.folder}/known_hosts",
             "--set", "limits.max_connections=5000", "--set", "limits.max_connections_per_host=5000",
             "--admin-listen", "127.0.0.1:0", "--log-level", "warn", *more],
            stdout=subprocess.PIPE,
        )
        self.admin_port = self.announced(b"admin at ")
        self.port = self.announced(b"listening on ")

    def announced(self, words):
        line = self.process.stdout.readline()
        assert line.startswith(words), line
        return int(line.rsplit(b":", 1)[1])

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
