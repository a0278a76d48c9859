"""How each peer is given the work of a row: functions of a count that answer the figure. See bench_rows.py."""
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time

from bench_install import PYTHON, postgres_program
from bench_servers import BUILD, HERE, PATIENCE, jobd, rss, slowweb

PAYLOAD = "x" * 300


def output_of(words, **more):
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=PATIENCE, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{words[0]} exited with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout


def drive(server, work, peer, count, connections=1, depth=1, workers=2, variant=""):
    """The driver in C, which speaks jobd's, beanstalkd's, redis' and gearmand's protocols with as little of its own in
    the way as can be: no packaged client of theirs pipelines. Without a server, what is asked needs none."""
    port = server.start().port if server else 0
    words = [os.path.join(BUILD, "bench_driver"), work, peer, port, connections, depth, count, workers, variant]
    return float(output_of([str(word) for word in words]))


def pgbench(server, count, connections=1):
    """One INSERT a transaction, prepared, from one thread as the driver is."""
    server.start()
    script = os.path.join(server.directory, "insert.sql")
    if not os.path.exists(script):
        with open(script, "w", encoding="ascii") as f:
            f.write(f"INSERT INTO job (state, payload) VALUES ('ready', '{PAYLOAD}');\n")
    out = output_of([postgres_program("pgbench"), "-h", "127.0.0.1", "-p", str(server.port), "-U", "bench", "-n", "-M", "prepared",
                     "-f", script, "-c", str(connections), "-j", "1", "-t", str(max(1, count // connections)), "postgres"])
    return float(re.search(r"^tps = ([0-9.]+)", out, re.MULTILINE).group(1))


# ---- commands ----

def commands(scratch, count, script, **env):
    """A shell script that runs /bin/true $1 times, in a directory of its own."""
    place = tempfile.mkdtemp(dir=scratch.start().directory)
    env = {name: value.format(dir=place) for name, value in env.items()}
    begin = time.monotonic()
    output_of(["sh", "-euc", script, "sh", str(count)], env={**os.environ, **env}, cwd=place)
    took = time.monotonic() - begin
    shutil.rmtree(place, ignore_errors=True)
    return count / took


XARGS = 'seq "$1" | xargs -P2 -n1 /bin/true'
PARALLEL = 'seq "$1" | parallel -j2 /bin/true'
# Each job is added by a tsp of its own, as its users do; the last two to be added are the last to end.
TSP = '''trap 'tsp -K' EXIT
i=0; while [ $i -lt "$1" ]; do tsp /bin/true >tail; i=$((i + 1)); done
tsp -w $((i - 1)); [ $i -lt 2 ] || tsp -w $((i - 2))'''
TSP_ENV = {"TS_SOCKET": "{dir}/socket", "TMPDIR": "{dir}", "TS_SLOTS": "2"}
# One at a time: nq knows no more.
NQ = 'i=0; while [ $i -lt "$1" ]; do nq -q /bin/true; i=$((i + 1)); done; nq -w'
NQ_ENV = {"NQDIR": "{dir}"}


# ---- waiting ----

class Client:
    """jobd's protocol in a few lines, for what the driver has no row for."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.file = self.socket.makefile("rw", encoding="utf-8", newline="\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def call(self, method, **params):
        self.file.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}) + "\n")
        self.file.flush()
        reply = json.loads(self.file.readline())
        if "error" in reply:
            raise RuntimeError(f"{method}: {reply['error']}")
        return reply["result"]

    def submit(self, count, **job):
        for at in range(0, count, 1000):
            self.call("job.submit_many", jobs=[job] * min(1000, count - at))

    def until(self, state, count):
        """As many of them are in that state."""
        patience = time.monotonic() + PATIENCE
        while self.call("job.count", state=state)["total"] < count:
            if time.monotonic() > patience:
                raise RuntimeError(f"not {count} jobs are {state}: {self.call('job.count')}")
            time.sleep(0.005)


class FreshDaemon:
    """A jobd of one figure alone: what an earlier one made it allocate would hide what this one costs."""

    def __enter__(self):
        self.server = jobd().start()
        self.client = Client(self.server.port)
        return self

    def __exit__(self, *_):
        self.client.__exit__()
        self.server.processes[0].kill()     # its directory goes, too
        self.server.stop()

    def rss(self):
        return rss(self.server.pid())


def sleeping(count):
    """RSS for each of many sleeping jobs."""
    with FreshDaemon() as d:
        d.client.submit(100, type="sleep", args={"seconds": 0})
        d.client.until("succeeded", 100)
        before = d.rss()
        d.client.submit(count, type="sleep", args={"seconds": 3600})
        d.client.until("running", count)
        return (d.rss() - before) / count / 1024


def http_job(web):
    return {"type": "http", "args": {"url": f"http://127.0.0.1:{web.start().port}/"}, "timeout": 3600}


def jobd_waits(web, count):
    """Seconds from the first submit to the last record on disk."""
    job = http_job(web)
    with FreshDaemon() as d:
        d.client.submit(100, **job)
        d.client.until("succeeded", 100)
        begin = time.monotonic()
        d.client.submit(count, **job)
        d.client.until("succeeded", 100 + count)
        return time.monotonic() - begin


def celery_waits(client, web, count):
    url = f"http://127.0.0.1:{web.start().port}/"
    client.ask("waits", 10, url)            # once its worker is there
    return client.ask("waits", count, url)


FETCHERS = {
    "curl": [os.path.join(BUILD, "bench_curl")],
    "node": ["node", os.path.join(HERE, "peer_node.js")],
    "aiohttp": [PYTHON, os.path.join(HERE, "peer_aiohttp.py")],
}


def fetcher(name, web, count, at_once, warm):
    """The command line of one of the loops without a job system. It is a process of one figure alone, and so has `warm`
    requests to warm up."""
    return FETCHERS[name] + [f"http://127.0.0.1:{web.start().port}/", str(count), str(at_once), str(warm)]


def waits(name, web, count):
    return float(output_of(fetcher(name, web, count, count, 100)))


def fetch_rate(name, web, count, at_once):
    return count / float(output_of(fetcher(name, web, count, at_once, 2000)))


# ---- in flight: of a web server that never answers, so that all there are wait at the same time ----

FEW = 100       # what these cost is not counted: the first of anything costs more


@contextlib.contextmanager
def silent_web():
    """One for each figure: it holds the connections of those that were killed."""
    web = slowweb(86400).start()
    try:
        yield web
    finally:
        web.stop()


def connections(web):
    """How many the server has that are up."""
    port = f":{web.port:04X}"
    with open("/proc/net/tcp", encoding="ascii") as f:
        return sum(fields[1].endswith(port) and fields[3] == "01" for fields in map(str.split, f))


def rss_in_flight(pid, web, count):
    """Once all are connected, and the process no longer grows."""
    patience, before = time.monotonic() + PATIENCE, 0
    while connections(web) < count or rss(pid) != before:
        before = rss(pid)
        if time.monotonic() > patience:
            raise RuntimeError(f"{connections(web)} of {count} connections are up")
        time.sleep(0.1)
    return before


def loop_rss(name, count):
    with silent_web() as web:
        process = subprocess.Popen(fetcher(name, web, count, count, 0), stdout=subprocess.DEVNULL)
        try:
            return rss_in_flight(process.pid, web, count)
        finally:
            process.kill()
            process.wait()


def in_flight(name, count):
    return (loop_rss(name, count) - loop_rss(name, FEW)) / (count - FEW) / 1024


def jobd_in_flight(count):
    with silent_web() as web, FreshDaemon() as d:
        d.client.submit(FEW, **http_job(web))
        few = rss_in_flight(d.server.pid(), web, FEW)
        d.client.submit(count - FEW, **http_job(web))
        return (rss_in_flight(d.server.pid(), web, count) - few) / (count - FEW) / 1024
