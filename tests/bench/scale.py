#!/usr/bin/env python3
"""Millions of queued jobs in a thousand queues: make bench-scale JOBS=5000000 QUEUES=1000.

Fills a daemon through the wire, and says what that costs: memory, disk, the start, first pages, counts, submits and
dispatches beside an empty daemon's of the same run, and the pruning of a fifth of them. Nothing here passes or fails: a
busy machine would decide it. Each line says the bound that a quiet one keeps; `!` marks what is out of it. What a submit
and a dispatch cost in instructions, however much waits, is `make bench-cost`'s to say.

  scale.py [JOBS [QUEUES]]
"""

import json
import os
import random
import socket
import sys
import time

from load import LINE, Lines, Pings, fill, kept_waiting, lag_begin, lag_since, lag_text, machine, mib, quantile, quantiles, real_time, say, timed

from jobdlook import rss
from jobdtest import Daemon, eventually

FUTURE = 1 << 32            # run_at: far enough
ROUNDS = 9                  # beside the empty daemon
SUBMITS = 20000             # a round, at most: a tenth of the jobs
LOOKS = 60                  # at each page and count
KEEP = ("retain.jobs=1000000000", "retain.seconds=31536000")


# ---- the jobs ----

class Mix:
    """A tenth with a group, a tenth with a key; paused queues are those of even number."""

    def __init__(self, queues):
        self.queues = queues

    def queue(self, n):
        return "q%d" % (n % self.queues)

    def body(self, n):
        text = '"queue":"%s","args":{"seconds":86400},"type":"sleep","meta":{"n":%d,"for":"somebody@example.org"}' % (self.queue(n), n)
        if n % 10 == 3:
            text += ',"group":"g%d"' % (n // self.queues % 8)
        if n % 10 == 7:
            text += ',"concurrency":{"key":"k%d","limit":4}' % (n % self.queues)
        return text

    def job(self, n):
        """4 of 10 ready, 3 scheduled, 2 blocked (by the scheduled one before), 1 held."""
        which = n // self.queues % 10 if LINE < self.queues else n % 10
        body = self.body(n + n // 10)
        if which < 4:
            return "{%s}" % body
        if which < 7:
            return '{%s,"run_at":%d%s}' % (body, FUTURE + n % 10000000, ',"ref":"r%d"' % n if which == 6 else "")
        if which < 9:
            return '{%s,"after":["r%d"]}' % (body, n - which + 6)
        return '{%s,"hold":true}' % body


def set_up(c, mix):
    """Half of the queues are paused; each of the others runs one, and the rest of it waits."""
    for number in range(mix.queues):
        if number % 2 == 0:
            c.call("queue.pause", name=mix.queue(number))
        else:
            c.call("queue.set", name=mix.queue(number), concurrency=1)


# ---- starts ----

def first_answer(d):
    """Seconds from its exec to the first answer of a client that tries all the while."""
    begun = time.monotonic()
    d.start(wait=False)
    while True:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
                s.connect(d.unix)
                s.sendall(b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping"}\n')
                if s.recv(4096).startswith(b'{"jsonrpc"'):
                    return time.monotonic() - begun
        except OSError:
            time.sleep(0.002)


def forget_pages(d):
    """What the page cache has of its files goes, as far as the kernel lets go of it."""
    for name in ("jobd.db", "jobd.db-wal"):
        fd = os.open(os.path.join(d.dir, name), os.O_RDONLY)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def starts(d):
    for how, end, cold in (("a clean stop", d.stop, False), ("kill -9", d.kill9, False), ("kill -9, its files not in the page cache", d.kill9, True)):
        end()
        try:
            os.unlink(d.unix)
        except FileNotFoundError:
            pass
        if cold:
            forget_pages(d)
        took = first_answer(d)
        say("start to first answer after " + how, "%.2f s" % took, "2 s, better 0.5", took > 2)
        with d.client(timeout=600) as c:
            eventually(lambda: c.call("daemon.status")["store"]["waiting"] == 0, "it is still", 600)


# ---- pages and counts ----

def looks(c, mix):
    pages = [("job.list", lambda n: {}), ("job.list, oldest", lambda n: {"order": "oldest"}),
             ("job.list of a queue", lambda n: {"queue": mix.queue(n)}),
             ("job.list of a queue, oldest", lambda n: {"queue": mix.queue(n), "order": "oldest"})]
    for state in ("ready", "scheduled", "blocked", "held", "running", "failed"):
        pages += [("job.list of " + state, lambda n, state=state: {"state": state}),
                  ("job.list of %s, oldest" % state, lambda n, state=state: {"state": state, "order": "oldest"}),
                  ("job.list of %s in a queue" % state, lambda n, state=state: {"state": state, "queue": mix.queue(n)})]
    for what, params in pages:
        look(c, what, "job.list", params)
    look(c, "job.count", "job.count", lambda n: {})
    look(c, "job.count of a queue", "job.count", lambda n: {"queue": mix.queue(n)})
    look(c, "job.count of ready in a queue", "job.count", lambda n: {"state": "ready", "queue": mix.queue(n)})
    look(c, "queue.get", "queue.get", lambda n: {"name": mix.queue(n)})
    look(c, "daemon.status", "daemon.status", lambda n: {})
    look(c, "queue.list, of %d" % mix.queues, "queue.list", lambda n: {}, "")


def look(c, what, method, params, bound="10 ms"):
    chance = random.Random(1)
    took = []
    for _ in range(LOOKS):
        line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params(chance.randrange(1 << 20))}) + "\n"
        begun = time.monotonic()
        c.write(line)
        reply = c.read_line()
        took.append((time.monotonic() - begun) * 1000)
        assert b'"error"' not in reply[:64], reply[:300]
    took.sort()
    say(what, "p50 %.2f, max %.2f ms" % (quantile(took, 0.5), took[-1]), bound, bool(bound) and quantile(took, 0.5) > 10)


# ---- beside an empty one ----

def submit_rate(d, c, mix, at, at_once, jobs):
    """Submits a second, and pages written for each."""
    lines = Lines(d.unix, at_once)
    before = c.call("daemon.status")["store"]["pages_written"]
    begun = time.monotonic()
    for n in range(at, at + jobs):
        lines.send('{"jsonrpc":"2.0","id":0,"method":"job.submit","params":{%s,"run_at":%d}}\n' % (mix.body(n * 7919), FUTURE))
    lines.finish()
    took = time.monotonic() - begun
    lines.close()
    return jobs / took, (c.call("daemon.status")["store"]["pages_written"] - before) / jobs


def dispatch_rate(d, c, at, jobs):
    """No-op jobs from ready to final a second, and pages written for each."""
    queue = "run%d" % at
    c.call("queue.pause", name=queue)
    fill(d.unix, jobs, lambda n: '{"type":"noop","queue":"%s"}' % queue)
    before = c.call("daemon.status")["store"]["pages_written"]
    begun = time.monotonic()
    c.call("queue.resume", name=queue)
    while c.call("queue.get", name=queue)["counts"].get("succeeded", 0) < jobs:
        time.sleep(0.005)
    took = time.monotonic() - begun
    return jobs / took, (c.call("daemon.status")["store"]["pages_written"] - before) / jobs


def median(values):
    return quantile(sorted(values), 0.5)


def beside(d, empty, mix, at):
    jobs = min(SUBMITS, at // 10)
    with d.client(timeout=600) as full_c, empty.client(timeout=600) as empty_c:
        both = ((d, full_c), (empty, empty_c))
        for what, work in (("submit, one at a time", lambda one, c, n: submit_rate(one, c, mix, n, 1, jobs // 10)),
                           ("submit, 256 at once", lambda one, c, n: submit_rate(one, c, mix, n, 256, jobs)),
                           ("dispatch, noop", lambda one, c, n: dispatch_rate(one, c, n, jobs))):
            got = ([], [])
            for _ in range(ROUNDS):
                at += jobs
                for side, (one, c) in enumerate(both):
                    got[side].append(work(one, c, at))
            for which, unit in ((0, "/s"), (1, " pages")):
                full, base = (median([pair[which] for pair in side]) for side in got)
                ratio = full / base
                say(what + (", pages written each" if which else ", a second"),
                    "%.5g, empty %.5g: x %.2f" % (full, base, ratio), "0.75..1.25" if which else "",
                    which == 1 and not 0.75 <= ratio <= 1.25)


# ---- pruning ----

def disk(d):
    return sum(os.path.getsize(os.path.join(d.dir, name)) for name in os.listdir(d.dir) if name.startswith("jobd.db"))


def finals(c):
    counts = c.call("daemon.status")["counts"]
    return sum(counts[state] for state in ("succeeded", "failed", "cancelled", "expired"))


def while_pinged(done, d, what):
    """The loop's lag is what the daemon itself does to its time: its thread has a core whenever it wants one, if it may."""
    real_time(d)
    with d.client(timeout=600) as c:
        lag, kept = lag_begin(c), kept_waiting(d)
        with Pings(d) as pings:
            took, _ = timed(lambda: done(c))
        ran, waited = (now - then for now, then in zip(kept_waiting(d), kept))
        lag = lag_since(c, lag)
    say(what + ": a client's pings", quantiles(pings.took), "p99 20 ms", quantile(pings.took, 0.99) > 20)
    say(what + ": the loop's lag", lag_text(lag), "p99 10, max 50 ms", lag["p99"] > 10 or lag["max"] > 50)
    say("the loop ran, and was ready without a core", "%.0f %%, %.0f %% of the time" % (ran / took * 100, waited / took * 100))
    return took


def cancel(c, n, mix):
    """Queues' worth of jobs, until n are final."""
    number = 0
    while finals(c) < n and number < mix.queues:
        c.call("job.cancel_many", queue=[mix.queue(number)], state=["ready", "held", "scheduled", "blocked"])
        number += 1


def prune(d, mix, n):
    with d.client(timeout=600) as c:
        there = finals(c)
    took = while_pinged(lambda c: cancel(c, there + n, mix), d, "cancelling %d" % n)
    with d.client(timeout=600) as c:
        many = finals(c)
    fresh = many - there
    say("cancelled", "%d in %.1f s: %.0f/s" % (fresh, took, fresh / took))
    d.stop()
    before = disk(d)
    d.options = [option for option in d.options if option not in KEEP] + ["retain.jobs=0"]
    d.start()
    took = while_pinged(lambda c: eventually(lambda: finals(c) == 0, "all are pruned", 3600), d, "pruning %d" % many)
    say("pruned", "%.0f/s" % (many / took))
    after = disk(d)
    fill(d.unix, fresh, mix.job)
    say("files before pruning, after, with as many new ones", "%s, %s, %s" % (mib(before), mib(after), mib(disk(d))),
        "does not grow", disk(d) > before * 1.05)


# ---- all ----

def main(jobs, queues):
    mix = Mix(queues)
    options = ("pool.processes=1", "limits.connections=64", "shutdown.grace=0") + KEEP
    with Daemon(*options) as d, Daemon(*options) as empty:
        say("%d jobs in %d queues" % (jobs, queues), "measured", "bound on a quiet machine")
        say(machine(), "")
        for one in (d, empty):
            with one.client(timeout=600) as c:
                set_up(c, mix)
                c.call("job.submit", type="noop", wait=60)
        base = rss(d.pid)
        took = fill(d.unix, jobs, mix.job)
        with d.client(timeout=600) as c:
            eventually(lambda: c.call("daemon.status")["counts"]["running"] == queues // 2, "each queue runs what it may", 600)
            counts = c.call("daemon.status")["counts"]
        say("filled through the wire", "%.0f s: %.0f/s" % (took, jobs / took))
        say("of these", ", ".join("%d %s" % (n, state) for state, n in counts.items() if n))
        say_memory("RSS above that of an empty daemon", d, base)
        say("disk, bytes a job", "%.0f" % (disk(d) / jobs))
        starts(d)
        say_memory("RSS above empty after such a start", d, base)
        with d.client(timeout=600) as c:
            looks(c, mix)
        beside(d, empty, mix, jobs)
        say_memory("RSS above empty after these", d, base)
        empty.stop()
        prune(d, mix, jobs // 5)


def say_memory(what, d, base):
    above = rss(d.pid) - base
    say(what, mib(above), "250 MB, better 100", above > 250e6)


main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000000, int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
