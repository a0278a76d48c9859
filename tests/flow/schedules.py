"""Schedules: what fires, when, and how often, over restarts and kill -9.

$SCHEDULES_SEED repeats a run.
"""

import collections
import datetime
import os
import random
import shutil
import signal
import subprocess
import time

from jobdtest import SANITIZED, Daemon, check, equal, eventually, main, refused, skip, test

SEED = int(os.environ.get("SCHEDULES_SEED", time.time_ns() % 1000000))
BEAT = 1 if SANITIZED else 0.2
NOOP = {"type": "noop"}


def seconds(text):
    """A time of the wire, as seconds."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def jobs_of(c, name):
    """The jobs that a schedule has made so far, oldest first."""
    jobs, cursor = [], {}
    while True:
        page = c.call("job.list", order="oldest", limit=1000, **cursor)
        jobs += [job for job in page["jobs"] if job.get("schedule") == name]
        if "next_cursor" not in page:
            return jobs
        cursor = {"cursor": page["next_cursor"]}


def await_jobs(c, name, n):
    return eventually(lambda: len(jobs := jobs_of(c, name)) >= n and jobs, "%d firings of %s" % (n, name))


def on_the_beat(jobs, beat):
    """Each is for a time of its own, and all of them for multiples of the beat."""
    times = [round(seconds(job["scheduled_for"]) * 1000) for job in jobs]
    equal(sorted(set(times)), times, "each its own time, in order")
    for at in times:
        equal((at - times[0]) % round(beat * 1000), 0, "off the beat")
    return times


@test("every so often: the first time one interval after the put, each for its own time")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        before = time.time()
        put = c.call("schedule.put", name="beat", every=BEAT, catch_up="all",
                     job=dict(NOOP, args={"n": 1}, tags={"a": "b"}, priority=3))
        check(before + BEAT - 0.001 <= seconds(put["next_at"]) <= time.time() + BEAT + 0.001, put)
        equal(len(put["next"]), 5)
        equal(put["next"][0], put["next_at"])
        jobs = await_jobs(c, "beat", 5)
        equal(jobs[0]["scheduled_for"], put["next_at"])
        on_the_beat(jobs, BEAT)
        for job in jobs:
            equal((job["tags"], job["priority"]), ({"a": "b"}, 3))
            check(seconds(job["submitted_at"]) >= seconds(job["scheduled_for"]))
        got = c.call("schedule.get", name="beat")
        check(got["last_job"] >= jobs[-1]["id"])
        check(seconds(got["last_fired_at"]) >= seconds(jobs[-1]["submitted_at"]))


@test("putting the same again moves nothing; another timing begins anew")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        first = c.call("schedule.put", name="s", every=1000, job=NOOP)
        again = c.call("schedule.put", name="s", every=1000, job={"type": "sleep", "args": {"seconds": 0}}, overlap="allow")
        equal(again["next"], first["next"])
        equal((again["job"]["type"], again["overlap"]), ("sleep", "allow"))
        d.restart(hard=True)
        with d.client() as later:
            equal(later.call("schedule.get", name="s"), again)
            moved = later.call("schedule.put", name="s", every=1001, job=NOOP)
            check(seconds(moved["next_at"]) > seconds(first["next_at"]) + 0.9, (first, moved))


@test("cron in a time zone: the next five times, over a change of the clocks")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        got = c.call("schedule.put", name="c", cron="30 2 29-31 mar sun", timezone="Europe/Berlin", job=NOOP)
        equal(len(got["next"]), 5)
        for text in got["next"]:
            check(text.endswith(":30:00.000Z") or text.endswith(":00:00.000Z"), text)
        got = c.call("schedule.put", name="c", cron="0 12 1 jan,jul *", timezone="America/New_York", job=NOOP)
        equal({text[5:16] for text in got["next"]}, {"01-01T17:00", "07-01T16:00"})


class ZonesOfItsOwn(Daemon):
    """One that sees no time zones but those that the test puts there."""

    MAKE = 'mount -t tmpfs -o size=1m jobdtest /usr/share/zoneinfo && exec "$@"'

    def command(self):
        return ["unshare", "-m", "sh", "-c", self.MAKE, "sh"] + Daemon.command(self)

    def put_zone(self, name, like):
        shutil.copyfile("/usr/share/zoneinfo/" + like, "/proc/%d/root/usr/share/zoneinfo/%s" % (self.pid, name))


@test("after an update of the time zones, a reload reads them again")
def _():
    if subprocess.run(["unshare", "-m", "sh", "-c", ZonesOfItsOwn.MAKE, "sh", "true"], stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL).returncode != 0:
        skip("no time zones can be hidden here")
    with ZonesOfItsOwn() as d, d.client() as c:
        def hours(method, **params):
            return [at[11:16] for at in c.call(method, **params)["next"][1:]]
        noon = {"name": "noon", "cron": "0 12 * * *", "timezone": "Here", "job": {"type": "noop"}}
        refused("invalid_params", c.call, "schedule.put", **noon)
        d.put_zone("Here", like="Asia/Kolkata")
        equal(hours("schedule.put", **noon), ["06:30"] * 4)
        d.put_zone("Here", like="Asia/Tokyo")
        equal(c.call("daemon.reload"), {"reloaded": True})
        equal(hours("schedule.get", name="noon"), ["03:00"] * 4)
        d.put_zone("Here", like="Asia/Dubai")
        d.signal(signal.SIGHUP)
        eventually(lambda: hours("schedule.get", name="noon") == ["08:00"] * 4, "the zone of after the signal")


@test("listed by name, in pages; deleted; and not there")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        equal(c.call("schedule.list"), {"schedules": []})
        for n in range(30):
            c.call("schedule.put", name="s%02d" % n, every=3600 + n, job=NOOP)
        whole = c.call("schedule.list")
        equal([s["name"] for s in whole["schedules"]], ["s%02d" % n for n in range(30)])
        check("next_cursor" not in whole and "next" not in whole["schedules"][0])
        check("next_at" in whole["schedules"][0])
        page = c.call("schedule.list", limit=20)
        rest = c.call("schedule.list", limit=20, cursor=page["next_cursor"])
        equal(page["schedules"] + rest["schedules"], whole["schedules"])
        check("next_cursor" not in rest)
        equal(c.call("schedule.delete", name="s07"), {"name": "s07"})
        equal(len(c.call("schedule.list")["schedules"]), 29)
        for method in ("schedule.get", "schedule.delete", "schedule.trigger"):
            equal(refused("not_found", c.call, method, name="s07").data["field"], "name")


@test("10,000 and no more")
def _():
    if SANITIZED:
        return
    with Daemon("pool.processes=1") as d, d.client() as c:
        numbers = [c.send("schedule.put", name="s%d" % n, every=3600, job=NOOP) for n in range(500)]
        for n in range(500, 10000):
            numbers.append(c.send("schedule.put", name="s%d" % n, every=3600, job=NOOP))
            c.result(numbers[n - 500])
        for number in numbers[-500:]:
            c.result(number)
        refused("overloaded", c.call, "schedule.put", name="more", every=3600, job=NOOP)
        c.call("schedule.put", name="s1", every=3600, job=NOOP)
        equal(len(c.call("schedule.list")["schedules"]), 10000)
        c.call("schedule.delete", name="s5000")
        c.call("schedule.put", name="more", every=3600, job=NOOP)
        d.restart(hard=True)
        with d.client() as again:
            equal(len(again.call("schedule.list")["schedules"]), 10000)


@test("a trigger makes a job at once, paused or not, and moves nothing")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        put = c.call("schedule.put", name="s", every=3600, job=NOOP)
        record = c.call("job.wait", id=c.call("schedule.trigger", name="s")["id"])
        equal((record["schedule"], record["state"]), ("s", "succeeded"))
        check("scheduled_for" not in record)
        got = c.call("schedule.get", name="s")
        equal((got["next"], got["last_job"]), (put["next"], record["id"]))
        paused = c.call("schedule.put", name="s", every=3600, job=dict(NOOP, hold=True), paused=True)
        equal((paused["next"], paused["paused"]), ([], True))
        held = c.call("schedule.trigger", name="s")["id"]
        equal(c.call("job.get", id=held)["state"], "held")
        # What a submit would be refused for, a trigger is.
        c.call("schedule.put", name="u", every=3600, job=dict(NOOP, hold=True, unique={"key": "k", "on_conflict": "reject"}))
        first = c.call("schedule.trigger", name="u")["id"]
        error = refused("conflict", c.call, "schedule.trigger", name="u")
        equal((error.data["id"], error.data["field"]), (first, "job.unique"))


@test("paused: nothing fires, and nobody makes up for it")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        c.call("schedule.put", name="s", every=BEAT, job=NOOP, catch_up="all")
        await_jobs(c, "s", 2)
        c.call("schedule.put", name="s", every=BEAT, job=NOOP, catch_up="all", paused=True)
        n = len(jobs_of(c, "s"))
        c.call("schedule.put", name="clock", every=BEAT, job=NOOP)
        await_jobs(c, "clock", 6)
        equal(len(jobs_of(c, "s")), n)
        resumed = time.time()
        c.call("schedule.put", name="s", every=BEAT, job=NOOP, catch_up="all")
        jobs = await_jobs(c, "s", n + 2)
        on_the_beat(jobs, BEAT)
        check(seconds(jobs[n]["scheduled_for"]) > resumed - 0.001, jobs[n])


@test("overlap: skip, allow and queue, while the last job is not over")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        held = dict(NOOP, hold=True)
        for overlap in ("skip", "allow", "queue"):
            c.call("schedule.put", name=overlap, every=BEAT, job=held, overlap=overlap)
        await_jobs(c, "allow", 4)
        skip = eventually(lambda: (s := c.call("schedule.get", name="skip")).get("skipped", 0) >= 2 and s, "what was skipped")
        check("last_skipped_at" in skip and "error" not in skip)
        equal(len(jobs_of(c, "skip")), 1)
        eventually(lambda: c.call("schedule.get", name="queue").get("skipped", 0) >= 2, "what was skipped")
        jobs = jobs_of(c, "queue")
        equal(len(jobs), 1)
        waiting = c.call("schedule.get", name="queue")["waiting_for"]
        check(abs(seconds(waiting) - seconds(jobs[0]["scheduled_for"]) - BEAT) < 0.001)
        # The one that waits outlives the daemon, too.
        d.kill9()
        d.start()
        with d.client() as c:
            equal(len(jobs_of(c, "queue")), 1)
            c.call("job.cancel", id=jobs[0]["id"])
            jobs = await_jobs(c, "queue", 2)
            equal(jobs[1]["scheduled_for"], waiting)
            on_the_beat(jobs, BEAT)
            c.call("job.cancel", id=jobs_of(c, "skip")[0]["id"])
            on_the_beat(await_jobs(c, "skip", 2), BEAT)


@test("catch_up: none, one, all of what passed while the daemon was down")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        for how in ("none", "one", "all"):
            c.call("schedule.put", name=how, every=BEAT, job=NOOP, catch_up=how, overlap="allow")
        for how in ("none", "one", "all"):
            await_jobs(c, how, 1)
        d.kill9()
        down = time.time()
        eventually(lambda: time.time() > down + 8 * BEAT, "time to be missed")
        started = time.time()
        d.start()
        with d.client() as c:
            jobs = {how: await_jobs(c, how, len(jobs_of(c, how)) + 3) for how in ("none", "one", "all")}
            up = time.time()
            for how in jobs:
                on_the_beat(jobs[how], BEAT)
            missed = {how: [j for j in jobs[how] if down < seconds(j["scheduled_for"]) < started] for how in jobs}
            equal(missed["none"], [])
            check(len(missed["one"]) <= 1, missed["one"])
            late = [j for j in jobs["one"] if seconds(j["scheduled_for"]) <= seconds(j["submitted_at"]) - BEAT]
            equal(late, [], "one makes up for the last one only")
            check(len(missed["all"]) >= 7, missed["all"])
            times = on_the_beat(jobs["all"], BEAT)
            equal([b - a for a, b in zip(times, times[1:])], [round(BEAT * 1000)] * (len(times) - 1), "none is left out")
            check(up > started)


@test("a job that cannot be made is a skipped time, with its reason")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        holder = c.call("job.submit", type="noop", hold=True, unique={"key": "k"})["id"]
        c.call("schedule.put", name="s", every=BEAT, job=dict(NOOP, unique={"key": "k", "on_conflict": "reject"}))
        got = eventually(lambda: (s := c.call("schedule.get", name="s")).get("skipped", 0) >= 2 and s, "what was skipped")
        check("job %d" % holder in got["error"], got)
        c.call("job.cancel", id=holder)
        await_jobs(c, "s", 1)
        eventually(lambda: "error" not in c.call("schedule.get", name="s"), "the end of the error")


@test("a full daemon: the firing waits for room")
def _():
    with Daemon("pool.processes=1", "limits.jobs=1") as d, d.client() as c:
        blocker = c.call("job.submit", type="noop", hold=True)["id"]
        put = c.call("schedule.put", name="s", every=BEAT, job=NOOP, catch_up="all")
        d.wait_log("schedule s: limits.jobs is reached")
        equal(jobs_of(c, "s"), [])
        c.call("job.cancel", id=blocker)
        equal(await_jobs(c, "s", 1)[0]["scheduled_for"], put["next_at"])


@test("a jitter: later than the time, always the same, never out of order")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        c.call("schedule.put", name="s", every=BEAT, jitter=BEAT * 0.9, job=NOOP, overlap="allow", catch_up="all")
        jobs = await_jobs(c, "s", 8)
        on_the_beat(jobs, BEAT)
        late = [seconds(j["submitted_at"]) - seconds(j["scheduled_for"]) for j in jobs]
        check(min(late) >= 0, late)
        check(max(late) - min(late) > BEAT * 0.1, late)


@test("deleted while it fires: no more come")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        for _ in range(8):
            c.call("schedule.put", name="s", every=0.1, job=NOOP, overlap="allow")
            await_jobs(c, "s", 1)
            c.call("schedule.delete", name="s")
            n = len(jobs_of(c, "s"))
            c.call("schedule.put", name="clock", every=0.1, job=NOOP)
            await_jobs(c, "clock", 2)
            equal(len(jobs_of(c, "s")), n)
            c.call("schedule.delete", name="clock")
            for job in c.call("job.list", limit=1000)["jobs"]:
                c.call("job.wait", id=job["id"])
                c.call("job.delete", id=job["id"])


@test("kill -9 in the middle of firings, again and again: none is lost, none comes twice")
def _():
    print("# SCHEDULES_SEED=%d" % SEED)
    chance = random.Random(SEED)
    many, beat = (5, 1) if SANITIZED else (40, 0.2)
    with Daemon("pool.processes=1", "shutdown.grace=0") as d:
        with d.client() as c:
            for n in range(many):
                c.call("schedule.put", name="s%d" % n, every=beat, job=NOOP, overlap="allow", catch_up="all")
        for life in range(6):
            moment = time.monotonic() + chance.uniform(0.1, 3 * beat)
            eventually(lambda: time.monotonic() >= moment, "the moment")
            if chance.random() < 0.7:
                d.restart(hard=True)
            else:
                d.stop()
                d.start()
        with d.client() as c:
            jobs = collections.defaultdict(list)
            eventually(lambda: all(seconds(s["next_at"]) > time.time() - 2 * beat for s in c.call("schedule.list")["schedules"]),
                       "all to be made up for")
            listed, cursor = [], {}
            for n in range(many):
                c.call("schedule.put", name="s%d" % n, every=beat, job=NOOP, overlap="allow", catch_up="all", paused=True)
            while cursor is not None:
                page = c.call("job.list", order="oldest", limit=1000, **cursor)
                listed += page["jobs"]
                cursor = {"cursor": page["next_cursor"]} if "next_cursor" in page else None
            for job in listed:
                jobs[job["schedule"]].append(job)
            equal(len(jobs), many)
            for name, made in jobs.items():
                times = on_the_beat(made, beat)
                equal([b - a for a, b in zip(times, times[1:])], [round(beat * 1000)] * (len(times) - 1), "%s left one out" % name)
            print("# %d firings of %d schedules" % (len(listed), many))


main()
