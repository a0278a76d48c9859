"""Why jobs wait: one true reason in the record, in lists and counts by it, and in a sentence with its numbers."""

import re
import time

from jobdlook import seconds_of
from jobdtest import Daemon, check, equal, eventually, main, refused, test

daemon = Daemon("pool.processes=1", "limits.io_jobs=5")
c = daemon.client()

WAITS = ["held", "blocked", "scheduled", "ready"]
submit = lambda type, args=None, **more: c.call("job.submit", type=type, args=args or {}, **more)["id"]
reason = lambda id: c.call("job.get", id=id).get("reason")
explain = lambda id: c.call("job.explain", id=id)
listed = lambda **filters: sorted(job["id"] for job in c.call("job.list", limit=1000, **filters)["jobs"])

ids = {}


def by_reason():
    """All jobs that wait, by the reason their records say."""
    found = {}
    for job in c.call("job.list", state=WAITS, limit=1000)["jobs"]:
        found.setdefault(job["reason"], []).append(job["id"])
    return {word: sorted(of) for word, of in found.items()}


def agree():
    """Lists and counts by each reason are of those whose records say it."""
    found = by_reason()
    for word in ("held", "dependency", "delay", "retry", "draining", "queue_paused", "no_worker", "rate", "queue_concurrency",
                 "key_concurrency", "io_busy", "pool_busy", "next"):
        wanted = found.get(word, [])
        equal(listed(reason=word), wanted, word)
        equal(sorted(job["id"] for job in c.call("job.list", reason=[word], order="oldest", limit=1000)["jobs"]), wanted, word)
        equal(c.call("job.count", reason=word)["total"], len(wanted), word)
        for id in wanted:
            equal(explain(id)["reason"], word)
    equal(listed(reason=list(found)), sorted(id for of in found.values() for id in of))
    return found


@test("jobs that wait for each of many things")
def _():
    ids["retry"] = [submit("http", {"url": "http://127.0.0.1:1/"}, retry={"base": 3600, "backoff": "constant", "jitter": 0})]
    eventually(lambda: reason(ids["retry"][0]) == "retry", "it is to be tried again")
    ids["held"] = [submit("noop", hold=True), submit("noop", hold=True, delay=60)]
    ids["delay"] = [submit("noop", delay=3600), submit("sleep", {"seconds": 0}, delay=7200)]
    ids["dependency"] = [submit("noop", after=ids["held"])]
    # What runs of each limit, and what waits for it.
    c.call("queue.set", name="slow", rate={"per_second": 0.001, "burst": 1})
    c.call("queue.set", name="narrow", concurrency=1)
    sleep = lambda **more: submit("sleep", {"seconds": 3600}, **more)
    key = lambda limit: {"key": "K", "limit": limit}
    c.call("job.submit", type="noop", queue="slow", wait=60)
    ids["rate"] = [submit("noop", queue="slow") for _ in range(2)]
    limited = [sleep(queue="narrow"), sleep(concurrency=key(1))]
    c.call("job.wait", ids=limited, timeout=60, **{"for": "started"})
    ids["queue_concurrency"] = [sleep(queue="narrow"), sleep(queue="narrow", concurrency=key(1))]
    ids["key_concurrency"] = [sleep(concurrency=key(1)), sleep(queue="other", concurrency=key(1))]
    c.call("queue.pause", name="still")
    ids["queue_paused"] = [submit("noop", queue="still", priority=n) for n in (0, 5, 0)]
    running = [submit("sleep", {"seconds": 3600}) for _ in range(3)] + [submit("exec", {"command": "sleep 3600"})]
    c.call("job.wait", ids=running, timeout=60, **{"for": "started"})
    ids["io_busy"] = [submit("sleep", {"seconds": 3600}, priority=n, tags={"n": str(n)}) for n in (0, 0, 7, 0)]
    ids["pool_busy"] = [submit("exec", {"command": "sleep 3600"}) for _ in range(2)]
    ids["io_busy"] += [sleep(concurrency=key(9)), sleep(group="g")]
    ids["running"] = running + limited
    found = agree()
    for word, of in found.items():
        equal(of, ids[word], word)
    equal(set(found), set(ids) - {"running"})


@test("the reason beside other filters")
def _():
    equal(listed(reason=["held", "delay"]), sorted(ids["held"] + ids["delay"]))
    equal(listed(reason=["held", "delay"], state="scheduled"), ids["delay"])
    equal(listed(reason="delay", type="sleep"), ids["delay"][1:])
    equal(listed(reason="held", state="ready"), [])
    equal(listed(reason=["queue_paused", "io_busy"], queue="still"), ids["queue_paused"])
    equal(listed(reason="io_busy", tags={"n": "7"}), [ids["io_busy"][2]])
    equal(c.call("job.count", reason="io_busy", tags={"n": "0"})["by_state"]["ready"], 3)
    equal(c.call("job.count", reason=["io_busy", "pool_busy"], queue="default")["total"], 8)
    equal(c.call("job.count", reason="key_concurrency", queue="other")["total"], 1)
    equal(c.call("job.count", reason=["rate", "queue_concurrency", "key_concurrency"])["total"], 6)
    equal(listed(reason=["key_concurrency", "rate"], queue=["other", "slow"]), sorted(ids["key_concurrency"][1:] + ids["rate"]))
    equal(c.call("job.count", reason=["retry", "held"])["total"], 3)
    equal(listed(reason=[]), [])
    equal(refused("invalid_params", lambda: c.call("job.list", reason="busy")).field, "reason")
    page = c.call("job.list", reason="io_busy", limit=3)
    rest = c.call("job.list", reason="io_busy", limit=3, cursor=page["next_cursor"])
    equal([job["id"] for job in page["jobs"] + rest["jobs"]], ids["io_busy"][::-1])
    equal(len(page["jobs"]), 3)


@test("the sentences and their numbers")
def _():
    told = explain(ids["held"][1])
    equal(set(told), {"state", "reason", "message"})
    check("job.release" in told["message"], told)
    told = explain(ids["delay"][0])
    equal((told["state"], told["earliest"]), ("scheduled", c.call("job.get", id=ids["delay"][0])["run_at"]))
    check(re.search(r", (1h 0m|\d+m \d+s|\d\d?\.\d{3} s) from now", told["message"]), told)
    told = explain(ids["retry"][0])
    equal(told["earliest"], c.call("job.get", id=ids["retry"][0])["run_at"])
    check("attempt 1" in told["message"] and "connect" in told["message"], told)
    told = explain(ids["dependency"][0])
    equal((told["state"], told["blocked_by"]), ("blocked", ids["held"]))
    check("2 jobs" in told["message"], told)
    told = explain(ids["queue_paused"][0])
    check("still" in told["message"] and "3 ready jobs" in told["message"], told)
    equal([explain(id)["ahead"] for id in ids["queue_paused"]], [1, 0, 2])
    told = explain(ids["io_busy"][0])
    check("5 jobs" in told["message"] and "limits.io_jobs is 5" in told["message"], told)
    # Those of the other class, in the same queue, take nothing from it; the one that waits for its key came first.
    equal([explain(id)["ahead"] for id in ids["io_busy"]], [2, 3, 0, 4, 5, 6])
    told = explain(ids["rate"][1])
    check("slow" in told["message"] and "0.001 a second" in told["message"] and told["ahead"] == 1, told)
    check(0 < seconds_of(told["earliest"]) - time.time() < 1001, told)
    told = explain(ids["queue_concurrency"][0])
    check("1 job of its queue narrow runs" in told["message"] and "its concurrency is 1" in told["message"], told)
    check("no ready job of its queue comes before it" in told["message"], told)
    told = explain(ids["queue_concurrency"][1])
    check("1 ready job of its queue comes before it" in told["message"], told)
    told = explain(ids["key_concurrency"][1])
    check("1 job of the concurrency key K runs" in told["message"] and "its limit is 1" in told["message"], told)
    equal([explain(id)["ahead"] for id in ids["pool_busy"]], [0, 1])
    told = explain(ids["pool_busy"][0])
    check("of 1, 1 is busy and 0 are starting" in told["message"], told)
    for id in ids["io_busy"] + ids["rate"] + ids["queue_paused"]:
        told = explain(id)
        check("%d ready job" % told["ahead"] in told["message"] if told["ahead"] else "no ready job" in told["message"], told)
    told = explain(ids["retry"][0])
    check("1 of at most 3" in told["message"], told)


@test("what does not wait has no reason, and is explained all the same")
def _():
    told = explain(ids["running"][0])
    equal((told["state"], set(told)), ("running", {"state", "message"}))
    check("attempt 1" in told["message"], told)
    id = submit("noop", hold=True)
    c.call("job.cancel", id=id)
    equal((explain(id)["state"], set(explain(id))), ("cancelled", {"state", "message"}))
    refused("not_found", c.call, "job.explain", id=10**9)


@test("what changes, changes the reason")
def _():
    c.call("daemon.drain")
    found = agree()
    equal(found["draining"], sorted(sum((ids[word] for word in ("queue_paused", "io_busy", "pool_busy", "rate", "queue_concurrency",
                                                                "key_concurrency")), [])))
    check("6 jobs are running" in explain(ids["io_busy"][0])["message"], explain(ids["io_busy"][0]))
    c.call("daemon.resume")
    c.call("job.cancel", id=ids["held"][0])     # and with it the one that waits for it
    c.call("job.cancel_many", reason=["delay", "queue_paused"])
    found = agree()
    equal(set(found), {"held", "retry", "io_busy", "pool_busy", "rate", "queue_concurrency", "key_concurrency"})
    c.call("job.cancel", id=ids["running"][0])
    eventually(lambda: reason(ids["io_busy"][2]) is None, "the highest priority runs")
    equal([explain(id)["ahead"] for id in (ids["io_busy"][0], ids["io_busy"][1], ids["io_busy"][3])], [1, 2, 3])
    # A limit that is lifted is a reason no more.
    c.call("queue.set", name="slow", rate=None)
    eventually(lambda: reason(ids["rate"][0]) != "rate", "the rate holds it no more")
    c.call("queue.set", name="narrow", concurrency=None)
    equal([reason(id) for id in ids["queue_concurrency"]], ["io_busy", "key_concurrency"])
    equal(set(agree()), {"held", "retry", "io_busy", "pool_busy", "key_concurrency"})


@test("the daemon ends in peace")
def _():
    c.call("job.cancel_many", state=["running"] + WAITS)
    daemon.stop()
    daemon.check_sanitizers()


main()
