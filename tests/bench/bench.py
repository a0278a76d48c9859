#!/usr/bin/env python3
"""The bench: jobd beside its peers, as ratios from one run.

Each row asks the same work of jobd and of each peer that is installed, in turn
(A B A B ...), all of them alive, and prints medians with quartiles and the
ratio of the medians. A peer that is missing is named. Nothing is installed.

  bench.py [--quick] [--rows WORD,...] [--json FILE]
"""
import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("BUILDDIR", ".")
JOBD = os.environ.get("JOBD", os.path.join(BUILD, "jobd"))
DRIVER = os.path.join(BUILD, "bench_driver")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port, process):
    for _ in range(1000):
        if process.poll() is not None:
            raise RuntimeError("a server ended at once: " + str(process.args))
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.01)
    raise RuntimeError("no server came up: " + str(process.args))


class Server:
    """A server process with a port and a directory of its own, started when first asked for."""

    def __init__(self, name, program, command, ready=None):
        self.name, self.program, self.command, self.ready = name, program, command, ready
        self.process = None
        self.directory = None
        self.port = None

    def installed(self):
        return shutil.which(self.program) is not None

    def start(self):
        if self.process:
            return self
        self.directory = tempfile.mkdtemp(prefix="jobd-bench-")
        self.port = free_port()
        words = [w.format(port=self.port, dir=self.directory) for w in self.command]
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_for_port(self.port, self.process)
        return self

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            shutil.rmtree(self.directory, ignore_errors=True)
            self.process = None

    def rss(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS"))


def make_servers():
    jobd = [JOBD, "-o", "state.directory={dir}", "-o", "listen.tcp=127.0.0.1:{port}", "-o", "listen.unix={dir}/s",
            "-o", "pool.processes=2", "-o", "limits.io_jobs=20000", "-o", "log.level=error"]
    return {s.name: s for s in (
        Server("jobd", JOBD, jobd),
        Server("beanstalkd -f0", "beanstalkd", ["beanstalkd", "-l", "127.0.0.1", "-p", "{port}", "-b", "{dir}", "-f0"]),
        Server("beanstalkd", "beanstalkd", ["beanstalkd", "-l", "127.0.0.1", "-p", "{port}"]),
        Server("redis", "redis-server", ["redis-server", "--port", "{port}", "--dir", "{dir}", "--save", "",
                                         "--appendonly", "yes", "--appendfsync", "always"]),
        Server("gearmand", "gearmand", ["gearmand", "--listen", "127.0.0.1", "--port", "{port}", "-l", "{dir}/log"]),
    )}


def drive(server, work, peer, connections, depth, count, variant=""):
    words = [DRIVER, work, peer, str(server.port), str(connections), str(depth), str(count), "2"]
    out = subprocess.run(words + ([variant] if variant else []), check=True, capture_output=True, text=True, timeout=300)
    return float(out.stdout)


class Client:
    """jobd's protocol in a few lines, for what the driver has no row for."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.file = self.socket.makefile("rw", encoding="utf-8", newline="\n")

    def call(self, method, **params):
        self.file.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}) + "\n")
        self.file.flush()
        reply = json.loads(self.file.readline())
        if "error" in reply:
            raise RuntimeError(f"{method}: {reply['error']}")
        return reply["result"]

    def submit_all(self, jobs):
        ids = []
        for at in range(0, len(jobs), 1000):
            ids += [job["id"] for job in self.call("job.submit_many", jobs=jobs[at:at + 1000])["jobs"]]
        return ids

    def wait_all(self, ids):
        for at in range(0, len(ids), 1000):
            for job in self.call("job.wait", ids=ids[at:at + 1000])["jobs"]:
                if job["state"] != "succeeded":
                    raise RuntimeError(f"job {job['id']} {job['state']}: {job.get('error')}")


def exec_true(server, count):
    client = Client(server.port)
    jobs = [{"type": "exec", "args": {"argv": ["/bin/true"]}}] * count
    begin = time.monotonic()
    client.wait_all(client.submit_all(jobs))
    return count / (time.monotonic() - begin)


def xargs_true(count):
    lines = "\n".join(str(i) for i in range(count))
    begin = time.monotonic()
    subprocess.run(["xargs", "-P2", "-n1", "/bin/true"], input=lines, text=True, check=True)
    return count / (time.monotonic() - begin)


def sleeping_bytes(server, count):
    """RSS for each of many sleeping jobs, and the ping meanwhile."""
    client = Client(server.port)
    client.wait_all(client.submit_all([{"type": "sleep", "args": {"seconds": 0.01}}] * 100))
    before = server.rss()
    ids = client.submit_all([{"type": "sleep", "args": {"seconds": 3600}, "retain": 0}] * count)
    while client.call("daemon.status")["io"]["running"] < count:
        time.sleep(0.01)
    grown = (server.rss() - before) / count
    for number in ids:
        client.file.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "job.cancel", "params": {"id": number}}) + "\n")
        client.file.flush()
        client.file.readline()
    return grown


def http_waits(server, web, count):
    client = Client(server.port)
    jobs = [{"type": "http", "args": {"url": f"http://127.0.0.1:{web.port}/"}, "timeout": 60}] * count
    begin = time.monotonic()
    client.wait_all(client.submit_all(jobs))
    return time.monotonic() - begin


def bare_waits(web, count):
    out = subprocess.run([os.path.join(BUILD, "bench_curl"), f"http://127.0.0.1:{web.port}/", str(count)],
                         check=True, capture_output=True, text=True, timeout=300)
    return float(out.stdout)


class Row:
    """One line of the table: what is asked, of whom, and whether more is better."""

    def __init__(self, word, title, unit, more_is_better, runs):
        self.word, self.title, self.unit, self.more_is_better, self.runs = word, title, unit, more_is_better, runs


def make_rows(servers, quick):
    scale = 1 if quick else 4

    def submit(connections, depth, count):
        def run(server, peer, variant=""):
            return lambda: drive(servers[server].start(), "submit", peer, connections, depth, count * scale, variant)
        return run

    one, fifty, deep = submit(1, 1, 1000), submit(50, 1, 10000), submit(1, 100, 10000)

    def work(kind, server, peer, depth, count, variant=""):
        return lambda: drive(servers[server].start(), kind, peer, 1, depth, count * scale, variant)

    web = Server("web", os.path.join(BUILD, "slowweb"), [os.path.join(BUILD, "slowweb"), "{port}"])
    servers["web"] = web
    waits = 2000 if quick else 10000
    return [
        Row("submit1", "durable submit, 1 connection, one at a time", "/s", True,
            {"jobd": one("jobd", "jobd"), "beanstalkd -f0": one("beanstalkd -f0", "beanstalkd"),
             "redis XADD": one("redis", "redis", "xadd")}),
        Row("submit50", "durable submit, 50 connections", "/s", True,
            {"jobd": fifty("jobd", "jobd"), "redis XADD": fifty("redis", "redis", "xadd"),
             "redis LPUSH": fifty("redis", "redis", "lpush"), "beanstalkd -f0": fifty("beanstalkd -f0", "beanstalkd")}),
        Row("pipelined", "durable submit, pipelined 100 deep", "/s", True,
            {"jobd": deep("jobd", "jobd"), "redis XADD": deep("redis", "redis", "xadd"),
             "beanstalkd -f0": deep("beanstalkd -f0", "beanstalkd")}),
        Row("noop", "no-op jobs end to end, durable, 2 workers", "/s", True,
            {"jobd": work("noop", "jobd", "jobd", 256, 5000),
             "beanstalkd -f0": work("noop", "beanstalkd -f0", "beanstalkd", 100, 1500),
             "beanstalkd -f0, results": work("noop", "beanstalkd -f0", "beanstalkd", 100, 1500, "results")}),
        Row("volatile", "the same against peers that keep nothing", "/s", True,
            {"jobd": work("noop", "jobd", "jobd", 256, 5000), "gearmand": work("noop", "gearmand", "gearman", 100, 5000),
             "beanstalkd": work("noop", "beanstalkd", "beanstalkd", 100, 5000)}),
        Row("trip", "one job at a time, submit -> durable result, p50", "us", False,
            {"jobd": work("trip", "jobd", "jobd", 1, 500),
             "beanstalkd -f0, results": work("trip", "beanstalkd -f0", "beanstalkd", 1, 500),
             "gearmand (keeps nothing)": work("trip", "gearmand", "gearman", 1, 500)}),
        Row("exec", "exec /bin/true, output and usage recorded", "/s", True,
            {"jobd": lambda: exec_true(servers["jobd"].start(), 500 * scale), "xargs -P2": lambda: xargs_true(500 * scale)}),
        Row("sleeping", "10,000 sleeping coroutines, RSS each", "bytes", False,
            {"jobd": lambda: sleeping_bytes(servers["jobd"].start(), 10000)}),
        Row("waits", f"{waits:,} HTTP requests waiting 1 s", "s", False,
            {"jobd": lambda: http_waits(servers["jobd"].start(), web.start(), waits),
             "bare libcurl loop": lambda: bare_waits(web.start(), waits)}),
    ]


def available(servers, name):
    words = {"redis XADD": "redis", "redis LPUSH": "redis", "beanstalkd -f0, results": "beanstalkd -f0",
             "gearmand (keeps nothing)": "gearmand"}
    server = servers.get(words.get(name, name))
    return server is None or server.installed()


def measure(row, servers, rounds):
    names = [name for name in row.runs if available(servers, name)]
    for name in row.runs:
        if name not in names:
            print(f"    {name}: not installed, left out")
    figures = {name: [] for name in names}
    for turn in range(rounds + 1):
        for name in names:
            figure = row.runs[name]()
            if turn > 0:    # the first round warms up
                figures[name].append(figure)
    return figures


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def show(row, figures):
    mine = statistics.median(figures["jobd"])
    lines = []
    for name, values in figures.items():
        median = statistics.median(values)
        low, high = quartiles(values)
        ratio = mine / median
        text = f"    {name:26} {median:12,.1f} {row.unit:5} ({low:,.1f} .. {high:,.1f})"
        if name != "jobd":
            ahead = ratio >= 1 if row.more_is_better else ratio <= 1
            text += f"   jobd is {ratio:.2f} x, {'ahead' if ahead else 'behind'}"
        print(text, flush=True)
        lines.append({"name": name, "median": median, "low": low, "high": high, "jobd_ratio": ratio})
    return {"row": row.word, "title": row.title, "unit": row.unit, "figures": lines}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller counts, three rounds: under two minutes")
    parser.add_argument("--rows", help="only these, by their words, with commas between")
    parser.add_argument("--rounds", type=int, help="measured rounds of each row (9; quick: 3)")
    parser.add_argument("--json", help="write the figures to this file, too")
    arguments = parser.parse_args()
    rounds = arguments.rounds or (3 if arguments.quick else 9)
    servers = make_servers()
    results = []
    try:
        for row in make_rows(servers, arguments.quick):
            if arguments.rows and row.word not in arguments.rows.split(","):
                continue
            print(f"{row.title} [{row.word}]", flush=True)
            results.append(show(row, measure(row, servers, rounds)))
    finally:
        for server in servers.values():
            server.stop()
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as f:
            json.dump(results, f, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
