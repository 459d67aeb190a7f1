"""An SSH server for measurements: any key and any user get in, and a session does as its command says.

    head N     N MiB of zeros in packets as large as the client allows, then exit 0
    other      every byte comes back

Started by loopback.py with the Python of tests/setup.sh, which has AsyncSSH. Prints its address.
Thousands of sessions fit in one process: none has a thread, a terminal or a process of its own.
"""

import asyncio
import sys

import asyncssh

CHUNK = bytes(32 * 1024)


class Server(asyncssh.SSHServer):
    def public_key_auth_supported(self):
        return True

    def validate_public_key(self, username, key):
        return True

    def session_requested(self):
        return Session()


class Session(asyncssh.SSHServerSession):
    """Callbacks instead of streams: a stream has a task for each session."""

    def __init__(self):
        self.left = 0
        self.room = True

    def connection_made(self, chan):
        self.chan = chan

    def pty_requested(self, term_type, term_size, term_modes):
        return True

    def shell_requested(self):
        return True

    def exec_requested(self, command):
        if command.startswith("head "):
            self.left = int(command.split()[1]) << 20
        return True

    def session_started(self):
        if self.left:
            self.pump()
        else:
            # What the echoing command of sshd's sessions says once it is ready.
            self.chan.write(b"R")

    def data_received(self, data, datatype):
        self.chan.write(data)

    def pause_writing(self):
        self.room = False

    def resume_writing(self):
        self.room = True
        if self.left:
            self.pump()

    def pump(self):
        while self.left and self.room:
            size = min(self.left, len(CHUNK))
            self.left -= size
            self.chan.write(CHUNK[:size])
        if not self.left:
            self.chan.exit(0)


async def main():
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Server,
        server_host_keys=[sys.argv[1]],
        encryption_algs=["aes256-gcm@openssh.com"],
        compression_algs=None,
        encoding=None,
        line_editor=False,
        login_timeout=120,
        keepalive_interval=0,
        backlog=1024,
        window=256 * 1024,
    )
    print(f"listening on 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
