"""What jobd promises of waiting, counting and answering, in figures of the machine at hand: make promises.

Nothing here passes or fails: a busy machine would decide it. Each line says the bound that a quiet one keeps.
"""

import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "flow"))
from jobdlook import rss  # noqa: E402
from jobdtest import Daemon, eventually  # noqa: E402

SLOWWEB = os.environ["SLOWWEB"]
PRIMES = os.environ["PRIMES"]


def say(what, figure, bound):
    print("%-62s %-34s %s" % (what, figure, bound), flush=True)


def submit_many(c, n, **job):
    ids = []
    for at in range(0, n, 2500):
        ids += [answer["id"] for answer in c.call("job.submit_many", jobs=[job] * min(2500, n - at))["jobs"]]
    return ids


def seconds_of(c, n, **job):
    """From the first submit to the last final record."""
    begun = time.monotonic()
    records = c.call("job.wait", ids=submit_many(c, n, **job), timeout=120)["jobs"]
    took = time.monotonic() - begun
    wrong = [record for record in records if record["state"] != "succeeded"]
    assert not wrong, wrong[0]
    return took


def pings(d, stop):
    """Milliseconds of a ping every 2 ms until told, sorted."""
    took = []
    with d.client() as c:
        while not stop.is_set():
            begun = time.monotonic()
            c.call("daemon.ping")
            took.append((time.monotonic() - begun) * 1000)
            time.sleep(0.002)
    return sorted(took)


def quantiles(took):
    return "p50 %.2f, p99 %.2f, max %.2f ms" % (took[len(took) // 2], took[len(took) * 99 // 100], took[-1])


def pinged(d, seconds):
    """What a client's pings take meanwhile."""
    stop = threading.Event()
    timer = threading.Timer(seconds, stop.set)
    timer.start()
    return pings(d, stop)


def sleepers():
    with Daemon("pool.processes=1") as d, d.client() as c:
        say("500 jobs `sleep 1`, first submit to last record", "%.2f s" % seconds_of(c, 500, type="sleep", args={"seconds": 1}),
            "2 s")
    with Daemon("pool.processes=1", "shutdown.grace=0") as d, d.client() as c:
        c.call("job.submit", type="sleep", args={"seconds": 0}, wait=60)
        before = rss(d.pid)
        submit_many(c, 10000, type="sleep", args={"seconds": 3600})
        eventually(lambda: c.call("daemon.status")["counts"]["running"] == 10000)
        say("10,000 sleeping jobs, RSS each", "%.1f KiB" % ((rss(d.pid) - before) / 10000 / 1024), "12 KiB, better 8")
        say("pings beside them", quantiles(pinged(d, 2)), "50 ms")


def web():
    server = subprocess.Popen([SLOWWEB], stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().strip()
        with Daemon("pool.processes=1") as d, d.client() as c:
            say("1,000 jobs `http` to a server that answers after 1 s",
                "%.2f s" % seconds_of(c, 1000, type="http", args={"url": url}, timeout=30), "2 s")
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


def counting():
    took = []
    for processes in (1, 2):
        with Daemon("pool.processes=%d" % processes, "pool.nice=0") as d, d.client() as c:
            c.call("job.submit", type="noop", wait=60)
            took.append(seconds_of(c, 8, type="exec", args={"argv": [PRIMES, "1000000000", "100000"]}))
    say("8 counting jobs on two processes, of one's time", "%.2f / %.2f s = %.2f" % (took[1], took[0], took[1] / took[0]),
        "0.6")


def saturate(d, stop, at):
    with d.client() as c:
        while not stop.is_set():
            c.call("job.wait", ids=submit_many(c, 500, type="noop", args={"n": at}), timeout=120)


def saturated():
    with Daemon() as d:
        stop = threading.Event()
        flood = [threading.Thread(target=saturate, args=(d, stop, at)) for at in range(4)]
        for thread in flood:
            thread.start()
        took = pinged(d, 10)
        stop.set()
        for thread in flood:
            thread.join()
        with d.client() as c:
            status = c.call("daemon.status")
        say("pings while pool and store are saturated (%d jobs)" % status["counts"]["succeeded"], quantiles(took), "p99 50 ms")
        say("the loop's own lag meanwhile", str(status["loop"]), "")


def main():
    say("", "measured", "bound on a quiet machine")
    for part in (sleepers, web, counting, saturated):
        part()


main()
