"""kill -9 of pool processes: each takes its own attempt with it, and nothing else."""

import os
import re
import signal
import threading

from jobdlook import children, sound, with_mark
from jobdtest import Daemon, alive, check, equal, eventually, main, tempdir, test

AT_ONCE = {"base": 0, "jitter": 0}


def idle_pool(c, n):
    eventually(lambda: c.call("daemon.status")["pool"]["idle"] == n, "%d idle processes" % n)


def worker_of(c, id):
    """The pid of the process that runs it: the parent of its command."""
    pid = int(eventually(lambda: c.call("job.output", id=id, stream="stdout")["data"], "the command's pid"))
    with open("/proc/%d/stat" % pid) as stat:
        return pid, int(stat.read().rsplit(")", 1)[1].split()[1])


LONG = "echo $$; if test $JOBD_ATTEMPT = 1; then sleep 1000; fi"


@test("one dies under its job: that attempt is lost and tried again; the other goes on")
def _():
    with Daemon("pool.processes=2") as d, d.client() as c:
        idle_pool(c, 2)
        victim, other = (c.call("job.submit", type="exec", args={"command": LONG}, retry=AT_ONCE)["id"] for _ in range(2))
        command, worker = worker_of(c, victim)
        _, other_worker = worker_of(c, other)
        check(worker in children(d.pid) and other_worker in children(d.pid) and worker != other_worker)
        os.kill(worker, signal.SIGKILL)
        job = sound(c.call("job.wait", id=victim, timeout=60))
        equal((job["state"], [entry["outcome"] for entry in job["history"]]), ("succeeded", ["failed", "succeeded"]))
        equal(job["history"][0]["error"]["reason"], "worker_lost")
        check(not alive(command), "its command outlived it")
        job = sound(c.call("job.get", id=other))
        equal((job["state"], job["attempt"]), ("running", 1))
        check(alive(other_worker))
        idle_pool(c, 1)
        equal(c.call("daemon.status")["pool"]["died"], 1)
        equal(c.call("job.cancel", id=other)["state"], "cancelled")


@test("a job at its last attempt fails as worker_lost")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        id = c.call("job.submit", type="exec", args={"command": LONG}, retry={"max_attempts": 1})["id"]
        os.kill(worker_of(c, id)[1], signal.SIGKILL)
        job = sound(c.call("job.wait", id=id, timeout=60))
        equal((job["state"], job["attempt"], job["error"]["reason"]), ("failed", 1, "worker_lost"))
        equal(c.call("job.submit", type="noop", wait=60)["state"], "succeeded")


@test("interrupted: fail is not run again")
def _():
    told = os.path.join(tempdir(), "told")
    with Daemon("pool.processes=1") as d, d.client() as c:
        id = c.call("job.submit", type="exec", args={"command": "echo x >> %s; %s" % (told, LONG)}, interrupted="fail", retry=AT_ONCE)["id"]
        os.kill(worker_of(c, id)[1], signal.SIGKILL)
        job = sound(c.call("job.wait", id=id, timeout=60))
        equal((job["state"], job["attempt"], job["error"]["reason"]), ("failed", 1, "worker_lost"))
        with open(told) as f:
            equal(f.read(), "x\n")


@test("what its command started, grandchildren too, is gone before the next attempt")
def _():
    mark = "jobd-worker9-%d" % os.getpid()
    first = "(trap '' TERM HUP; sleep 1000 & exec sleep 1000) & trap '' TERM HUP; echo $$; sleep 1000"
    command = "if test $JOBD_ATTEMPT = 1; then %s; fi; grep -slz '^MARK=%s' /proc/[0-9]*/environ; true" % (first, mark)
    with Daemon("pool.processes=2") as d, d.client() as c:
        id = c.call("job.submit", type="exec", args={"command": command, "env": {"MARK": mark}}, retry=AT_ONCE)["id"]
        _, worker = worker_of(c, id)
        eventually(lambda: len(with_mark(mark)) >= 4, "the command and its children")
        old = set(with_mark(mark))
        os.kill(worker, signal.SIGKILL)
        job = sound(c.call("job.wait", id=id, timeout=60))
        equal((job["state"], job["attempt"]), ("succeeded", 2))
        seen = {int(pid) for pid in re.findall(r"/proc/(\d+)/", job["result"]["stdout"])}
        check(seen and not seen & old, "it began beside %r" % (seen & old))


@test("an idle one is replaced")
def _():
    with Daemon("pool.processes=2") as d, d.client() as c:
        idle_pool(c, 2)
        before = children(d.pid)
        os.kill(before[0], signal.SIGKILL)
        eventually(lambda: before[0] not in children(d.pid) and len(children(d.pid)) == 2, "a new one")
        idle_pool(c, 2)
        equal(c.call("job.submit", type="noop", wait=60)["state"], "succeeded")


@test("all at once, again and again: the pool comes back")
def _():
    with Daemon("pool.processes=3") as d, d.client() as c:
        for _ in range(3):
            idle_pool(c, 3)
            for pid in children(d.pid):
                os.kill(pid, signal.SIGKILL)
            equal(c.call("job.submit", type="exec", args={"command": "true"}, retry=AT_ONCE, wait=60)["state"], "succeeded")


@test("under a flood of short jobs: a kill costs one attempt at most, prefetched ones none, and all succeed")
def _():
    with Daemon("pool.processes=2") as d, d.client() as c:
        idle_pool(c, 2)
        done = threading.Event()
        kills = []

        def killer():
            while not done.wait(0.1) and len(kills) < 6:
                workers = children(d.pid)
                if workers:
                    try:
                        os.kill(workers[len(kills) % len(workers)], signal.SIGKILL)
                        kills.append(workers)
                    except ProcessLookupError:
                        pass
        thread = threading.Thread(target=killer)
        thread.start()
        ids = []
        try:
            while thread.is_alive():
                some = c.call("job.submit_many", jobs=[{"type": "noop", "retry": dict(AT_ONCE, max_attempts=20)}] * 500)["jobs"]
                ids += [job["id"] for job in some]
                jobs = c.call("job.wait", ids=ids[-500:], timeout=60)["jobs"]
                equal({job["state"] for job in jobs}, {"succeeded"})
        finally:
            done.set()
            thread.join()
        lost = 0
        for at in range(0, len(ids), 1000):
            for job in c.call("job.wait", ids=ids[at:at + 1000], timeout=0)["jobs"]:
                outcomes = [entry["outcome"] for entry in sound(job)["history"]]
                equal(outcomes, ["failed"] * (len(outcomes) - 1) + ["succeeded"])
                lost += len(outcomes) - 1
        print("# %d jobs, %d kills, %d attempts lost" % (len(ids), len(kills), lost))
        check(lost <= len(kills), "%d attempts were lost by %d kills" % (lost, len(kills)))
        eventually(lambda: c.call("daemon.status")["pool"]["idle"] == 2, "the pool is whole")


main()
