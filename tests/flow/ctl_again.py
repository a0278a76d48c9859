"""jobctl where the answer to a submit is lost: it asks again, and one job results."""

import json
import os
import socket
import threading

from jobdfake import Fake
from jobdtest import PATIENCE, Daemon, check, equal, eventually, jobctl, jobctl_start, main, tempdir, test


class Thief:
    """Stands between jobctl and the daemon, and cuts the first `cuts` connections when the answer to a submit has come:
    before it does, with `early`; then, with `meanwhile`, something else happens to the daemon."""

    def __init__(self, daemon, cuts=1, early=False, meanwhile=None):
        self.daemon, self.cuts, self.early, self.meanwhile = daemon, cuts, early, meanwhile
        self.path = os.path.join(tempdir(), "s")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.error = None
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return "unix:" + self.path

    def __exit__(self, kind, value, trace):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(PATIENCE)
        self.listener.close()
        if kind is None and self.error is not None:
            raise self.error
        return False

    def serve(self):
        try:
            while True:
                try:
                    client = self.listener.accept()[0]
                except OSError:
                    return
                with client, client.makefile("rb") as lines:
                    if self.cuts > 0:
                        self.steal(lines)
                        self.cuts -= 1
                        client.shutdown(socket.SHUT_RDWR)
                    else:
                        self.pass_on(client)
        except Exception as error:      # noqa: shown by __exit__
            self.error = error

    def steal(self, lines):
        line = lines.readline()
        check(b'"job.submit' in line, line)
        if self.early:
            return
        with self.daemon.client() as c:
            c.write(line)
            check(b'"result"' in c.read_line())
        if self.meanwhile is not None:
            self.meanwhile()

    def pass_on(self, client):
        """Bytes both ways, until jobctl leaves."""
        with self.daemon.client() as c:
            back = threading.Thread(target=self.pump, args=(c.socket, client))
            back.start()
            self.pump(client, c.socket)
            back.join()

    def pump(self, source, to):
        try:
            while data := source.recv(65536):
                to.sendall(data)
        except OSError:
            pass
        try:
            to.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@test("submit: the answer is lost, the job is not doubled")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        with Thief(d) as address:
            equal(jobctl("-H", address, "submit", "noop").out, "1\n")
        with Thief(d, early=True) as address:
            equal(jobctl("-H", address, "submit", "noop").out, "2\n")
        equal(c.call("job.count")["total"], 2)


@test("submit -w, and run: the job that was begun is followed to its end")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        with Thief(d) as address:
            equal(jobctl("-H", address, "submit", "exec", "-w", "--", "true").out, "1\n")
        with Thief(d) as address:
            got = jobctl("-H", address, "run", "sh", "-c", "echo hello; exit 3", code=3)
            equal((got.out, got.err), ("hello\n", ""))
        equal(c.call("job.count")["total"], 2)


@test("submit -f: each line is one job, whichever chunk's answer is lost")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        lines = "".join('{"type": "noop", "hold": true, "meta": %d}\n' % n for n in range(700))
        with Thief(d, cuts=1) as address:
            got = jobctl("-H", address, "submit", "-f", "-", input=lines)
        equal(got.out.split(), [str(id) for id in range(1, 701)])
        equal(c.call("job.count")["total"], 700)
        equal([c.call("job.get", id=id)["meta"] for id in (1, 500, 501, 700)], [0, 499, 500, 699])


@test("a daemon that is killed before it could answer, and is there again")
def _():
    with Daemon("pool.processes=1") as d:
        with Thief(d, meanwhile=lambda: d.restart(hard=True)) as address:
            equal(jobctl("-H", address, "submit", "noop", "--hold").out, "1\n")
        with d.client() as c:
            equal(c.call("job.count")["total"], 1)


@test("a daemon that is away for a moment is waited for")
def _():
    with Daemon("pool.processes=1") as d:
        gate = socket.socket(socket.AF_UNIX)
        path = os.path.join(tempdir(), "s")
        gate.bind(path)
        gate.listen()
        process = jobctl_start("-H", "unix:" + path, "submit", "noop", "--hold")
        client = gate.accept()[0]
        line = client.makefile("rb").readline()
        check(b'"request_id"' in line, line)
        gate.close()
        os.unlink(path)
        client.shutdown(socket.SHUT_RDWR)
        os.symlink(d.unix, path)
        out, err = process.communicate(timeout=PATIENCE)
        equal((process.returncode, out), (0, "1\n"), err)


def loses(d, method, *words):
    """jobctl after it has sent a request to a daemon that went away and is there again; and the request."""
    path = os.path.join(tempdir(), "s")
    with socket.socket(socket.AF_UNIX) as gate:
        gate.bind(path)
        gate.listen()
        process = jobctl_start("-H", "unix:" + path, *words)
        client = gate.accept()[0]
    with client:
        request = json.loads(client.makefile("rb").readline())
        equal(request["method"], method)
        os.unlink(path)
        client.shutdown(socket.SHUT_RDWR)
    os.symlink(d.unix, path)
    return process, request


@test("wait, and submit -w, wait on over a daemon's restart, and no longer than they were told")
def _():
    with Daemon("pool.processes=1") as d:
        d.jobctl("submit", "noop", "--hold")
        process, request = loses(d, "job.wait", "wait", 1)
        d.jobctl("release", 1)
        equal((process.communicate()[0].split("\t")[:2], process.returncode), (["1", "succeeded"], 0))
        d.jobctl("submit", "noop", "--hold")
        process, request = loses(d, "job.wait", "wait", 2, "--timeout", "1s")
        equal(request["params"]["timeout"], 1)
        check("has not ended within" in process.communicate()[1])
        equal(process.returncode, 5)
        for id, hard in ((3, True), (4, False)):
            process = d.jobctl_start("submit", "noop", "--hold", "-w")
            equal(process.stdout.readline(), "%d\n" % id)
            with d.client() as c:
                eventually(lambda: c.call("daemon.status")["requests"]["in_flight"] == 2, "it waits")
            d.restart(hard=hard)
            d.jobctl("release", id)
            equal((process.communicate(), process.returncode), (("", "jobctl: job %d succeeded\n" % id), 0))


@test("a daemon that takes its time to end is not waited for beyond the time there is")
def _():
    def script(peer):
        peer.take("job.wait", {"ids": [1], "timeout": 0.3})
        peer.refuse(-32007, "shutting_down", "the daemon is shutting down")
        peer.gone()
    with Fake(script) as address:
        got = jobctl("-H", address, "wait", 1, "--timeout", "300ms", code=5)
        equal(got.err, "jobctl: the daemon is shutting down\n")
    def script(peer):
        peer.take("job.wait", {"ids": [1], "timeout": 0})
        peer.refuse(-32007, "shutting_down", "the daemon is shutting down")
        peer.gone()
    with Fake(script) as address:
        jobctl("-H", address, "wait", 1, "--timeout", "0", code=4)


@test("twice is enough: then it says what is in doubt")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        with Thief(d, cuts=2) as address:
            check("closed the connection" in jobctl("-H", address, "submit", "noop", "--hold", code=3).err)
        with Thief(d, cuts=2) as address:
            got = jobctl("-H", address, "submit", "-f", "-", input='{"type": "noop", "hold": true}\n' * 3, code=3)
            check("lines 1 to 3 may have been submitted or not" in got.err, got.err)
        equal(c.call("job.count")["total"], 4)
        with Thief(d, cuts=2) as address:
            got = jobctl("-H", address, "submit", "-f", "-", input='{"type": "noop", "hold": true}\n', code=3)
            check("jobctl: line 1 may have been submitted or not" in got.err, got.err)


@test("many at once, each of which loses its answer")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        thieves = [Thief(d) for _ in range(20)]
        started = [jobctl_start("-H", "unix:" + thief.path, "submit", "noop", "--hold") for thief in thieves]
        ids = {process.communicate(timeout=PATIENCE)[0].strip() for process in started}
        for thief in thieves:
            thief.__exit__(None, None, None)
        equal(ids, {str(id) for id in range(1, 21)})
        equal(c.call("job.count")["total"], 20)


main()
