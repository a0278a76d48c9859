"""kill -9 of the daemon under a mixed load of all that decides when a job runs, again and again on one state.

Graphs whose jobs take each other's results, unique keys in all modes, concurrency keys, queues with a concurrency, a
rate and a max_ready, groups, schedules, updates, bulk cancels. What must hold afterwards: no acknowledged job is lost, each
has one final record, no dependent is stuck and each is what its parents made of it; no more ran than a limit lets,
and no slot, token, place or key is leaked: whatever needs one gets it; each firing happened exactly once.

See lives.py for $KILL9_ROUNDS and $KILL9_SEED.
"""

import collections
import itertools
import random

import lives
from jobdlook import FINAL, seconds_of, sound
from jobdtest import Daemon, RpcError, check, equal, eventually, main, patient, test
from lives import ROUNDS, SEED

ENOUGH = 600                         # requests that submit, a life
BEATS = {"all": 0.25, "one": 0.3, "skip": 0.2, "wait": 0.35, "second": 1}
KEYS = {"k1": 1, "k2": 2, "k3": 3}   # concurrency keys and their limits
SLOTS, PLACES = 2, 6                 # of the queues "slots" and "places"
RATE, BURST = 20, 40                 # of the queue "rate"
UNIQUE = 6
MORE = {"after", "concurrency", "group", "schedule", "scheduled_for", "waiting_for"}   # members that only such jobs have
AT_ONCE = {"max_attempts": 1}


class Told:
    """What the daemon has answered so far, in all lives."""

    def __init__(self):
        self.expected = {}                           # id -> the states that it may end in
        self.graphs = []                             # (ids by ref, what to expect by ref)
        self.unanswered = []                         # submits whose answer was cut off
        self.updated = {}                            # id -> (priority, tags)
        self.held = set()                            # bulk jobs, and of these
        self.cancelled = set()                       # those that an answered bulk cancel covered
        self.triggered = [0, 0]                      # triggers answered, and asked for
        self.requests = {}                           # request_id -> id
        self.numbers = itertools.count(1)


told = Told()


class Load(lives.Load):
    def __init__(self, daemon, seed):
        self.done, self.until = 0, random.Random(seed).randint(20, ENOUGH // 2)
        self.turns = [self.graph] * 3 + [self.unique] * 3 + [self.keyed] * 3 + [self.slot, self.rated, self.grouped, self.place,
                      self.bulk, self.bulk, self.cancel_bulk, self.update, self.again, self.trigger]
        lives.Load.__init__(self, daemon, seed)

    def busy(self):
        return self.done > self.until

    def turn(self, c, chance):
        if self.done >= ENOUGH:
            c.call("job.count")
            return
        chance.choice(self.turns)(c, chance)
        with self.lock:
            self.done += 1

    def submit(self, c, expected, **members):
        """One job, with a request_id of its own: if the answer does not come, it is asked for again in another life."""
        with self.lock:
            request = "r%d-%d" % (SEED, next(told.numbers))
        members.update(request_id=request, tags=dict(members.get("tags", {}), r=request))
        with self.lock:
            told.unanswered.append((expected, members))
        try:
            answer = c.call("job.submit", **members)
        except RpcError:
            with self.lock:
                told.unanswered.remove((expected, members))
            raise
        with self.lock:
            told.unanswered.remove((expected, members))
            self.keep(request, answer, expected)
        return answer

    def keep(self, request, answer, expected):
        if not answer["existing"]:
            check(answer["id"] not in told.expected, "the id %d was given twice" % answer["id"])
            told.expected[answer["id"]] = expected
            told.requests[request] = answer["id"]

    def again(self, c, chance):
        with self.lock:
            cut_off = told.unanswered.pop(0) if told.unanswered and self.old(told.unanswered[0]) else None
        if cut_off is None:
            return self.grouped(c, chance)
        try:
            answer = c.call("job.submit", **cut_off[1])
        except RpcError as error:
            check(error.reason in ("conflict", "overloaded"), error)
            return None
        except (OSError, ConnectionError):
            with self.lock:
                told.unanswered.insert(0, cut_off)
            raise
        with self.lock:
            self.keep(cut_off[1]["request_id"], answer, cut_off[0])

    def old(self, cut_off):
        """Is nobody of this life waiting for its answer?"""
        return int(cut_off[1]["request_id"].split("-")[1]) <= self.before

    # ---- graphs ----

    def graph(self, c, chance):
        jobs, expected = chance.choice([self.pipeline, self.failing, self.missing, self.fan])(chance)
        if told.expected and chance.random() < 0.3:      # behind one that is there, however it ends
            jobs[0].update(after=[chance.choice(list(told.expected))], after_failure="run")
        answers = c.call("job.submit_many", jobs=jobs)["jobs"]
        with self.lock:
            for answer in answers:
                told.expected[answer["id"]] = FINAL
            told.graphs.append(({job["ref"]: answer["id"] for job, answer in zip(jobs, answers)}, expected))

    def pipeline(self, chance):
        n = chance.randint(0, 999)
        return [{"ref": "a", "type": "noop", "args": {"n": n}},
                {"ref": "b", "type": "noop", "args": {"got": {"$result": "a", "pointer": "/n"}}, "after": ["a"], "group": "b"},
                {"ref": "c", "type": "noop", "args": {"all": {"$result": "b"}}, "after": ["b", "a"], "queue": "slots"}], \
               {"a": ("succeeded", {"n": n}), "b": ("succeeded", {"got": n}), "c": ("succeeded", {"all": {"got": n}})}

    def failing(self, _):
        return [{"ref": "a", "type": "exec", "args": {"command": "exit 3"}, "retry": AT_ONCE},
                {"ref": "b", "type": "noop", "after": ["a"]}, {"ref": "c", "type": "noop", "after": ["b"]},
                {"ref": "d", "type": "noop", "args": {"d": 1}, "after": ["a"], "after_failure": "run"},
                {"ref": "e", "type": "noop", "args": {"e": {"$result": "d"}}, "after": ["b", "d"], "after_failure": "run"}], \
               {"a": ("failed", None), "b": ("cancelled", "dependency"), "c": ("cancelled", "dependency"), "d": ("succeeded", {"d": 1}),
                "e": ("succeeded", {"e": {"d": 1}})}

    def missing(self, _):
        return [{"ref": "a", "type": "noop", "args": {"n": 1}},
                {"ref": "b", "type": "noop", "args": {"x": {"$result": "a", "pointer": "/none"}}, "after": ["a"]},
                {"ref": "c", "type": "noop", "after": ["b"]}, {"ref": "d", "type": "noop", "after": ["b"], "after_failure": "run"}], \
               {"a": ("succeeded", {"n": 1}), "b": ("failed", "dependency"), "c": ("cancelled", "dependency"), "d": ("succeeded", {})}

    def fan(self, chance):
        many = ["m%d" % n for n in range(chance.randint(2, 30))]
        jobs = [{"ref": "a", "type": "noop", "args": {"n": 2}}]
        jobs += [{"ref": ref, "type": "noop", "args": {"n": {"$result": "a", "pointer": "/n"}}, "after": ["a"]} for ref in many]
        jobs += [{"ref": "z", "type": "noop", "args": {"first": {"$result": many[0], "pointer": "/n"}}, "after": many}]
        return jobs, dict({ref: ("succeeded", {"n": 2}) for ref in ["a"] + many}, z=("succeeded", {"first": 2}))

    # ---- keys and limits ----

    def unique(self, c, chance):
        unique = {"key": "u%d" % chance.randrange(UNIQUE), "on_conflict": chance.choice(["existing", "reject", "replace"]),
                  "scope": chance.choice(["active", "active", "all"])}
        try:
            self.submit(c, ("succeeded", "cancelled"), type="sleep", args={"seconds": chance.choice([0, 0.05])}, unique=unique,
                        delay=chance.choice([0, 0, 0.1]), tags={"u": unique["key"]})
        except RpcError as error:
            equal(error.reason, "conflict")

    def keyed(self, c, chance):
        key = chance.choice(list(KEYS))
        self.submit(c, ("succeeded",), type=chance.choice(["sleep", "noop"]), args={"seconds": 0.01}, queue=chance.choice(["default", "slots", "fair"]),
                    concurrency={"key": key, "limit": KEYS[key]}, tags={"k": key}, priority=chance.randint(-2, 2))

    def slot(self, c, chance):
        self.submit(c, ("succeeded",), type="exec", args={"command": "sleep 0.01"}, queue="slots", priority=chance.randint(-2, 2))

    def rated(self, c, chance):
        self.submit(c, ("succeeded",), type="noop", queue="rate", group=chance.choice("xy"))

    def grouped(self, c, chance):
        self.submit(c, ("succeeded",), type="noop", queue="fair", group="g%d" % chance.randint(0, 4))

    def place(self, c, chance):
        try:
            self.submit(c, ("succeeded",), type="sleep", args={"seconds": 0.02}, queue="places", delay=chance.choice([0, 0.05]))
        except RpcError as error:
            equal(error.reason, "overloaded")

    # ---- what changes ----

    def bulk(self, c, _):
        id = self.submit(c, ("succeeded", "cancelled"), type="noop", queue="bulk", hold=True)["id"]
        with self.lock:
            told.held.add(id)

    def cancel_bulk(self, c, _):
        with self.lock:
            there = set(told.held)
        c.call("job.cancel_many", queue="bulk", state="held")
        with self.lock:
            told.cancelled |= there

    def update(self, c, chance):
        id = self.submit(c, ("succeeded",), type="noop", hold=True)["id"]
        for _ in range(2):
            priority, tags = chance.randint(-9, 9), {"n": str(chance.randint(0, 99))}
            with self.lock:
                told.updated[id] = None              # until it is answered, it may be this or that
            c.call("job.update", id=id, priority=priority, queue="moved", run_at=None, tags=tags)
            with self.lock:
                told.updated[id] = (priority, tags)
        c.call("job.release", id=id)

    def trigger(self, c, _):
        with self.lock:
            told.triggered[1] += 1
        c.call("schedule.trigger", name="second")
        with self.lock:
            told.triggered[0] += 1


daemon = Daemon("pool.processes=2", "pool.kill_grace=0.1", start=False)
span = lives.Lives(daemon)
beats = {}            # schedule -> its first time
records = {}


def set_up(c):
    c.call("queue.set", name="slots", concurrency=SLOTS)
    c.call("queue.set", name="rate", rate={"per_second": RATE, "burst": BURST})
    c.call("queue.set", name="places", max_ready=PLACES)
    quick, slow = {"type": "noop", "queue": "beats"}, {"type": "sleep", "args": {"seconds": 0.5}, "queue": "beats"}
    for name, job, overlap, catch_up in (("all", quick, "allow", "all"), ("one", quick, "allow", "one"), ("skip", slow, "skip", "one"),
                                         ("wait", slow, "queue", "none"), ("second", quick, "allow", "all")):
        put = c.call("schedule.put", name=name, every=BEATS[name], job=job, overlap=overlap, catch_up=catch_up)
        beats[name] = seconds_of(put["next_at"])


def begin(life):
    if life == 0:
        with daemon.client() as c:
            set_up(c)
    Load.before = next(told.numbers)
    return Load(daemon, SEED + life)


def everything(c, **filters):
    """The ids of all jobs."""
    cursor, ids = {}, []
    while cursor is not None:
        page = c.call("job.list", order="oldest", limit=1000, **filters, **cursor)
        ids += [job["id"] for job in page["jobs"]]
        cursor = {"cursor": page["next_cursor"]} if "next_cursor" in page else None
    return ids


def wait_for(c, ids):
    for at in range(0, len(ids), 500):
        for job in c.call("job.wait", ids=ids[at:at + 500], timeout=patient(120))["jobs"]:
            records[job["id"]] = job
            sound({name: value for name, value in job.items() if name not in MORE})


@test("it dies %d times under load, and goes on" % ROUNDS)
def _():
    requests = 0
    for load in span.pass_by(begin, 0.02, 0.2):
        requests += load.done
    print("# %d requests, %d jobs acknowledged, %d graphs, %d without an answer; the slowest start took %.2f s" % (
        requests, len(told.expected), len(told.graphs), len(told.unanswered), max(span.starts)))
    check(len(told.expected) > 20 * ROUNDS and told.graphs, "there was no load to speak of")


@test("schedules fire on, and then no more")
def _():
    with daemon.client() as c:
        now = c.call("daemon.ping")["now"]
        for name, first in beats.items():
            eventually(lambda: c.call("schedule.get", name=name).get("next_at", "") > now, "what schedule %s has missed" % name)
            # The lives may have been over before its first time; one that does not catch up may have been dead at each of its times.
            eventually(lambda: seconds_of(c.call("schedule.get", name=name)["next_at"]) > first, "the first time of schedule %s" % name)
            eventually(lambda: "last_fired_at" in c.call("schedule.get", name=name), "a firing of schedule %s" % name)
        for name in beats:
            c.call("schedule.delete", name=name)


@test("every acknowledged job is there, and all come to an end that is one of theirs")
def _():
    with daemon.client() as c:
        for id in everything(c, state="held"):
            c.call("job.release", id=id)
        wait_for(c, everything(c))
    lost = set(told.expected) - set(records)
    check(not lost, "%d acknowledged jobs are lost: %r" % (len(lost), sorted(lost)[:10]))
    for id, expected in told.expected.items():
        check(records[id]["state"] in expected, (expected, records[id]))
    for job in records.values():
        outcomes = [entry["outcome"] for entry in job.get("history", [])]
        equal(outcomes.count("succeeded"), int(job["state"] == "succeeded"), job)


@test("what was asked for by one request_id is one job")
def _():
    jobs = collections.Counter(job["tags"]["r"] for job in records.values() if "r" in job.get("tags", {}))
    check(all(n == 1 for n in jobs.values()), jobs.most_common(3))
    for request, id in told.requests.items():
        check(id in records and (id in told.updated or records[id]["tags"]["r"] == request), request)


@test("each job of a graph is what those before it made of it")
def _():
    for ids, expected in told.graphs:
        for ref, (state, what) in expected.items():
            job = records[ids[ref]]
            equal(job["state"], state, job)
            if state == "succeeded":
                equal(job["result"], what, job)
            elif what is not None:
                equal((job["error"]["reason"], job["attempt"]), (what, 0), job)


@test("bulk cancels and updates that were answered hold")
def _():
    for id in told.cancelled:
        equal(records[id]["state"], "cancelled", id)
    for id, answer in told.updated.items():
        if answer is not None:
            equal((records[id]["priority"], records[id]["tags"], records[id]["queue"]), answer + ("moved",), records[id])


def attempts(fits):
    """When the attempts of these jobs began and ended."""
    return [(seconds_of(entry["started_at"]), seconds_of(entry["finished_at"])) for job in records.values() if fits(job)
            for entry in job.get("history", [])]


def most_at_once(spans):
    """How many of the spans overlap; those that end when others begin do not."""
    now = most = 0
    for _, step in sorted([(end, -1) for begin, end in spans if end > begin] + [(begin, 1) for begin, end in spans if end > begin]):
        now += step
        most = max(most, now)
    return most


@test("no more ran at once than keys and queues let, and no more started than the rate lets")
def _():
    for key, limit in KEYS.items():
        spans = attempts(lambda job: job.get("tags", {}).get("k") == key)
        check(spans and most_at_once(spans) <= limit, "%d of key %s ran at once" % (most_at_once(spans), key))
    spans = attempts(lambda job: job["queue"] == "slots")
    check(spans and most_at_once(spans) <= SLOTS, "%d of the queue ran at once" % most_at_once(spans))
    starts = sorted(begin for begin, _ in attempts(lambda job: job["queue"] == "rate"))
    check(starts, "none started")
    for first, last in itertools.combinations(range(len(starts)), 2):
        seconds = starts[last] - starts[first] + patient(1)          # a token may be taken as long before the start
        check(last - first + 1 <= BURST + RATE * seconds, "%d started in %g s" % (last - first + 1, seconds))


@test("a unique key had one holder at a time")
def _():
    for key in range(UNIQUE):
        active = [(seconds_of(job["submitted_at"]), seconds_of(job["finished_at"])) for job in records.values()
                  if job.get("unique_key") == "u%d" % key and job["state"] == "succeeded"]
        check(most_at_once(active) <= 1, (key, active))


@test("each firing happened exactly once, and at its time")
def _():
    for name, first in beats.items():
        times = sorted(seconds_of(job["scheduled_for"]) for job in records.values() if job.get("schedule") == name and "scheduled_for" in job)
        numbers = [(at - first) / BEATS[name] for at in times]
        check(all(abs(n - round(n)) < 0.01 for n in numbers), (name, times))
        numbers = [round(n) for n in numbers]
        check(numbers and len(set(numbers)) == len(numbers), "schedule %s fired twice: %r" % (name, numbers))
        if name in ("all", "second"):
            equal(numbers, list(range(len(numbers))), "firings of schedule %s are lost" % name)
    triggered = sum(job.get("schedule") == "second" and "scheduled_for" not in job for job in records.values())
    check(told.triggered[0] <= triggered <= told.triggered[1], (told.triggered, triggered))
    print("# firings: %r" % dict(collections.Counter(job["schedule"] for job in records.values() if "schedule" in job)))


def all_run(c, jobs):
    """All of them run at once; then they are no more needed."""
    ids = [answer["id"] for answer in c.call("job.submit_many", jobs=jobs)["jobs"]]
    c.call("job.wait", ids=ids, timeout=patient(60), **{"for": "started"})
    equal(c.call("job.count", state="running")["total"], len(ids))
    for id in ids:
        c.call("job.cancel", id=id)


LONG = {"type": "sleep", "args": {"seconds": 1000}}


@test("no slot, token, place or key is leaked: all of them can be had")
def _():
    with daemon.client() as c:
        for key, limit in KEYS.items():
            all_run(c, [dict(LONG, concurrency={"key": key, "limit": limit}) for _ in range(limit)])
        all_run(c, [dict(LONG, queue="slots") for _ in range(SLOTS)])
        equal(c.call("job.submit", type="noop", queue="rate", wait=patient(60))["state"], "succeeded")
        places = [c.call("job.submit", queue="places", hold=True, **LONG)["id"] for _ in range(PLACES)]
        for id in places:
            c.call("job.cancel", id=id)
        for key in range(UNIQUE):
            equal(c.call("job.submit", type="noop", unique={"key": "u%d" % key, "on_conflict": "reject"})["existing"], False)
        for name, limit in (("slots", {"concurrency": SLOTS}), ("places", {"max_ready": PLACES}), ("rate", {"rate": {"per_second": RATE, "burst": BURST}})):
            queue = c.call("queue.get", name=name)
            equal({member: queue.get(member) for member in limit}, limit)


@test("the daemon ends in peace")
def _():
    with daemon.client() as c:
        eventually(lambda: c.call("job.count", state=["held", "blocked", "scheduled", "ready", "running"])["total"] == 0, "the end of all jobs")
    daemon.stop()
    daemon.check_sanitizers()


main()
