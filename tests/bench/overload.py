"""Twice the load that the daemon can carry: make overload SECONDS=60.

First what it carries: jobs that end in a second, of as many as it is given room for. Then twice as many are submitted, at their
times and whatever becomes of those before, over many connections: functions for the pool, coroutines, web requests. Once with
limits.jobs, so that it answers `overloaded`; once without, so that what it cannot take in waits in the connections. A client of its
own pings meanwhile. Nothing here passes or fails; load and daemon share the machine.
"""

import math
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "flow"))
from jobdload import Load, Pings, line, quantiles  # noqa: E402
from jobdlook import rss  # noqa: E402
from jobdtest import Daemon, RpcError  # noqa: E402

SECONDS = float(os.environ.get("SECONDS", "60"))
CONNECTIONS = 64
ROOM = 4000            # jobs not final at once, while what it carries is measured
LIMIT = 20000          # limits.jobs
LOOKS = 6              # times that its size is printed
WAITING = ("held", "blocked", "scheduled", "ready", "running")


def say(what, figure):
    print("  %-58s %s" % (what, figure), flush=True)


def mixed(url):
    """Ten lines: of ten jobs seven count, two wait, one asks the web."""
    web = line(type="http", args={"url": url}, queue="web")
    return [line(type="noop", queue="count")] * 7 + [line(type="sleep", args={"seconds": 0}, queue="wait")] * 2 + [web]


def counts(c):
    return c.call("daemon.status")["counts"]


def ended(counted):
    return counted["succeeded"] + counted["failed"]


def carried(d, c, lines):
    """Jobs that end in a second while there always are some more."""
    load = Load(d.unix, CONNECTIONS, lines)
    begun = time.monotonic()
    first = None
    before = ended(counts(c))
    while time.monotonic() < begun + 6:
        now = counts(c)
        if first is None and time.monotonic() > begun + 1:
            first = (time.monotonic(), ended(now))
        load.offer(max(0, ROOM - (load.offered - (ended(now) - before))))
        for _ in range(10):
            load.turn()
    now = counts(c)
    rate = (ended(now) - first[1]) / (time.monotonic() - first[0])
    load.forget()
    load.settle(60)
    load.close()
    return rate


def at_rest(c):
    while sum(counts(c)[state] for state in WAITING) > 0:
        time.sleep(0.05)


def trip(c):
    """Seconds from submit to result; no end of them where it is refused."""
    begun = time.monotonic()
    try:
        c.call("job.submit", type="noop", queue="apart", wait=600)
    except RpcError as error:
        if error.reason != "overloaded":
            raise
        return math.inf
    return time.monotonic() - begun


def offer(d, c, lines, rate):
    """At that rate, for the time given. The load, the most bytes that it took, how many jobs waited at most."""
    load = Load(d.unix, CONNECTIONS, lines)
    begun, looks, most = time.monotonic(), 0, 0
    while (now := time.monotonic() - begun) < SECONDS:
        load.offer(int(rate * now) - load.offered)
        load.turn()
        if now > SECONDS * looks / LOOKS:
            looks += 1
            most = max(most, rss(d.pid))
            say("after %.0f s: RSS, jobs not final, lines not yet read" % now, "%.1f MiB, %d, %d" % (
                rss(d.pid) / (1 << 20), sum(counts(c)[state] for state in WAITING), load.owed()))
    return load, max(most, rss(d.pid))


def recover(c, load, normal):
    """What becomes of it when the load ends."""
    over = time.monotonic()
    say("offered, in all", "%d" % load.offered)
    say("not read by the daemon when the load ended", "%d" % load.owed())
    load.forget()
    good = 0
    while good < 5:
        load.turn(0)
        good = good + 1 if trip(c) <= 2 * normal else 0
    say("until submit → result in a queue of its own is as at rest", "%.2f s" % (time.monotonic() - over))
    load.settle(600)
    say("until all that was read is answered", "%.2f s" % (time.monotonic() - over))
    say("answers", ", ".join("%s %d" % item for item in sorted(load.answers.items())))
    waiting = sum(counts(c)[state] for state in WAITING)
    at_rest(c)
    say("until the %d jobs that were left have ended" % waiting, "%.2f s" % (time.monotonic() - over))


def overload(name, url, *options):
    lines = mixed(url)
    with Daemon(*options) as d, d.client() as c:
        print(name, flush=True)
        trips = sorted(trip(c) for _ in range(200))
        say("at rest: submit → result", quantiles(trips))
        pings = Pings(d.unix)
        time.sleep(1)
        say("at rest: pings", quantiles(pings.end()))
        rate = carried(d, c, lines)
        at_rest(c)
        say("it carries, jobs/s", "%.0f" % rate)
        say("RSS before", "%.1f MiB" % (rss(d.pid) / (1 << 20)))
        pings = Pings(d.unix)
        load, most = offer(d, c, lines, 2 * rate)
        say("pings under twice that", quantiles(pings.end()))
        say("RSS at most", "%.1f MiB" % (most / (1 << 20)))
        lag = c.call("daemon.status")["loop"]
        recover(c, load, trips[len(trips) * 99 // 100])
        say("the loop's lag at most", "%.1f ms" % lag["lag_max_ms"])
        load.close()


def main():
    server = subprocess.Popen([os.environ["SLOWWEB"], "0", "0"], stdout=subprocess.PIPE, text=True)
    try:
        url = "http://" + server.stdout.readline().split("http://", 1)[1].split()[0]
        overload("with limits.jobs=%d" % LIMIT, url, "limits.jobs=%d" % LIMIT)
        overload("without limits.jobs", url)
    finally:
        server.kill()
        server.wait()


main()
