#!/usr/bin/env python3
"""What each thing costs the daemon in memory: make bench-memory.

Resident memory of a daemon before and after there are many of them, divided by how many: all that goes with each is in
it, its share of tables that grow by doubling, too. Each row has a daemon of its own, whose caches have been filled before.

  memory.py [PART]          of as many, e.g. 0.1
"""

import json
import os
import resource
import subprocess
import sys

from load import fill, machine, mib, say

from jobdlook import rss
from jobdtest import Client, Daemon, eventually

PART = float(sys.argv[1]) if len(sys.argv) > 1 else 1
FUTURE = 1 << 32


def many(n):
    return max(64, int(n * PART))


WARM = many(100000)         # jobs that fill SQLite's caches


def kib(size):
    return "%.2f KiB" % (size / 1024) if size >= 1024 else "%.0f bytes" % size


def status(c):
    return c.call("daemon.status")


class Row:
    """A daemon that is warm; each(n, what) says what its memory has grown by since."""

    def __init__(self, *options):
        self.d = Daemon("pool.processes=1", "shutdown.grace=0", "limits.connections=20000", "log.level=error", *options, start=False)

    def __enter__(self):
        self.d.options.remove("log.level=error")
        self.d.start()
        self.c = self.d.client(timeout=600)
        self.c.call("job.submit", type="sleep", args={"seconds": 0}, wait=60)
        fill(self.d.unix, WARM, lambda n: '{"type":"noop","queue":"warm","run_at":%d}' % FUTURE)
        self.still()
        self.before = rss(self.d.pid)
        return self

    def __exit__(self, *_):
        self.c.close()
        self.d.kill9()
        return False

    def still(self):
        eventually(lambda: status(self.c)["store"]["waiting"] == 0 and status(self.c)["requests"]["in_flight"] == 1, "it is still")

    def each(self, what, n, bound=""):
        self.still()
        say(what, kib((rss(self.d.pid) - self.before) / n) + " of %d" % n, bound)
        self.before = rss(self.d.pid)


def connections():
    n = many(5000)
    with Row() as row:
        open_ones = [Client(row.d.unix) for _ in range(n)]
        row.each("a connection, accepted", n)
        for c in open_ones:
            c.call("daemon.ping")
        row.each("and what its first request adds", n)
        for c in open_ones:
            c.close()


def sleeping():
    n = many(10000)
    with Row("limits.io_jobs=%d" % n) as row:
        fill(row.d.unix, n, lambda _: '{"type":"sleep","args":{"seconds":86400}}')
        eventually(lambda: status(row.c)["counts"]["running"] == n)
        row.each("a parked coroutine: a `sleep` that runs", n, "12 KiB, better 8")


def transfers():
    n = many(5000)
    web = subprocess.Popen([os.environ["SLOWWEB"], "0", "3600"], stdout=subprocess.PIPE, text=True)
    try:
        job = json.dumps({"type": "http", "args": {"url": web.stdout.readline().strip()}})
        with Row("limits.io_jobs=%d" % n) as row:
            fill(row.d.unix, n, lambda _: job)
            eventually(lambda: status(row.c)["counts"]["running"] == n)
            # connected, and asked: what is sent has been answered by nothing yet
            eventually(lambda: len(os.listdir("/proc/%d/fd" % row.d.pid)) > n)
            row.each("an HTTP transfer in flight: an `http` that runs", n, "28 KiB")
    finally:
        web.terminate()
        web.wait()
        web.stdout.close()


ARGS = '"args":{"url":"https://example.org/somewhere/%d","text":"of a hundred bytes or so, as many a job has them"}'


def queued():
    n = many(60000)
    with Row() as row:
        for number in range(60):
            row.c.call("queue.pause", name="q%d" % number)
        row.before = rss(row.d.pid)
        fill(row.d.unix, n, lambda i: '{"type":"noop","queue":"q%d",%s}' % (i % 60, ARGS % i))
        row.each("a ready job in the working set, its arguments with it", n)
        fill(row.d.unix, 5 * n, lambda i: '{"type":"noop","queue":"q%d",%s}' % (i % 60, ARGS % i))
        row.each("a ready job beyond the working set", 5 * n)
        fill(row.d.unix, 5 * n, lambda i: '{"type":"noop","run_at":%d,%s}' % (FUTURE + i, ARGS % i))
        row.each("a scheduled job", 5 * n)


def flows():
    n = many(20000)
    with Row() as row:
        fill(row.d.unix, n, lambda i: '{"type":"noop","queue":"q%d","run_at":%d}' % (i, FUTURE))
        row.each("a queue, with a job that is not ready", n)
        row.c.call("queue.pause", name="groups")
        fill(row.d.unix, n, lambda i: '{"type":"noop","queue":"groups","group":"g%d"}' % i)
        row.each("a group, with a ready job in the working set", n)
        fill(row.d.unix, n, lambda i: '{"type":"noop","queue":"groups","concurrency":{"key":"k%d","limit":1}}' % i)
        row.each("a concurrency key, with a ready job", n)


def watchers():
    each = 64
    n = many(64000) // each * each
    with Row() as row:
        clients = [Client(row.d.unix) for _ in range(n // each)]
        for c in clients:
            c.call("daemon.ping")
        row.before = rss(row.d.pid)
        for c in clients:
            for _ in range(each):
                c.call("event.subscribe", queues=["somewhere"], states=["succeeded"])
        row.each("a watcher: a subscription to a queue's successes", n)
        waits = many(1000)
        clients = clients[:10]
        for c in clients:
            for number in range(waits):
                c.write('{"jsonrpc":"2.0","id":%d,"method":"job.wait","params":{"id":2}}\n' % number)
        n = waits * len(clients)
        eventually(lambda: status(row.c)["requests"]["in_flight"] == n + 1)
        say("a watcher: a `job.wait` that waits", kib((rss(row.d.pid) - row.before) / n) + " of %d" % n)


def base():
    with Daemon("pool.processes=1") as d, d.client() as c:
        c.call("job.submit", type="noop", wait=60)
        say("a daemon with nothing to do, and a process of its pool",
            "%s, %s" % (mib(rss(d.pid)), mib(rss(pool_process(d)))))


def pool_process(d):
    with open("/proc/%d/task/%d/children" % (d.pid, d.pid), encoding="ascii") as children:
        return int(children.read().split()[0])


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    say("resident memory of", "each", "bound")
    say(machine(), "")
    for part in (base, connections, sleeping, transfers, queued, flows, watchers):
        part()


main()
