"""More than a daemon can do: many connections that submit without waiting for answers, and a client that pings beside them."""

import collections
import json
import multiprocessing
import selectors
import socket
import time

from jobdtest import Client

CHUNK = 64 * 1024        # at most written to one connection at a time


def line(**params):
    return (json.dumps({"jsonrpc": "2.0", "id": 1, "method": "job.submit", "params": params}) + "\n").encode()


class Connection:
    """Owes the daemon lines, and reads its answers."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.socket.setblocking(False)
        self.owed = 0            # lines not yet written
        self.written = 0         # lines, of which the last may be in part in `rest`
        self.answered = 0
        self.rest = b""
        self.partial = b""


class Load:
    """So many connections, over which lines are offered. What is not read by the daemon is owed, and waits here as a number."""

    def __init__(self, path, connections, lines):
        self.lines = lines
        self.at = 0
        self.connections = [Connection(path) for _ in range(connections)]
        self.selector = selectors.DefaultSelector()
        for one in self.connections:
            self.selector.register(one.socket, selectors.EVENT_READ, one)
        self.answers = collections.Counter()      # "accepted", or the reason of the error
        self.ids = []                             # of the accepted, if kept
        self.keep = False
        self.offered = 0

    def offer(self, n):
        """n more lines, shared out."""
        for at in range(min(n, len(self.connections))):
            one = self.connections[(self.offered + at) % len(self.connections)]
            one.owed += n // len(self.connections) + (at < n % len(self.connections))
        self.offered += n

    def owed(self):
        return sum(one.owed for one in self.connections)

    def open(self):
        """Written, and not answered."""
        return sum(one.written - one.answered for one in self.connections)

    def forget(self):
        """What has not been written will not be."""
        for one in self.connections:
            one.owed = 0

    def write(self, one):
        while one.rest or one.owed:
            if not one.rest:
                pieces = []
                size = 0
                while one.owed and size < CHUNK:
                    pieces.append(self.lines[self.at % len(self.lines)])
                    size += len(pieces[-1])
                    self.at += 1
                    one.owed -= 1
                    one.written += 1
                one.rest = b"".join(pieces)
            try:
                one.rest = one.rest[one.socket.send(one.rest):]
            except BlockingIOError:
                return

    def take(self, one):
        try:
            data = one.partial + one.socket.recv(1 << 18)
        except BlockingIOError:
            return
        lines = data.split(b"\n")
        one.partial = lines.pop()
        one.answered += len(lines)
        for text in lines:
            if b'"error"' not in text:
                self.answers["accepted"] += 1
                if self.keep:
                    self.ids.append(json.loads(text)["result"]["id"])
            else:
                self.answers[json.loads(text)["error"]["data"]["reason"]] += 1

    def turn(self, wait=0.002):
        """Writes and reads what can be."""
        for one in self.connections:
            if one.owed or one.rest:
                self.write(one)
        for key, _ in self.selector.select(wait):
            self.take(key.data)

    def settle(self, patience):
        """Until all that was written is answered; the seconds that took."""
        begun = time.monotonic()
        while self.open() or any(one.rest for one in self.connections):
            self.turn()
            if time.monotonic() - begun > patience:
                raise AssertionError("%d requests have no answer after %g s" % (self.open(), patience))
        return time.monotonic() - begun

    def close(self):
        for one in self.connections:
            one.socket.close()
        self.selector.close()


def ping_on(path, stop, results, pause):
    took = []
    with Client(path) as c:
        while not stop.is_set():
            begun = time.monotonic()
            c.call("daemon.ping")
            took.append(time.monotonic() - begun)
            time.sleep(pause)
    results.put(took)


class Pings:
    """A client of its own, in a process of its own: seconds that each ping took, once it is told to stop."""

    def __init__(self, path, pause=0.002):
        self.stop = multiprocessing.Event()
        self.results = multiprocessing.Queue()
        self.process = multiprocessing.Process(target=ping_on, args=(path, self.stop, self.results, pause), daemon=True)
        self.process.start()

    def end(self):
        self.stop.set()
        took = self.results.get(timeout=60)
        self.process.join()
        return sorted(took)


def quantiles(took):
    return "p50 %.2f, p99 %.2f, max %.2f ms (%d)" % (
        took[len(took) // 2] * 1000, took[len(took) * 99 // 100] * 1000, took[-1] * 1000, len(took))
