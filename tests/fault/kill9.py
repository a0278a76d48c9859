"""kill -9 of the daemon at random moments under mixed load, again and again on one state.

What must hold afterwards: every acknowledged submit is there and comes to an end; each attempt has one outcome; a
command that succeeded really ran to its end; one with `interrupted: fail` began once at most; a cancel that was
answered stays; no command of a past life is alive when the next one serves; and the next start is quick.
"""

import collections
import os

import lives
from jobdlook import sound, with_mark
from jobdtest import Daemon, RpcError, check, equal, main, patient, tempdir, test
from lives import ROUNDS, SEED

ENOUGH = 250     # jobs a life: they all have to come to an end
MARK = "jobd-kill9-%d" % os.getpid()

told = os.path.join(tempdir(), "told")       # what the commands say: begin/end ID ATTEMPT
SCRIPT = 'echo begin $JOBD_ID $JOBD_ATTEMPT >> {0}; sleep {1}; echo end $JOBD_ID $JOBD_ATTEMPT >> {0}; {2}'


class Load(lives.Load):
    """Clients that submit, hold, release and cancel, and remember what they were told."""

    def __init__(self, daemon, seed, life):
        self.life = life
        self.submitted, self.cancelled = {}, set()
        lives.Load.__init__(self, daemon, seed)

    def busy(self):
        return len(self.submitted) > 10

    def job(self, chance):
        """A kind and a submit's members."""
        kind = chance.choice(["noop", "noop", "noop", "sleep", "sleep", "exec", "once", "flaky"])
        if kind == "noop":
            return kind, {"type": "noop", "args": {"n": chance.randint(0, 9)}}
        if kind == "sleep":
            return kind, {"type": "sleep", "args": {"seconds": chance.choice([0, 0.01, 0.1])}}
        command = SCRIPT.format(told, chance.choice(["0", "0.01", "0.03"]), "test $JOBD_ATTEMPT -gt 1" if kind == "flaky" else "true")
        members = {"type": "exec", "args": {"command": command, "env": {"MARK": "%s-%d" % (MARK, self.life)}},
                   "retry": {"base": 0.01, "max_attempts": 5}}
        if kind == "once":
            members["interrupted"] = "fail"
        return kind, members

    def turn(self, c, chance):
        if len(self.submitted) > ENOUGH:
            c.call("job.get", id=chance.choice(list(self.submitted)))
        elif chance.random() < 0.1:
            kinds, jobs = zip(*[self.job(chance) for _ in range(10)])
            for kind, answer in zip(kinds, c.call("job.submit_many", jobs=jobs)["jobs"]):
                self.keep(answer["id"], kind)
        else:
            kind, members = self.job(chance)
            id = c.call("job.submit", **dict(members, hold=chance.random() < 0.2))["id"]
            self.keep(id, kind)
            if chance.random() < 0.2:
                self.cancel(c, id)

    def cancel(self, c, id):
        try:
            equal(c.call("job.cancel", id=id)["state"], "cancelled")
            with self.lock:
                self.cancelled.add(id)
        except RpcError as error:
            equal(error.reason, "conflict")

    def keep(self, id, kind):
        with self.lock:
            check(id not in self.submitted, "the id %d was given twice" % id)
            self.submitted[id] = kind


submitted, cancelled = {}, set()
daemon = Daemon("pool.processes=2", "pool.kill_grace=0.1", start=False)
span = lives.Lives(daemon)


def outcomes(job):
    """The outcomes by attempt; the record's soundness sees to it that each attempt has one."""
    return {entry["attempt"]: entry["outcome"] for entry in sound(job).get("history", [])}


@test("it dies %d times under load, and each next life begins clean and at once" % ROUNDS)
def _():
    for load in span.pass_by(begin, 0.02, 0.6):
        check(not set(load.submitted) & set(submitted), "an id was given again")
        submitted.update(load.submitted)
        cancelled.update(load.cancelled)
    print("# %d jobs acknowledged, %d cancels; the slowest start took %.2f s" % (len(submitted), len(cancelled), max(span.starts)))
    check(len(submitted) > 10 * ROUNDS, "there was no load to speak of")


def begin(life):
    # Before a job of a past life is begun again, what it left is gone.
    old = {pid for pid in with_mark(MARK) if older_than_daemon(pid)}
    check(not old, "commands of a past life are alive in life %d: %r" % (life, old))
    return Load(daemon, SEED + life, life)


def older_than_daemon(pid):
    """Did the process begin before the daemon's present life?"""
    def began(number):
        with open("/proc/%d/stat" % number) as stat:
            return int(stat.read().rsplit(")", 1)[1].split()[19])
    try:
        return began(pid) < began(daemon.pid)
    except OSError:
        return False


@test("every acknowledged job is there, and comes to an end")
def _():
    with daemon.client() as c:
        for page in iter(lambda: c.call("job.list", state="held", limit=1000)["jobs"], []):
            for number in [c.send("job.release", id=job["id"]) for job in page]:
                c.reply(number)
        ids = sorted(submitted)
        for at in range(0, len(ids), 500):
            for job in c.call("job.wait", ids=ids[at:at + 500], timeout=patient(60))["jobs"]:
                record(job)


ended = {}


def record(job):
    ended[job["id"]] = (job["state"], outcomes(job), job.get("error", {}).get("reason"))


@test("each has one final record, and it is what its attempts say")
def _():
    equal(len(ended), len(submitted))
    for id, (state, attempts, reason) in ended.items():
        last = attempts[max(attempts)] if attempts else None
        check(list(attempts.values()).count("succeeded") == (state == "succeeded"), (id, state, attempts))
        if state == "succeeded":
            equal(last, "succeeded", id)
        elif state == "failed":
            expected = (submitted[id], reason) == ("once", "interrupted") or submitted[id] == "flaky"
            check(expected, (id, submitted[id], state, attempts, reason))
        else:
            equal(state, "cancelled", id)


@test("what succeeded really ran to its end, and what must run once began once at most")
def _():
    began, done = collections.Counter(), set()
    with open(told) as lines:
        for line in lines:
            word, id, attempt = line.split()
            if word == "begin":
                began[int(id)] += 1
            else:
                done.add((int(id), int(attempt)))
    for id, (state, attempts, _) in ended.items():
        if submitted[id] in ("exec", "once", "flaky") and state == "succeeded":
            check(began[id] > 0, "job %d succeeded and never ran" % id)
            check((id, max(attempts)) in done, "job %d succeeded in attempt %d, which never came to its end" % (id, max(attempts)))
        if submitted[id] == "once":
            check(began[id] <= 1, "job %d must run once at most, and began %d times" % (id, began[id]))


@test("every cancel that was answered holds")
def _():
    for id in cancelled:
        equal(ended[id][0], "cancelled", id)


@test("the daemon ends in peace")
def _():
    daemon.stop()
    check(not with_mark(MARK), "commands are left")
    daemon.check_sanitizers()


main()
