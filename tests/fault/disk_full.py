"""A full disk: what cannot be kept is refused, what was accepted is kept, and it heals when there is room again.

The state lies on a small tmpfs; without the right to mount one, all is skipped.
"""

import errno
import os
import socket
import subprocess

from jobdlook import sound
from jobdtest import Daemon, RpcError, check, equal, eventually, main, refused, skip, tempdir, test

MIB = 1 << 20


class SmallDisk:
    """A file system of so many MiB, and a file that fills it."""

    def __init__(self, mib):
        self.path = tempdir()
        self.ballast = os.path.join(self.path, "ballast")
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dm,mode=700" % mib, "jobdtest", self.path],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if mount.returncode != 0:
            skip("no tmpfs can be mounted here")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.path], check=True)
        return False

    def fill(self):
        """To the last byte."""
        with open(self.ballast, "ab", buffering=0) as f:
            for size in (MIB, 4096, 1):
                try:
                    while True:
                        f.write(b"\0" * size)
                except OSError as error:
                    equal(error.errno, errno.ENOSPC)

    def empty(self):
        os.unlink(self.ballast)


def try_submit(c, **members):
    """The id, or None where the disk did not take it."""
    try:
        return c.call("job.submit", **members)["id"]
    except RpcError as error:
        equal((error.reason, error.code), ("storage", -32010), error.message)
        return None


def submit_until_full(c, **members):
    """The ids of what was still accepted."""
    ids = []
    while (id := try_submit(c, **members)) is not None:
        ids.append(id)
        check(len(ids) < 100000, "it never became full")
    return ids


def daemon_on(disk, *options, **how):
    return Daemon("pool.processes=1", *options, state=disk.path, **how)


BIG = {"type": "noop", "args": {"text": "x" * 50000}, "hold": True}


@test("a submit that the disk does not take answers storage; what was accepted is kept; it heals")
def _():
    with SmallDisk(24) as disk, daemon_on(disk) as d, d.client() as c:
        ids = [c.call("job.submit", **BIG)["id"] for _ in range(10)]
        disk.fill()
        ids += submit_until_full(c, **BIG)
        print("# %d were accepted on a full disk's last room" % (len(ids) - 10))
        equal(try_submit(c, **BIG), None)
        refused("storage", c.call, "job.submit_many", jobs=[BIG] * 5)
        # Reading goes on as ever.
        equal(sound(c.call("job.get", id=ids[0]))["args"], BIG["args"])
        equal(c.call("job.count")["total"], len(ids))
        c.call("daemon.ping")
        disk.empty()
        ids.append(eventually(lambda: try_submit(c, **BIG), "room again"))
        eventually(lambda: c.call("daemon.status")["store"]["writable"], "the store says so")
        equal(sorted(job["id"] for job in c.call("job.list", limit=1000)["jobs"]), ids)
        for id in ids:
            c.call("job.release", id=id)
        for job in c.call("job.wait", ids=ids, timeout=60)["jobs"]:
            equal((job["state"], job["attempt"]), ("succeeded", 1))


@test("what runs meanwhile is recorded, at once or when there is room, and once")
def _():
    with SmallDisk(24) as disk, daemon_on(disk, "limits.io_jobs=50") as d, d.client() as c:
        fifo = os.path.join(tempdir(), "fifo")
        os.mkfifo(fifo)
        # They wait for a server, and end when it hangs up.
        server = socket.create_server(("127.0.0.1", 0))
        reads = {"host": "127.0.0.1", "port": server.getsockname()[1], "read_all": True}
        running = [c.call("job.submit", type="tcp", args=reads)["id"] for _ in range(20)]
        running.append(c.call("job.submit", type="exec", args={"command": "read line < %s; seq 20000; echo $line" % fifo})["id"])
        for id in running:
            c.call("job.wait", id=id, **{"for": "started"})
        eventually(lambda: c.call("daemon.status")["counts"]["running"] == 21, "all run, and the store knows")
        ends = [server.accept()[0] for _ in range(20)]
        disk.fill()
        submit_until_full(c, **BIG)
        for end in ends + [server]:
            end.close()
        with open(fifo, "w") as line:
            line.write("end\n")
        waiting = c.send("job.wait", ids=running, timeout=600)
        eventually(lambda: c.call("daemon.status")["io"]["running"] in range(21), "the daemon is there")
        disk.empty()
        for job in c.result(waiting)["jobs"]:
            equal((job["state"], sound(job)["attempt"], len(job["history"])), ("succeeded", 1, 1))
        out = c.call("job.output", id=running[-1], stream="stdout", limit=1 << 20)["data"]
        equal(out, "".join("%d\n" % n for n in range(1, 20001)) + "end\n")


@test("a cancel gets through on a full disk")
def _():
    with SmallDisk(24) as disk, daemon_on(disk) as d, d.client() as c:
        held = [c.call("job.submit", type="noop", hold=True)["id"] for _ in range(20)]
        running = c.call("job.submit", type="sleep", args={"seconds": 1000})["id"]
        eventually(lambda: c.call("daemon.status")["counts"]["running"] == 1, "it runs, and the store knows")
        disk.fill()
        submit_until_full(c, **BIG)
        for id in held + [running]:
            equal(c.call("job.cancel", id=id)["state"], "cancelled")
        # And makes no room for others' submits.
        equal(try_submit(c, **BIG), None)
        disk.empty()
        eventually(lambda: try_submit(c, **BIG), "room again")


@test("what was ready when it became full runs once there is room, each once")
def _():
    with SmallDisk(24) as disk, daemon_on(disk, "limits.io_jobs=5", "pool.processes=1") as d, d.client() as c:
        c.call("queue.pause", name="p")
        ids = [c.call("job.submit", type="noop", queue="p")["id"] for _ in range(500)]
        disk.fill()
        submit_until_full(c, **BIG)
        submit_until_full(c, type="noop", hold=True)
        try:
            c.call("queue.resume", name="p")
        except RpcError as error:
            equal(error.reason, "storage")
        c.call("daemon.ping")
        disk.empty()
        eventually(lambda: try_submit(c, **BIG), "room again")
        c.call("queue.resume", name="p")
        for job in c.call("job.wait", ids=ids, timeout=60)["jobs"]:
            equal((job["state"], len(sound(job)["history"])), ("succeeded", 1))


@test("kill -9 on a full disk: the next start has all that was accepted")
def _():
    with SmallDisk(24) as disk:
        d = daemon_on(disk)
        with d.client() as c:
            ids = [c.call("job.submit", **BIG)["id"] for _ in range(10)]
            disk.fill()
            ids += submit_until_full(c, **BIG)
        d.kill9()
        # On a disk still full it may start or say that it cannot; either way nothing is lost.
        d.start(wait=False)
        try:
            d.wait_log("listening on unix", 20)
            with d.client() as c:
                equal(c.call("job.count")["total"], len(ids))
        except AssertionError:
            check(d.wait() == 1, d.log())
            print("# the start on a full disk was refused: " + (d.log().splitlines() or [""])[-1])
        d.kill9()
        disk.empty()
        d.start()
        with d.client() as c:
            equal([job["id"] for job in c.call("job.list", order="oldest", limit=1000)["jobs"]], ids)
            eventually(lambda: try_submit(c, **BIG), "room again")
        d.stop()


@test("8 MiB suffice to start, and to work")
def _():
    with SmallDisk(8) as disk, daemon_on(disk) as d, d.client() as c:
        for _ in range(20):
            equal(c.call("job.submit", type="exec", args={"command": "echo x"}, wait=60)["state"], "succeeded")


@test("no room at all to start: exit 1 and a sentence")
def _():
    with SmallDisk(2) as disk:
        disk.fill()
        d = daemon_on(disk, start=False)
        d.unix = os.path.join(tempdir(), "s")
        d.start(wait=False)
        log = d.ends(1)
        check(disk.path in log, log)


main()
