"""SSH server that behaves as real equipment does and OpenSSH does not, as the name of the user says.
Prints its port.

Arguments: `disconnect` ends each connection in the key exchange; `window=N` and `packet=N` set the
SSH window and the packet size for input.
"""

import asyncio
import logging
import sys

import asyncssh
from asyncssh.channel import SSHChannel, SSHServerChannel
from asyncssh.constants import *
from asyncssh.auth import MSG_USERAUTH_INFO_REQUEST
from asyncssh.packet import Boolean, String, UInt32

WORDS = "R\u00e9gle 7: \x1b[31mno\u202e more\r\n"
NO_TERMINAL = ("no_terminal", "no_terminal_echo", "no_terminal_no_shell", "late_refusal")
NO_SHELL = ("no_shell", "no_shell_talks_first", "no_shell_talks_later", "no_shell_status",
            "no_terminal_no_shell")
SILENT = ("silent_talk", "silent_exit", "late_refusal", "late_no_shell",
          "late_no_shell_waits", "close_unanswered")


def mode_of(chan):
    return chan.get_connection().get_extra_info("username")


def disconnect(conn, code, words):
    conn.send_packet(MSG_DISCONNECT, UInt32(code), String(words), String(""))
    asyncio.get_running_loop().call_later(0.05, conn.abort)


def status(chan, code):
    chan.send_packet(MSG_CHANNEL_REQUEST, String("exit-status"), Boolean(False), UInt32(code))


def signal(chan, words, language=b""):
    request = (String("exit-signal"), Boolean(False), String("TERM"), Boolean(True))
    chan.send_packet(MSG_CHANNEL_REQUEST, *request, String(words), String(language))


def data(chan, text):
    chan.send_packet(MSG_CHANNEL_DATA, String(text))


def end(chan):
    chan.send_packet(MSG_CHANNEL_EOF)
    chan.send_packet(MSG_CHANNEL_CLOSE)


def send(chan, kind):
    """Also the replies that `Refusals` holds back."""
    Refusals.send(chan, kind)


def stderr(chan, kind):
    chan.send_packet(MSG_CHANNEL_EXTENDED_DATA, UInt32(kind), String(f"kind {kind};"))


class Refusals:
    """Replies of the channel to requests."""

    pty = SSHServerChannel._process_pty_req_request
    shell = SSHServerChannel._process_shell_request
    env = SSHServerChannel._process_env_request
    session = asyncssh.SSHServerConnection._process_session_open
    send = SSHServerChannel.send_packet

    def answer_pty(self, packet):
        granted = Refusals.pty(self, packet)
        return granted and mode_of(self) not in NO_TERMINAL

    def answer_shell(self, packet):
        mode = mode_of(self)
        if mode not in NO_SHELL:
            return Refusals.shell(self, packet)
        loop = asyncio.get_running_loop()
        if mode == "no_shell_talks_first":
            data(self, "This account is restricted.\r\n")
            loop.call_soon(end, self)
        elif mode == "no_shell_talks_later":
            loop.call_later(0.1, data, self, "This account is restricted.\r\n")
            loop.call_later(0.2, end, self)
        elif mode == "no_shell_status":
            data(self, "Hi! There is no shell here.\r\n")
            loop.call_soon(status, self, 7)
            loop.call_soon(end, self)
        return False

    def answer_env(self, packet):
        if mode_of(self) == "answers_variables":
            Refusals.send(self, MSG_CHANNEL_FAILURE)
        return Refusals.env(self, packet)

    def open_session(self, packet):
        if self.get_extra_info("username") == "no_channel":
            raise asyncssh.ChannelOpenError(OPEN_RESOURCE_SHORTAGE, "all lines\x1b are busy")
        return Refusals.session(self, packet)

    def send_answer(self, kind, *args):
        answer = kind in (MSG_CHANNEL_SUCCESS, MSG_CHANNEL_FAILURE)
        if not (answer and mode_of(self) in SILENT):
            Refusals.send(self, kind, *args)


SSHServerChannel._process_pty_req_request = Refusals.answer_pty
SSHServerChannel._process_shell_request = Refusals.answer_shell
SSHServerChannel._process_env_request = Refusals.answer_env
asyncssh.SSHServerConnection._process_session_open = Refusals.open_session


def process_eof(self, *args):
    if mode_of(self) == "late_no_shell_waits":
        end(self)
    else:
        SSHChannel._process_eof(self, *args)


SSHServerChannel._packet_handlers = {**SSHServerChannel._packet_handlers, MSG_CHANNEL_EOF: process_eof}
SSHServerChannel.send_packet = Refusals.send_answer


async def echo(process):
    said = ""
    try:
        while "quit\n" not in said:
            try:
                text = await process.stdin.read(1000)
            except asyncssh.TerminalSizeChanged:
                continue
            if not text:
                break
            said += text
            process.stdout.write(text)
    except asyncssh.Error:
        pass


# What a channel does in a mode: functions, and their arguments.
STEPS = {
    "silent_exit": [(status, 5), (end,)],
    "late_refusal": [
        (data, "first\r\n"), (send, MSG_CHANNEL_FAILURE), (send, MSG_CHANNEL_SUCCESS),
        (data, "second\r\n"), (status, 0), (end,),
    ],
    "late_no_shell": [
        (data, "first\r\n"), (send, MSG_CHANNEL_SUCCESS), (send, MSG_CHANNEL_FAILURE),
        (data, "second\r\n"), (end,),
    ],
    "late_no_shell_waits": [
        (data, "first\r\n"), (send, MSG_CHANNEL_SUCCESS), (send, MSG_CHANNEL_FAILURE),
        (data, "second\r\n"),
    ],
    "close_unanswered": [(end,)],
    "status_before_data": [(status, 4), (data, "after the status\r\n"), (end,)],
    "signal_before_data": [
        (signal, "killed by hand"), (data, "after the signal\r\n"), (send, MSG_CHANNEL_CLOSE),
    ],
    "two_statuses": [(status, 4), (status, 5), (signal, "late"), (end,)],
    "eof_then_status": [
        (data, "all\r\n"), (send, MSG_CHANNEL_EOF), (send, MSG_CHANNEL_EOF), (status, 6),
        (send, MSG_CHANNEL_CLOSE),
    ],
    "no_status": [(data, "all\r\n"), (end,)],
    "close_only": [(send, MSG_CHANNEL_CLOSE)],
    "empty_packets": [*[(data, ""), (data, "x"), (data, "")] * 40, (status, 0), (end,)],
    "stderr_kinds": [
        *[(stderr, kind) for kind in (1, 0, 7, 0xffffffff)], (status, 0), (end,),
    ],
    "long_signal": [(signal, "\u00e9" * 15000), (end,)],
    "latin1_exit": [(data, "before\r\n"), (signal, b"tu\xe9"), (end,)],
}


async def handle(process):
    mode = process.get_extra_info("username")
    conn, chan = process.channel.get_connection(), process.channel
    if mode == "no_terminal":
        process.stdout.write("Hi! You are known, but there is no shell.\r\n")
        process.stderr.write("Use git.\r\n")
        process.exit(1)
    elif mode in ("no_terminal_echo", "silent_talk", "honest", "answers_variables"):
        process.stdout.write("ready\r\n")
        await echo(process)
        process.exit(3)
    elif mode == "gone_after_status":
        data(chan, "all\r\n")
        status(chan, 8)
        asyncio.get_running_loop().call_later(0.1, conn.abort)
    elif mode == "disconnects_running":
        data(chan, "before\r\n")
        disconnect(conn, DISC_BY_APPLICATION, WORDS)
    elif mode == "disconnects_wordless":
        disconnect(conn, DISC_TOO_MANY_CONNECTIONS, "")
    elif mode == "latin1_farewell":
        data(chan, "before\r\n")
        disconnect(conn, DISC_BY_APPLICATION, b"ferm\xe9")
    else:
        for step, *arguments in STEPS.get(mode, []):
            step(chan, *arguments)


class Server(asyncssh.SSHServer):
    def connection_made(self, conn):
        self.conn = conn
        if "disconnect" in sys.argv:
            words = "too many of you"
            send = lambda: disconnect(conn, DISC_TOO_MANY_CONNECTIONS, words)
            asyncio.get_running_loop().call_later(0.2, send)

    def begin_auth(self, username):
        mode = self.mode = username
        if mode == "latin1_banner":
            banner = b"Acc\xe8s r\xe9serv\xe9\r\n"
            self.conn.send_packet(MSG_USERAUTH_BANNER, String(banner), String(""))
        elif mode == "gbk_banner":
            banner = "\u6b22\u8fce\r\n".encode("gbk")
            self.conn.send_packet(MSG_USERAUTH_BANNER, String(banner), String(""))
        elif mode == "latin1_prompt":
            return True
        elif mode == "disconnects_at_login":
            disconnect(self.conn, DISC_NO_MORE_AUTH_METHODS_AVAILABLE, WORDS)
        return mode in ("disconnects_at_login", "disconnects_on_refusal")

    def password_auth_supported(self):
        return self.mode != "latin1_prompt"

    def validate_password(self, username, password):
        if self.mode == "disconnects_on_refusal":
            disconnect(self.conn, DISC_PROTOCOL_ERROR, "Too many authentication failures")
        return False

    def kbdint_auth_supported(self):
        return self.mode == "latin1_prompt"

    async def get_kbdint_challenge(self, username, lang, submethods):
        request = (String(b""), String(b""), String(b""), UInt32(1))
        prompt = (String(b"Mot de passe \xe9ph\xe9m\xe8re: "), Boolean(False))
        self.conn.send_packet(MSG_USERAUTH_INFO_REQUEST, *request, *prompt)
        await asyncio.sleep(3600)

    def validate_kbdint_response(self, username, responses):
        return False


async def main():
    logging.disable(logging.CRITICAL)
    numbers = dict(arg.split("=") for arg in sys.argv if "=" in arg)
    options = {}
    if "window" in numbers:
        options["window"] = int(numbers["window"])
    if "packet" in numbers:
        options["max_pktsize"] = int(numbers["packet"])
    server = await asyncssh.create_server(
        Server,
        "127.0.0.1",
        0,
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        process_factory=handle,
        line_editor=False,
        encoding="utf-8",
        login_timeout=0,
        **options,
    )
    print(server.get_port(), flush=True)
    await server.wait_closed()


asyncio.run(main())
