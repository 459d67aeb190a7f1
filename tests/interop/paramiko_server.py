"""An SSH server of Paramiko: user "interop", a password. Prints its port.

paramiko_server.py PASSWORD TERMINAL [rekey]: TERMINAL is the path of terminal.py, `rekey` asks for
new keys every MiB. The command "output N" is N bytes from the library itself.
"""

import socket
import subprocess
import sys
import threading

import paramiko

PASSWORD, TERMINAL = sys.argv[1:3]
REKEY = "rekey" in sys.argv
MIB = 1024 * 1024


class Session(paramiko.ServerInterface):
    def __init__(self):
        self.term, self.size, self.tty = "dumb", (80, 24), None

    def check_auth_password(self, username, password):
        good = (username, password) == ("interop", PASSWORD)
        return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username):
        return "password"

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED

    def check_channel_pty_request(self, channel, term, cols, rows, *_):
        self.term, self.size = term.decode(), (cols, rows)
        return True

    def check_channel_window_change_request(self, channel, cols, rows, *_):
        self.size = (cols, rows)
        if self.tty:
            subprocess.run(["stty", "-F", self.tty, "cols", str(cols), "rows", str(rows)])
        return True

    def check_channel_shell_request(self, channel):
        return self.check_channel_exec_request(channel, b"sh")

    def check_channel_exec_request(self, channel, command):
        threading.Thread(target=self.run, args=(channel, command.decode()), daemon=True).start()
        return True

    def run(self, channel, command):
        word, _, count = command.partition(" ")
        if word == "output":
            channel.sendall(b"x" * int(count))
            status = 0
        else:
            status = self.run_in_terminal(channel, command)
        channel.send_exit_status(status)
        channel.close()

    def run_in_terminal(self, channel, command):
        child = subprocess.Popen(
            ["python3", TERMINAL, self.term, *map(str, self.size), command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.tty = child.stdout.readline().decode().strip()

        def pass_input():
            try:
                while data := channel.recv(65536):
                    child.stdin.write(data)
                    child.stdin.flush()
                child.stdin.close()
            except OSError:
                pass

        threading.Thread(target=pass_input, daemon=True).start()
        while data := child.stdout.read1(65536):
            channel.sendall(data)
        return child.wait()


def serve(client, key):
    transport = paramiko.Transport(client)
    transport.add_server_key(key)
    if REKEY:
        transport.packetizer.REKEY_BYTES = MIB
    transport.start_server(server=Session())
    transport.join()


key = paramiko.ECDSAKey.generate()
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    client, _ = listener.accept()
    threading.Thread(target=serve, args=(client, key), daemon=True).start()
