"""jobctl run: a command as a job behaves as the command itself would."""

import json
import os
import signal
import subprocess

from jobdtest import JOBCTL, PATIENCE, Daemon, alive, check, equal, eventually, main, tempdir, test


def start(*options):
    return Daemon("shutdown.grace=0", *options)


def running(d):
    """A jobctl run's job runs: its id."""
    with d.client() as c:
        return eventually(lambda: c.call("job.list", state="running")["jobs"], "a job runs")[0]["id"]


def read_line(stream, wanted):
    equal(stream.readline(), wanted)


@test("each stream goes where it belongs, and the exit code is the command's")
def _():
    with start() as d:
        got = d.jobctl("run", "sh", "-c", "echo out; echo err >&2; exit 7", code=7)
        equal((got.out, got.err), ("out\n", "err\n"))
        equal(d.jobctl("run", "true").out, "")
        equal(d.jobctl("run", "--", "sh", "-c", "exit 255", code=255).err, "")
        record = json.loads(d.jobctl("show", 1, "--json").out)
        equal((record["type"], record["max_attempts"], record["history"][0]["attempt"]), ("exec", 1, 1))


@test("options end at the command's first word")
def _():
    with start() as d:
        equal(d.jobctl("run", "echo", "-n", "--queue", "x").out, "--queue x")
        equal(d.jobctl("run", "-Q", "mine", "--priority", "3", "echo", "x", "-q").out, "x -q\n")
        record = json.loads(d.jobctl("show", 2, "--json").out)
        equal((record["queue"], record["priority"]), ("mine", 3))


@test("the command runs in the caller's directory, or in --cwd, with the environment it is given")
def _():
    with start() as d:
        here = os.path.realpath(tempdir())
        equal(d.jobctl("run", "pwd", cwd=here).out, here + "\n")
        equal(d.jobctl("run", "-C", "..", "pwd", cwd=here).out, os.path.dirname(here) + "\n")
        equal(d.jobctl("run", "-e", "A=1", "--env", "B=x y", "sh", "-c", 'echo "$A,$B,$C"', env={"C": "lost"}).out, "1,x y,\n")
        check("No such file" in d.jobctl("run", "-C", "/nonexistent", "pwd", code=125).err)


@test("stdin is passed with --stdin only")
def _():
    with start() as d:
        equal(d.jobctl("run", "cat", input="hidden").out, "")
        equal(d.jobctl("run", "--stdin", "cat", input="seen\n\u00e4\n").out, "seen\n\u00e4\n")
        equal(d.jobctl("run", "-i", "wc", "-c", input="").out, "0\n")
        check("more than" in d.jobctl("run", "-i", "wc", "-c", input="x" * 600000, code=125).err)
        directory = os.open(d.dir, os.O_RDONLY)
        got = d.jobctl("run", "-i", "cat", stdin=directory, code=125)
        os.close(directory)
        equal(got.err, "jobctl: stdin cannot be read: Is a directory\n")


@test("a signal is 128+n, a timeout 124, a command that is not there 125")
def _():
    with start("pool.kill_grace=0.1") as d:
        for name, number in [("KILL", 9), ("SEGV", 11), ("USR1", 10)]:
            d.jobctl("run", "sh", "-c", "kill -%s $$" % name, code=128 + number)
        got = d.jobctl("run", "--timeout", "0.2", "sleep", "60", code=124)
        check("timeout" in got.err, got.err)
        got = d.jobctl("run", "/nonexistent/program", code=125)
        check("/nonexistent/program" in got.err, got.err)


@test("refused, cancelled and expired are 125, with the reason")
def _():
    with start() as d:
        check("priority" in d.jobctl("run", "--priority", "5000", "true", code=125).err)
        process = d.jobctl_start("run", "sleep", "60")
        d.jobctl("cancel", running(d))
        out, err = process.communicate()
        equal((process.returncode, out, "cancelled" in err), (125, "", True), err)
        d.jobctl("drain")
        check("expired" in d.jobctl("run", "--ttl", "100ms", "true", code=125).err)


@test("output appears as it comes, before the command ends")
def _():
    with start() as d:
        gate = os.path.join(tempdir(), "gate")
        os.mkfifo(gate)
        process = d.jobctl_start("run", "sh", "-c", "echo first; cat %s >/dev/null; echo second" % gate)
        read_line(process.stdout, "first\n")
        open(gate, "w").close()
        read_line(process.stdout, "second\n")
        equal((process.stdout.read(), process.wait()), ("", 0))
        process.stdout.close(), process.stderr.close()


@test("a lot of output arrives whole, once, in order")
def _():
    with start() as d:
        got = d.jobctl("run", "sh", "-c", "seq 200000; seq 100000 >&2")
        equal(got.out, "".join("%d\n" % n for n in range(1, 200001)))
        equal(got.err, "".join("%d\n" % n for n in range(1, 100001)))


@test("bytes that are not text arrive as they are")
def _():
    with start() as d:
        script = "import os; os.write(1, bytes(range(256)) * 300); os.write(2, b'\\xff\\x00\\xfe')"
        got = subprocess.run([JOBCTL, "-H", d.address, "run", "python3", "-c", script], capture_output=True)
        equal((got.returncode, got.stdout, got.stderr), (0, bytes(range(256)) * 300, b"\xff\x00\xfe"))


@test("Ctrl-C cancels the job, stops the command and is 125")
def _():
    with start() as d:
        for number in [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]:
            process = d.jobctl_start("run", "sh", "-c", "echo $$; exec sleep 60")
            pid = int(process.stdout.readline())
            process.send_signal(number)
            out, err = process.communicate()
            equal((process.returncode, out), (125, ""), err)
            check("cancelled" in err, err)
            check(not alive(pid), "the command still runs")
        equal([r.split("\t")[1] for r in d.jobctl("list").out.splitlines()], ["cancelled"] * 3)


@test("a second Ctrl-C leaves at once; the job is stopped all the same")
def _():
    with start("pool.kill_grace=1000") as d:
        gate = os.path.join(tempdir(), "gate")
        os.mkfifo(gate)
        # Told to end, it does not before the gate opens.
        process = d.jobctl_start("run", "sh", "-c", "trap 'read line < %s; exit' TERM; echo up; while :; do sleep 0.05; done" % gate)
        read_line(process.stdout, "up\n")
        process.send_signal(signal.SIGINT)
        read_line(process.stderr, "jobctl: cancelling the job; once more leaves without waiting for its end\n")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        equal((process.returncode, "left before job 1 was over" in err), (125, True), err)
        equal(json.loads(d.jobctl("show", 1, "--json").out)["state"], "running")
        open(gate, "w").close()
        equal(d.jobctl("wait", 1, code=1).out.split("\t")[1], "cancelled")


@test("a reader that goes away stops the command")
def _():
    with start() as d:
        process = d.jobctl_start("run", "sh", "-c", "echo $$; exec yes")
        pid = int(process.stdout.readline())
        process.stdout.close()
        equal(process.wait(), 125)
        process.stderr.close()
        check(not alive(pid), "the command still runs")


@test("output that cannot be written stops the command, and the sentence says why")
def _():
    with start() as d:
        for words in [["sh", "-c", "echo $$; exec yes"], ["--json", "true"]]:
            with open("/dev/full", "w") as full:
                got = subprocess.run([JOBCTL, "-H", d.address, "run", *words], stdout=full, stderr=subprocess.PIPE, text=True)
            equal(got.returncode, 125)
            check("jobctl: the output could not be written: No space left on device\n" in got.stderr, got.stderr)
        with open("/dev/full", "w") as full:
            got = subprocess.run([JOBCTL, "-H", d.address, "run", "sh", "-c", "exec yes >&2"], stdout=subprocess.PIPE, stderr=full)
        equal((got.returncode, got.stdout), (125, b""))


@test("streams that do not wait get everything all the same")
def _():
    with start() as d:
        for stream, command in [("stdout", "seq 40000"), ("stderr", "seq 40000 >&2")]:
            ours, theirs = os.pipe()
            os.set_blocking(theirs, False)
            process = subprocess.Popen([JOBCTL, "-H", d.address, "run", "sh", "-c", command], stdin=subprocess.DEVNULL, **{stream: theirs})
            os.close(theirs)
            with open(ours) as reader:
                equal(reader.read(), "".join("%d\n" % n for n in range(1, 40001)), stream)
            equal(process.wait(), 0)


@test("with a unique key it follows the job that is there; retries are shown one after the other")
def _():
    with start() as d:
        gate = os.path.join(tempdir(), "gate")
        os.mkfifo(gate)
        first = d.jobctl_start("run", "-u", "k", "sh", "-c", "echo one; read line < %s; echo two; exit 3" % gate)
        read_line(first.stdout, "one\n")
        second = d.jobctl_start("run", "-u", "k", "sh", "-c", "echo never")
        check("job 1 is there already" in second.stderr.readline())
        open(gate, "w").close()
        equal((second.communicate()[0], second.returncode), ("one\ntwo\n", 3))
        equal((first.communicate()[0], first.returncode), ("two\n", 3))
        other = d.jobctl("submit", "sleep", "seconds:=0.1", "-u", "other", "--hold").out.strip()
        second = d.jobctl_start("run", "-u", "other", "sh", "-c", "exit 4")
        check("job %s is there already" % other in second.stderr.readline())
        d.jobctl("release", other)
        equal((second.communicate()[0], second.returncode), ("", 0))
        got = d.jobctl("run", "-n", "3", "--backoff-base", "10ms", "sh", "-c", "echo $JOBD_ATTEMPT; exit 5", code=5)
        equal(got.out, "1\n2\n3\n")


@test("--json gives the record instead of the output")
def _():
    with start() as d:
        got = d.jobctl("run", "--json", "sh", "-c", "echo out; exit 4", code=4)
        record = json.loads(got.out)
        equal((record["result"]["exit_code"], record["result"]["stdout"], got.err), (4, "out\n", ""))


@test("many at once each get their own")
def _():
    with start() as d:
        all = [d.jobctl_start("run", "sh", "-c", "seq %d %d; exit %d" % (n, n + 2000, n)) for n in range(16)]
        for n, process in enumerate(all):
            out, err = process.communicate()
            equal((process.returncode, out), (n, "".join("%d\n" % i for i in range(n, n + 2001))), err)


@test("a daemon that dies under it is 125")
def _():
    with start() as d:
        process = d.jobctl_start("run", "sh", "-c", "echo up; exec sleep 60")
        read_line(process.stdout, "up\n")
        d.kill9()
        out, err = process.communicate()
        equal((process.returncode, out), (125, ""), err)
        check(err.startswith("jobctl: job 1: "), err)


main()
