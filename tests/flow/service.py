"""jobd as a service of systemd: readiness, watchdog, inherited sockets, the journal. Played without systemd."""

import os
import re
import signal
import socket
import subprocess

from jobdtest import JOBD, Client, Daemon, check, equal, main, tempdir, test


class NotifySocket:
    """What systemd listens on for sd_notify."""

    def __init__(self):
        self.path = os.path.join(tempdir(), "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def env(self, **more):
        return dict({"NOTIFY_SOCKET": self.path}, **more)

    def lines(self):
        return self.socket.recv(4096).decode().splitlines()

    def wait(self, line):
        """Drops messages until one holds the line; those dropped."""
        dropped = []
        while True:
            got = self.lines()
            if line in got:
                return dropped
            dropped += got


def listening(family, address):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.bind(address)
    s.listen(16)
    return s


def inheriting(sockets, *options, **how):
    """jobd with these sockets from descriptor 3 on, as systemd starts it."""
    moves = " ".join("%d<&%d" % (3 + i, s.fileno() + 100) for i, s in enumerate(sockets))
    for s in sockets:
        os.dup2(s.fileno(), s.fileno() + 100)
    script = 'export LISTEN_PID=$$ LISTEN_FDS=%d; exec "$@" %s' % (len(sockets), moves)
    words = [word for option in options for word in ("-o", option)]
    try:
        return subprocess.Popen(["bash", "-c", script, "bash", JOBD] + words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                text=True, pass_fds=[s.fileno() + 100 for s in sockets], **how)
    finally:
        for s in sockets:
            os.close(s.fileno() + 100)


@test("it tells when it is ready, reads its settings again, and stops")
def _():
    with NotifySocket() as n, Daemon(env=n.env()) as d:
        n.wait("READY=1")
        with d.client() as c:
            check(c.call("daemon.ping"))
        d.signal(signal.SIGHUP)
        n.wait("RELOADING=1")
        n.wait("READY=1")
        d.signal(signal.SIGTERM)
        n.wait("STOPPING=1")
        equal(d.wait(), 0)


@test("a state that cannot be opened is never called ready")
def _():
    with NotifySocket() as n, Daemon() as d:
        done = subprocess.run([JOBD, "-o", "state.directory=" + d.dir, "-o", "listen.tcp=", "-o", "listen.unix="],
                              stdin=subprocess.DEVNULL, capture_output=True, env=dict(os.environ, **n.env()), timeout=60)
        equal(done.returncode, 3, done.stderr)
        n.socket.setblocking(False)
        try:
            check("READY=1" not in n.lines())
        except BlockingIOError:
            pass


@test("its loop feeds the watchdog, at half the time it has")
def _():
    with NotifySocket() as n, Daemon(env=n.env(WATCHDOG_USEC="200000")):
        n.wait("READY=1")
        for _ in range(5):
            n.wait("WATCHDOG=1")


@test("inherited sockets stand for its own, and it does not block on them")
def _():
    base = tempdir()
    with listening(socket.AF_INET, ("127.0.0.1", 0)) as tcp, listening(socket.AF_UNIX, base + "/u") as unix:
        process = inheriting([tcp, unix], "state.directory=" + base + "/state", "listen.unix=" + base + "/own")
        with process, Client(tcp.getsockname()) as one, Client(base + "/u") as two:
            silent = socket.create_connection(tcp.getsockname())    # says nothing, and holds nobody up
            equal(one.call("daemon.ping")["version"], two.call("daemon.ping")["version"])
            check(not os.path.exists(base + "/own"), "it listens on its own socket too")
            silent.close()
            process.terminate()
            log = process.stderr.read()
            equal(process.wait(60), 0, log)
        check("listening on tcp 127.0.0.1:%d" % tcp.getsockname()[1] in log, log)
        check("listening on unix " + base + "/u" in log, log)
        check(os.path.exists(base + "/u"), "it removed a socket that is systemd's")


@test("what it inherits must be a listening socket")
def _():
    base = tempdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wrong:
        wrong.bind(base + "/d")
        with inheriting([wrong], "state.directory=" + base + "/state") as process:
            log = process.stderr.read()
            equal(process.wait(60), 1, log)
        check("inherited descriptor 3" in log, log)


@test("for the journal, lines carry their priority and no time")
def _():
    base = tempdir()
    read, write = os.pipe()
    stat = os.fstat(write)
    env = dict(os.environ, JOURNAL_STREAM="%d:%d" % (stat.st_dev, stat.st_ino))
    with subprocess.Popen([JOBD, "-o", "state.directory=" + base, "-o", "listen.tcp=", "-o", "listen.unix=" + base + "/s"],
                          stdin=subprocess.DEVNULL, stderr=write, env=env) as process, os.fdopen(read) as log:
        os.close(write)
        first = log.readline()
        check(re.match(r"<6>listening on unix ", first), first)
        process.terminate()
        for line in log:    # a busy machine has it warn of what took long
            check(re.match(r"<6>[a-z]|<4>coroutine ", line), line)
        equal(process.wait(60), 0)


main()
