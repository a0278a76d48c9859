"""http, tcp and dns jobs against servers of this program's own, on loopback."""

import base64
import http.server
import json
import socket
import socketserver
import threading
import time
import urllib.parse

from jobdlook import seconds_of, sound
from jobdtest import PATIENCE, Daemon, check, equal, eventually, main, patient, test

ONCE = {"max_attempts": 1}


# ---- the servers ----

class Web(http.server.BaseHTTPRequestHandler):
    """Each path has a meaning; what was asked is kept."""
    protocol_version = "HTTP/1.1"
    asked = []
    times = {}
    lock = threading.Lock()
    closing = threading.Event()
    told = threading.Event()
    together = threading.Barrier(100)

    def log_message(self, *_):
        pass

    def answer(self, status=200, body=b"", headers=()):
        if status == 204:
            body = b""
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.lock:
            self.asked.append((self.command, self.path, dict(self.headers.items()), body))
            self.times[self.path] = times = self.times.get(self.path, 0) + 1
        word, _, rest = urllib.parse.unquote(self.path).lstrip("/").partition("/")
        if word == "status":
            self.answer(int(rest), b"status " + rest.encode())
        elif word == "echo":
            self.answer(200, body, [("Content-Type", self.headers.get("Content-Type") or "text/plain")])
        elif word == "json":
            self.answer(200, b'{"a": [1, 2.5, "\\u20ac"]}', [("Content-Type", "application/json; charset=utf-8")])
        elif word == "notjson":
            self.answer(200, b'{"a": ', [("Content-Type", "application/json")])
        elif word == "bytes":
            self.answer(200, b"\xff\x00" * (int(rest) // 2))
        elif word == "headers":
            self.answer(200, b"", [("X-Twice", "a"), ("X-Twice", "b"), ("X-Once", "c"), ("X-Latin", "caf\xe9")])
        elif word == "redirect":
            status, n = rest.split("/")
            target = "/redirect/%s/%d" % (status, int(n) - 1) if int(n) > 1 else "/echo/at-last"
            self.answer(int(status), b"elsewhere", [("Location", target)])
        elif word == "loop":
            self.answer(302, b"", [("Location", "/loop")])
        elif word == "away":
            self.answer(302, b"", [("Location", "ftp://127.0.0.1/")])
        elif word == "after":
            if times == 1:
                self.answer(int(rest.split("/")[0]), b"not now", [("Retry-After", rest.split("/")[1])])
            else:
                self.answer(200, b"now")
        elif word == "flaky":
            self.answer(500 if times < int(rest) else 200, b"try %d" % times)
        elif word == "slow":
            self.closing.wait(float(rest))
            self.answer(200, b"slow")
        elif word == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half")
            self.close_connection = True
        elif word == "together":
            self.together.wait(PATIENCE)
            self.answer(200, b"together")
        elif word == "drip":
            self.send_response(200)
            self.send_header("Content-Length", "10")
            self.end_headers()
            for n in range(10):
                self.wfile.write(b"%d" % n)
                self.wfile.flush()
                if n == 8:
                    self.told.wait(PATIENCE)
                self.closing.wait(0.1)
        elif word == "chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in (b"one ", b"two ", b"three"):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = handle_any


class WebServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 200

    def handle_error(self, *_):
        pass


class Talk(socketserver.BaseRequestHandler):
    """Line by line: says again what it hears; `quit` ends it, `silent` makes it listen only, `bytes N` sends so many."""

    def handle(self):
        stream = self.request.makefile("rb")
        for line in stream:
            if line == b"quit\n":
                return
            elif line == b"silent\n":
                stream.read()
                return
            elif line.startswith(b"bytes "):
                self.request.sendall(b"\xfe" * int(line.split()[1]))
            else:
                self.request.sendall(b"you said: " + line)


class TalkServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_):
        pass


web = WebServer(("127.0.0.1", 0), Web)
talk = TalkServer(("127.0.0.1", 0), Talk)
for server in (web, talk):
    threading.Thread(target=server.serve_forever, daemon=True).start()
WEB = "http://127.0.0.1:%d" % web.server_port
TALK = talk.server_address[1]
daemon = Daemon("pool.processes=1", "limits.result_bytes=3000000")
c = daemon.client()


unheard = socket.socket()       # bound and not listening: the port is nobody else's meanwhile
unheard.bind(("127.0.0.1", 0))


def closed_port():
    """A port where nobody listens."""
    return unheard.getsockname()[1]


def run(type, args, **members):
    return sound(c.call("job.submit", type=type, args=args, **dict({"wait": 60, "retry": ONCE}, **members)))


def fetch(path, members=None, **args):
    return run("http", dict(args, url=path if "://" in path else WEB + path), **(members or {}))


def tcp(members=None, **args):
    return run("tcp", dict({"host": "127.0.0.1", "port": TALK}, **args), **(members or {}))


def last_asked():
    return Web.asked[-1]


def is_failed(job, reason, *words):
    equal((job["state"], job["error"]["reason"]), ("failed", reason), job)
    for word in words:
        check(str(word) in job["error"]["message"], job["error"])
    return job


# ---- http ----

@test("http: a plain GET, and its result")
def _():
    job = fetch("/echo/plain")
    equal((job["class"], job["state"]), ("io", "succeeded"))
    result = job["result"]
    equal(set(result), {"status", "headers", "body", "url", "seconds", "bytes"})
    equal((result["status"], result["body"], result["bytes"], result["url"]), (200, "", 0, WEB + "/echo/plain"))
    check(0 <= result["seconds"] < patient(5), result)
    equal(result["headers"]["content-type"], "text/plain")
    method, path, headers, body = last_asked()
    equal((method, path, body), ("GET", "/echo/plain", b""))
    equal(headers["Host"], WEB[7:])
    check("Content-Length" not in headers, headers)


@test("http: methods and bodies")
def _():
    equal(fetch("/echo", body="t\u00e4xt")["result"]["body"], "t\u00e4xt")
    equal(last_asked()[0], "POST")
    job = fetch("/echo", json={"a": [1, None]}, method="PUT")
    equal(job["result"]["json"], {"a": [1, None]})
    equal((last_asked()[0], last_asked()[2]["Content-Type"]), ("PUT", "application/json"))
    data = bytes(range(256))
    job = fetch("/echo", body_base64=base64.b64encode(data).decode(), headers={"Content-Type": "application/x-bytes"})
    equal(base64.b64decode(job["result"]["body_base64"]), data)
    equal(last_asked()[3], data)
    for method in ("DELETE", "PATCH", "OPTIONS", "HEAD"):
        equal(fetch("/echo", method=method)["state"], "succeeded", method)
        equal(last_asked()[0], method)


@test("http: headers, ours and theirs")
def _():
    fetch("/echo", headers={"X-Mine": "one", "X-More": ["a", "b"], "User-Agent": "me"})
    equal((last_asked()[2]["X-Mine"], last_asked()[2]["User-Agent"]), ("one", "me"))
    headers = fetch("/headers")["result"]["headers"]
    equal((headers["x-twice"], headers["x-once"], headers["x-latin"]), (["a", "b"], "c", "caf\u00e9"))
    check(all(name == name.lower() for name in headers), headers)


@test("http: json when it is")
def _():
    equal(fetch("/json")["result"]["json"], {"a": [1, 2.5, "\u20ac"]})
    result = fetch("/notjson")["result"]
    check("json" not in result and result["body"] == '{"a": ', result)
    check("json" not in fetch("/echo", body='{"a":1}', headers={"Content-Type": "text/plain"})["result"])


@test("http: a body in pieces, and one that is no text")
def _():
    equal(fetch("/chunked")["result"]["body"], "one two three")
    result = fetch("/bytes/10")["result"]
    equal((base64.b64decode(result["body_base64"]), result["bytes"]), (b"\xff\x00" * 5, 10))
    check("body" not in result, result)


@test("http: what status is ok")
def _():
    for status in (201, 204, 299):
        equal(fetch("/status/%d" % status)["state"], "succeeded", status)
    job = is_failed(fetch("/status/404"), "http_status", 404)
    equal((job["result"]["status"], job["result"]["body"]), (404, "status 404"))
    equal(fetch("/status/404", ok_status=[[200, 299], 404])["state"], "succeeded")
    is_failed(fetch("/status/200", ok_status=[[201, 299]]), "http_status", 200)


@test("http: what is tried again, and what is not")
def _():
    again = {"retry": {"max_attempts": 2, "base": 0}}
    for status in (400, 401, 404, 410, 422):
        equal(is_failed(fetch("/status/%d" % status, again), "http_status")["attempt"], 1, status)
    for status in (408, 425, 429, 500, 503):
        equal(is_failed(fetch("/status/%d" % status, again), "http_status")["attempt"], 2, status)
    job = fetch("/flaky/3", {"retry": {"max_attempts": 5, "base": 0}})
    equal((job["state"], job["attempt"], job["result"]["body"]), ("succeeded", 3, "try 3"))


@test("http: Retry-After raises the delay")
def _():
    for status in (429, 503):
        job = fetch("/after/%d/1" % status, {"retry": {"max_attempts": 2, "base": 0}})
        equal((job["state"], job["attempt"]), ("succeeded", 2))
        gap = seconds_of(job["history"][1]["started_at"]) - seconds_of(job["history"][0]["finished_at"])
        check(0.99 <= gap < 1 + patient(1), gap)
    id = c.call("job.submit", type="http", args={"url": WEB + "/after/503/Fri, 31 Dec 2100 23:59:59 GMT"}, retry={"base": 0})["id"]
    job = eventually(lambda: (j := c.call("job.get", id=id))["state"] == "scheduled" and j, "the first attempt's end")
    check(seconds_of(job["run_at"]) > time.time() + 86400 * 300, job)
    c.call("job.cancel", id=id)


@test("http: redirects")
def _():
    for status, method in ((301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")):
        job = fetch("/redirect/%d/1" % status, body="data")
        equal((job["state"], job["result"]["url"]), ("succeeded", WEB + "/echo/at-last"), status)
        equal((last_asked()[0], last_asked()[3]), (method, b"data" if method == "POST" else b""), status)
    equal(fetch("/redirect/302/10")["result"]["status"], 200)
    is_failed(fetch("/redirect/302/11"), "redirects")
    is_failed(fetch("/loop"), "redirects")
    is_failed(fetch("/away"), "redirects")
    job = is_failed(fetch("/redirect/302/1", follow_redirects=False), "http_status", 302)
    equal((job["result"]["status"], job["result"]["headers"]["location"]), (302, "/echo/at-last"))
    equal(fetch("/redirect/302/1", follow_redirects=False, ok_status=[302])["state"], "succeeded")


@test("http: max_body and limits.result_bytes")
def _():
    equal(fetch("/bytes/1000", max_body=1000)["state"], "succeeded")
    is_failed(fetch("/bytes/1002", max_body=1000), "too_large")
    is_failed(fetch("/bytes/1048578"), "too_large")
    is_failed(fetch("/bytes/2900000", max_body=10000000), "too_large")


@test("http: nobody there, nobody of that name, and one that hangs up")
def _():
    is_failed(fetch("http://127.0.0.1:%d/" % closed_port()), "connect")
    is_failed(fetch("http://no-such-host.invalid/"), "resolve", "no-such-host.invalid")
    is_failed(fetch("/cut"), "io")
    is_failed(fetch("https://127.0.0.1:%d/" % web.server_port), "tls")
    is_failed(fetch("http://127.0.0.1:%d/" % TALK), "io")


@test("http: timeout and cancel")
def _():
    begun = time.monotonic()
    is_failed(fetch("/slow/60", {"timeout": 0.3}), "timeout")
    check(time.monotonic() - begun < patient(3))
    id = c.call("job.submit", type="http", args={"url": WEB + "/slow/60"})["id"]
    c.call("job.wait", id=id, **{"for": "started"})
    equal(sound(c.call("job.cancel", id=id))["state"], "cancelled")
    check(time.monotonic() - begun < patient(5))


@test("http: how far it is, in the record and as events")
def _():
    with daemon.client() as one:
        one.call("event.subscribe", queues=["drip"])
        id = one.call("job.submit", type="http", args={"url": WEB + "/drip"}, queue="drip")["id"]
        events = [one.event()]
        while events[-1]["kind"] != "progress":
            events.append(one.event())
        Web.told.set()
        job = sound(c.call("job.get", id=id))
        check(job["state"] != "running" or 0 < job["progress"]["fraction"] <= 1, job)
        while events[-1]["job"]["state"] != "succeeded":
            events.append(one.event())
        # The start is told before how far it is.
        equal([event["job"]["state"] for event in events if event["kind"] == "state"], ["ready", "running", "succeeded"])
        equal({event["kind"] for event in events[2:-1]}, {"progress"})
        fractions = [event["progress"]["fraction"] for event in events[2:-1]]
        check(fractions == sorted(fractions) and 0 < fractions[0] <= fractions[-1] <= 1, fractions)
        equal(sound(c.call("job.wait", id=id, timeout=60))["result"]["body"], "0123456789")


@test("http: many at once wait together")
def _():
    begun = time.monotonic()
    # None is answered before all have asked.
    ids = [c.call("job.submit", type="http", args={"url": WEB + "/together"}, retry=ONCE)["id"] for _ in range(100)]
    for job in c.call("job.wait", ids=ids, timeout=60)["jobs"]:
        equal(job["state"], "succeeded", job)
    check(time.monotonic() - begun < patient(6), time.monotonic() - begun)


@test("http: an http job cannot smuggle a request to the daemon itself")
def _():
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "job.submit", "params": {"type": "noop", "queue": "smuggled"}})
    job = fetch("http://127.0.0.1:%d/" % daemon.tcp[1], body="\n" + line + "\n")
    equal(job["state"], "failed", job)
    equal(c.call("job.count", queue="smuggled")["total"], 0)


# ---- tcp ----

@test("tcp: says something and hears the answer")
def _():
    job = tcp(send="hello\n", read_until="\n")
    equal(set(job["result"]), {"received", "bytes", "seconds"})
    equal((job["result"]["received"], job["result"]["bytes"]), ("you said: hello\n", 16))
    equal(tcp(send="a\nb\n", read_until="b\n")["result"]["received"], "you said: a\nyou said: b\n")
    equal(tcp(send="hello\n", read_bytes=8)["result"]["received"], "you said")
    equal(tcp(send="x\ny\nquit\n", read_all=True)["result"]["received"], "you said: x\nyou said: y\n")
    equal(tcp()["result"]["bytes"], 0)
    equal(tcp(host="localhost", send="x\n", read_until="\n")["result"]["received"], "you said: x\n")
    result = tcp(send="bytes 3\n", read_bytes=3)["result"]
    equal((result["received_base64"], "received" in result), ("/v7+", False))


@test("tcp: what fails")
def _():
    is_failed(tcp(port=closed_port()), "connect")
    is_failed(tcp(host="no-such-host.invalid"), "resolve")
    is_failed(tcp(send="quit\n", read_until="never"), "io")
    is_failed(tcp(send="bytes 5000\n", read_until="never", max_bytes=4999), "too_large")
    is_failed(tcp({"timeout": 0.2}, send="silent\n", read_until="\n"), "timeout")
    is_failed(tcp(tls=True), "tls")
    id = c.call("job.submit", type="tcp", args={"host": "127.0.0.1", "port": TALK, "send": "silent\n", "read_all": True})["id"]
    c.call("job.wait", id=id, **{"for": "started"})
    equal(c.call("job.cancel", id=id)["state"], "cancelled")


# ---- dns ----

@test("dns")
def _():
    addresses = run("dns", {"name": "localhost"})["result"]["addresses"]
    check("127.0.0.1" in addresses or "::1" in addresses, addresses)
    equal(run("dns", {"name": "localhost", "family": "ipv4"})["result"], {"addresses": ["127.0.0.1"]})
    equal(run("dns", {"name": "192.0.2.7"})["result"], {"addresses": ["192.0.2.7"]})
    is_failed(run("dns", {"name": "no-such-host.invalid"}), "resolve", "no-such-host.invalid")


@test("the daemon ends in peace")
def _():
    Web.closing.set()
    c.close()
    daemon.stop()
    daemon.check_sanitizers()


main()
