#!/usr/bin/env python3
"""How long the loop keeps what is due waiting, while everything is asked of it at once: make bench-lag SECONDS=60.

Submits one by one and by the thousand, a pool that is never idle, 5,000 HTTP transfers in flight, long lists, a client
that watches all of it, checkpoints and pruning; then kill -9, and the same again upon what was left. The lag is the
daemon's own: a timer every 50 ms, from due to run. The kernel's part in it is told apart: how long the loop's thread was
ready and got no core; and, where it may, it is measured once more with that thread at real-time priority, which leaves
what the daemon itself does to its time. Nothing here passes or fails: a busy machine would decide it; `!` marks what is out of its bound.

  lag.py [SECONDS [TRANSFERS]]
"""

import json
import os
import re
import subprocess
import sys
import time

from load import Lines, Pings, kept_waiting, lag_begin, lag_since, lag_text, machine, quantiles, real_time, say, submit_line

from jobdtest import Client, Daemon, check, eventually

ANSWER = 2                  # seconds that each of these takes
DEEP = 20000                # ready jobs of the pool, at most
SLOW_MS = 10


# ---- the load: each a process of its own ----

def room(c, queue, most):
    """Waits until the queue has fewer jobs than that before it; how many fewer."""
    while True:
        counts = c.call("queue.get", name=queue)["counts"]
        there = counts.get("ready", 0) + counts.get("running", 0)
        if there < most:
            return most - there
        time.sleep(0.01)


def submit_singly(to):
    lines = Lines(to, 256)
    with Client(to) as c:
        while True:
            for _ in range(min(5000, room(c, "singly", DEEP))):
                lines.send('{"jsonrpc":"2.0","id":0,"method":"job.submit","params":{"type":"noop","queue":"singly","args":{"text":"as it comes"}}}\n')


def submit_by_thousands(to):
    lines = Lines(to, 2)
    line = submit_line(['{"type":"noop","queue":"many","tags":{"for":"somebody"},"args":{"text":"by the thousand"}}'] * 5000)
    with Client(to) as c:
        while True:
            room(c, "many", DEEP)
            lines.send(line)


def transfer(to, url, transfers):
    lines = Lines(to, 2)
    job = json.dumps({"type": "http", "queue": "web", "args": {"url": url}, "retry": {"max_attempts": 1}})
    with Client(to) as c:
        while True:
            lines.send(submit_line([job] * min(500, room(c, "web", int(transfers) * 6 // 5))))


def look(to):
    """Long lists, and counts of what takes a look at each."""
    with Client(to) as c:
        while True:
            cursor = {}
            for _ in range(10):
                page = c.call("job.list", limit=1000, full=True, **cursor)
                if "next_cursor" not in page:
                    break
                cursor = {"cursor": page["next_cursor"]}
            c.call("job.list", limit=1000, tags={"for": "somebody"}, state="ready")
            c.call("job.count", reason="next")
            c.call("queue.list")


def watch(to):
    with Client(to, timeout=600) as c:
        c.call("event.subscribe")
        while c.socket.recv(1 << 20):
            pass


LOADS = {load.__name__: load for load in (submit_singly, submit_by_thousands, transfer, look, watch)}


class Load:
    def __init__(self, d, *web):
        self.words = [(name, d.unix) + (web if name == "transfer" else ()) for name in LOADS]

    def __enter__(self):
        self.processes = [subprocess.Popen([sys.executable, os.path.abspath(__file__), *words]) for words in self.words]
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()
        return False

    def check(self):
        for process, words in zip(self.processes, self.words):
            check(process.poll() is None, "%s has ended" % words[0])


# ---- the measure ----

def slow_ones(d):
    """By name: how many, and for how long at most."""
    held = {}
    for name, ms in re.findall(r"coroutine (\S+) held the loop for ([0-9.]+) ms", d.log()):
        held.setdefault(name, []).append(float(ms))
    return ", ".join("%s %d (%.0f ms)" % (name, len(all_ms), max(all_ms)) for name, all_ms in sorted(held.items())) or "none"


def run(d, url, transfers, seconds, what):
    with d.client(timeout=600) as c:
        lag = lag_begin(c)
        for queue in ("singly", "many", "web"):
            c.call("queue.resume", name=queue)
        with Load(d, url, str(transfers)) as load:
            eventually(lambda: c.call("daemon.status")["io"]["running"] == transfers, "all transfers are in flight", 120)
            say("%d transfers begin: the loop's lag" % transfers, lag_text(lag_since(c, lag)), "")
            lag, store = lag_begin(c), c.call("daemon.status")["store"]
            before = kept_waiting(d)
            begun = time.monotonic()
            with Pings(d) as pings:
                while time.monotonic() - begun < seconds:
                    time.sleep(0.1)
                    load.check()
            took = time.monotonic() - begun
            got = lag_since(c, lag)
            status = c.call("daemon.status")
            ran, waited = (now - then for now, then in zip(kept_waiting(d), before))
    say(what + ": the loop's lag", lag_text(got), "p99 10, max 50 ms", got["p99"] > 10 or got["max"] > 50)
    say("a client's pings", quantiles(pings.took), "")
    say("the loop ran, and was ready without a core", "%.0f %%, %.0f %% of the time" % (ran / took * 100, waited / took * 100))
    say("coroutines that held it longer than %d ms, since the start" % SLOW_MS, slow_ones(d))
    say("operations of the store, pages written, a second",
        "%.0f, %.0f" % tuple((status["store"][name] - store[name]) / took for name in ("operations", "pages_written")))


def main(seconds, transfers):
    say("for %d s each" % seconds, "measured", "bound on a quiet machine")
    say(machine(), "")
    web = subprocess.Popen([os.environ["SLOWWEB"], "0", str(ANSWER)], stdout=subprocess.PIPE, text=True)
    try:
        url = web.stdout.readline().strip()
        with Daemon("retain.jobs=50000", "limits.io_jobs=%d" % transfers, "log.slow_ms=%d" % SLOW_MS, "shutdown.grace=0") as d:
            run(d, url, transfers, seconds, "all at once")
            d.restart(hard=True)
            run(d, url, transfers, seconds, "after kill -9")
            d.restart(hard=True)
            if real_time(d):
                run(d, url, transfers, seconds, "with a core whenever it wants one")
    finally:
        web.terminate()
        web.wait()
        web.stdout.close()


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in LOADS:
        LOADS[sys.argv[1]](*sys.argv[2:])
    elif len(sys.argv) > 1:
        main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5000)
    else:
        main(60, 5000)
