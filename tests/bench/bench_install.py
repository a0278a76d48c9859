"""What the peers need: how to see whether it is here, and what installs it. See bench.py."""
import glob
import json
import os
import shutil
import subprocess

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "jobd-bench")
NODE_MODULES = ["bullmq@6", "ioredis@5"]
# Celery, RQ and aiohttp are Debian's, and so is the Python that finds them.
PYTHON = "/usr/bin/python3"


def program(name):
    """The program's path, also where only root looks for it, or None."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def postgres_program(name):
    """Of the newest PostgreSQL here; Debian keeps its programs off the path."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/" + name), key=lambda path: int(path.split("/")[4]))
    return found[-1] if found else program(name)


def has_module(name):
    words = [PYTHON, "-c", f"import importlib.util, sys; sys.exit(importlib.util.find_spec('{name}') is None)"]
    return program(PYTHON) is not None and subprocess.run(words, check=False, cwd="/").returncode == 0


def has_gnu_parallel():
    """There is another program of that name."""
    path = program("parallel")
    return path is not None and b"GNU" in subprocess.run([path, "--version"], check=False, capture_output=True).stdout


def has_node_modules():
    return all(os.path.isdir(os.path.join(CACHE, "node_modules", name.split("@")[0])) for name in NODE_MODULES)


class Need:
    """One thing that a peer cannot run without: from Debian's packages, or npm's where `debian` is None."""

    def __init__(self, here, debian):
        self.look, self.debian = here, debian
        self.seen = None

    def here(self):
        if self.seen is None:
            self.seen = bool(self.look())
        return self.seen

    def command(self):
        if self.debian:
            return "apt-get install " + self.debian
        return f"npm install --prefix {CACHE} " + " ".join(NODE_MODULES)


def of_program(name, debian):
    return Need(lambda: program(name), debian)


def of_module(name, debian):
    return Need(lambda: has_module(name), debian)


NEEDS = {
    "beanstalkd": of_program("beanstalkd", "beanstalkd"),
    "redis": of_program("redis-server", "redis-server"),
    "gearmand": of_program("gearmand", "gearman-job-server"),
    "postgresql": Need(lambda: postgres_program("initdb") and postgres_program("pgbench"), "postgresql"),
    "python": of_program(PYTHON, "python3"),
    "redis-py": of_module("redis", "python3-redis"),
    "celery": of_module("celery", "python3-celery"),
    "gevent": of_module("gevent", "python3-gevent"),
    "rq": of_module("rq", "python3-rq"),
    "aiohttp": of_module("aiohttp", "python3-aiohttp"),
    "node": of_program("node", "nodejs"),
    "npm": of_program("npm", "npm"),
    "bullmq": Need(has_node_modules, None),
    "xargs": of_program("xargs", "findutils"),
    "parallel": Need(has_gnu_parallel, "parallel"),
    "tsp": of_program("tsp", "task-spooler"),
    "nq": of_program("nq", "nq"),
    "nginx": of_program("nginx", "nginx-light"),
}


def missing(names):
    return [name for name in names if not NEEDS[name].here()]


def how_to_install(names):
    """One line of shell commands for needs that are missing."""
    packages = " ".join(NEEDS[name].debian for name in names if NEEDS[name].debian)
    others = [NEEDS[name].command() for name in names if not NEEDS[name].debian]
    return "; ".join((["apt-get install " + packages] if packages else []) + others)


def node_version(name):
    with open(os.path.join(CACHE, "node_modules", name, "package.json"), encoding="utf-8") as f:
        return json.load(f)["version"]


def versions():
    """Of what is here and came as a package."""
    found = {}
    packages = [need.debian for need in NEEDS.values() if need.debian and need.here()]
    if program("dpkg-query") and packages:
        out = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\n"] + packages, check=False,
                             capture_output=True, text=True).stdout
        found = {line.split()[1]: line.split()[2] for line in out.splitlines() if line.startswith("installed ")}
    if NEEDS["bullmq"].here():
        found.update({name: node_version(name) for name in ("bullmq", "ioredis")})
    return found


def run_as_root(words):
    # Services stay off: at run level 1 a package's own script starts none.
    subprocess.run((["sudo"] if os.geteuid() != 0 else []) + ["env", "RUNLEVEL=1", "DEBIAN_FRONTEND=noninteractive"] + words,
                   check=True)


def install():
    """Everything that is missing: Debian's packages as root, npm's into a cache directory of the user."""
    packages = [NEEDS[name].debian for name in missing(NEEDS) if NEEDS[name].debian]
    if packages:
        run_as_root(["apt-get", "update"])
        run_as_root(["apt-get", "install", "-y", "--no-install-recommends"] + packages)
    if not has_node_modules():
        os.makedirs(CACHE, exist_ok=True)
        subprocess.run(["npm", "install", "--no-fund", "--no-audit", "--prefix", CACHE] + NODE_MODULES, check=True)
    for need in NEEDS.values():
        need.seen = None
