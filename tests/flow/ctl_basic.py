"""jobctl's commands against a daemon, one after the other: what they print, where, and their exit codes."""

import json
import os
import pty
import re
import subprocess
import time

from jobdtest import JOBCTL, Daemon, check, equal, eventually, jobctl, main, tempdir, test

COMMANDS = ["run", "submit", "list", "count", "show", "why", "wait", "logs", "cancel", "retry", "hold", "release", "update",
            "delete", "queue list", "queue show", "queue set", "queue pause", "queue resume", "queue purge", "schedule list",
            "schedule show", "schedule put", "schedule delete", "schedule trigger", "watch", "top", "status", "ping", "drain", "resume",
            "reload", "backup", "completion", "help"]


FULL = "jobctl: the output could not be written: No space left on device\n"


def start():
    """A daemon that does not wait for its jobs when it stops."""
    return Daemon("shutdown.grace=0")


def submit(d, *words):
    return int(d.jobctl("submit", *words).out)


def rows(text):
    return [line.split("\t") for line in text.splitlines()]


def on_terminal(*words, env=None):
    """What jobctl writes to a terminal on its stdout."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([JOBCTL] + [str(w) for w in words], stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE,
                               env={**os.environ, "TERM": "xterm", **(env or {})})
    os.close(theirs)
    data = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        data += piece
    os.close(ours)
    process.communicate()
    return data.decode()


# ---- without a daemon ----

@test("every command explains itself, with an example")
def _():
    for name in COMMANDS:
        said = jobctl(*name.split(), "--help")
        check(said.out.startswith("Usage: jobctl " + name), said.out)
        check("Examples:\n  " in said.out, "%s has no example" % name)
        equal(said.err, "", name)
        equal(jobctl("help", *name.split()).out, said.out)
    check(jobctl("queue", "--help").out.startswith("Usage: jobctl queue COMMAND"))
    equal(jobctl("queue", "--help").out, jobctl("help", "queue").out)
    overview = jobctl("--help").out
    for name in COMMANDS:
        check("\n  %s " % name in overview, "%s is not in --help" % name)


@test("wrong usage is 2, with a sentence on stderr and nothing on stdout")
def _():
    for words, said in [
        ([], "Usage: jobctl"),
        (["frobnicate"], 'there is no command "frobnicate"'),
        (["queue"], "it needs one of: list, show, set, pause, resume, purge"),
        (["queue", "burn"], 'there is no "burn", only: list, show, set, pause, resume, purge'),
        (["list", "--nonsense"], "unknown option --nonsense"),
        (["list", "-Z"], "unknown option -Z"),
        (["list", "--limit"], "--limit needs a value"),
        (["list", "--all=1"], "--all=1 takes no value"),
        (["list", "--limit", "many"], "--limit: it is a whole number"),
        (["list", "--limit", "0"], "--limit: it is 1 or more"),
        (["list", "-o", "id,nope"], 'there is no "nope" in a list, only id, type, class, queue, '),
        (["list", "-o", "id,,type"], 'there is no "" in a list, only id, '),
        (["list", "-o", "state.x"], 'there is no "state.x" in a list, only id, '),
        (["list", "-o", "tags."], 'there is no "tags." in a list, only id, '),
        (["list", "-o", ",".join(["id"] * 41)], "it is at most 40 members"),
        (["list", "-Q", "a,"], "--queue: it is NAME,..., without an empty one"),
        (["list", "-t", "a=1", "-t", "a=2"], '--tag: "a" is given twice'),
        (["list", "extra"], '"extra" is too much: it takes nothing'),
        (["show"], "it needs ID..."),
        (["show", "x7"], "a job's id is a positive number"),
        (["logs", "--attempt", "0", "1"], "--attempt: they count from 1"),
        (["help", "queue", "burn"], 'queue: there is no "burn", only: list, show'),
        (["help", "frobnicate"], 'there is no command "frobnicate"'),
        (["show", "0"], "a job's id is a positive number"),
        (["submit"], "it needs a job's type"),
        (["submit", "sleep", "5"], 'an argument is KEY=VALUE or KEY:=JSON, not "5"'),
        (["submit", "sleep", "seconds:=five"], "the value of seconds is not JSON: "),
        (["submit", "sleep", "--args", "[1]"], "--args: it must be a JSON object"),
        (["submit", "sleep", "seconds:=5", "seconds:=6"], "the argument seconds is given twice"),
        (["submit", "noop", "a=5", "b=6", "a:=5"], "the argument a is given twice"),
        (["submit", "exec", 'argv:=["a"]', "--", "b"], "the command is given twice"),
        (["submit", "noop", "--wait", "5"], "how long to wait is written --wait=5 or -w5"),
        (["submit", "noop", "--delay", ".5"], '--delay: it is a duration such as 90, 0.5, 250ms, 10m or 1h30m, not ".5"'),
        (["submit", "noop", "--delay", "1e3"], "--delay: it is a duration such as 90"),
        (["submit", "noop", "--delay", "-1"], "--delay: it is a duration such as 90"),
        (["submit", "noop", "--ttl", "99999999999999999999"], '--ttl: "99999999999999999999" is too long a duration'),
        (["submit", "noop", "--at", "2026-02-30"], 'there is no such time as "2026-02-30"'),
        (["submit", "sleep", "--delay", "soon"], "--delay: it is a duration such as 90"),
        (["submit", "sleep", "--at", "soon"], "--at: a time is written 2026-12-01T09:00"),
        (["submit", "sleep", "--backoff", "wild"], '--backoff: it is exponential, linear or constant, not "wild"'),
        (["submit", "sleep", "--tag", "novalue"], "--tag: it is K=V"),
        (["submit", "sleep", "--", "x"], "only exec takes a command after --"),
        (["submit", "-f", "/nonexistent"], "/nonexistent: No such file"),
        (["submit", "-f", "-", "sleep"], "with --file the jobs' types and arguments stand in the file"),
        (["--color", "sometimes", "ping"], "--color: it is auto, always or never"),
        (["-H", "nowhere", "ping"], "has no port"),
        (["submit", "noop", "--after", "1,x"], '--after: a job\'s id is a positive number, not "x"'),
        (["submit", "noop", "--after", "1,,2"], "--after: it is ID,..., without an empty one"),
        (["submit", "noop", "--after", "0"], '--after: a job\'s id is a positive number, not "0"'),
        (["submit", "noop", "--after", "-1"], '--after: a job\'s id is a positive number, not "-1"'),
        (["submit", "noop", "--after", "99999999999999999999"], "--after: a job's id is a positive number"),
        (["submit", "noop", "--after-failure", "cry"], '--after-failure: it is cancel or run, not "cry"'),
        (["submit", "noop", "--limit", "key"], '--limit: it is KEY=N, not "key"'),
        (["submit", "noop", "--limit", "=2"], '--limit: it is KEY=N, not "=2"'),
        (["submit", "noop", "--limit", "a=b"], "--limit: it is a whole number"),
        (["submit", "-f", "-", "--request-id", "x"], "--file goes with no"),
        (["submit", "noop", "--limit", "a=1", "--limit", "b=2"], "--limit: a job has one key at most"),
        (["submit", "noop", "--at", "2030-01-01", "--delay", "5"], "--at and --delay say the same: one of the two"),
        (["submit", "-f", "-", "--expires-at", "2030-01-01", "--ttl", "5"], "--expires-at and --ttl say the same: one of the two"),
        (["submit", "noop", "--unique-scope", "all"], "--unique-scope and --on-conflict go with --unique"),
        (["run", "--on-conflict", "reject", "true"], "--unique-scope and --on-conflict go with --unique"),
        (["submit", "noop", "--ttl", "0"], "--ttl: it is more than 0"),
        (["submit", "noop", "--delay", "10m", "--ttl", "5m"], "it would expire before it may start: --ttl must end later than --delay"),
        (["run", "--delay", "5m", "--ttl", "5m", "true"], "--ttl must end later than --delay"),
        (["submit", "noop", "--at", "2030-01-01", "--expires-at", "2029-01-01"], "--expires-at must end later than --at"),
        (["submit", "noop", "--at", "2099-01-01", "--ttl", "1h"], "--ttl must end later than --at"),
        (["submit", "noop", "--delay", "9223372036854775", "--expires-at", "2099-01-01"], "--expires-at must end later than --delay"),
        (["schedule", "put", "n", "noop", "--every", "1h", "--at", "2099-01-01"], "--at is one moment, and its jobs come again and again"),
        (["schedule", "put", "n", "noop", "--every", "1h", "--expires-at", "2099-01-01"], "--expires-at is one moment"),
        (["schedule", "put", "n", "noop", "--every", "1h", "--delay", "10", "--ttl", "5"], "--ttl must end later than --delay"),
        (["list", "--all", "-n", "5"], "--all and --limit: one of the two"),
        (["queue", "set", "mail", "--rate", "5/m", "--burst", "0"], "--burst: it is 1 or more"),
        (["cancel"], "it needs ID..., or filters such as --queue"),
        (["delete", "--yes"], "it needs ID..., or filters such as --queue"),
        (["hold", "7", "-Q", "mail"], "it takes ids or filters, not both"),
        (["retry", "x"], "a job's id is a positive number"),
        (["update", "7"], "it needs something to change"),
        (["update", "7", "--at", "now", "--delay", "5"], "--at and --delay say the same"),
        (["update", "7", "--tag", "a=b", "--no-tags"], "--tag and --no-tags"),
        (["update", "--priority", "5"], "it needs ID..."),
        (["queue", "set", "mail"], "it needs something to set"),
        (["queue", "set", "mail", "--burst", "5"], "--burst goes with --rate"),
        (["queue", "set", "mail", "--rate", "none", "--burst", "5"], "--burst goes with --rate"),
        (["queue", "set", "mail", "--rate", "5/y"], '--rate: it is a number of starts such as 10/s, 100/m or 5/h, or none, not "5/y"'),
        (["queue", "set", "mail", "--rate", "0"], "--rate: it is a number of starts"),
        (["queue", "set", "mail", "--rate", "-1"], "--rate: it is a number of starts"),
        (["queue", "set", "mail", "--concurrency", "0"], '--concurrency: it is a positive whole number, or none, not "0"'),
        (["queue", "set", "mail", "--weight", "1.5"], "--weight: it is a positive whole number"),
        (["queue", "set", "--weight", "1"], "it needs NAME..."),
        (["queue", "purge"], "it needs NAME..."),
        (["completion", "tcsh"], "it knows bash, zsh and fish"),
    ]:
        got = jobctl(*words, code=2)
        equal(got.out, "", words)
        check(said in got.err, "%r: %r is not in %r" % (words, said, got.err))
        check(not words or got.err.startswith("jobctl: "), got.err)


@test("a time that has passed is said to have; a time of day is one to come")
def _():
    with Daemon("shutdown.grace=0") as d:
        at = "--at: 2020-01-01 09:00:00 has passed: it starts as soon as it can"
        check(at in d.jobctl("submit", "noop", "--hold", "--at", "2020-01-01T09:00", env={"TZ": "UTC"}).err)
        check(at in d.jobctl("update", 1, "--at", "2020-01-01T09:00", env={"TZ": "UTC"}).err)
        got = d.jobctl("submit", "noop", "-w", "--expires-at", "@1500000000", code=1)
        check("--expires-at: " in got.err and "has passed: it expires instead of starting" in got.err, got.err)
        equal(d.jobctl("submit", "noop", "--at", "2020-01-01", "-q").err, "")
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        equal(d.jobctl("submit", "noop", "--at", now).err + d.jobctl("submit", "noop", "--at", "now").err, "")
        env = {"TZ": "XXX%d" % (time.gmtime().tm_hour - 12)}    # where it is about noon
        check("--at: 00:01 has passed today; a later day is said as 2026-12-01T00:01, at once as now" in
              d.jobctl("submit", "noop", "--at", "00:01", env=env, code=2).err)
        equal(d.jobctl("submit", "noop", "--at", "23:59", env=env).err, "")


@test("no daemon is 3, and says where it looked")
def _():
    home = tempdir()
    got = jobctl("-H", "unix:%s/none" % home, "ping", code=3)
    check("no jobd answers at unix:%s/none: no such file or directory; is it running?" % home in got.err, got.err)
    got = jobctl("-H", "127.0.0.1:1", "list", code=3)
    check("no jobd answers at 127.0.0.1:1: connection refused" in got.err, got.err)
    got = jobctl("run", "true", code=125, env={"JOBD_ADDRESS": "unix:%s/none" % home})
    check("no jobd answers" in got.err, got.err)


@test("the version is one line")
def _():
    check(re.fullmatch(r"jobctl \d+\.\d+\.\d+\n", jobctl("--version").out))


# ---- finding it ----

@test("the address comes from -H, from JOBD_ADDRESS, or from the environment's directories")
def _():
    with start() as d:
        nowhere = "unix:/nonexistent"
        check(d.address in jobctl("-H", d.address, "ping", env={"JOBD_ADDRESS": nowhere}).out)
        check(d.address in jobctl("ping", env={"JOBD_ADDRESS": d.address}).out)
        check(d.tcp_address in jobctl("ping", "-H", d.tcp_address).out)
        os.symlink(d.unix, os.path.join(d.dir, "jobd.sock"))
        blank = {"JOBD_ADDRESS": "", "RUNTIME_DIRECTORY": "", "XDG_RUNTIME_DIR": "", "STATE_DIRECTORY": "", "XDG_STATE_HOME": ""}
        for name in ["RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR", "STATE_DIRECTORY"]:
            got = jobctl("ping", env=dict(blank, **{name: d.dir}))
            check("unix:%s/jobd.sock" % d.dir in got.out, "%s: %s" % (name, got.out))


# ---- one job ----

@test("submit prints the id; the members that the options say are those of the record")
def _():
    with start() as d:
        id = submit(d, "sleep", "seconds:=0.5", "-Q", "slow.ones", "--priority", "-7", "--delay", "1h30m", "--ttl", "2d",
                    "--timeout", "1m30s", "--max-attempts", "5", "--backoff", "linear", "--backoff-base", "250ms",
                    "--backoff-cap", "1m", "--jitter", "0.25", "--interrupted", "fail", "--unique", "k1", "--unique-scope",
                    "all", "--on-conflict", "reject", "--tag", "a=1", "-t", "b=x=y", "--meta", '{"m": [1]}', "--retain", "1h")
        job = json.loads(d.jobctl("show", id, "--json").out)
        for member, wanted in {"type": "sleep", "args": {"seconds": 0.5}, "queue": "slow.ones", "priority": -7, "state": "scheduled",
                               "timeout": 90, "max_attempts": 5, "unique_key": "k1", "tags": {"a": "1", "b": "x=y"},
                               "meta": {"m": [1]}}.items():
            equal(job[member], wanted, member)
        got = d.jobctl("submit", "sleep", "seconds:=0", "--unique", "k1", "--unique-scope", "all", "--on-conflict", "reject", code=4)
        check("job %d has the unique key" % id in got.err, got.err)


@test("a unique key that is taken answers the id that is there, and says so")
def _():
    with start() as d:
        first = submit(d, "sleep", "seconds:=60", "-u", "k")
        again = d.jobctl("submit", "sleep", "seconds:=60", "-u", "k")
        equal(int(again.out), first)
        check("job %d is there already" % first in again.err, again.err)
        equal(d.jobctl("-q", "submit", "sleep", "seconds:=60", "-u", "k").err, "", "--quiet")


@test("texts, JSON, --args and a command after -- become args")
def _():
    with start() as d:
        args = lambda *words: json.loads(d.jobctl("show", "--json", submit(d, "--hold", *words)).out)["args"]
        equal(args("noop", "a=1", "b:=1", "c:=null", "d:=[1, 2]", "e=", "f=x:=y"),
              {"a": "1", "b": 1, "c": None, "d": [1, 2], "e": "", "f": "x:=y"})
        equal(args("noop", "--args", '{"a": 1, "b": 2}', "b=3"), {"a": 1, "b": "3"})
        equal(args("exec", "--", "echo", "-n", "--", "x y"), {"argv": ["echo", "-n", "--", "x y"]})
        equal(args("exec", "cwd=/tmp", "--", "pwd"), {"argv": ["pwd"], "cwd": "/tmp"})
        equal(args("noop", "ä=ö"), {"ä": "ö"})


@test("submit --wait ends with the job: 0 and 1, and 5 where it takes longer")
def _():
    with start() as d:
        got = d.jobctl("submit", "sleep", "seconds:=0.05", "-w")
        equal((got.out, "job 1 succeeded" in got.err), ("1\n", True))
        got = d.jobctl("submit", "exec", "-n", "1", "-w", "--", "false", code=1)
        check("job 2 failed: exit status 1" in got.err, got.err)
        got = d.jobctl("submit", "sleep", "seconds:=60", "--wait=100ms", code=5)
        equal(got.out, "3\n")
        record = json.loads(d.jobctl("submit", "noop", "x:=1", "-w", "--json").out)
        equal((record["state"], record["result"]), ("succeeded", {"x": 1}))


@test("names that are not UTF-8 are refused before anything is asked")
def _():
    with start() as d:
        for words in [["queue", "pause", b"a\xff"], ["queue", "show", b"a\xff"], ["submit", b"a\xff"], ["list", "-Q", b"a\xff"]]:
            got = subprocess.run([JOBCTL, "-H", d.address, *words], capture_output=True, text=True)
            equal((got.returncode, got.stdout, "not UTF-8" in got.stderr), (2, "", True), got.stderr)
        path = os.path.join(d.dir, "token")
        with open(path, "wb") as out:
            out.write(b"a\xff\n")
        check("is not UTF-8" in d.jobctl("--token-file", path, "ping", code=2).err)
        check("cannot be read: Is a directory" in d.jobctl("--token-file", d.dir, "ping", code=2).err)


@test("--columns takes all the members that a listed record has, and shows them as show does")
def _():
    with start() as d:
        d.jobctl("submit", "exec", "-n", "1", "-w", "-t", "a=b", "-u", "k", "--limit", "l=1", "-g", "me", "--after", submit(d, "noop", "-w"),
                 "--meta", "1", "--ttl", "1h", "--", "sh", "-c", "echo x; exit 1", code=1)
        for id in [2, submit(d, "noop", "--hold", "--delay", "1h")]:
            record = json.loads(d.jobctl("list", "--json", "--full").out.splitlines()[-id])
            shown = dict(rows(d.jobctl("show", id).out))
            equal(rows(d.jobctl("list", "-o", ",".join(record)).out)[-id], [shown[member] for member in record])


@test("what the daemon refuses is 4, with its sentence; a dry run leaves nothing behind")
def _():
    with start() as d:
        got = d.jobctl("submit", "sleep", "seconds=1", code=4)
        check('"args.seconds"' in got.err or "seconds" in got.err, got.err)
        equal(got.out, "")
        check("nosuch" in d.jobctl("submit", "nosuch", code=4).err)
        d.jobctl("show", 1, code=4)
        got = d.jobctl("submit", "sleep", "seconds:=1", "--dry-run")
        equal((got.out, "would be accepted and be ready" in got.err), ("", True))
        d.jobctl("submit", "sleep", "seconds=1", "--dry-run", code=4)
        equal(d.jobctl("count").out, "0\n")


# ---- looking ----

@test("list filters, orders, limits, pages and shows the columns asked for")
def _():
    with start() as d:
        for n in range(6):
            submit(d, "sleep", "seconds:=0", "--hold", "-Q", "q%d" % (n % 2), "-t", "n=%d" % n, "-t", "all=yes")
        submit(d, "noop", "--delay", "1h")
        equal([r[0] for r in rows(d.jobctl("list").out)], list("7654321"))
        equal([r[0] for r in rows(d.jobctl("list", "--order", "oldest", "-n", 3).out)], list("123"))
        check("there are more" in d.jobctl("list", "-n", 3).err)
        equal(d.jobctl("list", "-n", 7).err, "")
        equal([r[0] for r in rows(d.jobctl("list", "-Q", "q1").out)], list("642"))
        equal([r[0] for r in rows(d.jobctl("list", "-Q", "q0,default").out)], list("7531"))
        equal([r[0] for r in rows(d.jobctl("list", "-s", "scheduled").out)], ["7"])
        equal([r[0] for r in rows(d.jobctl("list", "--type", "noop", "--type", "exec").out)], ["7"])
        equal([r[0] for r in rows(d.jobctl("list", "--tag", "all=yes", "-t", "n=3").out)], ["4"])
        equal(rows(d.jobctl("list", "-Q", "q1", "-n", 1, "-o", "id,tags.n,state,reason,error").out), [["6", "5", "held", "held", "-"]])
        equal(d.jobctl("list", "-Q", "q1", "-n", 1, "-o", "args,args.seconds,result").out, '{"seconds":0}\t0\t-\n', "asked for, without --full")
        first = json.loads(d.jobctl("list", "--json", "--full", "-n", 1).out)
        equal((first["id"], first["args"], first["reason"]), (7, {}, "delay"))
        check("running" in d.jobctl("list", "-s", "sleepy", code=4).err)
        equal(d.jobctl("list", "-s", "failed").out, "")


@test("list --all goes through all the pages")
def _():
    with start() as d, d.client() as c:
        c.call("job.submit_many", jobs=[{"type": "noop", "hold": True}] * 2500)
        equal([r[0] for r in rows(d.jobctl("list", "--all", "-o", "id").out)], [str(n) for n in range(2500, 0, -1)])
        equal(len(d.jobctl("list", "-n", "1200").out.splitlines()), 1200)


@test("count prints a number, or a line for each state")
def _():
    with start() as d:
        submit(d, "noop", "--hold"), submit(d, "noop", "--hold", "-Q", "other"), submit(d, "noop", "--delay", "1h")
        equal(d.jobctl("count").out, "3\n")
        equal(d.jobctl("count", "-Q", "other").out, "1\n")
        equal(dict(rows(d.jobctl("count", "--by-state").out))["held"], "2")
        equal(json.loads(d.jobctl("count", "--json").out)["by_state"]["scheduled"], 1)


@test("show tells all members, a line each in a pipe; several ids; an unknown one is 4 and the others are shown")
def _():
    with start() as d:
        d.jobctl("submit", "exec", "-n", "1", "-w", "--", "sh", "-c", "echo out; exit 3", code=1)
        record = json.loads(d.jobctl("show", 1, "--json").out)
        shown = dict(rows(d.jobctl("show", 1).out))
        equal(list(shown), list(record))
        equal((shown["state"], shown["finished_at"], shown["error"]),
              ("failed", record["finished_at"], "exit_status: " + record["error"]["message"]))
        equal(json.loads(shown["result"]), record["result"])
        submit(d, "noop", "--hold")
        got = d.jobctl("show", "--json", 1, 99, 2, code=4)
        equal([json.loads(line)["id"] for line in got.out.splitlines()], [1, 2])
        equal(got.err, "jobctl: there is no job 99\n", "the id is said once")


@test("on a terminal: tables headed in capitals, coloured states, the history apart")
def _():
    with start() as d:
        d.jobctl("submit", "exec", "-n", "1", "-w", "--", "false", code=1)
        plain = on_terminal("-H", d.address, "list", env={"NO_COLOR": "1"})
        check(re.match(r"ID +STATE +REASON +TYPE", plain.strip()), plain)
        check("\033[" not in plain, "NO_COLOR: " + plain)
        check("\033[31mfailed" in on_terminal("-H", d.address, "list"), "failed is not red")
        check("\033[" not in on_terminal("-H", d.address, "list", "--color=never"))
        check("\t\033[31mfailed\033[0m\t" in d.jobctl("list", "--color=always").out, "--color=always in a pipe")
        check("\033[" not in d.jobctl("list").out)
        check("\033[" not in on_terminal("-H", d.address, "list", env={"TERM": "dumb"}))
        shown = on_terminal("-H", d.address, "show", 1, "--color=never")
        check(re.search(r"^STATE +failed", shown, re.M) and re.search(r"^ATTEMPT +STARTED_AT +FINISHED_AT +OUTCOME", shown, re.M), shown)
        check(re.search(r"^SUBMITTED_AT +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\r?$", shown, re.M), shown)
        equal(json.loads(on_terminal("-H", d.address, "show", 1, "--json"))["id"], 1)


@test("what a job says cannot steer the reader's terminal")
def _():
    with start() as d:
        d.jobctl("submit", "noop", "--hold", "-t", "x=\033[2Jgone\u009b2J")
        check("\033[2J" not in on_terminal("-H", d.address, "list", "-o", "id,tags.x", "--color=never"))
        got = d.jobctl("submit", "\033[2Jevil", code=4)
        check("\033" not in got.err, repr(got.err))
        got = subprocess.run([JOBCTL, b"\xc3\xa4\xff\xe2\x82x\x9b"], capture_output=True)
        check(b'there is no command "\xc3\xa4???x?"' in got.stderr, got.stderr)


# ---- waiting and changing ----

@test("wait is 0 where all succeeded, 1 where one did not, 5 when the time is up")
def _():
    with start() as d:
        good, bad = submit(d, "sleep", "seconds:=0.05"), submit(d, "exec", "-n", "1", "--", "false")
        equal(rows(d.jobctl("wait", good).out)[0][:2], [str(good), "succeeded"])
        got = d.jobctl("wait", good, bad, code=1)
        equal([r[1] for r in rows(got.out)], ["succeeded", "failed"])
        long = submit(d, "sleep", "seconds:=60")
        check(d.jobctl("wait", long, "--timeout", "50ms", code=5).err)
        d.jobctl("wait", long, "--timeout", "0", code=5)
        equal(rows(d.jobctl("wait", long, "--for", "started").out)[0][1], "running")
        equal(json.loads(d.jobctl("wait", good, "--json").out)["state"], "succeeded")
        d.jobctl("wait", 99, code=4)


@test("wait takes more jobs than one request may name")
def _():
    with start() as d, d.client() as c:
        ids = [job["id"] for job in c.call("job.submit_many", jobs=[{"type": "noop"}] * 1500)["jobs"]]
        equal([r[:2] for r in rows(d.jobctl("wait", *ids, "--timeout", "1m").out)], [[str(id), "succeeded"] for id in ids])
        failed = submit(d, "exec", "-n", "1", "--", "false")
        equal(len(d.jobctl("wait", failed, *ids, code=1).out.splitlines()), 1501)


@test("cancel, retry, hold, release and delete take several ids, and go on past a refused one")
def _():
    with start() as d:
        a, b = submit(d, "sleep", "seconds:=60"), submit(d, "sleep", "seconds:=60", "--delay", "1h")
        equal([r[:2] for r in rows(d.jobctl("hold", b).out)], [[str(b), "held"]])
        equal([r[:2] for r in rows(d.jobctl("release", b).out)], [[str(b), "scheduled"]])
        got = d.jobctl("cancel", a, 99, b, code=4)
        equal([r[:2] for r in rows(got.out)], [[str(a), "cancelled"], [str(b), "cancelled"]])
        equal(got.err, "jobctl: there is no job 99\n")
        equal(d.jobctl("cancel", a, code=4).err, "jobctl: job %d is cancelled\n" % a, "a final job: conflict")
        check(rows(d.jobctl("retry", a).out)[0][1] in ("ready", "running"))
        d.jobctl("cancel", a)
        equal(d.jobctl("delete", a, b).out, "%d\n%d\n" % (a, b))
        d.jobctl("show", a, code=4)


@test("more ids than one window holds are all done, in order")
def _():
    with start() as d, d.client() as c:
        c.call("job.submit_many", jobs=[{"type": "noop", "hold": True}] * 700)
        got = d.jobctl("cancel", *range(1, 701))
        equal([r[0] for r in rows(got.out)], [str(n) for n in range(1, 701)])


# ---- queues and the daemon ----

@test("queues are listed, shown, paused and resumed")
def _():
    with start() as d:
        equal(rows(d.jobctl("queue", "pause", "mail").out)[0][:2], ["mail", "true"])
        id = submit(d, "noop", "-Q", "mail")
        shown = dict(rows(d.jobctl("queue", "show", "mail").out))
        equal((shown["name"], shown["paused"], json.loads(shown["counts"])["ready"]), ("mail", "true", 1))
        listed = {r[0]: r for r in rows(d.jobctl("queue", "list").out)}
        equal((listed["mail"][1], listed["mail"][6]), ("true", "1"))
        equal(json.loads(d.jobctl("queue", "list", "--json").out.splitlines()[0]).keys() >= {"name", "paused", "counts"}, True)
        equal(rows(d.jobctl("queue", "resume", "mail").out)[0][:2], ["mail", "false"])
        d.jobctl("wait", id)
        check("A-Z a-z 0-9" in d.jobctl("queue", "pause", "a b", code=4).err)


@test("status, ping, drain, resume and reload")
def _():
    with start() as d:
        status = dict(rows(d.jobctl("status").out))
        equal((status["pid"], status["draining"], status["counts.ready"]), (str(d.pid), "false", "0"))
        check("store.path" in status and "loop.lag_ms" in status and "pool.processes" in status, status)
        equal(json.loads(d.jobctl("status", "--json").out)["pid"], d.pid)
        check(re.search(r"^LAG_MS ", on_terminal("-H", d.address, "status", "--color=never"), re.M))
        check(re.match(r"jobd \S+ at %s answers in [\d.]+ ms\n" % re.escape(d.address), d.jobctl("ping").out))
        check(json.loads(d.jobctl("ping", "--json").out)["now"])
        d.jobctl("drain")
        id = submit(d, "noop")
        equal(rows(d.jobctl("list", "-o", "state,reason").out), [["ready", "draining"]])
        equal(json.loads(d.jobctl("resume", "--json").out), {"draining": False})
        d.jobctl("wait", id)
        d.jobctl("reload")


@test("a reader that has had enough is no error; a full disk is")
def _():
    with start() as d, d.client() as c:
        c.call("job.submit_many", jobs=[{"type": "noop", "hold": True}] * 3000)
        process = d.jobctl_start("list", "--all")
        equal(process.stdout.readline()[:4], "3000")
        process.stdout.close()
        equal((process.wait(), process.stderr.read()), (0, ""))
        process.stderr.close()
        for words in ["list --all", "list --all --json", "show 7", "show 7 --json", "status", "status --json", "queue list",
                      "queue show default", "count", "ping", "hold 7 --json", "logs 7 8", "submit noop --hold", "help run"]:
            with open("/dev/full", "w") as full:
                process = subprocess.run([JOBCTL, "-H", d.address, *words.split()], stdout=full, stderr=subprocess.PIPE, text=True)
            said = "jobctl: job 7:\njobctl: job 8:\n" if words == "logs 7 8" else FULL
            equal((process.returncode, process.stderr), (0 if said != FULL else 1, said), words)


@test("a stream that is closed is no way into the connection to the daemon")
def _():
    with start() as d:
        submit(d, "noop", "--hold", "-t", "x=y")
        for closed, code in [(">&-", 1), ("<&- >&-", 1), ("<&-", 0), ("2>&-", 0), ("<&- >&- 2>&-", 1)]:
            process = subprocess.run(["sh", "-c", '"$0" -H "$1" list --json ' + closed, JOBCTL, d.address], capture_output=True, text=True)
            equal(process.returncode, code, closed)
            equal("Bad file descriptor" in process.stderr, code == 1 and "2>" not in closed, closed)
        smuggled = '{"jsonrpc":"2.0","id":9,"method":"daemon.drain"}'
        for command in ["echo", "sh -c 'echo \"$1\"; exec sleep 600' sh"]:
            process = subprocess.run(["sh", "-c", '"$0" -H "$1" run %s "$2" >&-' % command, JOBCTL, d.address, smuggled], capture_output=True, text=True)
            equal((process.returncode, process.stderr), (125, "jobctl: the output could not be written: Bad file descriptor\n"))
        check(not json.loads(d.jobctl("status", "--json").out)["draining"], "what a job printed was a request")


@test("a daemon that stops while jobctl waits is 3")
def _():
    with start() as d:
        id = submit(d, "sleep", "seconds:=60")
        process = d.jobctl_start("wait", id)
        with d.client() as c:
            eventually(lambda: c.call("daemon.status")["requests"]["in_flight"] >= 2, "the wait arrived")
        d.kill9()
        out, err = process.communicate()
        equal((process.returncode, out), (3, ""), err)
        check("closed the connection" in err or "broke" in err, err)


main()
