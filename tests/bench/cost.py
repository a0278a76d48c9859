#!/usr/bin/env python3
"""What a submit and a dispatch cost, however much waits: make bench-cost.

Instructions and pages written of the daemon itself, all of its threads: a submit from the request's line to the reply,
a dispatch from a ready job to its final record (a `sleep` of 0 seconds). Each is measured one at a time, a transaction
each, and many at once, which share them. The ratio is to the smallest case of the same jobs; `!` marks those out of
25 %. Jobs of one transaction share the pages that they lie on together: with many queues, groups and keys these are
fewer, which is what the ratios of the pages many at once say.

Instructions are those of the processor's counter, in user mode; where it has none, callgrind's; where there is no
valgrind, the time of the processor stands in for them.

  cost.py [--quick] [--only WORD,...] [--counter perf|callgrind|time]
"""
import argparse
import collections
import concurrent.futures
import ctypes
import glob
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "flow"))
from jobdtest import Daemon, eventually, tempdir  # noqa: E402

BUILD = os.environ.get("BUILDDIR", ".")
ONE, MANY = 1, 256
OPS = 512                   # measured of each kind, at least
SMALL = 1000
CALL = 2500                 # jobs a submit_many


# ---- counters ----

class PerfAttr(ctypes.Structure):
    """struct perf_event_attr, as of its first version."""
    _fields_ = [("type", ctypes.c_uint32), ("size", ctypes.c_uint32), ("config", ctypes.c_uint64),
                ("period", ctypes.c_uint64), ("sample_type", ctypes.c_uint64), ("read_format", ctypes.c_uint64),
                ("flags", ctypes.c_uint64), ("rest", ctypes.c_uint64 * 2)]


PERF_INSTRUCTIONS = (0, 1)              # PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS
PERF_USER_ONLY = 1 << 5 | 1 << 6        # exclude_kernel, exclude_hv
PERF_SYSCALL = {"x86_64": 298, "aarch64": 241}


def perf_open(tid):
    attr = PerfAttr(type=PERF_INSTRUCTIONS[0], config=PERF_INSTRUCTIONS[1], size=ctypes.sizeof(PerfAttr), flags=PERF_USER_ONLY)
    number = PERF_SYSCALL.get(os.uname().machine)
    return -1 if number is None else ctypes.CDLL(None).syscall(number, ctypes.byref(attr), tid, -1, -1, 0)


def threads(pid):
    return [int(os.path.basename(task)) for task in glob.glob("/proc/%d/task/*" % pid)]


class Counter:
    """Since begin() of a daemon: what its threads have done. The last read is where the next begins."""
    command = ()
    env = {}

    def begin(self, pid):
        self.pid = pid
        self.last = self.total()

    def read(self):
        before, self.last = self.last, self.total()
        return self.last - before


class Perf(Counter):
    name = "instructions of the processor's counter"

    @staticmethod
    def usable():
        fd = perf_open(0)
        if fd >= 0:
            os.close(fd)
        return fd >= 0

    def begin(self, pid):
        self.fds = [perf_open(tid) for tid in threads(pid)]
        super().begin(pid)

    def total(self):
        return sum(int.from_bytes(os.read(fd, 8), sys.byteorder) for fd in self.fds)


class Callgrind(Counter):
    name = "instructions as callgrind counts them"
    env = {"LD_PRELOAD": os.path.abspath(os.path.join(BUILD, ".libs", "bench_pidfd.so"))}

    def __init__(self):
        self.out = os.path.join(tempdir(), "out")
        self.command = ("valgrind", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=" + self.out)

    @staticmethod
    def usable():
        return shutil.which("valgrind") is not None and shutil.which("callgrind_control") is not None

    def control(self, what):
        subprocess.run(["callgrind_control", *what, str(self.pid)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def begin(self, pid):
        self.pid = pid
        self.dumps = 0
        self.control(["-i", "on"])
        self.read()

    def read(self):
        self.control(["-d"])
        self.dumps += 1
        with open("%s.%d" % (self.out, self.dumps), encoding="ascii", errors="replace") as dump:
            return int(next(line for line in dump if line.startswith(("summary:", "totals:"))).split()[1])


class Time(Counter):
    name = "nanoseconds of the processor: no counter of instructions, and no valgrind, is here"

    @staticmethod
    def usable():
        return True

    def total(self):
        ns = 0
        for task in glob.glob("/proc/%d/task/*/schedstat" % self.pid):
            with open(task, encoding="ascii") as stat:
                ns += int(stat.read().split()[0])
        return ns


COUNTERS = {"perf": Perf, "callgrind": Callgrind, "time": Time}


def counter_at_hand(wanted):
    usable = [kind for name, kind in COUNTERS.items() if wanted in (None, name) and kind.usable()]
    if not usable:
        sys.exit("cost.py: %s cannot be used here" % wanted)
    return usable[0]


# ---- cases ----

Case = collections.namedtuple("Case", "family jobs queues groups keys limit")


def cases(most, queues, flows):
    """Families of the same jobs, the smallest case first; 0 groups: none is named."""
    yield Case("plain", SMALL, 1, 0, 0, 0)
    yield Case("plain", most, 1, 0, 0, 0)
    yield Case("plain", most, queues, 0, 0, 0)
    yield Case("group and key", SMALL, 1, 1, 1, 1000)
    yield Case("group and key", most, 1, 1, 1, 1000)
    yield Case("group and key", most, queues, 1, 1, 1000)
    yield Case("group and key", most, 1, flows, 1, 1000)
    yield Case("group and key", most, 1, 1, flows, 1000)
    yield Case("group and key", most, queues, flows, flows, 1000)
    yield Case("full key", SMALL, 1, 1, 1, 8)
    yield Case("full key", most, queues, 1, 1, 8)
    yield Case("full key", most, 1, flows, 1, 8)


def job_of(case, n):
    """The n-th job, as text; numbers close to each other are of queues, groups and keys far from each other."""
    n = n * 7919
    job = '{"type":"sleep","args":{"seconds":0},"queue":"q%d"' % (n % case.queues)
    if case.groups:
        job += ',"group":"g%d","concurrency":{"key":"k%d","limit":%d}' % (n % case.groups, n % case.keys, case.limit)
    return job + "}"


# ---- a daemon that is counted ----

class Counted(Daemon):
    """Fills its state at full speed, then starts anew under the counter."""

    def __init__(self, counter):
        self.counter = counter
        self.counting = False
        self.jobs = 0
        super().__init__("pool.processes=1", start=False)
        self.conf = os.path.join(self.dir, "conf")
        self.args = ["-c", self.conf]

    def command(self):
        return list(self.counter.command if self.counting else ()) + super().command()

    def allow(self, io_jobs):
        with open(self.conf, "w", encoding="ascii") as conf:
            conf.write("limits { io_jobs = %d }\n" % io_jobs)

    def start_drained(self):
        self.allow(ONE)
        self.start()
        self.c = self.client(timeout=300)
        self.c.call("daemon.drain")

    def restart_counted(self):
        self.c.close()
        self.stop()
        self.counting = True
        self.env.update(self.counter.env)
        self.start_drained()

    def fill(self, case, n):
        while n > 0:
            some = min(n, CALL)
            jobs = ",".join(job_of(case, self.jobs + i) for i in range(some))
            self.c.write('{"jsonrpc":"2.0","id":0,"method":"job.submit_many","params":{"jobs":[%s]}}\n' % jobs)
            assert "result" in self.c.read()
            self.jobs += some
            n -= some

    def operations(self):
        status = self.c.call("daemon.status")
        return status["store"]["operations"], status["store"]["waiting"] + status["counts"]["running"]

    def settle(self):
        """Until nothing moves any more: what it begins with is in its windows, what was started has ended."""
        def still():
            before = self.operations()
            time.sleep(0.2)
            return before[1] == 0 and self.operations() == before
        eventually(still, "it is still", 300)

    def pages(self):
        return self.c.call("daemon.status")["store"]["pages_written"]

    def measure(self, work):
        """Instructions and pages of what work() does, for each of as many as it says."""
        self.settle()
        pages = self.pages()
        self.counter.read()
        n = work()
        count = self.counter.read()
        return count / n, (self.pages() - pages) / n

    def submits(self, case, at_once):
        lines = []
        for number in range(OPS):
            lines.append('{"jsonrpc":"2.0","id":%d,"method":"job.submit","params":%s}\n' % (number, job_of(case, self.jobs)))
            self.jobs += 1

        def work():
            for at in range(0, OPS, at_once):
                self.c.write("".join(lines[at:at + at_once]))
                for _ in range(at_once):
                    assert "result" in self.c.read()
            return OPS
        return self.measure(work)

    def counts(self):
        return self.c.call("daemon.status")["counts"]

    def run(self, n):
        """Lets n jobs run, and some more; how many did."""
        before = self.counts()["succeeded"]
        self.c.call("daemon.resume")
        while True:
            counts = self.counts()
            if counts["succeeded"] - before >= n or counts["ready"] + counts["running"] == 0:
                break
            time.sleep(0.2)
        self.c.call("daemon.drain")
        self.settle()
        return self.counts()["succeeded"] - before

    def dispatches(self, at_once):
        self.allow(at_once)
        self.c.call("daemon.reload")
        self.run(at_once)       # what a full key is in the way of is put aside once
        return self.measure(lambda: self.run(OPS))


def measure(case, counter):
    with Counted(counter) as d:
        d.start_drained()
        d.fill(case, case.jobs - SMALL)
        d.restart_counted()
        d.fill(case, SMALL)
        d.settle()
        counter.begin(d.pid)
        cost = []
        for at_once in (ONE, MANY):
            cost += d.submits(case, at_once)
        for at_once in (ONE, MANY):
            cost += d.dispatches(at_once)
        d.c.close()
        d.kill9()
    return cost


# ---- the table ----

HEAD = "%-14s %9s %7s %7s %7s" % ("jobs", "queued", "queues", "groups", "keys")


def head():
    print("%-48s" % "" + "".join("%-36s" % what for what in ("submit, one at a time", "submit, %d at once" % MANY,
                                                             "dispatch, one at a time", "dispatch, %d at once" % MANY)))
    print(HEAD + "".join(" %17s %17s" % ("instructions", "pages") for _ in range(4)))


def cell(value, smallest):
    ratio = value / smallest if smallest else 1
    text = "%.0f" % value if value >= 1000 else "%.2f" % value
    return " %9s x%5.2f%s" % (text, ratio, " " if 0.75 <= ratio <= 1.25 else "!")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="with a tenth of the jobs, queues, groups and keys")
    parser.add_argument("--only", default="", metavar="WORD,...", help="families whose name has one of these words")
    parser.add_argument("--counter", choices=COUNTERS)
    options = parser.parse_args()
    kind = counter_at_hand(options.counter)
    print("counted: %s" % kind.name)
    head()
    smallest = {}
    wanted = [case for case in (cases(100000, 1000, 10000) if options.quick else cases(1000000, 10000, 100000))
              if any(word in case.family for word in options.only.split(","))]
    with concurrent.futures.ThreadPoolExecutor(1 if kind is Time else os.cpu_count()) as pool:
        for case, cost in zip(wanted, pool.map(lambda case: measure(case, kind()), wanted)):
            least = smallest.setdefault(case.family, cost)
            print("%-14s %9d %7d %7d %7d" % case[:5] + "".join(cell(*pair) for pair in zip(cost, least)), flush=True)


if __name__ == "__main__":
    main()
