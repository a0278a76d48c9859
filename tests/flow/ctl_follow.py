"""jobctl logs and watch."""

import json
import os
import re
import select
import signal

from jobdtest import Daemon, check, equal, eventually, main, tempdir, test


def start(*options):
    return Daemon("shutdown.grace=0", *options)


def submit(d, *words):
    return int(d.jobctl("submit", *words).out)


@test("logs shows each stream on its own, of any attempt")
def _():
    with start() as d:
        id = submit(d, "exec", "-n", "2", "--backoff-base", "10ms", "--", "sh", "-c", "echo out$JOBD_ATTEMPT; echo err$JOBD_ATTEMPT >&2; exit 1")
        d.jobctl("wait", id, code=1)
        got = d.jobctl("logs", id)
        equal((got.out, got.err), ("out2\n", "err2\n"))
        got = d.jobctl("logs", id, "--attempt", "1", "--stream", "stderr")
        equal((got.out, got.err), ("", "err1\n"))
        equal(d.jobctl("logs", id, "--stream=stdout").err, "")
        check("2 attempts" in d.jobctl("logs", id, "--attempt", "3", code=4).err)
        once = submit(d, "noop", "-w")
        check("has had 1 attempt so far" in d.jobctl("logs", once, "--attempt", "2", code=4).err)
        d.jobctl("logs", 99, code=4)
        other = submit(d, "exec", "-w", "--", "echo", "other")
        got = d.jobctl("logs", other, 99, id, "--stream", "stdout", code=4)
        equal(got.out, "other\nout2\n")
        check(got.err.startswith("jobctl: job %d:\njobctl: job 99:\njobctl: " % other), got.err)


@test("logs of a job that has not started is empty")
def _():
    with start() as d:
        got = d.jobctl("logs", submit(d, "exec", "--hold", "--", "true"))
        equal((got.out, got.err), ("", ""))


@test("logs fetches page after page")
def _():
    with start() as d:
        id = submit(d, "exec", "-w", "--", "seq", "400000")
        equal(d.jobctl("logs", id).out, "".join("%d\n" % n for n in range(1, 400001)))


@test("logs --json names attempt, stream and offset of each piece")
def _():
    with start() as d:
        id = submit(d, "exec", "-w", "--", "sh", "-c", "echo out; printf '\\377' >&2")
        equal([json.loads(line) for line in d.jobctl("logs", "--json", id).out.splitlines()],
              [{"attempt": 1, "stream": "stdout", "offset": 0, "data": "out\n"},
               {"attempt": 1, "stream": "stderr", "offset": 0, "data_base64": "/w=="}])


@test("what was not kept is told")
def _():
    with start("limits.output_bytes=1000") as d:
        id = submit(d, "exec", "-w", "--", "seq", "10000")
        got = d.jobctl("logs", id)
        check(0 < len(got.out) <= 1000 and "stdout went on, but no more of it was kept" in got.err, (len(got.out), got.err))


@test("logs -f begins with what there was and goes on to the end, through retries")
def _():
    with start() as d:
        gate = os.path.join(tempdir(), "gate")
        os.mkfifo(gate)
        id = submit(d, "exec", "-n", "2", "--backoff-base", "10ms", "--", "sh", "-c",
                    "echo begin$JOBD_ATTEMPT; cat %s; echo end; [ $JOBD_ATTEMPT = 2 ]" % gate)
        eventually(lambda: d.jobctl("logs", id).out == "begin1\n", "the first line")
        process = d.jobctl_start("logs", "-f", id)
        equal(process.stdout.readline(), "begin1\n")
        with open(gate, "w") as out:
            out.write("one\n")
        equal([process.stdout.readline() for _ in range(3)], ["one\n", "end\n", "begin2\n"])
        with open(gate, "w") as out:
            out.write("two\n")
        equal(process.communicate()[0], "two\nend\n")
        equal(process.returncode, 0)


@test("logs -f of a job that is over ends; of one that waits it waits")
def _():
    with start() as d:
        id = submit(d, "exec", "-w", "--", "echo", "x")
        equal(d.jobctl("logs", "-f", id).out, "x\n")
        later = submit(d, "exec", "--hold", "--", "echo", "later")
        process = d.jobctl_start("logs", "-f", later)
        with d.client() as c:
            eventually(lambda: c.call("daemon.status")["requests"]["in_flight"] >= 2, "it waits")
        d.jobctl("release", later)
        equal(process.communicate()[0], "later\n")
        d.jobctl("logs", "-f", 99, code=4)


def until_seen(process, happen):
    """Makes things happen until the watcher tells of one (its subscription may still be on its way); that first line."""
    while True:
        happen()
        if select.select([process.stdout], [], [], 0.2)[0]:
            return process.stdout.readline()


@test("watch shows a line for each change, and Ctrl-C ends it with 0")
def _():
    with start() as d:
        process = d.jobctl_start("watch", "-Q", "probe,seen")
        until_seen(process, lambda: submit(d, "noop", "--hold", "-Q", "probe"))
        id = submit(d, "exec", "-n", "1", "-w", "-Q", "seen", "--", "true")
        lines = []
        while len(lines) < 3:
            line = process.stdout.readline().rstrip("\n").split("\t")
            if line[3] == "seen":
                lines.append(line)
        equal([line[1:6] for line in lines], [[str(id), "exec", "seen", state, attempt] for state, attempt in
                                              [("ready", "0"), ("running", "1"), ("succeeded", "1")]])
        check(lines[0][0].endswith("Z"), lines[0])
        process.send_signal(signal.SIGINT)
        equal(process.communicate()[0], "")
        equal(process.returncode, 0)


@test("watch filters, tells errors, and with --json gives the events")
def _():
    with start() as d:
        process = d.jobctl_start("watch", "--json", "--state", "failed", "--queue", "a,b", "--type", "exec")

        def happen():
            d.jobctl("submit", "noop", "-Q", "a", "-w")
            d.jobctl("submit", "exec", "-n", "1", "-Q", "a", "-w", "--", "true")
            d.jobctl("submit", "exec", "-n", "1", "-Q", "c", "-w", "--", "false", code=1)
            d.jobctl("submit", "exec", "-n", "1", "-Q", "b", "-w", "--", "false", code=1)
        first = until_seen(process, happen)
        process.send_signal(signal.SIGTERM)
        rest = process.communicate()[0].splitlines()    # where it was slow to tell, it happened again
        equal(process.returncode, 0)
        for event in map(json.loads, [first] + rest):
            equal((event["kind"], event["job"]["id"] % 4, event["job"]["state"], event["error"]["reason"]), ("state", 0, "failed", "exit_status"))


@test("watch --since tells first what has been, then what comes")
def _():
    with start() as d:
        ids = [submit(d, "noop", "--hold") for _ in range(3)]
        process = d.jobctl_start("watch", "--since", "0", "--json")
        events = [json.loads(process.stdout.readline()) for _ in range(3)]
        equal([event["job"]["id"] for event in events], ids)
        d.jobctl("cancel", ids[0])
        equal(json.loads(process.stdout.readline())["job"]["state"], "cancelled")
        process.send_signal(signal.SIGINT)
        process.communicate()
        process = d.jobctl_start("watch", "--since", events[1]["seq"])
        equal([process.stdout.readline().split("\t")[1] for _ in range(2)], [str(ids[2]), str(ids[0])])
        process.send_signal(signal.SIGINT)
        equal((process.communicate()[0], process.returncode), ("", 0))


@test("watch goes on over a daemon's restart, from the last event that it has shown")
def _():
    with start() as d:
        id = submit(d, "noop", "-w")
        process = d.jobctl_start("watch", "--json", "--since", "0")
        seen = [json.loads(process.stdout.readline()) for _ in range(3)]
        equal([event["job"]["state"] for event in seen], ["ready", "running", "succeeded"])
        for hard in (True, False):
            d.restart(hard=hard)
            d.jobctl("retry", id), d.jobctl("wait", id)
            again = [json.loads(process.stdout.readline()) for _ in range(3)]
            equal([event["job"]["state"] for event in again], ["ready", "running", "succeeded"])
            check(again[0]["seq"] > seen[-1]["seq"], (seen, again))
            seen = again
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
        equal((out, process.returncode), ("", 0), err)


@test("an event that is still to come is said to be")
def _():
    with start() as d:
        process = d.jobctl_start("watch", "--since", 1000000)
        check(re.fullmatch("jobctl: there is no event 1000000 yet: the latest is [0-9]+\n", process.stderr.readline()))
        process.send_signal(signal.SIGINT)
        process.communicate()


@test("watch ends when its reader goes away, and with 3 when the daemon does")
def _():
    with start() as d:
        id = submit(d, "noop", "-w")
        process = d.jobctl_start("watch", id)
        until_seen(process, lambda: (d.jobctl("retry", id), d.jobctl("wait", id)))
        process.stdout.close()
        while process.poll() is None:
            d.jobctl("retry", id), d.jobctl("wait", id)
        equal((process.wait(), process.stderr.read()), (0, ""))
        process.stderr.close()
        process = d.jobctl_start("watch")
        until_seen(process, lambda: (d.jobctl("retry", id), d.jobctl("wait", id)))
        d.kill9()
        process.communicate()
        equal(process.returncode, 3)


main()
