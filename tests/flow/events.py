"""Events: each change told once, in order, before any reply that tells the same, and never from unbounded memory."""

import base64
import socket
import threading

from jobdlook import rss, seconds_of
from jobdtest import SANITIZED, Daemon, RpcError, check, equal, eventually, main, refused, test

daemon = Daemon("pool.processes=2")


def sound(event):
    check({"subscription", "seq", "at", "kind"} <= set(event), event)
    check(seconds_of(event["at"]) and event["seq"] > 0, event)
    more = set(event) - {"subscription", "seq", "at", "kind"}
    if event["kind"] == "lagged":
        equal(more, set(), event)
        return event
    equal(set(event["job"]), {"id", "queue", "type", "state", "attempt"}, event)
    wanted = {"state": {"job"}, "progress": {"job", "progress"}, "output": {"job", "stream", "offset"}}[event["kind"]]
    check(wanted <= more <= wanted | {"error", "data", "data_base64"}, event)
    return event


def drained(c):
    """All events that came before the answer to a ping; each is sound, and their numbers grow."""
    c.call("daemon.ping")
    events = [sound(message["params"]) for message in c.notifications]
    c.notifications.clear()
    states = [event for event in events if event["kind"] == "state"]
    for before, after in zip(states, states[1:]):
        check(before["seq"] < after["seq"] or before["subscription"] != after["subscription"], events)
    return events


def story(events, id):
    return [(event["job"]["state"], event["job"]["attempt"]) for event in events if event["job"]["id"] == id and event["kind"] == "state"]


@test("the story of a job, told before the reply that ends it")
def _():
    with daemon.client() as c:
        answer = c.call("event.subscribe")
        equal(set(answer), {"subscription", "seq"})
        job = c.call("job.submit", type="sleep", args={"seconds": 0}, queue="told", wait=60)
        events = [message["params"] for message in c.notifications]
        equal(story(events, job["id"]), [("ready", 0), ("running", 1), ("succeeded", 1)])
        for event in events:
            sound(event)
            equal(event["subscription"], answer["subscription"])
            check(event["seq"] > answer["seq"], event)
            equal((event["job"]["queue"], event["job"]["type"]), ("told", "sleep"))


@test("an event comes before any reply that tells the same fact")
def _():
    with daemon.client() as c:
        c.call("event.subscribe")
        for _ in range(50):
            id = c.call("job.submit", type="noop", hold=True)["id"]
            equal(story(drained(c), id), [("held", 0)])
            for method, state in (("job.release", "ready"), ("job.hold", "held"), ("job.cancel", "cancelled")):
                c.notifications.clear()
                try:
                    c.call(method, id=id)
                except RpcError as error:
                    equal((method, error.reason), ("job.hold", "conflict"))
                    break
                told = [message["params"]["job"]["state"] for message in c.notifications if message["params"]["job"]["id"] == id]
                check(state in told, (method, told))


@test("a failure, a retry and a cancel say why")
def _():
    with daemon.client() as c:
        c.call("event.subscribe")
        job = c.call("job.submit", type="exec", args={"command": "exit 3"}, retry={"max_attempts": 2, "base": 0}, wait=60)
        events = [event for event in drained(c) if event["job"]["id"] == job["id"]]
        equal(story(events, job["id"]), [("ready", 0), ("running", 1), ("ready", 1), ("running", 2), ("failed", 2)])
        equal([event.get("error", {}).get("reason") for event in events], [None, None, "exit_status", None, "exit_status"])
        id = c.call("job.submit", type="sleep", args={"seconds": 60})["id"]
        c.call("job.wait", id=id, **{"for": "started"})
        c.call("job.cancel", id=id)
        equal(story(drained(c), id), [("ready", 0), ("running", 1), ("cancelled", 1)])
        job = c.call("job.submit", type="noop", hold=True, ttl=0, wait=60)
        events = drained(c)
        equal(story(events, job["id"]), [("held", 0), ("expired", 0)])
        equal(events[-1]["error"]["reason"], "expired")


@test("filters by job, queue, type and state")
def _():
    with daemon.client() as c:
        one = c.call("job.submit", type="noop", hold=True, queue="f1")["id"]
        two = c.call("job.submit", type="sleep", args={"seconds": 0}, hold=True, queue="f2")["id"]
        wanted = {}
        for name, filters in (("jobs", {"jobs": [one]}), ("queues", {"queues": ["f1", "f3"]}), ("types", {"types": ["sleep"]}),
                              ("states", {"states": ["succeeded", "failed"]}), ("both", {"queues": ["f2"], "states": ["running"]}),
                              ("none", {"jobs": []}), ("nobody", {"queues": ["nosuch"]})):
            wanted[c.call("event.subscribe", **filters)["subscription"]] = name
        c.call("job.release", id=one)
        c.call("job.release", id=two)
        c.call("job.wait", ids=[one, two], timeout=60)
        got = {name: [] for name in wanted.values()}
        for event in drained(c):
            got[wanted[event["subscription"]]].append((event["job"]["id"], event["job"]["state"]))
        whole = lambda id: [(id, "ready"), (id, "running"), (id, "succeeded")]
        equal(got["jobs"], whole(one))
        equal(got["queues"], whole(one))
        equal(got["types"], whole(two))
        equal(sorted(got["states"]), sorted([(one, "succeeded"), (two, "succeeded")]))
        equal(got["both"], [(two, "running")])
        equal((got["none"], got["nobody"]), ([], []))


@test("each subscription of each client is told on its own, and an ended one no more")
def _():
    with daemon.client() as a, daemon.client() as b:
        first, second = (a.call("event.subscribe", queues=["own"])["subscription"] for _ in range(2))
        third = b.call("event.subscribe", queues=["own"])["subscription"]
        check(first != second)
        a.call("job.submit", type="noop", queue="own", wait=60)
        equal(sorted(event["subscription"] for event in drained(a)), [first] * 3 + [second] * 3)
        equal([event["subscription"] for event in drained(b)], [third] * 3)
        equal(a.call("event.unsubscribe", subscription=first), {"subscription": first})
        refused("not_found", a.call, "event.unsubscribe", subscription=first)
        if third not in (first, second):
            refused("not_found", a.call, "event.unsubscribe", subscription=third)
        a.call("job.submit", type="noop", queue="own", wait=60)
        equal({event["subscription"] for event in drained(a)}, {second})
        equal(len(drained(b)), 3)


@test("a client has at most 64 subscriptions")
def _():
    with daemon.client() as c:
        for _ in range(64):
            c.call("event.subscribe", queues=["x"])
        refused("overloaded", c.call, "event.subscribe")
    with daemon.client() as c:
        c.call("event.subscribe")


@test("who does not subscribe hears nothing")
def _():
    with daemon.client() as c:
        c.call("job.submit", type="noop", wait=60)
        equal(drained(c), [])


@test("output as it comes, by those who want it")
def _():
    with daemon.client() as c, daemon.client() as plain:
        c.call("event.subscribe", output=True, queues=["out"])
        plain.call("event.subscribe", queues=["out"])
        job = c.call("job.submit", type="exec", queue="out", wait=60,
                     args={"command": "printf one; printf two >&2; head -c 300000 /dev/zero | tr '\\0' x; printf '\\377'"})
        events = drained(c)
        streams = {"stdout": b"", "stderr": b""}
        for event in events:
            if event["kind"] != "output":
                continue
            equal(event["job"], {"id": job["id"], "queue": "out", "type": "exec", "state": "running", "attempt": 1})
            data = event["data"].encode() if "data" in event else base64.b64decode(event["data_base64"])
            equal(event["offset"], len(streams[event["stream"]]))
            streams[event["stream"]] += data
        equal(streams["stdout"], b"one" + b"x" * 300000 + b"\xff")
        equal(streams["stderr"], b"two")
        kinds = [event["kind"] for event in events]
        equal((kinds[0], kinds[-1], events[-1]["job"]["state"]), ("state", "state", "succeeded"))
        equal({event["kind"] for event in drained(plain)}, {"state"})


@test("numbers grow across restarts")
def _():
    with Daemon("pool.processes=1") as d:
        last = 0
        for hard in (False, True, None):
            with d.client() as c:
                answer = c.call("event.subscribe")
                check(answer["seq"] >= last, (answer, last))
                c.call("job.submit", type="noop", wait=60)
                events = drained(c)
                check(events[0]["seq"] > last, events)
                last = events[-1]["seq"]
            if hard is not None:
                d.restart(hard)


@test("what happened since, and then what happens, without a gap or a double")
def _():
    with daemon.client() as c, daemon.client() as late:
        answer = c.call("event.subscribe", queues=["since"])
        begun = answer["seq"]
        for _ in range(20):
            c.call("job.submit", type="noop", queue="since", wait=60)
            c.call("job.submit", type="noop", queue="else", wait=60)
        c.call("job.submit", type="exec", queue="since", args={"command": "exit 3"}, retry={"max_attempts": 1}, wait=60)
        lived = drained(c)
        equal(len(lived), 63)
        answer = late.call("event.subscribe", queues=["since"], since=begun)
        equal(set(answer), {"subscription", "seq"})
        told = drained(late)
        own = lambda events: [dict(event, subscription=0) for event in events]
        equal(own(told), own(lived))
        # From any of them on, and from the last: nothing.
        for event in (lived[0], lived[30], lived[-1]):
            with daemon.client() as again:
                again.call("event.subscribe", queues=["since"], since=event["seq"])
                equal(own(drained(again)), own(lived[lived.index(event) + 1:]))
        c.call("job.submit", type="noop", queue="since", wait=60)
        equal(own(drained(late)), own(drained(c)))


@test("a replay beside a flood of events: each once, in order, and before any reply that tells the same")
def _():
    with daemon.client() as busy, daemon.client() as c:
        begun = busy.call("event.subscribe", queues=["nothing"])["seq"]
        jobs = [{"type": "noop", "queue": "mass", "hold": True}] * (500 if SANITIZED else 5000)
        for _ in range(4):
            busy.call("job.submit_many", jobs=jobs)
        # Less than may wait for a reader that is slower than the daemon.
        sent = [busy.send("job.submit_many", jobs=jobs[:800]) for _ in range(4)]
        number = c.send("event.subscribe", queues=["mass"], since=begun)
        mine = c.send("job.submit", type="noop", queue="mass", hold=True)
        equal(set(c.result(number)), {"subscription", "seq"})
        id = c.result(mine)["id"]
        check(any(message["params"]["job"]["id"] == id for message in c.notifications), "its own job came too late")
        answers = threading.Thread(target=lambda: [busy.result(one) for one in sent])
        answers.start()
        while answers.is_alive():
            c.call("daemon.ping")
        events = drained(c)
        equal([event["job"]["id"] for event in events], sorted({event["job"]["id"] for event in events}))
        equal(len(events), 4 * len(jobs) + 4 * len(jobs[:800]) + 1)


@test("what is older than what is kept is said to be missed")
def _():
    with Daemon("pool.processes=1") as d:
        with d.client() as c:
            c.call("job.submit", type="noop", wait=60)
            answer = c.call("event.subscribe", since=0)
            equal(("missed" in answer, len(drained(c))), (False, 3))
        d.restart()
        with d.client() as c:
            equal(c.call("event.subscribe", since=1).get("missed"), True)
            answer = c.call("event.subscribe", since=answer["seq"] + 10**9)
            equal(answer.get("missed"), True)
            equal(c.call("event.subscribe", since=answer["seq"]), {"subscription": 3, "seq": answer["seq"]})
            c.call("job.submit", type="noop", wait=60)
            equal(len(drained(c)), 9)


@test("a slow reader is cut off with a last word, and nobody else")
def _():
    with daemon.client() as slow, daemon.client() as quick:
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.call("event.subscribe", queues=["flood"])
        slow.call("event.subscribe", queues=["other"])
        quick.call("event.subscribe", queues=["flood"], states=["succeeded"])
        before = rss(daemon.pid)
        told = 0
        for _ in range(4):
            jobs = quick.call("job.submit_many", jobs=[{"type": "sleep", "args": {"seconds": 0}, "queue": "flood"}] * 1000)["jobs"]
            quick.call("job.wait", ids=[job["id"] for job in jobs], timeout=60)
            told += len(drained(quick))
        equal(told, 4000)
        print("# it grew by %.1f MiB meanwhile" % ((rss(daemon.pid) - before) / (1 << 20)))
        # Its socket's buffer and a mailbox's worth came, then the last word of it; the other subscription is there still.
        number = slow.send("job.submit", type="noop", queue="other", wait=60)
        slow.result(number)
        events = [sound(message["params"]) for message in slow.notifications]
        flood = [event for event in events if event["subscription"] == events[0]["subscription"]]
        equal([event["kind"] for event in flood].index("lagged"), len(flood) - 1)
        check(1000 < len(flood) < 12000, len(flood))
        check(flood[-1]["seq"] >= flood[-2]["seq"], flood[-2:])
        # Its number is where to go on from, without a gap or a double.
        answer = slow.call("event.subscribe", queues=["flood"], since=flood[-1]["seq"])
        check("missed" not in answer, answer)
        slow.call("job.submit", type="noop", queue="other", wait=60)
        rest = [event for event in drained(slow) if event["subscription"] == answer["subscription"]]
        told = [(event["job"]["id"], event["job"]["state"]) for event in flood[:-1] + rest]
        equal((len(told), len(set(told))), (12000, 12000))
        equal([event["kind"] for event in events if event["subscription"] != events[0]["subscription"]], ["state"] * 3)


@test("a client that never reads again does not hold the daemon's memory")
def _():
    with daemon.client() as c:
        deaf = [daemon.client() for _ in range(10)]
        for one in deaf:
            one.send("event.subscribe", output=True)
        before = rss(daemon.pid)
        for _ in range(5):
            c.call("job.submit", type="exec", args={"command": "head -c 2000000 /dev/zero | tr '\\0' x"}, wait=60)
        grown = rss(daemon.pid) - before
        print("# it grew by %.1f MiB" % (grown / (1 << 20)))
        check(SANITIZED or grown < 60 << 20, grown)
        for one in deaf:
            one.close()
        eventually(lambda: c.call("daemon.status")["connections"]["open"] == 1, "they are seen to be gone")


@test("the daemon ends in peace")
def _():
    daemon.stop()
    daemon.check_sanitizers()


main()
