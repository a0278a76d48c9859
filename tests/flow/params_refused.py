"""Every method against every kind of wrong params: refused, with the member that is to blame.

A table says what each method takes. From it follow the wrong types, the unknown and the missing members; the
rest, what only a member's meaning forbids, is listed one by one.
"""

from jobdtest import Daemon, RpcError, check, equal, main, test

daemon = Daemon("pool.processes=1")
client = daemon.client()

# What each kind of member may not be.
WRONG = {
    "id": [0, -1, 1.5, "1", None, True, [], {}, 2**63 * 1.0, 1e300],
    "string": [1, None, True, [], {}, "a\0b"],
    "bool": [0, 1, "true", None, [], {}],
    "integer": [1.5, "1", None, True, [], {}],
    "number": ["1", None, True, [], {}],
    "span": [-1, "1", None, True, [], {}, 1e300],
    "time": ["yesterday", "2026-02-30T00:00:00Z", "2026-01-01", -1, None, True, [], {}],
    "object": [1, "x", None, True, []],
    "array": [1, "x", None, True, {}],
    "names": [1, None, True, {}, [1], [None], [["x"]]],
    "states": [1, None, True, {}, [1], "done", ["running", "done"], ""],
    "reasons": [1, None, True, {}, [1], "busy", ["held", "busy"], "", "Held"],
    "ids": [1, "x", None, True, {}, ["1"], [0], [1.5], [None]],
    "word": [1, None, True, [], {}, "other"],
    "limit": [0, -1, 1.5, "1", True, [], {}],
    "rate": [1, "x", True, []],
    "any": [],
}

FILTERS = {"state": "states", "queue": "names", "type": "names", "tags": "object", "reason": "reasons"}

# method: (its members, those it cannot be without)
METHODS = {
    "job.submit": ({"type": "string", "args": "object", "queue": "string", "priority": "integer", "delay": "span",
                    "run_at": "time", "expires_at": "time", "ttl": "span", "timeout": "span", "retry": "object",
                    "interrupted": "word", "unique": "object", "after": "ids", "after_failure": "word", "request_id": "string", "tags": "object", "meta": "any", "retain": "span",
                    "hold": "bool", "group": "string", "concurrency": "object", "wait": "span", "dry_run": "bool"}, {"type": "noop"}),
    "job.submit_many": ({"jobs": "array"}, {"jobs": []}),
    "job.get": ({"id": "id"}, {"id": 1}),
    "job.list": (dict(FILTERS, order="word", limit="integer", cursor="string", full="bool"), {}),
    "job.count": (FILTERS, {}),
    "job.explain": ({"id": "id"}, {"id": 1}),
    "job.wait": ({"id": "id", "timeout": "span", "for": "word"}, {"id": 1}),
    "job.cancel": ({"id": "id"}, {"id": 1}),
    "job.retry": ({"id": "id"}, {"id": 1}),
    "job.delete": ({"id": "id"}, {"id": 1}),
    "job.hold": ({"id": "id"}, {"id": 1}),
    "job.release": ({"id": "id"}, {"id": 1}),
    "job.update": ({"id": "id", "priority": "integer", "queue": "string", "tags": "object"}, {"id": 1}),
    "job.cancel_many": (FILTERS, {}),
    "job.retry_many": (FILTERS, {}),
    "job.delete_many": (FILTERS, {}),
    "job.output": ({"id": "id", "stream": "word", "attempt": "integer", "offset": "integer", "limit": "integer"},
                   {"id": 1, "stream": "stdout"}),
    "queue.list": ({}, {}),
    "queue.get": ({"name": "string"}, {"name": "default"}),
    "queue.set": ({"name": "string", "weight": "limit", "max_ready": "limit", "concurrency": "limit", "rate": "rate"}, {"name": "default"}),
    "queue.pause": ({"name": "string"}, {"name": "default"}),
    "queue.purge": ({"name": "string"}, {"name": "default"}),
    "queue.resume": ({"name": "string"}, {"name": "default"}),
    "schedule.put": ({"name": "string", "cron": "string", "timezone": "string", "job": "object", "overlap": "word", "catch_up": "word",
                      "paused": "bool", "jitter": "span"}, {"name": "s", "cron": "@daily", "job": {"type": "noop"}}),
    "schedule.list": ({"limit": "integer", "cursor": "string"}, {}),
    "schedule.get": ({"name": "string"}, {"name": "s"}),
    "schedule.delete": ({"name": "string"}, {"name": "s"}),
    "schedule.trigger": ({"name": "string"}, {"name": "s"}),
    "event.subscribe": ({"jobs": "ids", "queues": "array", "types": "array", "states": "array", "output": "bool",
                         "since": "integer"}, {}),
    "event.unsubscribe": ({"subscription": "id"}, {"subscription": 1}),
    "daemon.ping": ({}, {}),
    "daemon.status": ({}, {}),
    "daemon.drain": ({}, {}),
    "daemon.resume": ({}, {}),
    "daemon.reload": ({}, {}),
}

# Members of the contract that this version does not know: refused by name, like any other.
NOT_YET = {
    "job.submit": ["ref"],
}

# (method, params, field): what the member's meaning forbids.
MEANT = [
    ("job.submit", {"type": "nosuch"}, "type"),
    ("job.submit", {"type": ""}, "type"),
    ("job.submit", {"type": "noop", "queue": ""}, "queue"),
    ("job.submit", {"type": "noop", "queue": "a b"}, "queue"),
    ("job.submit", {"type": "noop", "queue": "x" * 65}, "queue"),
    ("job.submit", {"type": "noop", "priority": 1001}, "priority"),
    ("job.submit", {"type": "noop", "priority": -1001}, "priority"),
    ("job.submit", {"type": "noop", "delay": 1, "run_at": 1}, "run_at"),
    ("job.submit", {"type": "noop", "ttl": 1, "expires_at": 1}, "expires_at"),
    ("job.submit", {"type": "noop", "retry": {"max_attempts": 0}}, "retry.max_attempts"),
    ("job.submit", {"type": "noop", "retry": {"max_attempts": 101}}, "retry.max_attempts"),
    ("job.submit", {"type": "noop", "retry": {"backoff": "square"}}, "retry.backoff"),
    ("job.submit", {"type": "noop", "retry": {"base": -1}}, "retry.base"),
    ("job.submit", {"type": "noop", "retry": {"cap": "1h"}}, "retry.cap"),
    ("job.submit", {"type": "noop", "retry": {"jitter": 2}}, "retry.jitter"),
    ("job.submit", {"type": "noop", "retry": {"tries": 2}}, "retry.tries"),
    ("job.submit", {"type": "noop", "unique": {}}, "unique.key"),
    ("job.submit", {"type": "noop", "unique": {"key": ""}}, "unique.key"),
    ("job.submit", {"type": "noop", "request_id": ""}, "request_id"),
    ("job.submit", {"type": "noop", "request_id": "x" * 256}, "request_id"),
    ("job.submit_many", {"jobs": [{"type": "noop", "request_id": 7}]}, "jobs[0].request_id"),
    ("job.submit", {"type": "noop", "unique": {"key": "k" * 256}}, "unique.key"),
    ("job.submit", {"type": "noop", "unique": {"key": "k", "scope": "none"}}, "unique.scope"),
    ("job.submit", {"type": "noop", "unique": {"key": "k", "on_conflict": "wait"}}, "unique.on_conflict"),
    ("job.submit", {"type": "noop", "unique": {"key": "k", "for": 1}}, "unique.for"),
    ("job.submit", {"type": "noop", "tags": {str(n): "" for n in range(33)}}, "tags"),
    ("job.submit", {"type": "noop", "tags": {"a": 1}}, "tags"),
    ("job.submit", {"type": "noop", "meta": "x" * 4096}, "meta"),
    ("schedule.put", {"name": "a b", "every": 1, "job": {"type": "noop"}}, "name"),
    ("schedule.put", {"name": "s", "job": {"type": "noop"}}, "cron"),
    ("schedule.put", {"name": "s", "every": 1, "cron": "@daily", "job": {"type": "noop"}}, "every"),
    ("schedule.put", {"name": "s", "every": 0, "job": {"type": "noop"}}, "every"),
    ("schedule.put", {"name": "s", "every": 0.05, "job": {"type": "noop"}}, "every"),
    ("schedule.put", {"name": "s", "every": "1h", "job": {"type": "noop"}}, "every"),
    ("schedule.put", {"name": "s", "cron": "* * * *", "job": {"type": "noop"}}, "cron"),
    ("schedule.put", {"name": "s", "cron": "60 * * * *", "job": {"type": "noop"}}, "cron"),
    ("schedule.put", {"name": "s", "cron": "@reboot", "job": {"type": "noop"}}, "cron"),
    ("schedule.put", {"name": "s", "cron": "0 0 30 2 *", "job": {"type": "noop"}}, "cron"),
    ("schedule.put", {"name": "s", "cron": "@daily", "timezone": "Europe/Atlantis", "job": {"type": "noop"}}, "timezone"),
    ("schedule.put", {"name": "s", "cron": "@daily", "timezone": "../passwd", "job": {"type": "noop"}}, "timezone"),
    ("schedule.put", {"name": "s", "every": 1, "jitter": 1, "job": {"type": "noop"}}, "jitter"),
    ("schedule.put", {"name": "s", "cron": "*/5 * * * *", "jitter": 300, "job": {"type": "noop"}}, "jitter"),
    ("schedule.put", {"name": "s", "every": 1, "job": {}}, "job.type"),
    ("schedule.put", {"name": "s", "every": 1, "job": {"type": "nosuch"}}, "job.type"),
    ("schedule.put", {"name": "s", "every": 1, "job": {"type": "http", "args": {"url": 1}}}, "job.args.url"),
    ("schedule.put", {"name": "s", "every": 1, "job": {"type": "noop", "retry": {"tries": 1}}}, "job.retry.tries"),
    ("schedule.put", {"name": "s", "every": 1, "job": {"type": "noop", "request_id": "r"}}, "job.request_id"),
    ("schedule.put", {"name": "s", "every": 1, "job": {"type": "noop", "wait": 1}}, "job.wait"),
    ("schedule.put", {"name": "s", "every": 1, "job": {"type": "noop", "dry_run": True}}, "job.dry_run"),
    ("schedule.list", {"limit": 0}, "limit"),
    ("schedule.list", {"cursor": "a b"}, "cursor"),
    ("job.update", {"id": 1, "priority": 1001}, "priority"),
    ("job.update", {"id": 1, "queue": "a b"}, "queue"),
    ("job.update", {"id": 1, "run_at": "tomorrow"}, "run_at"),
    ("job.update", {"id": 1, "tags": {"a": 1}}, "tags"),
    ("job.submit_many", {"jobs": [1]}, "jobs[0]"),
    ("job.submit_many", {"jobs": [{"type": "noop"}, {"type": "nosuch"}]}, "jobs[1].type"),
    ("job.submit_many", {"jobs": [{"type": "noop", "wait": 1}]}, "jobs[0].wait"),
    ("job.submit_many", {"jobs": [{"type": "noop", "dry_run": True}]}, "jobs[0].dry_run"),
    ("job.submit", {"type": "noop", "after": ["a"]}, "after"),
    ("job.submit", {"type": "noop", "after": [1] * 10001}, "after"),
    ("job.submit_many", {"jobs": [{"type": "noop", "ref": ""}]}, "jobs[0].ref"),
    ("job.submit_many", {"jobs": [{"type": "noop", "ref": "a"}, {"type": "noop", "ref": "a"}]}, "jobs[1].ref"),
    ("job.submit_many", {"jobs": [{"type": "noop", "after": ["a"]}]}, "jobs[0].after"),
    ("job.submit_many", {"jobs": [{"type": "noop", "ref": "a", "after": ["a"]}]}, "jobs[0].after"),
    ("job.submit_many", {"jobs": [{"type": "noop"}, {"type": "sleep", "args": {"seconds": "x"}}]}, "jobs[1].args.seconds"),
    ("job.submit_many", {"jobs": [{"type": "noop", "retry": {"cap": -1}}]}, "jobs[0].retry.cap"),
    ("job.list", {"limit": 0}, "limit"),
    ("job.list", {"limit": 1001}, "limit"),
    ("job.list", {"cursor": ""}, "cursor"),
    ("job.list", {"cursor": "12"}, "cursor"),
    ("job.list", {"cursor": "n0"}, "cursor"),
    ("job.list", {"cursor": "n12x"}, "cursor"),
    ("job.list", {"cursor": "n99999999999999999999999"}, "cursor"),
    ("job.list", {"cursor": "o12"}, "cursor"),
    ("job.list", {"tags": {"a": 1}}, "tags"),
    ("job.count", {"queue": ["x"] * 101}, "queue"),
    ("job.wait", {}, "id"),
    ("job.wait", {"id": 1, "ids": [1]}, "id"),
    ("job.wait", {"ids": [1, "2"]}, "ids"),
    ("job.wait", {"ids": [1] * 1001}, "ids"),
    ("job.output", {"id": 1, "stream": "stdout", "attempt": 0}, "attempt"),
    ("job.output", {"id": 1, "stream": "stdout", "offset": -1}, "offset"),
    ("job.output", {"id": 1, "stream": "stdout", "limit": 0}, "limit"),
    ("job.output", {"id": 1, "stream": "stdout", "limit": (1 << 20) + 1}, "limit"),
    ("queue.pause", {"name": ""}, "name"),
    ("queue.pause", {"name": "a/b"}, "name"),
    ("queue.resume", {"name": "x" * 65}, "name"),
    ("event.subscribe", {"states": ["done"]}, "states"),
    ("event.subscribe", {"queues": [1]}, "queues"),
    ("event.subscribe", {"since": -1}, "since"),
    ("event.subscribe", {"types": [None]}, "types"),
    ("event.subscribe", {"jobs": [-1]}, "jobs"),
]

# (type, args, field)
ARGS = [
    ("sleep", {}, "args.seconds"),
    ("sleep", {"seconds": -1}, "args.seconds"),
    ("sleep", {"seconds": "1"}, "args.seconds"),
    ("sleep", {"seconds": 1e12}, "args.seconds"),
    ("sleep", {"seconds": 1, "minutes": 1}, "args.minutes"),
    ("http", {}, "args.url"),
    ("http", {"url": 1}, "args.url"),
    ("http", {"url": "/relative"}, "args.url"),
    ("http", {"url": "ftp://example.org/"}, "args.url"),
    ("http", {"url": "file:///etc/passwd"}, "args.url"),
    ("http", {"url": "http://"}, "args.url"),
    ("http", {"url": "http://h/", "method": "GET /"}, "args.method"),
    ("http", {"url": "http://h/", "headers": []}, "args.headers"),
    ("http", {"url": "http://h/", "headers": {"a": 1}}, "args.headers.a"),
    ("http", {"url": "http://h/", "headers": {"a": "b\r\nc: d"}}, "args.headers.a"),
    ("http", {"url": "http://h/", "body": 1}, "args.body"),
    ("http", {"url": "http://h/", "body": "", "json": 1}, "args.json"),
    ("http", {"url": "http://h/", "body_base64": "!"}, "args.body_base64"),
    ("http", {"url": "http://h/", "follow_redirects": 1}, "args.follow_redirects"),
    ("http", {"url": "http://h/", "max_body": -1}, "args.max_body"),
    ("http", {"url": "http://h/", "ok_status": 200}, "args.ok_status"),
    ("http", {"url": "http://h/", "ok_status": [[299, 200]]}, "args.ok_status"),
    ("http", {"url": "http://h/", "verify_tls": "no"}, "args.verify_tls"),
    ("http", {"url": "http://h/", "uri": "x"}, "args.uri"),
    ("tcp", {"port": 1}, "args.host"),
    ("tcp", {"host": "h"}, "args.port"),
    ("tcp", {"host": "", "port": 1}, "args.host"),
    ("tcp", {"host": "h", "port": 0}, "args.port"),
    ("tcp", {"host": "h", "port": 65536}, "args.port"),
    ("tcp", {"host": "h", "port": "80"}, "args.port"),
    ("tcp", {"host": "h", "port": 1, "send": 1}, "args.send"),
    ("tcp", {"host": "h", "port": 1, "read_until": ""}, "args.read_until"),
    ("tcp", {"host": "h", "port": 1, "read_bytes": 0}, "args.read_bytes"),
    ("tcp", {"host": "h", "port": 1, "read_bytes": 1, "read_all": True}, "args.read_all"),
    ("tcp", {"host": "h", "port": 1, "read_bytes": 2, "max_bytes": 1}, "args.read_bytes"),
    ("tcp", {"host": "h", "port": 1, "tls": 1}, "args.tls"),
    ("tcp", {"host": "h", "port": 1, "recv": 1}, "args.recv"),
    ("dns", {}, "args.name"),
    ("dns", {"name": ""}, "args.name"),
    ("dns", {"name": "h", "family": "ipx"}, "args.family"),
    ("dns", {"name": "h", "type": "MX"}, "args.type"),
    ("exec", {}, "args.argv"),
    ("exec", {"argv": []}, "args.argv"),
    ("exec", {"argv": "true"}, "args.argv"),
    ("exec", {"argv": [1]}, "args.argv"),
    ("exec", {"argv": ["true"], "command": "true"}, "args.command"),
    ("exec", {"command": 1}, "args.command"),
    ("exec", {"command": "a\0b"}, "args.command"),
    ("exec", {"command": "true", "stdin": 1}, "args.stdin"),
    ("exec", {"command": "true", "env": []}, "args.env"),
    ("exec", {"command": "true", "env": {"A": 1}}, "args.env"),
    ("exec", {"command": "true", "env": {"A=B": ""}}, "args.env"),
    ("exec", {"command": "true", "cwd": "relative"}, "args.cwd"),
    ("exec", {"command": "true", "ok_exit_codes": 0}, "args.ok_exit_codes"),
    ("exec", {"command": "true", "ok_exit_codes": [256]}, "args.ok_exit_codes"),
    ("exec", {"command": "true", "nice": 99}, "args.nice"),
    ("exec", {"command": "true", "limits": {"memory": 1}}, "args.limits.memory"),
    ("exec", {"command": "true", "limits": {"open_files": "many"}}, "args.limits.open_files"),
    ("exec", {"command": "true", "shell": "zsh"}, "args.shell"),
]

UNKNOWN_METHODS = [
    "", "job", "job.", "job.Submit", "job.submit ", " job.submit", "job.submit.x", "rpc.discover", "system.listMethods", "x" * 1000,
    # Of the contract, and not of this version.
    "auth.login",
    "worker.register", "worker.done", "worker.fail", "worker.progress", "worker.output", "worker.ping",
]


def blames(method, params, field):
    """None if the call is refused and blames the field; else what happened instead."""
    try:
        result = client.call(method, **params)
    except RpcError as error:
        if (error.reason, error.field) != ("invalid_params", field):
            return "%s %r: %s, field %r: %s" % (method, params, error.reason, error.field, error.message)
        # The sentence names the member once.
        if error.message.count('"%s"' % field) != 1:
            return "%s %r says: %s" % (method, params, error.message)
        return None
    return "%s %r was accepted: %r" % (method, params, result)


def all_blame(cases):
    wrong = [said for said in (blames(*case) for case in cases) if said]
    check(not wrong, "%d of %d:\n" % (len(wrong), len(cases)) + "\n".join(wrong))


def declare(method, members, needed):
    @test(method + ": wrong types")
    def _():
        all_blame([(method, dict(needed, **{name: value}), name)
                   for name, kind in members.items() for value in WRONG[kind]])

    @test(method + ": unknown members")
    def _():
        names = ["nosuch", "", "Id", "jsonrpc"] + NOT_YET.get(method, [])
        all_blame([(method, dict(needed, **{name: 1}), name or '""') for name in names if name])

    @test(method + ": missing members")
    def _():
        all_blame([(method, {other: needed[other] for other in needed if other != name}, name) for name in needed])


for name, (members, needed) in METHODS.items():
    declare(name, members, needed)


@test("what only a member's meaning forbids")
def _():
    all_blame(MEANT)


@test("args that the type does not take")
def _():
    all_blame([("job.submit", {"type": type, "args": args}, field) for type, args, field in ARGS])


@test("every message is a sentence of reasonable length")
def _():
    for method, params, field in MEANT:
        try:
            client.call(method, **params)
        except RpcError as error:
            check(20 < len(error.message) < 320, error.message)
            check("%s" not in error.message and "(null)" not in error.message, error.message)


@test("methods that are not there")
def _():
    for method in UNKNOWN_METHODS:
        for params in [{}, {"id": 1}]:
            try:
                client.call(method, **params)
                check(False, method)
            except RpcError as error:
                equal((error.reason, error.code), ("method_not_found", -32601), method)


@test("nothing was kept of all that")
def _():
    equal(client.call("job.count")["total"], 0)
    equal(client.call("queue.list")["queues"], [])
    client.close()
    daemon.stop()
    daemon.check_sanitizers()


main()
