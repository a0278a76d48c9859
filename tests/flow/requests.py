"""request_id: whoever lost the answer asks again, and one job results.

$REQUESTS_SEED repeats a run.
"""

import os
import random
import threading
import time

from jobdtest import SANITIZED, Daemon, check, equal, eventually, main, refused, test

SEED = int(os.environ.get("REQUESTS_SEED", time.time_ns() % 1000000))
CLIENTS = 50 if SANITIZED else 300


def held(request_id, **members):
    return dict(members, type="noop", hold=True, request_id=request_id)


@test("the same id gets the same answer, whatever became of the job")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        job = {"type": "noop", "args": {"n": 1}, "request_id": "r"}
        first = c.call("job.submit", **job)
        record = c.call("job.wait", id=first["id"])
        equal(c.call("job.submit", **job), first)
        equal(c.call("job.submit", **dict(job, wait=60)), record)
        equal(c.call("job.submit", type="sleep", args={"seconds": 0}, request_id="r"), first)
        equal(c.call("job.submit_many", jobs=[job, {"type": "noop", "hold": True}])["jobs"][0], first)
        c.call("job.delete", id=first["id"])
        equal(c.call("job.submit", **job), first)
        error = refused("not_found", c.call, "job.submit", **dict(job, wait=60))
        equal((error.data["id"], error.field), (first["id"], None))
        d.restart(hard=True)
        with d.client() as again:
            equal(again.call("job.submit", **job), first)
            equal(again.call("job.count")["total"], 1)


@test("what was refused is tried anew")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        holder = c.call("job.submit", type="noop", hold=True, unique={"key": "k"})["id"]
        wanted = held("r", unique={"key": "k", "on_conflict": "reject"})
        equal(refused("conflict", c.call, "job.submit", **wanted).data["id"], holder)
        refused("invalid_params", c.call, "job.submit", **dict(wanted, priority=5000))
        c.call("job.cancel", id=holder)
        check(c.call("job.submit", **wanted)["id"] > holder)


@test("a full daemon still answers what it has accepted")
def _():
    with Daemon("pool.processes=1", "limits.jobs=3") as d, d.client() as c:
        first = c.call("job.submit", **held("a"))
        two = c.call("job.submit_many", jobs=[held("b"), held("c")])
        refused("overloaded", c.call, "job.submit", **held("d"))
        equal(c.call("job.submit", **held("a")), first)
        equal(c.call("job.submit_many", jobs=[held("b"), held("c")]), two)
        refused("overloaded", c.call, "job.submit_many", jobs=[held("b"), held("d")])
        refused("overloaded", c.call, "job.submit_many", jobs=[held("b"), {"type": "noop"}])
        c.call("job.cancel", id=first["id"])
        equal(c.call("job.submit", **held("d"))["id"], two["jobs"][1]["id"] + 1)
        equal(c.call("job.count")["total"], 4)


@test("%d clients with one id: one job" % CLIENTS)
def _():
    with Daemon("pool.processes=1") as d:
        clients = [d.client() for _ in range(CLIENTS)]
        numbers = [c.send("job.submit", **held("same")) for c in clients]
        answers = [c.result(number) for c, number in zip(clients, numbers)]
        equal(answers, answers[:1] * CLIENTS)
        equal(clients[0].call("job.count")["total"], 1)
        for c in clients:
            c.close()


@test("connections that break between request and reply")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        for n in range(CLIENTS):
            with d.client() as lost:
                lost.send("job.submit", **held("lost %d" % n))
        ids = [c.call("job.submit", **held("lost %d" % n))["id"] for n in range(CLIENTS)]
        equal(len(set(ids)), CLIENTS)
        # A request of a connection that is gone may still be on its way: it, too, finds the answer.
        equal(c.call("job.count")["total"], CLIENTS)
        eventually(lambda: c.call("daemon.status")["connections"]["open"] == 1, "the end of the lost connections")
        equal(c.call("job.count")["total"], CLIENTS)


class Asker(threading.Thread):
    """Submits under ids of its own until the daemon is gone; remembers what it was answered."""

    def __init__(self, daemon, name):
        threading.Thread.__init__(self)
        self.daemon_, self.name_ = daemon, name
        self.asked, self.answers = [], {}
        self.start()

    def run(self):
        try:
            with self.daemon_.client() as c:
                for n in range(100000):
                    id = "%s/%d" % (self.name_, n)
                    self.asked.append(id)
                    self.answers[id] = c.call("job.submit", **held(id))
        except (OSError, ConnectionError):
            pass


@test("kill -9 between request and reply: asked again, each id has one job, and the answers that were given")
def _():
    print("# REQUESTS_SEED=%d" % SEED)
    chance = random.Random(SEED)
    with Daemon("pool.processes=1") as d:
        asked, answers = [], {}
        for life in range(3):
            askers = [Asker(d, "%d/%d" % (life, n)) for n in range(16)]
            moment = time.monotonic() + chance.uniform(0.05, 0.5)
            eventually(lambda: time.monotonic() >= moment and sum(len(asker.answers) for asker in askers) > 40, "the moment, under load")
            d.restart(hard=True)
            for asker in askers:
                asker.join()
                asked += asker.asked
                answers.update(asker.answers)
            with d.client() as c:
                again = {}
                for at in range(0, len(asked), 500):
                    some = asked[at:at + 500]
                    again.update(zip(some, c.call("job.submit_many", jobs=[held(id) for id in some])["jobs"]))
                for id, answer in answers.items():
                    equal(again[id], answer, id)
                equal(len({answer["id"] for answer in again.values()}), len(asked))
                equal(c.call("job.count")["total"], len(asked))
                answers = again
        check(len(answers) > 100, "there was no load to speak of")
        print("# %d ids" % len(answers))


main()
