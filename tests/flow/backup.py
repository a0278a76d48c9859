"""Backups while the daemon works, and the look at all of a state."""

import os
import shutil
import sqlite3
import subprocess
import threading

from jobdtest import Daemon, check, equal, main, refused, tempdir, test


def check_state(directory):
    """Exit status, and what it said."""
    d = Daemon(state=directory, start=False)
    done = subprocess.run(d.command() + ["--check-state"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def restored(backup):
    """A state directory with that file in the place of its database."""
    directory = tempdir()
    shutil.move(backup, os.path.join(directory, "jobd.db"))
    return directory


class Load:
    """A client that submits as fast as it can: after, blocked, scheduled, held, with keys. What was acknowledged when."""

    def __init__(self, d):
        self.acknowledged = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, args=(d,))
        self.thread.start()

    def run(self, d):
        with d.client() as c:
            while not self.stop.is_set():
                gate = c.call("job.submit", type="noop", hold=True)["id"]
                c.call("job.submit_many", jobs=[{"type": "noop", "group": "g%d" % n, "tags": {"n": str(n)}} for n in range(5)] +
                       [{"type": "noop", "after": [gate]}, {"type": "noop", "delay": 3600}, {"type": "noop", "unique": {"key": "u%d" % gate}}])
                self.acknowledged = gate + 8

    def end(self):
        self.stop.set()
        self.thread.join()


@test("a backup under load has what was acknowledged before it, and a daemon goes on with it")
def _():
    with Daemon("pool.processes=2") as d, d.client() as c:
        kept = c.call("job.submit", type="exec", args={"command": "seq 1000"}, wait=60)["id"]
        load = Load(d)
        path = os.path.join(tempdir(), "backup")
        while load.acknowledged < 500:
            c.call("daemon.ping")
        before = load.acknowledged
        result = c.call("daemon.backup", path=path)
        equal(result, {"path": path, "bytes": os.path.getsize(path)})
        equal(os.stat(path).st_mode & 0o777, 0o600)
        equal(os.listdir(os.path.dirname(path)), ["backup"])
        load.end()
        output = c.call("job.output", id=kept, stream="stdout")
    directory = restored(path)
    code, said = check_state(directory)
    equal(code, 0, said)
    check("sound" in said, said)
    with Daemon("pool.processes=2", state=directory) as d, d.client() as c:
        equal(c.call("job.output", id=kept, stream="stdout"), output)
        page = c.call("job.list", limit=1)["jobs"]
        check(page[0]["id"] >= before, "%d was acknowledged, and %d is the last in the backup" % (before, page[0]["id"]))
        check(c.call("job.submit", type="noop", wait=60)["id"] > page[0]["id"])
        c.call("job.wait", ids=[j["id"] for j in c.call("job.list", state=["ready", "running"], limit=1000)["jobs"]], timeout=60)
    equal(check_state(directory)[0], 0)


@test("what is there is not overwritten, and one that cannot be made leaves nothing")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        there = os.path.join(tempdir(), "there")
        with open(there, "w") as f:
            f.write("mine")
        equal(refused("conflict", c.call, "daemon.backup", path=there).field, "path")
        with open(there) as f:
            equal(f.read(), "mine")
        for path in ("backup", "", "/" + "x" * 5000, 7, None):
            equal(refused("invalid_params", c.call, "daemon.backup", path=path).field, "path")
        equal(refused("invalid_params", c.call, "daemon.backup").field, "path")
        error = refused("invalid_params", c.call, "daemon.backup", path=os.path.dirname(there) + "/no/such/place")
        equal(error.field, "path")
        check("No such file" in error.message, error.message)
        equal(os.listdir(os.path.dirname(there)), ["there"])


@test("one at a time")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        place = tempdir()
        # In one piece, so that the second is there before the first is over.
        c.write("".join('{"jsonrpc":"2.0","id":%d,"method":"daemon.backup","params":{"path":"%s/b%d"}}\n' % (1000 + n, place, n) for n in range(2)))
        equal(c.result(1000)["path"], os.path.join(place, "b0"))
        equal(c.reply(1001)["error"]["data"]["reason"], "conflict")
        equal(os.listdir(place), ["b0"])
        c.call("daemon.backup", path=os.path.join(place, "b2"))


@test("jobctl backup takes a name as the shell does")
def _():
    with Daemon("pool.processes=1") as d:
        place = tempdir()
        check("b.db" in d.jobctl("backup", "b.db", cwd=place).err)
        equal(check_state(restored(os.path.join(place, "b.db")))[0], 0)
        check("is there already" in d.jobctl("backup", "/etc/hostname", code=4).err)
        d.jobctl("backup", code=2)
        d.jobctl("backup", "a", "b", code=2)


# ---- --check-state ----

def made():
    """A state with some of everything."""
    with Daemon("pool.processes=1") as d, d.client() as c:
        gate = c.call("job.submit", type="noop", hold=True, tags={"a": "b"})["id"]
        c.call("job.submit", type="noop", after=[gate], unique={"key": "k"})
        c.call("job.submit", type="noop", delay=3600, group="g")
        c.call("job.submit", type="exec", args={"command": "seq 10"}, wait=60)
        c.call("schedule.put", name="s", every=3600, job={"type": "noop"})
    return d.dir


@test("it says what is in a state, and changes nothing")
def _():
    directory = made()
    before = {name: os.stat(os.path.join(directory, name)).st_mtime_ns for name in os.listdir(directory) if name in ("jobd.db", "jobd.db-wal")}
    code, said = check_state(directory)
    equal(code, 0, said)
    for line in ("jobs: 4", "  held: 1", "  blocked: 1", "  scheduled: 1", "  succeeded: 1", "dependencies: 1", "schedules: 1", "sound"):
        check(line in said.splitlines(), "%r is not in\n%s" % (line, said))
    equal({name: os.stat(os.path.join(directory, name)).st_mtime_ns for name in before}, before)


@test("it says what is wrong with one, each in a line")
def _():
    for damage, line in (("DELETE FROM spec WHERE id = 2", "wrong: a job without its spec: 2"),
                         ("DELETE FROM edge", "wrong: a wrong number of dependents: 1"),
                         ("DELETE FROM tag", "wrong: a tag that is not in the index: a"),
                         ("UPDATE job SET state = 4 WHERE id = 1", "wrong: counts that are not those of the jobs: 1"),
                         ("DELETE FROM holder", "wrong: a job without its unique key: k"),
                         ("DELETE FROM agenda", "wrong: a scheduled job without its time: 0"),
                         ("UPDATE flow SET unfinished = 7", "wrong: counts of a flow that are not those of its jobs: 1")):
        directory = made()
        db = sqlite3.connect(os.path.join(directory, "jobd.db"))
        check(db.execute(damage).rowcount > 0, damage)
        db.commit()
        db.close()
        code, said = check_state(directory)
        equal(code, 3, said)
        check(line in said.splitlines(), "%r is not in\n%s" % (line, said))
        check("damaged" in said, said)


@test("one in use, none at all, and what is no state")
def _():
    with Daemon("pool.processes=1") as d:
        code, said = check_state(d.dir)
        equal(code, 3, said)
        check("pid %d" % d.pid in said, said)
    code, said = check_state(tempdir())
    equal(code, 1, said)
    check("no state" in said, said)
    directory = tempdir()
    with open(os.path.join(directory, "jobd.db"), "w") as f:
        f.write("not a database")
    equal(check_state(directory)[0], 3)


main()
