"""jobctl where it changes or explains many jobs: by filters, with a question, by a clock that is not its own."""

import json
import re

from jobdfake import Fake, answering, exchange, terminal
from jobdtest import Daemon, check, equal, eventually, jobctl, main, test


def start():
    return Daemon("shutdown.grace=0")


def submit(d, *words):
    return int(d.jobctl("submit", *words).out)


def rows(text):
    return [line.split("\t") for line in text.splitlines()]


def on_terminal(script, *words):
    with Fake(script) as address:
        return terminal("", "-H", address, *words, env={"TZ": "UTC", "NO_COLOR": "1", "TERM": "xterm"})


# ---- against the script ----

@test("a delay from now is reckoned by the daemon's clock")
def _():
    def script(peer):
        peer.take("daemon.ping", {})
        peer.answer({"now": "2030-01-01T00:00:00.500Z", "version": "9"})
        for id in [7, 8]:
            peer.take("job.update", {"id": id, "run_at": "2030-01-01T00:10:00.500Z"})
            peer.answer({"id": id, "state": "scheduled"})
        peer.gone()
    with Fake(script) as address:
        equal(len(jobctl("-H", address, "update", 7, 8, "--delay", "10m").out.splitlines()), 2)


@test("why says it in a word and a sentence, and with --json all there is")
def _():
    def script(peer):
        for id in [7, 8]:
            peer.take("job.explain", {"id": id})
            peer.answer({"state": "blocked", "reason": "dependency", "message": "it waits for job 3", "blocked_by": [3]})
        peer.gone()
    with Fake(script) as address:
        equal(jobctl("-H", address, "why", 7, 8).out, "".join("%d\tblocked\tdependency\tit waits for job 3\n" % id for id in [7, 8]))
    with Fake(script) as address:
        first = jobctl("-H", address, "--json", "why", 7, 8).out.splitlines()[0]
        equal(json.loads(first), {"id": 7, "state": "blocked", "reason": "dependency", "message": "it waits for job 3", "blocked_by": [3]})


@test("hold and release of what passes a filter go through the pages; a job that has gone on meanwhile is no failure")
def _():
    def script(peer):
        peer.take("job.list", {"limit": 1000, "queue": ["q"], "state": ["blocked", "scheduled", "ready"]})
        peer.answer({"jobs": [{"id": 9}, {"id": 8}, {"id": 7}], "next_cursor": "c"})
        peer.take("job.hold", {"id": 9})
        peer.answer({"id": 9})
        peer.take("job.hold", {"id": 8})
        peer.refuse(-32004, "conflict", "job 8 is running")
        peer.take("job.hold", {"id": 7})
        peer.refuse(-32003, "not_found", "there is no job 7")
        peer.take("job.list", {"limit": 1000, "queue": ["q"], "state": ["blocked", "scheduled", "ready"], "cursor": "c"})
        peer.answer({"jobs": [{"id": 6}]})
        peer.take("job.hold", {"id": 6})
        peer.answer({"id": 6})
        peer.gone()
    with Fake(script) as address:
        got = jobctl("-H", address, "hold", "-Q", "q")
        equal((got.out, got.err), ("4\t2\n", ""))
    def script(peer):
        peer.take("job.list", {"limit": 1000, "state": ["held"], "type": ["noop"]})
        peer.answer({"jobs": [{"id": 9}, {"id": 8}]})
        peer.take("job.release", {"id": 9})
        peer.refuse(-32010, "storage", "the disk is full")
        peer.take("job.release", {"id": 8})
        peer.answer({"id": 8})
        peer.gone()
    with Fake(script) as address:
        got = jobctl("-H", address, "release", "--type", "noop", "--json", code=4)
        equal((json.loads(got.out), got.err), ({"matched": 2, "done": 1}, "jobctl: job 9: the disk is full\n"))


@test("on a terminal many are not changed without a question")
def _():
    counted = {"total": 9, "by_state": {"ready": 2, "running": 1, "failed": 6}}
    for words, asked, method, answers in [
        ("cancel -Q q", "cancel 3 jobs? [y/N] ", "job.cancel_many", {"y\n": True, "yes\n": True, "Y\n": True, "n\n": False, "\n": False, "yep\n": False, "": False}),
        ("retry -Q q", "retry 6 jobs? [y/N] ", "job.retry_many", {"y\n": True, "no\n": False}),
        ("cancel -Q q -y", "", "job.cancel_many", {"": True}),
    ]:
        for typed, yes in answers.items():
            def script(peer):
                if asked:
                    peer.take("job.count", {"queue": ["q"]})
                    peer.answer(counted)
                if yes:
                    peer.take(method, {"queue": ["q"]})
                    peer.answer({"matched": 9, "done": 3})
                peer.gone()
            with Fake(script) as address:
                code, out, said = answering(typed, "-H", address, *words.split())
            equal((code, out), (0, "9\t3\n") if yes else (1, ""), (words, typed))
            wanted = asked + typed.replace("\n", "\r\n") + ("\r\n" if asked and not typed else "") + ("" if yes else "jobctl: nothing was changed\r\n")
            equal(said.replace("^D\b\b", ""), wanted, (words, typed))


@test("a purge asks with the number of jobs of all its queues that have not started")
def _():
    for typed, yes in [("y\n", True), ("n\n", False)]:
        def script(peer):
            for name in ["a", "b"]:
                peer.take("queue.get", {"name": name})
                peer.answer({"name": name, "counts": {"held": 1, "blocked": 1, "scheduled": 1, "ready": 1, "running": 50, "failed": 70}})
            for name in ["a", "b"] if yes else []:
                peer.take("queue.purge", {"name": name})
                peer.answer({"cancelled": 4})
            peer.gone()
        with Fake(script) as address:
            code, out, said = answering(typed, "-H", address, "queue", "purge", "a", "b")
        equal((code, out), (0, "a\t4\nb\t4\n") if yes else (1, ""))
        check(said.startswith("cancel 8 jobs of these queues? [y/N] "), said)


@test("where there is nothing to change there is nothing to ask")
def _():
    def script(peer):
        peer.take("job.count")
        peer.answer({"total": 9, "by_state": {"succeeded": 9, "running": 0}})
        peer.take("job.cancel_many", {"queue": ["q"]})
        peer.answer({"matched": 9, "done": 0})
        peer.gone()
    with Fake(script) as address:
        equal(answering("", "-H", address, "cancel", "-Q", "q"), (0, "9\t0\n", ""))


# ---- schedules ----

NEXT = ["2026-11-22T02:30:00.000Z", "2026-11-23T02:30:00.000Z"]


@test("a schedule is put with its job, and shown with its next times")
def _():
    record = {"name": "n", "cron": "30 3 * * *", "timezone": "Europe/Berlin", "paused": False, "next": NEXT}
    for words, put in [
        (["n", "exec", "--cron", "30 3 * * *", "-z", "Europe/Berlin", "-n", "2", "-Q", "b", "--", "tar", "c"],
         {"cron": "30 3 * * *", "timezone": "Europe/Berlin",
          "job": {"type": "exec", "args": {"argv": ["tar", "c"]}, "retry": {"max_attempts": 2}, "queue": "b"}}),
        (["n", "http", "url=https://example.org", "x:=1", "--every", "1h30m", "--overlap", "queue", "--catch-up", "all", "--paused",
          "--spread", "30", "--jitter", "0.5"],
         {"every": 5400, "overlap": "queue", "catch_up": "all", "paused": True, "jitter": 30,
          "job": {"type": "http", "args": {"url": "https://example.org", "x": 1}, "retry": {"jitter": 0.5}}}),
        (["n", "noop", "-c", "@daily", "--args", '{"a": 1}', "a=2"], {"cron": "@daily", "job": {"type": "noop", "args": {"a": "2"}}}),
    ]:
        def script(peer):
            peer.take("schedule.put", dict(put, name="n"))
            peer.answer(record)
            peer.gone()
        with Fake(script) as address:
            shown = dict(rows(jobctl("-H", address, "schedule", "put", *words).out))
        equal((shown["cron"], shown["timezone"], json.loads(shown["next"])), ("30 3 * * *", "Europe/Berlin", NEXT))
        with Fake(script) as address:
            equal(json.loads(jobctl("-H", address, "--json", "schedule", "put", *words).out), record)


@test("a schedule that is refused is 4")
def _():
    def script(peer):
        peer.take("schedule.put")
        peer.refuse(-32602, "invalid_params", "there is no such time", field="cron")
        peer.gone()
    with Fake(script) as address:
        equal(jobctl("-H", address, "schedule", "put", "n", "noop", "--cron", "0 0 30 2 *", code=4).err, "jobctl: there is no such time\n")


@test("schedules are listed, shown, deleted and triggered")
def _():
    one = {"name": "a", "every": 300, "timezone": "UTC", "paused": False, "next_at": NEXT[0]}
    for words, method, params, answer, out in [
        ("list", "schedule.list", {}, {"schedules": [one]}, "a\t-\t300\tUTC\tfalse\t%s\t-\t-\n" % NEXT[0]),
        ("delete a", "schedule.delete", {"name": "a"}, {"name": "a"}, "a\n"),
        ("trigger a", "schedule.trigger", {"name": "a"}, {"id": 12}, "12\n"),
        ("show a", "schedule.get", {"name": "a"}, {"name": "a", "every": 300}, "name\ta\nevery\t300\n"),
    ]:
        equal(exchange(["schedule", *words.split()], method, params, answer).out, out)
    shown = on_terminal(lambda peer: (peer.take("schedule.get"), peer.answer(dict(one, next=NEXT))), "schedule", "show", "a")
    check("EVERY" in shown and "5m 0s" in shown and "NEXT\r\n2026-11-22 02:30:00\r\n2026-11-23 02:30:00\r\n" in shown, shown)


@test("the list of schedules is followed to its end")
def _():
    def script(peer):
        peer.take("schedule.list", {})
        peer.answer({"schedules": [{"name": "a"}], "next_cursor": "a"})
        peer.take("schedule.list", {"cursor": "a"})
        peer.answer({"schedules": [{"name": "b"}]})
        peer.gone()
    with Fake(script) as address:
        equal([row[0] for row in rows(jobctl("-H", address, "schedule", "list").out)], ["a", "b"])


@test("what no queue has has no column on a terminal, and a rate is said in its unit")
def _():
    plain = {"name": "a", "paused": False, "weight": 1, "counts": {"ready": 5}}
    shown = on_terminal(lambda peer: (peer.take("queue.list"), peer.answer({"queues": [plain]})), "queue", "list")
    check("READY" in shown and "RATE" not in shown and "MAX_READY" not in shown, shown)
    rated = dict(plain, name="b", rate={"per_second": 100 / 60, "burst": 5}, concurrency=3)
    shown = on_terminal(lambda peer: (peer.take("queue.list"), peer.answer({"queues": [plain, rated]})), "queue", "list")
    check("RATE" in shown and "1.66667/s, burst 5" in shown and "CONCURRENCY" in shown and "MAX_READY" not in shown, shown)
    rated["rate"]["per_second"] = 0.05
    shown = on_terminal(lambda peer: (peer.take("queue.get"), peer.answer(rated)), "queue", "show", "b")
    check("3/m, burst 5" in shown, shown)
    check(re.search(r"^COUNTS +5 ready\r?$", shown, re.M), shown)
    rated["counts"] = {"ready": 0, "running": 2, "failed": 1}
    shown = on_terminal(lambda peer: (peer.take("queue.get"), peer.answer(rated)), "queue", "show", "b")
    check(re.search(r"^COUNTS +2 running, 1 failed\r?$", shown, re.M), shown)


@test("on a terminal a long text is cut before a queue's name is")
def _():
    job = {"id": 7, "state": "failed", "type": "exec", "queue": "default", "priority": 0, "attempt": 1, "submitted_at": "2026-11-20T18:00:00.000Z",
           "error": {"reason": "exit_status", "message": "exit status 3; allowed: 0, and much more of it" * 3}}
    shown = on_terminal(lambda peer: (peer.take("job.list"), peer.answer({"jobs": [job]})), "list").splitlines()
    check(all(len(line.rstrip()) <= 80 for line in shown), shown)
    check(re.search(r"failed +exec default +0 +1 2026-11-20 18:00:00 exit_", shown[-1]), shown)


# ---- against the daemon ----

@test("update changes priority, queue, time and tags of jobs that have not started")
def _():
    with start() as d:
        a, b = submit(d, "noop", "--hold", "-t", "x=1"), submit(d, "noop", "--delay", "1h", "-t", "x=1")
        got = rows(d.jobctl("update", a, b, "-p", 7, "-Q", "slow", "-t", "y=2").out)
        equal([[row[0], row[1], row[4], row[5], json.loads(row[7])] for row in got],
              [[str(a), "held", "slow", "7", {"y": "2"}], [str(b), "scheduled", "slow", "7", {"y": "2"}]])
        equal("run_at" in json.loads(d.jobctl("update", a, "--delay", "1d", "--json").out), True)
        equal(json.loads(d.jobctl("update", a, "--no-tags", "--json").out).get("tags"), None)
        d.jobctl("queue", "pause", "slow")
        equal(rows(d.jobctl("update", b, "--at", "now").out)[0][1:3], ["ready", "queue_paused"])
        got = d.jobctl("update", a, 99, "--priority", "2000", code=4)
        check("2000" in got.err, got.err)
        d.jobctl("cancel", a)
        check("job %d is cancelled" % a in d.jobctl("update", a, "-p", 1, code=4).err)


@test("hold and release take filters")
def _():
    with start() as d, d.client() as c:
        c.call("job.submit_many", jobs=[{"type": "noop", "delay": 3600, "queue": "q%d" % (n % 2)} for n in range(2400)])
        equal(d.jobctl("hold", "-Q", "q1").out, "1200\t1200\n")
        equal(d.jobctl("count", "-s", "held").out, "1200\n")
        equal(d.jobctl("hold", "-Q", "q1").out, "0\t0\n", "those that are held are none to hold")
        equal(d.jobctl("release", "-Q", "q0,q1").out, "1200\t1200\n")
        equal(d.jobctl("count", "-s", "scheduled").out, "2400\n")


@test("cancel, retry and delete take filters, and say how many there were and to how many it was done")
def _():
    with start() as d, d.client() as c:
        d.jobctl("queue", "pause", "a", "b")
        c.call("job.submit_many", jobs=[{"type": "noop", "queue": "ab"[n % 2], "tags": {"n": str(n % 5)}} for n in range(1000)])
        equal(d.jobctl("cancel", "-Q", "a", "-t", "n=0").out, "100\t100\n")
        equal(d.jobctl("cancel", "-Q", "a", "-t", "n=0").out, "100\t0\n", "they are cancelled already")
        equal(json.loads(d.jobctl("cancel", "-Q", "a", "-s", "ready", "--json").out), {"matched": 400, "done": 400})
        equal(d.jobctl("retry", "-Q", "a", "-t", "n=2").out, "100\t100\n")
        equal(d.jobctl("delete", "-s", "cancelled").out, "400\t400\n")
        equal(d.jobctl("count").out, "600\n")
        check("sleepy" in d.jobctl("cancel", "-s", "sleepy", code=4).err)
        code, out, said = answering("y\n", "-H", d.address, "cancel", "-Q", "b")
        equal((code, out), (0, "500\t500\n"))
        check(said.startswith("cancel 500 jobs? [y/N] "), said)
        code, out, said = answering("n\n", "-H", d.address, "delete", "-Q", "b")
        equal((code, out, d.jobctl("count", "-Q", "b").out), (1, "", "500\n"))


@test("a queue is limited, shown so, and purged")
def _():
    with start() as d:
        d.jobctl("queue", "set", "mail", "--concurrency", 2, "--rate", "90/m", "--burst", 4, "--weight", 3, "--max-ready", 6)
        record = json.loads(d.jobctl("queue", "show", "mail", "--json").out)
        equal([record[name] for name in ["concurrency", "rate", "weight", "max_ready"]], [2, {"per_second": 1.5, "burst": 4}, 3, 6])
        shown = terminal("", "-H", d.address, "queue", "list", env={"NO_COLOR": "1", "TERM": "xterm"})
        check("1.5/s, burst 4" in shown, shown)
        d.jobctl("queue", "pause", "mail")
        for _ in range(6):
            submit(d, "noop", "-Q", "mail")
        d.jobctl("submit", "noop", "-Q", "mail", code=4)
        equal(d.jobctl("queue", "purge", "mail").out, "mail\t6\n")
        d.jobctl("queue", "purge", "nosuch", code=4)
        cleared = json.loads(d.jobctl("queue", "set", "mail", "--concurrency", "none", "-r", "none", "-w", "none", "-m", "none", "--json").out)
        check(not {"concurrency", "rate", "max_ready"} & set(cleared) and cleared["weight"] == 1, cleared)


@test("jobs after others, of groups, under limits and with a request id")
def _():
    with start() as d:
        a, b = submit(d, "noop", "--hold"), submit(d, "noop", "--hold")
        c = submit(d, "noop", "--after", "%d,%d" % (a, b), "--group", "alice", "--limit", "k=1")
        cleanup = submit(d, "noop", "--after", a, "--after-failure", "run")
        record = json.loads(d.jobctl("show", c, "--json").out)
        equal((record["state"], record["reason"], record["after"], record["group"]), ("blocked", "dependency", [a, b], "alice"))
        equal(rows(d.jobctl("list", "--reason", "dependency", "-o", "id").out), [[str(cleanup)], [str(c)]])
        equal(d.jobctl("count", "--reason", "held,dependency").out, "4\n")
        why = rows(d.jobctl("why", c, a).out)
        equal([row[:3] for row in why], [[str(c), "blocked", "dependency"], [str(a), "held", "held"]])
        equal(json.loads(d.jobctl("why", c, "--json").out)["blocked_by"], [a, b])
        d.jobctl("cancel", a)
        equal(rows(d.jobctl("wait", c, cleanup, code=1).out)[0][1], "cancelled")
        equal(rows(d.jobctl("show", cleanup).out)[0][1], str(cleanup))
        equal(rows(d.jobctl("wait", cleanup).out)[0][1], "succeeded")
        first = submit(d, "noop", "--request-id", "r1")
        equal(submit(d, "noop", "--request-id", "r1"), first)
        d.jobctl("submit", "noop", "--after", 99, code=4)
        d.jobctl("why", 99, code=4)


@test("run says why its command does not start")
def _():
    with start() as d:
        d.jobctl("drain")
        process = d.jobctl_start("run", "echo", "x")
        drained = process.stderr.readline()
        check(re.match(r"jobctl: job 1 waits: .*drain", drained), drained)
        d.jobctl("resume")
        equal((process.communicate(), process.returncode), (("x\n", ""), 0))
        d.jobctl("queue", "pause", "mail")
        process = d.jobctl_start("run", "-Q", "mail", "echo", "x")
        paused = process.stderr.readline()
        check(re.match(r"jobctl: job 2 waits: .*mail.*paused", paused), paused)
        d.jobctl("queue", "resume", "mail")
        equal((process.communicate(), process.returncode), (("x\n", ""), 0))
        equal(d.jobctl("run", "-q", "echo", "x").err, "")


@test("a schedule is put, shows its next times, is listed, fires, is triggered and deleted")
def _():
    with start() as d:
        put = dict(rows(d.jobctl("schedule", "put", "nightly", "exec", "--cron", "30 3 * * mon-fri", "-z", "Europe/Berlin", "-Q", "night", "-n", 1,
                                 "--", "echo", "x").out))
        equal((put["cron"], put["timezone"], json.loads(put["job"])),
              ("30 3 * * mon-fri", "Europe/Berlin", {"type": "exec", "args": {"argv": ["echo", "x"]}, "queue": "night", "retry": {"max_attempts": 1}}))
        equal(len(json.loads(put["next"])), 5)
        shown = terminal("", "-H", d.address, "schedule", "show", "nightly", env={"NO_COLOR": "1", "TERM": "xterm", "TZ": "Europe/Berlin"})
        equal(len(re.findall(r"(?m)^20\d\d-\d\d-\d\d 03:30:00\r?$", shown)), 5, shown)
        d.jobctl("schedule", "put", "often", "noop", "x:=1", "--every", "100ms", "--overlap", "allow", "--catch-up", "none")
        with d.client() as c:
            c.call("event.subscribe", since=0)
            fired = [c.event(lambda e: e["job"]["state"] == "succeeded")["job"]["id"] for _ in range(2)]
            equal(c.call("job.get", id=fired[0])["schedule"], "often")
        equal(d.jobctl("schedule", "delete", "often").out, "often\n")
        id = int(d.jobctl("schedule", "trigger", "nightly").out)
        equal(rows(d.jobctl("wait", id).out)[0][1:4], ["succeeded", "exec", "night"])
        listed = rows(d.jobctl("schedule", "list").out)
        equal([row[:5] for row in listed], [["nightly", "30 3 * * mon-fri", "-", "Europe/Berlin", "false"]])
        d.jobctl("schedule", "show", "often", code=4)
        check("within eight years" in d.jobctl("schedule", "put", "never", "noop", "--cron", "0 0 30 2 *", code=4).err)
        check("url" in d.jobctl("schedule", "put", "bad", "http", "--every", "1h", code=4).err)


@test("all schedules are listed, page after page")
def _():
    with start() as d, d.client() as c:
        for n in range(250):
            c.send("schedule.put", name="s%03d" % n, every=3600, job={"type": "noop"})
        c.call("daemon.ping")
        eventually(lambda: len(c.call("schedule.list", limit=1000)["schedules"]) == 250, "all of them")
        equal([row[0] for row in rows(d.jobctl("schedule", "list").out)], ["s%03d" % n for n in range(250)])
        process = d.jobctl_start("schedule", "list", "--json")
        equal(json.loads(process.communicate()[0].splitlines()[0])["every"], 3600)


main()
