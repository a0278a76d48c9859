"""jobctl top, on a terminal that is read."""

import os
import re
import signal
import socket
import threading

from jobdfake import Fake, Peer
from jobdterm import Terminal
from jobdtest import PATIENCE, Daemon, check, equal, jobctl, main, tempdir, test


def start(*options):
    return Daemon("shutdown.grace=0", *options)


def top(address, *words, **how):
    return Terminal("-H", address, "top", *words, **how)


STATUS = {"version": "9.9", "uptime": 90061, "draining": False, "counts": {"ready": 2, "running": 3, "failed": 1},
          "loop": {"lag_ms": 0.25, "lag_max_ms": 17.2}, "coroutines": {"alive": 12}, "pool": {"busy": 1, "processes": 4},
          "io": {"running": 2, "limit": 10000}, "connections": {"open": 5}, "store": {"commit_ms": 0.5, "commit_max_ms": 3, "writable": True}}


def queue(name, ready=0, running=0, **more):
    return dict({"name": name, "paused": False, "weight": 1, "counts": {"ready": ready, "running": running, "held": 0, "blocked": 0, "scheduled": 0}}, **more)


def job(id, **more):
    return dict({"id": id, "type": "exec", "queue": "q", "attempt": 1, "state": "running", "started_at": "2026-11-20T17:59:00.000Z"}, **more)


def answer(peer, status=STATUS, queues=(), running=()):
    """Answers one look."""
    peer.take("daemon.ping")
    peer.answer({"now": "2026-11-20T18:00:00.000Z", "version": "9.9"})
    peer.take("daemon.status")
    peer.answer(status)
    peer.take("queue.list")
    peer.answer({"queues": list(queues)})
    params = peer.take("job.list")
    equal((params["state"], params["order"]), ("running", "oldest"))
    peer.answer({"jobs": list(running)})


def until_gone(peer):
    """Leaves further looks unanswered until the client ends."""
    while peer.lines.readline():
        pass


def once(**what):
    def script(peer):
        answer(peer, **what)
        until_gone(peer)
    return script


class Dropping(Fake):
    """Speaks with the first client; the others find the connection closed."""

    over = False

    def serve(self):
        try:
            with self.listener:
                with self.listener.accept()[0] as connection:
                    self.script(Peer(connection))
                while not self.over:
                    self.listener.accept()[0].close()
        except Exception as error:      # noqa: shown by __exit__
            self.error = error

    def __exit__(self, kind, value, trace):
        self.over = True
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(self.path)
        return Fake.__exit__(self, kind, value, trace)


# ---- what it shows ----

@test("it shows the daemon, the queues, the busiest first, and what runs with its progress")
def _():
    what = dict(queues=[queue("idle"), queue("busy", 5, 2, concurrency=2, oldest_ready_seconds=75), queue("stopped", 1, 0, paused=True)],
                running=[job(7, progress={"fraction": 0.42, "message": "käse"}), job(12, attempt=3), job(13, type="noop", queue="w" * 40)])
    with Fake(once(**what)) as address, top(address, "-d", "10m", columns=100, lines=30) as t:
        t.until_shown(r"(?m)^ +13 noop")
        rows = t.screen()
        check(re.match(r"jobd 9\.9 unix:/\S+ +2026-11-20 18:00:0\d$", rows[0]), rows[0])
        equal(rows[1], "up 1d 1h  lag 0.2 ms (worst 17)  pool 1/4 busy  io 2/10000  coroutines 12  connections 5")
        equal(rows[2:4], ["commit 0.5 ms (worst 3)", "ready 2  running 3  failed 1"])
        at = rows.index(next(row for row in rows if row.startswith("QUEUE")))
        equal([row.split()[:3] for row in rows[at + 1:at + 3]], [["busy", "5", "2"], ["paused:", "stopped", "1"]])
        equal(rows[at + 1].split()[3:], ["0", "0", "0", "1m", "15s", "1", "2"])
        equal(rows[at + 3].split()[0], "idle")
        at = rows.index(next(row for row in rows if "PROGRESS" in row))
        check(re.match(r"       7 exec       q                  1    1m \ds  \[####      \]  42 % käse$", rows[at + 1]), rows[at + 1])
        equal(rows[at + 2].split()[:5], ["12", "exec", "q", "3", "1m"])
        check(" noop       " + "w" * 16 + "   1" in rows[at + 3], rows[at + 3])
        t.type("q")
        equal(t.ends(), (0, ""))


@test("it works in 40 columns, and in as few rows as there are")
def _():
    what = dict(queues=[queue("queue-%d" % n, n) for n in range(9)],
                running=[job(n, progress={"fraction": 0.5, "message": "half of it is done"}) for n in range(1, 21)],
                status=dict(STATUS, counts={"running": 50, "ready": 36}))
    for columns, lines in [(40, 24), (40, 10), (12, 40), (1, 1), (300, 3)]:
        with Fake(once(**what)) as address, top(address, "-d", "10m", columns=columns, lines=lines) as t:
            t.until(lambda text: t.seen.count("\033[1;1H") > 0 and ("9.9"[:columns - 5] in text or columns == 1), "the first look")
            if (columns, lines) == (40, 24):
                rows = t.until(lambda text: "and " in text, "all of it").split("\n")
                equal([row.split()[0] for row in rows if row.startswith("queue-")], ["queue-%d" % n for n in range(8, 1, -1)])
                check(any(row.startswith("QUEUE, 7 of 9 ") for row in rows), rows)
                check(re.search(r"(?m)^ +1 exec +1m \ds +50 % half$", t.text()), t.text())
                equal(re.search(r"and (\d+) more", rows[-1]).group(1), str(50 - len([row for row in rows if " exec " in row])))
            if (columns, lines) == (40, 10):
                t.until_shown(r"(?m)^queue-8 +8 +0$")
                t.until_shown(r"and \d+ more")
            t.type("q")
            equal(t.ends(), (0, ""))


@test("a terminal that gets another size is filled anew, and one that does not is only written where it changes")
def _():
    with start("pool.processes=2") as d:
        d.jobctl("submit", "sleep", "seconds:=600", "-Q", "wide")
        with top(d.address, "--interval", "100ms", columns=120, lines=40) as t:
            t.until_shown(r"(?m)^ +1 sleep +wide")
            check(any(len(row) > 100 for row in t.screen()), t.text())
            t.resize(50, 12)
            t.signal(signal.SIGWINCH)
            t.until(lambda text: re.search(r"(?m)^ +1 sleep  ", text) and "QUEUE" in text and not re.search(r"sleep +wide", text),
                    "all of it in the new size")
            equal(t.clears, 1, "the screen was cleared while it was looked at")
            begun = len(t.seen)
            d.jobctl("submit", "noop", "--hold", "-Q", "later")
            t.until_shown(r"(?m)^later ")
            check("QUEUE" not in t.seen[begun:].replace("\033[7m", "") or t.seen[begun:].count("QUEUE") <= 1, t.seen[begun:])
            t.type("q")
            equal(t.ends(), (0, ""))


@test("against the daemon: figures, queues and jobs come and go")
def _():
    with start("pool.processes=2") as d:
        with top(d.address, "--interval", "100ms", columns=110, lines=30) as t:
            t.until_shown(r"pool \d/2 busy")
            ids = [int(d.jobctl("submit", "sleep", "seconds:=600", "-Q", "mail").out) for _ in range(2)]
            d.jobctl("submit", "noop", "--hold", "-Q", "mail")
            t.until_shown(r"(?m)^mail +0 +2 +0 +0 +1 ")
            t.until_shown(r"(?m)^ +%d sleep +mail +1 +\ds" % ids[1])
            d.jobctl("drain")
            t.until_shown("draining: nothing is started until `jobctl resume`")
            d.jobctl("resume")
            t.until(lambda text: "draining" not in text, "the resumption")
            d.jobctl("cancel", *ids)
            t.until(lambda text: " sleep " not in text and "cancelled 2" in text, "the cancellation")
            t.until_shown(r"ended \d+(\.\d)?/s")
            t.type("q")
            equal(t.ends(), (0, ""))


@test("colours, and none of them with NO_COLOR")
def _():
    with Fake(once(queues=[queue("q", 1, 1)])) as address, top(address) as t:
        t.until_shown("(?m)^q ")
        check("7" in t.styles and "31" in t.styles, t.styles)
        t.type("q")
        t.ends()
    for env, words in [({"NO_COLOR": "1"}, []), ({}, ["--color=never"])]:
        with Fake(once(queues=[queue("q", 1, 1)])) as address, top(address, *words, env=env) as t:
            t.until_shown("(?m)^q ")
            equal(t.styles, set())
            t.type("q")
            t.ends()


@test("what a job says cannot steer the screen, and wide characters keep their columns")
def _():
    running = [job(1, progress={"message": "\033[2J\u009b2J\rx\n" + "\u0301" * 500}), job(2, progress={"message": "日本" * 100}), job(3, queue="日" * 20)]
    with Fake(once(running=running)) as address, top(address) as t:
        t.until_shown("(?m)^ +3 exec")
        equal(t.clears, 1)
        row = next(row for row in t.screen() if re.match(" +1 exec", row))
        check("?[2J?2J?x?" in row, row)
        equal((t.seen.count("日"), t.seen.count("本")), (7 + 8, 7))
        t.type("q")
        equal(t.ends(), (0, ""))


@test("what is refused is shown, and the rest goes on")
def _():
    seen = threading.Event()
    def script(peer):
        answer(peer, queues=[queue("mail")])
        for method in ["daemon.ping", "daemon.status", "queue.list", "job.list"]:
            peer.take(method)
            peer.refuse(-32006, "overloaded", "the daemon is full")
        check(seen.wait(PATIENCE))
        answer(peer, queues=[queue("post")])
        until_gone(peer)
    with Fake(script) as address, top(address, "-d", "500ms") as t:
        t.until_shown("(?s)the daemon is full.*mail")
        seen.set()
        t.until(lambda text: "post" in text and "the daemon is full" not in text, "the next look")
        t.type("q")
        equal(t.ends(), (0, ""))
    def script(peer):
        peer.take("daemon.ping")
        peer.refuse(-32001, "unauthenticated", "log in first")
        until_gone(peer)
    with Fake(script) as address, top(address) as t:
        equal(t.ends(), (4, "jobctl: log in first\n"))


@test("a daemon that does not answer is said to be one")
def _():
    with Fake(once()) as address, top(address, "-d", "100ms") as t:
        t.until_shown(r"jobd has not answered for \d s")
        t.type("q")
        equal(t.ends(), (0, ""))


# ---- its end ----

@test("q, Ctrl-C and signals end it, and leave the terminal as it was")
def _():
    with start() as d:
        for end in ["q", "Q", "\x03", "xyzq", "\x1c", signal.SIGTERM, signal.SIGHUP, signal.SIGINT]:
            with top(d.address) as t:
                t.until_shown("QUEUE")
                check(t.alternate and not t.cursor, "it is no full-screen program")
                if isinstance(end, str):
                    t.type(end)
                else:
                    t.signal(end)
                equal(t.ends(), (0, ""), repr(end))


@test("other keys, arrows among them, do nothing")
def _():
    with start() as d, top(d.address, "-d", "100ms") as t:
        t.until_shown("QUEUE")
        for keys in ["x\n \033[A", "\033Oq", "\033[1;5q", "\033q", "\033"]:
            t.type(keys)
        d.jobctl("submit", "noop", "--hold", "-Q", "later")
        t.until_shown("(?m)^later")
        t.type("q")
        equal(t.ends(), (0, ""))


@test("Ctrl-Z gives the terminal back until it goes on")
def _():
    with start() as d, top(d.address, "-d", "100ms") as t:
        t.until_shown("QUEUE")
        t.type("\x1a")
        t.stopped()
        check(not t.alternate and t.cursor, "the terminal is not the shell's")
        d.jobctl("submit", "noop", "--hold", "-Q", "later")
        t.goes_on()
        t.until_shown("(?m)^later")
        check(t.alternate and not t.cursor, "it did not take the terminal again")
        t.type("q")
        equal(t.ends(), (0, ""))


@test("a daemon that goes away ends it with 3, said on a terminal that is as it was")
def _():
    with start() as d, top(d.address) as t:
        t.until_shown("QUEUE")
        d.kill9()
        code, said = t.ends()
        equal(code, 3)
        check("closed the connection" in said or "broke" in said, said)


@test("a daemon that is restarted is waited for, and shown again")
def _():
    with start() as d, top(d.address, "-d", "100ms", "--wait", "1h") as t:
        t.until_shown("QUEUE")
        for hard in (False, True):
            d.kill9() if hard else d.stop()
            t.until_shown(r"waited for, \d+ s so far: (the connection to )?jobd at unix:")
            check("QUEUE" in t.text(), "what was seen of it is gone, too")
            d.start()
            d.jobctl("submit", "noop", "--hold", "-Q", "hard" if hard else "soft")
            t.until(lambda text: "waited for" not in text and re.search("(?m)^" + ("hard" if hard else "soft"), text), "the daemon")
        d.kill9()
        t.until_shown("waited for")
        t.type("q")
        equal(t.ends(), (0, ""))


@test("a daemon that is not back in time ends it with 3, and so does at once one that is not waited for")
def _():
    for wait, said in [("0", r"jobctl: [^\n]*(closed the connection|broke: [^\n]*)\n"),
                       ("300ms", r"jobctl: [^\n]*(closed the connection|broke: [^\n]*), and was not back \d+ s later\n")]:
        with start() as d, top(d.address, "--wait", wait) as t:
            t.until_shown("QUEUE")
            d.kill9()
            code, err = t.ends()
            equal(code, 3)
            check(re.fullmatch(said, err), err)


@test("a daemon that takes connections but drops them is not waited for without end")
def _():
    with Dropping(answer) as address, top(address, "-d", "100ms", "--wait", "500ms") as t:
        t.until_shown("waited for")
        code, said = t.ends()
        equal(code, 3, said)
        check(re.search(r"and was not back \d+ s later", said), said)


@test("a terminal that is gone ends it")
def _():
    with start() as d:
        t = top(d.address, "-d", "100ms")
        t.until_shown("QUEUE")
        os.close(t.theirs)
        os.close(t.ours)
        check(t.process.wait() in (0, 1), t.process.returncode)
        t.process.communicate()


@test("where there is no terminal it is wrong usage")
def _():
    got = jobctl("top", code=2)
    check("it needs a terminal; elsewhere there are status, queue list and list" in got.err, got.err)
    for words, env in [(["--json"], {}), ([], {"TERM": "dumb"}), ([], {"TERM": ""}), (["-d", "10ms"], {}), (["-d", "9223372036854775"], {})]:
        with top("unix:/nonexistent", *words, env=env) as t:
            code, said = t.ends()
            equal(code, 2, said)
    with top("unix:%s/none" % tempdir()) as t:
        equal(t.ends()[0], 3)


main()
