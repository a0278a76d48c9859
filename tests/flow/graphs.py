"""Jobs that wait for others, from outside: `after`, refs, circles, large graphs, and a crash in the middle of them."""

import time

from jobdtest import SANITIZED, Daemon, RpcError, check, equal, eventually, main, patient, test

MANY = 1000 if SANITIZED else 10000


def noop(**members):
    return dict({"type": "noop"}, **members)


def refused(client, method, reason, field, **params):
    try:
        result = client.call(method, **params)
    except RpcError as error:
        equal((error.reason, error.field), (reason, field), error.message)
        return error
    check(False, "accepted: %r" % result)


def by_state(client, **filters):
    return {state: n for state, n in client.call("job.count", **filters)["by_state"].items() if n}


@test("a job waits for those that it names, and says so")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        parent = c.call("job.submit", **noop(hold=True))["id"]
        child = c.call("job.submit", **noop(after=[parent]))
        equal(child["state"], "blocked")
        record = c.call("job.get", id=child["id"])
        equal((record["reason"], record["after"]), ("dependency", [parent]))
        c.call("job.release", id=parent)
        record = c.call("job.wait", id=child["id"], timeout=30)
        equal((record["state"], record["after"]), ("succeeded", [parent]))
        equal(c.call("job.submit", **noop(after=[parent], hold=True))["state"], "held")
        equal(c.call("job.submit", **noop(after=[parent], dry_run=True))["state"], "ready")
        error = refused(c, "job.submit", "not_found", "after", **noop(after=[parent, 99]))
        equal(error.data["id"], 99)
        refused(c, "job.submit", "not_found", "after", **noop(after=[99], dry_run=True))
        # A number is one however it is written.
        real = c.call("job.submit", wait=30, **noop(after=[parent * 1.0], args={"x": {"$result": parent * 1.0}}))
        equal((real["state"], real["after"], real["result"]), ("succeeded", [parent], {"x": {}}))
        for wrong in 0.5, -1.0, 1e300:
            refused(c, "job.submit", "invalid_params", "after", **noop(after=[wrong]))


@test("what does not succeed takes along what waits for it, or lets it run")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        made = c.call("job.submit_many", jobs=[
            {"type": "exec", "args": {"argv": ["false"]}, "retry": {"max_attempts": 1}, "ref": "bad"},
            noop(ref="next", after=["bad"]), noop(ref="last", after=["next"]),
            noop(ref="cleanup", after=["bad", "last"], after_failure="run")])["jobs"]
        equal([job["state"] for job in made], ["ready", "blocked", "blocked", "blocked"])
        ids = [job["id"] for job in made]
        records = c.call("job.wait", ids=ids, timeout=30)["jobs"]
        equal([job["state"] for job in records], ["failed", "cancelled", "cancelled", "succeeded"])
        equal(records[1]["error"], {"reason": "dependency", "message": "job %d, which it was to wait for, failed" % ids[0]})
        equal(records[2]["error"]["message"], "job %d, which it was to wait for, was cancelled" % ids[1])
        equal(c.call("job.submit", **noop(after=[ids[0]]))["state"], "cancelled")
        equal(c.call("job.submit", **noop(after=[ids[0]], dry_run=True))["state"], "cancelled")


@test("what a parent has brought stands in no other record")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        c.call("queue.pause", name="later")
        bad, next_one, gone = [job["id"] for job in c.call("job.submit_many", jobs=[
            {"type": "exec", "args": {"command": "echo hello; exit 3"}, "retry": {"max_attempts": 1}, "ref": "bad"},
            noop(after=["bad"], after_failure="run", queue="later"), noop(after=["bad"])])["jobs"]]
        first = c.call("job.wait", id=bad)
        equal((first["result"]["stdout"], first["output_bytes"]["stdout"]), ("hello\n", 6))
        for job, state in (next_one, "ready"), (gone, "cancelled"):
            record = c.call("job.get", id=job)
            equal((record["state"], record.get("result"), record.get("output_bytes")), (state, None, None))


@test("refs: unknown, twice, in a circle")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        refused(c, "job.submit_many", "invalid_params", "jobs[0].after", jobs=[noop(after=["x"])])
        refused(c, "job.submit_many", "invalid_params", "jobs[1].ref", jobs=[noop(ref="a"), noop(ref="a")])
        refused(c, "job.submit_many", "invalid_params", "jobs[0].ref", jobs=[noop(ref=7)])
        error = refused(c, "job.submit_many", "invalid_params", "jobs[0].after",
                        jobs=[noop(ref="a", after=["b"]), noop(ref="b", after=["c"]), noop(ref="c", after=["a"])])
        check("a -> b -> c -> a" in error.message, error.message)
        error = refused(c, "job.submit_many", "not_found", "jobs[1].after", jobs=[noop(ref="a"), noop(after=["a", 77])])
        equal(error.data["id"], 77)
        equal(c.call("job.count")["total"], 0)


@test("a record stays while an unfinished job names it")
def _():
    with Daemon("pool.processes=1", "retain.seconds=0") as d, d.client() as c:
        # Held, so that the one is not pruned before the other names it.
        parent = c.call("job.submit", **noop(retain=0, hold=True))["id"]
        child = c.call("job.submit", **noop(after=[parent], delay=3600))["id"]
        c.call("job.release", id=parent)
        c.call("job.wait", id=parent, timeout=30)
        refused(c, "job.delete", "conflict", None, id=parent)
        other = c.call("job.submit", **noop(retain=0))["id"]
        eventually(lambda: c.call("job.count")["total"] == 2)     # the other has been pruned
        equal(c.call("job.get", id=parent)["state"], "succeeded")
        check(other not in [job["id"] for job in c.call("job.list")["jobs"]])
        kept = c.call("job.submit", **noop(retain=3600, wait=30))["id"]
        last = c.call("job.submit", **noop(after=[kept], delay=3600))["id"]
        refused(c, "job.delete", "conflict", None, id=kept)
        for id in (child, last):
            c.call("job.cancel", id=id)
        equal(c.call("job.delete", id=kept), {"id": kept})
        eventually(lambda: c.call("job.count")["total"] == 0)     # nobody names the parent any more


@test("retries: a parent's is waited for, a child's waits again")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        c.call("queue.pause", name="later")
        parent = c.call("job.submit", **noop())["id"]
        gate = c.call("job.submit", **noop(hold=True))["id"]
        child = c.call("job.submit", **noop(after=[parent, gate]))["id"]
        c.call("job.wait", id=parent, timeout=30)
        c.call("daemon.drain")
        c.call("job.retry", id=parent)
        c.call("job.cancel", id=gate)
        equal(c.call("job.get", id=child)["state"], "cancelled")
        equal(c.call("job.retry", id=child)["state"], "blocked")
        c.call("daemon.resume")
        equal(c.call("job.wait", id=child, timeout=30)["state"], "succeeded")


def fan_out(first):
    return [dict(first, ref="f")] + [noop(after=["f"]) for _ in range(MANY)]


@test("many wait for one, and one for many")
def _():
    with Daemon("pool.processes=2") as d, d.client() as c:
        made = c.call("job.submit_many", jobs=fan_out(noop()))["jobs"]
        last = c.call("job.submit", **noop(after=[job["id"] for job in made[1:]]))["id"]
        equal(c.call("job.wait", id=last, timeout=50)["state"], "succeeded")
        equal(by_state(c), {"succeeded": MANY + 2})
        equal(len(c.call("job.get", id=last)["after"]), MANY)
        made = c.call("job.submit_many", jobs=[noop(after=["r%d" % n for n in range(MANY)])] +
                      [noop(ref="r%d" % n) for n in range(MANY)])["jobs"]
        equal(made[0]["state"], "blocked")
        equal(c.call("job.wait", id=made[0]["id"], timeout=50)["state"], "succeeded")


@test("the loop stays free while many are let go")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c, d.client() as other:
        made = c.call("job.submit_many", jobs=fan_out(noop(hold=True)))["jobs"]
        c.send("job.cancel", id=made[0]["id"])
        longest = left = 0
        while left != MANY + 1:
            began = time.monotonic()
            left = other.call("job.count")["by_state"]["cancelled"]
            longest = max(longest, time.monotonic() - began)
        print("# the longest count took %.0f ms" % (longest * 1000))
        check(longest < patient(1), "%g s" % longest)


@test("a crash in the middle of a cascade loses nothing")
def _():
    with Daemon("pool.processes=1") as d:
        with d.client() as c:
            made = c.call("job.submit_many", jobs=fan_out(noop(hold=True)) +
                          [noop(ref="end%d" % n, after=["f"], after_failure="run") for n in range(100)])["jobs"]
            first = made[0]["id"]
            c.call("daemon.drain")
            c.send("job.cancel", id=first)
            eventually(lambda: c.call("job.get", id=first)["state"] == "cancelled")
        d.kill9()
        d.start()
        with d.client() as c:
            left = by_state(c)
            print("# at the start after the crash: %r" % left)
            eventually(lambda: "blocked" not in by_state(c))
            c.call("job.wait", ids=[job["id"] for job in made[MANY + 1:]], timeout=30)
            equal(by_state(c), {"cancelled": MANY + 1, "succeeded": 100})


@test("killed at any moment, a graph comes to its end")
def _():
    with Daemon("pool.processes=2") as d:
        with d.client() as c:
            rows = [[noop(ref="%d.%d" % (row, n), after=["%d.%d" % (row - 1, k) for k in range(20)] if row else [])
                     for n in range(20)] for row in range(20)]
            made = c.call("job.submit_many", jobs=sum(rows, []))["jobs"]
        for kills in range(6):
            with d.client() as c:
                before = c.call("job.count")["by_state"]["succeeded"]
                eventually(lambda: c.call("job.count")["by_state"]["succeeded"] >= min(before + 20, 400))
            d.kill9()
            d.start()
        with d.client() as c:
            c.call("job.wait", ids=[job["id"] for job in made], timeout=50)
            equal(by_state(c), {"succeeded": 400})
            # In order: each row began when the one before it was over.
            ends = starts = None
            for row in range(20):
                records = [c.call("job.get", id=job["id"]) for job in made[row * 20:row * 20 + 20]]
                starts = min(record["started_at"] for record in records)
                check(ends is None or starts >= ends, "row %d began at %s, the one before ended at %s" % (row, starts, ends))
                ends = max(record["finished_at"] for record in records)


main()
