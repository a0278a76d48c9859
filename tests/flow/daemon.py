"""The daemon itself: what it says of itself, drain and reload, and how it stops."""

import json
import os
import re
import signal
import subprocess
import threading
import time

from jobdlook import children, seconds_of, sound
from jobdtest import JOBD, Daemon, RpcError, alive, check, equal, eventually, main, patient, refused, tempdir, test

ONCE = {"max_attempts": 1}

STATUS = {
    "version": str, "uptime": (int, float), "pid": int, "draining": bool,
    "counts": dict.fromkeys(["held", "blocked", "scheduled", "ready", "running", "succeeded", "failed", "cancelled", "expired"], int),
    "loop": {"lag_ms": (int, float), "lag_max_ms": (int, float), "lag_histogram": list, "slow_coroutines": int, "turns": int},
    "coroutines": {"alive": int, "peak": int, "stack_bytes": int, "guard": str},
    "pool": dict.fromkeys(["processes", "busy", "idle", "starting", "throttled", "spawned", "died"], int),
    "io": {"running": int, "limit": int},
    "connections": {"open": int, "limit": int, "accepted": int},
    "requests": {"in_flight": int},
    "store": {"backend": str, "path": str, "writable": bool, "transactions": int, "operations": int, "failures": int, "waiting": int,
              "commit_ms": (int, float), "commit_max_ms": (int, float), "database_bytes": int, "wal_bytes": int,
              "pages_written": int},
}


def fits(value, shape, path=""):
    if isinstance(shape, dict):
        equal(set(value), set(shape), path)
        for name in shape:
            fits(value[name], shape[name], path + "." + name)
    else:
        check(isinstance(value, shape) and (shape is bool or not isinstance(value, bool)), "%s is %r" % (path, value))


def started(c, type, args, **members):
    id = c.call("job.submit", type=type, args=args, **members)["id"]
    c.call("job.wait", id=id, timeout=60, **{"for": "started"})
    return id


# ---- what it says ----

@test("ping")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        answer = c.call("daemon.ping")
        equal(set(answer), {"now", "version"})
        check(abs(seconds_of(answer["now"]) - time.time()) < 60, answer)
        equal(subprocess.run([JOBD, "--version"], capture_output=True, text=True).stdout, "jobd %s\n" % answer["version"])


@test("status: every member, and what they count")
def _():
    with Daemon("pool.processes=2", "limits.io_jobs=17", "limits.connections=19") as d, d.client() as c, d.client():
        eventually(lambda: c.call("daemon.status")["pool"]["idle"] == 2, "the pool is up")
        io, cpu = started(c, "sleep", {"seconds": 60}), started(c, "exec", {"command": "exec sleep 60"})
        c.call("job.submit", type="noop", hold=True)
        status = c.call("daemon.status")
        fits(status, STATUS)
        equal((status["pid"], status["draining"]), (d.pid, False))
        equal({state: n for state, n in status["counts"].items() if n}, {"held": 1, "running": 2})
        equal(status["io"], {"running": 1, "limit": 17})
        equal((status["connections"]["open"], status["connections"]["limit"]), (2, 19))
        check(status["connections"]["accepted"] >= 2 and status["requests"]["in_flight"] >= 1, status)
        pool = status["pool"]
        equal((pool["processes"], pool["busy"], pool["idle"], pool["died"]), (2, 1, 1, 0))
        equal((status["store"]["backend"], status["store"]["writable"]), ("sqlite", True))
        equal(status["store"]["path"], os.path.join(d.dir, "jobd.db"))
        equal(status["store"]["database_bytes"], os.path.getsize(status["store"]["path"]))
        check(status["store"]["commit_max_ms"] >= status["store"]["commit_ms"] >= 0, status["store"])
        check(status["coroutines"]["peak"] >= status["coroutines"]["alive"] > 3, status["coroutines"])
        for upper, n in status["loop"]["lag_histogram"]:
            check((upper is None or upper > 0) and n > 0, status["loop"])
        again = c.call("daemon.status")
        check(again["uptime"] >= status["uptime"] >= 0 and again["loop"]["turns"] > status["loop"]["turns"])
        for id in (io, cpu):
            c.call("job.cancel", id=id)


@test("--check, --version, --help, and wrong usage")
def _():
    def run(*words):
        done = subprocess.run([JOBD] + list(words), capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr
    equal(run("--check")[0], 0)
    code, out, _ = run("--help")
    check(code == 0 and "Usage: jobd" in out)
    for words in (["--nosuch"], ["extra"], ["-o", "pool.processes=many"], ["-o", "pool.nosuch=1"], ["-o", "nonsense"],
                  ["-c", "/no/such/file"], ["--check", "-o", "limits.message_bytes=-1"]):
        code, out, err = run(*words)
        check(code == 2 and err and not out, (words, code, out, err))
        check(words[-1].split("=")[0].lstrip("-") in err, (words, err))


# ---- drain ----

@test("drain: nothing starts, submits are accepted and wait; resume")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        running = started(c, "sleep", {"seconds": 0.2})
        equal(c.call("daemon.drain"), {"draining": True})
        equal(c.call("daemon.status")["draining"], True)
        ids = [c.call("job.submit", type=type, args=args)["id"]
               for type, args in (("sleep", {"seconds": 0}), ("exec", {"command": "true"}), ("noop", {}))]
        equal(c.call("job.wait", id=running, timeout=60)["state"], "succeeded")
        for id in ids:
            job = sound(c.call("job.get", id=id))
            equal((job["state"], job["reason"]), ("ready", "draining"))
        equal(c.call("daemon.drain"), {"draining": True})
        equal(c.call("daemon.resume"), {"draining": False})
        for job in c.call("job.wait", ids=ids, timeout=60)["jobs"]:
            equal(job["state"], "succeeded")


# ---- reload ----

@test("reload, by the method and by SIGHUP: what may change does")
def _():
    path = os.path.join(tempdir(), "jobd.conf")

    def write(text):
        with open(path, "w") as conf:
            conf.write(text)
    write("limits { io_jobs = 1 }\n")
    with Daemon("pool.processes=1", args=["-c", path]) as d, d.client() as c:
        started(c, "sleep", {"seconds": 60})
        second = c.call("job.submit", type="sleep", args={"seconds": 60})["id"]
        equal(c.call("job.get", id=second)["reason"], "io_busy")
        write("limits { io_jobs = 2 }\n")
        equal(c.call("daemon.reload"), {"reloaded": True})
        c.call("job.wait", id=second, timeout=60, **{"for": "started"})
        equal(c.call("daemon.status")["io"]["limit"], 2)
        write("limits { io_jobs = 3 }\n")
        d.signal(signal.SIGHUP)
        d.wait_log("configuration was read again")
        eventually(lambda: c.call("daemon.status")["io"]["limit"] == 3, "the new limit")
        # A wrong file changes nothing, and says what is wrong.
        write("limits { io_jobs = 4 }\nnosuch { }\n")
        error = refused("conflict", c.call, "daemon.reload")
        check("nosuch" in error.message, error.message)
        d.signal(signal.SIGHUP)
        d.wait_log("nosuch")
        c.call("daemon.ping")
        equal(c.call("daemon.status")["io"]["limit"], 3)
        for job in c.call("job.list", state="running")["jobs"]:
            c.call("job.cancel", id=job["id"])


@test("reload: limits.message_bytes holds for connections made from then on")
def _():
    path = os.path.join(tempdir(), "jobd.conf")

    def set_limit(bytes):
        with open(path, "w") as conf:
            conf.write("limits { message_bytes = %d }\n" % bytes)
    set_limit(2000)
    args = {"x": "x" * 3000}
    with Daemon("pool.processes=1", args=["-c", path]) as d, d.client() as old:
        refused("too_large", old.call, "job.submit", type="noop", args=args, dry_run=True)
        set_limit(4000)
        old.call("daemon.reload")
        refused("too_large", old.call, "job.submit", type="noop", args=args, dry_run=True)
        with d.client() as new:
            new.call("job.submit", type="noop", args=args, dry_run=True)


@test("SIGHUP again and again, beside jobs")
def _():
    with Daemon("pool.processes=2") as d, d.client() as c:
        going = threading.Event()

        def hang_up():
            while not going.wait(0.005):
                d.signal(signal.SIGHUP)
        thread = threading.Thread(target=hang_up)
        thread.start()
        try:
            kinds = [("noop", {}), ("exec", {"command": "true"})] * 100
            ids = [c.call("job.submit", type=type, args=args)["id"] for type, args in kinds]
            for job in c.call("job.wait", ids=ids, timeout=60)["jobs"]:
                equal((job["state"], job["attempt"]), ("succeeded", 1), job)
        finally:
            going.set()
            thread.join()


# ---- stop ----

@test("SIGTERM with nothing to do: at once, and nothing is left")
def _():
    d = Daemon("pool.processes=3")
    with d.client() as c:
        eventually(lambda: c.call("daemon.status")["pool"]["idle"] == 3, "the pool is up")
        workers = children(d.pid)
        equal(len(workers), 3)
        begun = time.monotonic()
        d.stop()
        check(time.monotonic() - begun < patient(2))
        equal(c.read(), None)
    check(not any(alive(pid) for pid in workers))
    check(not os.path.exists(d.unix), "the socket's file is there still")
    check("stopped" in d.log(), d.log())
    d.check_sanitizers()


@test("SIGINT stops it as well")
def _():
    d = Daemon("pool.processes=1")
    d.signal(signal.SIGINT)
    equal(d.wait(), 0)


@test("SIGTERM: what runs may end within the grace, and is recorded")
def _():
    d = Daemon("pool.processes=1", "shutdown.grace=60")
    with d.client() as c:
        ids = [started(c, "sleep", {"seconds": 0.5}), started(c, "exec", {"command": "sleep 0.5; echo done"})]
        later = c.call("job.submit", type="exec", args={"command": "true"})["id"]
        begun = time.monotonic()
        d.stop()
        check(time.monotonic() - begun < patient(10))
    d.start()
    with d.client() as c:
        for id in ids:
            job = sound(c.call("job.get", id=id))
            equal((job["state"], job["attempt"]), ("succeeded", 1))
        job = c.call("job.wait", id=later, timeout=60)
        equal((job["state"], job["attempt"]), ("succeeded", 1))
    d.stop()


@test("during the grace: a submit answers shutting_down, who waits still gets the end")
def _():
    d = Daemon("pool.processes=1", "shutdown.grace=60")
    with d.client() as c, d.client() as other:
        gate = os.path.join(tempdir(), "gate")
        os.mkfifo(gate)
        id = started(c, "exec", {"command": "read line < %s; true" % gate})
        wait = c.send("job.wait", id=id)
        d.signal(signal.SIGTERM)
        d.wait_log("stopping")
        for method, params in (("job.submit", {"type": "noop"}), ("job.get", {"id": id}), ("daemon.ping", {})):
            error = refused("shutting_down", other.call, method, **params)
            equal(error.code, -32007)
        open(gate, "w").close()
        reply = c.reply(wait)
        check(reply.get("result", {}).get("state") == "succeeded" or reply["error"]["data"]["reason"] == "shutting_down", reply)
    equal(d.wait(), 0)


@test("after the grace: what runs is interrupted, recorded so, and runs again at the next start")
def _():
    d = Daemon("pool.processes=2", "shutdown.grace=0.2", "pool.kill_grace=0.2")
    with d.client() as c:
        io = started(c, "sleep", {"seconds": 1000})
        retried = started(c, "exec", {"command": "trap '' TERM; if test $JOBD_ATTEMPT = 1; then sleep 1000; fi"}, retry=ONCE)
        failed = started(c, "exec", {"command": "sleep 1000"}, interrupted="fail")
        begun = time.monotonic()
        d.stop()
        check(time.monotonic() - begun < patient(3))
    d.start()
    with d.client() as c:
        job = sound(c.call("job.wait", id=retried, timeout=60))
        equal((job["state"], job["attempt"]), ("succeeded", 2))
        equal([entry["outcome"] for entry in job["history"]], ["interrupted", "succeeded"])
        equal(job["history"][0]["error"]["reason"], "interrupted")
        job = sound(c.call("job.get", id=failed))
        equal((job["state"], job["attempt"], job["error"]["reason"]), ("failed", 1, "interrupted"))
        eventually(lambda: c.call("job.get", id=io)["state"] == "running", "the second attempt")
        job = sound(c.call("job.cancel", id=io))
        equal([entry["outcome"] for entry in job["history"]], ["interrupted", "cancelled"])
    d.stop()


@test("a second SIGTERM: no grace")
def _():
    d = Daemon("pool.processes=1", "shutdown.grace=1000", "pool.kill_grace=0.2")
    with d.client() as c:
        id = started(c, "exec", {"command": "trap '' TERM; sleep 1000"})
        begun = time.monotonic()
        d.signal(signal.SIGTERM)
        d.wait_log("stopping")
        d.signal(signal.SIGTERM)
        equal(d.wait(), 0)
        check(time.monotonic() - begun < patient(3))
    d.start()
    with d.client() as c:
        eventually(lambda: c.call("job.get", id=id)["state"] == "running", "the second attempt")
        job = c.call("job.cancel", id=id)
        equal([entry["outcome"] for entry in job["history"]], ["interrupted", "cancelled"])
    d.stop()


@test("a job cancelled before the stop stays cancelled")
def _():
    d = Daemon("pool.processes=1", "shutdown.grace=0", "pool.kill_grace=0.3")
    with d.client() as c:
        id = c.call("job.submit", type="exec", args={"command": "trap '' TERM; echo; sleep 1000"})["id"]
        eventually(lambda: c.call("job.output", id=id, stream="stdout")["data"], "its trap is set")
        c.send("job.cancel", id=id)
        with d.client() as other:
            eventually(lambda: "cancel_requested_at" in other.call("job.get", id=id), "the cancel is recorded")
        d.stop()
    d.start()
    with d.client() as c:
        job = sound(c.call("job.get", id=id))
        equal((job["state"], job["attempt"]), ("cancelled", 1))
    d.stop()


@test("ten interruptions in a row are enough")
def _():
    d = Daemon("pool.processes=1", "shutdown.grace=0", "pool.kill_grace=0.1")
    with d.client() as c:
        id = started(c, "exec", {"command": "exec sleep 1000"}, retry=ONCE)
    for n in range(1, 11):
        d.restart(hard=n % 2 == 0)
        with d.client() as c:
            if n < 10:
                eventually(lambda: sound(c.call("job.get", id=id))["attempt"] == n + 1, "attempt %d" % (n + 1))
            else:
                job = sound(c.call("job.wait", id=id, timeout=60))
    equal((job["state"], job["attempt"], job["error"]["reason"]), ("failed", 10, "interrupted"))
    equal({entry["outcome"] for entry in job["history"]}, {"interrupted"})
    d.stop()


@test("SIGTERM while clients flood it with submits: every acknowledged job is there afterwards")
def _():
    d = Daemon("pool.processes=1", "shutdown.grace=1")
    ids, lock = [], threading.Lock()

    def flood():
        try:
            with d.client() as c:
                while True:
                    numbers = [c.send("job.submit", type="noop") for _ in range(50)]
                    for number in numbers:
                        id = c.result(number)["id"]
                        with lock:
                            ids.append(id)
        except (RpcError, OSError):
            pass
    threads = [threading.Thread(target=flood) for _ in range(4)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(ids) > 1000, "some submits")
    d.stop()
    for thread in threads:
        thread.join()
    equal(len(ids), len(set(ids)))
    d.start()
    with d.client() as c:
        for at in range(0, len(ids), 1000):
            for job in c.call("job.wait", ids=ids[at:at + 1000], timeout=60)["jobs"]:
                equal(job["state"], "succeeded")
    d.stop()


@test("log lines: a time, a level, and no more than one line each; as JSON too")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        c.call("job.submit", type="exec", args={"command": "exit 1"}, retry=ONCE, wait=60)
        d.wait_log(r"^\S+ info: job 1\.1 \(exec\) failed: exit_status: ")
        for line in d.lines:
            check(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warning|info): \S", line), line)
    with Daemon("pool.processes=1", "log.format=json", start=False) as d:
        d.start(wait=False)
        d.wait_log("listening on tcp")
        for line in list(d.lines):
            entry = json.loads(line)
            check("level" in entry and "message" in entry, entry)


@test("a pool process logs in the daemon's format")
def _():
    for format in ("text", "json"):
        with Daemon("pool.processes=1", "log.format=" + format) as d, d.client() as c:
            id = c.call("job.submit", type="exec", args={"command": "echo $PPID"}, wait=60)["id"]
            pid = int(c.call("job.output", id=id, stream="stdout")["data"])
            with open("/proc/%d/cmdline" % pid) as f:
                argv = f.read().split("\0")[:-1]
            # The same, started by hand: without what the daemon hands over it can but complain.
            complaint = subprocess.run(argv, stderr=subprocess.PIPE, text=True, check=False).stderr
            if format == "json":
                complaint = json.loads(complaint)
                equal(complaint["level"], "error")
                complaint = complaint["message"]
            check(re.search(r"pool process \d+ cannot begin: ", complaint), complaint)


main()
