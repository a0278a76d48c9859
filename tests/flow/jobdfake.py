"""A scripted daemon for jobctl: the very requests it sends, and answers that a real daemon gives only rarely."""

import json
import os
import re
import pty
import socket
import subprocess
import threading

from jobdtest import JOBCTL, PATIENCE, check, equal, jobctl, tempdir


class Fake:
    """Listens on a Unix socket; `script(peer)` speaks with the one client. What goes wrong in it is raised at the end."""

    def __init__(self, script):
        self.path = os.path.join(tempdir(), "s")
        self.script = script
        self.error = None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.settimeout(PATIENCE)
        self.listener.bind(self.path)
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def serve(self):
        try:
            with self.listener, self.listener.accept()[0] as connection:
                connection.settimeout(PATIENCE)
                try:
                    self.script(Peer(connection))
                finally:
                    connection.shutdown(socket.SHUT_RDWR)
        except Exception as error:      # noqa: shown by __exit__
            self.error = error

    def __enter__(self):
        self.thread.start()
        return "unix:" + self.path

    def __exit__(self, kind, value, trace):
        self.thread.join(1 if kind else PATIENCE)
        if kind is None and self.error is not None:
            raise self.error
        return False


class Peer:
    def __init__(self, connection):
        self.connection = connection
        self.lines = connection.makefile("rb")
        self.id = None

    def take(self, method, params=None):
        """The next request, which must be this one; what is not given of params is not looked at if None. Its params."""
        line = self.lines.readline()
        check(line, "the client left instead of calling " + method)
        request = json.loads(line)
        equal((request["jsonrpc"], request["method"]), ("2.0", method))
        if method == "job.submit" and "request_id" not in (params or {}):
            check(re.fullmatch("[0-9a-f]{32}", request["params"].pop("request_id")), line)
        if params is not None:
            equal(request.get("params", {}), params, method)
        self.id = request["id"]
        return request.get("params", {})

    def send(self, message):
        self.connection.sendall((message if isinstance(message, str) else json.dumps(message)).encode() + b"\n")

    def answer(self, result, id=None):
        self.send({"jsonrpc": "2.0", "id": id or self.id, "result": result})

    def refuse(self, code, reason, message="no", id=0, **data):
        self.send({"jsonrpc": "2.0", "id": self.id if id == 0 else id,
                   "error": {"code": code, "message": message, "data": dict(data, reason=reason)}})

    def event(self, **params):
        self.send({"jsonrpc": "2.0", "method": "event", "params": params})

    def gone(self):
        equal(self.lines.readline(), b"", "one more request")


def exchange(words, method, params, result, code=0, **how):
    """Runs jobctl, which must send this one request; the process."""
    def script(peer):
        peer.take(method, params)
        peer.answer(result)
        peer.gone()
    with Fake(script) as address:
        return jobctl("-H", address, *words, code=code, **how)


def talk(ours, typed):
    """All that appears on our side of the terminal until the other is closed; types when asked ("": Ctrl-D)."""
    said, answered = b"", False
    while True:
        if b"[y/N]" in said and not answered:
            os.write(ours, typed.encode() or b"\x04")
            answered = True
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        said += piece
    os.close(ours)
    return said.decode()


def answering(typed, *words):
    """jobctl with a terminal to read from and to complain to, but its stdout elsewhere; code, stdout, what the terminal shows."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([JOBCTL] + [str(w) for w in words], stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, text=True)
    os.close(theirs)
    said = talk(ours, typed)
    out = process.communicate()[0]
    return process.returncode, out, said


def terminal(typed, *words, env=None):
    """jobctl with everything on a terminal; what that shows."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([JOBCTL] + [str(w) for w in words], stdin=theirs, stdout=theirs, stderr=theirs, env=dict(os.environ, **(env or {})))
    os.close(theirs)
    said = talk(ours, typed)
    equal(process.wait(PATIENCE), 0, said)
    return said
