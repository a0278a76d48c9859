"""job.update: another priority, queue, time or tags for a job that has not started."""

import random
import time

from jobdlook import seconds_of, sound
from jobdtest import Daemon, check, equal, main, refused, test

SEED = time.time_ns() % 1000000


@test("each member changes, and what is not named stays")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        id = c.call("job.submit", type="noop", args={"n": 1}, hold=True, tags={"a": "1"}, meta=7)["id"]
        equal(sound(c.call("job.update", id=id, priority=-3))["priority"], -3)
        equal(sound(c.call("job.update", id=id, queue="other"))["queue"], "other")
        equal(sound(c.call("job.update", id=id, tags={"b": "2"}))["tags"], {"b": "2"})
        job = sound(c.call("job.update", id=id, run_at="2100-01-01T00:00:00Z"))
        equal((job["state"], job["run_at"]), ("held", "2100-01-01T00:00:00.000Z"))
        equal((job["priority"], job["queue"], job["tags"], job["args"], job["meta"]), (-3, "other", {"b": "2"}, {"n": 1}, 7))
        equal(c.call("job.list", tags={"a": "1"})["jobs"], [])
        equal(c.call("job.list", tags={"b": "2"}, queue="other")["jobs"][0]["id"], id)
        equal(sound(c.call("job.update", id=id, tags={})).get("tags"), None)
        equal(c.call("job.update", id=id), c.call("job.get", id=id))
        equal([c.call("queue.get", name=name)["counts"]["held"] for name in ("default", "other")], [0, 1])
        d.restart(hard=True)
        with d.client() as again:
            equal(again.call("job.release", id=id)["state"], "scheduled")
            equal(again.call("job.update", id=id, run_at=None)["id"], id)
            equal(again.call("job.wait", id=id, timeout=60)["state"], "succeeded")


@test("the time decides between scheduled and ready")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        c.call("queue.pause", name="default")
        id = c.call("job.submit", type="noop")["id"]
        c.call("event.subscribe", jobs=[id])
        soon = time.time() + 3600
        job = c.call("job.update", id=id, run_at=soon)
        equal((job["state"], job["reason"]), ("scheduled", "delay"))
        check(abs(seconds_of(job["run_at"]) - soon) < 0.01, job)
        equal(c.event()["job"]["state"], "scheduled")
        job = c.call("job.update", id=id, run_at=time.time() - 5)
        equal((job["state"], job["reason"], job.get("run_at")), ("ready", "queue_paused", None))
        equal(c.event()["job"]["state"], "ready")
        # No state is no event.
        c.call("job.update", id=id, priority=5)
        c.call("job.update", id=id, run_at=soon)
        equal(c.event()["job"]["state"], "scheduled")
        c.call("job.update", id=id, run_at=time.time() + 0.3)
        equal(c.event()["job"]["state"], "ready")
        c.call("queue.resume", name="default")
        equal(c.call("job.wait", id=id, timeout=60)["state"], "succeeded")


@test("the order follows, in the windows and behind them")
def _():
    with Daemon("pool.processes=1", "limits.io_jobs=1") as d, d.client() as c:
        c.call("queue.pause", name="default")
        jobs = [{"type": "sleep", "args": {"seconds": 0}}] * 3000
        ids = [job["id"] for job in c.call("job.submit_many", jobs=jobs)["jobs"]]
        first = [ids[2999], ids[5], ids[2000]]
        for n, id in enumerate(first):
            c.call("job.update", id=id, priority=10 - n)
        c.call("job.update", id=ids[0], priority=-1)
        c.call("event.subscribe", states=["running"])
        c.call("queue.resume", name="default")
        c.call("job.wait", id=ids[0], timeout=60)
        order = [event["params"]["job"]["id"] for event in c.notifications]
        equal(order[:4], first + [ids[1]])
        equal(order[-1], ids[0])
        equal(sorted(order), ids)


@test("a job leaves a paused queue by its way out")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        c.call("queue.pause", name="stuck")
        ids = [job["id"] for job in c.call("job.submit_many", jobs=[{"type": "noop", "queue": "stuck"}] * 5)["jobs"]]
        c.call("job.update", id=ids[3], queue="free")
        equal(c.call("job.wait", id=ids[3], timeout=60)["state"], "succeeded")
        equal(c.call("job.count", queue="stuck")["by_state"]["ready"], 4)
        equal(c.call("job.count", queue="free")["by_state"]["succeeded"], 1)
        back = c.call("job.submit", type="noop", queue="free", delay=3600)["id"]
        equal(c.call("job.update", id=back, queue="stuck", run_at=None)["reason"], "queue_paused")
        c.call("queue.resume", name="stuck")
        for job in c.call("job.wait", ids=ids + [back], timeout=60)["jobs"]:
            equal(job["state"], "succeeded")


@test("a full queue takes no more")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        c.call("queue.set", name="small", max_ready=1)
        ids = [job["id"] for job in c.call("job.submit_many", jobs=[{"type": "noop", "hold": True}] * 2)["jobs"]]
        c.call("job.update", id=ids[0], queue="small")
        error = refused("overloaded", c.call, "job.update", id=ids[1], queue="small")
        equal(error.field, "queue")
        check("queue small is full: 1 of its jobs wait, and its max_ready is 1" in error.message, error.message)
        equal(c.call("job.get", id=ids[1])["queue"], "default")
        c.call("job.update", id=ids[0], queue="small", priority=4)


@test("what runs, is over, or is not there is refused")
def _():
    with Daemon("pool.processes=1", "shutdown.grace=0") as d, d.client() as c:
        runs = c.call("job.submit", type="sleep", args={"seconds": 3600})["id"]
        c.call("job.wait", id=runs, **{"for": "started"})
        equal(refused("conflict", c.call, "job.update", id=runs, priority=1).data["id"], runs)
        over = c.call("job.submit", type="noop", wait=60)["id"]
        refused("conflict", c.call, "job.update", id=over, tags={"a": "b"})
        refused("conflict", c.call, "job.update", id=over, queue="other")
        refused("not_found", c.call, "job.update", id=99, queue="other")
        refused("not_found", c.call, "job.update", id=99, priority=1)


@test("under load: every job runs once, whatever it is moved to meanwhile")
def _():
    print("# seed %d" % SEED)
    chance = random.Random(SEED)
    with Daemon("pool.processes=2", "limits.io_jobs=10") as d, d.client() as c, d.client() as mover:
        queues = ["a", "b", "c"]
        jobs = [{"type": chance.choice(["noop", "sleep"]), "args": {"seconds": 0.01}, "queue": chance.choice(queues)} for _ in range(2000)]
        ids = [job["id"] for at in range(0, 2000, 500) for job in c.call("job.submit_many", jobs=jobs[at:at + 500])["jobs"]]
        moved = 0
        while mover.call("job.count", state=["ready", "scheduled", "running"])["total"] > 0:
            numbers = [mover.send("job.update", id=chance.choice(ids), queue=chance.choice(queues), priority=chance.randint(-5, 5),
                                  **({"run_at": time.time() + 0.01} if chance.random() < 0.2 else {})) for _ in range(50)]
            moved += sum("result" in mover.reply(number) for number in numbers)
        for at in range(0, 2000, 1000):
            for job in c.call("job.wait", ids=ids[at:at + 1000], timeout=60)["jobs"]:
                equal((job["state"], job["attempt"], len(sound(job)["history"])), ("succeeded", 1, 1), job)
        print("# %d updates" % moved)
        check(moved > 0, "none came in time")
        for queue in c.call("queue.list")["queues"]:
            counts = c.call("job.count", queue=queue["name"])["by_state"]
            equal(queue["counts"], counts, queue["name"])
            equal(counts["succeeded"], sum(counts.values()))


main()
