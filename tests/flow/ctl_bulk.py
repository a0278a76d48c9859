"""jobctl submit --file: many jobs, exactly up to the first bad line."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import tempfile
import termios

from jobdfake import talk
from jobdtest import JOBCTL, Daemon, check, equal, main, tempdir, test


def start(*options):
    return Daemon("shutdown.grace=0", *options)


def file(*lines):
    path = os.path.join(tempdir(), "jobs.jsonl")
    with open(path, "w") as out:
        out.write("".join(line + "\n" for line in lines))
    return path


def held(n):
    return [json.dumps({"type": "noop", "hold": True, "args": {"n": i}}) for i in range(n)]


def ids(text):
    return [int(line) for line in text.splitlines()]


@test("the ids are printed in the order of the lines")
def _():
    with start() as d, d.client() as c:
        got = d.jobctl("submit", "-f", file(*held(2000)))
        equal(ids(got.out), list(range(1, 2001)))
        check("2000 jobs submitted" in got.err, got.err)
        for n in [1, 500, 501, 1000, 2000]:
            equal(c.call("job.get", id=n)["args"], {"n": n - 1})


@test("stdin, blank lines, a lacking last newline and CRLF")
def _():
    with start() as d:
        got = d.jobctl("submit", "-f", "-", input="\n" + held(1)[0] + "\r\n \t\n" + held(1)[0])
        equal((ids(got.out), got.err), ([1, 2], "jobctl: 2 jobs submitted\n"))
        equal(d.jobctl("submit", "-f", "-", input=held(1)[0]).err, "jobctl: 1 job submitted\n")
        equal(d.jobctl("submit", "-f", "-", input="").out, "")
        equal(d.jobctl("submit", "-f", "-", input="\n\n").out, "")


@test("the options hold where a line does not say otherwise")
def _():
    with start() as d, d.client() as c:
        d.jobctl("submit", "-f", file('{"type": "noop", "hold": true}', '{"type": "noop", "hold": true, "queue": "own"}'),
                 "--queue", "bulk", "-t", "a=b")
        equal([(j["queue"], j["tags"]) for j in c.call("job.list", order="oldest")["jobs"]],
              [("bulk", {"a": "b"}), ("own", {"a": "b"})])


@test("a line that the daemon refuses is named; what is before it is submitted, nothing after it")
def _():
    for at in [1, 2, 250, 499, 500, 501, 502, 700, 900]:
        lines = held(900)
        lines[at - 1] = '{"type": "noop", "hold": true, "priority": 5000}'
        with start() as d, d.client() as c:
            got = d.jobctl("submit", "-f", file(*lines), code=4)
            equal(ids(got.out), list(range(1, at)), "line %d" % at)
            equal(c.call("job.count")["total"], at - 1)
            check('jobctl: line %d: "priority" must be' % at in got.err, got.err)


@test("so is one that is not JSON, not an object, or too deep")
def _():
    with start() as d:
        first = 1
        for bad, said in [("{", "it is not JSON"), ("[1]", "a job must be a JSON object"), ("5 5", "it is not JSON"),
                          ('{"type": "noop", "args": %s}' % ("[" * 62 + "]" * 62), ""),
                          ('{"type": "noop", "args": {"x": %s}}' % ("[" * 100 + "]" * 100), "it is not JSON"),
                          ('{"type": "noop", "type": "noop"}', "it is not JSON")]:
            lines = held(300) + [bad] + held(10)
            got = d.jobctl("submit", "-f", file(*lines), code=4)
            equal(ids(got.out), list(range(first, first + 300)), bad[:40])
            check("jobctl: line 301: " + said in got.err, got.err)
            first += 300


@test("a file that cannot be read is wrong usage, whatever went before it stays")
def _():
    with start() as d:
        got = d.jobctl("submit", "-f", d.dir, code=2)
        equal((got.out, got.err), ("", "jobctl: %s: not read beyond line 0: Is a directory\njobctl: 0 jobs submitted\n" % d.dir))


@test("numbers count every line, blank ones too")
def _():
    with start() as d:
        got = d.jobctl("submit", "-f", file("", held(1)[0], "", "nonsense"), code=4)
        check("line 4: " in got.err, got.err)


@test("a line too long for the daemon is named, wherever it stands")
def _():
    with start("limits.message_bytes=20000") as d, d.client() as c:
        lines = held(1500)
        lines[1200] = json.dumps({"type": "noop", "hold": True, "args": {"x": "y" * 30000}})
        got = d.jobctl("submit", "-f", file(*lines), code=4)
        equal(ids(got.out), list(range(1, 1201)))
        check("line 1201: " in got.err and "limits.message_bytes" in got.err, got.err)
        equal(c.call("job.count")["total"], 1200)


@test("a full daemon ends it after what there was room for")
def _():
    with start("limits.jobs=100") as d:
        got = d.jobctl("submit", "-f", file(*held(300)), code=4)
        equal(len(ids(got.out)), 100)
        check("line 101: " in got.err and "limits.jobs" in got.err, got.err)


@test("--json prints the answers; --quiet leaves only them")
def _():
    with start() as d:
        got = d.jobctl("--json", "-q", "submit", "-f", file(*held(3)))
        equal([json.loads(line)["state"] for line in got.out.splitlines()], ["held"] * 3)
        equal(got.err, "")


@test("a bar on a terminal, off it nothing but the last word")
def _():
    with start() as d:
        ours, theirs = pty.openpty()
        path = file(*held(60000))
        with tempfile.TemporaryFile() as out:    # not a pipe: nobody reads it while the terminal is read
            process = subprocess.Popen([JOBCTL, "-H", d.address, "submit", "-f", path], stdout=out, stderr=theirs)
            os.close(theirs)
            seen = talk(ours, "")
            equal(process.wait(), 0)
            out.seek(0)
            equal(len(out.read().splitlines()), 60000)
        check(re.search(r"\r\x1b\[K\[=*> *\] +\d+ % \d+ jobs, \d+/s", seen), seen[-300:])
        check(seen.endswith("jobctl: 60000 jobs submitted\r\n"), seen[-100:])


@test("on a narrow terminal the bar stays on its line")
def _():
    with start() as d:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 12, 0, 0))
        process = subprocess.Popen([JOBCTL, "-H", d.address, "submit", "-f", file(*held(2000))], stdout=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        seen = talk(ours, "")
        equal(process.wait(), 0)
        drawn = seen.split("\r\x1b[K")[1:-1]
        check("%" in seen and all(len(line) < 12 for line in drawn), seen)


@test("a daemon that dies meanwhile leaves it told which lines are in doubt")
def _():
    with start() as d:
        process = d.jobctl_start("submit", "-f", "-", stdin=subprocess.PIPE)
        process.stdin.write("".join(line + "\n" for line in held(500)))
        process.stdin.flush()
        d.kill9()
        try:
            process.stdin.write("".join(line + "\n" for line in held(1000)))
        except BrokenPipeError:
            pass
        out, err = process.communicate()
        check(process.returncode == 3 and re.search(r"lines \d+ to \d+ may have been submitted or not: ", err) or "no jobd answers" in err, err)
        check(len(ids(out)) in (0, 500), out[-100:])


@test("a line may name those before it by their refs, however many lines lie between")
def _():
    with Daemon("shutdown.grace=0") as d:
        path = os.path.join(d.dir, "jobs")
        jobs = [{"type": "noop", "ref": "root", "hold": True}]
        for n in range(1200):
            jobs.append({"type": "noop", "ref": "n%d" % n, "after": ["root"] if n == 0 else ["n%d" % (n - 1), "root"]})
        jobs.append({"type": "noop", "after": ["n1199", 1]})
        with open(path, "w") as out:
            out.writelines(json.dumps(job) + "\n" for job in jobs)
        ids = [int(id) for id in d.jobctl("submit", "-f", path).out.split()]
        equal(len(ids), 1202)
        with d.client() as c:
            equal(c.call("job.get", id=ids[-1])["after"], [ids[-2], 1])
            equal(sorted(c.call("job.get", id=ids[601])["after"]), [ids[0], ids[600]])
        d.jobctl("release", ids[0])
        equal(d.jobctl("wait", ids[-1]).out.split("\t")[1], "succeeded")


@test("results of lines before are taken by their refs, and what only looks so is left as it is")
def _():
    with Daemon("shutdown.grace=0") as d:
        path = os.path.join(d.dir, "jobs")
        looks = {"$literal": {"$result": "a"}}
        jobs = [{"type": "noop", "ref": "a", "args": {"x": [1, 2]}}] + [{"type": "noop", "args": {}}] * 600 + [
            {"type": "noop", "after": ["a"], "args": {"deep": [{"in": {"$result": "a", "pointer": "/x/1"}}], "looks": looks}}]
        with open(path, "w") as out:
            out.writelines(json.dumps(job) + "\n" for job in jobs)
        last = d.jobctl("submit", "-f", path).out.split()[-1]
        d.jobctl("wait", last)
        equal(json.loads(d.jobctl("show", last, "--json").out)["result"], {"deep": [{"in": 2}], "looks": {"$result": "a"}})


@test("a line before a bad one has its id for those behind it; a ref is one line's")
def _():
    with Daemon("shutdown.grace=0") as d:
        path = os.path.join(d.dir, "jobs")
        def submitted(jobs, code):
            with open(path, "w") as out:
                out.writelines(json.dumps(job) + "\n" for job in jobs)
            return d.jobctl("submit", "-f", path, code=code)
        good = [{"type": "noop", "hold": True, "ref": "r%d" % n, "after": ["r%d" % (n - 1)] if n else []} for n in range(10)]
        got = submitted(good + [{"type": "noop", "after": ["nobody"]}] + [{"type": "noop"}], 4)
        equal(len(got.out.split()), 10)
        check("line 11" in got.err and "nobody" in got.err, got.err)
        got = submitted(good + [{"type": "noop", "ref": "r3"}], 4)
        equal(len(got.out.split()), 10)
        check('line 11: the ref "r3" is an earlier line\'s' in got.err, got.err)


@test("a ref of a line behind is refused by the line that names it, wherever in the file it stands")
def _():
    with Daemon("shutdown.grace=0") as d:
        path = os.path.join(d.dir, "jobs")
        def refused(jobs, line, ref):
            with open(path, "w") as out:
                out.writelines(json.dumps(job) + "\n" for job in jobs)
            got = d.jobctl("submit", "-f", path, code=4)
            equal(len(got.out.split()), line - 1)
            check('line %d: "after" names "%s", which is the ref of no line before this one' % (line, ref) in got.err, got.err)
        plain = {"type": "noop", "hold": True}
        refused([dict(plain, after=["b"]), dict(plain, ref="b")], 1, "b")
        refused([dict(plain, ref="a"), dict(plain, after=["a", "b"]), dict(plain, ref="b"), {"type": "nonsense"}], 2, "b")
        refused([plain] * 499 + [dict(plain, after=["b"]), dict(plain, ref="b")], 500, "b")
        refused([dict(plain, ref="self", after=["self"])], 1, "self")
        refused([dict(plain, ref="a", after=["b"]), dict(plain, ref="b", after=["a"])], 1, "b")


main()
