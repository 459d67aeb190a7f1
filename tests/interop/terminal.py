"""Runs a command in a terminal of its own, for SSH servers that have none.

terminal.py TERM COLS ROWS COMMAND: prints the terminal's name on a line, so that the server can
resize it with stty, then passes bytes both ways. Ends as the command does, or when nobody is left at
the other end of its output. The end of its input is none: terminals know no half-close.
"""

import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import threading

term, cols, rows, command = sys.argv[1:]
master, slave = os.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", int(rows), int(cols), 0, 0))
name = os.ttyname(slave)
child = subprocess.Popen(
    ["sh", "-c", command],
    env={**os.environ, "TERM": term},
    preexec_fn=lambda: os.login_tty(slave),
    close_fds=False,
)
os.close(slave)


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data) :]


def pass_input():
    try:
        while data := os.read(0, 65536):
            write_all(master, data)
        gone = select.poll()
        gone.register(1, 0)
        gone.poll()
        child.send_signal(signal.SIGHUP)
    except OSError:
        pass


write_all(1, name.encode() + b"\n")
threading.Thread(target=pass_input, daemon=True).start()
try:
    while data := os.read(master, 65536):
        write_all(1, data)
except OSError:
    # The terminal's last process has closed it.
    pass
status = child.wait()
# What the shell makes of a signal.
os._exit(status if status >= 0 else 128 - status)
