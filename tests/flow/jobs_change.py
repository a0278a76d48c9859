"""What people do to jobs: unique keys, hold and release, wait, cancel, delete, many at once; and the limits."""

import os
import time

from jobdlook import seconds_of, sound
from jobdtest import Daemon, RpcError, check, equal, eventually, main, patient, refused, test
from jobduser import ONCE, User

user = User("pool.processes=2", "pool.kill_grace=0.2")
c, daemon = user.c, user.daemon
submit, run, sh, get, state, wait, paused = user.submit, user.run, user.sh, user.get, user.state, user.wait, user.paused


# ---- unique ----

@test("unique: existing, reject, replace")
def _():
    unique = {"key": "u1"}
    first = c.call("job.submit", type="noop", hold=True, unique=unique)
    second = c.call("job.submit", type="noop", unique=unique)
    equal(second, {"id": first["id"], "state": "held", "existing": True})
    error = refused("conflict", c.call, "job.submit", type="noop", unique=dict(unique, on_conflict="reject"))
    equal((error.code, error.data["id"]), (-32004, first["id"]))
    third = c.call("job.submit", type="noop", queue="another", hold=True, unique=dict(unique, on_conflict="replace"))
    check(third["id"] > first["id"] and third["existing"] is False, third)
    equal((state(first["id"]), state(third["id"])), ("cancelled", "held"))
    c.call("job.release", id=third["id"])
    equal(wait(third["id"])["state"], "succeeded")


@test("unique: a running holder is not replaced")
def _():
    id = submit("sleep", {"seconds": 60}, unique={"key": "u2"})
    wait(id, **{"for": "started"})
    error = refused("conflict", c.call, "job.submit", type="noop", unique={"key": "u2", "on_conflict": "replace"})
    equal(error.data["id"], id)
    equal(c.call("job.submit", type="noop", unique={"key": "u2"})["existing"], True)
    c.call("job.cancel", id=id)


@test("unique: active ends with the job, all does not")
def _():
    first = run("noop", unique={"key": "u3"})["id"]
    second = c.call("job.submit", type="noop", unique={"key": "u3"})
    equal((second["existing"], second["id"] > first), (False, True))
    wait(second["id"])
    third = c.call("job.submit", type="noop", unique={"key": "u3", "scope": "all"})
    equal(third, {"id": second["id"], "state": "succeeded", "existing": True})
    refused("conflict", c.call, "job.submit", type="noop", unique={"key": "u3", "scope": "all", "on_conflict": "reject"})
    for id in (first, second["id"]):
        c.call("job.delete", id=id)
    equal(c.call("job.submit", type="noop", unique={"key": "u3", "scope": "all"})["existing"], False)


@test("unique: a retried job wants its key back")
def _():
    first = run("noop", unique={"key": "u4"})["id"]
    second = submit("noop", unique={"key": "u4"}, hold=True)
    refused("conflict", c.call, "job.retry", id=first)
    c.call("job.cancel", id=second)
    c.call("job.retry", id=first)
    wait(first)


@test("unique: many at once, and one is made")
def _():
    ids = set()
    clients = [daemon.client() for _ in range(8)]
    numbers = [(one, one.send("job.submit", type="noop", hold=True, unique={"key": "u5"})) for one in clients for _ in range(20)]
    made = 0
    for one, number in numbers:
        answer = one.result(number)
        ids.add(answer["id"])
        made += not answer["existing"]
    equal((len(ids), made), (1, 1))
    for one in clients:
        one.close()


@test("unique: existing with wait waits for that job")
def _():
    id = submit("sleep", {"seconds": 0.2}, unique={"key": "u6"}, hold=True)
    number = c.send("job.submit", type="noop", unique={"key": "u6"}, wait=60)
    c.call("job.release", id=id)
    job = sound(c.result(number))
    equal((job["id"], job["state"]), (id, "succeeded"))


# ---- held ----

@test("a command that is held just as it starts runs to its end once it is released")
def _():
    ids, held = [], []
    for i in range(90):
        ids.append(submit("exec", {"command": "trap '' TERM; echo hi"}))
        time.sleep(i % 30 * 0.0001)
        try:
            c.call("job.hold", id=ids[-1])
            held.append(ids[-1])
        except RpcError as error:
            equal(error.reason, "conflict")
    eventually(lambda: c.call("daemon.status")["pool"]["busy"] == 0, "an idle pool")
    for id in held:
        c.call("job.release", id=id)
    for id in ids:
        equal(wait(id)["state"], "succeeded")
        equal(c.call("job.output", id=id, stream="stdout")["data"], "hi\n")


@test("a command that is cancelled just as it starts leaves nothing behind")
def _():
    before = c.call("daemon.status")["coroutines"]["alive"]
    for i in range(90):
        id = submit("exec", {"command": "trap '' TERM; echo hi"})
        time.sleep(i % 30 * 0.0001)
        try:
            equal(c.call("job.cancel", id=id)["state"], "cancelled")
        except RpcError as error:
            equal(error.reason, "conflict")
    eventually(lambda: c.call("daemon.status")["coroutines"]["alive"] <= before, "no coroutine more than before")


@test("hold and release")
def _():
    queue = paused("holding")
    id = submit("noop", queue=queue)
    job = sound(c.call("job.hold", id=id))
    equal((job["state"], job["reason"]), ("held", "held"))
    equal(sound(c.call("job.release", id=id))["state"], "ready")
    c.call("queue.resume", name=queue)
    equal(wait(id)["state"], "succeeded")
    for method in ("job.hold", "job.release"):
        equal(refused("conflict", c.call, method, id=id).data["id"], id)


@test("release goes to whichever is due")
def _():
    id = submit("noop", delay=60)
    c.call("job.hold", id=id)
    job = sound(c.call("job.release", id=id))
    equal((job["state"], job["reason"]), ("scheduled", "delay"))
    c.call("job.cancel", id=id)
    id = submit("noop", delay=0.2, hold=True)
    eventually(lambda: time.time() > seconds_of(get(id)["run_at"]), "its time")
    equal(state(id), "held")
    c.call("job.release", id=id)
    equal(wait(id)["state"], "succeeded")


@test("a job that waits for its retry can be held and released; a running one not")
def _():
    id = submit("exec", {"command": "test $JOBD_ATTEMPT = 2"}, retry={"base": 60, "jitter": 0})
    eventually(lambda: state(id) == "scheduled", "the first attempt's end")
    equal(c.call("job.hold", id=id)["reason"], "held")
    job = c.call("job.release", id=id)
    equal((job["state"], job["reason"]), ("scheduled", "retry"))
    c.call("job.cancel", id=id)
    id = submit("sleep", {"seconds": 60})
    wait(id, **{"for": "started"})
    refused("conflict", c.call, "job.hold", id=id)
    refused("conflict", c.call, "job.release", id=id)
    c.call("job.cancel", id=id)


# ---- why not ----

@test("reasons of a ready job")
def _():
    with Daemon("limits.io_jobs=1", "pool.processes=1") as d, d.client() as one:
        def reason_of(type, args, **members):
            id = one.call("job.submit", type=type, args=args, **members)["id"]
            job = sound(one.call("job.get", id=id))
            equal(job["state"], "ready")
            return job["reason"]
        for type, args in (("sleep", {"seconds": 60}), ("exec", {"command": "exec sleep 60"})):
            id = one.call("job.submit", type=type, args=args)["id"]
            one.call("job.wait", id=id, **{"for": "started"})
        equal(reason_of("sleep", {"seconds": 60}), "io_busy")
        equal(reason_of("exec", {"command": "true"}), "pool_busy")
        one.call("queue.pause", name="default")
        equal(reason_of("sleep", {"seconds": 60}), "queue_paused")
        one.call("daemon.drain")
        equal(reason_of("sleep", {"seconds": 60}), "draining")
        equal(reason_of("sleep", {"seconds": 60}, queue="other"), "draining")
        for job in one.call("job.list", state=["ready", "running"])["jobs"]:
            one.call("job.cancel", id=job["id"])


# ---- waiting ----

@test("wait on submit gives the final record, or timeout with the id")
def _():
    equal(run("noop", wait=60)["state"], "succeeded")
    error = refused("timeout", c.call, "job.submit", type="sleep", args={"seconds": 60}, wait=0.1)
    equal(error.code, -32008)
    id = error.data["id"]
    check(state(id) in ("ready", "running"))
    c.call("job.cancel", id=id)
    refused("timeout", c.call, "job.submit", type="noop", hold=True, wait=0)


@test("job.wait: several, in the order asked; one twice; some that are over")
def _():
    ids = [submit("sleep", {"seconds": s}) for s in (0.3, 0, 0.1)] + [run("noop")["id"]]
    ids.append(ids[0])
    jobs = c.call("job.wait", ids=ids)["jobs"]
    equal([sound(job)["id"] for job in jobs], ids)
    check(all(job["state"] == "succeeded" for job in jobs))
    equal(c.call("job.wait", ids=[]), {"jobs": []})


@test("job.wait: timeouts")
def _():
    held = submit("noop", hold=True)
    equal(refused("timeout", c.call, "job.wait", id=held, timeout=0).data["id"], held)
    begun = time.monotonic()
    equal(refused("timeout", c.call, "job.wait", ids=[run("noop")["id"], held], timeout=0.2).data["id"], held)
    check(0.2 <= time.monotonic() - begun < patient(2))
    refused("timeout", c.call, "job.wait", id=held, timeout=0.1, **{"for": "started"})
    equal(c.call("job.wait", id=run("noop")["id"], timeout=0)["state"], "succeeded")
    c.call("job.cancel", id=held)


@test("job.wait for started")
def _():
    id = submit("sleep", {"seconds": 60}, delay=0.1)
    job = wait(id, **{"for": "started"})
    equal((job["state"], job["attempt"]), ("running", 1))
    c.call("job.cancel", id=id)
    equal(wait(id, **{"for": "started"})["state"], "cancelled")
    # One that ends without a start has nothing more to wait for.
    id = submit("noop", hold=True)
    number = c.send("job.wait", id=id, **{"for": "started"})
    c.call("job.cancel", id=id)
    equal(c.result(number)["state"], "cancelled")


@test("many wait for one")
def _():
    id = submit("noop", hold=True)
    clients = [daemon.client() for _ in range(5)]
    numbers = [(one, one.send("job.wait", id=id)) for one in clients for _ in range(50)]
    c.call("job.release", id=id)
    for one, number in numbers:
        equal(one.result(number)["state"], "succeeded")
    for one in clients:
        one.close()


@test("dry_run checks and keeps nothing")
def _():
    before = submit("noop")
    for members, wanted in (({}, "ready"), ({"hold": True}, "held"), ({"delay": 5}, "scheduled"), ({"delay": 5, "hold": True}, "held")):
        equal(c.call("job.submit", type="sleep", args={"seconds": 1}, dry_run=True, **members),
              {"id": None, "state": wanted, "dry_run": True})
    equal(refused("invalid_params", c.call, "job.submit", type="sleep", args={}, dry_run=True).field, "args.seconds")
    equal(submit("noop"), before + 1)


# ---- cancel ----

@test("cancel what has not started: at once")
def _():
    queue = paused("cancelling")
    for members in ({"hold": True}, {"delay": 60}, {"queue": queue}):
        id = submit("noop", **members)
        job = sound(c.call("job.cancel", id=id))
        equal((job["state"], job["attempt"]), ("cancelled", 0))
        equal(refused("conflict", c.call, "job.cancel", id=id).data["id"], id)
        c.call("job.delete", id=id)


@test("cancel a running io job: it is over when the answer comes")
def _():
    id = submit("sleep", {"seconds": 60})
    wait(id, **{"for": "started"})
    begun = time.monotonic()
    job = sound(c.call("job.cancel", id=id))
    check(time.monotonic() - begun < patient(1))
    equal((job["state"], job["history"][0]["outcome"], job["history"][0]["error"]["reason"]), ("cancelled", "cancelled", "cancelled"))
    check(seconds_of(job["started_at"]) <= seconds_of(job["cancel_requested_at"]) <= seconds_of(job["finished_at"]), job)


@test("cancel a running command: its process group is gone, even one that will not hear of it")
def _():
    stubborn = "trap '' TERM; echo $$; sleep 1000 & sleep 1000 & sleep 1000; sleep 1000"
    # The first is not waited for until the grace is over; the second is, and no longer.
    for command, grace, signal in (("echo $$; sleep 1000", 1000, "SIGTERM"), (stubborn, 0.2, "SIGKILL")):
        with Daemon("pool.processes=1", "pool.kill_grace=%g" % grace) as d, d.client() as one:
            id = one.call("job.submit", type="exec", args={"command": command})["id"]
            pid = int(eventually(lambda: one.call("job.output", id=id, stream="stdout")["data"], "the pid"))
            begun = time.monotonic()
            job = sound(one.call("job.cancel", id=id))
            check(time.monotonic() - begun < patient(1))
            equal((job["state"], job["result"]["signal"]), ("cancelled", signal))
            check(not group_of(pid), "the process group %d is alive" % pid)


def group_of(pgid):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % name) as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[2]) == pgid and fields[0] not in "ZX":
            found.append(int(name))
    return found


@test("a cancel wins, whatever the command returns")
def _():
    job_id = submit("exec", {"command": "trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done"})
    eventually(lambda: c.call("job.output", id=job_id, stream="stdout")["data"], "its trap is set")
    equal(c.call("job.cancel", id=job_id)["state"], "cancelled")
    equal(state(job_id), "cancelled")


@test("two cancel the same running job: both get its end")
def _():
    id = submit("exec", {"command": "trap '' TERM; echo; sleep 1000"})
    eventually(lambda: c.call("job.output", id=id, stream="stdout")["data"], "its trap is set")
    numbers = [c.send("job.cancel", id=id) for _ in range(2)]
    equal([c.result(number)["state"] for number in numbers], ["cancelled", "cancelled"])


@test("cancels and holds beside starts: no job is lost or run after its cancel")
def _():
    ids = [submit("noop") if n % 2 else submit("sleep", {"seconds": 0.001}) for n in range(200)]
    numbers = [(id, c.send("job.cancel" if n % 3 else "job.hold", id=id)) for n, id in enumerate(ids)]
    for id, number in numbers:
        reply = c.reply(number)
        check("result" in reply or reply["error"]["data"]["reason"] == "conflict", reply)
    for job in c.call("job.list", state="held", limit=1000)["jobs"]:
        if job["id"] in ids:
            c.call("job.release", id=job["id"])
    for job in c.call("job.wait", ids=ids)["jobs"]:
        check(sound(job)["state"] in ("succeeded", "cancelled"), job)


# ---- gone ----

@test("delete: a final job's record goes, and its id is never used again")
def _():
    id = run("noop")["id"]
    equal(c.call("job.delete", id=id), {"id": id})
    refused("not_found", c.call, "job.get", id=id)
    refused("not_found", c.call, "job.delete", id=id)
    check(submit("noop") > id)
    held = submit("noop", hold=True)
    refused("conflict", c.call, "job.delete", id=held)
    c.call("job.cancel", id=held)


@test("who waits for a job that is deleted hears so")
def _():
    job = sh("echo x")
    c.call("job.retry", id=job["id"])
    wait(job["id"])
    c.call("job.delete", id=job["id"])
    refused("not_found", c.call, "job.output", id=job["id"], stream="stdout")


# ---- many ----

@test("submit_many: in order, all or none")
def _():
    answer = c.call("job.submit_many", jobs=[{"type": "noop", "args": {"n": n}, "queue": "many"} for n in range(1000)])
    ids = [job["id"] for job in answer["jobs"]]
    equal(ids, list(range(ids[0], ids[0] + 1000)))
    equal({(job["state"], job["existing"]) for job in answer["jobs"]}, {("ready", False)})
    for n, job in enumerate(c.call("job.wait", ids=ids)["jobs"]):
        equal(job["result"], {"n": n})
    equal(c.call("job.submit_many", jobs=[]), {"jobs": []})
    total = c.call("job.count")["total"]
    refused("invalid_params", c.call, "job.submit_many", jobs=[{"type": "noop"}, {"type": "noop", "priority": 5000}])
    c.call("job.submit", type="noop", hold=True, unique={"key": "m1"})
    error = refused("conflict", c.call, "job.submit_many",
                    jobs=[{"type": "noop"}, {"type": "noop", "unique": {"key": "m1", "on_conflict": "reject"}}])
    check("id" in error.data)
    equal(c.call("job.count")["total"], total + 1)


@test("submit_many: the same key twice is made once")
def _():
    jobs = c.call("job.submit_many", jobs=[{"type": "noop", "hold": True, "unique": {"key": "m2"}}] * 3)["jobs"]
    equal([job["existing"] for job in jobs], [False, True, True])
    equal(len({job["id"] for job in jobs}), 1)


# ---- limits ----

@test("limits.jobs: more are refused, until there is room")
def _():
    with Daemon("limits.jobs=3", "pool.processes=1") as d, d.client() as one:
        held = [one.call("job.submit", type="noop", hold=True)["id"] for _ in range(3)]
        equal(refused("overloaded", one.call, "job.submit", type="noop").code, -32006)
        refused("overloaded", one.call, "job.submit_many", jobs=[{"type": "noop"}])
        one.call("job.cancel", id=held[0])
        refused("overloaded", one.call, "job.submit_many", jobs=[{"type": "noop"}] * 2)
        equal(one.call("job.submit", type="noop", wait=60)["state"], "succeeded")


@test("limits.jobs holds against many that come at once")
def _():
    with Daemon("limits.jobs=50", "pool.processes=1") as d, d.client() as one:
        numbers = [one.send("job.submit", type="noop", hold=True) for _ in range(500)]
        accepted = sum("result" in one.reply(number) for number in numbers)
        equal(accepted, 50, "accepted")


@test("limits.result_bytes: a larger result is too_large")
def _():
    with Daemon("limits.result_bytes=10000", "pool.processes=1") as d, d.client() as one:
        job = one.call("job.submit", type="noop", args={"x": "y" * 20000}, retry=ONCE, wait=60)
        equal((job["state"], job["error"]["reason"]), ("failed", "too_large"))


user.ends_in_peace()
main()
