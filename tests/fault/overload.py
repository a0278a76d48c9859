"""More than it can do: a full daemon answers `overloaded`, or reads slower; it answers pings meanwhile, stays small, and keeps its word."""

import threading

from jobdlook import rss
from jobdtest import SANITIZED, Daemon, check, equal, eventually, main, patient, test
from jobdload import Load, line

CONNECTIONS, EACH = 8, 150 if SANITIZED else 600
IN_FLIGHT = 32                   # limits.requests_per_connection
JOBS = 200                       # limits.jobs
REQUEST, JOB = 64 << 10, 4 << 10     # bytes that one may take, with its coroutine's stack, its answer and its share of a commit
STORE = 48 << 20                 # SQLite's caches, of the writer and the readers

WAITING = ["held", "blocked", "scheduled", "ready", "running"]


class Witness(threading.Thread):
    """Pings and looks while there is load: how often, and the most that it saw."""

    def __init__(self, daemon):
        threading.Thread.__init__(self)
        self.daemon, self.over, self.failed = daemon, threading.Event(), None
        self.pings = self.jobs = self.requests = self.bytes = 0
        self.start()

    def run(self):
        try:
            with self.daemon.client() as c:
                while not self.over.is_set():
                    c.call("daemon.ping")
                    status = c.call("daemon.status")
                    self.pings += 1
                    self.jobs = max(self.jobs, sum(status["counts"][state] for state in WAITING))
                    self.requests = max(self.requests, status["requests"]["in_flight"])
                    self.bytes = max(self.bytes, rss(self.daemon.pid))
        except Exception as error:
            self.failed = error

    def end(self):
        self.over.set()
        self.join()
        check(self.failed is None, self.failed)


def loaded(d, jobs):
    """All at once on many connections; the load, and what was seen beside it."""
    before = rss(d.pid)
    load = Load(d.unix, CONNECTIONS, [line(type="noop", queue="a"), line(type="sleep", args={"seconds": 0}, queue="b")])
    load.keep = True
    witness = Witness(d)
    load.offer(CONNECTIONS * EACH)
    while load.owed() or load.open():
        load.turn()
        check(witness.failed is None, witness.failed)
    witness.end()
    load.close()
    print("# answers: %r; beside them %d pings; at most %d jobs, %d requests under way, %.1f MiB more" % (
        dict(load.answers), witness.pings, witness.jobs, witness.requests, (witness.bytes - before) / (1 << 20)))
    equal(sum(load.answers.values()), CONNECTIONS * EACH)
    check(witness.pings > 0, "no ping was answered meanwhile")
    check(witness.requests <= CONNECTIONS * IN_FLIGHT + 1, "more was read than may be under way")
    if not SANITIZED:
        room = STORE + CONNECTIONS * IN_FLIGHT * REQUEST + jobs * JOB
        check(witness.bytes - before < room, "it grew by %d bytes, of %d" % (witness.bytes - before, room))
    return load, witness


def all_end(d, load):
    with d.client() as c:
        equal(len(set(load.ids)), load.answers["accepted"])
        for at in range(0, len(load.ids), 1000):
            for job in c.call("job.wait", ids=load.ids[at:at + 1000], timeout=patient(60))["jobs"]:
                equal(job["state"], "succeeded")
        eventually(lambda: c.call("daemon.status")["counts"]["running"] == 0, "it rests")
        equal(c.call("job.submit", type="noop", wait=patient(20))["state"], "succeeded")


@test("with limits.jobs: overloaded beyond it, pings answered, memory bounded; all that was accepted ends")
def _():
    with Daemon("pool.processes=1", "limits.jobs=%d" % JOBS, "limits.requests_per_connection=%d" % IN_FLIGHT) as d:
        load, witness = loaded(d, JOBS)
        check(load.answers["overloaded"] > 0, "it was not full")
        equal(set(load.answers), {"accepted", "overloaded"})
        check(witness.jobs <= JOBS, "there were more jobs than limits.jobs")
        all_end(d, load)


@test("without: what is under way is bounded, so that readers are slowed; all is accepted, and ends")
def _():
    with Daemon("pool.processes=1", "limits.requests_per_connection=%d" % IN_FLIGHT) as d:
        load, _ = loaded(d, CONNECTIONS * EACH)
        equal(set(load.answers), {"accepted"})
        all_end(d, load)


main()
