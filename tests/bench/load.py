"""What the benchmarks of scale, lag, memory and a day share: jobs by the thousand, pings, the loop's lag, lines of a table."""

import json
import os
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "flow"))
from jobdtest import Client, check  # noqa: E402

LINE = 2000                 # jobs a submit_many: what fits well in a line
IN_FLIGHT = 4               # of these at once
PING_EVERY = 0.002


# ---- a table ----

def say(what, figure, bound="", out=False):
    """A line; `!` marks a figure that is out of its bound."""
    print("%-58s %-42s %s%s" % (what, figure, bound, "  !" if out else ""), flush=True)


def machine():
    with open("/proc/cpuinfo", encoding="ascii") as cpuinfo:
        models = [line.split(":", 1)[1].strip() for line in cpuinfo if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    return "%d x %s, %d GiB, Linux %s" % (os.cpu_count(), models[0] if models else os.uname().machine, memory, os.uname().release)


def mib(size):
    return "%.1f MiB" % (size / (1 << 20))


def quantile(took, part):
    return took[min(len(took) - 1, int(len(took) * part))]


def quantiles(took):
    """Of sorted milliseconds."""
    return "p50 %.2f, p99 %.2f, max %.2f ms" % (quantile(took, 0.5), quantile(took, 0.99), took[-1])


def timed(work):
    """Seconds, and what work() gives."""
    begun = time.monotonic()
    got = work()
    return time.monotonic() - begun, got


# ---- many jobs ----

class Lines:
    """Requests of one connection, some in flight; their replies are only looked at for errors."""

    def __init__(self, to, in_flight=IN_FLIGHT):
        self.client = Client(to, timeout=600)
        self.room = threading.Semaphore(in_flight)
        self.in_flight = in_flight
        self.wrong = None
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        while True:
            line = self.client.read_line()
            if line is None:
                break
            if b'"error"' in line[:64]:
                self.wrong = line[:500]
            self.room.release()
        for _ in range(self.in_flight):
            self.room.release()

    def send(self, line):
        self.room.acquire()
        check(self.wrong is None, self.wrong)
        self.client.write(line)

    def finish(self):
        """Until all have been answered."""
        for _ in range(self.in_flight):
            self.room.acquire()
        for _ in range(self.in_flight):
            self.room.release()
        check(self.wrong is None, self.wrong)

    def close(self):
        self.client.socket.shutdown(socket.SHUT_WR)
        self.reader.join()
        self.client.close()


def submit_line(jobs):
    return '{"jsonrpc":"2.0","id":0,"method":"job.submit_many","params":{"jobs":[%s]}}\n' % ",".join(jobs)


def fill(to, n, job_of):
    """Submits job_of(0) .. job_of(n - 1), which are texts, a line of them at a time; the seconds that it took."""
    begun = time.monotonic()
    lines = Lines(to)
    for at in range(0, n, LINE):
        lines.send(submit_line([job_of(i) for i in range(at, min(n, at + LINE))]))
    lines.finish()
    lines.close()
    return time.monotonic() - begun


# ---- pings, from a process of their own ----

class Pings:
    """A client that pings every 2 ms; with Pings(d) as pings: ...; then pings.took, sorted milliseconds."""

    def __init__(self, d):
        self.to = d.unix

    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), self.to], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        check(self.process.stdout.readline() == "pinging\n", "no pings")
        return self

    def __exit__(self, *_):
        out, _ = self.process.communicate()
        self.took = sorted(json.loads(out))
        return False


def ping_until_told(to):
    told = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), told.set()), daemon=True).start()
    took = []
    with Client(to, timeout=600) as c:
        c.call("daemon.ping")
        print("pinging", flush=True)
        while not took or not told.is_set():
            begun = time.monotonic()
            c.call("daemon.ping")
            took.append((time.monotonic() - begun) * 1000)
            time.sleep(PING_EVERY)
    print(json.dumps(took))


# ---- the loop's lag ----

def lag_begin(c):
    return c.call("daemon.status")["loop"]


def lag_since(c, before):
    """Upper bounds of the loop's lag since: {"p50", "p99", "max", "samples"}, in ms; the last bucket's is the largest ever."""
    now = c.call("daemon.status")["loop"]
    counted = dict((bound, -n) for bound, n in before["lag_histogram"])
    for bound, n in now["lag_histogram"]:
        counted[bound] = counted.get(bound, 0) + n
    total = sum(counted.values())
    lag = {"samples": total}
    for name, part in (("p50", 0.5), ("p99", 0.99), ("max", 1)):
        seen = bound = 0            # where no tick was due meanwhile
        for bound in sorted((b for b in counted if counted[b] > 0), key=lambda b: (b is None, b)):
            seen += counted[bound]
            if seen >= total * part:
                break
        lag[name] = now["lag_max_ms"] if bound is None else min(bound, now["lag_max_ms"])
    return lag


def lag_text(lag):
    return "p50 %.2f, p99 %.2f, max %.2f ms of %d" % (lag["p50"], lag["p99"], lag["max"], lag["samples"])


def kept_waiting(d):
    """Seconds in which the loop's thread ran; and in which it was ready to, and got no core."""
    with open("/proc/%d/task/%d/schedstat" % (d.pid, d.pid), encoding="ascii") as stat:
        return [int(ns) / 1e9 for ns in stat.read().split()[:2]]


def real_time(d):
    """The loop's thread alone gets a core as soon as it can run."""
    try:
        os.sched_setscheduler(d.pid, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except OSError as error:
        say("with a core whenever it wants one", "not measured: " + error.strerror)
        return False
    return True


if __name__ == "__main__":
    ping_until_told(sys.argv[1])
