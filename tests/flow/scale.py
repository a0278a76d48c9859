"""Many jobs that wait, in little memory; lightly, for every run. SCALE=10 makes it ten times as many."""

import os
import time

from jobdlook import rss
from jobdtest import SANITIZED, Daemon, check, equal, eventually, main, patient, test

SCALE = int(os.environ.get("SCALE", "1"))


def submit_many(c, n, **job):
    ids = []
    for at in range(0, n, 2500):
        ids += [answer["id"] for answer in c.call("job.submit_many", jobs=[job] * min(2500, n - at))["jobs"]]
    return ids


@test("500 that sleep a second end together")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        begun = time.monotonic()
        ids = submit_many(c, 500, type="sleep", args={"seconds": 1})
        for job in c.call("job.wait", ids=ids, timeout=60)["jobs"]:
            equal((job["state"], job["attempt"]), ("succeeded", 1))
        took = time.monotonic() - begun
        print("# 500 sleeps of 1 s: %.2f s" % took)
        check(1 <= took < patient(4), took)


@test("10,000 sleep in little memory, and the daemon answers")
def _():
    n = (500 if SANITIZED else 10000) * SCALE
    with Daemon("pool.processes=1", "limits.io_jobs=%d" % n, "shutdown.grace=0") as d, d.client() as c:
        # The first ones make what stays: caches, the log's pages, the heap's first blocks.
        c.call("job.submit", type="sleep", args={"seconds": 0}, wait=60)
        before = rss(d.pid)
        begun = time.monotonic()
        submit_many(c, n, type="sleep", args={"seconds": 3600})
        eventually(lambda: c.call("daemon.status")["io"]["running"] == n, "all sleep")
        eventually(lambda: c.call("daemon.status")["counts"]["running"] == n, "and the store knows")
        took = time.monotonic() - begun
        each = (rss(d.pid) - before) / n
        slowest = 0
        for _ in range(200):
            asked = time.monotonic()
            c.call("daemon.ping")
            slowest = max(slowest, time.monotonic() - asked)
        print("# %d sleeping after %.2f s: %.1f KiB each; the slowest of 200 pings: %.1f ms" % (n, took, each / 1024, slowest * 1000))
        check(SANITIZED or each < 16 * 1024, each)
        check(slowest < patient(0.2), slowest)
        # As many cancels, pipelined.
        some = [job["id"] for job in c.call("job.list", state="running", limit=n // 10)["jobs"]]
        begun = time.monotonic()
        for number in [c.send("job.cancel", id=id) for id in some]:
            equal(c.result(number)["state"], "cancelled")
        check(time.monotonic() - begun < patient(5))
        begun = time.monotonic()
        d.stop()
        print("# the stop, with %d to interrupt: %.2f s" % (n - len(some), time.monotonic() - begun))


@test("a backlog lies on the disk, not in memory")
def _():
    n = (10000 if SANITIZED else 50000) * SCALE
    with Daemon("pool.processes=1") as d, d.client() as c:
        c.call("queue.pause", name="default")
        submit_many(c, 2000, type="noop", args={"text": "x" * 200})
        before = rss(d.pid)
        submit_many(c, n, type="noop", args={"text": "x" * 200})
        grown = rss(d.pid) - before
        print("# %d more in the backlog: %.1f MiB" % (n, grown / (1 << 20)))
        check(SANITIZED or grown < 40 << 20, grown)
        equal(c.call("queue.get", name="default")["counts"]["ready"], n + 2000)


main()
