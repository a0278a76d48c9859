"""jobctl against a scripted daemon: the very requests it sends, and answers that a real daemon gives only rarely."""

import base64
import json
import os
import pty
import signal
import subprocess
import threading
import time

from jobdfake import Fake, exchange, talk
from jobdtest import JOBCTL, PATIENCE, check, equal, jobctl, jobctl_start, main, tempdir, test


# ---- requests ----

@test("each command sends what it says")
def _():
    record = {"id": 7, "state": "succeeded", "type": "noop", "queue": "default"}
    for words, method, params, result in [
        ("show 7", "job.get", {"id": 7}, record),
        ("cancel 7", "job.cancel", {"id": 7}, record),
        ("retry 7", "job.retry", {"id": 7}, record),
        ("hold 7", "job.hold", {"id": 7}, record),
        ("release 7", "job.release", {"id": 7}, record),
        ("delete 7", "job.delete", {"id": 7}, {"id": 7}),
        ("wait 7 8", "job.wait", {"ids": [7, 8]}, {"jobs": [record]}),
        ("wait 7 --timeout 1m30s --for started", "job.wait", {"ids": [7], "timeout": 90, "for": "started"}, {"jobs": [record]}),
        ("wait 7 --timeout 250ms", "job.wait", {"ids": [7], "timeout": 0.25}, {"jobs": [record]}),
        ("wait 7 --timeout 0", "job.wait", {"ids": [7], "timeout": 0}, {"jobs": [record]}),
        ("list", "job.list", {"limit": 100}, {"jobs": []}),
        ("list -Q a,b -Q c -s ready --type t -t x=1 -t y= -n 5 --order oldest --full", "job.list",
         {"queue": ["a", "b", "c"], "state": ["ready"], "type": ["t"], "tags": {"x": "1", "y": ""}, "limit": 5, "order": "oldest",
          "full": True}, {"jobs": []}),
        ("list --reason delay,retry --reason pool_busy", "job.list", {"reason": ["delay", "retry", "pool_busy"], "limit": 100}, {"jobs": []}),
        ("why 7", "job.explain", {"id": 7}, {"state": "ready", "reason": "next", "message": "it is about to start"}),
        ("update 7 -p -5 -Q slow -t a=1 -t b=2", "job.update", {"id": 7, "priority": -5, "queue": "slow", "tags": {"a": "1", "b": "2"}}, record),
        ("update 7 --at now --no-tags", "job.update", {"id": 7, "run_at": None, "tags": {}}, record),
        ("update 7 --at 2026-12-01T09:00", "job.update", {"id": 7, "run_at": "2026-12-01T08:00:00.000Z"}, record),
        ("cancel -Q a,b -s ready", "job.cancel_many", {"queue": ["a", "b"], "state": ["ready"]}, {"matched": 2, "done": 1}),
        ("retry --type http", "job.retry_many", {"type": ["http"]}, {"matched": 2, "done": 1}),
        ("delete -y -t a=1 --reason x", "job.delete_many", {"tags": {"a": "1"}, "reason": ["x"]}, {"matched": 2, "done": 1}),
        ("queue set x -c 5 -w 3 -m 1000 -r 100/m -b 7", "queue.set",
         {"name": "x", "concurrency": 5, "weight": 3, "max_ready": 1000, "rate": {"per_second": 100 / 60, "burst": 7}}, {"name": "x"}),
        ("queue set x -c none -w none -m none -r none", "queue.set",
         {"name": "x", "concurrency": None, "weight": None, "max_ready": None, "rate": None}, {"name": "x"}),
        ("queue set x --rate 2.5", "queue.set", {"name": "x", "rate": {"per_second": 2.5}}, {"name": "x"}),
        ("queue set x --rate 36/h", "queue.set", {"name": "x", "rate": {"per_second": 0.01}}, {"name": "x"}),
        ("queue purge x", "queue.purge", {"name": "x"}, {"cancelled": 3}),
        ("submit noop --after 12,13 --after 14 --after-failure run -g alice --limit a=b=4 --request-id r1", "job.submit",
         {"type": "noop", "args": {}, "after": [12, 13, 14], "after_failure": "run", "group": "alice",
          "concurrency": {"key": "a=b", "limit": 4}, "request_id": "r1"}, {"id": 1}),
        ("count --state failed,expired", "job.count", {"state": ["failed", "expired"]}, {"total": 3, "by_state": {}}),
        ("queue list", "queue.list", {}, {"queues": []}),
        ("queue show x", "queue.get", {"name": "x"}, {"name": "x"}),
        ("queue pause x", "queue.pause", {"name": "x"}, {"name": "x"}),
        ("queue resume x", "queue.resume", {"name": "x"}, {"name": "x"}),
        ("status", "daemon.status", {}, {}),
        ("ping", "daemon.ping", {}, {"now": "2026-11-20T18:00:00.000Z", "version": "9.9.9"}),
        ("drain", "daemon.drain", {}, {"draining": True}),
        ("resume", "daemon.resume", {}, {"draining": False}),
        ("reload", "daemon.reload", {}, {"reloaded": True}),
        ("submit noop", "job.submit", {"type": "noop", "args": {}}, {"id": 1, "state": "ready", "existing": False}),
        ("submit noop --dry-run", "job.submit", {"type": "noop", "args": {}, "dry_run": True}, {"id": None, "state": "ready", "dry_run": True}),
        ("submit noop --hold --retain 1d --expires-at @1790000000.5", None, None, None),
        ("submit noop --hold --retain 1d --expires-at @1790000000", "job.submit",
         {"type": "noop", "args": {}, "hold": True, "retain": 86400, "expires_at": "2026-09-21T14:13:20.000Z"}, {"id": 1}),
        ("submit noop --at 2026-12-01T09:00", "job.submit", {"type": "noop", "args": {}, "run_at": "2026-12-01T08:00:00.000Z"}, {"id": 1}),
        ("submit noop --at 2026-07-01", "job.submit", {"type": "noop", "args": {}, "run_at": "2026-06-30T22:00:00.000Z"}, {"id": 1}),
        ("submit noop --at 2026-12-01T09:00:00+05:30", "job.submit",
         {"type": "noop", "args": {}, "run_at": "2026-12-01T03:30:00.000Z"}, {"id": 1}),
        ("submit noop -n 7 --backoff constant --backoff-base 1.5 --backoff-cap 2h --jitter 0", "job.submit",
         {"type": "noop", "args": {}, "retry": {"max_attempts": 7, "backoff": "constant", "base": 1.5, "cap": 7200, "jitter": 0.0}}, {"id": 1}),
    ]:
        if method is None:
            jobctl("-H", "unix:/nonexistent", *words.split(), code=2)
        else:
            exchange(words.split(), method, params, result, env={"TZ": "Europe/Berlin"})


@test("the time of a wait is that of all its requests together")
def _():
    def script(peer):
        first = peer.take("job.wait")
        equal((first["ids"], first["timeout"]), (list(range(1, 1001)), 60))
        begun = time.monotonic()
        while time.monotonic() - begun < 0.02:
            pass
        peer.answer({"jobs": []})
        second = peer.take("job.wait")
        equal(second["ids"], [1001])
        check(0 < second["timeout"] <= 59.98, second["timeout"])
        peer.refuse(-32008, "timeout")
        peer.gone()
    with Fake(script) as address:
        jobctl("-H", address, "wait", *range(1, 1002), "--timeout", "1m", code=5)


@test("run submits one attempt that is not repeated, in the caller's directory")
def _():
    here = os.path.realpath(tempdir())
    def script(peer):
        peer.take("job.submit", {"type": "exec", "args": {"argv": ["make", "-j4"], "cwd": here}, "retry": {"max_attempts": 1},
                                 "interrupted": "fail"})
        peer.refuse(-32006, "overloaded", "the daemon is full")
        peer.gone()
    with Fake(script) as address:
        equal(jobctl("-H", address, "run", "make", "-j4", cwd=here, code=125).err, "jobctl: the daemon is full\n")


@test("list follows the cursor as far as the limit")
def _():
    def script(peer):
        peer.take("job.list", {"limit": 1000})
        peer.answer({"jobs": [{"id": n} for n in range(2000, 1400, -1)], "next_cursor": "c1"})
        peer.take("job.list", {"limit": 900, "cursor": "c1"})
        peer.answer({"jobs": [{"id": n} for n in range(1400, 1000, -1)], "next_cursor": "c2"})
        peer.take("job.list", {"limit": 500, "cursor": "c2"})
        peer.answer({"jobs": [{"id": 1000}]})
        peer.gone()
    with Fake(script) as address:
        equal(len(jobctl("-H", address, "list", "-n", "1500", "-o", "id").out.splitlines()), 1001)


@test("the token goes first")
def _():
    token = os.path.join(tempdir(), "token")
    with open(token, "w") as out:
        out.write("s3cret\n")
    def script(peer):
        peer.take("auth.login", {"token": "s3cret"})
        peer.answer({})
        peer.take("daemon.drain", {})
        peer.answer({"draining": True})
        peer.gone()
    with Fake(script) as address:
        jobctl("-H", address, "--token-file", token, "drain")
    def script(peer):
        peer.take("auth.login")
        peer.refuse(-32001, "unauthenticated", "this token is not known")
        peer.gone()
    with Fake(script) as address:
        check("this token is not known" in jobctl("-H", address, "drain", "--token-file", token, code=4).err)
        jobctl("-H", address, "--token-file", "/nonexistent", "-H", "unix:/x", "list", code=3)


# ---- answers ----

@test("members that are new are shown like the others")
def _():
    got = exchange(["status"], "daemon.status", {}, {"later": [1, None], "group": {"of": {"deep": True}, "n": 0.5}})
    equal(got.out, 'later\t[1,null]\ngroup.of\t{"deep":true}\ngroup.n\t0.5\n')
    got = exchange(["show", "1"], "job.get", {"id": 1}, {"id": 1, "novel": "text\twith\nbreaks", "empty": ""})
    equal(got.out, "id\t1\nnovel\ttext with breaks\nempty\t-\n")


@test("a wait that ran out is 5, any other refusal 4")
def _():
    for code, reason, exit in [(-32008, "timeout", 5), (-32003, "not_found", 4), (-32007, "shutting_down", 4), (-31999, "novel", 4)]:
        def script(peer):
            peer.take("job.wait")
            peer.refuse(code, reason, "said so")
            peer.gone()
        with Fake(script) as address:
            equal(jobctl("-H", address, "wait", "1", code=exit).err, "jobctl: said so\n")


@test("one word before the door is closed: what it said is told")
def _():
    def script(peer):
        peer.refuse(-32006, "overloaded", "there are too many connections", id=None)
    with Fake(script) as address:
        equal(jobctl("-H", address, "ping", code=4).err, "jobctl: there are too many connections\n")


@test("another kind of server, a torn line, a closed door are 3")
def _():
    for said, wanted in [("HTTP/1.1 400 Bad Request\r", "does not speak jobd's protocol"), ("[]", "does not speak jobd's protocol"),
                         ('{"jsonrpc": "2.0", "id": 99, "result": 1}', "answered what was not asked"),
                         ('{"jsonrpc": "2.0", "id": 1}', "neither a result nor an error"), ("", "closed the connection")]:
        def script(peer):
            peer.take("daemon.ping")
            peer.send(said)
        with Fake(script) as address:
            got = jobctl("-H", address, "ping", code=3)
            check(wanted in got.err, got.err)


def state_event(id, seq, subscription):
    return dict(subscription=subscription, kind="state", seq=seq, at="2026-11-20T18:00:00.000Z",
                job={"id": id, "queue": "q", "type": "noop", "state": "ready", "attempt": 0})


@test("watch that was too slow goes on where it was cut off, and says if that is not kept")
def _():
    for missed, said in [({}, ""), ({"missed": True}, "jobctl: some of the events after 7 are not kept any more\n")]:
        def script(peer):
            peer.take("event.subscribe", {"queues": ["q"]})
            peer.answer({"subscription": 1, "seq": 4})
            peer.event(**state_event(5, 6, 1))
            peer.event(subscription=1, kind="lagged", seq=7)
            peer.take("event.subscribe", {"queues": ["q"], "since": 7})
            peer.answer(dict({"subscription": 2, "seq": 9}, **missed))
            peer.event(**state_event(9, 8, 1))
            peer.event(**state_event(6, 8, 2))
            peer.gone()
        with Fake(script) as address:
            process = jobctl_start("-H", address, "watch", "-Q", "q")
            equal([process.stdout.readline().split("\t")[1] for _ in range(2)], ["5", "6"])
            process.send_signal(signal.SIGINT)
            equal((process.communicate()[1], process.returncode), (said, 0))


@test("watch begins after the event that is said, and tells a terminal how to go on")
def _():
    def script(peer):
        peer.take("event.subscribe", {"since": 40})
        peer.answer({"subscription": 1, "seq": 43})
        peer.event(**state_event(5, 41, 1))
        peer.event(**state_event(5, 43, 1))
        peer.gone()
    with Fake(script) as address:
        ours, theirs = pty.openpty()
        process = subprocess.Popen([JOBCTL, "-H", address, "watch", "--since", "40"], stdout=subprocess.PIPE, stderr=theirs, text=True)
        os.close(theirs)
        equal([process.stdout.readline().split("\t")[1] for _ in range(2)], ["5", "5"])
        process.send_signal(signal.SIGINT)
        equal((process.communicate()[0], process.returncode), ("", 0))
        equal(talk(ours, ""), "jobctl: --since 43 goes on from here\r\n")


# ---- run: output ----

def output(stream, offset, text, attempt=1):
    return dict(kind="output", subscription=1, stream=stream, offset=offset, data=text,
                job={"id": 3, "type": "exec", "queue": "default", "state": "running", "attempt": attempt})


def page(offset, text, eof=False, **more):
    return dict(data=text, offset=offset, next_offset=offset + len(text), eof=eof, **more)


def final(**more):
    return dict({"id": 3, "state": "succeeded", "attempt": 1, "result": {"exit_code": 0}}, **more)


def begin(peer, attempt=1, so_far=("", "")):
    """Up to where run has caught up. The number of its job.wait."""
    peer.take("job.submit")
    peer.answer({"id": 3, "state": "ready", "existing": False})
    peer.take("job.wait", {"id": 3})
    wait = peer.id
    peer.take("event.subscribe", {"jobs": [3], "output": True})
    peer.answer({"subscription": 1, "seq": 1})
    peer.take("job.get", {"id": 3})
    peer.answer({"id": 3, "state": "running", "attempt": attempt})
    for stream, text in zip(["stdout", "stderr"], so_far if attempt else ()):
        fetch(peer, stream, 0, page(0, text))
        if text:
            fetch(peer, stream, len(text), page(len(text), ""))
    return wait


def fetch(peer, stream, offset, answer, attempt=1):
    params = peer.take("job.output")
    equal((params["stream"], params["offset"], params["attempt"]), (stream, offset, attempt))
    peer.answer(answer)


def end(peer, wait, stdout, stderr, record=None):
    peer.answer(record or final(), id=wait)
    fetch(peer, "stdout", stdout, page(stdout, "", eof=True))
    fetch(peer, "stderr", stderr, page(stderr, "", eof=True))
    peer.gone()


def run(script, code=0, *words):
    with Fake(script) as address:
        return jobctl("-H", address, "run", *(words or ["x"]), code=code)


@test("what comes twice is shown once, what lies between is fetched")
def _():
    def script(peer):
        wait = begin(peer, so_far=("abc", "E"))
        peer.event(**output("stdout", 0, "abc"))
        peer.event(**output("stdout", 2, "cde"))
        peer.event(**output("stderr", 1, "F"))
        peer.event(**output("stdout", 8, "ij"))
        fetch(peer, "stdout", 5, page(5, "fg"))
        fetch(peer, "stdout", 7, page(7, "hi"))
        fetch(peer, "stdout", 9, page(9, ""))
        end(peer, wait, 10, 2)
    got = run(script)
    equal((got.out, got.err), ("abcdefghij", "EF"))


@test("what was not kept is told and left out")
def _():
    def script(peer):
        wait = begin(peer)
        peer.event(**output("stdout", 100, "end"))
        fetch(peer, "stdout", 0, page(0, ""))
        end(peer, wait, 103, 0)
    got = run(script)
    equal((got.out, got.err), ("end", "jobctl: 100 bytes of stdout were not kept\n"))


@test("an end that comes together with output loses none of it")
def _():
    def script(peer):
        wait = begin(peer)
        events = [{"jsonrpc": "2.0", "method": "event", "params": output("stdout", n, "x")} for n in range(500)]
        everything = events + [{"jsonrpc": "2.0", "id": wait, "result": final()}]
        peer.send("\n".join(map(json.dumps, everything)))
        fetch(peer, "stdout", 500, page(500, "tail", eof=True))
        fetch(peer, "stderr", 0, page(0, "", eof=True))
        peer.gone()
    equal(run(script).out, "x" * 500 + "tail")


@test("base64, and a character torn between two events")
def _():
    def script(peer):
        wait = begin(peer)
        one, two = "ä".encode()
        for offset, byte in [(0, one), (1, two), (2, 255)]:
            event = output("stdout", offset, "")
            del event["data"]
            peer.event(**event, data_base64=base64.b64encode(bytes([byte])).decode())
        end(peer, wait, 3, 0)
    with Fake(script) as address:
        equal(subprocess.run([JOBCTL, "-H", address, "run", "x"], capture_output=True).stdout, "ä".encode() + b"\xff")


@test("a subscription that lagged is made anew, and what was missed is fetched")
def _():
    def script(peer):
        wait = begin(peer, so_far=("one", ""))
        peer.event(subscription=1, kind="lagged")
        peer.take("event.subscribe")
        peer.answer({"subscription": 2, "seq": 9})
        peer.take("job.get")
        peer.answer({"id": 3, "state": "running", "attempt": 1})
        fetch(peer, "stdout", 3, page(3, "two"))
        fetch(peer, "stdout", 6, page(6, ""))
        fetch(peer, "stderr", 0, page(0, ""))
        end(peer, wait, 6, 0)
    equal(run(script).out, "onetwo")


@test("the next attempt begins anew, after the rest of the one before")
def _():
    def script(peer):
        wait = begin(peer, so_far=("first", ""))
        peer.event(**output("stdout", 0, "second", attempt=2))
        fetch(peer, "stdout", 5, page(5, "!", eof=True))
        fetch(peer, "stderr", 0, page(0, "", eof=True))
        peer.event(**output("stdout", 5, "late", attempt=1))
        peer.answer(final(attempt=2), id=wait)
        fetch(peer, "stdout", 6, page(6, "", eof=True), attempt=2)
        fetch(peer, "stderr", 0, page(0, "", eof=True), attempt=2)
        peer.gone()
    equal(run(script).out, "first!second")


@test("a record that is gone at once does not take the output with it")
def _():
    def script(peer):
        wait = begin(peer)
        peer.event(**output("stdout", 0, "all"))
        peer.answer(final(), id=wait)
        peer.take("job.output")
        peer.refuse(-32003, "not_found", "there is no job 3")
        peer.gone()
    got = run(script)
    equal((got.out, got.err), ("all", ""))


@test("run says why the job waits, once for each reason, until it starts")
def _():
    told = threading.Event()
    def script(peer):
        wait = begin(peer, attempt=0)
        for reason, message in [("draining", "the daemon starts nothing"), ("draining", "the daemon starts nothing"), ("pool_busy", "all 2 are busy")]:
            peer.take("job.explain", {"id": 3})
            peer.answer({"state": "ready", "reason": reason, "message": message})
        check(told.wait(PATIENCE))
        peer.event(kind="state", subscription=1, job={"id": 3, "state": "running", "attempt": 1})
        peer.event(**output("stdout", 0, "x"))
        peer.answer(final(), id=wait)
        fetch(peer, "stdout", 1, page(1, "", eof=True))
        fetch(peer, "stderr", 0, page(0, "", eof=True))
        peer.gone()
    with Fake(script) as address:
        process = jobctl_start("-H", address, "run", "x")
        equal([process.stderr.readline() for _ in range(2)],
              ["jobctl: job 3 waits: the daemon starts nothing\n", "jobctl: job 3 waits: all 2 are busy\n"])
        told.set()
        equal((process.communicate(), process.returncode), (("x", ""), 0))


# ---- run: its end ----

@test("every way a job can end has its exit code")
def _():
    for record, code, said in [
        (final(result={"exit_code": 0}), 0, ""),
        (final(state="failed", result={"exit_code": 1}, error={"reason": "exit_status", "message": "exit status 1"}), 1, ""),
        (final(state="failed", result={"exit_code": 255}, error={"reason": "exit_status", "message": "m"}), 255, ""),
        (final(state="failed", result={"signal": "SIGABRT"}, error={"reason": "signal", "message": "m"}), 134, ""),
        (final(state="failed", result={"signal": "SIGRTMIN+1"}, error={"reason": "signal", "message": "m"}), 128 + 35, ""),
        (final(state="failed", result={"signal": "SIGNOVEL"}, error={"reason": "signal", "message": "m"}), 125, "failed: m"),
        (final(state="failed", result={"signal": "SIGTERM"}, error={"reason": "timeout", "message": "too long"}), 124, "too long"),
        (final(state="failed", error={"reason": "spawn", "message": "no such program"}), 125, "failed: no such program"),
        (final(state="failed", error={"reason": "worker_lost", "message": "m"}), 125, "failed: m"),
        (final(state="failed", error={"reason": "interrupted", "message": "m"}), 125, "failed: m"),
        (final(state="cancelled", result={"exit_code": 0}), 125, "cancelled"),
        (final(state="expired", attempt=0), 125, "expired"),
    ]:
        def script(peer):
            wait = begin(peer, attempt=record["attempt"])
            if record["attempt"]:
                end(peer, wait, 0, 0, record)
            else:
                peer.answer(record, id=wait)
                peer.gone()
        got = run(script, code)
        equal(got.err, "jobctl: job 3: %s\n" % said if said else "", record)


@test("Ctrl-C before the id is known cancels as soon as it is; a second one leaves")
def _():
    started, told = threading.Event(), threading.Event()
    def script(peer):
        peer.take("job.submit")
        started.set()
        check(told.wait(PATIENCE))
        peer.answer({"id": 3, "state": "ready", "existing": False})
        peer.take("job.cancel", {"id": 3})
        cancel = peer.id
        peer.take("job.wait")
        wait = peer.id
        peer.take("event.subscribe")
        peer.answer({"subscription": 1, "seq": 1})
        peer.take("job.get")
        peer.answer({"id": 3, "state": "cancelled", "attempt": 0})
        record = {"id": 3, "state": "cancelled", "attempt": 0}
        peer.answer(record, id=cancel)
        peer.answer(record, id=wait)
        peer.gone()
    fake = Fake(script)
    with fake as address:
        process = jobctl_start("-H", address, "run", "x")
        check(started.wait(PATIENCE))
        process.send_signal(signal.SIGINT)
        equal(process.stderr.readline(), "jobctl: cancelling the job; once more leaves without waiting for its end\n")
        told.set()
        equal((process.wait(PATIENCE), process.stderr.read()), (125, "jobctl: job 3: cancelled\n"))

    hung = threading.Event()
    def script(peer):
        peer.take("job.submit")
        hung.set()
        peer.gone()
    with Fake(script) as address:
        process = jobctl_start("-H", address, "run", "x")
        check(hung.wait(PATIENCE))
        process.send_signal(signal.SIGINT)
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
        equal((process.wait(PATIENCE), "left before" in process.stderr.read()), (125, True))


main()
