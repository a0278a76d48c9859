"""What README.md tells people to type works as it stands."""

import http.server
import json
import os
import re
import shlex
import subprocess
import sys
import threading

from jobdtest import Daemon, check, equal, main, test

README = os.path.join(os.environ.get("SRCDIR", "."), "README.md")


def block(mark):
    """The code block after <!-- mark -->."""
    with open(README, encoding="utf-8") as file:
        found = re.search(r"<!-- %s -->\n```\w+\n(.*?)```" % re.escape(mark), file.read(), re.S)
    check(found, "README.md has no block marked %s" % mark)
    return found.group(1)


def run(command, snippet, daemon):
    """Its output, with the daemon's own port for the usual one."""
    return subprocess.run(command + [snippet.replace("7420", str(daemon.tcp[1]))], check=True, capture_output=True,
                          text=True, timeout=60).stdout


@test("the snippet in Python submits a job and prints its output")
def _():
    with Daemon() as d:
        equal(run([sys.executable, "-c"], block("snippet: python"), d), "succeeded hello\n")


@test("the snippet in bash submits a job and prints its record")
def _():
    with Daemon() as d:
        check('"state":"succeeded"' in run(["bash", "-c"], block("snippet: bash"), d))


@test("the pipeline fetches, sorts and posts")
def _():
    class Web(http.server.BaseHTTPRequestHandler):
        posted = []

        def do_GET(self):
            self.answer(b"10\n9\n1\n")

        def do_POST(self):
            self.posted.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(b"")

        def answer(self, body):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    text = block("snippet: pipeline").replace("https://example.org", "http://127.0.0.1:%d" % web.server_address[1])
    with Daemon() as d, d.client() as c:
        request = json.loads(text)
        made = c.call(request["method"], **request["params"])["jobs"]
        records = c.call("job.wait", ids=[job["id"] for job in made], timeout=30)["jobs"]
        equal([record["state"] for record in records], ["succeeded"] * 4)
    equal(Web.posted, [b"1\n9\n10\n"])
    web.shutdown()
    web.server_close()


@test("each line of the first session does what it says")
def _():
    with Daemon() as d:
        lines = [line for line in block("session: jobctl").splitlines() if line.startswith("build/jobctl")]
        check(len(lines) > 6, "the session has lost its lines")
        for line in lines:
            words = shlex.split(line, comments=True)[1:]
            out = d.jobctl(*words, code=3 if words[0] == "run" else 0).out
            check(out, "%s says nothing" % line)
        with d.client() as c:
            counts = c.call("job.count")["by_state"]
        equal(counts["scheduled"], 1)
        equal(counts["failed"], 1)
        equal(sum(counts.values()), 5)


main()
