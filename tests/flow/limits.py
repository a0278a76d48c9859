"""What is bounded says so, and one client's limits are not another's."""

import socket

from jobdtest import SANITIZED, Daemon, check, equal, main, refused, skip, test


@test("limits.jobs counts what is under way, and what job.retry brings back")
def _():
    with Daemon("pool.processes=1", "limits.jobs=10") as d, d.client() as c:
        first = c.call("job.submit", type="noop", wait=60)["id"]
        numbers = [c.send("job.submit", type="noop", hold=True) for _ in range(300)]
        replies = [c.reply(number) for number in numbers]
        taken = [reply["result"]["id"] for reply in replies if "result" in reply]
        equal(len(taken), 10)
        equal({reply["error"]["data"]["reason"] for reply in replies if "error" in reply}, {"overloaded"})
        refused("overloaded", c.call, "job.retry", id=first)
        refused("overloaded", c.call, "job.submit_many", jobs=[{"type": "noop"}])
        refused("overloaded", c.call, "job.submit", type="noop", dry_run=True)
        c.call("job.cancel", id=taken[0])
        equal(c.call("job.retry", id=first)["id"], first)


@test("clients that wait by the thousand leave the daemon to the others")
def _():
    if SANITIZED:
        skip("ThreadSanitizer has fewer fibers than there are waits")
    with Daemon("pool.processes=1", "shutdown.grace=0") as d, d.client() as c:
        held = c.call("job.submit", type="noop", hold=True)["id"]
        line = b'{"jsonrpc":"2.0","id":"wait","method":"job.wait","params":{"id":%d}}\n' % held
        waiters = [d.client() for _ in range(18)]
        for waiter in waiters[:2]:
            waiter.socket.sendall(line * 1000)
            waiter.call("daemon.ping")      # its thousand are taken
        for waiter in waiters[2:]:
            waiter.socket.sendall(line * 1000)
        # Those beyond the bound are told so; whoever is not is waiting.
        for waiter in waiters[2:]:
            waiter.call("daemon.ping")
        told = [waiter.replies["wait"]["error"]["data"]["reason"] for waiter in waiters if "wait" in waiter.replies]
        check(told and set(told) == {"overloaded"}, told)
        c.call("daemon.ping")
        equal(c.call("job.get", id=held)["state"], "held")
        c.call("job.release", id=held)
        for waiter in waiters[:2]:
            equal(waiter.read()["result"]["state"], "succeeded")
        for waiter in waiters:
            waiter.close()
        c.call("daemon.ping")


@test("one who waits for a job that is not kept still gets its record")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        numbers = [c.send("job.submit", type="noop", retain=0, wait=60) for _ in range(100)]
        equal({c.result(number)["state"] for number in numbers}, {"succeeded"})


@test("each of many is blamed by its place")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        key = {"key": "k", "on_conflict": "reject"}
        holder = c.call("job.submit", type="noop", hold=True, unique={"key": "k"})["id"]
        error = refused("conflict", c.call, "job.submit_many", jobs=[{"type": "noop"}, {"type": "noop", "unique": key}])
        equal((error.field, error.data["id"]), ("jobs[1].unique", holder))
        error = refused("conflict", c.call, "job.submit_many",
                        jobs=[{"type": "noop", "unique": {"key": "n"}}, {"type": "noop", "unique": dict(key, key="n")}])
        equal(error.field, "jobs[1].unique")
        check("job 0" not in error.message and "id" not in error.data, error.message)
        equal(c.call("job.count")["total"], 1)


@test("names with a NUL are refused, ids written as whole reals are not")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        id = c.call("job.submit", type="noop", wait=60)["id"]
        for method, member, value in (("job.count", "state", "held\0x"), ("job.count", "queue", "default\0"), ("job.list", "type", ["no\0op"]),
                                      ("job.list", "tags", {"a": "b\0"}), ("event.subscribe", "queues", ["q\0"]),
                                      ("event.subscribe", "states", ["ready\0"])):
            equal(refused("invalid_params", c.call, method, **{member: value}).field, member, (method, value))
        equal(len(c.call("job.wait", ids=[float(id)])["jobs"]), 1)
        c.call("event.subscribe", jobs=[float(id)])


@test("output that was cut is told of each attempt")
def _():
    with Daemon("pool.processes=1", "limits.output_bytes=1000") as d, d.client() as c:
        id = c.call("job.submit", type="exec", args={"command": "head -c 5000 /dev/zero | tr '\\0' x; test $JOBD_ATTEMPT = 2"},
                    retry={"max_attempts": 2, "base": 0}, wait=60)["id"]
        for attempt in (1, 2):
            page = c.call("job.output", id=id, stream="stdout", attempt=attempt)
            equal((page["data"], page["eof"], page.get("truncated")), ("x" * 1000, True, True), attempt)
            check("truncated" not in c.call("job.output", id=id, stream="stderr", attempt=attempt))


@test("the end of the stream ends the last line")
def _():
    with Daemon("pool.processes=1") as d, d.client() as c:
        c.write('{"jsonrpc":"2.0","id":7,"method":"daemon.ping"}')
        c.socket.shutdown(socket.SHUT_WR)
        equal(c.read()["id"], 7)
        equal(c.read(), None)


main()
