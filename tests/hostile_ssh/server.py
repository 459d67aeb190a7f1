"""SSH server that misbehaves, or not, as the name of the user says: the mode. Prints its port.

With the argument `compression`, it requires compression; with `not-strict`, it has no strict key
exchange; with `sha1-signature`, it has an RSA key and signs with SHA-1 whatever was agreed on; with
`kex=NAME`, `cipher=NAME`, `mac=NAME` and `key=NAME`, it has that algorithm and no other.
"""

import asyncio
import logging
import sys

import asyncssh
from asyncssh.constants import *
from asyncssh.packet import Boolean, String, UInt32

MIB = 1024 * 1024


async def flood(conn, send):
    """Sends until the peer is gone, never faster than it is read."""
    try:
        while not conn.is_closed() and conn._transport:
            send()
            while conn._transport and conn._transport.get_write_buffer_size() > 256 * 1024:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0)
    except (OSError, asyncssh.Error, AttributeError):
        pass


# Packets that are sent again and again, of the connection and of its channel.
OF_CONNECTION = {
    "global_requests": (MSG_GLOBAL_REQUEST, String("nothing@example.org"), Boolean(True)),
    "keepalives": (MSG_GLOBAL_REQUEST, String("keepalive@openssh.com"), Boolean(True)),
    "host_key_announcements": (
        MSG_GLOBAL_REQUEST, String("hostkeys-00@openssh.com"), Boolean(False)
    ),
    "ignores": (MSG_IGNORE, String(b"x" * 1000)),
    "empty_ignores": (MSG_IGNORE, String(b"")),
    "largest_packets": (MSG_IGNORE, String(b"x" * 255 * 1024)),
    "large_packets": (MSG_IGNORE, String(b"x" * 300 * 1024)),
    "debugs": (MSG_DEBUG, Boolean(True), String("hello"), String("")),
    "unimplementeds": (MSG_UNIMPLEMENTED, UInt32(0)),
    "unknown_messages": (192, String("hello")),
    "channel_opens": (
        MSG_CHANNEL_OPEN, String("session"), UInt32(7), UInt32(MIB), UInt32(1024)
    ),
    "unknown_channel_opens": (
        MSG_CHANNEL_OPEN, String("x" * 1000), UInt32(7), UInt32(MIB), UInt32(1024)
    ),
    "data_for_nobody": (MSG_CHANNEL_DATA, UInt32(4711), String(b"x" * 1000)),
}
OF_CHANNEL = {
    "empty_data": (MSG_CHANNEL_DATA, String(b"")),
    "large_data": (MSG_CHANNEL_DATA, String(b"x" * 32769)),
    "window_adjusts": (MSG_CHANNEL_WINDOW_ADJUST, UInt32(1)),
    "successes": (MSG_CHANNEL_SUCCESS,),
    "exit_statuses": (MSG_CHANNEL_REQUEST, String("exit-status"), Boolean(False), UInt32(0)),
    "exit_signals": (
        MSG_CHANNEL_REQUEST, String("exit-signal"), Boolean(False), String("TERM"), Boolean(False),
        String("x" * 30000), String(""),
    ),
    "channel_requests": (MSG_CHANNEL_REQUEST, String("nothing@example.org"), Boolean(False)),
}


# As many extensions as a packet of 256 KiB can have, each with a name of one byte and no value.
EXTENSIONS = 28 * 1024
EXTENSION_INFO = (MSG_EXT_INFO, UInt32(EXTENSIONS), (String("x") + String("")) * EXTENSIONS)


def data_after_eof(conn, chan):
    chan.send_packet(MSG_CHANNEL_EOF)
    chan.send_packet(MSG_CHANNEL_DATA, String(b"x"))


def rekeys(conn, chan):
    if conn._kex_complete and not conn._kexinit_sent:
        conn._send_kexinit()
        conn._kexinit_sent = True


async def handle(process):
    mode = process.get_extra_info("username")
    conn, chan = process.channel.get_connection(), process.channel
    if mode == "one_byte_packets":
        for _ in range(8 * 1024):
            process.stdout.write("x")
            await process.stdout.drain()
        process.exit(0)
    elif mode in OF_CONNECTION:
        await flood(conn, lambda: conn.send_packet(*OF_CONNECTION[mode]))
    elif mode in OF_CHANNEL:
        await flood(conn, lambda: chan.send_packet(*OF_CHANNEL[mode]))
    elif mode in ("data_after_eof", "rekeys"):
        send = data_after_eof if mode == "data_after_eof" else rekeys
        await flood(conn, lambda: send(conn, chan))
    else:
        # Honest: echoes its input.
        process.stdout.write("ready\r\n")
        try:
            async for line in process.stdin:
                process.stdout.write(line)
        except asyncssh.Error:
            pass
        process.exit(0)


class Server(asyncssh.SSHServer):
    def connection_made(self, conn):
        self.conn = conn
        self.mode = None
        # Ignores the replies to its own flood.
        ignore = lambda *args: None
        handlers = dict(type(conn)._packet_handlers)
        for kind in (MSG_REQUEST_SUCCESS, MSG_REQUEST_FAILURE, MSG_CHANNEL_OPEN_FAILURE):
            handlers[kind] = ignore
        conn._packet_handlers = handlers

    def begin_auth(self, username):
        mode = self.mode = username
        if mode == "banners":
            send = lambda: self.conn.send_auth_banner("x" * 10000)
            asyncio.get_running_loop().create_task(flood(self.conn, send))
        elif mode == "empty_banners":
            send = lambda: self.conn.send_auth_banner("")
            asyncio.get_running_loop().create_task(flood(self.conn, send))
        elif mode == "extension_infos":
            send = lambda: self.conn.send_packet(*EXTENSION_INFO)
            asyncio.get_running_loop().create_task(flood(self.conn, send))
        elif mode == "extension_info":
            self.conn.send_packet(*EXTENSION_INFO)
        needs_login = ("banners", "empty_banners", "extension_infos", "expired", "chatty", "keys")
        return mode in needs_login or self.asks()

    def asks(self):
        return self.mode in ("rounds", "many_prompts", "long_prompts")

    def password_auth_supported(self):
        return not self.asks()

    async def validate_password(self, username, password):
        if username == "expired":
            raise asyncssh.PasswordChangeRequired("You must change your password: ")
        if username == "chatty":
            # Takes a while, and sends a packet meanwhile.
            self.conn.send_packet(MSG_DEBUG, Boolean(True), String("wait"), String(""))
            await asyncio.sleep(1)
            return password == "right"
        await asyncio.sleep(3600)
        return False

    def public_key_auth_supported(self):
        return self.mode == "keys"

    def validate_public_key(self, username, key):
        # AsyncSSH checks the signature, and its length.
        return True

    def kbdint_auth_supported(self):
        return self.asks()

    def get_kbdint_challenge(self, username, lang, submethods):
        return self.challenge()

    def validate_kbdint_response(self, username, responses):
        return self.challenge()

    def challenge(self):
        prompts = {
            "rounds": [("Again? ", False)],
            "many_prompts": [("p", True)] * 5000,
            "long_prompts": [("p" * 15000, True)],
        }
        return "", "", "", prompts[self.mode]


async def main():
    logging.disable(logging.CRITICAL)
    options = {"compression_algs": None}
    key_kind = "ssh-ed25519"
    for argument in sys.argv[1:]:
        name, _, value = argument.partition("=")
        if name == "compression":
            options["compression_algs"] = ["zlib@openssh.com", "zlib"]
        elif name == "not-strict":
            connection = asyncssh.SSHServerConnection
            connection._get_extra_kex_algs = lambda conn: []
            connection._strict_kex = property(lambda conn: False, lambda conn, strict: None)
        elif name == "sha1-signature":
            key_kind = "ssh-rsa"
            sign = lambda key, data, _: String("ssh-rsa") + key.sign_ssh(data, b"ssh-rsa")
            asyncssh.public_key.SSHKey.sign = sign
        elif name == "key":
            key_kind = "ssh-rsa"
            options["signature_algs"] = [value]
            asyncssh.rsa.RSAKey.sig_algorithms = (value.encode(),)
        else:
            options[{"kex": "kex_algs", "cipher": "encryption_algs", "mac": "mac_algs"}[name]] = [value]
    server = await asyncssh.create_server(
        Server,
        "127.0.0.1",
        0,
        server_host_keys=[asyncssh.generate_private_key(key_kind)],
        process_factory=handle,
        line_editor=False,
        encoding="latin-1",
        login_timeout=0,
        rekey_bytes=1 << 40,
        **options,
    )
    print(server.get_port(), flush=True)
    await server.wait_closed()


asyncio.run(main())
