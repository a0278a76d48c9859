"""The N-th call of a class fails, for every N: memory, the store's files, sockets, processes, frames of the pool.

failcall.c is preloaded into the real daemon. Calls of a class are counted from a moment on, and the N-th fails, or some
from there on; for N = 1, 2, ... until a run ends without reaching it. In three phases of a life: while it starts on a state
that a killed one left; while it serves a bit of everything; while it ends. What must hold: each request gets a result,
or an error of the contract that fits, or its connection ends; while it serves, the daemon lives on; a start that fails says
why and exits 1; afterwards each acknowledged job is there and comes to an end, the state is sound, and all slots, tokens
and keys can be had. Where a write of the store is held, pings are answered meanwhile.

What is let pass: libconfuse and its lexer end a process themselves where memory lacks (with a word, before there is a daemon); SQLite
takes what cannot be read for damage (exit 3); and what the daemon has no memory to remember, it logs as waiting for a
restart, which it then gets.

In check a call of each class fails while it serves, and of some at the start and the end, chosen by chance ($FAILCALL_SEED repeats it). make fault-sweep takes every
N: $CLASSES some classes only, $PHASES some phases, $STRIDE the step.
"""

import collections
import errno
import itertools
import mmap
import os
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

from jobdlook import FINAL
from jobdtest import JOBD, SANITIZED, Client, Daemon, RpcError, check, equal, eventually, main, patient, skip, tempdir, test

LIBRARY = os.path.join(os.environ.get("BUILDDIR", "."), ".libs", "failcall.so")
STRIDE = int(os.environ.get("STRIDE", "0"))          # 0: one call of each class
SEED = int(os.environ.get("FAILCALL_SEED", time.time_ns() % 1000000))
BLOCK = 25                                           # faults between two looks at the whole state
SLOTS, KEY = 2, {"key": "k", "limit": 1}
SENTENCE = re.compile(r"^jobd: \w+|.* error: \S+", re.M)      # before it has read where to log to, and afterwards
LIBRARIES = re.compile("out of dynamic memory|libConfuse")      # they end the process themselves when memory lacks, with a word
NOTHING = object()                                   # no answer: the connection ended

# ---- what can fail ----

NUMBERS = {name: number for number, name in enumerate(
    ("none", "alloc", "map", "store_open", "store_read", "store_write", "store_sync", "store_size",
     "read", "write", "accept", "socket", "poll", "spawn", "frame_read", "frame_write"))}
OF_POOL = 32
ERROR, SHORT, HOLD = range(3)

# class -> how it fails: an errno for the N-th call, (errno, how many), "short" or "hold"
SERVING = {
    "alloc": ["ENOMEM", ("ENOMEM", 30)],
    "map": ["ENOMEM", ("ENOMEM", 10)],
    "store_open": ["EIO", "EMFILE"],
    "store_read": ["EIO", "short"],
    "store_write": ["EIO", "ENOSPC", ("EIO", 10), ("ENOSPC", 10), "short", "hold"],
    "store_sync": ["EIO", ("EIO", 5), "hold"],
    "store_size": ["ENOSPC", "EIO"],
    "read": ["ECONNRESET", "EINTR"],         # a socket that gives less than it is asked for has no more
    "write": ["EPIPE", "EINTR", "ENOBUFS", "short", ("short", 50)],
    "accept": ["EMFILE", "ECONNABORTED", "EINTR", ("ENOMEM", 3)],
    "socket": ["EMFILE", ("ENOBUFS", 5)],
    "poll": ["ENOMEM", ("ENOSPC", 5)],
    "spawn": ["EAGAIN", ("EMFILE", 3)],
    "frame_read": ["ECONNRESET", "EINTR", "short", ("short", 50)],
    "frame_write": ["EPIPE", "EINTR", "short", ("short", 50)],
    "pool_alloc": ["ENOMEM", ("ENOMEM", 10)],
    "pool_read": ["EIO", "EINTR", "short"],
    "pool_write": ["EIO", "EINTR", "short"],
    "pool_spawn": ["EAGAIN", "ENOMEM", ("EAGAIN", 3)],
    "pool_frame_read": ["ECONNRESET", "EINTR", "short", ("short", 50)],
    "pool_frame_write": ["EPIPE", "EINTR", "short", ("short", 50)],
}
AT_START = {name: [how for how in hows if isinstance(how, str) and how != "hold"] for name, hows in SERVING.items()
            if not name.startswith("pool_") and name not in ("read", "write", "accept")}
AT_END = {name: AT_START[name] for name in ("alloc", "store_write", "store_sync", "store_size", "frame_write", "poll")}
CLASSES = os.environ.get("CLASSES", "").split() or list(SERVING)
PHASES = os.environ.get("PHASES", "").split() or ["start", "serve", "end"]

# What a request may be answered while calls fail, beside what it may be at any time.
SENSIBLE = {"storage", "overloaded", "internal_error"}


def number_of(name):
    return NUMBERS[name.replace("pool_", "")] + (OF_POOL if name.startswith("pool_") else 0)


class Control:
    """The file that failcall.c reads: its struct control."""

    LAYOUT = struct.Struct("iiiiiiQQQQ")
    TOTALS = struct.Struct("64Q")

    def __init__(self):
        self.path = os.path.join(tempdir(), "failcall")
        with open(self.path, "w+b") as f:
            f.write(b"\0" * (self.LAYOUT.size + self.TOTALS.size))
            f.flush()
            self.map = mmap.mmap(f.fileno(), self.LAYOUT.size + self.TOTALS.size)

    def arm(self, name, how, n):
        """From now on: the n-th call of that class from here."""
        what, count = (how, 1) if isinstance(how, str) else how
        manner = {"short": SHORT, "hold": HOLD}.get(what, ERROR)
        number = number_of(name)
        self.disarm()
        self.LAYOUT.pack_into(self.map, 0, 0, manner, getattr(errno, what, 0), 0, 0, 0, n, n + count - 1, 0, 0)
        self.TOTALS.pack_into(self.map, self.LAYOUT.size, *[0] * 64)
        struct.pack_into("i", self.map, 0, number)

    def disarm(self):
        struct.pack_into("i", self.map, 0, 0)
        struct.pack_into("i", self.map, 16, 1)      # whoever is held goes on

    def held(self):
        return struct.unpack_from("i", self.map, 12)[0]

    def hits(self):
        return self.LAYOUT.unpack_from(self.map)[9]

    def totals(self):
        """Calls of each class since it was armed."""
        return self.TOTALS.unpack_from(self.map, self.LAYOUT.size)


control = Control()


def daemon_with(*options, state=None, start=True):
    """A daemon whose calls can be made to fail."""
    check(os.path.exists(LIBRARY), "%s is not built" % LIBRARY)
    sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
    return Daemon("pool.processes=2", "pool.kill_grace=0.1", "shutdown.grace=0.05", "limits.io_jobs=50", *options, state=state, start=start,
                  env={"LD_PRELOAD": LIBRARY, "FAILCALL": control.path, "ASAN_OPTIONS": sanitizer})


# ---- a client that is not surprised when its connection ends ----

class Talk:
    def __init__(self, daemon):
        self.daemon = daemon
        self.client = None
        self.cut = 0

    def close(self):
        if self.client is not None:
            self.client.close()
        self.client = None

    def ask(self, *requests):
        """The answers to (method, params) sent together: a result, an RpcError, or NOTHING."""
        answers = [NOTHING] * len(requests)
        try:
            if self.client is None:
                self.client = self.daemon.client(timeout=patient(40))
            numbers = [self.client.send(method, **params) for method, params in requests]
            for at, number in enumerate(numbers):
                try:
                    answers[at] = self.client.result(number)
                except RpcError as error:
                    answers[at] = error
        except (ConnectionError, BrokenPipeError):
            self.cut += 1
            self.close()
        for (method, _), answer in zip(requests, answers):
            if isinstance(answer, RpcError):
                check(answer.reason in SENSIBLE | {"conflict", "not_found", "timeout"}, "%s was answered %r" % (method, answer.error))
        return answers


# ---- a bit of everything ----

class Web(threading.Thread):
    """Answers each connection with the same small page, and ends it."""

    def __init__(self):
        threading.Thread.__init__(self, daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, client):
        with client:
            try:
                client.recv(4096)
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
            except OSError:
                pass


web = Web()
SOON = {"base": 0.01, "jitter": 0, "max_attempts": 3}
LONG = {"seconds": 1000}
ENDED = ("succeeded", "failed")


def job_members():
    """Jobs of all kinds, and the states in which each may end."""
    return [
        ({"type": "noop", "args": {"n": 1}, "tags": {"a": "b"}, "group": "g"}, ENDED),
        ({"type": "noop", "queue": "rate", "priority": 3}, ENDED),
        ({"type": "exec", "args": {"command": "echo out; echo err >&2"}}, ENDED),
        ({"type": "exec", "args": {"argv": ["seq", "20000"], "stdin": "x"}}, ENDED),
        ({"type": "exec", "args": {"command": "exit 3"}, "retry": {"max_attempts": 1}}, ("failed",)),
        ({"type": "sleep", "args": {"seconds": 0}, "delay": 0.01}, ENDED),
        ({"type": "http", "args": {"url": "http://127.0.0.1:%d/" % web.port}}, ENDED),
        ({"type": "tcp", "args": {"host": "127.0.0.1", "port": web.port, "send": "x", "read_all": True}}, ENDED),
        ({"type": "dns", "args": {"name": "localhost"}}, ENDED),
        ({"type": "noop", "unique": {"key": "u"}}, ENDED),
        ({"type": "noop", "unique": {"key": "u"}}, ENDED),
        ({"type": "noop", "concurrency": KEY}, ENDED),
        ({"type": "sleep", "args": {"seconds": 0}, "concurrency": KEY}, ENDED),
        ({"type": "noop", "queue": "slots"}, ENDED),
        ({"type": "exec", "args": {"command": "true"}, "queue": "slots"}, ENDED),
        ({"type": "sleep", "args": {"seconds": 0}, "queue": "slots"}, ENDED),
        ({"type": "noop", "hold": True, "ttl": 3600}, ENDED),
        ({"type": "noop", "hold": True}, ("cancelled",)),
        ({"type": "sleep", "args": LONG}, ("cancelled",)),
        ({"type": "exec", "args": {"command": "sleep 1000"}}, ("cancelled", "failed")),
    ]


GRAPH = [{"ref": "a", "type": "noop", "args": {"n": 7}, "retry": SOON},
         {"ref": "b", "type": "noop", "args": {"got": {"$result": "a", "pointer": "/n"}}, "after": ["a"], "retry": SOON},
         {"ref": "c", "type": "noop", "after": ["b"], "after_failure": "run", "retry": SOON}]
RELEASED, HELD, ASLEEP, COMMAND = 16, 17, 18, 19      # places in job_members()


class Run:
    """The scenario once, with one fault in it."""

    numbers = iter(range(1 << 60))

    def __init__(self, daemon):
        self.daemon = daemon
        self.talk = Talk(daemon)
        self.ears = Talk(daemon)
        self.jobs = []            # (members, states): submitted
        self.ids = []             # of these; None: no answer
        self.graph = []

    def submitted(self, answers):
        self.ids = [answer["id"] if isinstance(answer, dict) else None for answer in answers]

    def id(self, at):
        return self.ids[at] or 1

    def acknowledged(self):
        return [id for id in self.ids + self.graph if id is not None]

    def submit(self):
        for members, states in job_members():
            members.setdefault("retry", SOON)
            members["request_id"] = "r%d-%d" % (SEED, next(Run.numbers))
            self.jobs.append((members, states))
        self.submitted(self.talk.ask(*[("job.submit", members) for members, _ in self.jobs]))
        answer, = self.talk.ask(("job.submit_many", {"jobs": GRAPH}))
        if isinstance(answer, dict):
            self.graph = [job["id"] for job in answer["jobs"]]

    def play(self):
        ask = self.talk.ask
        ask(("queue.set", {"name": "slots", "concurrency": SLOTS}), ("queue.set", {"name": "rate", "rate": {"per_second": 1000, "burst": 1000}}),
            ("schedule.put", {"name": "beat", "every": 0.1, "job": {"type": "noop"}, "overlap": "allow"}))
        self.ears.ask(("event.subscribe", {"output": True}))
        self.submit()
        ask(("schedule.trigger", {"name": "beat"}), ("job.list", {"full": True, "limit": 50}), ("job.count", {"tags": {"a": "b"}}), ("daemon.status", {}),
            ("job.explain", {"id": self.id(HELD)}), ("queue.list", {}), ("schedule.get", {"name": "beat"}),
            ("job.update", {"id": self.id(RELEASED), "priority": 5, "queue": "slots"}), ("job.release", {"id": self.id(RELEASED)}))
        ask(("job.cancel", {"id": self.id(HELD)}), ("job.cancel", {"id": self.id(ASLEEP)}), ("job.cancel", {"id": self.id(COMMAND)}))
        ids = [id for at, id in enumerate(self.ids) if id is not None and at not in (RELEASED, HELD, ASLEEP, COMMAND)]
        if ids:
            ask(("job.wait", {"ids": ids, "timeout": patient(5)}))
        ask(("job.output", {"id": self.id(3), "stream": "stdout", "limit": 1 << 20}), ("job.get", {"id": self.id(2)}), ("job.retry", {"id": self.id(4)}),
            ("job.cancel_many", {"queue": "nothing"}))
        self.ears.close()

    def settle(self, c, seconds):
        """Without faults: what was not answered is asked again, and all comes to an end that is one of its own."""
        for at, id in enumerate(self.ids):
            if id is None:
                self.ids[at] = c.call("job.submit", **self.jobs[at][0])["id"]
        for method, at in (("job.release", RELEASED), ("job.cancel", HELD), ("job.cancel", ASLEEP), ("job.cancel", COMMAND)):
            try:
                c.call(method, id=self.ids[at])
            except RpcError as error:
                equal(error.reason, "conflict", error.message)
        ids = sorted(set(self.acknowledged()))
        try:
            records = {job["id"]: job for job in c.call("job.wait", ids=ids, timeout=patient(seconds))["jobs"]}
        except RpcError as error:
            there = [c.call("job.get", id=id) for id in ids]
            raise AssertionError("these do not end: %r" % [job for job in there if job["state"] not in FINAL] + str(c.call("daemon.status"))) from error
        for (_, states), id in zip(self.jobs, self.ids):
            check(records[id]["state"] in states, records[id])
        for id in self.graph:
            check(records[id]["state"] in FINAL, records[id])
        return [job for job in records.values() if job["state"] == "failed" and job["id"] != self.ids[4]]

    def close(self):
        self.talk.close()
        self.ears.close()


class Pinger(threading.Thread):
    """While a call is held, the loop answers; then the call is let go."""

    ENOUGH = 20

    def __init__(self, daemon):
        threading.Thread.__init__(self)
        self.client = daemon.client()
        self.over, self.failed, self.answered = threading.Event(), None, 0
        self.start()

    def run(self):
        try:
            while not self.over.is_set():
                if control.held():
                    for _ in range(self.ENOUGH):
                        self.client.call("daemon.ping")
                        self.answered += control.held()
                    control.disarm()
                    return
                self.over.wait(0.001)
        except Exception as error:
            self.failed = error
            control.disarm()

    def end(self):
        self.over.set()
        self.join()
        self.client.close()
        check(self.failed is None, "the loop waited for the store: %r" % self.failed)


# ---- the sweep ----

class Findings(Exception):
    pass




def say(how):
    return how if isinstance(how, str) else "%s x%d" % how


class Sweep:
    """One phase with one class: each N in turn, in each manner; what went wrong is gathered, and the next begins afresh."""

    phase = None

    def __init__(self, name, hows):
        self.name, self.hows = name, hows
        self.runs, self.reached = 0, {}
        self.told = collections.Counter()
        self.wrong = []

    def run(self):
        for how in self.hows:
            try:
                self.reached[say(how)] = self.one_manner(how)
            finally:
                control.disarm()
        counts = ", ".join("%s %d" % item for item in self.reached.items())
        print("# %s, %s: %d runs; the last N that was reached: %s%s" % (
            self.phase, self.name, self.runs, counts, "".join("; %s %d" % item for item in sorted(self.told.items()))))
        sys.stdout.flush()
        if self.wrong:
            raise Findings("\n\n".join(self.wrong))

    def one_manner(self, how):
        last = 0
        for n in itertools.count(1, STRIDE):
            try:
                hit = self.one(how, n)
            except Exception as error:
                hit = control.hits() > 0
                self.lost(how, n, error)
            self.runs += 1
            if not hit or len(self.wrong) > 20:
                break
            last = n
        self.end()
        return last

    def hit(self):
        """Was it reached? No more from now on."""
        hits, self.totals = control.hits(), control.totals()
        control.disarm()
        return hits > 0

    def lost(self, how, n, error):
        control.disarm()
        self.wrong.append("%s, %s of call %d of %s:\n%s: %s\n%s" % (
            self.phase, say(how), n, self.name, type(error).__name__, error, "\n".join(self.daemon.log().splitlines()[-15:])))
        if STRIDE:
            print("# FOUND " + self.wrong[-1].replace("\n", "\n# "))
            sys.stdout.flush()
        self.daemon.kill9()

    def end(self):
        pass


def sound_state(directory):
    found = subprocess.run([JOBD, "--check-state", "-o", "state.directory=" + directory], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    equal(found.returncode, 0, found.stdout)


class Serving(Sweep):
    phase = "serve"

    def __init__(self, name, hows):
        Sweep.__init__(self, name, hows)
        self.daemon = daemon_with(start=False)
        self.acknowledged = set()
        self.lives = 0
        self.begin()

    def begin(self):
        """Starts it, and waits until it serves: before that, it may as well say that it cannot."""
        self.daemon.start()
        with self.daemon.client() as c:
            c.call("job.cancel_many", state=["held", "blocked", "scheduled", "ready", "running"])     # what a failed run left
            eventually(lambda: c.call("daemon.status")["pool"]["idle"] == 2, "the pool stands")

    def one(self, how, n):
        if not self.daemon.running():
            self.begin()
        run = Run(self.daemon)
        pinger = Pinger(self.daemon) if how == "hold" else None
        control.arm(self.name, how, n)
        try:
            run.play()
            hit = self.hit()
        finally:
            control.disarm()
            if pinger is not None:
                pinger.end()
            run.close()
        check(self.daemon.running(), "the daemon is gone: %r" % self.daemon.process.poll())
        self.told["cut"] += run.talk.cut + run.ears.cut
        with self.daemon.client() as c:
            eventually(lambda: c.call("daemon.status")["store"]["writable"], "the store writes again")
        try:
            self.settled(run, 3 if self.name == "alloc" else 20)
        except AssertionError:
            if self.name != "alloc" or "waits for a restart" not in self.daemon.log():
                raise
            self.told["restarted"] += 1
            self.daemon.restart(hard=True)
            self.settled(run, 20)
        self.acknowledged |= set(run.acknowledged())
        if self.runs % BLOCK == BLOCK - 1:
            self.look_at_all()
        return hit

    def settled(self, run, seconds):
        with self.daemon.client() as c:
            for job in run.settle(c, seconds):
                self.told["failed " + job["error"]["reason"]] += 1

    def look_at_all(self):
        """Dead or stopped, the state is sound; started again, it has all that was acknowledged, and nothing is leaked."""
        self.lives += 1
        if self.lives % 2:
            self.daemon.kill9()
        else:
            self.daemon.stop()
        sound_state(self.daemon.dir)
        self.begin()
        with self.daemon.client() as c:
            there, cursor = set(), {}
            while cursor is not None:
                page = c.call("job.list", limit=1000, state=list(FINAL), **cursor)
                there |= {job["id"] for job in page["jobs"]}
                cursor = {"cursor": page["next_cursor"]} if "next_cursor" in page else None
            lost = self.acknowledged - there
            check(not lost, "acknowledged jobs are lost, or final no more: %r" % sorted(lost)[:10])
            if c.call("schedule.list")["schedules"]:
                eventually(lambda: "last_fired_at" in c.call("schedule.get", name="beat"), "the schedule fires")
                c.call("schedule.delete", name="beat")
            eventually(lambda: c.call("job.count", state=["held", "blocked", "scheduled", "ready", "running"])["total"] == 0, "the end of all jobs")
            self.nothing_leaked(c)
            c.call("job.delete_many", state=list(FINAL))
        self.acknowledged = set()

    def nothing_leaked(self, c):
        sleep = {"type": "sleep", "args": LONG}
        jobs = [dict(sleep, concurrency=KEY)] + [dict(sleep, queue="slots")] * SLOTS
        ids = [job["id"] for job in c.call("job.submit_many", jobs=jobs)["jobs"]]
        c.call("job.wait", ids=ids, timeout=patient(20), **{"for": "started"})
        for id in ids:
            c.call("job.cancel", id=id)
        equal(c.call("job.submit", type="noop", unique={"key": "u", "on_conflict": "reject"}, wait=patient(20))["state"], "succeeded")
        equal(c.call("job.submit", type="noop", queue="rate", wait=patient(20))["state"], "succeeded")

    def end(self):
        """The daemon ends in peace, and no sanitizer had anything to say."""
        if not self.daemon.running():
            self.begin()
        self.look_at_all()
        self.daemon.stop()
        self.daemon.check_sanitizers()


# ---- the start and the end ----

def make_state():
    """A state that a killed daemon left, with jobs in every state; its directory and how many are in it."""
    d = Daemon("pool.processes=2", "pool.kill_grace=0.1")
    with d.client() as c:
        c.call("queue.pause", name="paused")
        c.call("schedule.put", name="beat", every=3600, job={"type": "noop"})
        c.call("job.submit_many", jobs=[dict(job, queue="paused") for job in GRAPH])
        for members in ({"queue": "paused"}, {"hold": True}, {"delay": 3600}, {"concurrency": KEY}, {"unique": {"key": "u"}, "hold": True}):
            c.call("job.submit", type="noop", **members)
        c.call("job.submit", type="exec", args={"command": "seq 1000"}, wait=patient(20))
        c.call("job.submit", type="exec", args={"command": "exit 3"}, wait=patient(20))
        for type, args in (("sleep", LONG), ("exec", {"command": "sleep 1000"})):
            id = c.call("job.submit", type=type, args=args)["id"]
            c.call("job.wait", id=id, **{"for": "started"})
        eventually(lambda: c.call("job.count", state="running")["total"] == 2, "the store knows")
        total = c.call("job.count")["total"]
    d.kill9()
    return d.dir, total


class Starting(Sweep):
    """It serves, or says why not and exits 1; whichever, all is there at the next start."""

    phase = "start"
    template = None

    def __init__(self, name, hows):
        Sweep.__init__(self, name, hows)
        if Starting.template is None:
            Starting.template = make_state()

    def one(self, how, n):
        state = tempdir()
        try:
            shutil.copytree(self.template[0], state, dirs_exist_ok=True, ignore=shutil.ignore_patterns("s", "jobd.sock"))
            return self.on(state, how, n)
        finally:
            self.daemon.kill9()
            shutil.rmtree(state)

    def on(self, state, how, n):
        d = self.daemon = daemon_with(state=state, start=False)
        control.arm(self.name, how, n)
        d.start(wait=False)
        try:
            d.wait_log("listening on unix")
            with d.client() as c:
                eventually(lambda: self.pings(c), "an answer")
        except (AssertionError, ConnectionError, OSError):
            check(not d.running() or self.refused(d), "it neither serves nor ends")
        hit = self.hit()
        if d.running():
            self.told["served"] += 1
        else:
            self.told["exits"] += 1
            code = d.wait()
            said = code == 1 and SENTENCE.search(d.log()) or self.name == "alloc" and LIBRARIES.search(d.log()) or \
                self.name == "store_read" and code == 3 and "is damaged" in d.log()      # SQLite takes what cannot be read for damage
            check(hit and said, "it ended with %d" % code)
            d.start()
        self.all_there(d)
        return hit

    def pings(self, c):
        return c.call("daemon.ping")

    def refused(self, d):
        """It is on its way to its end: it must come to it."""
        try:
            d.wait(patient(10))
            return True
        except subprocess.TimeoutExpired:
            return False

    def all_there(self, d):
        with d.client() as c:
            equal(c.call("job.count")["total"], self.template[1])
            eventually(lambda: c.call("job.count", state="running")["total"] == 2, "what ran runs again")
        d.kill9()
        sound_state(d.dir)
        d.check_sanitizers()


class Ending(Starting):
    """SIGTERM ends it, whatever fails; all is there at the next start."""

    phase = "end"

    def on(self, state, how, n):
        d = self.daemon = daemon_with(state=state)
        with d.client() as c:
            eventually(lambda: c.call("job.count", state="running")["total"] == 2, "what ran runs again")
            control.arm(self.name, how, n)
            code = d.stop(code=None)
        hit = self.hit()
        self.told["exit %d" % code] += 1
        check(code in (0, 1), "it ended with %d" % code)
        d.start()
        self.all_there(d)
        return hit


def able(name):
    """Can calls of this class fail here?"""
    return name in CLASSES and not (SANITIZED and "alloc" in name)


def each_class(sweep, classes):
    """The whole sweep, a test a class."""
    for name, hows in classes.items():
        if name in CLASSES:
            @test("%s: calls of class %s fail" % (sweep.phase, name))
            def _(name=name, hows=hows):
                if not able(name):
                    skip("the sanitizers' allocator is their own")
                sweep(name, hows).run()


def one_of_each(sweep, classes):
    """One call of each class (of some, where each takes a start), of as many as there are: that is counted first."""
    @test("%s: one call of a class fails, class by class" % sweep.phase)
    def _():
        chance = random.Random(SEED)
        names = [name for name in classes if able(name)]
        if sweep is not Serving:
            names = chance.sample(names, 3 if SANITIZED else 5)
        one = sweep("none", [])
        one.one("none", 1)
        totals = {name: one.totals[number_of(name)] for name in names}
        for name in names:
            how, n = chance.choice(classes[name]), chance.randint(1, max(1, totals[name]))
            one.name = name
            try:
                hit = one.one(how, n)
            except Exception as error:
                one.lost(how, n, error)
                raise Findings(one.wrong[0]) from error
            one.told["hit" if hit else "missed"] += 1
        one.end()
        print("# %s: calls there were: %r; %r" % (sweep.phase, totals, dict(one.told)))
        check(one.told["hit"] > 0, "the calls that were to fail were not made")


print("# FAILCALL_SEED=%d" % SEED)
for sweep, classes in ((Starting, AT_START), (Serving, SERVING), (Ending, AT_END)):
    if sweep.phase in PHASES:
        (each_class if STRIDE else one_of_each)(sweep, classes)
main()
