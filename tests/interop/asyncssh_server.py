"""An SSH server of AsyncSSH: user "interop", a password. Prints its port.

asyncssh_server.py PASSWORD TERMINAL [rekey]: TERMINAL is the path of terminal.py, `rekey` asks for
new keys every MiB. The command "output N" is N bytes from the library itself.
"""

import asyncio
import subprocess
import sys

import asyncssh

PASSWORD, TERMINAL = sys.argv[1:3]
MIB = 1024 * 1024


class Login(asyncssh.SSHServer):
    def begin_auth(self, username):
        return True

    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return (username, password) == ("interop", PASSWORD)


async def run(process):
    word, _, count = (process.command or "sh").partition(" ")
    if word == "output":
        process.stdout.write(b"x" * int(count))
        await process.stdout.drain()
        process.exit(0)
        return
    cols, rows, *_ = process.term_size
    child = await asyncio.create_subprocess_exec(
        "python3",
        TERMINAL,
        process.term_type or "dumb",
        str(cols),
        str(rows),
        process.command or "sh",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    tty = (await child.stdout.readline()).decode().strip()

    async def pass_input():
        while True:
            try:
                data = await process.stdin.read(65536)
                if not data:
                    break
                child.stdin.write(data)
                await child.stdin.drain()
            except asyncssh.TerminalSizeChanged as size:
                subprocess.run(
                    ["stty", "-F", tty, "cols", str(size.width), "rows", str(size.height)]
                )
            except (asyncssh.Error, OSError):
                break
        child.stdin.close()

    passing = asyncio.create_task(pass_input())
    while data := await child.stdout.read(65536):
        process.stdout.write(data)
        await process.stdout.drain()
    process.exit(await child.wait())
    passing.cancel()


async def main():
    options = {"rekey_bytes": MIB} if "rekey" in sys.argv else {}
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Login,
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        process_factory=run,
        encoding=None,
        line_editor=False,
        **options,
    )
    print(server.get_port(), flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
