"""The benchmarks of scale, lag, memory and a day, in short: what they fill, measure and say is there."""

import os
import subprocess
import sys

from jobdtest import check, equal, main, test

HERE = os.path.join(os.environ.get("SRCDIR", "."), "tests", "bench")
ENV = dict(os.environ, SLOWWEB=os.path.join(os.environ.get("BUILDDIR", "."), "slowweb"))


def lines_of(script, *words):
    """What it prints, by what it is about."""
    ran = subprocess.run([sys.executable, os.path.join(HERE, script), *words], env=ENV, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, check=False)
    equal(ran.returncode, 0, ran.stdout)
    return {line[:58].strip(): line[58:].strip() for line in ran.stdout.splitlines()}


def said(lines, what):
    check(what in lines, "%r is not among %r" % (what, sorted(lines)))
    return lines[what]


@test("scale: each state is filled, each look taken, and pruned room is used again")
def _():
    lines = lines_of("scale.py", "1000", "10")
    equal(said(lines, "of these"), "100 held, 200 blocked, 300 scheduled, 395 ready, 5 running, 1 succeeded")
    for what in ("start to first answer after kill -9", "job.list of ready in a queue", "job.count",
                 "dispatch, noop, pages written each", "pruned"):
        said(lines, what)
    check("does not grow" in said(lines, "files before pruning, after, with as many new ones"))


@test("lag: all is asked at once, before and after a kill -9")
def _():
    lines = lines_of("lag.py", "0.2", "20")
    check("p99" in said(lines, "all at once: the loop's lag"))
    check("p99" in said(lines, "after kill -9: the loop's lag"))


@test("memory: each thing has its line")
def _():
    lines = lines_of("memory.py", "0.01")
    for what in ("a connection, accepted", "an HTTP transfer in flight: an `http` that runs", "a scheduled job",
                 "a watcher: a `job.wait` that waits"):
        check(" of " in said(lines, what), lines)


@test("a day: all jobs go through")
def _():
    check("MiB" in said(lines_of("day.py", "4000"), "4000"))


main()
