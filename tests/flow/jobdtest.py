"""What the tests of the whole system share: a daemon of their own, a raw client, jobctl, and TAP.

    from jobdtest import Daemon, Client, RpcError, check, equal, test, main

    @test("a sleep succeeds")
    def _():
        with Daemon() as d, d.client() as c:
            job = c.call("job.submit", type="sleep", args={"seconds": 0}, wait=10)
            equal(job["state"], "succeeded")

    main()

$JOBD and $JOBCTL name the binaries. Every daemon has a state directory of its own, listens on a free port and on
a Unix socket in it, and is gone with its files when its block ends. Nothing here sleeps to wait: it waits for a line,
a reply or an exit, and gives up after PATIENCE seconds. Only the standard library is used.
"""

import atexit
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

PATIENCE = float(os.environ.get("JOBDTEST_PATIENCE", "60"))
JOBD = os.environ.get("JOBD", "jobd")
JOBCTL = os.environ.get("JOBCTL", "jobctl")

# Set where the binaries are built with a sanitizer: they are slower and larger.
SANITIZED = bool(os.environ.get("JOBD_SANITIZED"))

SANITIZER = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|LeakSanitizer: detected")


# ---- temporary directories ----

def tempdir():
    """A fresh directory, removed when the program ends; short enough to hold a Unix socket."""
    path = tempfile.mkdtemp(prefix="jobd-")
    if len(path) > 60:
        os.rmdir(path)
        path = tempfile.mkdtemp(prefix="jobd-", dir="/tmp")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


# ---- the daemon ----

class Daemon:
    """A jobd of the test's own. Options are `-o` settings: Daemon("pool.processes=1", "limits.jobs=10")."""

    def __init__(self, *options, state=None, start=True, env=None, args=()):
        self.dir = state or tempdir()
        self.unix = os.path.join(self.dir, "s")
        self.options = list(options)
        self.args = list(args)
        self.env = dict(os.environ, **(env or {}))
        self.process = None
        self.lines = []
        self.tcp = self.tls = None
        self._changed = threading.Condition()
        self._ended = True
        self._seen = 0
        self._reader = None
        atexit.register(self.kill9)
        if start:
            self.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            self.kill9()
            for line in self.lines[-40:]:
                print("# jobd: " + line)
        elif self.running():
            self.stop()
        if kind is None:
            self.check_sanitizers()
        return False

    def command(self):
        settings = ["state.directory=" + self.dir, "listen.tcp=127.0.0.1:0", "listen.unix=" + self.unix] + self.options
        return [JOBD] + self.args + [word for setting in settings for word in ("-o", setting)]

    def start(self, wait=True):
        """Starts it on the same state; returns once it listens (wait=False: at once)."""
        self._seen = len(self.lines)
        process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env=self.env)
        with self._changed:
            self.process = process
            self._ended = False
        self._reader = threading.Thread(target=self._read_log, args=(process,), daemon=True)
        self._reader.start()
        if wait:
            self.tcp = ("127.0.0.1", int(self.wait_log(r"listening on tcp 127\.0\.0\.1:(\d+)").group(1)))
            self.wait_log(r"listening on unix " + re.escape(self.unix))
            if any(option.startswith("listen.tls=") for option in self.options):
                found = self.wait_log(r"listening on tls (\S+):(\d+)")
                self.tls = (found.group(1), int(found.group(2)))
        return self

    def _read_log(self, process):
        with process.stderr as stream:
            for raw in stream:
                with self._changed:
                    self.lines.append(raw.decode("utf-8", "replace").rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            if process is self.process:
                self._ended = True
            self._changed.notify_all()

    def wait_log(self, pattern, timeout=PATIENCE):
        """The match of the first log line since the last start that fits, waited for."""
        until = time.monotonic() + timeout
        look = self._seen
        with self._changed:
            while True:
                for line in self.lines[look:]:
                    look += 1
                    found = re.search(pattern, line)
                    if found:
                        return found
                left = until - time.monotonic()
                if self._ended or left <= 0:
                    raise AssertionError("jobd %s without logging %r; its log:\n%s" % (
                        "ended" if self._ended else "went on", pattern, "\n".join(self.lines[self._seen:])))
                self._changed.wait(left)

    def log(self):
        """All that it has logged since its last start."""
        return "\n".join(self.lines[self._seen:])

    def running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self):
        return self.process.pid

    @property
    def address(self):
        return "unix:" + self.unix

    @property
    def tcp_address(self):
        return "%s:%d" % self.tcp

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=PATIENCE):
        """Its exit code, once it has ended by itself or by a signal, and its log has been read to the end."""
        code = self.process.wait(timeout)
        self._reader.join(timeout)
        return code

    def ends(self, code):
        """It must end by itself, with this code; its log."""
        got = self.wait()
        equal(got, code, "the exit code of jobd; its log:\n" + self.log())
        self.check_sanitizers()
        return self.log()

    def stop(self, code=0):
        """SIGTERM, and the end; checks the exit code (None: any)."""
        if self.running():
            self.signal(signal.SIGTERM)
        got = self.wait()
        if code is not None:
            equal(got, code, "the exit code of jobd; its log:\n" + self.log())
        return got

    def kill9(self):
        """Ends it as a power loss would: the process is gone at once."""
        if self.running():
            self.process.kill()
        if self.process is not None:
            self.wait()

    def restart(self, hard=False):
        if hard:
            self.kill9()
        else:
            self.stop()
        return self.start()

    def check_sanitizers(self):
        for line in self.lines:
            if SANITIZER.search(line):
                raise AssertionError("a sanitizer complained:\n" + "\n".join(self.lines[-80:]))

    def client(self, **how):
        return Client(self.unix, **how)

    def jobctl(self, *words, **how):
        """Runs jobctl against it: a finished process with .code, .out, .err (see jobctl below)."""
        return jobctl("-H", self.address, *words, **how)

    def jobctl_start(self, *words, **how):
        return jobctl_start("-H", self.address, *words, **how)


# ---- a raw client: lines of JSON ----

class RpcError(Exception):
    def __init__(self, error):
        Exception.__init__(self, "%s (%s)" % (error.get("message"), error.get("data", {}).get("reason")))
        self.error = error
        self.code = error["code"]
        self.message = error["message"]
        self.data = error.get("data", {})
        self.reason = self.data.get("reason")
        self.field = self.data.get("field")


class Client:
    """One connection. `to`: a Unix socket's path, or (host, port); tls: an ssl.SSLContext."""

    def __init__(self, to, tls=None, timeout=PATIENCE):
        if isinstance(to, str):
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.settimeout(timeout)
            self.socket.connect(to)
        else:
            self.socket = socket.create_connection(to, timeout)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.socket.settimeout(timeout)
        self.timeout = timeout
        self.buffer = b""
        self.number = 0
        self.replies = {}          # number -> a reply that came while another was waited for
        self.notifications = []    # in the order they came

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
        return False

    def close(self):
        self.socket.close()

    def write(self, data):
        """Bytes or text as they are: for what no good client sends."""
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def read_line(self):
        """The next line without its newline; None at the end of the connection."""
        while b"\n" not in self.buffer:
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError:
                piece = b""
            if not piece:
                return None
            self.buffer += piece
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line

    def read(self):
        """The next message, whatever it is; None at the end of the connection."""
        line = self.read_line()
        return None if line is None else json.loads(line)

    def send(self, method, **params):
        """Sends a request without waiting; its number, for reply()."""
        self.number += 1
        self.write(json.dumps({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}) + "\n")
        return self.number

    def reply(self, number):
        """The whole reply to that request; others and notifications met on the way are kept."""
        while number not in self.replies:
            message = self.read()
            if message is None:
                raise ConnectionError("the daemon closed the connection")
            if "method" in message:
                self.notifications.append(message)
            elif message["id"] is None:
                raise RpcError(message["error"])    # of a line that was no request: no reply will bear its number
            else:
                self.replies[message["id"]] = message
        return self.replies.pop(number)

    def result(self, number):
        reply = self.reply(number)
        if "error" in reply:
            raise RpcError(reply["error"])
        return reply["result"]

    def call(self, method, **params):
        """The result; RpcError where it is an error."""
        return self.result(self.send(method, **params))

    def event(self, fits=None, timeout=None):
        """The params of the next `event` notification (that `fits`); those passed over are dropped."""
        self.socket.settimeout(timeout or self.timeout)
        try:
            while True:
                while self.notifications:
                    params = self.notifications.pop(0)["params"]
                    if fits is None or fits(params):
                        return params
                message = self.read()
                if message is None:
                    raise ConnectionError("the daemon closed the connection")
                if "method" in message:
                    self.notifications.append(message)
                else:
                    self.replies[message["id"]] = message
        finally:
            self.socket.settimeout(self.timeout)


# ---- jobctl ----

def jobctl_start(*words, env=None, **how):
    """Starts jobctl; a subprocess.Popen with text pipes."""
    environment = dict(os.environ, **(env or {}))
    how.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen([JOBCTL] + [str(word) for word in words], env=environment,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)


def jobctl(*words, input=None, code=0, timeout=PATIENCE, **how):
    """Runs jobctl to its end, checks its exit code (None: any); the process, with .code, .out and .err."""
    if input is not None:
        how["stdin"] = subprocess.PIPE
    process = jobctl_start(*words, **how)
    try:
        process.out, process.err = process.communicate(input, timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    process.code = process.returncode
    if SANITIZER.search(process.err):
        raise AssertionError("a sanitizer complained:\n" + process.err)
    if code is not None:
        equal(process.code, code, "the exit code of jobctl %s; it said:\n%s%s" % (
            " ".join(map(str, words)), process.out, process.err))
    return process


# ---- checks ----

def check(truth, message="it does not hold"):
    if not truth:
        raise AssertionError(message)


def equal(got, wanted, message=""):
    if got != wanted:
        raise AssertionError("%s\n    got  %r\n  wanted %r" % (message, got, wanted))


def refused(reason, call, *args, **params):
    """The RpcError that the call must raise."""
    try:
        got = call(*args, **params)
    except RpcError as error:
        equal(error.reason, reason, error.message)
        return error
    raise AssertionError("%r was accepted: %r" % (params, got))


def eventually(condition, what="it", timeout=PATIENCE):
    """For what has no event to wait for (a process to vanish): asks until it is true, and returns that."""
    until = time.monotonic() + timeout
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > until:
            raise AssertionError("%s did not come true within %g s" % (what, timeout))
        time.sleep(0.01)


def alive(pid):
    """Is there a process of that number that is not a zombie?"""
    try:
        with open("/proc/%d/stat" % pid) as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):     # the latter where it goes between open and read
        return False


def patient(seconds):
    """A limit on how long something may take: larger where the binaries are slow."""
    return seconds * (5 if SANITIZED else 1)


# ---- TAP ----

_tests = []


class Skip(Exception):
    pass


def skip(why):
    raise Skip(why)


def test(name):
    """Registers the function as a test of that name."""
    def register(function):
        _tests.append((name, function))
        return function
    return register


def main():
    """Runs the registered tests (or those whose name holds the word given), and tells in TAP."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))    # so that what atexit is for happens
    chosen = [(n, f) for n, f in _tests if len(sys.argv) < 2 or sys.argv[1] in n]
    failed = 0
    print("1..%d" % len(chosen))
    for number, (name, function) in enumerate(chosen, 1):
        begun = time.monotonic()
        try:
            function()
            took = time.monotonic() - begun
            print("ok %d - %s" % (number, name) + (" (%.1f s)" % took if took >= 1 else ""))
        except Skip as why:
            print("ok %d - %s # SKIP %s" % (number, name, why))
        except Exception:
            failed += 1
            print("not ok %d - %s" % (number, name))
            for line in traceback.format_exc().splitlines():
                print("# " + line)
        sys.stdout.flush()
    sys.exit(1 if failed else 0)
