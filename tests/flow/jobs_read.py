"""What can be found and read again: lists, counts, output by pages, and for how long."""

import base64
import json
import os

from jobdlook import sound
from jobdtest import Daemon, check, equal, eventually, main, refused, tempdir, test
from jobduser import AT_ONCE, User

user = User("pool.processes=2", "limits.output_bytes=300000")
c, daemon = user.c, user.daemon
submit, run, sh, get, wait = user.submit, user.run, user.sh, user.get, user.wait


# ---- finding them again ----

@test("list and count: filters")
def _():
    for n in range(6):
        submit("noop" if n % 2 else "sleep", {} if n % 2 else {"seconds": 0}, queue="find%d" % (n % 3), hold=True,
               tags={"n": str(n), "all": "find"})
    find = {"all": "find"}
    numbers = lambda **filters: sorted(int(job["tags"]["n"]) for job in c.call("job.list", **filters)["jobs"])
    equal(numbers(tags=find), [0, 1, 2, 3, 4, 5])
    equal(numbers(tags=find, queue="find1"), [1, 4])
    equal(numbers(tags=find, queue=["find1", "find2"]), [1, 2, 4, 5])
    equal(numbers(tags=find, type="noop"), [1, 3, 5])
    equal(numbers(tags=find, type=["noop", "sleep"], state="held"), [0, 1, 2, 3, 4, 5])
    equal(numbers(tags=find, state=["ready", "running"]), [])
    equal(numbers(tags={"all": "find", "n": "3"}), [3])
    equal(numbers(tags={"all": "find", "n": "9"}), [])
    equal(numbers(tags=find, queue="nosuch"), [])
    equal(numbers(tags=find, queue=[]), [])
    equal(numbers(tags=find, state=[]), [])
    count = c.call("job.count", tags=find, type="noop")
    equal(count["total"], 3)
    equal({name: n for name, n in count["by_state"].items() if n}, {"held": 3})
    equal(c.call("job.count", queue=["find0", "find1"])["total"], 4)
    equal(set(c.call("job.count")), {"total", "by_state"})


@test("count agrees with status and queues")
def _():
    count = c.call("job.count")
    equal(sum(count["by_state"].values()), count["total"])
    for name, n in c.call("daemon.status")["counts"].items():
        equal(n, count["by_state"].get(name, 0), name)


@test("list: args and results only when full; no history")
def _():
    job = sh("echo x", queue="listed", meta=1, tags={"a": "b"})
    brief = c.call("job.list", queue="listed")["jobs"][0]
    full = c.call("job.list", queue="listed", full=True)["jobs"][0]
    check("args" not in brief and "result" not in brief, brief)
    equal((full["args"], full["result"], full["meta"]), (job["args"], job["result"], 1))
    equal(brief["tags"], {"a": "b"})
    equal((brief["id"], brief["state"], brief["output_bytes"]), (job["id"], "succeeded", {"stdout": 2, "stderr": 0}))


@test("list: pages are stable while jobs come and go")
def _():
    for order, ordered in (("newest", lambda ids: sorted(ids, reverse=True)), ("oldest", sorted)):
        queue = "pages-" + order
        ids = [submit("noop", queue=queue, hold=True) for _ in range(50)]
        seen, cursor, turns = [], {}, 0
        while True:
            page = c.call("job.list", queue=queue, order=order, limit=7, **cursor)
            check(len(page["jobs"]) <= 7)
            seen += [job["id"] for job in page["jobs"]]
            # Between the pages some come, some that were seen go, and states change.
            submit("noop", queue=queue, hold=True)
            c.call("job.cancel", id=seen[-1])
            c.call("job.delete", id=seen[-1])
            turns += 1
            if "next_cursor" not in page:
                break
            cursor = {"cursor": page["next_cursor"]}
        equal([id for id in seen if id in ids], ordered(ids))
        equal(len(seen), len(set(seen)))
        check(turns < 20)


@test("list: a page ends early at limits.message_bytes, and at least one record is in it")
def _():
    with Daemon("limits.message_bytes=20000", "pool.processes=1") as d, d.client() as one:
        for n in range(30):
            one.call("job.submit", type="noop", args={"text": "x" * 3000}, hold=True)
        seen, cursor = [], {}
        while True:
            one.write(json.dumps({"jsonrpc": "2.0", "id": 0, "method": "job.list", "params": dict(cursor, full=True, limit=1000)}) + "\n")
            line = one.read_line()
            check(len(line) <= 20000, len(line))
            page = json.loads(line)["result"]
            seen += [job["id"] for job in page["jobs"]]
            if "next_cursor" not in page:
                break
            cursor = {"cursor": page["next_cursor"]}
        equal(seen, list(range(30, 0, -1)))
        big = one.call("job.submit", type="exec", args={"command": "head -c 40000 /dev/zero | tr '\\0' y"}, wait=60)
        equal(len(big["result"]["stdout"]), 40000)
        page = one.call("job.list", full=True)
        equal([job["id"] for job in page["jobs"]], [31])
        check("next_cursor" in page)


# ---- output ----

def pages(id, stream, **how):
    """All pages put together."""
    data, offset = b"", how.pop("offset", 0)
    while True:
        page = c.call("job.output", id=id, stream=stream, offset=offset, **how)
        check({"offset", "next_offset", "eof"} <= set(page) <= {"offset", "next_offset", "eof", "data", "data_base64", "truncated"}, page)
        equal(("data" in page) + ("data_base64" in page), 1, set(page))
        piece = page["data"].encode() if "data" in page else base64.b64decode(page["data_base64"])
        equal((page["offset"], page["next_offset"]), (offset, offset + len(piece)))
        data += piece
        offset = page["next_offset"]
        if page["eof"]:
            return data, page
        check(piece, page)


@test("output by pages")
def _():
    job = sh("seq 1 20000; seq 5 >&2")
    wanted = "".join("%d\n" % n for n in range(1, 20001)).encode()
    for limit in (65536, 1000, 1 << 20):
        equal(pages(job["id"], "stdout", limit=limit)[0], wanted)
    equal(pages(job["id"], "stdout", offset=100000)[0], wanted[100000:])
    equal(pages(job["id"], "stderr")[0], b"1\n2\n3\n4\n5\n")
    page = c.call("job.output", id=job["id"], stream="stdout", offset=10**9)
    equal((page["data"], page["next_offset"], page["eof"]), ("", 10**9, True))
    equal(len(c.call("job.output", id=job["id"], stream="stdout")["data"]), 65536)


@test("output: a page ends on a character's border")
def _():
    job = sh("for i in $(seq 200); do printf '\u20ac'; done")
    for limit in (10, 100, 599):
        offset = 0
        while True:
            page = c.call("job.output", id=job["id"], stream="stdout", offset=offset, limit=limit)
            equal(set(page.get("data", "?")), {"\u20ac"}, page)
            offset = page["next_offset"]
            if page["eof"]:
                break
        equal(offset, 600)
    # In the middle of one it is what it is, and it goes on.
    equal(pages(job["id"], "stdout", offset=1)[0], "\u20ac".encode()[1:] + "\u20ac".encode() * 199)
    equal(pages(job["id"], "stdout", limit=1)[0], "\u20ac".encode() * 200)


@test("output that is not text")
def _():
    job = sh("head -c 100000 /dev/urandom | tee /dev/stderr")
    out, page = pages(job["id"], "stdout")
    equal(len(out), 100000)
    equal(out, pages(job["id"], "stderr", limit=999)[0])
    check("truncated" not in page, page)


@test("output past limits.output_bytes is counted, and the rest is said to be missing")
def _():
    job = sh("head -c 500000 /dev/zero | tr '\\0' z")
    equal(job["output_bytes"]["stdout"], 500000)
    out, page = pages(job["id"], "stdout")
    equal((len(out), page.get("truncated")), (300000, True))
    equal(job["result"]["stdout"], "z" * 65536)


@test("output of each attempt")
def _():
    job = sh("echo attempt $JOBD_ATTEMPT; exit 1", retry=dict(AT_ONCE, max_attempts=2))
    equal(pages(job["id"], "stdout", attempt=1)[0], b"attempt 1\n")
    equal(pages(job["id"], "stdout", attempt=2)[0], b"attempt 2\n")
    equal(pages(job["id"], "stdout")[0], b"attempt 2\n")
    refused("not_found", c.call, "job.output", id=job["id"], stream="stdout", attempt=3)
    equal(c.call("job.output", id=submit("noop", hold=True), stream="stdout"), {"data": "", "offset": 0, "next_offset": 0, "eof": False})
    equal(c.call("job.output", id=run("noop")["id"], stream="stderr"), {"data": "", "offset": 0, "next_offset": 0, "eof": True})


@test("output as it comes, and its end")
def _():
    fifos = [os.path.join(tempdir(), "fifo") for _ in range(2)]
    for fifo in fifos:
        os.mkfifo(fifo)
    id = submit("exec", {"command": "for fifo in %s; do read line < $fifo; echo $line; done" % " ".join(fifos)})
    page = c.call("job.output", id=id, stream="stdout")
    equal((page["data"], page["eof"]), ("", False))
    for n, line in enumerate(["one", "two"]):
        with open(fifos[n], "w") as stdin:
            stdin.write(line + "\n")
        page = eventually(lambda: (p := c.call("job.output", id=id, stream="stdout", offset=4 * n))["data"] and p, "its answer")
        equal(page["data"], line + "\n")
        if n == 0:
            equal(page["eof"], False)
            eventually(lambda: get(id)["output_bytes"]["stdout"] == 4, "the count")
    wait(id)
    equal(c.call("job.output", id=id, stream="stdout", offset=8), {"data": "", "offset": 8, "next_offset": 8, "eof": True})


# ---- retention ----

@test("retain: a record goes when its time is over, and not before")
def _():
    d = Daemon("pool.processes=1")
    with d.client() as one:
        gone = one.call("job.submit", type="noop", retain=0)["id"]
        kept = one.call("job.submit", type="noop", retain=3600, wait=60)["id"]
        usual = one.call("job.submit", type="noop", wait=60)["id"]
        held = one.call("job.submit", type="noop", retain=0, hold=True)["id"]
    d.restart()     # pruning begins with the start
    with d.client() as one:
        def is_gone():
            return gone not in [job["id"] for job in one.call("job.list")["jobs"]]
        eventually(is_gone, "the record's end")
        equal([job["id"] for job in one.call("job.list", order="oldest")["jobs"]], [kept, usual, held])
        check(one.call("job.submit", type="noop")["id"] > held)
    d.stop()


@test("retain: who waits for a job gets its record, however short it is kept")
def _():
    for _ in range(100):
        equal(run("noop", retain=0)["state"], "succeeded")
    numbers = [c.send("job.submit", type="sleep", args={"seconds": 0}, retain=0, wait=60) for _ in range(200)]
    for number in numbers:
        equal(sound(c.result(number))["state"], "succeeded")


@test("retain.jobs: the oldest go first")
def _():
    d = Daemon("pool.processes=1", "retain.jobs=10")
    with d.client() as one:
        ids = [job["id"] for job in one.call("job.submit_many", jobs=[{"type": "noop"}] * 50)["jobs"]]
        one.call("job.wait", ids=ids)
    d.restart()
    with d.client() as one:
        eventually(lambda: one.call("job.count")["total"] == 10, "the pruning")
        equal([job["id"] for job in one.call("job.list", order="oldest")["jobs"]], ids[-10:])
        equal(one.call("daemon.status")["counts"]["succeeded"], 10)
    d.stop()


user.ends_in_peace()
main()
