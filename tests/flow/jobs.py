"""The life of a job, seen from outside: what a submit takes, what runs, when, and again."""

import base64
import json
import os
import time

from jobdlook import seconds_of, sound
from jobdtest import Daemon, alive, check, equal, eventually, main, patient, refused, test
from jobduser import AT_ONCE, ONCE, User

user = User("pool.processes=2", "pool.kill_grace=0.2")
c = user.c
submit, run, sh, get, state, wait, paused = user.submit, user.run, user.sh, user.get, user.state, user.wait, user.paused


# ---- what it answers ----

@test("a submit answers with id, state and existing, and ids grow")
def _():
    first = c.call("job.submit", type="sleep", args={"seconds": 0})
    equal(set(first), {"id", "state", "existing"})
    equal((first["state"], first["existing"]), ("ready", False))
    second = c.call("job.submit", type="sleep", args={"seconds": 0}, hold=True)
    check(second["id"] > first["id"] > 0)
    equal(second["state"], "held")
    equal(c.call("job.submit", type="sleep", args={"seconds": 0}, delay=60)["state"], "scheduled")
    equal(c.call("job.submit", type="sleep", args={"seconds": 0}, hold=True, delay=60)["state"], "held")


@test("the record of a plain job says what there is to say, and no more")
def _():
    job = run("sleep", {"seconds": 0.05})
    equal(set(job), {"id", "type", "class", "queue", "priority", "state", "args", "attempt", "max_attempts", "submitted_at",
                     "started_at", "finished_at", "timeout", "result", "history"})
    equal((job["type"], job["class"], job["queue"], job["priority"]), ("sleep", "io", "default", 0))
    equal((job["attempt"], job["max_attempts"], job["timeout"]), (1, 3, 3600))
    equal(job["args"], {"seconds": 0.05})
    check(0.05 <= job["result"]["slept"] < patient(2), job)
    check(seconds_of(job["submitted_at"]) <= seconds_of(job["started_at"]) < seconds_of(job["finished_at"]), job)
    equal(len(job["history"]), 1)
    entry = job["history"][0]
    equal({name: entry[name] for name in ("attempt", "started_at", "finished_at", "outcome")},
          {"attempt": 1, "started_at": job["started_at"], "finished_at": job["finished_at"], "outcome": "succeeded"})
    equal(get(job["id"]), job)


@test("the record of a job with everything")
def _():
    members = dict(queue="every.thing-1", priority=-7, timeout=0, tags={"a": "b", "\u00fc": ""}, meta={"x": [1, None]},
                   unique={"key": "every"}, retry={"max_attempts": 9}, hold=True)
    id = submit("exec", {"command": "true"}, delay=60, ttl=600, **members)
    job = get(id)
    equal((job["state"], job["reason"], job["class"]), ("held", "held", "cpu"))
    equal((job["queue"], job["priority"], job["max_attempts"], job["unique_key"]), ("every.thing-1", -7, 9, "every"))
    equal((job["tags"], job["meta"]), (members["tags"], members["meta"]))
    equal("timeout" in job, False)
    check(59 < seconds_of(job["run_at"]) - seconds_of(job["submitted_at"]) < 61, job)
    check(599 < seconds_of(job["expires_at"]) - seconds_of(job["submitted_at"]) < 601, job)


@test("meta and args come back untouched")
def _():
    for text in ['[1,1.0,-0.5,12345678901234567,1e25,true,null,"\\u00e4\\u0000\\"\\\\/ \\ud83d\\ude00",{"z":1,"a":{"":[]}}]', '""', "{}",
                 "null", "0", '"' + "x" * 4094 + '"']:
        value = json.loads(text)
        job = run("noop", {"v": value}, meta=value)
        for back in (job["meta"], job["args"]["v"], job["result"]["v"]):
            equal(json.dumps(back), json.dumps(value), text[:100])


@test("a job that is not there is not_found, in every method that names one")
def _():
    for method in ["get", "wait", "cancel", "retry", "delete", "hold", "release"]:
        error = refused("not_found", c.call, "job." + method, id=999999)
        equal((error.code, error.data["id"]), (-32003, 999999), method)
    refused("not_found", c.call, "job.output", id=999999, stream="stdout")
    error = refused("not_found", c.call, "job.wait", ids=[submit("noop"), 999999])
    equal((error.field, error.data["id"]), ("ids", 999999))
    equal(refused("not_found", c.call, "job.wait", id=999999).field, "id")


# ---- what runs ----

@test("noop gives its args back")
def _():
    equal(run("noop", {"a": [1, {"b": None}]})["result"], {"a": [1, {"b": None}]})
    job = run("noop")
    equal((job["result"], job["class"]), ({}, "cpu"))


@test("exec: what a command says and how it ends")
def _():
    job = sh("echo out; echo err >&2; exit 0")
    equal(set(job["result"]), {"exit_code", "stdout", "stderr", "usage"})
    equal((job["result"]["exit_code"], job["result"]["stdout"], job["result"]["stderr"]), (0, "out\n", "err\n"))
    equal(set(job["result"]["usage"]), {"user_seconds", "system_seconds", "max_rss_bytes"})
    check(job["result"]["usage"]["max_rss_bytes"] > 100000, job)
    equal(job["output_bytes"], {"stdout": 4, "stderr": 4})
    equal(run("exec", {"argv": ["/bin/echo", "a b", "", "$HOME"]})["result"]["stdout"], "a b  $HOME\n")


@test("exec: a failure keeps its result beside its error")
def _():
    job = sh("echo half; exit 7", retry=ONCE)
    equal((job["state"], job["error"]["reason"], job["result"]["exit_code"], job["result"]["stdout"]),
          ("failed", "exit_status", 7, "half\n"))
    check("7" in job["error"]["message"], job)
    equal(sh("exit 7", args={"ok_exit_codes": [0, 7]})["state"], "succeeded")
    job = sh("kill -SEGV $$", retry=ONCE)
    equal((job["state"], job["error"]["reason"], job["result"]["signal"]), ("failed", "signal", "SIGSEGV"))
    check("exit_code" not in job["result"], job)


@test("exec: a clean environment")
def _():
    job = run("exec", {"argv": ["/usr/bin/env"]})
    variables = dict(line.split("=", 1) for line in job["result"]["stdout"].splitlines())
    equal(set(variables), {"PATH", "HOME", "LANG", "JOBD_ID", "JOBD_ATTEMPT"})
    equal((variables["JOBD_ID"], variables["JOBD_ATTEMPT"]), (str(job["id"]), "1"))
    equal(sh("pwd; cat; echo $A-$PATH", args={"stdin": "in\n", "env": {"A": "b", "PATH": "/bin"}, "cwd": "/usr"})["result"]["stdout"],
          "/usr\nin\nb-/bin\n")
    equal(sh("pwd; cat")["result"]["stdout"], "/\n")


@test("exec: a command that cannot be started is not tried again")
def _():
    for args in [{"argv": ["/no/such/command"]}, {"argv": ["/etc/passwd"]}, {"argv": ["true"], "cwd": "/no/such/place"}]:
        job = run("exec", args)
        equal((job["state"], job["error"]["reason"], job["attempt"]), ("failed", "spawn", 1), args)


@test("exec: what it leaves running ends with it")
def _():
    mark = "mark-%d-left" % os.getpid()
    begun = time.monotonic()
    job = sh("MARK=%s sleep 1000 & echo $!; exec 2>&1; MARK=%s setsid true" % (mark, mark))
    check(time.monotonic() - begun < patient(10), "it waited for the child")
    pid = int(job["result"]["stdout"])
    eventually(lambda: not alive(pid), "the child's end")


@test("exec: output that is not UTF-8, and more of it than a result holds")
def _():
    job = sh("printf '\\377\\376'; printf '\\303' >&2")
    equal(base64.b64decode(job["result"]["stdout_base64"]), b"\xff\xfe")
    equal(base64.b64decode(job["result"]["stderr_base64"]), b"\xc3")
    check("stdout" not in job["result"] and "stderr" not in job["result"], job)
    job = sh("head -c 100000 /dev/zero | tr '\\0' x; echo end")
    equal((len(job["result"]["stdout"]), job["result"]["stdout"][-4:]), (65536, "end\n"))
    equal(job["output_bytes"], {"stdout": 100004, "stderr": 0})
    job = sh("for i in $(seq 30000); do printf '\u20ac\u20ac'; done; printf x")
    equal(set(job["result"]["stdout"]), {"\u20ac", "x"})
    check(65530 < len(job["result"]["stdout"].encode()) <= 65536, len(job["result"]["stdout"].encode()))


@test("exec: limits")
def _():
    job = sh("ulimit -n; ulimit -f", args={"limits": {"open_files": 50, "file_bytes": 1024}})
    equal(job["result"]["stdout"], "50\n2\n")
    job = sh("while :; do :; done", args={"limits": {"cpu_seconds": 1}}, retry=ONCE)
    equal(job["state"], "failed")
    check(job["error"]["reason"] in ("limit", "signal"), job)


# ---- when ----

@test("delay and run_at: not before")
def _():
    job = run("sleep", {"seconds": 0}, delay=0.3)
    check(seconds_of(job["started_at"]) - seconds_of(job["submitted_at"]) > 0.2999, job)
    at = time.time() + 0.3
    job = run("sleep", {"seconds": 0}, run_at=at)
    check(at - 0.001 <= seconds_of(job["started_at"]) < at + patient(2), job)
    equal(state(submit("sleep", {"seconds": 0}, run_at="2099-12-31T23:59:59+02:00")), "scheduled")
    job = run("sleep", {"seconds": 0}, run_at="2001-01-01T00:00:00Z")
    equal((job["state"], "run_at" in job), ("succeeded", False))


@test("run_at is shown in UTC, however it was given")
def _():
    job = get(submit("sleep", {"seconds": 0}, run_at="2099-06-01T12:00:00.5+02:00", hold=True))
    equal(job["run_at"], "2099-06-01T10:00:00.500Z")
    job = get(submit("sleep", {"seconds": 0}, run_at=4000000000.25, hold=True))
    equal(job["run_at"], "2096-10-02T07:06:40.250Z")


@test("priority orders within a queue, then id")
def _():
    with Daemon("limits.io_jobs=1", "pool.processes=1") as d, d.client() as one:
        one.call("event.subscribe", states=["running"])
        for type, args in (("sleep", {"seconds": 0}), ("exec", {"command": "true"})):
            one.call("queue.pause", name="default")
            priorities = [0, 5, -3, 5, 0, 1000, -1000, 0]
            ids = [one.call("job.submit", type=type, args=args, priority=priority)["id"] for priority in priorities]
            one.call("queue.resume", name="default")
            one.call("job.wait", ids=ids)
            started = [one.event()["job"]["id"] for _ in ids]
            equal(started, sorted(ids, key=lambda id: (-priorities[ids.index(id)], id)))


@test("expired: while ready, held, scheduled and paused; with a word of its own")
def _():
    queue = paused("expire")
    made = [c.call("job.submit", type="sleep", args={"seconds": 0}, **members) for members in (
        {"queue": queue, "ttl": 0.3}, {"queue": queue, "ttl": 0.3, "hold": True}, {"ttl": 0.3, "delay": 60},
        {"queue": queue, "expires_at": time.time() + 0.3})]
    equal([answer["state"] for answer in made], ["ready", "held", "scheduled", "ready"])
    for id in [answer["id"] for answer in made]:
        job = wait(id)
        equal((job["state"], job["error"]["reason"], job["attempt"]), ("expired", "expired", 0))
        check("started_at" not in job and "history" not in job, job)
    equal(wait(submit("sleep", {"seconds": 0}, queue=queue, ttl=0))["state"], "expired")


def started_in_time(job_of):
    """The record of one that started before its time was over: one that did not tells nothing, and the next has more time."""
    ttl = 0.2
    while (job := job_of(ttl))["attempt"] == 0:
        equal(job["state"], "expired")
        ttl *= 2
    return job


@test("expires_at bounds the first start only")
def _():
    job = started_in_time(lambda ttl: run("sleep", {"seconds": 2 * ttl}, ttl=ttl))
    equal(job["state"], "succeeded")
    job = started_in_time(lambda ttl: sh("test $JOBD_ATTEMPT = 2", ttl=ttl, retry={"base": ttl + 0.2, "jitter": 0}))
    equal((job["state"], job["attempt"]), ("succeeded", 2))


@test("timeout: of an io job, of a command and all its group, and then tried again")
def _():
    job = run("sleep", {"seconds": 60}, timeout=0.2, retry=ONCE)
    equal((job["state"], job["error"]["reason"]), ("failed", "timeout"))
    check(0.199 <= seconds_of(job["finished_at"]) - seconds_of(job["started_at"]) < patient(2), job)
    check(job["timeout"] == 0.2 and "result" not in job, job)
    job = sh("trap '' TERM; sleep 1000 & sleep 1000", timeout=0.2, retry=dict(AT_ONCE, max_attempts=2))
    equal((job["state"], job["error"]["reason"], job["attempt"]), ("failed", "timeout", 2))
    equal([entry["error"]["reason"] for entry in job["history"]], ["timeout", "timeout"])


# ---- again ----

@test("retry: until it succeeds, with a history")
def _():
    job = sh("echo attempt $JOBD_ATTEMPT; test $JOBD_ATTEMPT = 3", retry=dict(AT_ONCE, max_attempts=5))
    equal((job["state"], job["attempt"], job["max_attempts"]), ("succeeded", 3, 5))
    equal([entry["outcome"] for entry in job["history"]], ["failed", "failed", "succeeded"])
    equal([entry["attempt"] for entry in job["history"]], [1, 2, 3])
    equal(job["result"]["stdout"], "attempt 3\n")
    job = sh("exit 1", retry=dict(AT_ONCE, max_attempts=4))
    equal((job["state"], job["attempt"], len(job["history"])), ("failed", 4, 4))


@test("retry: the delays of each backoff")
def _():
    for backoff, factors in (("constant", [1, 1, 1]), ("linear", [1, 2, 3]), ("exponential", [1, 2, 4])):
        retry = {"max_attempts": 4, "backoff": backoff, "base": 0.1, "jitter": 0}
        history = sh("exit 1", retry=retry)["history"]
        for factor, before, after in zip(factors, history, history[1:]):
            gap = seconds_of(after["started_at"]) - seconds_of(before["finished_at"])
            check(0.1 * factor - 0.001 <= gap, (backoff, gap))
        # And no longer: when it is to run is said to the millisecond.
        id = submit("exec", {"command": "exit 1"}, retry=dict(retry, base=500))
        for attempt, factor in enumerate(factors, 1):
            job = eventually(lambda: (j := get(id))["state"] == "scheduled" and j["attempt"] == attempt and j, "the end of attempt %d" % attempt)
            equal(round(seconds_of(job["run_at"]) - seconds_of(job["finished_at"]), 3), 500 * factor, backoff)
            c.call("job.update", id=id, run_at=None)
        equal(wait(id)["state"], "failed")
    id = submit("exec", {"command": "exit 1"}, retry={"base": 1000, "cap": 500, "jitter": 0})
    job = eventually(lambda: (j := get(id))["state"] == "scheduled" and j, "the first attempt's end")
    equal(round(seconds_of(job["run_at"]) - seconds_of(job["finished_at"]), 3), 500)


@test("retry: meanwhile the job is scheduled, and says so")
def _():
    id = submit("exec", {"command": "exit 1"}, retry={"base": 60, "jitter": 0})
    job = eventually(lambda: get(id)["state"] == "scheduled" and get(id), "the first attempt's end")
    equal((job["reason"], job["attempt"], job["error"]["reason"]), ("retry", 1, "exit_status"))
    check(59 < seconds_of(job["run_at"]) - seconds_of(job["finished_at"]) < 61, job)
    equal(job["result"]["exit_code"], 1)
    c.call("job.cancel", id=id)


@test("an attempt that runs does not say what the one before it said; the history does")
def _():
    id = submit("exec", {"command": "test $JOBD_ATTEMPT != 1 && exec sleep 60; echo one; exit 1"}, retry=AT_ONCE)
    job = eventually(lambda: (job := sound(get(id)))["state"] == "running" and job["attempt"] == 2 and job, "the second attempt")
    check(not {"result", "error", "finished_at", "output_bytes"} & job.keys(), job)
    equal([entry["error"]["reason"] for entry in job["history"]], ["exit_status"])
    c.call("job.cancel", id=id)


@test("job.retry: the same id with a fresh budget; numbers and history go on")
def _():
    job = sh("exit 1", retry=dict(AT_ONCE, max_attempts=2))
    again = sound(c.call("job.retry", id=job["id"]))
    equal(again["id"], job["id"])
    job = wait(job["id"])
    equal((job["state"], job["attempt"]), ("failed", 4))
    equal([entry["attempt"] for entry in job["history"]], [1, 2, 3, 4])
    job = run("sleep", {"seconds": 0})
    c.call("job.retry", id=job["id"])
    job = wait(job["id"])
    equal((job["state"], job["attempt"]), ("succeeded", 2))
    id = submit("sleep", {"seconds": 0}, hold=True)
    equal(refused("conflict", c.call, "job.retry", id=id).data["id"], id)
    c.call("job.cancel", id=id)
    c.call("job.retry", id=id)
    equal(wait(id)["state"], "succeeded")


@test("the history keeps the last 100 attempts")
def _():
    job = run("sleep", {"seconds": 60}, timeout=0.001, retry=dict(AT_ONCE, max_attempts=100))
    equal((job["state"], job["attempt"], len(job["history"])), ("failed", 100, 100))
    c.call("job.retry", id=job["id"])
    job = wait(job["id"])
    equal((job["attempt"], len(job["history"]), job["history"][0]["attempt"]), (200, 100, 101))


user.ends_in_peace()
main()
