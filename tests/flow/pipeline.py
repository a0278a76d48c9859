"""Results that become args: fetch, convert, post; literals; what is missing or does not fit; a crash in between."""

import http.server
import json
import threading

from jobdtest import Daemon, RpcError, check, equal, eventually, main, test


class Web:
    """A web server of our own: /numbers gives some, /sums takes what is posted."""

    def __enter__(self):
        web = self
        self.posted = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, value):
                body = json.dumps(value).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                self.answer({"numbers": [3, 4, 5], "post/to": web.url + "/sums"})

            def do_POST(self):
                web.posted.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self.answer({"taken": True})

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        return False


def result(job, pointer=None):
    return {"$result": job} if pointer is None else {"$result": job, "pointer": pointer}


def noop(args, **members):
    return dict({"type": "noop", "args": args}, **members)


def refused(client, field, **job):
    try:
        got = client.call("job.submit", **job)
    except RpcError as error:
        equal((error.reason, error.field), ("invalid_params", field), error.message)
        return error.message
    check(False, "accepted: %r" % got)


@test("fetch, convert, post: a graph of http, exec and http in one call")
def _():
    with Web() as web, Daemon("pool.processes=1") as d, d.client() as c:
        jobs = c.call("job.submit_many", jobs=[
            {"type": "http", "ref": "fetch", "args": {"url": web.url + "/numbers"}},
            {"type": "exec", "ref": "convert", "after": ["fetch"],
             "args": {"command": "read a b c; printf %s $((a + b + c))", "stdin": "3 4 5",
                      "env": {"FROM": result("fetch", "/url")}}},
            {"type": "http", "ref": "post", "after": ["convert", "fetch"],
             "args": {"url": result("fetch", "/json/post~1to"), "body": result("convert", "/stdout")}}])["jobs"]
        equal([job["state"] for job in jobs], ["ready", "blocked", "blocked"])
        last = c.call("job.wait", id=jobs[2]["id"], timeout=30)
        equal((last["state"], last["result"]["json"]), ("succeeded", {"taken": True}))
        equal(last["args"], {"url": web.url + "/sums", "body": "12"})
        equal(web.posted, ["12"])
        equal(c.call("job.get", id=jobs[1]["id"])["args"]["env"], {"FROM": web.url + "/numbers"})


@test("every kind of value is filled in, wherever it stands; literals are as they are")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        source = {"a": [1, {"b": None}], "c/d": {"~": "tilde"}, "": 0, "t": "text", "deep": {"x": {"y": True}}}
        parent = c.call("job.submit", **noop(source))["id"]
        like = {"$result": parent, "pointer": "/a", "more": 1}
        wanted = {"whole": result(parent), "list": [result(parent, "/a/1/b"), 7, result(parent, "/a/0")],
                  "escaped": result(parent, "/c~1d/~0"), "empty": result(parent, "/"), "like": like,
                  "literal": {"$literal": result(parent)}, "nested": {"$literal": {"$literal": 1}}}
        child = c.call("job.submit", wait=30, **noop(wanted, after=[parent]))
        equal(child["state"], "succeeded")
        filled = {"whole": source, "list": [None, 7, 1], "escaped": "tilde", "empty": 0, "like": like,
                  "literal": result(parent), "nested": {"$literal": 1}}
        equal(child["args"], filled)
        equal(child["result"], filled)
        equal(c.call("job.submit", wait=30, **noop(result(parent, "/deep"), after=[parent]))["args"], {"x": {"y": True}})
        plain = c.call("job.submit", wait=30, **noop({"x": {"$literal": result(99)}, "y": [{"$literal": 5}]}))
        equal(plain["args"], {"x": result(99), "y": [5]})
        equal(c.call("job.submit", wait=30, **noop({"$literal": {"$literal": 1}}))["args"], {"$literal": 1})


@test("what can be checked at the submit is")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        parent = c.call("job.submit", **noop({}, hold=True))["id"]
        refused(c, "args.a", **noop({"a": result(parent)}))
        refused(c, "args.a[1].b", **noop({"a": [0, {"b": result(parent + 1)}]}, after=[parent]))
        refused(c, "args.a", **noop({"a": result("name")}, after=[parent]))
        refused(c, "args.a", **noop({"a": result(parent, "no-slash")}, after=[parent]))
        refused(c, "args.a", **noop({"a": result(parent, "/~2")}, after=[parent]))
        refused(c, "args.a", **noop({"a": {"$result": parent, "pointer": 5}}, after=[parent]))
        refused(c, "args", **noop({"$literal": 1}))
        later = result(parent)
        for field, type, args in [
                ("args.methd", "http", {"url": later, "methd": "GET"}), ("args.url", "http", {"body": later}),
                ("args.json", "http", {"url": "http://h/", "body": later, "json": later}),
                ("args.headers.X", "http", {"url": "http://h/", "headers": {"X": 1, "Y": later}}),
                ("args.argv", "exec", {"argv": [later, 5]}), ("args.command", "exec", {"argv": later, "command": later}),
                ("args.cwd", "exec", {"argv": ["x", later], "cwd": "relative"}), ("args.seconds", "sleep", {}),
                ("args.limits.cpu_seconds", "exec", {"argv": ["x"], "env": {"A": later}, "limits": {"cpu_seconds": "1"}}),
                ("args.port", "tcp", {"host": later, "port": 0}), ("args.family", "dns", {"name": later, "family": "ipx"})]:
            refused(c, field, type=type, args=args, after=[parent])
        for type, args in [
                ("http", {"url": later, "method": later, "headers": later, "body": later, "follow_redirects": later,
                          "max_body": later, "ok_status": later, "verify_tls": later}),
                ("http", {"url": "http://h/", "headers": {"X": later, "Y": ["a", later]}, "ok_status": [later, 404]}),
                ("exec", {"argv": ["echo", later], "stdin": later, "env": {"A": later}, "cwd": later, "nice": later,
                          "ok_exit_codes": [0, later], "limits": {"open_files": later}}),
                ("exec", {"command": later, "env": later, "limits": later, "ok_exit_codes": later}), ("exec", {"argv": later}),
                ("sleep", {"seconds": later}), ("dns", {"name": later, "family": later}),
                ("tcp", {"host": later, "port": later, "send": later, "read_until": later, "max_bytes": later, "tls": later})]:
            equal(c.call("job.submit", type=type, args=args, after=[parent])["state"], "blocked", repr(args))
        equal(c.call("job.submit", **noop({"a": later}, after=[parent], dry_run=True))["state"], "blocked")


@test("what is missing or does not fit fails the job, and is not tried again")
def _():
    with Daemon("pool.processes=1", "limits.message_bytes=65536") as d, d.client() as c:
        parent = c.call("job.submit", wait=30, **noop({"n": 5, "big": "x" * 40000}))["id"]
        deep = {"leaf": 1}
        for _ in range(40):
            deep = {"d": deep}
        nested = c.call("job.submit", wait=30, **noop(deep))["id"]
        bad = c.call("job.submit", wait=30, type="dns", args={"name": "no.such.name.invalid"}, retry={"max_attempts": 1})["id"]
        for args, type, said in [
                ({"a": result(parent, "/m")}, "noop", "nothing at \"/m\""), ({"a": result(parent, "/n/x")}, "noop", "nothing at"),
                ({"seconds": result(parent, "/big")}, "sleep", "\"args.seconds\" must be"),
                ({"seconds": {"$literal": result(parent)}, "x": result(parent)}, "noop", None),
                ({"a": result(parent, "/big"), "b": result(parent, "/big")}, "noop", "limits.message_bytes is 65536"),
                ({"argv": ["x", result(parent, "/n")]}, "exec", "\"args.argv\" must hold strings"),
                (result(parent, "/n"), "noop", "must be an object")]:
            job = c.call("job.submit", wait=30, type=type, args=args, after=[parent])
            if said is None:
                equal(job["state"], "succeeded")
                continue
            equal((job["state"], job["attempt"], job["error"]["reason"]), ("failed", 0, "dependency"), repr(job))
            check(said in job["error"]["message"], job["error"]["message"])
        args = {"a": result(nested)}
        for _ in range(30):
            args = {"w": args}
        job = c.call("job.submit", wait=30, **noop(args, after=[nested]))
        check("deep" in job["error"]["message"], job["error"]["message"])
        job = c.call("job.submit", wait=30, **noop({"a": result(bad)}, after=[bad], after_failure="run"))
        equal((job["state"], job["error"]["message"]),
              ("failed", "job %d, whose result its args ask for, has none" % bad))


@test("a retry fills in what is still to be filled in")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        parent = c.call("job.submit", hold=True, **noop({"n": 5}))["id"]
        child = c.call("job.submit", **noop({"n": result(parent, "/n")}, after=[parent], after_failure="run"))["id"]
        c.call("job.cancel", id=parent)
        equal(c.call("job.wait", id=child, timeout=30)["error"]["reason"], "dependency")
        c.call("job.retry", id=parent)
        c.call("job.wait", id=parent, timeout=30)
        c.call("job.retry", id=child)
        record = c.call("job.wait", id=child, timeout=30)
        equal((record["state"], record["args"]), ("succeeded", {"n": 5}))
        # It holds its parent's record no longer; retried without it, it has what it had.
        c.call("job.delete", id=parent)
        c.call("job.retry", id=child)
        equal(c.call("job.wait", id=child, timeout=30)["args"], {"n": 5})
        c.call("daemon.drain")
        gone = c.call("job.submit", **noop({"n": result(child)}, after=[child], hold=True))["id"]
        c.call("job.cancel", id=gone)
        c.call("job.delete", id=child)
        c.call("job.retry", id=gone)
        equal(c.call("job.wait", id=gone, timeout=30)["error"]["message"],
              "job %d, whose result its args ask for, is gone" % child)


@test("a held job is filled in when it is released")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        parent = c.call("job.submit", **noop({"n": 5}))["id"]
        child = c.call("job.submit", **noop({"n": result(parent, "/n")}, after=[parent], hold=True))["id"]
        c.call("job.wait", id=parent, timeout=30)
        equal(c.call("job.get", id=child)["args"], {"n": result(parent, "/n")})
        equal(c.call("job.release", id=child)["state"], "blocked")
        equal(c.call("job.wait", id=child, timeout=30)["args"], {"n": 5})


@test("a thousand read one result, and one reads a thousand")
def _():
    with Daemon("pool.processes=2") as d, d.client() as c:
        many = 1000
        made = c.call("job.submit_many", jobs=[noop({"text": "x" * 10000, "n": 1}, ref="f")] +
                      [noop({"n": result("f", "/n"), "k": k}, after=["f"], ref="m%d" % k) for k in range(many)] +
                      [noop({"all": [result("m%d" % k, "/k") for k in range(many)]}, after=["m%d" % k for k in range(many)])])
        last = c.call("job.wait", id=made["jobs"][-1]["id"], timeout=50)
        equal(last["args"], {"all": list(range(many))})


@test("killed at any moment, every result arrives")
def _():
    with Daemon("pool.processes=2") as d:
        rows = 150
        with d.client() as c:
            made = c.call("job.submit_many", jobs=[noop({"n": 0}, ref="r0")] +
                          [noop({"before": result("r%d" % (n - 1), "/n"), "n": n}, ref="r%d" % n, after=["r%d" % (n - 1)])
                           for n in range(1, rows)])["jobs"]
        for _ in range(5):
            with d.client() as c:
                before = c.call("job.count")["by_state"]["succeeded"]
                eventually(lambda: c.call("job.count")["by_state"]["succeeded"] >= min(before + 15, rows))
            d.kill9()
            d.start()
        with d.client() as c:
            records = c.call("job.wait", ids=[job["id"] for job in made], timeout=50)["jobs"]
            equal([record["args"]["before"] for record in records[1:]], list(range(rows - 1)))


main()
