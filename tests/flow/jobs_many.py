"""job.cancel_many, job.retry_many, job.delete_many and queue.purge: exactly the jobs there at the call."""

import threading
import time

from jobdlook import sound
from jobdtest import Daemon, check, equal, eventually, main, patient, refused, test


def submit_many(c, n, **job):
    ids = []
    for at in range(0, n, 2500):
        ids += [answer["id"] for answer in c.call("job.submit_many", jobs=[job] * min(2500, n - at))["jobs"]]
    return ids


def states(c, **filters):
    return {state: n for state, n in c.call("job.count", **filters)["by_state"].items() if n > 0}


@test("each changes what passes, and what it can be done to")
def _():
    with Daemon("pool.processes=1", "shutdown.grace=0") as d, d.client() as c:
        submit_many(c, 300, type="noop", hold=True, queue="a", tags={"who": "x"})
        submit_many(c, 20, type="noop", hold=True, queue="b", tags={"who": "x"})
        submit_many(c, 10, type="noop", delay=3600, queue="a")
        runs = c.call("job.submit", type="sleep", args={"seconds": 3600}, queue="a")["id"]
        c.call("job.wait", id=runs, **{"for": "started"})
        equal(c.call("job.cancel_many", queue="none"), {"matched": 0, "done": 0})
        equal(c.call("job.cancel_many", state=[]), {"matched": 0, "done": 0})
        equal(c.call("job.cancel_many", queue="a", tags={"who": "x"}, state="held"), {"matched": 300, "done": 300})
        equal(c.call("job.cancel_many", queue="a"), {"matched": 311, "done": 11})
        equal(c.call("job.wait", id=runs, timeout=60)["state"], "cancelled")
        equal(states(c, queue="a"), {"cancelled": 311})
        equal(states(c, queue="b"), {"held": 20})
        equal(c.call("job.delete_many", type="noop", state=["cancelled", "held"]), {"matched": 330, "done": 310})
        equal(c.call("job.retry_many", state="cancelled"), {"matched": 1, "done": 1})
        eventually(lambda: c.call("job.get", id=runs)["attempt"] == 2, "the second attempt")
        equal(c.call("job.delete_many", queue=["a", "b"]), {"matched": 21, "done": 0})
        equal(c.call("job.retry_many", type="noop"), {"matched": 20, "done": 0})
        for job in c.call("job.list", queue="b")["jobs"]:
            sound(job)


@test("a filter must be given")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        for method in ("job.cancel_many", "job.retry_many", "job.delete_many"):
            equal(refused("invalid_params", c.call, method).field, "state")
            equal(refused("invalid_params", c.call, method, tags={}).field, "state")
            equal(refused("invalid_params", c.call, method, limit=5).field, "limit")


@test("what failed is run again; limits.jobs holds, and says how far it came")
def _():
    with Daemon("pool.processes=1", "limits.jobs=1000") as d, d.client() as c:
        ids = submit_many(c, 900, type="exec", args={"argv": ["/none"]}, retry={"max_attempts": 1}, queue="f")
        equal({job["state"] for job in c.call("job.wait", ids=ids, timeout=60)["jobs"]}, {"failed"})
        c.call("queue.pause", name="f")
        submit_many(c, 500, type="noop", hold=True)
        error = refused("overloaded", c.call, "job.retry_many", state="failed", queue="f")
        check("256 of 900" in error.message, error.message)
        equal(states(c, queue="f"), {"ready": 256, "failed": 644})
        equal(c.call("job.cancel_many", state="held"), {"matched": 500, "done": 500})
        equal(c.call("job.retry_many", state="failed", queue="f"), {"matched": 644, "done": 644})
        equal(states(c, queue="f"), {"ready": 900})


@test("those there at the call, and none that came after")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        before = submit_many(c, 5000, type="noop", hold=True, queue="q")
        stop, sent = threading.Event(), []

        def go_on():
            with d.client() as other:
                while not stop.is_set():
                    begun = time.monotonic()
                    sent.append((begun, other.call("job.submit", type="noop", hold=True, queue="q")["id"], time.monotonic()))

        thread = threading.Thread(target=go_on)
        thread.start()
        while len(sent) < 20:
            c.call("daemon.ping")
        called = time.monotonic()
        answer = c.call("job.cancel_many", queue="q")
        answered, many = time.monotonic(), len(sent)
        while len(sent) < many + 20:
            c.call("daemon.ping")
        stop.set()
        thread.join()
        equal(answer["matched"], answer["done"])
        cancelled = set()
        cursor = {}
        while cursor is not None:
            page = c.call("job.list", state="cancelled", limit=1000, **cursor)
            cancelled |= {job["id"] for job in page["jobs"]}
            cursor = {"cursor": page["next_cursor"]} if "next_cursor" in page else None
        equal(len(cancelled), answer["done"])
        check(set(before) <= cancelled)
        for begun, id, ended in sent:
            check(id in cancelled or ended > called, "job %d was there and is not cancelled" % id)
            check(id not in cancelled or begun < answered, "job %d came after, and is cancelled" % id)


@test("few such calls at once, and meanwhile the others are served")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c, d.client() as other:
        n = 40000
        submit_many(c, n, type="noop", hold=True, queue="q")
        # In one piece, so that the last is there before the first is over.
        numbers = list(range(1000, 1010))
        c.write("".join('{"jsonrpc":"2.0","id":%d,"method":"job.cancel_many","params":{"queue":"q"}}\n' % number for number in numbers))
        replies, slowest = {}, 0
        while len(replies) < len(numbers):
            begun = time.monotonic()
            other.call("job.submit", type="noop", hold=True, queue="other")
            slowest = max(slowest, time.monotonic() - begun)
            c.socket.settimeout(0.001)
            try:
                replies[numbers[len(replies)]] = c.reply(numbers[len(replies)])
            except TimeoutError:
                pass
            finally:
                c.socket.settimeout(60)
        done = [reply["result"]["done"] for reply in replies.values() if "result" in reply]
        reasons = [reply["error"]["data"]["reason"] for reply in replies.values() if "error" in reply]
        equal((len(done), sum(done), set(reasons)), (4, n, {"overloaded"}))
        equal(states(c, queue="q"), {"cancelled": n})
        print("# the slowest submit meanwhile took %.0f ms" % (slowest * 1000))
        check(slowest < patient(1), slowest)
        equal(c.call("job.cancel_many", queue="none")["done"], 0)


WATCHED = {"queues": ["q"], "states": ["running", "cancelled", "succeeded"]}


def read_events(watch, order):
    """The states of the queue's jobs, in order, until its noop has ended; where it was too slow, it goes on from there."""
    while True:
        event = watch.event()
        if event["kind"] == "lagged":
            check("missed" not in watch.call("event.subscribe", since=event["seq"], **WATCHED), event)
            continue
        job = event["job"]
        order.append(job["state"])
        if (job["type"], job["state"]) == ("noop", "succeeded"):
            return


@test("a purge cancels what has not started, and nothing of the queue starts meanwhile")
def _():
    with Daemon("pool.processes=1", "limits.io_jobs=50", "shutdown.grace=0") as d, d.client() as c, d.client() as watch:
        submit_many(c, 20000, type="sleep", args={"seconds": 0.05}, queue="q")    # enough for long after the purge
        submit_many(c, 10, type="noop", hold=True, queue="q")
        submit_many(c, 10, type="noop", delay=3600, queue="q")
        kept = submit_many(c, 10, type="noop", queue="kept", hold=True)
        began = c.call("job.submit", type="sleep", args={"seconds": 0.3}, queue="q", priority=9)["id"]
        c.call("job.wait", id=began, **{"for": "started"})
        watch.call("event.subscribe", **WATCHED)
        order = []
        reader = threading.Thread(target=read_events, args=(watch, order))
        reader.start()
        cancelled = c.call("queue.purge", name="q")["cancelled"]
        late = c.call("job.submit", type="noop", queue="q", wait=60)
        equal(late["state"], "succeeded")
        equal(c.call("job.wait", id=began, timeout=60)["state"], "succeeded")
        check(cancelled > 20, cancelled)
        equal(states(c, queue="q")["cancelled"], cancelled)
        equal(sum(states(c, queue="q").values()), 20022)
        equal(states(c, queue="kept"), {"held": len(kept)})
        # Once the first was cancelled, none started until the last was.
        reader.join()
        cancels = [n for n, state in enumerate(order) if state == "cancelled"]
        started = [n for n, state in enumerate(order) if state == "running"]
        equal(len(cancels), cancelled)
        check(not [n for n in started if cancels[0] < n < cancels[-1]], "one started while the queue was purged")
        refused("not_found", c.call, "queue.purge", name="nosuch")
        equal(c.call("queue.purge", name="kept"), {"cancelled": 10})
        equal(c.call("queue.get", name="kept")["paused"], False)


@test("what goes with its parent, of the same call, is counted")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        # The parent is the newest, and so the first to go.
        graph = [{"type": "noop", "queue": "q", "after": ["last"]}] * 999 + [{"type": "noop", "queue": "q", "ref": "last", "hold": True}]
        c.call("job.submit_many", jobs=graph)
        equal(c.call("queue.purge", name="q"), {"cancelled": 1000})
        c.call("job.submit_many", jobs=graph)
        equal(c.call("job.cancel_many", queue="q", state=["held", "blocked"]), {"matched": 1000, "done": 1000})
        equal(states(c), {"cancelled": 2000})


@test("a paused queue stays so, and kill -9 in the middle leaves each job whole")
def _():
    with Daemon("pool.processes=1") as d:
        with d.client() as c:
            c.call("queue.pause", name="q")
            submit_many(c, 30000, type="noop", queue="q")
            c.send("queue.purge", name="q")
            c.call("event.subscribe", queues=["q"], states=["cancelled"])
            c.event()
            d.restart(hard=True)
        with d.client() as c:
            counts = states(c, queue="q")
            equal(sum(counts.values()), 30000)
            check(0 < counts["cancelled"], counts)
            equal(c.call("queue.purge", name="q"), {"cancelled": counts.get("ready", 0)})
            equal(states(c), {"cancelled": 30000})
            equal(c.call("queue.get", name="q")["paused"], True)
            equal(c.call("job.delete_many", queue="q"), {"matched": 30000, "done": 30000})
            equal(states(c), {})


main()
