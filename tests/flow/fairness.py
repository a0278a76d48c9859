"""Groups take turns; concurrency keys and queues' limits hold, and hold up nobody else."""

import time

from jobdlook import seconds_of
from jobdtest import SANITIZED, Daemon, check, equal, eventually, main, patient, refused, test


def sleeps(n, seconds=0, **members):
    return [dict({"type": "sleep", "args": {"seconds": seconds}}, **members)] * n


def started(c, n):
    """The next n jobs that started, by their group."""
    ids = [c.event()["job"]["id"] for _ in range(n)]
    return [job.get("group") for job in (c.call("job.get", id=id) for id in ids)]


def reason(c, id):
    return c.call("job.get", id=id).get("reason")


@test("a record tells group and concurrency")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        id = c.call("job.submit", type="noop", hold=True, group="tenant", concurrency={"key": "db", "limit": 2})["id"]
        job = c.call("job.get", id=id)
        equal((job["group"], job["concurrency"]), ("tenant", {"key": "db", "limit": 2}))
        c.call("job.release", id=id)
        job = c.call("job.wait", id=id, timeout=60)
        equal((job["state"], job["group"], job["concurrency"]), ("succeeded", "tenant", {"key": "db", "limit": 2}))
        job = c.call("job.submit", type="noop", wait=60)
        check("group" not in job and "concurrency" not in job, job)


@test("groups of one queue take turns, whoever came first and however many it has")
def _():
    with Daemon("limits.io_jobs=1", "pool.processes=1") as d, d.client() as c:
        c.call("event.subscribe", states=["running"])
        c.call("queue.pause", name="default")
        for n, members in ((60, {"group": "big"}), (10, {"group": "small"}), (10, {})):
            c.call("job.submit_many", jobs=sleeps(n, **members))
        c.call("queue.resume", name="default")
        order = started(c, 80)
        for turn in range(10):
            equal(set(order[3 * turn:3 * turn + 3]), {"big", "small", None}, order)
        equal(order[30:], ["big"] * 50)


@test("priority goes before turns, and they go on after a restart")
def _():
    d = Daemon("limits.io_jobs=1", "pool.processes=1")
    with d.client() as c:
        c.call("queue.pause", name="default")
        c.call("job.submit_many", jobs=sleeps(6, group="a") + sleeps(6, group="b"))
        c.call("job.submit_many", jobs=sleeps(4, group="a", priority=5))
    d.restart(hard=True)
    with d.client() as c:
        c.call("event.subscribe", states=["running"])
        c.call("queue.resume", name="default")
        order = started(c, 16)
        equal(order[:4], ["a"] * 4)
        for turn in range(6):
            equal(set(order[4 + 2 * turn:6 + 2 * turn]), {"a", "b"}, order)
    d.stop()


@test("a group that was away has no credit")
def _():
    with Daemon("limits.io_jobs=1", "pool.processes=1") as d, d.client() as c:
        c.call("event.subscribe", states=["running"])
        c.call("job.submit", type="sleep", args={"seconds": 0}, group="b", wait=60)
        c.call("job.wait", ids=[j["id"] for j in c.call("job.submit_many", jobs=sleeps(40, group="a"))["jobs"]], timeout=60)
        started(c, 41)
        c.call("queue.pause", name="default")
        c.call("job.submit_many", jobs=sleeps(8, group="a") + sleeps(8, group="b"))
        c.call("queue.resume", name="default")
        order = started(c, 16)
        for turn in range(8):
            equal(set(order[2 * turn:2 * turn + 2]), {"a", "b"}, order)


class Running:
    """Follows the events of a connection: how many of each kind run at once, at most."""

    def __init__(self, c, of):
        self.c, self.of, self.now, self.most, self.ended = c, of, {}, {}, 0

    def see(self, n):
        while self.ended < n:
            job = self.c.event()["job"]
            kind = self.of[job["id"]]
            step = 1 if job["state"] == "running" else -1 if job["attempt"] else 0
            self.now[kind] = self.now.get(kind, 0) + step
            self.most[kind] = max(self.most.get(kind, 0), self.now[kind])
            self.ended += job["state"] in ("succeeded", "failed", "cancelled")


@test("never more of a key run than it says, over queues and types; the others go on")
def _():
    with Daemon("pool.processes=2") as d, d.client() as c:
        c.call("event.subscribe", states=["running", "succeeded"])
        jobs, kinds = [], []
        for n in range(120):
            key, limit = (("one", 1), ("three", 3), (None, 0))[n % 3]
            job = {"type": "noop"} if n % 2 else {"type": "sleep", "args": {"seconds": 0.005}}
            job.update(queue="q%d" % (n % 4), priority=n % 2)
            if key:
                job["concurrency"] = {"key": key, "limit": limit}
            jobs.append(job)
            kinds.append(key)
        ids = [job["id"] for job in c.call("job.submit_many", jobs=jobs)["jobs"]]
        running = Running(c, dict(zip(ids, kinds)))
        running.see(len(ids))
        equal((running.most["one"], running.now["one"], running.now["three"]), (1, 0, 0))
        check(2 <= running.most["three"] <= 3, running.most)


@test("a full key is told, and holds up neither its group nor its queue")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        one = {"concurrency": {"key": "k", "limit": 1}}
        first = c.call("job.submit", type="sleep", args={"seconds": 60}, **one)["id"]
        c.call("job.wait", id=first, **{"for": "started"})
        waits = [c.call("job.submit", type="sleep", args={"seconds": 0}, priority=9, **one)["id"] for _ in range(3)]
        equal(c.call("job.submit", type="sleep", args={"seconds": 0}, wait=60)["state"], "succeeded")
        equal([reason(c, id) for id in waits], ["key_concurrency"] * 3)
        # Another limit of the same key has room.
        equal(c.call("job.submit", type="noop", concurrency={"key": "k", "limit": 2}, wait=60)["state"], "succeeded")
        c.call("job.cancel", id=first)
        for job in c.call("job.wait", ids=waits, timeout=60)["jobs"]:
            equal(job["state"], "succeeded")


@test("a slot is free again however its job ended, and after a crash")
def _():
    d = Daemon("pool.processes=1", "pool.kill_grace=0.1")
    one = {"concurrency": {"key": "k", "limit": 1}}
    with d.client() as c:
        for job in ({"type": "exec", "args": {"command": "exit 3"}, "retry": {"max_attempts": 1}},
                    {"type": "exec", "args": {"command": "sleep 60"}, "timeout": 0.1, "retry": {"max_attempts": 1}},
                    {"type": "exec", "args": {"command": "exit 1"}, "retry": {"max_attempts": 2, "base": 0.05}},
                    {"type": "exec", "args": {"command": "kill -9 $PPID"}, "retry": {"max_attempts": 1}}):
            equal(c.call("job.submit", wait=60, **job, **one)["state"], "failed")
            equal(c.call("job.submit", type="noop", wait=60, **one)["state"], "succeeded")
        id = c.call("job.submit", type="sleep", args={"seconds": 60}, **one)["id"]
        c.call("job.wait", id=id, **{"for": "started"})
        c.call("job.cancel", id=id)
        equal(c.call("job.submit", type="noop", wait=60, **one)["state"], "succeeded")
        holder = c.call("job.submit", type="sleep", args={"seconds": 600}, **one)["id"]
        c.call("job.wait", id=holder, **{"for": "started"})
        c.call("queue.pause", name="rest")      # so that all of their story can be seen
        ids = [job["id"] for job in c.call("job.submit_many", jobs=sleeps(20, 0.02, queue="rest", **one))["jobs"]]
    d.restart(hard=True)
    with d.client() as c:
        c.call("event.subscribe", queues=["rest"], states=["running", "succeeded"])
        running = Running(c, {id: "k" for id in ids})
        eventually(lambda: c.call("job.get", id=holder)["attempt"] == 2)
        c.call("queue.resume", name="rest")
        equal(reason(c, ids[0]), "key_concurrency")
        c.call("job.cancel", id=holder)
        for job in c.call("job.wait", ids=ids, timeout=60)["jobs"]:
            equal(job["state"], "succeeded")
        running.see(len(ids))
        equal(running.most, {"k": 1})
    d.stop()


@test("never more of a queue run than it says, whatever the class; a reason tells")
def _():
    with Daemon("pool.processes=2", "queue.q.concurrency=3") as d, d.client() as c:
        equal(c.call("queue.set", name="q", concurrency=2)["concurrency"], 2)
        c.call("event.subscribe", queues=["q"], states=["running", "succeeded"])
        jobs = [{"type": "noop"} if n % 2 else {"type": "sleep", "args": {"seconds": 0.005}} for n in range(80)]
        ids = [job["id"] for job in c.call("job.submit_many", jobs=[dict(job, queue="q") for job in jobs])["jobs"]]
        running = Running(c, {id: "q" for id in ids})
        running.see(len(ids))
        check(running.most["q"] <= 2, running.most)
        ids = [job["id"] for job in c.call("job.submit_many", jobs=sleeps(3, 60, queue="q"))["jobs"]]
        eventually(lambda: c.call("queue.get", name="q")["counts"]["running"] == 2)
        equal(reason(c, ids[2]), "queue_concurrency")
        equal(c.call("job.submit", type="noop", wait=60)["state"], "succeeded")
        # Null clears it: the configured three hold.
        equal(c.call("queue.set", name="q", concurrency=None)["concurrency"], 3)
        eventually(lambda: c.call("queue.get", name="q")["counts"]["running"] == 3)
        for id in ids:
            c.call("job.cancel", id=id)


def starts(c, n):
    for _ in range(n):
        c.event()


@test("a rate: a burst at once, then no more than it says, and no polling between")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c, d.client() as other:
        equal(c.call("queue.set", name="q", rate={"per_second": 20, "burst": 5})["rate"], {"per_second": 20, "burst": 5})
        c.call("event.subscribe", queues=["q"], states=["running"])
        ids = [job["id"] for job in other.call("job.submit_many", jobs=sleeps(25, queue="q"))["jobs"]]
        starts(c, 25)
        # When they were told is one thing, when they started another.
        at = [seconds_of(other.call("job.get", id=id)["started_at"]) for id in ids]
        # The last one waits for twenty tokens, a twentieth of a second each.
        check(0.95 <= at[-1] - at[0] <= patient(1.6), at)
        for first in range(25):
            for last in range(first, 25):
                check(last - first + 1 <= 5 + 20 * (at[last] - at[first]) + 2, at)
        equal({job["state"] for job in other.call("job.wait", ids=ids, timeout=60)["jobs"]}, {"succeeded"})


@test("each attempt takes a token; a restart neither fills nor empties the bucket")
def _():
    d = Daemon("pool.processes=1", "queue.slow.rate=0.01")
    with d.client() as c:
        equal(c.call("queue.set", name="q", rate={"per_second": 0.001, "burst": 3})["rate"], {"per_second": 0.001, "burst": 3})
        job = c.call("job.submit", type="exec", args={"command": "exit 1"}, queue="q", retry={"max_attempts": 2, "base": 0}, wait=60)
        equal((job["state"], job["attempt"]), ("failed", 2))
        equal(c.call("job.submit", type="noop", queue="slow", wait=60)["state"], "succeeded")
    for hard in (True, False):
        d.restart(hard)
        with d.client() as c:
            c.call("queue.pause", name="q")
            id = c.call("job.submit", type="noop", queue="slow")["id"]
            eventually(lambda: reason(c, id) == "rate")
    with d.client() as c:
        c.call("queue.resume", name="q")
        equal(c.call("job.submit", type="noop", queue="q", wait=60)["state"], "succeeded")
        id = c.call("job.submit", type="noop", queue="q")["id"]
        eventually(lambda: reason(c, id) == "rate")
        equal(c.call("job.submit", type="noop", wait=60)["state"], "succeeded", "another queue goes on")
        c.call("queue.set", name="q", rate=None)
        equal(c.call("job.wait", id=id, timeout=60)["state"], "succeeded")
    d.stop()


@test("what waits for a token costs no time of the processor")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        c.call("queue.set", name="q", rate={"per_second": 0.001, "burst": 1})
        c.call("job.submit_many", jobs=sleeps(100, queue="q"))
        eventually(lambda: c.call("queue.get", name="q")["counts"]["succeeded"] == 1)
        before = c.call("daemon.status")
        time.sleep(0.3)
        after = c.call("daemon.status")
        turns = [status["loop"]["turns"] for status in (before, after) if "turns" in status.get("loop", {})]
        check(not turns or turns[1] - turns[0] < 100, turns)


@test("many groups, many keys")
def _():
    n = 300 if SANITIZED else 3000
    with Daemon("pool.processes=1") as d, d.client() as c:
        jobs = [{"type": "sleep", "args": {"seconds": 0}, "group": "g%d" % (i % n), "concurrency": {"key": "k%d" % (i // 2), "limit": 1}}
                for i in range(2 * n)]
        ids = [job["id"] for job in c.call("job.submit_many", jobs=jobs)["jobs"]]
        for part in range(0, len(ids), 1000):
            equal({job["state"] for job in c.call("job.wait", ids=ids[part:part + 1000], timeout=120)["jobs"]}, {"succeeded"})


@test("members that are wrong are refused by name")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        for members, field in (({"group": ""}, "group"), ({"group": "g" * 256}, "group"), ({"concurrency": {}}, "concurrency.key"),
                               ({"concurrency": {"key": "k"}}, "concurrency.limit"),
                               ({"concurrency": {"key": "k", "limit": 0}}, "concurrency.limit"),
                               ({"concurrency": {"key": "", "limit": 1}}, "concurrency.key"),
                               ({"concurrency": {"key": "k", "limit": 1, "per": "q"}}, "concurrency.per")):
            equal(refused("invalid_params", c.call, "job.submit", type="noop", **members).field, field)
        for rate, field in (({}, "rate.per_second"), ({"per_second": 0}, "rate.per_second"), (5, "rate"),
                            ({"per_second": 1, "burst": 0}, "rate.burst"), ({"per_second": 1, "size": 2}, "rate.size")):
            equal(refused("invalid_params", c.call, "queue.set", name="q", rate=rate).field, field)
        equal(c.call("job.count")["total"], 0)


main()
