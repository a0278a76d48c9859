"""A state that jobd cannot use stops its start with exit 3 and a sentence, and stays as it is to the byte."""

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys

from jobdtest import Daemon, check, equal, main, tempdir, test


def made():
    """A state with jobs in it, cleanly closed: its directory."""
    with Daemon("pool.processes=1") as d, d.client() as c:
        for _ in range(50):
            c.call("job.submit", type="noop", args={"text": "x" * 1000}, hold=True)
        c.call("job.submit", type="exec", args={"command": "seq 1000"}, wait=60)
        directory = d.dir
    return directory


def database(directory):
    return os.path.join(directory, "jobd.db")


def contents(directory):
    """What each file of the state holds; the lock and sockets aside."""
    found = {}
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        if name.startswith("jobd.db") and os.path.isfile(path):
            with open(path, "rb") as f:
                found[name] = hashlib.sha256(f.read()).hexdigest()
    return found


def refuses(directory, code, *words):
    """Starts it: it must leave with this code and a sentence that names the state, and change nothing."""
    before = contents(directory)
    log = Daemon("pool.processes=1", state=directory, start=False).start(wait=False).ends(code)
    check("listening" not in log, log)
    for word in words:
        check(word in log, "%r is not in its log:\n%s" % (word, log))
    after = contents(directory)
    equal({name: after.get(name) for name in before}, before)


def overwrite(path, offset, data):
    with open(path, "r+b") as f:
        f.seek(offset)
        f.write(data)


@test("damaged: no header, noise in the middle of its first pages, cut short")
def _():
    whole = made()
    size = os.path.getsize(database(whole))
    for name, damage in (
            ("no header", lambda path: overwrite(path, 0, b"\0" * 100)),
            ("text", lambda path: open(path, "w").write("this is no database\n" * 100)),
            ("noise", lambda path: open(path, "wb").write(os.urandom(65536))),
            ("schema page", lambda path: overwrite(path, 100, os.urandom(3900))),
            ("page size", lambda path: overwrite(path, 16, b"\x7f\x7f")),
            ("cut to 1000 bytes", lambda path: os.truncate(path, 1000)),
            ("cut to 5 pages", lambda path: os.truncate(path, 5 * 4096))):
        directory = tempdir()
        shutil.copy(database(whole), directory)
        damage(database(directory))
        print("# " + name)
        refuses(directory, 3, database(directory))
    equal(os.path.getsize(database(whole)), size)


@test("foreign: another program's database")
def _():
    directory = tempdir()
    with sqlite3.connect(database(directory)) as db:
        db.execute("CREATE TABLE recipes (id INTEGER PRIMARY KEY, text)")
        db.execute("INSERT INTO recipes (text) VALUES ('bread')")
    db.close()
    refuses(directory, 3, database(directory))
    with sqlite3.connect(database(directory)) as db:
        db.execute("PRAGMA application_id = 1234567")
        db.execute("PRAGMA user_version = 1")
    db.close()
    refuses(directory, 3, database(directory))


@test("newer: made by a later jobd")
def _():
    directory = made()
    db = sqlite3.connect(database(directory))
    version = db.execute("PRAGMA user_version").fetchone()[0]
    application = db.execute("PRAGMA application_id").fetchone()[0]
    check(version > 0 and application != 0, (version, application))
    db.execute("PRAGMA user_version = %d" % (version + 1))
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    refuses(directory, 3, database(directory), "newer")
    # And put back, it is whole.
    db = sqlite3.connect(database(directory))
    db.execute("PRAGMA user_version = %d" % version)
    db.commit()
    db.close()
    with Daemon("pool.processes=1", state=directory) as d, d.client() as c:
        equal(c.call("job.count")["total"], 51)


@test("locked: a second daemon on the same state; the first goes on")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        c.call("job.submit", type="noop", wait=60)
        second = Daemon("pool.processes=1", "listen.unix=" + os.path.join(tempdir(), "other"), state=d.dir, start=False).start(wait=False)
        check(d.dir in second.ends(3), second.log())
        check(os.path.exists(d.unix))
        equal(c.call("job.submit", type="noop", wait=60)["state"], "succeeded")
        with d.client() as more:
            more.call("daemon.ping")


READS = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
print(db.execute("SELECT count(*) FROM job").fetchone()[0], flush=True)
sys.stdin.read()
"""


@test("locked: another program has the database open")
def _():
    directory = made()
    with subprocess.Popen([sys.executable, "-c", READS, database(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        equal(int(other.stdout.readline()), 51)
        refuses(directory, 3, database(directory), "another program")
        other.stdin.close()
    with Daemon("pool.processes=1", state=directory) as d, d.client() as c:
        equal(c.call("job.count")["total"], 51)


@test("a start that cannot be: no directory can be made, none may be written")
def _():
    for directory in ("/proc/no-such/state", "/dev/null/state"):
        d = Daemon("pool.processes=1", state=directory, start=False)
        d.unix = os.path.join(tempdir(), "s")
        d.start(wait=False)
        check(directory in d.ends(1), d.log())


@test("addresses that cannot be had")
def _():
    with Daemon("pool.processes=1") as first:
        for option, word in (("listen.tcp=127.0.0.1:%d" % first.tcp[1], "127.0.0.1:%d" % first.tcp[1]),
                             ("listen.tcp=192.0.2.1:7420", "192.0.2.1:7420"), ("listen.unix=/no/such/place/s", "/no/such/place/s")):
            d = Daemon("pool.processes=1", option, start=False).start(wait=False)
            check(word in d.ends(1), d.log())
        # A socket that somebody serves is not taken away; one that nobody serves is.
        d = Daemon("pool.processes=1", "listen.unix=" + first.unix, start=False).start(wait=False)
        d.ends(1)
        with first.client() as c:
            c.call("daemon.ping")
        first.restart(hard=True)
        with first.client() as c:
            c.call("daemon.ping")


@test("an empty directory, and one that is made, become a state")
def _():
    directory = os.path.join(tempdir(), "a", "b")
    d = Daemon("pool.processes=1", "listen.unix=" + os.path.join(tempdir(), "s"), state=directory, start=False)
    d.unix = d.options[1].split("=")[1]
    d.start()
    with d.client() as c:
        c.call("job.submit", type="noop", wait=60)
    equal(os.stat(directory).st_mode & 0o077, 0, "others may look into the state")
    d.stop()


main()
