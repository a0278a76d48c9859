"""Clients that mean no good, or know no better: each is answered or dropped, and nobody else notices."""

import json
import random
import select
import socket
import struct
import threading
import time

from jobdlook import rss
from jobdtest import SANITIZED, Client, Daemon, check, equal, eventually, main, patient, test

MIB = 1 << 20
daemon = Daemon("pool.processes=1")


class Patient:
    """Another client, that pings all the while: how slow was the slowest answer?"""

    def __init__(self):
        self.client = daemon.client()
        self.slowest = 0
        self.pings = 0
        self.going = True
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while self.going:
            begun = time.monotonic()
            self.client.call("daemon.ping")
            self.slowest = max(self.slowest, time.monotonic() - begun)
            self.pings += 1

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.going = False
        self.thread.join()
        self.client.close()
        if kind is None:
            check(self.pings > 0)
            check(self.slowest < patient(0.5), "another client's ping took %.3f s" % self.slowest)
            print("# the slowest of %d pings beside it: %.1f ms" % (self.pings, self.slowest * 1000))


def connection():
    return Client(daemon.tcp)


def serves():
    with daemon.client() as c:
        equal(c.call("job.submit", type="noop", args={"a": 1}, wait=60)["result"], {"a": 1})


def is_error(reply, reason):
    equal((reply["error"]["data"]["reason"], reply["id"]), (reason, None))


def finish(client):
    """Ends our direction, and reads all that is still to come."""
    try:
        client.socket.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    lines = []
    while (line := client.read_line()) is not None:
        lines.append(line)
    return lines


@test("a web page's POST is answered once, closed, and runs nothing")
def _():
    submit = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "job.submit", "params": {"type": "noop", "queue": "smuggled"}})
    for head in ["POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % len(submit), "GET / HTTP/1.1\r\n\r\n",
                 "\r\n\r\nPOST / HTTP/1.0\r\n\r\n", "EHLO there\r\n", "x", '"text"', "1 ", "\ufeff"]:
        with connection() as c:
            c.write(head + "\n" + submit + "\n")
            is_error(c.read(), "parse_error")
            equal(c.read_line(), None)
    with daemon.client() as c:
        equal(c.call("job.count", queue="smuggled")["total"], 0)
    serves()


@test("a connection that began well is read on, whatever comes later")
def _():
    with connection() as c:
        c.call("daemon.ping")
        c.write("POST / HTTP/1.1\r\n\r\n")
        is_error(c.read(), "parse_error")
        c.call("daemon.ping")


@test("random bytes")
def _():
    with Patient():
        for seed in range(8):
            chance = random.Random(seed)
            noise = bytearray(chance.randbytes(65536))
            if seed % 2:
                # Lines that begin as ours do: the connection is kept, and each is answered.
                noise = b"\n".join((b"{" if n % 2 else b"[") + bytes(noise[n * 64:n * 64 + 60]).replace(b"\n", b"n")
                                   for n in range(1000)) + b"\n"
            with connection() as c:
                c.write(noise)
                lines = finish(c)
                check(lines)
                for line in lines:
                    is_error(json.loads(line), "parse_error")
                equal(len(lines), 1000 if seed % 2 else 1)
    serves()


@test("requests with a byte changed")
def _():
    good = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "job.submit",
                       "params": {"type": "noop", "args": {"a": ["b", 1.5, None, True]}, "dry_run": True}}).encode()
    chance = random.Random(1)
    with connection() as c:
        lines = 0
        for _ in range(2000):
            bad = bytearray(good)
            for _ in range(chance.randint(1, 3)):
                bad[chance.randrange(1, len(bad))] = chance.choice(b'{}[]",:0e-\\\x00\xff \x7f')
            c.write(bytes(bad) + b"\n")
            lines += 1
        # Each was answered, unless its id was lost without making it invalid: then it was a notification.
        replies = finish(c)
        check(lines * 0.9 < len(replies) <= lines, len(replies))
        for reply in replies:
            json.loads(reply)
    serves()


@test("200,000 brackets")
def _():
    with Patient(), connection() as c:
        for bracket in ["[", '{"a":']:
            c.write(bracket * 200000 + "\n")
            is_error(c.read(), "parse_error")
            c.call("daemon.ping")
        c.write("[" * 200000 + "]" * 200000 + "\n")
        is_error(c.read(), "parse_error")
        c.call("daemon.ping")


@test("a line of 100 MiB")
def _():
    before = rss(daemon.pid)
    with Patient(), connection() as c:
        c.write('{"jsonrpc":"2.0","id":1,"method":"daemon.ping","params":{"x":"')
        piece = b"x" * MIB
        most = 0
        for _ in range(100):
            c.write(piece)
            most = max(most, rss(daemon.pid))
        c.write('"}}\n')
        is_error(c.read(), "too_large")
        c.call("daemon.ping")
    print("# it grew by %.1f MiB meanwhile" % ((most - before) / MIB))
    check(SANITIZED or most - before < 8 * MIB, "it grew by %d MiB" % ((most - before) // MIB))


@test("a last line without its newline: taken as it is when the client ends, never before")
def _():
    with connection() as c:
        c.write('{"jsonrpc":"2.0","id":1,"method":"daemon.ping"')
        is_error(json.loads(finish(c)[0]), "parse_error")
    with connection() as c:
        c.write('{"jsonrpc":"2.0","id":1,"method":"daemon.ping"}')
        equal([json.loads(line)["id"] for line in finish(c)], [1])
    serves()


@test("NULs, and text that is not UTF-8")
def _():
    with connection() as c:
        c.write(b"[" + b"\0" * 1000 + b"]\n")
        is_error(c.read(), "parse_error")
        c.write(b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping\0"}\n')
        is_error(c.read(), "parse_error")
        c.write('{"jsonrpc":"2.0","id":1,"method":"daemon.ping\\u0000"}\n')
        equal(c.read()["error"]["data"]["reason"], "method_not_found")
        c.write('{"jsonrpc":"2.0","id":1,"method":"job.submit","params":{"type":"noop\\u0000","queue":"a\\u0000b"}}\n')
        equal(c.read()["error"]["data"]["reason"], "invalid_params")
        c.write('{"jsonrpc":"2.0","id":1,"method":"daemon.ping","params":{"\\u0000":1}}\n')
        check("error" in c.read())
        c.write(b'{"jsonrpc":"2.0","id":"\xc3\x28","method":"daemon.ping"}\n')
        is_error(c.read(), "parse_error")
        c.call("daemon.ping")


@test("names as long as a line are not repeated whole")
def _():
    with connection() as c:
        long = "\u00e4" * 200000
        for request in [{"method": long}, {"method": "job.submit", "params": {"type": long}},
                        {"method": "job.submit", "params": {"type": "noop", long: 1}},
                        {"method": "job.submit", "params": {"type": "noop", "queue": long}},
                        {"method": "daemon.ping", long: 1}, {"method": "queue.get", "params": {"name": long}}]:
            line = json.dumps(dict(request, jsonrpc="2.0", id=1), ensure_ascii=False)
            c.write(line + "\n")
            reply = c.read_line()
            check(len(reply) < 2000, len(reply))
            check("error" in json.loads(reply))


@test("clients that vanish while they are served")
def _():
    for how in range(40):
        c = connection()
        c.write("".join('{"jsonrpc":"2.0","id":%d,"method":"job.submit","params":'
                        '{"type":"sleep","args":{"seconds":0.05},"wait":60}}\n' % n for n in range(20)))
        if how % 2:
            # A reset instead of an end.
            c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
    with daemon.client() as c:
        eventually(lambda: c.call("daemon.status")["connections"]["open"] == 1, "only our own connection is open")
        eventually(lambda: c.call("daemon.status")["requests"]["in_flight"] == 1, "only our own request is in flight")
    serves()


@test("half-open and slow clients cost only themselves")
def _():
    slow = [connection() for _ in range(50)]
    for n, c in enumerate(slow):
        c.write('{"jsonrpc":"2.0","id":%d,' % n)
    with Patient():
        for _ in range(10):
            serves()
    for n, c in enumerate(slow):
        c.write('"method":"daemon.ping"}\n')
        equal(c.read()["id"], n)
        c.close()


@test("a client that floods and does not read is not read from, and memory stays bounded")
def _():
    before = rss(daemon.pid)
    request = b"".join(b'{"jsonrpc":"2.0","id":%d,"method":"daemon.status"}\n' % n for n in range(100))
    flood = connection()
    flood.socket.setblocking(False)
    sent, most = 0, 0
    quiet_since = time.monotonic()
    with Patient():
        # Until it takes no more for half a second: that is the daemon's word, not ours, so nothing else can be waited for.
        while time.monotonic() - quiet_since < 0.5 and sent < 200 * MIB:
            _, writable, _ = select.select([], [flood.socket], [], 0.1)
            if writable:
                try:
                    sent += flood.socket.send(request)
                    quiet_since = time.monotonic()
                except BlockingIOError:
                    pass
            most = max(most, rss(daemon.pid))
    print("# it took %.1f MiB of requests, and grew by %.1f MiB" % (sent / MIB, (most - before) / MIB))
    check(sent < 64 * MIB, "it read on")
    check(SANITIZED or most - before < 24 * MIB, "it grew by %d MiB" % ((most - before) // MIB))
    # Once it reads, it is served on.
    flood.socket.setblocking(True)
    flood.socket.settimeout(60)
    for n in range(1000):
        equal(flood.read()["id"], n % 100)
    flood.close()
    serves()


@test("a flood of requests that wait is bounded by limits.requests_per_connection")
def _():
    with Daemon("limits.requests_per_connection=10") as d, d.client() as c, d.client() as other:
        held = c.call("job.submit", type="noop", hold=True)["id"]
        # In one piece: what the daemon does not read yet must fit into the socket's buffer.
        line = '{"jsonrpc":"2.0","id":%d,"method":"job.wait","params":{"id":%d}}\n'
        waits = range(1000, 1100)
        c.write("".join(line % (number, held) for number in waits) + '{"jsonrpc":"2.0","id":1100,"method":"daemon.ping"}\n')
        eventually(lambda: other.call("daemon.status")["requests"]["in_flight"] == 11, "ten wait, and the asker's own")
        equal(other.call("job.release", id=held)["id"], held)
        for wait in waits:
            equal(c.result(wait)["state"], "succeeded")
        c.result(1100)


@test("one connection too many is told so and closed; the others go on")
def _():
    with Daemon("limits.connections=20") as d:
        open_ones = [d.client() for _ in range(20)]
        for c in open_ones:
            c.call("daemon.ping")
        for _ in range(5):
            with d.client() as c:
                is_error(c.read(), "overloaded")
                equal(c.read_line(), None)
        for c in open_ones:
            c.call("daemon.ping")
        open_ones.pop().close()
        # There is room again as soon as the daemon has seen it go.
        def room():
            with d.client() as c:
                try:
                    c.write('{"jsonrpc":"2.0","id":1,"method":"daemon.ping"}\n')
                except BrokenPipeError:     # closed before it could ask
                    return False
                return "result" in (c.read() or {})
        eventually(room, "room for one more")
        for c in open_ones:
            c.close()


@test("connects and closes by the hundred")
def _():
    with Patient():
        for _ in range(500):
            connection().close()
    with daemon.client() as c:
        eventually(lambda: c.call("daemon.status")["connections"]["open"] == 1, "only our own connection is open")


@test("nothing was left behind, and the daemon ends in peace")
def _():
    with daemon.client() as c:
        status = c.call("daemon.status")
        equal(status["requests"]["in_flight"], 1)
        equal(status["pool"]["died"], 0)
    equal([line for line in daemon.lines if "error:" in line], [])
    daemon.stop()
    daemon.check_sanitizers()


main()
