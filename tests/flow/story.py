"""Random lives: clients do to jobs whatever they like, all at once, and one that only listens retells every job's story.

Each story must be one that the states allow, told once and in order, and end where the record says. $STORY_SEED repeats
a run, as far as chance is to blame.
"""

import collections
import os
import random
import threading
import time

from jobdlook import FINAL, sound
from jobdtest import SANITIZED, Daemon, RpcError, check, equal, main, patient, test

SEED = int(os.environ.get("STORY_SEED", time.time_ns() % 1000000))
JOBS = 300 if SANITIZED else 1000

MAY_FOLLOW = {
    None: {"held", "scheduled", "ready"},
    "held": {"ready", "scheduled", "cancelled", "expired"},
    "scheduled": {"ready", "held", "cancelled", "expired"},
    "ready": {"running", "held", "cancelled", "expired"},
    "running": {"succeeded", "failed", "cancelled", "scheduled", "ready"},
    "succeeded": {"ready"}, "failed": {"ready"}, "cancelled": {"ready", "scheduled"}, "expired": {"ready", "scheduled"},
}
QUEUES = ["one", "two", "three"]


class Actors:
    """Clients at work on common jobs."""

    def __init__(self, daemon, n):
        self.daemon = daemon
        self.ids = []
        self.replies = collections.Counter()
        self.failures = []
        self.threads = [threading.Thread(target=self.act, args=(random.Random(SEED * 100 + k),)) for k in range(n)]
        for thread in self.threads:
            thread.start()

    def join(self):
        for thread in self.threads:
            thread.join()
        check(not self.failures, self.failures)

    def submit(self, c, chance):
        type, args = chance.choice([("noop", {}), ("sleep", {"seconds": 0}), ("sleep", {"seconds": 0.01}),
                                    ("exec", {"command": "exit $((JOBD_ID % 3))"}), ("exec", {"command": "sleep 0.02"})])
        members = {"queue": chance.choice(QUEUES), "priority": chance.randint(-2, 2), "retry": {"max_attempts": 2, "base": 0.01}}
        for member, value in (("hold", True), ("delay", 0.02), ("ttl", 0.1), ("timeout", 0.01), ("interrupted", "fail"),
                              ("unique", {"key": str(chance.randint(0, 9)), "on_conflict": chance.choice(["existing", "replace"])})):
            if chance.random() < 0.1:
                members[member] = value
        self.ids.append(c.call("job.submit", type=type, args=args, **members)["id"])

    def turn(self, c, chance):
        if not self.ids or (len(self.ids) < JOBS and chance.random() < 0.4):
            self.submit(c, chance)
        elif chance.random() < 0.03:
            c.call(chance.choice(["queue.pause", "queue.resume", "queue.resume"]), name=chance.choice(QUEUES))
        else:
            method = chance.choice(["cancel", "hold", "release", "release", "retry", "get"])
            c.call("job." + method, id=chance.choice(self.ids[-100:]))

    def act(self, chance):
        try:
            with self.daemon.client() as c:
                for _ in range(JOBS):
                    try:
                        self.turn(c, chance)
                        self.replies["done"] += 1
                    except RpcError as error:
                        check(error.reason == "conflict", str(error))
                        self.replies["conflict"] += 1
        except Exception as failure:
            self.failures.append(repr(failure))


class Listener:
    """Reads every event from the first on, in a thread of its own."""

    def __init__(self, daemon):
        self.c = daemon.client()
        self.c.call("event.subscribe")
        self.events = []
        self.last = None
        self.thread = threading.Thread(target=self.listen)
        self.thread.start()

    def listen(self):
        while True:
            event = self.c.event()
            self.events.append(event)
            if event["job"]["queue"] == "the-end" and event["job"]["state"] in FINAL:
                return

    def stories(self):
        stories = collections.defaultdict(list)
        for event in self.events:
            equal(event["kind"], "state")
            stories[event["job"]["id"]].append((event["job"]["state"], event["job"]["attempt"]))
        return stories


def retell(id, story, job):
    """The story against what the states allow, and against the record."""
    state, attempt, ended = None, 0, 0
    for then, number in story:
        check(then in MAY_FOLLOW[state], "job %d: %s after %s in %r" % (id, then, state, story))
        if then == "running":
            equal(number, attempt + 1, "job %d: %r" % (id, story))
        else:
            equal(number, attempt, "job %d: %r" % (id, story))
        ended += state == "running"
        state, attempt = then, number
    equal((job["state"], job["attempt"]), (state, attempt), "job %d: %r" % (id, story))
    equal(len(job.get("history", [])), min(ended, 100), "job %d: %r" % (id, story))


@test("every story is one that the states allow, and ends as the record says")
def _():
    print("# STORY_SEED=%d" % SEED)
    with Daemon("pool.processes=2", "pool.kill_grace=0.1") as daemon, daemon.client() as c:
        listener = Listener(daemon)
        actors = Actors(daemon, 6)
        actors.join()
        for queue in QUEUES:
            c.call("queue.resume", name=queue)
        for id in set(actors.ids):
            if c.call("job.get", id=id)["state"] == "held":
                c.call("job.release", id=id)
        ids = sorted(set(actors.ids))
        records = []
        for at in range(0, len(ids), 500):
            records += c.call("job.wait", ids=ids[at:at + 500], timeout=patient(60))["jobs"]
        c.call("job.submit", type="noop", queue="the-end", wait=60)
        listener.thread.join(60)
        check(not listener.thread.is_alive(), "the last event did not come")
        sequence = [event["seq"] for event in listener.events]
        check(all(a < b for a, b in zip(sequence, sequence[1:])), "the numbers do not grow")
        stories = listener.stories()
        check(set(ids) <= set(stories))
        for job in records:
            retell(job["id"], stories[job["id"]], sound(job))
        print("# %d jobs, %d events, %r" % (len(ids), len(sequence), dict(actors.replies)))
        # And the counts agree with the lot of them.
        states = collections.Counter(job["state"] for job in records)
        states["succeeded"] += 1
        counted = c.call("daemon.status")["counts"]
        equal({state: n for state, n in counted.items() if n}, {state: n for state, n in states.items() if n})
        equal({state: n for state, n in c.call("job.count")["by_state"].items() if n}, {state: n for state, n in states.items() if n})
        listener.c.close()


main()
