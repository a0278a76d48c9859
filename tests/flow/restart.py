"""What a restart keeps: everything. Each test lives through a clean stop and through kill -9."""

import os
import re
import time

from jobdlook import sound, with_mark
from jobdtest import SANITIZED, Daemon, check, equal, eventually, main, patient, tempdir, test


def each_way(name):
    """Registers the test twice: over a clean restart, and over one after kill -9."""
    def register(function):
        test(name + ", over a clean restart")(lambda: function(False))
        test(name + ", over kill -9")(lambda: function(True))
        return function
    return register


def restarted(d, hard):
    d.restart(hard)
    return d.client()


@each_way("held, scheduled and ready jobs are as they were")
def _(hard):
    with Daemon("pool.processes=1") as d:
        with d.client() as c:
            c.call("queue.pause", name="p")
            before = [c.call("job.submit", type="exec", args={"command": "true", "env": {"A": "\u00e4"}}, **members)["id"] for members in (
                {"hold": True, "priority": -5, "tags": {"a": "b"}, "meta": {"x": [1, 2.5]}}, {"delay": 3600, "timeout": 7},
                {"queue": "p", "ttl": 3600, "retry": {"max_attempts": 7, "backoff": "linear", "base": 2, "cap": 9, "jitter": 0.5}},
                {"queue": "p", "unique": {"key": "k"}}, {"hold": True, "interrupted": "fail", "retain": 5})]
            records = [sound(c.call("job.get", id=id)) for id in before]
            count, queues = c.call("job.count"), c.call("queue.list")
        with restarted(d, hard) as c:
            equal([sound(c.call("job.get", id=id)) for id in before], records)
            equal(c.call("job.count"), count)
            after = c.call("queue.list")
            for queue in queues["queues"] + after["queues"]:
                queue.pop("oldest_ready_seconds", None)
            key = lambda queue: queue["name"]
            equal(sorted(after["queues"], key=key), sorted(queues["queues"], key=key))
            equal(c.call("job.submit", type="noop", unique={"key": "k"}), {"id": before[3], "state": "ready", "existing": True})
            c.call("queue.resume", name="p")
            for id in (before[0], before[4]):
                c.call("job.release", id=id)
            for job in c.call("job.wait", ids=[before[n] for n in (0, 2, 3, 4)], timeout=60)["jobs"]:
                equal((job["state"], job["attempt"]), ("succeeded", 1))


@each_way("final records, results, histories and output are as they were")
def _(hard):
    with Daemon("pool.processes=2") as d:
        with d.client() as c:
            ids = [c.call("job.submit", wait=60, **members)["id"] for members in (
                {"type": "noop", "args": {"x": "\u20ac"}}, {"type": "sleep", "args": {"seconds": 0.01}},
                {"type": "exec", "args": {"command": "seq 100000; echo no >&2; exit 3"}, "retry": {"max_attempts": 2, "base": 0}},
                {"type": "noop", "hold": True, "ttl": 0})]
            cancelled = c.call("job.submit", type="noop", hold=True)["id"]
            c.call("job.cancel", id=cancelled)
            ids.append(cancelled)
            records = [sound(c.call("job.get", id=id)) for id in ids]
            equal([job["state"] for job in records], ["succeeded", "succeeded", "failed", "expired", "cancelled"])
            out = c.call("job.output", id=ids[2], stream="stdout", offset=1000, limit=5000)
        with restarted(d, hard) as c:
            equal([sound(c.call("job.get", id=id)) for id in ids], records)
            equal(c.call("job.output", id=ids[2], stream="stdout", offset=1000, limit=5000), out)
            equal([job["id"] for job in c.call("job.list")["jobs"]], ids[::-1])


@each_way("ids go on, also past deleted ones")
def _(hard):
    with Daemon("pool.processes=1") as d:
        with d.client() as c:
            last = [c.call("job.submit", type="noop", wait=60)["id"] for _ in range(5)][-1]
            for id in range(1, last + 1):
                c.call("job.delete", id=id)
        with restarted(d, hard) as c:
            equal(c.call("job.count")["total"], 0)
            equal(c.call("job.submit", type="noop")["id"], last + 1)


@each_way("time goes on while it is down: what was due runs, what expired expires")
def _(hard):
    with Daemon("pool.processes=1") as d:
        with d.client() as c:
            at = time.time() + 0.3
            due = c.call("job.submit", type="noop", run_at=at)["id"]
            expired = c.call("job.submit", type="noop", expires_at=at, hold=True)["id"]
        d.kill9() if hard else d.stop()
        eventually(lambda: time.time() > at + 0.05, "its time")
        d.start()
        with d.client() as c:
            job = sound(c.call("job.wait", id=due, timeout=60))
            equal(job["state"], "succeeded")
            equal(sound(c.call("job.wait", id=expired, timeout=60))["state"], "expired")


@each_way("priorities order a backlog")
def _(hard):
    with Daemon("limits.io_jobs=1", "pool.processes=1") as d:
        with d.client() as c:
            c.call("queue.pause", name="default")
            jobs = [{"type": "sleep", "args": {"seconds": 0}, "priority": n * 37 % 11 - 5} for n in range(300)]
            ids = [job["id"] for job in c.call("job.submit_many", jobs=jobs)["jobs"]]
        with restarted(d, hard) as c:
            c.call("event.subscribe", states=["running"])
            c.call("queue.resume", name="default")
            c.call("job.wait", ids=ids, timeout=60)
            order = [c.event()["job"]["id"] for _ in ids]
            equal(order, sorted(ids, key=lambda id: (-jobs[ids.index(id)]["priority"], id)))


@test("what ran at kill -9 is recorded as interrupted, and runs again")
def _():
    with Daemon("pool.processes=2") as d:
        with d.client() as c:
            io = c.call("job.submit", type="sleep", args={"seconds": 1000})["id"]
            command = "test $JOBD_ATTEMPT = 2 || sleep 1000"
            cpu = c.call("job.submit", type="exec", args={"command": command}, retry={"max_attempts": 1})["id"]
            c.call("job.wait", ids=[io, cpu], **{"for": "started"})
            # The claim is on disk once the store has it; a started job need not wait for that.
            eventually(lambda: {c.call("job.get", id=id)["state"] for id in (io, cpu)} == {"running"}, "both run")
        with restarted(d, True) as c:
            job = sound(c.call("job.wait", id=cpu, timeout=60))
            equal((job["state"], [entry["outcome"] for entry in job["history"]]), ("succeeded", ["interrupted", "succeeded"]))
            eventually(lambda: c.call("job.get", id=io)["attempt"] == 2, "the second attempt")
            job = sound(c.call("job.cancel", id=io))
            equal([entry["outcome"] for entry in job["history"]], ["interrupted", "cancelled"])


@test("interrupted: fail is never run twice")
def _():
    marker = os.path.join(tempdir(), "marker")
    with Daemon("pool.processes=2") as d:
        with d.client() as c:
            ids = [c.call("job.submit", type=type, args=args, interrupted="fail")["id"] for type, args in (
                ("exec", {"command": "echo $JOBD_ID >> %s; sleep 1000" % marker}), ("sleep", {"seconds": 1000}))]
            eventually(lambda: os.path.exists(marker) and os.path.getsize(marker) > 0, "the command runs")
            c.call("job.wait", ids=ids, **{"for": "started"})
        with restarted(d, True) as c:
            for job in c.call("job.wait", ids=ids, timeout=60)["jobs"]:
                sound(job)
                equal((job["state"], job["attempt"], job["error"]["reason"]), ("failed", 1, "interrupted"))
        with open(marker) as f:
            equal(f.read(), "%d\n" % ids[0])


@test("a cancel that was recorded holds over kill -9")
def _():
    with Daemon("pool.processes=1", "pool.kill_grace=1000") as d:
        with d.client() as c, d.client() as other:
            id = c.call("job.submit", type="exec", args={"command": "trap '' TERM; echo; sleep 1000"})["id"]
            eventually(lambda: c.call("job.output", id=id, stream="stdout")["data"], "its trap is set")
            c.send("job.cancel", id=id)
            eventually(lambda: "cancel_requested_at" in other.call("job.get", id=id), "the cancel is recorded")
        with restarted(d, True) as c:
            job = sound(c.call("job.wait", id=id, timeout=60))
            equal((job["state"], job["attempt"]), ("cancelled", 1))


@test("nothing of a killed daemon's commands is alive when its jobs start again")
def _():
    mark = "jobd-test-mark-%d" % os.getpid()
    first = "(trap '' TERM HUP; sleep 1000 & exec sleep 1000) & trap '' TERM HUP; sleep 1000 & sleep 1000"
    second = "grep -slz '^MARK=%s' /proc/[0-9]*/environ; true" % mark
    with Daemon("pool.processes=2") as d:
        with d.client() as c:
            ids = [c.call("job.submit", type="exec", args={"command": "if test $JOBD_ATTEMPT = 1; then %s; fi; %s" % (first, second),
                                                           "env": {"MARK": mark}})["id"] for _ in range(2)]
            eventually(lambda: len(with_mark(mark)) >= 8, "the commands and their children")
            old = set(with_mark(mark))
        d.kill9()
        d.start()
        with d.client() as c:
            for job in c.call("job.wait", ids=ids, timeout=60)["jobs"]:
                equal((job["state"], job["attempt"]), ("succeeded", 2))
                seen = {int(pid) for pid in re.findall(r"/proc/(\d+)/", job["result"]["stdout"])}
                check(seen, "it did not even see itself")
                check(not seen & old, "it began beside what its first attempt left: %r" % (seen & old))


@test("a large backlog costs no time to start")
def _():
    n = 5000 if SANITIZED else 30000
    with Daemon("pool.processes=1") as d:
        with d.client() as c:
            c.call("queue.pause", name="big")
            for _ in range(n // 5000):
                c.call("job.submit_many", jobs=[{"type": "noop", "queue": "big"}] * 5000)
        d.kill9()
        begun = time.monotonic()
        d.start()
        with d.client() as c:
            c.call("daemon.ping")
            took = time.monotonic() - begun
            print("# %d jobs: the first answer after %.2f s" % (n, took))
            check(took < patient(2), took)
            equal(c.call("queue.get", name="big")["counts"]["ready"], n)


main()
