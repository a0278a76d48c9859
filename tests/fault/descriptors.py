"""Out of descriptors: the loop does not spin, who is connected is served, jobs that need one wait or fail with a word, and it heals.

The limit is set on the running daemon, a few descriptors above what it has open, and connections take those.
"""

import os
import resource
import select
import signal
import socket
import threading

from jobdlook import children, sound
from jobdtest import PATIENCE, Client, Daemon, check, equal, eventually, main, test

SPARE = 20          # descriptors left when the limit is set
CROWD = 60          # connections that come for them
SOON = {"max_attempts": 100, "backoff": "constant", "base": 0.05, "jitter": 0}


def open_files(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def highest_file(pid):
    return max(int(fd) for fd in os.listdir("/proc/%d/fd" % pid))


def limit_files(pid, n):
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (n, resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]))


class Crowd:
    """Connections to both of the daemon's sockets, more than it can take; gone when the block ends."""

    def __init__(self, daemon):
        limit_files(daemon.pid, highest_file(daemon.pid) + 1 + SPARE)
        self.sockets = []
        for n in range(CROWD):
            if n % 2:
                self.sockets.append(socket.create_connection(daemon.tcp))
            else:
                self.sockets.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                self.sockets[-1].connect(daemon.unix)
            self.sockets[-1].settimeout(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.leave()
        return False

    def leave(self):
        for one in self.sockets:
            one.close()
        self.sockets = []


class Web:
    """Answers each connection with a small page."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d/" % self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client, _ = self.listener.accept()
            with client:
                client.recv(4096)
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")


def crowded(d):
    d.wait_log("cannot accept connections for now: Too many open files")


def heals(d, c, crowd):
    """Once the crowd has left, whoever comes is served."""
    crowd.leave()
    with d.client() as late, Client(d.tcp) as later:
        late.call("daemon.ping")
        later.call("daemon.ping")
        d.wait_log("accepting connections again")
    equal(c.call("job.submit", type="noop", wait=60)["state"], "succeeded")


@test("connections that cannot be taken do not make the loop spin; those there are served; who waits is taken later")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        c.call("daemon.ping")           # it has been taken
        with Crowd(d) as crowd:
            crowded(d)
            asked = 0

            def a_second_later():
                nonlocal asked
                asked += 1
                return c.call("daemon.status")["uptime"] >= before["uptime"] + 1

            before = c.call("daemon.status")
            eventually(a_second_later, "a second")
            turns = c.call("daemon.status")["loop"]["turns"] - before["loop"]["turns"]
            print("# %d turns of the loop in a second, with %d requests in it" % (turns, asked))
            # A spinning loop makes hundreds between two requests, which are 10 ms apart.
            check(turns < 10 * asked + 100, "%d turns" % turns)
            equal(c.call("job.submit", type="exec", args={"command": "echo here"}, wait=60)["result"]["stdout"], "here\n")
            equal(c.call("job.submit", type="sleep", args={"seconds": 0.01}, wait=60)["state"], "succeeded")
            # Those of the crowd that were taken are served, too; the others once there is room.
            for one in crowd.sockets[:2]:
                one.sendall(b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping"}\n')
            served, _, _ = select.select(crowd.sockets[:2], [], [], PATIENCE)     # one of the two was the first of all
            check(served and b'"result"' in served[0].recv(4096), "who was taken is not served")
            last = crowd.sockets[-1]
            last.sendall(b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping"}\n')
            for one in crowd.sockets[:-1]:
                one.close()
            check(b'"result"' in last.recv(4096), "who waited was not served")
            heals(d, c, crowd)


def fails_and_ends_well(d, c, crowd, web):
    id = c.call("job.submit", type="http", args={"url": web.url}, retry=SOON)["id"]
    job = eventually(lambda: (lambda job: job.get("history") and job)(c.call("job.get", id=id)), "an attempt")
    error = job["history"][0]["error"]
    # libcurl does not say why it has no socket.
    check(error["reason"] == "connect" or (error["reason"] == "io" and "Too many open files" in error["message"]), error)
    heals(d, c, crowd)
    job = sound(c.call("job.wait", id=id, timeout=60))
    equal((job["state"], job["result"]["body"]), ("succeeded", "hi"))


@test("a job that needs a descriptor says what lacks, is tried again, and ends well")
def _():
    web = Web()
    for warm in False, True:        # the first transfer of a daemon's needs more than the next
        with Daemon("pool.processes=1") as d, d.client() as c:
            c.call("daemon.ping")
            if warm:
                equal(c.call("job.submit", type="http", args={"url": web.url}, wait=60)["state"], "succeeded")
            with Crowd(d) as crowd:
                crowded(d)
                fails_and_ends_well(d, c, crowd, web)


@test("a pool process that cannot be started is waited for, not asked for all the time, and comes")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        eventually(lambda: c.call("daemon.status")["pool"]["idle"] == 1, "the pool stands")
        victim = children(d.pid)[0]
        with Crowd(d) as crowd:
            crowded(d)
            # What its end gives back is taken by the crowd first, or not: then the next one lives.
            os.kill(victim, signal.SIGKILL)
            id = c.call("job.submit", type="exec", args={"command": "echo here"})["id"]
            eventually(lambda: "cannot be started" in d.log() or c.call("daemon.status")["pool"]["spawned"] > 1, "the next one, or a word")
            tries = d.log().count("cannot be started")
            before = c.call("daemon.status")["uptime"]
            eventually(lambda: c.call("daemon.status")["uptime"] >= before + 0.5, "half a second")
            check(d.log().count("cannot be started") - tries <= 10, "it is tried all the time:\n" + d.log())
            heals(d, c, crowd)
        equal(c.call("job.wait", id=id, timeout=60)["result"]["stdout"], "here\n")


@test("a command for which its pool process has no descriptors fails with a word, or runs later")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        eventually(lambda: c.call("daemon.status")["pool"]["idle"] == 1, "the pool stands")
        worker = children(d.pid)[0]
        limit_files(worker, open_files(worker))
        job = sound(c.call("job.submit", type="exec", args={"command": "echo here"}, retry={"max_attempts": 1}, wait=60))
        equal(job["state"], "failed", job)
        check("Too many open files" in job["error"]["message"], job["error"])
        limit_files(worker, 1024)
        equal(c.call("job.submit", type="exec", args={"command": "echo here"}, wait=60)["result"]["stdout"], "here\n")


main()
