"""Queues: made on first use, shared fairly, paused and resumed, and they stay."""

import os
import time

from jobdtest import SANITIZED, Daemon, check, equal, eventually, main, patient, refused, tempdir, test

STATES = {"held", "blocked", "scheduled", "ready", "running", "succeeded", "failed", "cancelled", "expired"}


def sound(queue, weight=1):
    always = {"name", "paused", "weight", "counts"}
    check(always <= set(queue) <= always | {"concurrency", "rate", "max_ready", "oldest_ready_seconds"}, queue)
    equal(set(queue["counts"]), STATES, queue)
    check(queue["weight"] == weight and isinstance(queue["paused"], bool), queue)
    return queue


def some(queue):
    return {state: n for state, n in queue["counts"].items() if n}


@test("a queue is made by its first job, and counts it")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        equal(c.call("queue.list"), {"queues": []})
        equal(refused("not_found", c.call, "queue.get", name="one").field, "name")
        c.call("job.submit", type="noop", hold=True, queue="one")
        c.call("job.submit", type="noop", delay=60, queue="one")
        c.call("job.submit", type="noop", queue="one", wait=60)
        c.call("job.submit", type="sleep", args={"seconds": 0}, queue="two", wait=60)
        queues = {queue["name"]: sound(queue) for queue in c.call("queue.list")["queues"]}
        equal(set(queues), {"one", "two"})
        equal(some(queues["one"]), {"held": 1, "scheduled": 1, "succeeded": 1})
        equal(some(queues["two"]), {"succeeded": 1})
        equal(sound(c.call("queue.get", name="one")), queues["one"])
        check("oldest_ready_seconds" not in queues["one"], queues)


@test("a dry run makes none")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        c.call("job.submit", type="noop", queue="dry", dry_run=True)
        refused("invalid_params", c.call, "job.submit", type="noop", queue="wrong", priority="x")
        equal(c.call("queue.list"), {"queues": []})


@test("pause: what runs goes on, what is ready waits; resume")
def _():
    gate = os.path.join(tempdir(), "gate")
    os.mkfifo(gate)
    with Daemon("pool.processes=2") as d, d.client() as c:
        running = c.call("job.submit", type="exec", args={"command": "read line < %s; true" % gate}, queue="q")["id"]
        c.call("job.wait", id=running, **{"for": "started"})
        queue = sound(c.call("queue.pause", name="q"))
        equal((queue["name"], queue["paused"], some(queue)), ("q", True, {"running": 1}))
        open(gate, "w").close()
        waiting = [c.call("job.submit", type=type, args=args, queue="q")["id"]
                   for type, args in (("noop", {}), ("sleep", {"seconds": 0}), ("exec", {"command": "true"}))]
        equal(c.call("job.wait", id=running)["state"], "succeeded")
        c.call("job.submit", type="noop", queue="other", wait=60)
        for id in waiting:
            job = c.call("job.get", id=id)
            equal((job["state"], job["reason"]), ("ready", "queue_paused"))
        queue = sound(c.call("queue.get", name="q"))
        check(0 <= queue["oldest_ready_seconds"] < patient(10), queue)
        equal(sound(c.call("queue.pause", name="q"))["paused"], True)
        equal(sound(c.call("queue.resume", name="q"))["paused"], False)
        for job in c.call("job.wait", ids=waiting, timeout=60)["jobs"]:
            equal(job["state"], "succeeded")


@test("under load: once a pause or a drain is answered, nothing starts")
def _():
    with Daemon("pool.processes=1", "limits.io_jobs=200", "shutdown.grace=0") as d, d.client() as c:
        c.call("job.submit_many", jobs=[{"type": "sleep", "args": {"seconds": 0}, "queue": "q"}] * 10000)
        c.call("event.subscribe", queues=["q"], states=["running"])

        def starts(least, *stop, **params):
            """Until so many have started; then how many have not, at the reply to that call, and how many start after it."""
            while len(c.notifications) < least:
                c.notifications.append(c.read())
            c.call(*stop, **params)
            c.notifications.clear()
            left = c.call("job.count", queue="q", state="ready")["total"]
            c.call("job.submit", type="noop", queue="other", **({"wait": 60} if params else {}))
            equal(c.call("job.count", queue="q", state="ready")["total"], left)
            return left, len(c.notifications)

        for round in range(5):
            left, late = starts(100, "queue.pause", name="q")
            check(left > 0, "all had started: no test")
            equal(late, 0)
            c.call("queue.resume", name="q")
        left, late = starts(100, "daemon.drain")
        check(left > 0, "all had started: no test")
        equal(late, 0)
        c.call("queue.pause", name="q")
        c.call("daemon.resume")


@test("pause and resume make an unknown queue, which stays over a restart")
def _():
    d = Daemon("pool.processes=1")
    with d.client() as c:
        equal(sound(c.call("queue.pause", name="new"))["paused"], True)
        equal(sound(c.call("queue.resume", name="new2"))["paused"], False)
        c.call("job.submit", type="noop", queue="new")
    for hard in (False, True):
        d.restart(hard)
        with d.client() as c:
            queues = {queue["name"]: queue for queue in c.call("queue.list")["queues"]}
            equal(queues["new"]["paused"], True)
            equal(some(queues["new"]), {"ready": 1})
            equal(queues["new2"]["paused"], False)
    with d.client() as c:
        c.call("queue.resume", name="new")
        equal(c.call("job.wait", id=1, timeout=60)["state"], "succeeded")
    d.stop()


@test("a long queue does not hold up a short one")
def _():
    with Daemon("limits.io_jobs=2", "pool.processes=1") as d, d.client() as c:
        c.call("event.subscribe", states=["running"])
        c.call("queue.pause", name="long")
        c.call("queue.pause", name="short")
        for queue, n in (("long", 300), ("short", 20)):
            c.call("job.submit_many", jobs=[{"type": "sleep", "args": {"seconds": 0.001}, "queue": queue}] * n)
        ids = [job["id"] for job in c.call("job.list", queue="short")["jobs"]]
        c.call("daemon.drain")      # or the first to be resumed would have all the starts until the other is
        c.call("queue.resume", name="long")
        c.call("queue.resume", name="short")
        c.call("daemon.resume")
        c.call("job.wait", ids=ids, timeout=60)
        order = [c.event()["job"]["queue"] for _ in range(60)]
        last = max(n for n, queue in enumerate(order) if queue == "short") if "short" in order else 60
        equal(order.count("short"), 20)
        # They take turns: of the first forty or so, every second is of the short one.
        check(last < 50, order)


@test("a blocked head of one class does not hold up the other")
def _():
    with Daemon("limits.io_jobs=1", "pool.processes=1") as d, d.client() as c:
        first = c.call("job.submit", type="sleep", args={"seconds": 60})["id"]
        second = c.call("job.submit", type="sleep", args={"seconds": 60}, priority=1000)["id"]
        equal(c.call("job.submit", type="noop", priority=-1000, wait=60)["state"], "succeeded")
        for id in (second, first):
            c.call("job.cancel", id=id)


@test("a backlog among many queues starts at once, and again after a restart")
def _():
    d = Daemon("pool.processes=1", "shutdown.grace=0")
    with d.client() as c:
        c.call("job.submit_many", jobs=[{"type": "sleep", "args": {"seconds": 0}, "hold": True, "queue": "q%d" % n} for n in range(600)])
        c.call("queue.pause", name="big")
        c.call("job.submit_many", jobs=[{"type": "sleep", "args": {"seconds": 1000}, "queue": "big"} for _ in range(400)])
        c.call("queue.resume", name="big")
        eventually(lambda: c.call("daemon.status")["io"]["running"] == 400, "all run at once")
    d.restart(hard=True)
    with d.client() as c:
        eventually(lambda: c.call("daemon.status")["io"]["running"] == 400, "all run again")
    d.stop()


@test("many queues")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        n = 200 if SANITIZED else 1000
        for part in range(2):
            jobs = [{"type": "sleep", "args": {"seconds": 0}, "queue": "q-%d-%d" % (part, number)} for number in range(n)]
            answer = c.call("job.submit_many", jobs=jobs)["jobs"]
            c.call("job.wait", ids=[job["id"] for job in answer], timeout=60)
        equal(len(c.call("queue.list")["queues"]), 2 * n)
        begun = time.monotonic()
        c.call("daemon.ping")
        check(time.monotonic() - begun < patient(0.5))
        c.write('{"jsonrpc":"2.0","id":"all","method":"queue.list"}\n{"jsonrpc":"2.0","id":"ping","method":"daemon.ping"}\n')
        replies = [c.read(), c.read()]
        equal([reply["id"] for reply in replies], ["ping", "all"], "others get their turn while all are told")
        equal({queue["name"] for queue in replies[1]["result"]["queues"]},
              {"q-%d-%d" % (part, number) for part in range(2) for number in range(n)})


main()
