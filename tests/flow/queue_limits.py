"""What is set of a queue: weight, and how many jobs it takes."""

from jobdtest import Daemon, check, equal, main, refused, tempdir, test


def settings(queue):
    return {name: queue[name] for name in ("weight", "max_ready", "concurrency", "rate") if name in queue}


@test("what is set shows, lasts, and clears back to the configured")
def _():
    d = Daemon("pool.processes=1", "queue.mail.weight=3", "queue.mail.max_ready=50")
    with d.client() as c:
        equal(settings(c.call("queue.set", name="fresh")), {"weight": 1})
        equal(settings(c.call("queue.set", name="mail")), {"weight": 3, "max_ready": 50})
        equal(settings(c.call("queue.set", name="mail", weight=7)), {"weight": 7, "max_ready": 50})
        equal(settings(c.call("queue.set", name="mail", max_ready=20)), {"weight": 7, "max_ready": 20})
        c.call("queue.pause", name="mail")
    for hard in (False, True):
        d.restart(hard)
        with d.client() as c:
            queue = c.call("queue.get", name="mail")
            equal((settings(queue), queue["paused"]), ({"weight": 7, "max_ready": 20}, True))
            equal({q["name"]: settings(q) for q in c.call("queue.list")["queues"]},
                  {"mail": {"weight": 7, "max_ready": 20}, "fresh": {"weight": 1}})
    with d.client() as c:
        equal(settings(c.call("queue.set", name="mail", weight=None)), {"weight": 3, "max_ready": 20})
        equal(settings(c.call("queue.set", name="mail", max_ready=None)), {"weight": 3, "max_ready": 50})
    d.stop()


@test("a reload changes what is configured, not what is set")
def _():
    path = tempdir() + "/jobd.conf"
    with open(path, "w", encoding="utf-8") as file:
        file.write("queue a { weight = 3 }\nqueue b { weight = 3 }\n")
    with Daemon("pool.processes=1", args=["-c", path]) as d, d.client() as c:
        c.call("queue.set", name="a", weight=9)
        equal(settings(c.call("queue.set", name="b")), {"weight": 3})
        with open(path, "w", encoding="utf-8") as file:
            file.write("queue a { weight = 4 }\nqueue b { weight = 4 max_ready = 8 }\n")
        c.call("daemon.reload")
        equal(settings(c.call("queue.get", name="a")), {"weight": 9})
        equal(settings(c.call("queue.get", name="b")), {"weight": 4, "max_ready": 8})


@test("wrong settings are refused and change nothing")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        for member, values in (("weight", (0, 1001, 1.5, "2", True)), ("max_ready", (0, -1, "none", []))):
            for value in values:
                equal(refused("invalid_params", c.call, "queue.set", name="q", **{member: value}).field, member)
        equal(refused("invalid_params", c.call, "queue.set", name="a b", weight=2).field, "name")
        equal(refused("invalid_params", c.call, "queue.set", weight=2).field, "name")
        equal(c.call("queue.list"), {"queues": []})


@test("queues get starts by the weight that was set")
def _():
    with Daemon("limits.io_jobs=1", "pool.processes=1") as d, d.client() as c:
        c.call("event.subscribe", states=["running"])
        for name, weight in (("heavy", 4), ("light", 1)):
            c.call("queue.set", name=name, weight=weight)
            c.call("queue.pause", name=name)
            c.call("job.submit_many", jobs=[{"type": "sleep", "args": {"seconds": 0}, "queue": name}] * 60)
        c.call("daemon.drain")      # or the first to be resumed would have all the starts until the other is
        c.call("queue.resume", name="light")
        c.call("queue.resume", name="heavy")
        c.call("daemon.resume")
        order = [c.event()["job"]["queue"] for _ in range(70)][10:]
        check(44 <= order.count("heavy") <= 52, order)


@test("a full queue refuses, with its numbers; what runs leaves room")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        c.call("queue.set", name="q", max_ready=3)
        c.call("queue.pause", name="q")
        ids = [c.call("job.submit", type="noop", queue="q", **extra)["id"] for extra in ({}, {"delay": 60}, {"hold": True})]
        error = refused("overloaded", c.call, "job.submit", type="noop", queue="q")
        equal(error.field, "queue")
        check("3" in error.message and "max_ready" in error.message and "q" in error.message, error.message)
        refused("overloaded", c.call, "job.submit", type="noop", queue="q", dry_run=True)
        c.call("job.submit", type="noop", queue="other", wait=60)
        c.call("job.cancel", id=ids[1])
        equal(refused("overloaded", c.call, "job.submit_many", jobs=[{"type": "noop", "queue": "q"}] * 2).field, "jobs[1].queue")
        equal(c.call("queue.get", name="q")["counts"]["ready"], 1)
        c.call("job.submit_many", jobs=[{"type": "noop", "queue": "q"}, {"type": "noop", "queue": "other"}])
        c.call("queue.resume", name="q")
        c.call("job.wait", id=ids[0], timeout=60)
        c.call("job.submit", type="noop", queue="q", wait=60)


@test("what is there already is answered by a full queue")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        c.call("queue.set", name="q", max_ready=1)
        first = c.call("job.submit", type="noop", queue="q", hold=True, unique={"key": "k"})["id"]
        equal(c.call("job.submit", type="noop", queue="q", unique={"key": "k"}), {"id": first, "state": "held", "existing": True})
        refused("overloaded", c.call, "job.submit", type="noop", queue="q", unique={"key": "other"})
        second = c.call("job.submit", type="noop", queue="q", hold=True, unique={"key": "k", "on_conflict": "replace"})["id"]
        equal([c.call("job.get", id=id)["state"] for id in (first, second)], ["cancelled", "held"])


@test("however many submit at once, a queue never has more than it takes")
def _():
    with Daemon("pool.processes=1") as d:
        clients = [d.client() for _ in range(8)]
        clients[0].call("queue.set", name="q", max_ready=100)
        clients[0].call("queue.pause", name="q")
        sent = [(c, c.send("job.submit", type="noop", queue="q")) for _ in range(50) for c in clients]
        replies = {}
        for c, number in sent:
            reply = c.read()
            replies[(c, reply["id"])] = reply
        equal(len([r for r in replies.values() if "result" in r]), 100)
        equal({r["error"]["data"]["reason"] for r in replies.values() if "error" in r}, {"overloaded"})
        equal(clients[0].call("queue.get", name="q")["counts"]["ready"], 100)
        for c in clients:
            c.close()


main()
