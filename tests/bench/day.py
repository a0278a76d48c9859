#!/usr/bin/env python3
"""A day's worth of jobs through one daemon, and what becomes of its memory: make bench-day JOBS=5000000.

No-op jobs are submitted as fast as they run, and pruned as fast as they end. Says the memory and the files at each tenth.
Nothing here passes or fails; `!` marks a memory that has grown by more than a tenth since the first tenth.

  day.py [JOBS]
"""

import os
import sys
import time

from load import LINE, Lines, machine, mib, say, submit_line

from jobdlook import rss
from jobdtest import Daemon

DEEP = 20000                # at most so many are ready
KEPT = 10000


def files(d):
    return sum(os.path.getsize(os.path.join(d.dir, name)) for name in os.listdir(d.dir) if name.startswith("jobd.db"))


def line_of(n):
    """Of ten queues; some with what makes a job larger, and is to be forgotten with it."""
    jobs = []
    for i in range(n, n + LINE):
        more = ""
        if i % 10 == 1:
            more = ',"tags":{"batch":"%d"}' % (n // LINE)
        if i % 10 == 2:
            more = ',"group":"g%d"' % (i % 1000)
        if i % 10 == 3:
            more = ',"concurrency":{"key":"k%d","limit":100}' % (i % 1000)
        if i % 10 == 4:
            more = ',"unique":{"key":"u%d"}' % i
        if i % 10 == 5:
            more = ',"delay":0.2'
        jobs.append('{"type":"noop","queue":"q%d","args":{"n":%d}%s}' % (i // 10 % 10, i, more))
    return submit_line(jobs)


def through(d, c, lines, sent, upto):
    """Submits until so many have been sent, and waits until they have run."""
    while True:
        counts = c.call("daemon.status")["counts"]
        active = sum(counts[state] for state in ("ready", "running", "scheduled"))
        if sent >= upto and active == 0:
            return sent
        if sent < upto and active < DEEP:
            lines.send(line_of(sent))
            sent += LINE
        else:
            time.sleep(0.005)


def main(jobs):
    say("%d jobs through one daemon" % jobs, "RSS, files, finals kept, jobs a second", "RSS stays as it is")
    say(machine(), "")
    with Daemon("retain.jobs=%d" % KEPT) as d, d.client(timeout=600) as c:
        lines = Lines(d.unix)
        sent, first, last = 0, 0, time.monotonic()
        for tenth in range(1, 11):
            before = sent
            sent = through(d, c, lines, sent, jobs * tenth // 10)
            now, size = time.monotonic(), rss(d.pid)
            counts = c.call("daemon.status")["counts"]
            first = first or size
            say("%d" % sent, "%s, %s, %d, %.0f" % (mib(size), mib(files(d)), counts["succeeded"], (sent - before) / (now - last)),
                "", size > first * 1.1)
            last = now
        lines.close()


main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000000)
