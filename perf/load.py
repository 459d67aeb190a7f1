"""The load of the measurements: many sessions on one bridge, typing at fixed times, held idle, or read.

Open loop: when a key is pressed is fixed beforehand, and an echo's time counts from then, so that a
stall delays no later key and hides in no figure. Beside it stands the time from the real sending; the
two differ by how late this program is, which says whether it could keep up.
"""

import collections
import concurrent.futures
import contextlib
import select
import statistics
import threading
import time

from loopback import frame

ECHO = "stty raw -echo; printf R; exec cat"
# The mask may be anything, and a constant frame costs the generator least.
KEY = b"\x82\x81\x00\x00\x00\x00x"
PING, PONG, CLOSE, TEXT, BINARY = 9, 10, 8, 1, 2


class Crowd:
    """Sessions of one bridge; a thread answers the pings of those that are only held."""

    def __init__(self, bridge, command=ECHO, parallel=4):
        self.bridge = bridge
        self.command = command
        self.sessions = []
        self.pool = concurrent.futures.ThreadPoolExecutor(parallel)
        self.epoll = select.epoll()
        self.by_fd = {}
        self.lost = 0
        self.stopped = threading.Event()
        self.keeper = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pause()
        self.pool.shutdown()
        for ws in self.sessions:
            ws.sock.close()
        self.epoll.close()

    def grow(self, count):
        """Opens sessions until there are `count`, each ready to echo."""
        missing = count - len(self.sessions)
        for ws in self.pool.map(lambda _: self.open(), range(missing)):
            ws.sock.setblocking(False)
            ws.pending = collections.deque()
            self.sessions.append(ws)
            self.by_fd[ws.sock.fileno()] = ws
            self.epoll.register(ws.sock.fileno(), select.EPOLLIN)

    def open(self):
        ws = self.bridge.open(self.command)
        if self.command == ECHO:
            while ws.recv() != (BINARY, b"R"):
                pass
        return ws

    def hold(self):
        """From here to `pause`, a thread reads what comes and answers pings."""
        self.stopped.clear()
        self.keeper = threading.Thread(target=self.keep, daemon=True)
        self.keeper.start()

    def keep(self):
        while not self.stopped.is_set():
            for fd, _ in self.epoll.poll(0.2):
                self.read(self.by_fd[fd], lambda ws, count: None)

    def pause(self):
        if self.keeper:
            self.stopped.set()
            self.keeper.join()
            self.keeper = None

    def read(self, ws, echoed):
        """Takes what has come. `echoed` is told how many bytes of output."""
        try:
            data = ws.sock.recv(65536)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self.lose(ws)
            return
        ws.buffer += data
        while found := ws.buffered():
            opcode, payload = found
            if opcode == BINARY:
                echoed(ws, len(payload))
            elif opcode == PING:
                ws.sock.sendall(frame(PONG, payload))
            elif opcode == CLOSE:
                self.lose(ws)
                return

    def lose(self, ws):
        with contextlib.suppress(OSError):
            self.epoll.unregister(ws.sock.fileno())
        self.lost += 1

    def type_keys(self, rate, seconds, between=lambda: None):
        """Each session presses `rate` keys a second, all evenly spread. `between` is called at the
        start and at the end; what it returns at both is in the result beside the latencies."""
        run = Typing(self, rate, seconds)
        before = between()
        run.run()
        after = between()
        if self.lost:
            raise SystemExit(f"{self.lost} sessions were lost while typing")
        return run, before, after


class Typing:
    """One run: key n is pressed by session n modulo their number, at start + n / their joint rate."""

    def __init__(self, crowd, rate, seconds):
        self.crowd = crowd
        self.gap = 1 / (rate * len(crowd.sessions))
        self.total = max(1, round(seconds / self.gap))
        self.intended, self.service, self.late = [], [], []

    def run(self):
        crowd, sent = self.crowd, 0
        epoll, ready = crowd.epoll, [crowd.epoll.fileno()]
        start = time.perf_counter() + 0.05
        give_up = start + self.total * self.gap + 30
        while len(self.intended) < self.total:
            now = time.perf_counter()
            if now > give_up:
                raise SystemExit(f"{self.total - len(self.intended)} keys had no echo after 30 s")
            while sent < self.total and start + sent * self.gap <= now:
                self.press(crowd.sessions[sent % len(crowd.sessions)], start + sent * self.gap)
                sent += 1
            wait = start + sent * self.gap - time.perf_counter() if sent < self.total else 1
            # epoll itself counts in milliseconds.
            if select.select(ready, [], [], max(0, wait))[0]:
                for fd, _ in epoll.poll(0):
                    crowd.read(crowd.by_fd[fd], self.echoed)
        self.seconds = time.perf_counter() - start

    def press(self, ws, due):
        now = time.perf_counter()
        ws.sock.sendall(KEY)
        ws.pending.append((due, now))
        self.late.append(now - due)

    def echoed(self, ws, count):
        now = time.perf_counter()
        for _ in range(count):
            due, sent = ws.pending.popleft()
            self.intended.append(now - due)
            self.service.append(now - sent)

    def figures(self):
        """Microseconds."""
        result = {}
        for name in ("intended", "service", "late"):
            cuts = statistics.quantiles(getattr(self, name), n=100)
            result[f"{name}_p50"], result[f"{name}_p99"] = cuts[49] * 1e6, cuts[98] * 1e6
        return result


def receive_all(bridge, command):
    """Runs `command`, which ends by itself, and counts its output. The bridge's answers are read as fast
    as they come."""
    ws, got = bridge.open(command), 0
    while True:
        opcode, payload = ws.recv()
        if opcode == BINARY:
            got += len(payload)
        elif opcode == CLOSE:
            ws.sock.close()
            return got
