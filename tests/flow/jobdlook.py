"""What tests look at besides replies: whether a record is as the contract has it, and processes as the kernel shows them."""

import calendar
import os
import re
import time

from jobdtest import check, equal

# ---- the record, as the contract has it ----

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
WAITING = ("held", "blocked", "scheduled", "ready")
FINAL = ("succeeded", "failed", "cancelled", "expired")
TIMES = ("submitted_at", "run_at", "started_at", "finished_at", "expires_at", "cancel_requested_at")
ALWAYS = {"id", "type", "class", "queue", "priority", "state", "attempt", "max_attempts", "submitted_at"}
SOMETIMES = {"reason", "args", "tags", "meta", "run_at", "started_at", "finished_at", "expires_at", "timeout", "unique_key",
             "cancel_requested_at", "progress", "result", "error", "history", "output_bytes"}
REASONS = {"held": ("held",), "scheduled": ("delay", "retry"), "blocked": ("dependency",),
           "ready": ("draining", "queue_paused", "io_busy", "pool_busy", "next")}
ERRORS = ("exit_status", "signal", "spawn", "timeout", "http_status", "redirects", "connect", "resolve", "tls", "io", "too_large",
          "limit", "worker_lost", "interrupted", "handler", "cancelled", "expired", "dependency")


def seconds_of(time_text):
    """A time of the wire as Unix seconds."""
    check(RFC3339.match(time_text), time_text)
    whole = calendar.timegm(time.strptime(time_text[:19], "%Y-%m-%dT%H:%M:%S"))
    return whole + int(time_text[20:23]) / 1000


def sound_error(error, at):
    equal(set(error), {"reason", "message"}, at)
    check(error["reason"] in ERRORS and error["message"], at)


def sound_history(job):
    number = 0
    for entry in job.get("history", []):
        check(set(entry) <= {"attempt", "started_at", "finished_at", "outcome", "error", "where"}, entry)
        check(entry["attempt"] > number, "attempt numbers only grow: %r" % job["history"])
        number = entry["attempt"]
        check(entry["outcome"] in ("succeeded", "failed", "cancelled", "interrupted"), entry)
        equal("error" in entry, entry["outcome"] != "succeeded", entry)
        if "error" in entry:
            sound_error(entry["error"], entry)
        check(seconds_of(entry["started_at"]) <= seconds_of(entry["finished_at"]), entry)
    return number


def sound(job):
    """Checks that the record says all that it must, and nothing that it may not; returns it."""
    check(ALWAYS <= set(job) <= ALWAYS | SOMETIMES, "members: %r" % sorted(set(job) ^ ALWAYS))
    check(None not in [job[name] for name in job if name != "meta"], job)
    check({} not in [job.get("tags"), job.get("progress"), job.get("error")], job)
    equal(job.get("history", None) == [], False, job)
    for name in TIMES:
        check(name not in job or seconds_of(job[name]), job)
    state = job["state"]
    check(state in WAITING + ("running",) + FINAL, job)
    check((job.get("reason") in REASONS[state]) if state in WAITING else "reason" not in job, job)
    equal("started_at" in job, job["attempt"] > 0, job)
    ended = sound_history(job)
    if state == "running":
        check(ended < job["attempt"] and "finished_at" not in job, job)
    else:
        equal(ended, job["attempt"], job)
        check(job["attempt"] == 0 or "finished_at" in job, job)
    if state == "succeeded":
        check("error" not in job and "result" in job, job)
    if ended == 0 and state not in FINAL:
        check("error" not in job and "result" not in job, job)
    if state in ("failed", "expired"):
        sound_error(job["error"], job)
    return job


# ---- processes, as the kernel shows them ----

def rss(pid):
    """The resident memory of a process, in bytes."""
    with open("/proc/%d/status" % pid) as status:
        return int(re.search(r"^VmRSS:\s+(\d+) kB", status.read(), re.M).group(1)) * 1024


def processes():
    """All there are that are no zombies: {pid: parent's pid}."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % name) as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if fields[0] not in "ZX":
            found[int(name)] = int(fields[1])
    return found


def children(pid):
    """The pids of its children; of jobd: its pool's processes."""
    return sorted(child for child, parent in processes().items() if parent == pid)


def with_mark(mark):
    """The pids of processes in whose command line or environment the mark stands."""
    found = []
    for pid in processes():
        try:
            with open("/proc/%d/cmdline" % pid, "rb") as cmdline, open("/proc/%d/environ" % pid, "rb") as environ:
                if mark.encode() in cmdline.read() + environ.read():
                    found.append(pid)
        except OSError:
            continue
    return found
