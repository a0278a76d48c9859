"""What README.md tells people to type works as it stands."""

import os
import re
import shlex
import subprocess
import sys

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
        equal(sum(counts.values()), 4)


main()
