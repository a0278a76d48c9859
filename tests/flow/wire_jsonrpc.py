"""The wire: JSON-RPC 2.0 as its specification says, one JSON text a line.

The specification's examples call subtract, update, sum and the like; jobd has no such methods, so where the
example shows a result, method_not_found stands here.
"""

import json
import socket
import time

from jobdtest import Client, Daemon, check, equal, eventually, main, patient, test

daemon = Daemon("pool.processes=1", "limits.message_bytes=100000")

CODES = {"parse_error": -32700, "invalid_request": -32600, "method_not_found": -32601, "invalid_params": -32602,
         "too_large": -32005}


def is_error(reply, reason, id=None):
    equal(reply["jsonrpc"], "2.0")
    equal(reply["error"]["data"]["reason"], reason, reply)
    equal(reply["error"]["code"], CODES[reason], reply)
    check(reply["error"]["message"], reply)
    equal((reply["id"], type(reply["id"])), (id, type(id)), reply)
    equal(set(reply), {"jsonrpc", "id", "error"})


def ask(client, text):
    """Sends a line, and reads the next message."""
    client.write(text + "\n")
    return client.read()


def answers_still(client):
    """That nothing was on its way, and the connection works: the next message is the answer to a ping."""
    reply = ask(client, '{"jsonrpc":"2.0","id":"still","method":"daemon.ping"}')
    equal((reply["id"], "result" in reply), ("still", True), reply)


@test("the specification's examples: calls with params by position and by name")
def _():
    with daemon.client() as c:
        is_error(ask(c, '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}'), "method_not_found", 1)
        is_error(ask(c, '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}'), "method_not_found", 2)
        is_error(ask(c, '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}'),
                 "method_not_found", 3)
        is_error(ask(c, '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}'),
                 "method_not_found", 4)


@test("the specification's examples: notifications")
def _():
    with daemon.client() as c:
        c.write('{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}\n')
        c.write('{"jsonrpc": "2.0", "method": "foobar"}\n')
        answers_still(c)


@test("the specification's examples: a method that is not there")
def _():
    with daemon.client() as c:
        is_error(ask(c, '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}'), "method_not_found", "1")


@test("the specification's examples: what is not JSON")
def _():
    with daemon.client() as c:
        is_error(ask(c, '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]'), "parse_error")
        is_error(ask(c, '[ {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method" ]'),
                 "parse_error")
        answers_still(c)


@test("the specification's examples: what is no request")
def _():
    with daemon.client() as c:
        is_error(ask(c, '{"jsonrpc": "2.0", "method": 1, "params": "bar"}'), "invalid_request")
        is_error(ask(c, "[]"), "invalid_request")
        replies = ask(c, "[1]")
        equal(len(replies), 1)
        is_error(replies[0], "invalid_request")
        replies = ask(c, "[1,2,3]")
        equal(len(replies), 3)
        for reply in replies:
            is_error(reply, "invalid_request")
        answers_still(c)


@test("the specification's examples: a batch of everything")
def _():
    with daemon.client() as c:
        replies = ask(c, """[
            {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
            {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
            {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
            {"foo": "boo"},
            {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
            {"jsonrpc": "2.0", "method": "daemon.ping", "id": "9"}
            ]""".replace("\n", ""))
        equal(len(replies), 5)
        by_id = {reply["id"]: reply for reply in replies}
        equal(set(by_id), {"1", "2", None, "5", "9"})
        is_error(by_id["1"], "method_not_found", "1")
        is_error(by_id["2"], "method_not_found", "2")
        is_error(by_id[None], "invalid_request")
        is_error(by_id["5"], "method_not_found", "5")
        equal(set(by_id["9"]["result"]), {"now", "version"})


@test("the specification's examples: a batch of notifications only")
def _():
    with daemon.client() as c:
        c.write('[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},'
                '{"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},'
                '{"jsonrpc": "2.0", "method": "daemon.ping"}]\n')
        answers_still(c)


@test("params by position are refused where the method is known")
def _():
    with daemon.client() as c:
        is_error(ask(c, '{"jsonrpc":"2.0","id":1,"method":"daemon.ping","params":[]}'), "invalid_params", 1)
        is_error(ask(c, '{"jsonrpc":"2.0","id":1,"method":"job.get","params":[1]}'), "invalid_params", 1)
        is_error(ask(c, '{"jsonrpc":"2.0","id":1,"method":"job.get","params":1}'), "invalid_request", 1)
        is_error(ask(c, '{"jsonrpc":"2.0","id":1,"method":"job.get","params":null}'), "invalid_request", 1)
        check("result" in ask(c, '{"jsonrpc":"2.0","id":1,"method":"daemon.ping","params":{}}'))


@test("a request must say what it is")
def _():
    with daemon.client() as c:
        is_error(ask(c, '{"id":1,"method":"daemon.ping"}'), "invalid_request", 1)
        is_error(ask(c, '{"jsonrpc":"1.0","id":1,"method":"daemon.ping"}'), "invalid_request", 1)
        is_error(ask(c, '{"jsonrpc":2.0,"id":1,"method":"daemon.ping"}'), "invalid_request", 1)
        is_error(ask(c, '{"jsonrpc":"2.0","id":1}'), "invalid_request", 1)
        is_error(ask(c, '{"jsonrpc":"2.0","id":1,"method":null}'), "invalid_request", 1)
        is_error(ask(c, '{}'), "invalid_request")
        # Broken and without an id: it cannot be told from a request.
        is_error(ask(c, '{"jsonrpc":"2.0","params":{}}'), "invalid_request")


@test("ids of every kind come back as they were")
def _():
    with daemon.client() as c:
        for id in ["1", "", "\u00e4\u20ac\U0001f600\n\"\\", "x" * 1000, 0, 1, -7, 2**53 + 1, 2**63 - 1, -2**63, 1.5, -0.25, 1e100, None]:
            line = json.dumps({"jsonrpc": "2.0", "id": id, "method": "daemon.ping"})
            reply = ask(c, line)
            equal((reply["id"], "result" in reply), (id, True), line)
            line = json.dumps({"jsonrpc": "2.0", "id": id, "method": "nosuch"}, ensure_ascii=False)
            is_error(ask(c, line), "method_not_found", id)
        for id in ["true", "false", "[]", "{}", "[1]"]:
            is_error(ask(c, '{"jsonrpc":"2.0","id":%s,"method":"daemon.ping"}' % id), "invalid_request")


@test("a notification does its work and is never answered")
def _():
    with daemon.client() as c:
        c.write('{"jsonrpc":"2.0","method":"job.submit","params":{"type":"sleep","args":{"seconds":0},"queue":"quiet"}}\n')
        c.write('{"jsonrpc":"2.0","method":"job.submit","params":{"type":"nosuch"}}\n')
        c.write('{"jsonrpc":"2.0","method":"job.get","params":{"id":999999999}}\n')
        answers_still(c)
        jobs = eventually(lambda: c.call("job.list", queue="quiet")["jobs"], "the job of the notification")
        equal(len(jobs), 1)
        c.call("job.wait", id=jobs[0]["id"])


@test("CRLF, blank lines and white space are passed over")
def _():
    with daemon.client() as c:
        c.write("\n\r\n  \t \n   \r\n")
        equal(ask(c, ' \t{"jsonrpc":"2.0","id":1,"method":"daemon.ping"} \t\r')["id"], 1)
        c.write('\n\n{"jsonrpc":"2.0","id":2,"method":"daemon.ping"}\r\n\r\n')
        equal(c.read()["id"], 2)
        answers_still(c)


@test("a line may come byte by byte, and many in one piece")
def _():
    with daemon.client() as c:
        for byte in b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping"}\n':
            c.write(bytes([byte]))
        equal(c.read()["id"], 1)
        c.write("".join('{"jsonrpc":"2.0","id":%d,"method":"daemon.ping"}\n' % n for n in range(1000)))
        equal(sorted(c.read()["id"] for _ in range(1000)), list(range(1000)))


@test("TCP speaks the same")
def _():
    with Client(daemon.tcp) as c:
        check("result" in ask(c, '{"jsonrpc":"2.0","id":1,"method":"daemon.ping"}'))
        is_error(ask(c, "[]"), "invalid_request")


@test("pipelined submits get their ids in the order sent")
def _():
    with daemon.client() as c:
        numbers = [c.send("job.submit", type="noop", args={"n": n}) for n in range(300)]
        ids = [c.result(number)["id"] for number in numbers]
        equal(ids, list(range(ids[0], ids[0] + 300)))
        batch = [{"jsonrpc": "2.0", "id": n, "method": "job.submit", "params": {"type": "noop"}} for n in range(300)]
        replies = {reply["id"]: reply["result"]["id"] for reply in ask(c, json.dumps(batch))}
        ids = [replies[n] for n in range(300)]
        equal(ids, list(range(ids[0], ids[0] + 300)))


@test("no submit overtakes a long submit_many sent before it, whatever becomes of that")
def _():
    noop = {"type": "noop", "hold": True}
    with daemon.client() as c:
        sent = []
        for n in (1000, 1, 600, 600):
            sent.append(c.send("job.submit_many", jobs=[noop] * n))
            sent.append(c.send("job.submit_many", jobs=[noop] * n + [{"type": "nope"}]))
            sent.append(c.send("job.submit", **noop))
            sent.append(c.send("job.submit", dry_run=True, **noop))
        ids = []
        for number in sent:
            result = c.reply(number).get("result", {})
            ids += [job["id"] for job in result.get("jobs", [result]) if job.get("id")]
        equal(len(ids), 1000 + 1 + 600 + 600 + 4)
        equal(ids, sorted(ids))


@test("replies come as they complete")
def _():
    with daemon.client() as c:
        slow = c.send("job.submit", type="sleep", args={"seconds": 60}, wait=60)
        job = eventually(lambda: c.call("job.list", type="sleep", state=["ready", "running"])["jobs"], "the job")[0]
        check(slow not in c.replies)
        c.call("job.cancel", id=job["id"])
        equal(c.result(slow)["state"], "cancelled")


@test("a batch's elements run at once, and its array waits for the last")
def _():
    with daemon.client() as c:
        begun = time.monotonic()
        batch = [{"jsonrpc": "2.0", "id": n, "method": "job.submit", "params":
                  {"type": "sleep", "args": {"seconds": 0.5 if n else 0}, "wait": 60}} for n in range(20)]
        c.write(json.dumps(batch) + '\n{"jsonrpc":"2.0","id":"meanwhile","method":"daemon.ping"}\n')
        equal(c.read()["id"], "meanwhile")
        replies = c.read()
        took = time.monotonic() - begun
        equal(sorted(reply["id"] for reply in replies), list(range(20)))
        check(all(reply["result"]["state"] == "succeeded" for reply in replies))
        check(0.5 <= took < patient(4), took)


@test("a batch holds up to 1,000 requests")
def _():
    with daemon.client() as c:
        element = '{"jsonrpc":"2.0","id":1,"method":"daemon.ping"}'
        equal(len(ask(c, "[" + ",".join([element] * 1000) + "]")), 1000)
        is_error(ask(c, "[" + ",".join([element] * 1001) + "]"), "invalid_request")
        answers_still(c)


@test("a batch in a batch is no request")
def _():
    with daemon.client() as c:
        replies = ask(c, '[[{"jsonrpc":"2.0","id":1,"method":"daemon.ping"}],{"jsonrpc":"2.0","id":2,"method":"daemon.ping"}]')
        equal(len(replies), 2)
        is_error([reply for reply in replies if reply["id"] is None][0], "invalid_request")


@test("nesting: 64 levels are read, 65 are not")
def _():
    with daemon.client() as c:
        line = '{"jsonrpc":"2.0","id":1,"method":"job.submit","params":{"type":"noop","args":{"a":%s},"dry_run":true}}'
        reply = ask(c, line % ("[" * 61 + "]" * 61))
        equal(reply["result"]["dry_run"], True)
        is_error(ask(c, line % ("[" * 62 + "]" * 62)), "parse_error")
        # Brackets in strings are none.
        reply = ask(c, line % json.dumps("[" * 1000 + '\\"{'))
        equal(reply["result"]["dry_run"], True)


@test("a line may be limits.message_bytes long, and the connection goes on after a longer one")
def _():
    with daemon.client() as c:
        line = '{"jsonrpc":"2.0","id":1,"method":"job.submit","params":{"type":"noop","args":{"a":"%s"},"dry_run":true}}'
        room = 100000 - len(line % "")
        equal(ask(c, line % ("x" * room))["result"]["dry_run"], True)
        is_error(ask(c, line % ("x" * (room + 1))), "too_large")
        answers_still(c)
        is_error(ask(c, line % ("x" * 1000000)), "too_large")
        answers_still(c)


@test("what is not UTF-8 is not JSON")
def _():
    with daemon.client() as c:
        for bad in [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82", b"\x80"]:
            c.write(b'{"jsonrpc":"2.0","id":1,"method":"daemon.' + bad + b'"}\n')
            is_error(c.read(), "parse_error")
        for bad in ['"\\ud800"', '"\\udc00\\ud800"', '"\\x"', "\"\t\"", "01", "+1", ".5", "1.", "NaN", "Infinity", "nul", "'x'",
                    "[1,]", '{"a":1,}', '{"a"}', "{a:1}", "1 2"]:
            is_error(ask(c, '{"jsonrpc":"2.0","id":1,"method":"daemon.ping","params":{"x":%s}}' % bad), "parse_error")
        answers_still(c)


@test("a client that has said its last still gets its answers")
def _():
    with daemon.client() as c:
        # In one piece: the ping is not to be late.
        c.write('{"jsonrpc":"2.0","id":1,"method":"job.submit","params":{"type":"sleep","args":{"seconds":0.2},"wait":60}}\n'
                '{"jsonrpc":"2.0","id":"last","method":"daemon.ping"}\n')
        c.socket.shutdown(socket.SHUT_WR)
        equal(c.read()["id"], "last")
        equal(c.result(1)["state"], "succeeded")
        equal(c.read(), None)


@test("the daemon ends in peace")
def _():
    daemon.stop()
    daemon.check_sanitizers()


main()
