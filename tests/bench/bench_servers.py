"""The servers and helpers of the bench: each a process or a few, with a directory and a port of its own."""
import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from bench_install import CACHE, PYTHON, postgres_program, program

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("BUILDDIR", "."))
JOBD = os.path.abspath(os.environ.get("JOBD", os.path.join(BUILD, "jobd")))
PATIENCE = 300      # seconds that one figure may take


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def rss(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        for line in f:
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
    raise RuntimeError(f"process {pid} has ended")


class Server:
    """Started when first asked for, alive until the bench ends. Others that it needs are started before it, and lend
    their ports to its command line by their names: "{redis}"."""
    user = None

    def __init__(self, command, copies=1, listens=True, after=(), env=None):
        self.command, self.copies, self.listens, self.after, self.env = command, copies, listens, dict(after), env or {}
        self.processes = []
        self.directory = None
        self.port = None

    def fill(self, text):
        ports = {name: server.port for name, server in self.after.items()}
        return text.format(port=self.port, dir=self.directory, **ports)

    def spawn(self, **pipes):
        words = [self.fill(word) for word in self.command]
        env = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", **{name: self.fill(value) for name, value in self.env.items()})
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": self.log}
        process = subprocess.Popen(words, env=env, cwd=self.directory, user=self.user, **{**quiet, **pipes})
        self.processes.append(process)
        return process

    def prepare(self):
        """What has to be in the directory first."""

    def start(self):
        if self.directory:
            return self
        for server in self.after.values():
            server.start()
        self.directory = tempfile.mkdtemp(prefix="jobd-bench-")
        self.log = open(os.path.join(self.directory, "stderr"), "wb")    # closed by stop()
        self.port = free_port()
        try:
            self.prepare()
            self.launch()
        except BaseException:
            self.stop()
            raise
        return self

    def launch(self):
        for _ in range(self.copies):
            self.spawn()
        if self.listens:
            self.wait_for_port()

    def wait_for_port(self):
        until = time.monotonic() + 30
        while time.monotonic() < until:
            if self.processes[0].poll() is not None:
                break
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.01)
        raise RuntimeError(f"{self.command[0]} did not come up: {self.last_words()}")

    def last_words(self):
        with open(self.log.name, encoding="utf-8", errors="replace") as f:
            return f.read()[-2000:].strip() or "it said nothing"

    def stop(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self.directory:
            self.log.close()
            shutil.rmtree(self.directory, ignore_errors=True)
        self.processes, self.directory = [], None

    def pid(self):
        return self.processes[0].pid


class Postgres(Server):
    """A cluster of its own. It refuses to be root's."""

    def prepare(self):
        if os.geteuid() == 0:
            self.user = "postgres"
            shutil.chown(self.directory, self.user)
        data = os.path.join(self.directory, "data")
        words = [postgres_program("initdb"), "-D", data, "-U", "bench", "-A", "trust", "--no-instructions"]
        if subprocess.run(words, check=False, stdout=self.log, stderr=self.log, user=self.user, cwd=self.directory).returncode != 0:
            raise RuntimeError("initdb failed: " + self.last_words())

    def wait_for_port(self):
        super().wait_for_port()
        psql = [postgres_program("psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "bench", "-qc"]
        table = "CREATE TABLE job (id bigserial PRIMARY KEY, state text NOT NULL, payload text NOT NULL)"
        until = time.monotonic() + 30
        while subprocess.run(psql + [table, "postgres"], check=False, stderr=self.log, cwd="/").returncode != 0:
            if time.monotonic() > until:
                raise RuntimeError("PostgreSQL does not answer: " + self.last_words())
            time.sleep(0.05)


class Nginx(Server):
    def prepare(self):
        places = "".join(f"{kind}_temp_path {self.directory}/{kind}; "
                         for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root; " if os.geteuid() == 0 else ""
        with open(os.path.join(self.directory, "conf"), "w", encoding="ascii") as f:
            f.write(f"{user}daemon off; worker_processes {os.cpu_count()}; pid {self.directory}/pid; error_log stderr crit;\n"
                    "events { worker_connections 4096; }\n"
                    f"http {{ access_log off; keepalive_requests 1000000000; {places}\n"
                    f"server {{ listen 127.0.0.1:{self.port} backlog=4096;\n"
                    'location / { default_type text/plain; return 200 "You have waited.\\n"; } } }\n')


class Talker(Server):
    """A peer's own client, kept running: a line "WORK COUNT" to it, a figure back."""

    def launch(self):
        self.spawn(stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, *words):
        process = self.start().processes[0]
        process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
        line = process.stdout.readline() if ready else b""
        if not line:
            raise RuntimeError(f"{' '.join(self.command)}: no figure: {self.last_words()}")
        return float(line)


def here(name):
    return os.path.join(HERE, name)


def jobd():
    """A daemon as it is run, but for its address and as many processes as each peer has workers."""
    return Server([JOBD, "-o", "state.directory={dir}", "-o", "listen.tcp=127.0.0.1:{port}", "-o", "listen.unix={dir}/s",
                   "-o", "pool.processes=2", "-o", "limits.io_jobs=20000", "-o", "log.level=error"])


def slowweb(seconds):
    return Server([os.path.join(BUILD, "slowweb"), "{port}", str(seconds)])


def redis(*settings):
    return Server(["redis-server", "--port", "{port}", "--bind", "127.0.0.1", "--dir", "{dir}", "--save", "", *settings])


def celery(broker, *words):
    """Workers, and the client that sends to them."""
    env = {"BENCH_BROKER": "redis://127.0.0.1:{broker}/1", "PYTHONPATH": HERE}
    worker = Server([PYTHON, "-m", "celery", "-A", "peer_celery", "worker", "-l", "ERROR", "--without-gossip", "--without-mingle",
                     "--without-heartbeat", "-n", "bench@localhost", *words], listens=False, after={"broker": broker}, env=env)
    return worker, Talker([PYTHON, here("peer_celery.py")], after={"broker": broker, "worker": worker}, env=env)


def make_servers():
    servers = {
        "jobd": jobd(),
        "beanstalkd -f0": Server(["beanstalkd", "-l", "127.0.0.1", "-p", "{port}", "-b", "{dir}", "-f0"]),
        "beanstalkd": Server(["beanstalkd", "-l", "127.0.0.1", "-p", "{port}"]),
        "redis": redis("--appendonly", "yes", "--appendfsync", "always"),
        "volatile redis": redis(),
        # Those whose broker it is have one to themselves, so that what they leave there is in no other's way. It syncs
        # what it acknowledges, as jobd does; without that none of them would keep a job through a loss of power.
        "broker": redis("--appendonly", "yes", "--appendfsync", "always"),
        "volatile broker": redis(),
        "gearmand": Server(["gearmand", "--listen", "127.0.0.1", "--port", "{port}", "-l", "{dir}/log"]),
        "postgresql": Postgres([postgres_program("postgres") or "postgres", "-D", "{dir}/data", "-p", "{port}", "-k", "{dir}",
                                "-c", "listen_addresses=127.0.0.1"]),
        "pool": Talker([PYTHON, here("peer_pool.py")]),
        "scratch": Server([], copies=0, listens=False),     # a directory, for those that have no server
        "slowweb": slowweb(1),
        "slowweb at once": slowweb(0),
        "nginx": Nginx([program("nginx") or "nginx", "-p", "{dir}", "-c", "{dir}/conf", "-e", "stderr"]),
    }
    broker = {"broker": servers["broker"]}
    prefork = ("--pool", "prefork", "--concurrency", "2")
    servers["celery worker"], servers["celery"] = celery(servers["broker"], *prefork)
    servers["volatile celery worker"], servers["volatile celery"] = celery(servers["volatile broker"], *prefork)
    servers["gevent worker"], servers["celery gevent"] = celery(servers["volatile broker"], "--pool", "gevent", "--concurrency",
                                                                "10000", "-Q", "gevent")
    env = {"PYTHONPATH": HERE, "BENCH_BROKER": "redis://127.0.0.1:{broker}/2"}
    servers["rq worker"] = Server([PYTHON, "-m", "rq.cli", "worker", "--quiet", "--url", "redis://127.0.0.1:{broker}/2", "bench"],
                                  copies=2, listens=False, after=broker, env=env)
    servers["rq"] = Talker([PYTHON, here("peer_rq.py")], after={**broker, "worker": servers["rq worker"]}, env=env)
    node = {"NODE_PATH": os.path.join(CACHE, "node_modules")}
    servers["bullmq worker"] = Server(["node", here("peer_bullmq.js"), "{broker}", "worker"], copies=2, listens=False, after=broker,
                                      env=node)
    servers["bullmq"] = Talker(["node", here("peer_bullmq.js"), "{broker}"], after={**broker, "worker": servers["bullmq worker"]},
                               env=node)
    return servers
